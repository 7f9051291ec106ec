"""Laws of intervals, and what they refuse."""

import math
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from regrowth.core.errors import DataError
from regrowth.core.protocols import Estimate
from regrowth.metrics.intervals import across_seeds, clustered_mean, mean, paired_difference, proportion

SHARE = st.floats(0, 1)
NUMBER = st.floats(-1e6, 1e6)
FUZZ = 1e-9


def assert_holds_its_value(estimate: Estimate) -> None:
    room = FUZZ * max(1.0, abs(estimate.value))
    assert estimate.low - room <= estimate.value <= estimate.high + room


def ends(estimate: Estimate) -> tuple[float, float, float]:
    return estimate.value, estimate.low, estimate.high


@given(st.integers(1, 5000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_a_proportion_lies_inside_its_interval_and_the_interval_inside_0_to_1(counts: tuple[int, int]) -> None:
    estimate = proportion(*counts)
    assert 0 <= estimate.low <= estimate.value <= estimate.high <= 1
    assert estimate.low < estimate.high


@given(st.integers(1, 200).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))), st.integers(2, 9))
def test_a_proportion_is_known_better_from_more_outcomes(counts: tuple[int, int], times: int) -> None:
    successes, n = counts
    few, many = proportion(successes, n), proportion(successes * times, n * times)
    assert many.high - many.low < few.high - few.low


@given(st.integers(1, 300).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_failures_mirror_successes(counts: tuple[int, int]) -> None:
    successes, n = counts
    ours, mirrored = proportion(successes, n), proportion(n - successes, n)
    assert (1 - ours.high, 1 - ours.low) == pytest.approx((mirrored.low, mirrored.high))


@given(st.lists(NUMBER, min_size=2, max_size=40), st.randoms(use_true_random=False))
def test_the_order_of_values_does_not_matter(values: list[float], dice: Any) -> None:
    shuffled = dice.sample(values, len(values))
    assert ends(mean(values)) == ends(mean(shuffled)) == ends(across_seeds(values))
    assert_holds_its_value(mean(values))


@given(st.lists(st.tuples(SHARE | NUMBER, st.integers(0, 5)), min_size=2, max_size=40), st.randoms())
def test_the_order_of_clusters_does_not_matter(pairs: list[tuple[float, int]], dice: Any) -> None:
    pairs = [(0.5, 6), (0.25, 7), *pairs]
    shuffled = dice.sample(pairs, len(pairs))
    ours = clustered_mean(*zip(*pairs, strict=True))
    theirs = clustered_mean(*zip(*shuffled, strict=True))
    assert ends(ours) == pytest.approx(ends(theirs), rel=1e-6, abs=1e-6)
    assert_holds_its_value(ours)


@given(st.lists(st.tuples(SHARE, st.integers(0, 9)), min_size=1, max_size=40))
def test_a_clustered_share_never_leaves_0_to_1_and_never_claims_certainty(pairs: list[tuple[float, int]]) -> None:
    pairs = [(0.0, 10), *pairs]
    estimate = clustered_mean(*zip(*pairs, strict=True))
    assert 0 <= estimate.low <= estimate.value <= estimate.high <= 1
    assert estimate.low < estimate.high


@given(st.lists(st.tuples(SHARE, SHARE), min_size=2, max_size=40))
def test_a_paired_difference_of_shares_lies_inside_its_interval(pairs: list[tuple[float, float]]) -> None:
    first, second = zip(*pairs, strict=True)
    estimate = paired_difference(first, second)
    assert -1 <= estimate.low < estimate.high <= 1
    assert_holds_its_value(estimate)


@given(st.lists(st.tuples(NUMBER | SHARE, NUMBER | SHARE), min_size=2, max_size=40), st.randoms())
def test_a_paired_difference_turns_round_with_its_arms(pairs: list[tuple[float, float]], dice: Any) -> None:
    first, second = zip(*pairs, strict=True)
    ours, turned = paired_difference(first, second), paired_difference(second, first)
    assert (ours.low, ours.high) == pytest.approx((-turned.high, -turned.low), rel=1e-6, abs=1e-9)
    one, other = zip(*dice.sample(pairs, len(pairs)), strict=True)
    assert ends(paired_difference(one, other)) == pytest.approx(ends(ours), rel=1e-9, abs=1e-9)


@given(st.lists(st.tuples(SHARE, SHARE), min_size=2, max_size=20))
def test_a_paired_difference_is_known_better_from_more_problems(pairs: list[tuple[float, float]]) -> None:
    few, many = paired_difference(*zip(*pairs, strict=True)), paired_difference(*zip(*pairs * 4, strict=True))
    assert many.high - many.low < few.high - few.low


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: proportion(0, 0), "0 successes of 0"),
        (lambda: proportion(5, 4), "5 successes of 4"),
        (lambda: proportion(1, 4, level=95), "level=95"),
        (lambda: mean([0.3]), "1 value: an interval needs at least two"),
        (lambda: mean([]), "0 values"),
        (lambda: mean([0.3, math.nan]), "value 1 is nan"),
        (lambda: across_seeds([0.4]), "1 run"),
        (lambda: clustered_mean([0, 1], ["a", "a"]), "1 cluster"),
        (lambda: clustered_mean([0, 1], ["a"]), "2 values, but 1 names"),
        (lambda: paired_difference([0, 1], [1]), "2 scores against 1"),
        (lambda: paired_difference([1], [1]), "1 pair"),
    ],
)
def test_what_cannot_be_measured_is_refused_in_words(call: Callable[[], Estimate], said: str) -> None:
    with pytest.raises(DataError, match=said):
        call()
