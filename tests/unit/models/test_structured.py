"""JSON as models write it, and asking until it is right."""

import asyncio
import json
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from regrowth.core.errors import DataError, Rejected, SettingsError
from regrowth.core.protocols import Completion, Sampling
from regrowth.core.record import Message, Messages
from regrowth.core.store import Store
from regrowth.models.model import RememberedModel
from regrowth.models.scripted import ScriptedBackend
from regrowth.models.structured import ask_json, parse_json

scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4), max_leaves=20
)
containers = st.lists(values, max_size=4) | st.dictionaries(st.text(), values, max_size=4)


@given(values, st.sampled_from([None, 1]))
def test_plain_json_is_read_as_it_is(value: Any, indent: int | None) -> None:
    parsed = parse_json(json.dumps(value, indent=indent))
    assert parsed.value == value
    assert not parsed.mended


@given(containers)
def test_json_in_a_fence_amid_prose_is_found(value: Any) -> None:
    assert parse_json(f"Of course!\n```json\n{json.dumps(value)}\n```\nAnything else?").value == value


@given(st.text() | st.text(alphabet="{}[]\"'\\:,/*-0123456789eEtruefalsn \n`"))
@settings(max_examples=400)
def test_no_text_raises_anything_but_the_documented_error(text: str) -> None:
    with suppress(DataError):
        json.dumps(parse_json(text).value, allow_nan=False)


def test_a_bracket_in_a_string_of_a_cut_text_begins_nothing() -> None:
    whole = json.dumps({"ab{": {"": None, "0": None}, "c": None})
    for end in range(len(whole)):
        with suppress(DataError):
            assert {"ab{", "", "0", "c"}.issuperset(all_strings(parse_json(whole[:end]).value))


@given(containers, st.data())
def test_a_cut_text_is_closed_or_refused_but_no_string_is_guessed(value: Any, data: st.DataObject) -> None:
    whole = json.dumps(value)
    cut = whole[: data.draw(st.integers(0, len(whole)))]
    try:
        found = parse_json(cut)
    except DataError:
        return
    strings = set(all_strings(value))
    assert all(text in strings for text in all_strings(found.value))


def all_strings(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    if isinstance(value, dict):
        return [text for pair in value.items() for part in pair for text in all_strings(part)]
    return [text for part in value for text in all_strings(part)] if isinstance(value, list) else []


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("{'name': 'Ada', 'alive': False, 'child': None}", {"name": "Ada", "alive": False, "child": None}),
        ('{"a": 1, "b": [1, 2,],}', {"a": 1, "b": [1, 2]}),
        ('{a: 1, b-c: "x", 3: true}', {"a": 1, "b-c": "x", "3": True}),
        ('[{"a": 1} {"b": 2}]', [{"a": 1}, {"b": 2}]),
        ('{"a": 1 // one\n, /* two */ "b": 2}', {"a": 1, "b": 2}),
        ('{"said": "He said "hi" to me", "n": 1}', {"said": 'He said "hi" to me', "n": 1}),
        ("{'said': 'it's fine'}", {"said": "it's fine"}),
        ('{"text": "one\ntwo"}', {"text": "one\ntwo"}),
        ('{"maths": "\\alpha \\d", "x": 1,}', {"maths": "\\alpha \\d", "x": 1}),
        ('{"a": "\\u00e9\\ud83d\\ude00\\x41",}', {"a": "é😀A"}),
        ("{“a”: “b”}", {"a": "b"}),
        ('{"a": {"b": [1, 2', {"a": {"b": [1, 2]}}),
        ('{"a": 1, "b":', {"a": 1}),
        ('{"a": NaN, "b": [+1, .5, 2.]}', {"a": None, "b": [1, 0.5, 2.0]}),
        ('As shown in [1] and {x}: {"answer": {"value": 7}} as asked.', {"answer": {"value": 7}}),
        ('<think>maybe {"draft": 1, "more": 2}</think>{"final": 3}', {"final": 3}),
        ('First ```{"old": 1, "long": "aaaaaaaa"}``` then\n```json\n{"new": 2}\n```', {"new": 2}),
        ('\ufeff{"a": 1}', {"a": 1}),
    ],
)
def test_what_models_write_is_mended_and_marked(text: str, value: Any) -> None:
    assert parse_json(text) == (value, True)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("I would rather not.", "no object or array"),
        ("", "no object or array"),
        ('{"answer": "The capital of Fra', "a string that never ends"),
        ('{"answer": tru', "no JSON value"),
        ('{"a": 1e999}', "a number too large"),
        ("[" * 200, "nesting deeper than 100"),
        ("[" * 150 + "]" * 150, "nested deeper than 100"),
        ("[" * 99_000 + "]" * 99_000, "nesting deeper than 100"),
        ("x" * 1_000_001, "at most 1000000 are read"),
        (f"[{'9' * 5000}]", "a number too long"),
    ],
)
def test_what_would_need_guessing_is_refused_with_a_reason(text: str, complaint: str) -> None:
    with pytest.raises(DataError) as caught:
        parse_json(text)
    assert complaint in str(caught.value)
    assert len(str(caught.value)) < 400


