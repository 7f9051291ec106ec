"""Single columns: what changes is seen, what does not is not, and nothing is said of what is not defined."""

import math
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from regrowth.metrics.columns import aligned
from regrowth.metrics.fidelity.intervals import Halves, Sizes, moved, separated
from regrowth.metrics.fidelity.numbers import quantile_difference
from regrowth.metrics.fidelity.tables import column_readings
from regrowth.metrics.reading import Reading, measures

NUMBERS = ("mean_difference", "variance_ratio", "quantile_difference", "ks_complement")


def read(real: Sequence[object], synthetic: Sequence[object]) -> dict[str, Reading]:
    return {one.measure: one for one in column_readings(*aligned({"x": real}, {"x": synthetic}).tables)}


def normal(seed: int, rows: int = 600, mean: float = 0.0, deviation: float = 1.0) -> list[float]:
    return [*np.random.default_rng(seed).normal(mean, deviation, rows)]


def test_a_fresh_draw_reads_like_real_numbers() -> None:
    found = read(normal(0), normal(1))
    assert [name for name, one in found.items() if one.worse] == []
    assert found["mean_difference"].estimate.value == pytest.approx(0, abs=0.15)
    assert found["variance_ratio"].estimate.value == pytest.approx(1, abs=0.2)


@pytest.mark.parametrize(
    ("mean", "deviation", "seen"),
    [
        (0.5, 1.0, {"mean_difference", "quantile_difference", "ks_complement"}),
        (0.0, 0.5, {"variance_ratio", "quantile_difference", "ks_complement"}),
    ],
)
def test_another_mean_or_spread_is_seen(mean: float, deviation: float, seen: set[str]) -> None:
    found = read(normal(0), normal(1, mean=mean, deviation=deviation))
    assert {name for name in NUMBERS if found[name].worse} == seen


def test_the_figures_are_those_of_the_definitions() -> None:
    found = read([0.0, 1, 2, 3, 4, 4, 4, 4], [2.0, 3, 4, 5, 6, 6, 6, 6])
    assert found["mean_difference"].estimate.value == pytest.approx(2 / np.std([0, 1, 2, 3, 4, 4, 4, 4], ddof=1))
    assert found["variance_ratio"].estimate.value == pytest.approx(1)
    assert found["ks_complement"].estimate.value == pytest.approx(1 - 5 / 8)
    assert found["range_coverage"].estimate.value == pytest.approx(0.5)
    assert found["boundary_adherence"].estimate.value == pytest.approx(3 / 8)


def test_quantiles_lie_as_far_apart_as_the_values_were_moved() -> None:
    values = np.sort(np.array(normal(0)))
    found = quantile_difference(values, values + 0.3 * values.std(), np.random.default_rng(0))
    assert found is not None
    assert found[0].value == pytest.approx(0.3)
    assert found[1].high < found[0].low


def test_categories_that_are_lost_new_or_rarer_are_seen() -> None:
    rng = np.random.default_rng(0)
    real, fresh = (rng.choice(list("abcdef"), 800, p=[0.4, 0.3, 0.1, 0.1, 0.05, 0.05]).tolist() for _ in range(2))
    assert [name for name, one in read(real, fresh).items() if one.worse] == []
    found = read(real, [{"a": "b", "e": "new"}.get(one, one) for one in fresh])
    assert {name for name, one in found.items() if one.worse} >= {
        "tv_complement",
        "category_adherence",
        "column_shapes",
    }
    assert found["category_coverage"].estimate.value == pytest.approx(4 / 6)
    assert found["category_adherence"].estimate.value == pytest.approx(1 - fresh.count("e") / 800)


def test_rare_categories_do_not_make_fresh_rows_look_bad() -> None:
    rng = np.random.default_rng(0)
    shares = 1 / np.arange(1, 2_001)
    alarms = []
    for _ in range(8):
        real, fresh = (rng.choice(2_000, 700, p=shares / shares.sum()).astype(str).tolist() for _ in range(2))
        alarms += [one.worse for one in read(real, fresh).values()]
    assert sum(alarms) == 0


