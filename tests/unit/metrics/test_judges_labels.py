"""Agreement and calibration: published numbers, other libraries' numbers, detectors and nulls."""

import json
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from regrowth.core.errors import DataError
from regrowth.metrics.agreement import kappa
from regrowth.metrics.judges import labelling
from regrowth.metrics.judges.agreement import Level, krippendorff, weighted_kappa
from regrowth.metrics.judges.calibration import bins, calibration, fitted
from support.judges import named, sayings

GOLDEN = json.loads((Path(__file__).parents[2] / "golden" / "fairness.json").read_text("utf-8"))
LEVELS: tuple[Level, ...] = ("nominal", "ordinal", "interval")


# Agreement -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("case", GOLDEN["alpha"], ids=lambda case: str(case["seed"]))
@pytest.mark.parametrize("level", LEVELS)
def test_alpha_equals_the_krippendorff_package(case: dict[str, Any], level: Level) -> None:
    found = krippendorff(case["items"], level, draws=50)
    assert found.value == pytest.approx(case["values"][level], abs=1e-6)
    assert found.low <= found.value <= found.high


def test_alpha_of_the_published_example() -> None:
    # Krippendorff, Computing Krippendorff's Alpha-Reliability (2011), section D: four raters, twelve units, gaps.
    rows = [
        "1  2  3  3  2  1  4  1  2  .  .  .",
        "1  2  3  3  2  2  4  1  2  5  .  3",
        ".  3  3  3  2  3  4  2  2  5  1  .",
        "1  2  3  3  2  4  4  1  2  5  1  .",
    ]
    table = [[None if one == "." else int(one) for one in row.split()] for row in rows]
    items = [list(item) for item in zip(*table, strict=True)]
    found = {level: krippendorff(items, level).value for level in LEVELS}
    assert found["nominal"] == pytest.approx(0.743, abs=5e-4)
    assert found["ordinal"] == pytest.approx(0.815, abs=5e-4)
    assert found["interval"] == pytest.approx(0.849, abs=5e-4)
    assert krippendorff(items).n == 11
    assert krippendorff(items).skipped == 1


@pytest.mark.parametrize("case", GOLDEN["kappa"], ids=lambda case: str(case["seed"]))
def test_kappa_and_brier_equal_scikit_learn(case: dict[str, Any]) -> None:
    assert kappa(case["first"], case["second"]).value == pytest.approx(case["values"]["None"], abs=1e-6)
    for weights in ("linear", "quadratic"):
        found = weighted_kappa(case["first"], case["second"], weights=weights)
        assert found.value == pytest.approx(case["values"][weights], abs=1e-6)
    brier = named(calibration(case["said"], [bool(one) for one in case["true"]], draws=20))["brier_score"]
    assert brier.estimate.value == pytest.approx(case["brier"], abs=1e-6)


def graders(rng: random.Random, n: int, sure: float) -> list[list[int]]:
    true = [rng.randrange(4) for _ in range(n)]
    return [[one if rng.random() < sure else rng.randrange(4) for _ in range(3)] for one in true]


def test_intervals_cover_what_many_items_show() -> None:
    rng = random.Random(0)
    many = graders(rng, 20_000, 0.7)
    alpha = krippendorff(many, "ordinal", draws=2).value
    truth = weighted_kappa([one for one, *_ in many], [other for _, other, _ in many]).value
    inside = [0, 0]
    for seed in range(100):
        few = graders(rng, 120, 0.7)
        first = krippendorff(few, "ordinal", draws=200, seed=seed)
        second = weighted_kappa([one for one, *_ in few], [other for _, other, _ in few])
        inside[0] += first.low <= alpha <= first.high
        inside[1] += second.low <= truth <= second.high
    assert min(inside) >= 89


@given(
    st.lists(st.lists(st.sampled_from([0, 1, 2, None]), min_size=3, max_size=3), min_size=4, max_size=20),
    st.randoms(use_true_random=False),
    st.sampled_from(LEVELS),
)
def test_alpha_does_not_depend_on_the_order_of_items_or_raters(
    items: list[list[int | None]], rng: random.Random, level: Level
) -> None:
    other = [rng.sample(item, 3) for item in rng.sample(items, len(items))]
    try:
        found = krippendorff(items, level, draws=5).value
    except DataError:
        with pytest.raises(DataError):
            krippendorff(other, level, draws=5)
        return
    assert krippendorff(other, level, draws=5).value == pytest.approx(found)