@pytest.mark.parametrize(
    "unit", ["[", '{"a":', '"', '{"a": "" ', "/*", "{a:", "```\n{", "\\", '{"', "[1,", '" ', "'", "}", "{/*"]
)
def test_hostile_text_takes_linear_time(unit: str) -> None:
    def seconds(length: int) -> float:
        text = '{"a": "' + unit * (length // len(unit))
        start = time.process_time()
        for _ in range(3):
            with suppress(DataError):
                parse_json(text)
        return time.process_time() - start

    assert seconds(80_000) < 12 * seconds(20_000) + 0.05


# Asking

SCHEMA = {"type": "object", "properties": {"n": {"type": "integer", "minimum": 1}}, "required": ["n"]}


class Asked:
    """A model that gives these replies one after the other, and remembers what it was asked."""

    def __init__(self, *replies: str | Completion) -> None:
        self.replies = list(replies)
        self.heard: list[tuple[Messages, Sampling, int]] = []

    def __call__(self, messages: Messages, sampling: Sampling, seed: int) -> str | Completion:
        self.heard.append((messages, sampling, seed))
        return self.replies[min(len(self.heard), len(self.replies)) - 1]


def ask(path: Path, asked: Asked, schema: Any = SCHEMA, **more: Any) -> Any:
    with Store(path / "store") as store:
        model = RememberedModel(ScriptedBackend(asked), store)
        return asyncio.run(ask_json(model, "Give a number.", schema, seed=more.pop("seed", 1), **more))


def test_a_right_answer_is_asked_for_once_with_the_schema(tmp_path: Path) -> None:
    asked = Asked('{"n": 3}')
    assert ask(tmp_path, asked, sampling=Sampling(max_tokens=9)) == {"n": 3}
    ((messages, sampling, _),) = asked.heard
    assert list(messages) == [Message("user", "Give a number.")]
    assert (sampling.schema, sampling.max_tokens) == (SCHEMA, 9)


def test_a_faulty_answer_is_shown_again_with_the_error_and_the_schema(tmp_path: Path) -> None:
    asked = Asked('{"n": 0}', "no JSON at all", '{"n": 2}')
    assert ask(tmp_path, asked) == {"n": 2}
    first, second, third = (list(messages) for messages, _, _ in asked.heard)
    assert [turn.role for turn in second] == ["user", "assistant", "user"]
    assert second[:2] == [*first, Message("assistant", '{"n": 0}')]
    assert second[2].content == (
        "Your answer cannot be used: at $.n: 0 is less than the minimum of 1\n\n"
        "Answer again with nothing but one JSON value that satisfies this JSON schema:\n\n"
        f"{json.dumps(SCHEMA)}"
    )
    assert "no object or array" in third[2].content
    assert len(third) == 3  # the conversation does not grow with each attempt


def test_every_attempt_has_a_seed_of_its_own(tmp_path: Path) -> None:
    def seeds(folder: str, seed: int) -> Sequence[int]:
        asked = Asked("a", "b", '{"n": 2}')
        ask(tmp_path / folder, asked, seed=seed)
        return [heard for _, _, heard in asked.heard]

    assert seeds("a", 1) == seeds("b", 1)
    assert len({*seeds("c", 1), *seeds("d", 2)}) == 6


def test_after_the_last_attempt_the_record_is_rejected_with_the_last_reason(tmp_path: Path) -> None:
    asked = Asked("x", '{"n": "three"}')
    with pytest.raises(Rejected) as caught:
        ask(tmp_path, asked, attempts=2)
    assert (caught.value.gate, caught.value.reason) == (
        "schema",
        "at $.n: 'three' is not of type 'integer' (attempt 2 of 2)",
    )
    assert len(asked.heard) == 2


def test_an_answer_cut_by_the_limit_is_not_mended_into_a_right_one(tmp_path: Path) -> None:
    asked = Asked(Completion('{"n": 12', "length", tokens=5), '{"n": 123}')
    assert ask(tmp_path, asked) == {"n": 123}
    assert "the answer was cut at the limit of tokens (5)" in asked.heard[1][0][2].content


@pytest.mark.parametrize(
    ("schema", "complaint"),
    [
        ({"type": "integr"}, "the JSON schema is wrong at"),
        ({"$ref": "https://example.invalid/schema.json"}, "refers to 'https://example.invalid/schema.json'"),
        ({"type": "object", "properties": {"n": {"$ref": "#/$defs/none"}}}, "refers to"),
    ],
)
def test_a_wrong_schema_stops_at_once_and_reaches_for_no_network(
    tmp_path: Path, schema: Any, complaint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    reached: list[object] = []
    monkeypatch.setattr("urllib.request.urlopen", reached.append)
    with pytest.raises(SettingsError) as caught:
        ask(tmp_path, Asked('{"n": 1}'), schema)
    assert complaint in str(caught.value)
    assert reached == []


def test_a_whole_number_of_any_length_that_python_reads_is_a_number() -> None:
    assert parse_json("[" + "9" * 400).value == [int("9" * 400)]
