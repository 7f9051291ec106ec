"""Laws of layouts: what a layout holds comes back from a file as it went in, whatever the text."""

import json
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from regrowth.core.errors import DataError
from regrowth.core.layouts import LAYOUTS, from_row, read, to_row, write
from regrowth.core.record import Message, Record

SUFFIXES = (".jsonl", ".jsonl.gz", ".parquet")
# Every character there is but halves of surrogate pairs, with those that split lines or confuse parsers more often.
TEXT = st.text(
    st.one_of(st.sampled_from('\u2028\u2029\x85\r\n\x00\x1c\ufeff"\\,'), st.characters(exclude_categories=["Cs"]))
)
ROLES = st.sampled_from(["system", "user", "assistant", "tool"])
TURNS = st.lists(st.builds(Message, ROLES, TEXT), min_size=1, max_size=4)
ONE_TURN = st.builds(lambda text: [Message("user", text)], TEXT)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=6,
)


def records(turns: st.SearchStrategy[list[Message]], answer: st.SearchStrategy[str]) -> st.SearchStrategy[Record]:
    return st.builds(
        lambda turns, response, rejected: Record.of(turns, response=response, rejected=rejected), turns, answer, answer
    )


ANYTHING = st.builds(
    Record,
    messages=st.lists(st.builds(Message, TEXT, TEXT), max_size=3).map(tuple),
    response=TEXT,
    rejected=TEXT,
    target=TEXT,
    attributes=st.dictionaries(TEXT, JSON, max_size=3),
    origin=st.sampled_from(["real", "synthetic"]),
    parents=st.lists(st.text("0123456789abcdef", min_size=32, max_size=32), max_size=2).map(tuple),
    scores=st.dictionaries(TEXT, st.floats(allow_nan=False, allow_infinity=False), max_size=2),
    draw=st.integers(0, 1000),
)


def through_a_file(many: list[Record], layout: str, suffix: str) -> list[Record]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"out{suffix}"
        write(many, path, layout)
        return list(read(path))


def held(layout: str, record: Record) -> list[tuple[Any, ...]]:
    """Return what a layout can hold of a record, one entry per row."""
    if layout.startswith("kto"):
        pair = [(record.messages, record.response, ""), (record.messages, "", record.rejected)]
        return [entry for entry in pair if entry[1] or entry[2]]
    rejected = record.rejected if layout.startswith("preference") else ""
    return [(record.messages, record.response, rejected)]


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("layout", [name for name in LAYOUTS if name not in ("record", "prompt-only")])
def test_what_a_layout_holds_comes_back_from_a_file(layout: str, suffix: str) -> None:
    many_turns = layout.endswith("-chat") or layout in ("messages", "sharegpt")
    drawn = st.lists(records(TURNS if many_turns else ONE_TURN, TEXT.filter(bool)), min_size=1, max_size=3)

    @settings(max_examples=15, deadline=None)
    @given(drawn)
    def law(many: list[Record]) -> None:
        back = through_a_file(many, layout, suffix)
        found = [(record.messages, record.response, record.rejected) for record in back]
        assert found == [entry for record in many for entry in held(layout, record)]
        assert {record.origin for record in back} == {"real"}

    law()


@pytest.mark.parametrize("suffix", SUFFIXES)
@settings(max_examples=40, deadline=None)
@given(many=st.lists(ANYTHING, min_size=1, max_size=3))
def test_the_layout_record_loses_nothing(suffix: str, many: list[Record]) -> None:
    back = through_a_file(many, "record", suffix)
    assert back == many
    assert [record.id for record in back] == [record.id for record in many]


def made_or_refused(action: Callable[[], Any]) -> Any:
    """Return what an action gives, or the error with which it refuses."""
    try:
        return action()
    except DataError as error:
        return error


@settings(max_examples=60, deadline=None)
@given(records(TURNS, TEXT), st.sampled_from(LAYOUTS[:-1]))
def test_a_record_fits_a_layout_or_is_refused_by_its_id_never_changed(record: Record, layout: str) -> None:
    made = made_or_refused(lambda: to_row(record, layout))
    if isinstance(made, DataError):
        assert record.id in str(made)
    elif layout != "record":
        rows = made if isinstance(made, list) else [made]
        back = [from_row(json.loads(json.dumps(row))) for row in rows]
        assert [(b.messages, b.response, b.rejected) for b in back] == held(layout, record)


COLUMNS = ("prompt", "completion", "label", "chosen", "rejected", "messages", "conversations", "instruction", "output")


@settings(max_examples=200, deadline=None)
@given(st.dictionaries(st.sampled_from((*COLUMNS, "target", "system", "other")), JSON))
def test_any_row_is_a_record_or_a_clear_error(row: dict[str, Any]) -> None:
    made = made_or_refused(lambda: from_row(row))
    assert made.id if isinstance(made, Record) else str(made)


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=200), st.sampled_from([".jsonl", ".json", ".csv", ".jsonl.gz", ".parquet"]))
def test_any_bytes_are_read_or_refused_with_the_name_of_the_file(content: bytes, suffix: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"in{suffix}"
        path.write_bytes(content)
        found = made_or_refused(lambda: list(read(path)))
        assert isinstance(found, list) or str(path) in str(found)
