"""Groups and their shares: declared, counted in real rows, small, missing, of two attributes."""

import random
import time
from datetime import date

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from regrowth.core.errors import DataError
from regrowth.metrics.columns import aligned
from regrowth.metrics.fairness import fairness
from regrowth.metrics.fairness.groups import Groups, grouped
from regrowth.metrics.fairness.representation import represented, shares
from regrowth.metrics.reading import Reading, measures

HALVES = {"a": 0.5, "b": 0.5}


def by_measure(readings: list[Reading]) -> dict[str, Reading]:
    """Return the readings of whole attributes."""
    return {one.measure: one for one in readings if " = " not in one.of}


def test_the_numbers_of_a_table_worked_out_by_hand() -> None:
    found = by_measure(represented(Groups.of("sex", ["a"] * 70 + ["b"] * 30), {"a": 2, "b": 2, "c": 1}))
    assert found["representation_distance"].estimate.value == pytest.approx((0.3 + 0.1 + 0.2) / 2)
    assert found["worst_group_ratio"].estimate.value == 0
    assert found["worst_group_ratio"].note == "worst: c"
    assert found["group_coverage"].estimate.value == pytest.approx(2 / 3)
    assert found["group_coverage"].note == "missing: c"


def test_a_skew_is_found_and_a_fair_draw_is_not() -> None:
    rng = random.Random(0)
    alarms = 0
    for seed in range(100):
        fair = represented(Groups.of("g", rng.choices("ab", k=400)), HALVES, draws=300, seed=seed)
        alarms += any(one.worse for one in fair)
    assert alarms <= 2  # interval and band must not touch, so fewer than 5 in 100
    skewed = represented(Groups.of("g", rng.choices("ab", [0.65, 0.35], k=400)), HALVES)
    assert {one.measure for one in skewed if one.worse} >= {
        "representation_distance",
        "worst_group_ratio",
        "group_share",
    }


def test_shares_counted_in_real_rows_bear_the_doubt_about_them() -> None:
    ours = Groups.of("g", ["a"] * 60 + ["b"] * 40)
    few = by_measure(represented(ours, Groups.of("g", ["a"] * 5 + ["b"] * 5)))["representation_distance"]
    many = by_measure(represented(ours, Groups.of("g", ["a"] * 5000 + ["b"] * 5000)))["representation_distance"]
    assert few.estimate.value == many.estimate.value == pytest.approx(0.1)
    assert few.null is not None
    assert many.null is not None
    assert few.null.high > 2 * many.null.high


def test_groups_that_were_not_declared_count_as_distance() -> None:
    found = represented(Groups.of("g", ["a", "b", "x", "x"]), HALVES)
    assert by_measure(found)["representation_distance"].estimate.value == pytest.approx(0.5)
    assert next(one for one in found if one.of == "g = x").note == "not declared"


def test_small_groups_and_rows_of_none_are_told() -> None:
    found = by_measure(represented(Groups.of("g", ["a"] * 50 + ["b"] * 3 + [None] * 7), HALVES))
    assert found["representation_distance"].note == "small groups: b (3); 7 rows without a value are in no group"
    assert found["representation_distance"].estimate.n == 53


@given(st.lists(st.sampled_from(["a", "b", "c", None]), min_size=2, max_size=60), st.randoms(use_true_random=False))
def test_the_order_of_rows_does_not_matter(labels: list[str | None], rng: random.Random) -> None:
    if not any(labels):
        return
    other = rng.sample(labels, len(labels))
    assert represented(Groups.of("g", labels), HALVES, draws=20) == represented(Groups.of("g", other), HALVES, draws=20)


@given(st.lists(st.sampled_from("abcd"), min_size=1, max_size=80), st.lists(st.floats(0.01, 9), min_size=4, max_size=4))
def test_values_stay_within_their_bounds_and_intervals(labels: list[str], weights: list[float]) -> None:
    for one in represented(Groups.of("g", list(labels)), dict(zip("abcd", weights, strict=True)), draws=50):
        low, high = measures()[one.measure].bounds
        assert low <= one.estimate.low <= one.estimate.value <= one.estimate.high <= high


