"""The closed forms of collapse against each other, and against simulations small enough that every term shows."""

import math
from typing import Any

import numpy as np
import pytest

from regrowth.recipes._collapse import laws, theory
from regrowth.recipes._collapse.arms import ARMS, GOLDEN, Arm, Mixing
from regrowth.recipes._collapse.categories import Zipf
from regrowth.recipes._collapse.density import Bandwidth, Kernel
from regrowth.recipes._collapse.gaussian import Gaussian
from regrowth.recipes._collapse.regression import Regression
from regrowth.recipes._collapse.rounds import World, play
from regrowth.recipes._collapse.samples import Array

FED: tuple[Arm, ...] = tuple(arm for arm in ARMS if arm != "verified")


def errors(values: Array, expected: float) -> float:
    """Return by how many standard errors a mean misses what was expected."""
    return float(abs(values.mean() - expected) / (values.std(ddof=1) / math.sqrt(len(values))))


def agrees(world: World[Any, Any], figure: str, arm: Arm, expected: Array, *, size: int, seeds: int) -> None:
    course = play(world, arm, Mixing(real_share=0.4), rounds=len(expected), size=size, seeds=seeds, seed=3)
    for number in course.rounds:
        assert errors(course.at(figure, number), expected[number - 1]) < 4, (arm, number)


@pytest.mark.parametrize("arm", FED)
def test_what_is_left_of_a_variance_is_exact(arm: Arm) -> None:
    expected = theory.kept_variance(arm, 6, 4, Mixing(real_share=0.4))
    assert expected is not None
    agrees(Gaussian(), "variance", arm, expected, size=4, seeds=20_000)
    agrees(Gaussian(), "error of the mean", arm, 1 - expected, size=4, seeds=20_000)


@pytest.mark.parametrize("arm", FED)
def test_the_same_recursion_tells_how_two_draws_of_categories_differ(arm: Arm) -> None:
    world, expected = Zipf(types=6, size=5), theory.kept_variance(arm, 5, 5, Mixing(real_share=0.4))
    assert expected is not None
    agrees(world, "simpson", arm, world.simpson * expected, size=5, seeds=4000)


def test_what_is_left_has_its_closed_forms_and_limits() -> None:
    replaced, pooled = (theory.kept_variance(arm, 2000, 10) for arm in ("replace", "accumulate"))
    assert replaced is not None
    assert pooled is not None
    np.testing.assert_allclose(replaced[:100], 0.9 ** np.arange(1, 101))
    assert pooled[-1] == pytest.approx(theory.kept_limit(10), abs=1e-4)
    assert theory.kept_limit(10) == pytest.approx(0.8434, abs=5e-5)
    assert theory.kept_variance("verified", 5, 10) is None


def test_the_logarithm_falls_steadily_whatever_the_divisor() -> None:
    course = play(Gaussian(ddof=1), "replace", Mixing(), rounds=10, size=5, seeds=4000, seed=0)
    assert errors(course.at("log variance", 10), theory.log_variance(10, 5, 1)[-1]) < 4
    assert theory.log_variance(100, 32, 1)[-1] == pytest.approx(math.log(0.038), abs=0.02)
    assert errors(course.at("log variance", 10), theory.log_variance(10, 5, 0)[-1]) > 10


@pytest.mark.parametrize("arm", ["replace", "accumulate", "subsample"])
def test_the_excess_risk_of_least_squares(arm: Arm) -> None:
    expected = theory.excess_risk(arm, 8, 400, 4)
    assert expected is not None
    agrees(Regression(dims=4), "excess risk", arm, expected, size=400, seeds=300)


def test_excess_risk_has_its_limits() -> None:
    step = 10 / 89
    ends = {arm: theory.excess_risk(arm, 100_000, 100, 10) for arm in ARMS}
    assert [ends[arm] is None for arm in ("fixed_real", "fresh_real", "verified")] == [True] * 3
    assert ends["accumulate"] is not None
    assert ends["subsample"] is not None
    assert ends["accumulate"][-1] == pytest.approx(step * math.pi**2 / 6, rel=1e-4)
    assert ends["subsample"][-1] == pytest.approx(step * (math.pi**2 / 2 - 2), rel=1e-4)


