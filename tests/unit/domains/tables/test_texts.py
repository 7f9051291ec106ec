"""Rows as texts: what is written is read again, what cannot be read is refused with the reason."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from regrowth.core.errors import Rejected
from regrowth.domains.tables.constraints import row_at
from regrowth.domains.tables.schema import read
from regrowth.domains.tables.texts import PARTS, Wording

RNG = np.random.default_rng(3)
N = 500
GAIN = np.where(RNG.random(N) < 0.8, 0, RNG.integers(1000, 99_999, N))
REAL = pa.table(
    {
        "age": RNG.integers(18, 80, N),
        "gain": GAIN,
        "day": pa.array(RNG.integers(18_000, 18_400, N).astype(np.int32), pa.date32()),
        "job": pa.array([["a is b", "c, d", "missing", "x" * 60, None, ""][n % 6] for n in range(N)]),
        "hours, a week": [n % 5 for n in range(N)],
    }
)
SCHEMA, ROWS = read(REAL)
WORDING = Wording.of(SCHEMA, ROWS)
VALUES = {name: column.values for name, column in ROWS.columns.items()}


@given(st.integers(0, N - 1), st.permutations(list(WORDING.columns)), st.integers(0, 4), st.integers(0, 99))
def test_what_is_written_is_read_again(place: int, order: list[str], cut: int, seed: int) -> None:
    row = row_at(VALUES, place)
    lesson = WORDING.lesson(row, order[cut:], order[:cut])
    read_ = WORDING.read(lesson.response, {name: row[name] for name in order[:cut]}, np.random.default_rng(seed))
    assert list(read_) == list(WORDING.columns)
    for name, value in read_.items():
        words = WORDING.columns[name]
        assert words.word(value) == words.word(row[name])
        if not SCHEMA.shapes[name].counted:
            assert value == row[name]


def test_a_question_gives_what_is_asked() -> None:
    row = row_at(VALUES, 0)
    assert WORDING.prompt(row, ()) == "row"
    assert WORDING.prompt(row, ("age",)) == f"row where age is {WORDING.columns['age'].word(row['age'])}"


def test_common_values_have_a_word_of_their_own_and_others_share_one() -> None:
    words = WORDING.columns["gain"]
    assert words.word(0.0) == "0"
    assert words.value("0", RNG) == 0.0
    assert len(words.words) <= PARTS + 2
    word = words.word(50_000.0)
    assert word.endswith("+")
    drawn = [words.value(word, RNG) for _ in range(200)]
    assert len(set(drawn)) > 100
    assert all(words.word(value) == word for value in drawn if value is not None)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "is no `column is value`"),
        ("age is 20, gain", "the part 'gain' is no `column is value`"),
        ("height is 20", "there is no column 'height'"),
        ("age is 20+, age is 20+", "the column 'age' has a value already"),
        ("gain is 12", "no gain is '12'"),
        ("gain is 0", "4 columns are missing, among them 'age'"),
    ],
)
def test_what_cannot_be_read_is_refused_with_the_reason(text: str, reason: str) -> None:
    words = WORDING.columns["age"].words
    text = text.replace("20+", next(word for word in words if word != "missing")).replace(
        "age is 20,", f"age is {words[0]},"
    )
    with pytest.raises(Rejected) as told:
        WORDING.read(text, {}, RNG)
    assert told.value.gate == "form"
    assert reason in told.value.reason


def test_what_was_given_may_not_be_said_otherwise() -> None:
    with pytest.raises(Rejected, match="'gain' has a value already"):
        WORDING.read("gain is 0", {"gain": 5.0}, RNG)


def test_public_words_do_not_depend_on_the_rows() -> None:
    one = pa.table({"n": [0, 5, 7, 10_000], "k": ["a", "b", "a", "b"]})
    other = pa.table({"n": [0, 9_000, 9_500, 10_000], "k": ["a", "a", "a", "b"]})
    texts = [Wording.of(*read(table), public=True).texts() for table in (one, other)]
    assert texts[0] == texts[1]
    assert (
        Wording.of(*read(pa.table({"n": [0, *range(60)]}))).texts()
        != Wording.of(*read(pa.table({"n": [*range(61)]}))).texts()
    )


def test_rows_by_chance_can_be_read_and_use_every_word() -> None:
    rows = [WORDING.anything(np.random.default_rng(seed)) for seed in range(600)]
    for name, words in WORDING.columns.items():
        assert {words.word(row[name]) for row in rows} == set(words.words)
    lesson = WORDING.lesson(rows[0], WORDING.columns)
    assert list(WORDING.read(lesson.response, {}, RNG)) == list(WORDING.columns)


def test_every_word_is_one_of_its_column_only_once() -> None:
    for words in WORDING.columns.values():
        assert len(set(words.words)) == len(words.words)
