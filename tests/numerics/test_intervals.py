"""Intervals against published tables and against numbers worked out by hand."""

import math
import random
from collections.abc import Callable, Sequence

import pytest

from regrowth.core.protocols import Estimate
from regrowth.metrics.intervals import across_seeds, clustered_mean, mean, paired_difference, proportion

Z = 1.959964
T2 = 4.302653
"""97.5 % point of Student's t with two degrees of freedom."""


@pytest.mark.parametrize(
    ("successes", "n", "low", "high"),
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_wilson_agrees_with_the_table_of_newcombe_1998(successes: int, n: int, low: float, high: float) -> None:
    estimate = proportion(successes, n)
    assert estimate.value == successes / n
    assert (round(estimate.low, 4), round(estimate.high, 4)) == (low, high)


@pytest.mark.parametrize(
    ("freedom", "quantile"),
    [(1, 12.7062), (2, 4.3027), (3, 3.1824), (4, 2.7764), (9, 2.2622), (30, 2.0423), (120, 1.9799), (4999, 1.9604)],
)
def test_the_t_interval_uses_the_quantiles_of_the_printed_tables(freedom: int, quantile: float) -> None:
    n = freedom + 1
    values = [1.0] + [0.0] * freedom
    spread = math.sqrt((1 - 1 / n) / freedom)
    assert (mean(values).high - 1 / n) / (spread / math.sqrt(n)) == pytest.approx(quantile, abs=5e-5)


def test_the_99_percent_quantile_is_that_of_the_table() -> None:
    estimate = mean([-1.0, 0.0, 1.0, -1.0, 0.0, 1.0], level=0.99)
    assert estimate.high == pytest.approx(4.0321 * math.sqrt(0.8 / 6), abs=5e-5)


def test_students_sleep_data_give_the_interval_of_every_textbook() -> None:
    first = [0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0]
    second = [1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4]
    estimate = paired_difference(second, first)
    assert estimate.value == pytest.approx(1.58)
    assert (estimate.low, estimate.high) == pytest.approx((0.7001142, 2.4598858), abs=1e-7)
    assert estimate.n == 10


def test_paired_outcomes_agree_with_bonett_and_price_by_hand() -> None:
    # 100 problems: both right 40, only the first 21, only the second 9, both wrong 30.
    first = [1] * 40 + [1] * 21 + [0] * 9 + [0] * 30
    second = [1] * 40 + [0] * 21 + [1] * 9 + [0] * 30
    gain, loss = 22 / 102, 10 / 102
    reach = Z * math.sqrt((gain + loss - (gain - loss) ** 2) / 102)
    estimate = paired_difference(first, second)
    assert estimate.value == pytest.approx(0.12)
    assert (estimate.low, estimate.high) == pytest.approx((gain - loss - reach, gain - loss + reach), abs=1e-6)


def test_arms_that_agree_everywhere_still_have_an_interval_with_width() -> None:
    estimate = paired_difference([1, 0] * 10, [1, 0] * 10)
    assert estimate.value == 0
    assert estimate.high == pytest.approx(Z * math.sqrt(2 / 22 / 22), abs=1e-6)


def test_clusters_enter_the_variance_as_worked_out_by_hand() -> None:
    # Mean 6; sums of residuals per cluster -8, 0, 8; variance 3/2 * 128 / 6**2.
    estimate = clustered_mean([1, 3, 5, 7, 9, 11], ["a", "a", "b", "b", "c", "c"])
    reach = T2 * math.sqrt(1.5 * 128 / 36)
    assert (estimate.value, estimate.n) == (6, 3)
    assert (estimate.low, estimate.high) == pytest.approx((6 - reach, 6 + reach), abs=1e-4)


def test_clusters_of_one_are_the_ordinary_t_interval() -> None:
    values = [3.0, 1.0, 4.0, 1.0, 5.0, 9.0, 2.0, 6.0]
    ours, known = clustered_mean(values, range(8)), mean(values)
    assert (ours.low, ours.high, ours.n) == pytest.approx((known.low, known.high, known.n))


def test_draws_that_only_repeat_each_other_add_nothing() -> None:
    once = [1, 0, 1, 1, 0, 1, 0, 0, 1, 1]
    four_times = [right for right in once for _ in range(4)]
    problems = [problem for problem in range(10) for _ in range(4)]
    ours, known = clustered_mean(four_times, problems), clustered_mean(once, range(10))
    assert (ours.low, ours.high) == pytest.approx((known.low, known.high))


def test_nothing_solved_in_many_draws_counts_only_the_problems() -> None:
    problems = [problem for problem in range(200) for _ in range(4)]
    estimate = clustered_mean([0] * 800, problems)
    t = 1.971957  # 97.5 % point with 199 degrees of freedom
    assert (estimate.value, estimate.low) == (0, 0)
    assert estimate.high == pytest.approx(t * t / 200 / (1 + t * t / 200), abs=1e-6)


def test_three_seeds_give_the_t_interval_over_three_runs() -> None:
    estimate = across_seeds([0.46, 0.47, 0.51])
    spread = math.sqrt((0.02**2 + 0.01**2 + 0.03**2) / 2)
    assert estimate.value == pytest.approx(0.48)
    assert estimate.n == 3
    assert estimate.high == pytest.approx(0.48 + T2 * spread / math.sqrt(3), abs=1e-6)


def _share_covered(truth: float, draw: Callable[[random.Random], Estimate], trials: int = 1500) -> float:
    dice = random.Random(20260711)
    estimates = [draw(dice) for _ in range(trials)]
    return sum(estimate.low <= truth <= estimate.high for estimate in estimates) / trials


def _outcomes(dice: random.Random, chances: Sequence[float]) -> list[int]:
    return [int(dice.random() < chance) for chance in chances]


@pytest.mark.parametrize("truth", [0.02, 0.3, 0.5, 0.97])
def test_ninety_five_in_a_hundred_wilson_intervals_hold_the_truth(truth: float) -> None:
    covered = _share_covered(truth, lambda dice: proportion(sum(_outcomes(dice, [truth] * 60)), 60))
    assert 0.92 <= covered <= 0.99


def test_ninety_five_in_a_hundred_intervals_hold_the_truth_although_draws_resemble_each_other() -> None:
    def one_study(dice: random.Random) -> Estimate:
        chances = [dice.betavariate(0.6, 1.4) for _ in range(40)]
        problems = [problem for problem in range(40) for _ in range(4)]
        return clustered_mean(_outcomes(dice, [chances[problem] for problem in problems]), problems)

    assert 0.93 <= _share_covered(0.3, one_study, 600) <= 0.98


def test_ninety_five_in_a_hundred_paired_intervals_hold_the_truth() -> None:
    def one_study(dice: random.Random) -> Estimate:
        chances = [dice.random() for _ in range(50)]
        second = _outcomes(dice, [0.8 * chance for chance in chances])
        return paired_difference(_outcomes(dice, chances), second)

    assert 0.93 <= _share_covered(0.1, one_study, 800) <= 0.98