def test_labels_that_tell_nothing() -> None:
    with pytest.raises(DataError, match="1 of 2 items have two labels"):
        krippendorff([[1, 2], [1, None]])
    with pytest.raises(DataError, match="All labels are equal"):
        krippendorff([[1, 1], [1, 1]])
    with pytest.raises(DataError, match="201 different labels"):
        krippendorff([[one, one] for one in range(201)])
    with pytest.raises(DataError, match="one label only"):
        weighted_kappa([1, 1], [1, 1])
    assert krippendorff([[float("nan"), 1.0, 1.0], [2.0, 2.0, None]]).value == 1.0


def test_labelling_tells_chance_from_skill_and_counts_silence() -> None:
    rng = random.Random(1)
    human = [rng.choice("abc") for _ in range(300)]
    judge: list[str | None] = [one if rng.random() < 0.6 else rng.choice("abc") for one in human]
    guess = [rng.choice("abc") for _ in human]
    skilled, blind = named(labelling(judge, human)), named(labelling(guess, human))
    accuracy, chance = skilled["judge_accuracy"].estimate, skilled["judge_accuracy"].null
    assert chance is not None
    assert accuracy.low > chance.high
    other = blind["judge_accuracy"]
    assert other.null is not None
    assert other.null.low <= other.estimate.value <= other.null.high
    assert blind["judge_kappa"].estimate.low < 0 < blind["judge_kappa"].estimate.high
    silent = named(labelling([None, *judge[1:]], human))
    assert silent["judge_accuracy"].note == "1 of 300 without a label, counted as wrong"
    assert silent["judge_kappa"].estimate.n == 299
    with pytest.raises(DataError, match="1 and 2 labels"):
        labelling(["a"], ["a", "b"])
    assert "judge_kappa" not in named(labelling(["a", "a"], ["a", "a"]))


# Calibration ---------------------------------------------------------------------------------------------------------


def test_a_boaster_is_found_and_an_honest_judge_is_not() -> None:
    rng = random.Random(0)
    alarms = sum(
        named(calibration(*sayings(rng, 300), draws=100, seed=seed))["calibration_error"].worse for seed in range(40)
    )
    assert alarms <= 1
    found = named(calibration(*sayings(rng, 600, sharpened=3.0)))
    assert found["calibration_error"].worse
    assert found["brier_score"].worse


def test_the_calibration_error_of_a_table_worked_out_by_hand() -> None:
    said, true = [0.95, 0.95, 0.25, 0.25, 0.25, 0.25], [True, False, True, False, False, False]
    assert named(calibration(said, true))["calibration_error"].estimate.value == pytest.approx(2 / 6 * 0.45)
    low, high = bins(said, true)
    assert (low.low, low.high, low.said, low.true.value, low.true.n) == (0.2, 0.3, 0.25, 0.25, 4)
    assert (high.said, high.true.value) == (0.95, 0.5)
    assert bins([1.0, 0.0], [True, False])[-1].high == 1.0


@pytest.mark.parametrize("how", ["isotonic", "platt"])
def test_a_fit_mends_on_other_data(how: Any) -> None:
    rng = random.Random(2)
    mended = fitted(*sayings(rng, 1500, sharpened=3.0), how)
    said, true = sayings(rng, 1500, sharpened=3.0)
    before, after = (named(calibration(one, true, draws=50))["calibration_error"] for one in (said, mended(said)))
    assert after.estimate.value < before.estimate.value / 2
    rising = mended([-1.0, 0.0, 0.3, 0.7, 1.0, 2.0])
    assert rising == sorted(rising)
    assert 0 <= rising[0] <= rising[-1] <= 1


def test_platt_finds_the_curve_that_made_the_labels() -> None:
    rng = random.Random(3)
    scores = [rng.uniform(-3, 3) for _ in range(20_000)]
    labels = [rng.random() < 1 / (1 + np.exp(-(2 * one - 1))) for one in scores]
    found: Any = fitted(scores, labels, "platt")
    assert (found.slope, found.shift) == pytest.approx((2, -1), abs=0.08)
    apart: Any = fitted([0.0, 0.1, 0.9, 1.0] * 5, [False, False, True, True] * 5, "platt")
    assert np.isfinite(apart.slope)


def test_probabilities_that_are_none() -> None:
    with pytest.raises(DataError, match="outside 0 … 1"):
        calibration([0.5, 1.5], [True, False])
    with pytest.raises(DataError, match="2 scores for 1 labels"):
        calibration([0.5, 0.5], [True])
    with pytest.raises(DataError, match="not a finite number"):
        calibration([0.5, float("nan")], [True, False])
    with pytest.raises(DataError, match="All labels are equal"):
        fitted([0.5, 0.6], [True, True])
