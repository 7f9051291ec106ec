"""One string names a model."""

from pathlib import Path

import pytest

from regrowth.core.errors import DataError, SettingsError
from regrowth.models.http import HttpBackend
from regrowth.models.recorded import RecordedBackend
from regrowth.models.spec import backend


def http(name: str, **options: object) -> HttpBackend:
    made = backend(name, **options)
    assert isinstance(made, HttpBackend)
    return made


@pytest.mark.parametrize(
    ("name", "model", "base"),
    [
        ("openai:m@http://localhost:8000/v1", "m", "http://localhost:8000/v1"),
        ("openai:org/model:7b-q4@https://host/v1/", "org/model:7b-q4", "https://host/v1"),
        ("openai:@cf/org/model@http://host/v1", "@cf/org/model", "http://host/v1"),
        ("openai:gpt-4o-mini", "gpt-4o-mini", "https://api.openai.com/v1"),
    ],
)
def test_a_server_is_named_by_model_and_address(name: str, model: str, base: str) -> None:
    made = http(name)
    assert (made.model, made.base) == (model, base)


def test_options_follow_a_question_mark_and_keywords_win() -> None:
    made = http(
        "openai:m@http://h/v1?key_env=MY_KEY&concurrency=64&price=0.15,0.60&extra=%7B%22top_k%22:-1%7D&timeout=9",
        timeout=3,
    )
    settings = made.settings
    assert (settings.key_env, settings.concurrency, settings.price, settings.timeout) == ("MY_KEY", 64, (0.15, 0.6), 3)
    assert settings.extra == {"top_k": -1}


def test_only_openai_itself_has_a_key_by_default() -> None:
    assert http("openai:m").settings.key_env == "OPENAI_API_KEY"
    assert http("openai:m@http://h/v1").settings.key_env == ""


def test_recorded_responses_are_named_by_file_and_paths(tmp_path: Path) -> None:
    path = tmp_path / "some file.jsonl"
    path.write_text('{"q": "Why?", "a": {"text": "So."}}\n')
    made = backend(f"recorded:{path}?prompt=q&responses=*.text")
    assert isinstance(made, RecordedBackend)
    assert made.digest == backend(f"recorded:{path}", prompt="q", responses="*.text").digest


@pytest.mark.parametrize("name", ["gpt-4", "hf:", "openai:", "", "vllm:", "recorded:"])
def test_an_unknown_kind_lists_those_there_are(name: str) -> None:
    with pytest.raises(SettingsError, match=r"tiny, hf:org/name, \./folder, openai:model@http"):
        backend(name)


@pytest.mark.parametrize(
    ("name", "complaint"),
    [
        ("openai:m@http://h/v1?speed=9", "openai: has no option 'speed'. It has: key_env, price, concurrency"),
        ("openai:m@http://h/v1?key=sk-planted", "name the environment variable"),
        ("openai:m@http://h/v1?concurrency=many", "concurrency"),
        ("openai:m@http://h/v1?concurrency", "option 'concurrency' has no value"),
        ("openai:m@http://h/v1?price=1", "price"),
        ("openai:m@http://h/v1?extra={", "extra"),
        ("openai:m@localhost:8000/v1", "must begin with http://"),
        ("vllm:./m?port=8000", "vllm: has no option 'port'. It has: context, memory, concurrency, startup"),
        ("recorded:x.jsonl?colour=red", "recorded: has no option 'colour'. It has: prompt, responses, requests"),
    ],
)
def test_a_wrong_option_is_named_with_what_exists(name: str, complaint: str) -> None:
    with pytest.raises(SettingsError) as caught:
        backend(name)
    assert complaint in str(caught.value)
    assert "sk-planted" not in str(caught.value)


def test_a_missing_file_of_responses_is_named() -> None:
    with pytest.raises(DataError, match=r"no-such\.jsonl: cannot be read"):
        backend("recorded:no-such.jsonl")
