"""Membership: scores by hand, rates against counting, nulls at chance."""

import math
import random
import statistics
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from regrowth.core.errors import DataError
from regrowth.metrics.leakage.membership import (
    attack,
    calibrated,
    compressed,
    least,
    least_standardised,
    mean_loss,
    null,
    shuffled,
)

LOGPROBS = [-0.1, -3.0, -0.5, -1.0, -2.0]
NUMBERS = st.floats(-50, 0, allow_nan=False)


def normal(count: int, seed: int) -> list[float]:
    dice = random.Random(seed)
    return [dice.gauss(0, 1) for _ in range(count)]


def quantiles(count: int, shift: float = 0.0) -> list[float]:
    """A sample without luck."""
    law = statistics.NormalDist(shift)
    return [law.inv_cdf((place + 0.5) / count) for place in range(count)]


def test_scores_by_hand() -> None:
    assert mean_loss(LOGPROBS) == pytest.approx(-6.6 / 5)
    assert least(LOGPROBS, share=0.4) == pytest.approx((-3.0 - 2.0) / 2)
    assert least(LOGPROBS, share=0.1) == -3.0  # one at least
    assert least(LOGPROBS, share=1.0) == pytest.approx(mean_loss(LOGPROBS))
    assert calibrated(LOGPROBS, [-2.0, -2.0]) == pytest.approx(-1.32 + 2)
    assert compressed(LOGPROBS, "abc") == pytest.approx(-6.6 / len(zlib.compress(b"abc")))
    # the token at -3 is what the model expected there; the one at -1 lies two deviations below
    found = least_standardised([-3.0, -1.0], [-3.0, -0.5], [0.5, 0.25], share=0.5)
    assert found == pytest.approx(-2.0)


@settings(max_examples=100, deadline=None)
@given(st.lists(NUMBERS, min_size=1, max_size=30), st.floats(0.01, 1))
def test_the_least_tokens_are_never_above_the_mean(logprobs: list[float], share: float) -> None:
    assert min(logprobs) - 1e-9 <= least(logprobs, share=share) <= mean_loss(logprobs) + 1e-9


@settings(max_examples=60, deadline=None)
@given(st.lists(NUMBERS, min_size=2, max_size=40), st.lists(NUMBERS, min_size=10, max_size=40))
def test_the_rate_is_what_counting_gives(members: list[float], others: list[float]) -> None:
    found = attack(members, others, alarms=0.1)
    thresholds = [bar for bar in sorted(others) if sum(one > bar for one in others) <= 0.1 * len(others)]
    assert found.tpr.value == pytest.approx(sum(one > thresholds[0] for one in members) / len(members))
    assert 0 <= found.tpr.low <= found.tpr.value <= found.tpr.high <= 1


def test_a_shift_by_two_deviations_is_told_as_the_normal_law_says() -> None:
    found = attack(quantiles(2000, 2.0), quantiles(2000))
    assert found.auc.low < 0.9214 < found.auc.high  # Φ(2 / √2)
    assert found.tpr.value == pytest.approx(0.3721, abs=0.02)  # 1 - Φ(2.326 - 2)
    assert found.tpr.low < 0.3721 < found.tpr.high


def test_chance_tells_nothing() -> None:
    found = null(normal(2000, 3))
    assert found.auc.low < 0.5 < found.auc.high
    assert found.tpr.low < 0.01 < found.tpr.high
    assert found.tpr.high < 0.04


def test_perfect_attacks_have_an_interval_with_width() -> None:
    found = attack([1.0] * 50, [0.0] * 100)
    assert (found.auc.value, found.tpr.value) == (1, 1)
    assert found.tpr.low < 1


def test_scores_that_are_all_equal_accuse_nobody() -> None:
    assert attack([0.0] * 50, [0.0] * 100).tpr.value == 0


def test_what_cannot_be_told_is_said() -> None:
    with pytest.raises(DataError, match="Expected 100 at least"):
        attack([1.0, 2.0], [0.0] * 99)
    with pytest.raises(DataError, match="not a finite number"):
        attack([1.0, math.nan], [0.0] * 100)
    with pytest.raises(DataError, match="without tokens"):
        mean_loss([])
    with pytest.raises(DataError, match="share = 0"):
        least(LOGPROBS, share=0)
    with pytest.raises(DataError, match="expected as many"):
        least_standardised([-1.0], [], [1.0])


def test_long_records_and_odd_characters_are_scored() -> None:
    assert compressed([-1.0] * 1_000_000, "x" * 5_000_000 + "\ud800") < 0


def test_membership_by_lot_reads_what_theory_says() -> None:
    """The AUC of m and n exchangeable records has the variance (m+n+1)/(12mn) (Mann, Whitney, 1947)."""
    ours, theirs = normal(300, 1), [5 + one for one in normal(500, 2)]
    found = shuffled(ours, theirs, alarms=0.1, seed=1)
    reach = 1.96 * math.sqrt(801 / (12 * 300 * 500))
    assert found.auc.value == pytest.approx(0.5, abs=0.005)
    assert (found.auc.low, found.auc.high) == pytest.approx((0.5 - reach, 0.5 + reach), abs=0.008)
    assert found.tpr.low < 0.1 < found.tpr.high
    assert shuffled(ours, theirs, alarms=0.1, seed=1) == found
    tied = shuffled([1.0] * 200, [1.0] * 200)
    assert (tied.auc.low, tied.auc.high, tied.tpr.high) == (0.5, 0.5, 0.0)
    with pytest.raises(DataError, match="less than one"):
        shuffled(ours, theirs[:50])
