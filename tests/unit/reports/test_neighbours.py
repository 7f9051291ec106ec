"""Nearest records side by side: copies are found, places are those of the files."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from regrowth.metrics.columns import aligned
from regrowth.reports import neighbours
from regrowth.reports.neighbours import text_twins, twins

REAL = {"age": [20.0, 30.0, 40.0, 120.0], "job": ["a", "b", "b", "c"], "id": ["p", "q", "r", "s"]}


def test_a_copy_is_found_and_its_place_in_both_files_is_told() -> None:
    made = {"age": [21.0, 40.0, 90.0], "job": ["c", "b", "a"], "id": ["x", "y", "z"]}
    found = twins(*aligned(REAL, made, kinds={"job": "category", "id": "identifier"}).tables)
    assert (found.equal, found.of) == (1, 3)
    first = found.pairs[0]
    assert (first.synthetic_place, first.real_place, first.distance) == (2, 3, 0.0)
    assert [cell.column for cell in first.cells] == ["age", "job"], "identifiers are not shown"
    assert all(cell.same for cell in first.cells)
    assert [pair.distance for pair in found.pairs] == sorted(pair.distance for pair in found.pairs)


def test_the_distance_is_the_mean_over_the_columns() -> None:
    made = {"age": [30.0], "job": ["z"], "id": ["x"]}
    found = twins(*aligned(REAL, made, kinds={"job": "category", "id": "identifier"}).tables)
    # Nearest is row 2: the same age, a job that nobody has.
    assert found.pairs[0].distance == pytest.approx(0.5)
    assert found.pairs[0].real_place == 2
    assert [cell.column for cell in found.pairs[0].cells] == ["job", "age"], "what differs comes first"


def test_missing_values_are_near_missing_values_only() -> None:
    real = {"x": [None, 1.0, 2.0], "y": [5.0, 5.0, 6.0]}
    found = twins(*aligned(real, {"x": [None, 2.0], "y": [5.0, 6.0]}).tables)
    assert found.equal == 2
    assert [(pair.synthetic_place, pair.real_place) for pair in found.pairs] == [(1, 1), (2, 3)]
    assert found.pairs[0].cells[0].synthetic == "–"


def test_copies_among_many_rows_are_counted_though_only_a_sample_is_searched(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(neighbours, "SAMPLE", 10)
    monkeypatch.setattr(neighbours, "MOST_REAL", 50)
    generator = np.random.default_rng(0)
    real, made = ({name: generator.normal(size=400).tolist() for name in "abc"} for _ in range(2))
    for name in "abc":
        made[name][77] = real[name][333]
    found = twins(*aligned(real, made).tables)
    assert found.equal == 1
    assert (found.pairs[0].synthetic_place, found.pairs[0].real_place) == (78, 334)
    assert "among 50 real records, searched for 10 synthetic ones" in found.note
    assert len(found.pairs) == neighbours.SHOWN


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 3), st.sampled_from("ab")), min_size=2, max_size=30))
def test_rows_that_occur_in_both_are_equal_and_no_others(rows: list[tuple[int, str]]) -> None:
    half = len(rows) // 2
    tables = [{"n": [n for n, _ in part], "s": [s for _, s in part]} for part in (rows[:half], rows[half:])]
    found = twins(*aligned(tables[0], tables[1], kinds={"n": "number", "s": "category"}).tables)
    assert found.equal == sum(row in rows[:half] for row in rows[half:])


def test_of_many_columns_those_that_differ_are_shown_and_the_others_counted() -> None:
    real = {f"c{number:02}": [1.0, 2.0] for number in range(60)}
    made = {**real, "c59": [5.0, 6.0]}
    pair = twins(*aligned(real, made).tables).pairs[0]
    assert pair.cells[0].column == "c59"
    assert (len(pair.cells), pair.unshown) == (40, 20)


def test_a_table_of_identifiers_only_says_so() -> None:
    names = {"id": [f"k{number}" for number in range(30)]}
    assert "no column" in twins(*aligned(names, names).tables).lead


def test_texts_that_share_runs_of_words_stand_first() -> None:
    real = ["the cat sat on the mat and slept", "rain fell on the quiet town", "nobody came to the fair"]
    made = ["a dog ran over the wide green hill", "the cat sat on the mat and dreamt", "rain fell on the quiet town"]
    found = text_twins(real, made)
    assert found.equal == 1
    assert [(pair.synthetic_place, pair.real_place) for pair in found.pairs[:2]] == [(3, 2), (2, 1)]
    assert found.pairs[1].cells[0].real == real[0]
    assert 0 < found.pairs[1].distance < 1