def test_a_bias_adds_up_as_one_over_t_a_noise_as_one_over_its_square() -> None:
    steps = range(1, 21)
    replaced, pooled, fixed = (
        theory.kernel_variance(arm, 20, 0.5, 1000, Mixing(real_share=0.3))
        for arm in ("replace", "accumulate", "fixed_real")
    )
    assert replaced is not None
    assert pooled is not None
    assert fixed is not None
    np.testing.assert_allclose(replaced, [1 + 0.25 * t for t in steps])
    np.testing.assert_allclose(pooled, [1 + 0.25 * sum(1 / k for k in steps[:t]) for t in steps])
    assert fixed[-1] == pytest.approx(1 + 0.25 / 0.3, abs=1e-3)
    assert theory.kernel_variance("verified", 5, 0.5, 10) is None


@pytest.mark.parametrize("arm", FED)
@pytest.mark.parametrize("bandwidth", [0.5, "scott"])
def test_kernels_widen_as_they_should(arm: Arm, bandwidth: Bandwidth) -> None:
    expected = theory.kernel_variance(arm, 5, bandwidth, 1000, Mixing(real_share=0.4))
    assert expected is not None
    agrees(Kernel("line", bandwidth), "variance", arm, expected, size=1000, seeds=60)


def test_the_golden_weight_is_best() -> None:
    weights = np.linspace(0.05, 1, 400)
    ratios = [theory.fresh_ratio(weight) for weight in weights]
    assert weights[int(np.argmin(ratios))] == pytest.approx(GOLDEN, abs=0.003)
    assert theory.fresh_ratio() == pytest.approx(GOLDEN)
    assert theory.fresh_ratio(1) == 1
    for weight in (0.3, GOLDEN):
        mixing = Mixing(fresh_weight=weight)
        course = play(Gaussian(known=True), "fresh_real", mixing, rounds=20, size=2, seeds=4000, seed=0)
        assert errors(2 * course.at("error of the mean", 20), theory.fresh_ratio(weight)) < 4


def test_a_synthetic_share_leaves_a_floor_that_no_data_remove() -> None:
    found = [laws.strong_collapse(0.5, size, seeds=20, seed=0).mean() for size in (500, 20_000)]
    assert found[0] > found[1] > 0.9 * theory.strong_floor(0.5, 0.5)
    assert found[1] == pytest.approx(0.125, rel=0.05)
    assert laws.strong_collapse(0.0, 20_000, seeds=20, seed=0).mean() < 0.001


def test_verified_data_help_below_the_threshold_only() -> None:
    assert theory.threshold(0.9, 0.3) == pytest.approx(0.75)
    half = laws.verified_accuracy(0.55, 1, 1, seeds=2).mean()
    below, above = (laws.verified_accuracy(error, 0.9, 0.3, seeds=2).mean() for error in (0.55, 0.85))
    assert half < 0.4
    assert below > 0.68
    assert above < 0.4
    assert laws.bayes_accuracy() == pytest.approx(0.7257, abs=1e-4)


def test_a_tail_that_is_cut_off_stays_unknown() -> None:
    masses = laws.zipf(1.5, 100_000)
    cut = laws.truncated(masses, 100)
    assert laws.tail_error(10**6, masses, cut) == pytest.approx(masses[100:].sum(), rel=1e-3)
    drawn = laws.generator(masses, 1000, seed=0)
    assert drawn.sum() == pytest.approx(1)
    assert laws.tail_error(10**9, masses, drawn) == pytest.approx(masses[drawn == 0].sum())
    slope = math.log(laws.tail_error(10**4, masses) / laws.tail_error(10**3, masses)) / math.log(10)
    assert slope == pytest.approx(-1 / 3, abs=0.02)
