"""Spreads and associations: shares that add up, whatever the columns hold."""

from datetime import date

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from regrowth.core.errors import DataError
from regrowth.metrics.columns import aligned
from regrowth.reports.associating import associations
from regrowth.reports.marginals import marginals, text_marginals

CELLS = st.one_of(
    st.lists(st.none() | st.floats(-1e6, 1e6), min_size=1, max_size=60),
    st.lists(st.none() | st.integers(-5, 5), min_size=1, max_size=60),
    st.lists(st.none() | st.sampled_from("abcdefghijklm"), min_size=1, max_size=60),
    st.lists(st.none() | st.dates(date(1900, 1, 1), date(2100, 1, 1)), min_size=1, max_size=60),
)


@settings(max_examples=60, deadline=None)
@given(CELLS)
def test_shares_and_missing_values_add_up_to_one(cells: list[object]) -> None:
    other = [value for value in cells for _ in (0, 1)]
    try:
        tables = aligned({"a": cells}, {"a": other}).tables
    except DataError:
        return  # every value is missing
    for column in marginals(*tables):
        for side, shares in enumerate((column.real, column.synthetic)):
            assert sum(shares) + column.missing[side] == pytest.approx(1)
        assert column.apart == pytest.approx(0, abs=1e-9), "the same values twice are spread alike"


def test_whole_numbers_of_few_kinds_have_a_bin_each() -> None:
    tables = aligned({"n": [1, 2, 2, 3] * 9}, {"n": [1, 1, 1, 5] * 9}).tables
    column = marginals(*tables)[0]
    assert column.labels == ("1", "2", "3", "4", "5")
    assert column.real == (0.25, 0.5, 0.25, 0.0, 0.0)
    assert column.synthetic == (0.75, 0.0, 0.0, 0.0, 0.25)
    assert column.ends == ("1", "5")
    assert column.apart == pytest.approx(0.75)


def test_far_values_are_counted_at_the_ends_and_flatten_nothing() -> None:
    real = [float(number % 100) for number in range(1000)]
    tables = aligned({"x": real}, {"x": [*real[:-1], 1e9]}).tables
    column = marginals(*tables)[0]
    assert column.labels[-1].startswith("above ")
    assert max(column.real) < 0.1
    assert column.synthetic[-1] == pytest.approx(column.real[-1], abs=0.002)


def test_huge_and_equal_numbers_have_bins_too() -> None:
    for values in ([1e308, -1e308, 0.5], [7.5, 7.5, 7.5], [1e15, 1e15 + 1, 1e15 + 2]):
        column = marginals(*aligned({"x": values}, {"x": values}).tables)[0]
        assert sum(column.real) == pytest.approx(1)


def test_names_that_only_synthetic_rows_have_stand_apart_and_rare_ones_together() -> None:
    real = [letter for place, letter in enumerate("abcdefghijklm") for _ in range(20 - place)]
    tables = aligned({"job": real}, {"job": ["a", "zebra", "yak", "b"]}).tables
    column = marginals(*tables)[0]
    assert column.labels[-2:] == ("(others: 4)", "(not in the real data)")
    assert column.synthetic[-1] == 0.5
    assert column.real[-1] == 0.0


def test_dates_are_written_as_dates() -> None:
    days = [date(2020, 1, day) for day in range(1, 31)]
    column = marginals(*aligned({"d": days}, {"d": days}).tables)[0]
    assert column.ends == ("2020-01-01", "2020-01-30")


def test_the_least_alike_column_comes_first_and_identifiers_are_left_out() -> None:
    rows = 30
    real = {"id": [f"k{n}" for n in range(rows)], "same": [n % 3 for n in range(rows)], "moved": [0] * 15 + [1] * 15}
    made = {**real, "moved": [1] * rows}
    assert [column.name for column in marginals(*aligned(real, made).tables)] == ["moved", "same"]


def test_texts_are_drawn_by_their_length() -> None:
    words, letters = text_marginals(["one two", "one"], ["one two three four"])
    assert (words.name, letters.name) == ("words per text", "characters per text")
    assert words.labels == ("1", "2", "3", "4")
    assert words.synthetic == (0, 0, 0, 1)


# Associations -----------------------------------------------------------------------------------------------------


def test_two_numbers_read_pearson_and_their_order_does_not_matter() -> None:
    generator = np.random.default_rng(0)
    x = generator.normal(size=500)
    y = 0.5 * x + generator.normal(size=500)
    table = {"x": x.tolist(), "y": y.tolist()}
    order = generator.permutation(500)
    found = associations(*aligned(table, {name: np.array(values)[order] for name, values in table.items()}).tables)
    assert found.real[0][1] == pytest.approx(np.corrcoef(x, y)[0, 1], abs=1e-4)
    assert found.real[1][0] == found.synthetic[0][1]


def test_categories_read_cramers_v_and_groups_the_correlation_ratio() -> None:
    generator = np.random.default_rng(1)
    group = generator.integers(0, 3, 900)
    table = {
        "group": [f"g{number}" for number in group],
        "copy": [f"h{number}" for number in group],
        "other": [f"o{number}" for number in generator.integers(0, 3, 900)],
        "level": (group * 10.0).tolist(),
        "noise": generator.normal(size=900).tolist(),
    }
    found = associations(*aligned(table, table).tables)
    place = {name: number for number, name in enumerate(found.names)}

    def read(one: str, other: str) -> float:
        value = found.real[place[one]][place[other]]
        assert value is not None
        return value

    assert read("group", "copy") == pytest.approx(1)
    assert read("group", "other") < 0.1
    assert read("group", "level") == pytest.approx(1)
    assert read("group", "noise") < 0.1


def test_a_constant_column_goes_together_with_nothing() -> None:
    table = {"x": [1.5, 2.5, 3.5], "constant": [0.1, 0.1, 0.1], "name": ["a", "a", "a"]}
    found = associations(*aligned(table, table, kinds={"name": "category"}).tables)
    assert all(value is None for row in found.real for value in row)


def test_rows_with_missing_values_are_left_out_pair_by_pair() -> None:
    full = {"x": [1.0, 2.0, 3.0, 4.0, 9.0], "y": [2.0, 4.0, 6.0, 8.0, None]}
    assert associations(*aligned(full, full).tables).real[0][1] == pytest.approx(1)


def test_huge_numbers_do_not_overflow() -> None:
    table = {"x": [1e200, 2e200, 3e200], "y": [1.0, 2.0, 3.0]}
    assert associations(*aligned(table, table).tables).real[0][1] == pytest.approx(1)
