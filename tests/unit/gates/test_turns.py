"""The form of a conversation: order of roles, empty turns, marks of templates, open fences."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from regrowth.core.errors import Rejected
from regrowth.core.record import Message, Record
from regrowth.gates.turns import faults, well_formed


def conversation(*roles: str, response: str = "Yes.") -> Record:
    return Record(messages=tuple(Message(role, "text") for role in roles), response=response)


@pytest.mark.parametrize(
    "roles",
    [
        ("user",),
        ("system", "user"),
        ("user", "assistant", "user"),
        ("system", "user", "assistant", "tool"),
        ("user", "assistant", "tool", "tool", "assistant", "user"),
    ],
)
def test_turns_in_order_pass(roles: tuple[str, ...]) -> None:
    record = conversation(*roles)
    assert well_formed(record) is record


@pytest.mark.parametrize(
    ("roles", "said"),
    [
        ((), "no turns"),
        (("assistant",), "turn 1: assistant opens the conversation"),
        (("user", "user"), "turn 2: user follows user"),
        (("user", "system", "user"), "turn 2: system follows user"),
        (("user", "assistant"), "the last turn is of assistant"),
        (("user", "bot"), "turn 2: role 'bot', expected one of"),
        (("system",), "the last turn is of system"),
    ],
)
def test_turns_out_of_order_are_refused(roles: tuple[str, ...], said: str) -> None:
    with pytest.raises(Rejected, match=said):
        well_formed(conversation(*roles))


@pytest.mark.parametrize(
    ("response", "said"),
    [
        ("Yes.<|im_end|>", "holds '<|im_end|>', a mark of a chat template"),
        ("[INST] and more", "holds '[INST]'"),
        ("Yes</s>", "holds '</s>'"),
        ("Yes<end_of_turn>", "holds '<end_of_turn>'"),
        ("Yes.\n### Human: and now?", "goes on as another speaker"),
        ("```python\nprint(1)", "never closed"),
        ("````\n```\ncode\n", "never closed"),
    ],
)
def test_a_frame_that_leaks_is_refused(response: str, said: str) -> None:
    assert said in " ".join(faults(conversation("user", response=response)))


@pytest.mark.parametrize(
    "response",
    [
        "",
        "```python\nprint(1)\n```",
        "````md\n```\nx\n```\n````",
        "a < b | c > d",
        "<s> is struck through in old HTML".replace("<s>", "s"),
        "The human: a study",
        "use `[i]` and <b>",
        "x = a[INST_1]",
    ],
)
def test_ordinary_text_is_no_frame(response: str) -> None:
    assert not list(faults(conversation("user", response=response)))


def test_an_empty_turn_is_refused() -> None:
    record = Record(messages=(Message("system", " \n"), Message("user", "Hi")), response="Hello")
    assert list(faults(record)) == ["turn 1: 'system' says nothing"]


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(st.text(max_size=8), st.text(st.characters(), max_size=20)), max_size=5), st.text())
def test_any_conversation_is_judged(turns: list[tuple[str, str]], response: str) -> None:
    record = Record(messages=tuple(Message(*turn) for turn in turns), response=response)
    assert all(isinstance(fault, str) and len(fault) < 300 for fault in faults(record))
