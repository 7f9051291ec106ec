"""Real responses out of files of several shapes."""

import asyncio
import gzip
import json
import pickle
import re
from pathlib import Path
from typing import Any

import pytest

from regrowth.core.errors import CallFailed, DataError
from regrowth.core.protocols import Sampling
from regrowth.core.record import Message
from regrowth.models import _lines
from regrowth.models.recorded import RecordedBackend
from support.data import shared_data


def written(path: Path, *records: Any) -> Path:
    text = "".join((record if isinstance(record, str) else json.dumps(record)) + "\n" for record in records)
    if path.suffix == ".gz":
        path.write_bytes(gzip.compress(text.encode()))
    else:
        path.write_text(text, "utf-8")
    return path


def texts(backend: RecordedBackend, prompt: str, count: int = 1) -> list[str]:
    answer = asyncio.run(backend.answer([Message("user", prompt)], Sampling(), range(count)))
    return [completion.text for completion in backend.read(answer.raw)]


PRIME = {"prompt": "Name a prime above 10.", "responses": ["11", "Thirteen."]}


@pytest.mark.parametrize("name", ["a.jsonl", "a.jsonl.gz"])
def test_the_own_shape_is_read_plain_and_gzipped(tmp_path: Path, name: str) -> None:
    backend = RecordedBackend(written(tmp_path / name, PRIME, "", {"prompt": "Why?", "responses": ["So."]}))
    assert texts(backend, "Name a prime above 10.", 2) == ["11", "Thirteen."]
    assert texts(backend, "Why?") == ["So."]


def test_seeds_take_responses_in_the_order_of_the_file(tmp_path: Path) -> None:
    backend = RecordedBackend(written(tmp_path / "a.jsonl", PRIME))
    answer = asyncio.run(backend.answer([Message("user", PRIME["prompt"])], Sampling(), [99, 5]))  # type: ignore[arg-type]
    assert [completion.text for completion in backend.read(answer.raw)] == ["11", "Thirteen."]


def test_a_prompt_is_found_by_the_last_user_message_whatever_its_white_space(tmp_path: Path) -> None:
    said = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Name  a\nprime"}]
    backend = RecordedBackend(written(tmp_path / "a.jsonl", {"messages": said, "responses": ["11"]}))
    asked = [Message("user", "Hello"), Message("assistant", "Hi"), Message("user", " Name a prime\n")]
    assert backend.read(asyncio.run(backend.answer(asked, Sampling(), [1])).raw)[0].text == "11"


def test_one_response_per_line_gathers_by_prompt(tmp_path: Path) -> None:
    lines = [{"prompt": "Why?", "response": text} for text in ("a", "b", "c")]
    assert texts(RecordedBackend(written(tmp_path / "a.jsonl", *lines)), "Why?", 3) == ["a", "b", "c"]


def test_paths_with_wildcards_follow_the_order_of_the_file(tmp_path: Path) -> None:
    record = {"q": {"text": "Why?"}, "z": {"by": [{"says": "1"}, {"says": "2"}]}, "a": {"by": [{"says": "3"}]}}
    backend = RecordedBackend(written(tmp_path / "a.jsonl", record), prompt="q.text", responses="*.by.*.says")
    assert texts(backend, "Why?", 3) == ["1", "2", "3"]
    first = RecordedBackend(tmp_path / "a.jsonl", prompt="q.text", responses="*.by.0.says")
    assert texts(first, "Why?", 2) == ["1", "3"]


def test_published_solutions_of_real_models_are_read_by_their_own_fields() -> None:
    path = shared_data("reasoning/gsm8k_model_solutions.jsonl.gz")
    backend = RecordedBackend(path, prompt="question", responses="*.solution")
    with gzip.open(path, "rt", encoding="utf-8") as file:
        for record in map(json.loads, file):
            found = [value["solution"] for value in record.values() if isinstance(value, dict) and "solution" in value]
            assert len(found) == 4
            assert texts(backend, record["question"], 4) == found


def test_a_batch_result_is_joined_with_the_requests_it_answers(tmp_path: Path) -> None:
    def asked(name: str, prompt: str) -> dict[str, Any]:
        return {"custom_id": name, "method": "POST", "body": {"messages": [{"role": "user", "content": prompt}]}}

    def replied(name: str, *contents: str) -> dict[str, Any]:
        choices = [{"message": {"content": text}, "finish_reason": "length"} for text in contents]
        return {"custom_id": name, "response": {"status_code": 200, "body": {"choices": choices}}, "error": None}

    requests = written(tmp_path / "in.jsonl", asked("r-1", "Why?"), asked("r-2", "How?"), asked("r-3", "Who?"))
    failed = {"custom_id": "r-3", "response": {"status_code": 400, "body": "too long"}, "error": None}
    results = written(tmp_path / "out.jsonl", failed, replied("r-2", "So."), replied("r-1", "a", "b"))
    backend = RecordedBackend(results, requests=requests)
    answer = asyncio.run(backend.answer([Message("user", "Why?")], Sampling(), [1, 2]))
    assert [(completion.text, completion.finish) for completion in backend.read(answer.raw)] == [
        ("a", "length"),
        ("b", "length"),
    ]
    with pytest.raises(CallFailed, match="0 recorded responses, 1 asked; the batch says: HTTP 400: too long"):
        texts(backend, "Who?")
    with pytest.raises(DataError, match="is a batch result and names no prompt"):
        RecordedBackend(results)


