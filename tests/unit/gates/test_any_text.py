"""No text, however strange, makes a gate raise anything but `Rejected`."""

import asyncio
import inspect
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from regrowth import gates
from regrowth.core.errors import Rejected
from regrowth.core.protocols import Sampling
from regrowth.core.record import Messages, Record
from regrowth.gates import parse_score, refusal
from regrowth.gates.json_values import parse_json
from regrowth.gates.prompt_files import fence

SAMPLING = Sampling()


class Echo:
    """A judge that repeats what it was asked to judge."""

    digest = "echo"

    async def ask(self, messages: str | Messages, sampling: Sampling = SAMPLING, *, seed: int) -> str:
        return str(messages)


TOOL = gates.Tool("add", "", {"type": "object", "properties": {"a": {}, "b": {}}}, lambda a, b: a + b)
GATES: dict[str, Any] = {
    "not_empty": gates.not_empty,
    "no_refusal": gates.no_refusal,
    "not_repetitive": gates.not_repetitive(),
    "not_cut": gates.not_cut,
    "length": gates.length(at_least=1, at_most=20),
    "matches": gates.matches("a"),
    "valid_json": gates.valid_json(),
    "valid_json with a schema": gates.valid_json({"type": "object", "multipleOf": 0.01, "uniqueItems": True}),
    "exact_answer": gates.exact_answer(),
    "exact_answer as number": gates.exact_answer("number"),
    "exact_answer as text": gates.exact_answer("text"),
    "executed_call": gates.executed_call([TOOL]),
    "graded": gates.graded(Echo()),  # type: ignore[arg-type]
}
PIECES = st.sampled_from(
    ["A: ", "#### ", "\\boxed{", "}", "1,234", "3/4", "1e99", "-", "−", "$", "½", "π", "The answer is ", "=", "or",
     "Score: ", "4", "/5", '{"score": ', '{"name": "add", "arguments": {"a": ', ', "b": ', "}}", "[", "NaN", '"x"',
     "I'm sorry, but ", "I cannot help", "tut mir leid", "\n", "\ud83d", "\x00", "<<", ">>", "\\frac{1}{0}", "9" * 500]
)  # fmt: skip
TEXT = st.text(st.characters(), max_size=60) | st.lists(PIECES, max_size=12).map("".join)


@pytest.mark.parametrize("name", GATES)
def test_any_text_is_accepted_or_refused_in_words(name: str) -> None:
    gate = GATES[name]

    @settings(max_examples=60, deadline=None)
    @given(TEXT, TEXT)
    def law(response: str, target: str) -> None:
        record = Record.of("?", response=response, target=target)
        try:
            verdict = gate(record)
            kept = asyncio.run(verdict) if inspect.iscoroutine(verdict) else verdict
        except Rejected as error:
            outcome = error.reason
        else:
            outcome = "" if kept.id == record.id else "another record came out"
        assert outcome != "another record came out"
        assert len(outcome) < 1000

    law()


@pytest.mark.parametrize("name", GATES)
def test_every_gate_carries_a_name_for_the_ledger(name: str) -> None:
    assert GATES[name].__name__ == name.split()[0]


@settings(max_examples=200, deadline=None)
@given(TEXT)
def test_what_json_writes_is_read_as_it_was(text: str) -> None:
    assert parse_json(json.dumps({"text": text})) == {"text": text}
    assert parse_score(text) in (None, 1, 2, 3, 4, 5) or 1 < (parse_score(text) or 0) < 5
    assert isinstance(refusal(text), str)


@settings(max_examples=200, deadline=None)
@given(st.lists(TEXT, max_size=3))
def test_no_text_holds_the_fence_around_it(texts: list[str]) -> None:
    assert not any(fence(texts) in text for text in texts)