def test_one_new_category_among_a_thousand_rows_is_no_alarm_but_twenty_are() -> None:
    real = ["a", "b", "c", "d"] * 250
    assert not read(real, [*real[1:], "e"])["category_adherence"].worse
    assert read(real, [*real[20:], *"e" * 20])["category_adherence"].worse


def test_missing_values_are_compared_and_otherwise_left_out() -> None:
    real, synthetic = normal(0, 400), normal(1, 400)
    gaps = [None if place % 4 == 0 else one for place, one in enumerate(synthetic)]
    found = read(real, gaps)
    assert found["missing_similarity"].estimate.value == pytest.approx(0.75)
    assert found["missing_similarity"].worse
    assert found["ks_complement"].estimate.n == 700
    assert "missing_similarity" not in read(real, synthetic)


def test_dates_are_compared_like_numbers() -> None:
    import datetime as dt

    start = dt.date(2020, 1, 1)
    days = [start + dt.timedelta(days=place % 365) for place in range(400)]
    later = [day + dt.timedelta(days=200) for day in days]
    assert not read(days, days[::-1])["ks_complement"].worse
    assert read(days, later)["ks_complement"].worse
    assert read(days, later)["range_coverage"].estimate.value == pytest.approx(1 - 200 / 364)


@pytest.mark.parametrize(
    ("real", "synthetic", "absent"),
    [
        ([1.5] * 30, [1.5] * 30, {"mean_difference", "variance_ratio", "quantile_difference", "range_coverage"}),
        ([1.5, 2.5], [1.5], {"mean_difference", "variance_ratio", "quantile_difference"}),
        ([1.5], [2.5], {"mean_difference", "variance_ratio", "quantile_difference", "range_coverage"}),
    ],
)
def test_what_is_not_defined_is_not_read(real: list[float], synthetic: list[float], absent: set[str]) -> None:
    found = read(real, synthetic)
    assert not absent & set(found)
    assert found["ks_complement"].estimate.value in (0, 0.5, 1)
    assert all(math.isfinite(one.estimate.value) for one in found.values())


def test_a_table_of_few_rows_gets_no_null_rather_than_a_wrong_one() -> None:
    assert read([1.0, 2, 3], [1.0, 2, 9])["ks_complement"].null is None


values = arrays.arrays(np.float64, st.integers(2, 60), elements=st.floats(-1e6, 1e6, width=32))


@settings(deadline=None)  # the first example imports
@given(values, values)
def test_readings_stay_within_bounds_and_ignore_the_order(one: np.ndarray, other: np.ndarray) -> None:
    found = read(one.tolist(), other.tolist())
    for reading in found.values():
        low, high = measures()[reading.measure].bounds
        for told in (reading.estimate, reading.null):
            if told:
                assert low - 1e-9 <= told.low <= told.value + 1e-9
                assert told.value - 1e-9 <= told.high <= high + 1e-9
    again = read(one[::-1].tolist(), other[::-1].tolist())
    for name, reading in found.items():
        assert again[name].estimate.value == pytest.approx(reading.estimate.value, rel=1e-6, abs=1e-9)


def test_a_difference_of_shares_has_newcombes_interval() -> None:
    found = separated(56, 70, 48, 80)  # Newcombe 1998, table II (a), method 10: 0.0524 to 0.3339
    assert 1 - found.value == pytest.approx(0.2)
    assert [1 - found.high, 1 - found.low] == pytest.approx([0.0524, 0.3339], abs=1e-4)


def test_halves_are_carried_on_at_the_rate_at_which_quarters_fall() -> None:
    halves = np.full(4, 0.1)
    frequent = Halves(halves, np.full(4, 0.1 * math.sqrt(2)), Sizes(1000, 1000))
    rare = Halves(halves, halves, Sizes(1000, 1000))
    between = Halves(halves, np.full(4, 0.12), Sizes(1000, 1000))
    assert frequent.distance().value == pytest.approx(0.1 / math.sqrt(2))
    assert rare.distance().value == pytest.approx(0.1)
    assert 0.1 / math.sqrt(2) < between.distance().value < 0.1 / 1.2


def test_the_spread_of_a_bootstrap_is_moved_to_the_value() -> None:
    found = moved(0.1, np.linspace(0.4, 0.6, 101), 7)
    assert found.value == 0.1
    assert [found.low, found.high] == pytest.approx([0.005, 0.195])