def test_more_answers_than_recorded_are_a_failure(tmp_path: Path) -> None:
    backend = RecordedBackend(written(tmp_path / "a.jsonl", {"prompt": "Why?", "responses": ["1", "2", "3", "4"]}))
    with pytest.raises(CallFailed, match="4 recorded responses, 5 asked"):
        texts(backend, "Why?", 5)


def test_an_unknown_prompt_names_the_most_similar_one(tmp_path: Path) -> None:
    backend = RecordedBackend(
        written(tmp_path / "a.jsonl", PRIME, {"prompt": "Why is grass green?", "responses": ["x"]})
    )
    with pytest.raises(CallFailed, match=re.escape("The most similar one: 'Name a prime above 10.'")):
        texts(backend, "Name a prime above 20.")


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ('{"prompt": "Why?', "line 17 is not JSON"),
        ("[1, 2]", "line 17 is a JSON list, expected an object"),
        (
            {"question": "Why?", "responses": []},
            "line 17 has no field 'prompt' or 'messages' (found: 'question', 'resp",
        ),
        ({"prompt": "Why?", "answers": ["x"]}, "line 17 has no responses at 'responses' (found: 'prompt', 'answers')"),
        ({"prompt": "Why?", "responses": [1]}, "line 17 has a response that is no text: '1'"),
        ({"prompt": 3, "responses": ["x"]}, "line 17 has no field 'prompt'"),
    ],
)
def test_a_broken_line_is_named(tmp_path: Path, line: Any, complaint: str) -> None:
    good = [{"prompt": str(number), "responses": ["x"]} for number in range(16)]
    path = written(tmp_path / "a.jsonl", *good, line)
    with pytest.raises(DataError) as caught:
        RecordedBackend(path)
    assert f"{path}: {complaint}" in str(caught.value)


def test_files_that_are_no_records_are_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no records"):
        RecordedBackend(written(tmp_path / "empty.jsonl"))
    torn = tmp_path / "torn.jsonl.gz"
    torn.write_bytes(gzip.compress(b'{"prompt": "Why?", "responses": ["x"]}\n' * 100)[:-20])
    with pytest.raises(DataError, match=r"torn\.jsonl\.gz: cannot be read"):
        RecordedBackend(torn)
    with pytest.raises(DataError, match="has no text at 'q'"):
        RecordedBackend(written(tmp_path / "a.jsonl", PRIME), prompt="q")


def test_the_digest_names_the_bytes_and_how_they_are_read(tmp_path: Path) -> None:
    path = written(tmp_path / "a.jsonl", PRIME)
    same = written(tmp_path / "b.jsonl", PRIME)
    other = written(tmp_path / "c.jsonl", PRIME, PRIME)
    assert RecordedBackend(path).digest == RecordedBackend(same).digest
    mapped = RecordedBackend(path, prompt="prompt", responses="responses").digest
    assert len({RecordedBackend(path).digest, RecordedBackend(other).digest, mapped}) == 3


@pytest.mark.parametrize("name", ["a.jsonl", "a.jsonl.gz"])
def test_a_large_file_stays_on_disk(tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_lines, "IN_MEMORY", 1000)
    records = [{"prompt": f"Question {number}?", "responses": [f"Answer {number}" * 20]} for number in range(50)]
    backend = RecordedBackend(written(tmp_path / name, *records))
    assert texts(backend, "Question 33?") == ["Answer 33" * 20]
    with pytest.raises(CallFailed, match="most similar"):
        texts(backend, "Question 99?")
    assert texts(backend, "Question 7?") == ["Answer 7" * 20]
    asyncio.run(backend.close())


def test_a_backend_can_be_pickled_and_costs_nothing(tmp_path: Path) -> None:
    backend = RecordedBackend(written(tmp_path / "a.jsonl", PRIME))
    copy = pickle.loads(pickle.dumps(backend))
    assert (copy.digest, texts(copy, PRIME["prompt"])) == (backend.digest, ["11"])  # type: ignore[arg-type]
    cost = asyncio.run(backend.answer([Message("user", str(PRIME["prompt"]))], Sampling(), [1])).cost
    assert (cost.calls, cost.tokens, cost.money) == (1, 0, 0.0)
    with pytest.raises(CallFailed, match="no log-probabilities"):
        asyncio.run(backend.measure([], "x"))
