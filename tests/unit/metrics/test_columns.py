"""Columns of several tables speak of the same things, or are left out with the reason."""

import datetime
import math

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from regrowth.core.errors import DataError
from regrowth.metrics.columns import Kind, aligned

DAY = datetime.date(1970, 1, 11)


def kinds(values: object) -> Kind:
    return aligned({"c": values}).tables[0]["c"].kind


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ([1.5, 2.0, None], "number"),
        ([1, 2, 2] * 20, "category"),
        ([1, 2, 2], "number"),
        ([3, 5, 9, 9] * 20, "number"),
        (list(range(100, 140)), "identifier"),
        (list(range(0, 140, 2)), "number"),
        ([True, False], "category"),
        (["a", "b", "a"], "category"),
        ([f"k{number}" for number in range(30)], "identifier"),
        ([f"k{number}" for number in range(10)], "category"),
        ([f"a text of {number} and more words" for number in range(10)], "text"),
        ([DAY, None], "date"),
        ([datetime.datetime(2020, 1, 1, 12), None], "date"),
        ([datetime.timedelta(seconds=3)], "number"),
    ],
)
def test_what_kind_a_column_is_of(values: list[object], kind: Kind) -> None:
    assert kinds(values) == kind


def test_labels_are_those_of_the_first_table_and_then_what_only_others_have() -> None:
    real, made = aligned({"job": ["b", None, "a"]}, {"job": ["z", "a", "c"]}).tables
    assert real["job"].labels == made["job"].labels == ("a", "b", "c", "z")
    assert real["job"].known == 2
    assert real["job"].values.tolist() == [1, -1, 0]
    assert made["job"].values.tolist() == [3, 0, 2]
    assert real["job"].missing.tolist() == [False, True, False]
    assert real["job"].present.tolist() == [1, 0]


def test_dates_are_days_and_missing_numbers_are_nan() -> None:
    table = aligned({"d": [DAY, None], "x": [math.inf, 2.0], "y": [None, 3]}).tables[0]
    assert table["d"].values[0] == 10.0
    assert table["d"].missing.tolist() == [False, True]
    assert table["x"].missing.tolist() == [True, False]
    assert table["y"].values.tolist()[1] == 3.0


def test_what_cannot_be_compared_is_left_out_with_the_reason() -> None:
    real = {"a": [1, 2], "b": [1.0, 2.0], "c": ["x", "y"], "d": [None, None], "e": [1, 2], "f": [[1], [2]]}
    made = {"a": [3, 4], "b": ["u", "v"], "c": ["x", "y"], "d": [1, 2], "f": [[1], [2]], "g": [1, 2]}
    found = aligned(real, made)
    assert set(found.tables[0].columns) == set(found.tables[1].columns) == {"a", "c"}
    assert found.left_out["b"] == "different types: number, text"
    assert found.left_out["d"] == "every value is missing in the first table"
    assert found.left_out["e"] == "not in the second table"
    assert found.left_out["g"] == "not in the first table"
    assert found.left_out["f"].startswith("values of type list")


def test_codes_read_as_numbers_in_one_file_are_compared_as_they_are_written() -> None:
    real, made = aligned({"code": ["7", "7a"]}, {"code": [7, 8]}).tables
    assert [made["code"].labels[place] for place in made["code"].values] == ["7", "8"]
    assert real["code"].known == 2
    by_hand = aligned({"zip": [101, 102, 104]}, {"zip": ["101", "7b", "7b"]}, kinds={"zip": "category"})
    assert by_hand.tables[1]["zip"].labels == ("101", "102", "104", "7b")


def test_tables_that_share_nothing_are_an_error_that_says_why() -> None:
    with pytest.raises(DataError, match=r"no column that can be compared\. a: not in the second table"):
        aligned({"a": [1]}, {"b": [1]})
    with pytest.raises(DataError, match="The second table has no rows"):
        aligned({"a": [1]}, {"a": []})
    with pytest.raises(DataError, match=r"no column 'x'\. Columns: a"):
        aligned({"a": [1]}, {"a": [1]}, kinds={"x": "number"})
    with pytest.raises(DataError, match="The first table cannot be read"):
        aligned({"a": [1], "b": [1, 2]})


def test_a_kind_given_by_hand_that_does_not_fit_leaves_the_column_out() -> None:
    found = aligned({"a": ["x", "y"], "b": [1, 2]}, {"a": ["x", "y"], "b": [1, 2]}, kinds={"a": "number"})
    assert "a number in the first table" in found.left_out["a"]


def test_data_frames_and_dictionary_columns_can_be_compared() -> None:
    coded = pa.table({"job": pa.array(["a", "b", "a"]).dictionary_encode()})
    real, made = aligned(coded, {"job": ["b", "b", "c"]}).tables
    assert real["job"].values.tolist() == [0, 1, 0]
    assert made["job"].values.tolist() == [1, 1, 2]


@given(st.lists(st.one_of(st.none(), st.floats(), st.integers(-(2**53), 2**53)), min_size=1), st.randoms())
def test_rows_taken_in_another_order_are_the_rows_in_that_order(values: list[float | None], random: object) -> None:
    if all(value is None or not math.isfinite(value) for value in values):
        return
    table = aligned({"x": values, "k": list(map(str, range(len(values))))}).tables[0]
    places = np.arange(len(values))
    random.shuffle(places)  # type: ignore[attr-defined]
    taken = table.take(places)
    assert np.array_equal(taken["x"].values, table["x"].values[places], equal_nan=True)
    assert taken["k"].labels == table["k"].labels
    assert taken.rows == len(values)
