"""Exposure: ranks by counting, tails against the normal law."""

import math
import random
import statistics

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from regrowth.core.errors import DataError
from regrowth.metrics.leakage.exposure import beyond, exposure


def scores(count: int, seed: int = 0) -> list[float]:
    dice = random.Random(seed)
    return [dice.gauss(-20, 2) for _ in range(count)]


def test_within_the_draw_it_is_minus_the_log_of_the_share() -> None:
    others = [float(number) for number in range(999)]
    found = exposure(499.0, others, 10**6)
    assert found.bits.value == pytest.approx(-math.log2(501 / 1000))
    assert not found.extrapolated
    assert found.beaten == pytest.approx(499 / 999)


def test_a_secret_below_all_others_has_no_exposure() -> None:
    assert exposure(-1e6, scores(100), 10**6).bits.value == pytest.approx(0)


def test_a_whole_space_that_is_listed_gives_the_rank() -> None:
    others = [float(number) for number in range(15)]
    assert exposure(99.0, others, 16).bits.value == pytest.approx(4)  # log2 16 - log2 1


@pytest.mark.parametrize("deviations", [3, 4, 5])
def test_beyond_the_draw_the_normal_law_is_followed(deviations: int) -> None:
    found = exposure(-20 + 2 * deviations, scores(4000), 10**12)
    wanted = -math.log2(1 - statistics.NormalDist().cdf(deviations))
    assert found.extrapolated == (deviations >= 4)
    assert found.bits.value == pytest.approx(wanted, rel=0.2)
    assert found.bits.low <= found.bits.value <= found.bits.high


def test_the_fitted_tail_is_the_skew_normals() -> None:
    """Against 400,000 draws of a skew normal: |x| of one normal mixed with another."""
    dice = np.random.default_rng(0)
    delta = 0.9
    drawn = delta * np.abs(dice.standard_normal(400_000)) + math.sqrt(1 - delta**2) * dice.standard_normal(400_000)
    for bar in (1.0, 2.0, 3.0):
        assert beyond(bar, drawn) == pytest.approx(float((drawn > bar).mean()), rel=0.06)
    for bar in (-3.0, -1.0):
        assert beyond(bar, -drawn) == pytest.approx(float((-drawn > bar).mean()), rel=0.06)


def test_the_space_is_the_limit() -> None:
    found = exposure(1e9, scores(100), 10**6)
    assert found.bits.value == found.bits.high == pytest.approx(math.log2(10**6))
    assert found.bits.low < 6  # all that a hundred draws can show


@settings(max_examples=80, deadline=None)
@given(st.floats(-1e3, 0), st.lists(st.floats(-1e3, 0), min_size=10, max_size=50), st.integers(60, 10**9))
def test_exposure_lies_within_its_interval_and_the_space(planted: float, others: list[float], space: int) -> None:
    found = exposure(planted, others, space).bits
    assert 0 <= found.low <= found.value <= found.high <= math.log2(space) + 1e-9


def test_what_cannot_be_ranked_is_told() -> None:
    with pytest.raises(DataError, match="ten of them"):
        exposure(0.0, [1.0] * 9, 100)
    with pytest.raises(DataError, match="finite"):
        exposure(math.nan, scores(20), 100)
