"""Layouts: what rows become of records, what records of rows, and what is said when neither can be done."""

from typing import Any

import pytest

from regrowth.core.errors import DataError, SettingsError
from regrowth.core.layouts import LAYOUTS, from_row, to_row
from regrowth.core.record import Message, Record

SUM = Record.of("2+2?", response="4", rejected="5", target="4", topic="sums")
CHAT = Record.of(
    [Message("system", "Be brief."), Message("user", "2+2?"), Message("assistant", "4"), Message("user", "And 3+3?")],
    response="6",
    rejected="7",
)
USER = {"role": "user", "content": "2+2?"}
ROWS: dict[str, Any] = {
    "messages": {"messages": [USER, {"role": "assistant", "content": "4"}]},
    "prompt-completion": {"prompt": "2+2?", "completion": "4"},
    "prompt-completion-chat": {"prompt": [USER], "completion": [{"role": "assistant", "content": "4"}]},
    "preference": {"prompt": "2+2?", "chosen": "4", "rejected": "5"},
    "preference-chat": {
        "prompt": [USER],
        "chosen": [{"role": "assistant", "content": "4"}],
        "rejected": [{"role": "assistant", "content": "5"}],
    },
    "kto": [
        {"prompt": "2+2?", "completion": "4", "label": True},
        {"prompt": "2+2?", "completion": "5", "label": False},
    ],
    "kto-chat": [
        {"prompt": [USER], "completion": [{"role": "assistant", "content": "4"}], "label": True},
        {"prompt": [USER], "completion": [{"role": "assistant", "content": "5"}], "label": False},
    ],
    "alpaca": {"instruction": "2+2?", "input": "", "output": "4"},
    "sharegpt": {"conversations": [{"from": "human", "value": "2+2?"}, {"from": "gpt", "value": "4"}]},
    "record": {
        "id": SUM.id,
        "messages": [USER],
        "response": "4",
        "rejected": "5",
        "target": "4",
        "attributes": '{"topic": "sums"}',
        "origin": "real",
        "parents": "[]",
        "scores": "{}",
        "draw": 0,
    },
}
WRITABLE = tuple(name for name in LAYOUTS if name != "prompt-only")


# Records as rows.


def test_every_layout_but_the_one_for_reading_is_shown_here() -> None:
    assert set(ROWS) == set(WRITABLE)


@pytest.mark.parametrize("layout", WRITABLE)
def test_a_record_becomes_the_row_that_trainers_document(layout: str) -> None:
    assert to_row(SUM, layout) == ROWS[layout]


@pytest.mark.parametrize("layout", ["messages", "prompt-completion-chat", "preference-chat", "sharegpt"])
def test_a_conversation_of_many_turns_stays_whole(layout: str) -> None:
    row = to_row(CHAT, layout)
    assert isinstance(row, dict)
    back = from_row(row)
    assert (back.messages, back.response) == (CHAT.messages, "6")


@pytest.mark.parametrize("layout", ["prompt-completion", "preference", "kto", "alpaca"])
def test_a_layout_of_one_turn_refuses_a_conversation_instead_of_flattening_it(layout: str) -> None:
    with pytest.raises(DataError, match=rf"record {CHAT.id}.*system, user, assistant, user.*-chat"):
        to_row(CHAT, layout)


def test_a_rejected_reply_alone_is_one_row_with_a_false_label() -> None:
    row = to_row(Record.of("2+2?", rejected="5"), "kto")
    assert row == [{"prompt": "2+2?", "completion": "5", "label": False}]


@pytest.mark.parametrize("layout", [name for name in WRITABLE if name != "record"])
def test_a_record_without_an_answer_is_refused_by_its_id(layout: str) -> None:
    with pytest.raises(DataError, match=f"record {Record.of('2+2?').id} does not fit the layout '{layout}': n"):
        to_row(Record.of("2+2?"), layout)


def test_a_preference_needs_the_worse_answer_too() -> None:
    with pytest.raises(DataError, match="no rejected"):
        to_row(Record.of("2+2?", response="4"), "preference")


def test_sharegpt_refuses_a_role_it_has_no_name_for() -> None:
    with pytest.raises(DataError, match="role 'developer' is none of system, user, assistant, tool"):
        to_row(Record.of([Message("developer", "Hi")], response="Ho"), "sharegpt")


def test_an_unknown_layout_is_named_with_those_there_are() -> None:
    with pytest.raises(SettingsError, match=r"No layout 'chatml'\. Known are record, preference"):
        to_row(SUM, "chatml")


def test_a_layout_for_reading_alone_is_not_written() -> None:
    with pytest.raises(SettingsError, match="can be read, not written"):
        to_row(SUM, "prompt-only")


# Rows as records.


@pytest.mark.parametrize("layout", [name for name in WRITABLE if not name.startswith(("record", "kto"))])
def test_the_columns_tell_the_layout(layout: str) -> None:
    back = from_row(ROWS[layout])
    assert (back.messages, back.response) == (SUM.messages, "4")
    assert back.rejected == ("5" if "preference" in layout else "")
    assert back.origin == "real"


def test_a_label_tells_the_better_reply_from_the_worse() -> None:
    good, bad = (from_row(row) for row in ROWS["kto"])
    assert (good.response, good.rejected, bad.response, bad.rejected) == ("4", "", "", "5")


