"""Agreement: values worked out by hand, and the intervals' coverage."""

import math
import random

import pytest

from regrowth.core.errors import DataError
from regrowth.metrics.agreement import auc, correlation, detection, kappa


def test_auc_is_the_share_of_pairs_in_order_and_ties_count_a_half() -> None:
    assert auc([0.2, 0.4], [0.3, 0.9]).value == 0.75
    assert auc([1.0, 1.0], [1.0, 1.0]).value == 0.5
    assert auc([0, 1, 2], [3, 4]).value == 1.0
    assert auc([3.0, 4.0], [0.0, 1.0]).value == 0.0


def test_the_interval_of_auc_covers_the_truth() -> None:
    rng, inside = random.Random(0), 0
    truth = 0.5 * (1 + math.erf(1 / 2))  # P(N(1,1) > N(0,1)) = Φ(1/√2)
    for _ in range(300):
        found = auc([rng.gauss(0, 1) for _ in range(60)], [rng.gauss(1, 1) for _ in range(60)])
        inside += found.low <= truth <= found.high
    assert 0.91 < inside / 300 < 0.985


def test_correlation_of_lines_and_of_noise() -> None:
    line = correlation([1, 2, 3, 4], [2, 4, 6, 8])
    assert line.value == pytest.approx(1)
    assert line.low <= line.value <= line.high
    assert correlation([1, 2, 3, 4], [8, 6, 4, 2]).value == pytest.approx(-1)
    rng, inside = random.Random(1), 0
    for _ in range(300):
        x = [rng.gauss(0, 1) for _ in range(40)]
        y = [0.6 * one + 0.8 * rng.gauss(0, 1) for one in x]
        found = correlation(x, y)
        inside += found.low <= 0.6 <= found.high
    assert 0.91 < inside / 300 < 0.985


def test_kappa_of_a_table_worked_out_by_hand() -> None:
    # 20 both yes, 15 both no, 5 and 10 apart: agreed 0.7, by chance 0.5, so 0.4.
    first = ["yes"] * 20 + ["yes"] * 5 + ["no"] * 10 + ["no"] * 15
    second = ["yes"] * 20 + ["no"] * 5 + ["yes"] * 10 + ["no"] * 15
    found = kappa(first, second)
    assert found.value == pytest.approx(0.4)
    assert (found.low, found.high) == pytest.approx((0.149, 0.651), abs=0.003)
    assert kappa(["a", "b"], ["a", "b"]).value == 1.0
    assert kappa(["a", "b", "a", "b"], ["b", "a", "b", "a"]).value == -1.0


def test_detection_counts_what_was_found_and_what_was_missed() -> None:
    found = detection([True, True, False, False], [True, False, True, False])
    assert found.precision is not None
    assert found.recall is not None
    assert (found.precision.value, found.precision.n) == (0.5, 2)
    assert (found.recall.value, found.recall.n) == (0.5, 2)
    assert detection([False], [True]).precision is None


@pytest.mark.parametrize(
    "call",
    [
        lambda: auc([1.0], [1.0, 2.0]),
        lambda: correlation([1.0, 2.0, 3.0], [1.0, 2.0, 3.0]),
        lambda: correlation([1.0] * 5, [1.0, 2.0, 3.0, 4.0, 5.0]),
        lambda: kappa(["a", "a"], ["a", "a"]),
        lambda: kappa(["a"], ["a", "b"]),
        lambda: detection([True], []),
    ],
)
def test_too_little_to_measure_is_told(call: object) -> None:
    with pytest.raises(DataError):
        call()  # type: ignore[operator]