def test_the_interval_of_the_distance_covers_the_truth() -> None:
    rng, inside = np.random.default_rng(0), 0
    for seed in range(200):
        labels = list(rng.choice(["a", "b", "c"], p=[0.5, 0.3, 0.2], size=150))
        found = represented(Groups.of("g", labels), {"a": 1, "b": 1, "c": 1}, draws=200, seed=seed)
        estimate = by_measure(found)["representation_distance"].estimate
        inside += estimate.low <= 1 / 6 <= estimate.high
    assert inside >= 186


def test_numbers_are_cut_dates_too_and_two_attributes_crossed() -> None:
    rows = aligned(
        {"age": [20, 25, 70, None], "sex": ["f", "m", "f", "f"], "born": [date(2001, 1, 1)] * 3 + [date(1950, 1, 1)]}
    ).tables[0]
    groups = {one.name: one for one in grouped(rows, ["age", "sex"], cuts={"age": [25, 60]})}
    assert groups["age"].labels == ("below 25", "25 to 60", "60 and above")
    assert list(groups["age"].places) == [0, 1, 2, -1]
    assert groups["age × sex"].labels == ("below 25 × f", "25 to 60 × m", "60 and above × f")
    assert groups["age × sex"].unknown == 1
    assert list(grouped(rows, ["born"], cuts={"born": [0]})[0].places) == [1, 1, 1, 0]


def test_an_intersection_may_be_missing_where_each_attribute_is_even() -> None:
    rows = aligned({"sex": ["f", "m"] * 50, "place": ["n", "s"] * 50}).tables[0]
    found = fairness(
        rows,
        ["sex", "place"],
        {
            "sex": {"f": 1, "m": 1},
            "place": {"n": 1, "s": 1},
            "sex × place": {"f × n": 1, "f × s": 1, "m × n": 1, "m × s": 1},
        },
    )
    coverage = {one.of: one.estimate.value for one in found if one.measure == "group_coverage"}
    assert coverage == {"sex": 1.0, "place": 1.0, "sex × place": 0.5}


@pytest.mark.parametrize(
    ("columns", "attributes", "words"),
    [
        ({"age": [1.5, 2.5, 3.5]}, ["age"], "age is a number: say where its groups begin"),
        ({"age": [1, 2, 3]}, ["sex"], "There is no column 'sex'. Columns: age"),
        ({"age": [1, 2, 3]}, [], "No attributes"),
        ({"name": [f"n{one}" for one in range(40)]}, ["name"], "identifiers with 40 values"),
        ({"said": [f"{one} words that nobody said twice yet" for one in range(9)]}, ["said"], "a column of texts"),
    ],
)
def test_columns_that_make_no_groups(columns: dict[str, list[object]], attributes: list[str], words: str) -> None:
    with pytest.raises(DataError, match=words):
        fairness(aligned(columns).tables[0], attributes)


def test_bad_declarations() -> None:
    groups = Groups.of("g", ["a", "b"])
    for declared in ({}, {"a": -1.0}, {"a": float("nan")}, {"a": 0.0}):
        with pytest.raises(DataError, match="expected finite numbers"):
            represented(groups, declared)
    with pytest.raises(DataError, match="none of 2 rows has a value"):
        shares(Groups.of("g", [None, None]))
    with pytest.raises(DataError, match="Shares are declared of 'job'; groups: sex"):
        fairness(aligned({"sex": ["a", "b"]}).tables[0], ["sex"], {"job": {"x": 1.0}})
    with pytest.raises(DataError, match="cuts of sex"):
        fairness(aligned({"sex": ["a", "b"]}).tables[0], ["sex"], cuts={"sex": [1]})


def test_one_row_constants_and_unseen_categories() -> None:
    real, ours = aligned({"sex": ["a"] * 9}, {"sex": ["a"] * 5 + ["z"]}).tables
    found = by_measure(fairness(ours, ["sex"], real=real))
    assert found["representation_distance"].estimate.value == pytest.approx(1 / 6)
    assert by_measure(fairness(aligned({"sex": ["a"]}).tables[0], ["sex"], {"sex": {"a": 1}}))["group_coverage"]
    assert [one.measure for one in fairness(aligned({"sex": ["a"]}).tables[0], ["sex"])] == ["group_share"]


def test_a_million_rows_take_seconds() -> None:
    rng = np.random.default_rng(0)
    groups = Groups("g", ("a", "b", "c"), rng.integers(-1, 3, size=10**6))
    start = time.process_time()
    represented(groups, {"a": 1, "b": 1, "c": 1})
    assert time.process_time() - start < 3