@pytest.mark.parametrize("label", [True, 1, "true", "True", "1"])
def test_a_label_may_be_spelled_as_csv_spells_it(label: object) -> None:
    assert from_row({"prompt": "2+2?", "completion": "4", "label": label}).response == "4"


def test_further_columns_become_attributes_and_a_target_the_target() -> None:
    back = from_row({"prompt": "2+2?", "completion": "4", "target": 4, "level": 2, "tags": ["sum", None]})
    assert (back.target, back.attributes) == ("4", {"level": 2, "tags": ["sum", None]})


def test_a_system_column_becomes_the_first_turn() -> None:
    back = from_row({"system": "Be brief.", "instruction": "Add.", "input": "2+2", "output": "4"})
    assert back.messages == (Message("system", "Be brief."), Message("user", "Add.\n\n2+2"))


def test_the_last_turn_is_the_answer_only_if_the_assistant_spoke_it() -> None:
    back = from_row({"messages": [USER]})
    assert (back.messages, back.response) == (SUM.messages, "")


def test_a_prompt_alone_is_a_seed() -> None:
    back = from_row({"prompt": "2+2?", "topic": "sums"})
    assert (back.prompt, back.response, back["topic"]) == ("2+2?", "", "sums")


@pytest.mark.parametrize("prompt", [{}, {"prompt": "2+2?"}, {"prompt": [USER]}])
def test_a_preference_may_carry_the_prompt_inside_its_replies(prompt: dict[str, Any]) -> None:
    four, five = ([USER, {"role": "assistant", "content": text}] for text in ("4", "5"))
    back = from_row({**prompt, "chosen": four, "rejected": five})
    assert (back.messages, back.response, back.rejected) == (SUM.messages, "4", "5")


def test_replies_to_different_prompts_are_no_preference() -> None:
    other = [{"role": "user", "content": "3+3?"}, {"role": "assistant", "content": "6"}]
    with pytest.raises(DataError, match="must differ in the last turn alone"):
        from_row({"chosen": [USER, {"role": "assistant", "content": "4"}], "rejected": other})


def test_columns_are_renamed_before_anything_is_told() -> None:
    back = from_row({"question": "2+2?", "answer": "#### 4"}, columns={"prompt": "question", "target": "answer"})
    assert (back.prompt, back.target, back.attributes) == ("2+2?", "#### 4", {})


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ({"question": "2+2?", "answer": "4"}, "columns={'prompt': 'question', 'completion': 'answer'}"),
        ({"prompt": "2+2?", "response": "4"}, "columns={'completion': 'response'}"),
        ({"dialog": [USER]}, "columns={'messages': 'dialog'}"),
        ({"a": 1}, "found: 'a'; known are record: messages"),
        ({}, "found: none"),
    ],
)
def test_unknown_columns_are_listed_with_the_layouts_and_the_way_out(row: dict[str, Any], said: str) -> None:
    with pytest.raises(DataError) as caught:
        from_row(row)
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ({"prompt": 3, "completion": "4"}, "column 'prompt' holds a number: '3', expected text."),
        ({"prompt": "2+2?", "completion": None}, "column 'completion' holds null, expected a list of turns."),
        ({"prompt": "2+2?", "completion": "4", "label": "maybe"}, "column 'label' holds text: 'maybe'"),
        ({"messages": "2+2?"}, "column 'messages' holds text: '2+2?', expected a list of turns."),
        ({"messages": []}, "column 'messages' holds a list: '[]'"),
        ({"messages": ["2+2?"]}, "column 'messages', turn 1: found text"),
        ({"messages": [{"role": "user", "content": None}]}, "expected text under 'role' and 'content'"),
        ({"messages": [{**USER, "tool_calls": []}]}, "a record cannot hold 'tool_calls'"),
        ({"conversations": [{"from": "robot", "value": "x"}]}, "a turn from 'robot'"),
        ({"prompt": "2+2?", "completion": "4", "target": [4]}, "column 'target' holds a list"),
        ({"prompt": "2+2?", "when": b"x"}, "column 'when' is not plain JSON data"),
        ({"prompt": "2+2?", "share": float("nan")}, "column 'share' is not plain JSON data"),
        ({"instruction": 1, "output": "x"}, "column 'instruction' holds a number"),
        ({**ROWS["record"], "attributes": "{"}, "is not JSON text"),
        ({**ROWS["record"], "origin": "made up"}, "not what the layout 'record' writes"),
        ({**ROWS["record"], "parents": '"x"'}, "not what the layout 'record' writes"),
    ],
)
def test_a_cell_of_the_wrong_kind_says_what_was_found(row: dict[str, Any], said: str) -> None:
    with pytest.raises(DataError) as caught:
        from_row(row)
    assert said in str(caught.value)


def test_empty_keys_that_arrow_adds_to_turns_are_read_over() -> None:
    assert from_row({"messages": [{**USER, "tool_calls": None}]}).messages == SUM.messages


@pytest.mark.parametrize("columns", [{"prompt": "query"}, {"prompt": "answer"}])
def test_a_mapping_that_does_not_fit_the_file_is_refused(columns: dict[str, str]) -> None:
    with pytest.raises(DataError, match=r"no column 'query'|is there already"):
        from_row({"prompt": "2+2?", "answer": "4"}, columns=columns)
