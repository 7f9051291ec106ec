"""Measured numbers with their intervals: shares, means, repeated draws, paired arms, training seeds.

All in closed form, so equal data give equal intervals and 5,000 values take milliseconds; standard library only.

| what was measured                      | function            | interval                                            |
|----------------------------------------|---------------------|-----------------------------------------------------|
| one yes or no per problem              | `proportion`        | Wilson 1927                                         |
| one number per problem                 | `mean`              | Student's t                                         |
| several draws per problem              | `clustered_mean`    | cluster-robust; shares: Wilson at the effective n   |
| two arms on the same problems          | `paired_difference` | paired t; shares: Bonett and Price 2012             |
| the same experiment under other seeds  | `across_seeds`      | Student's t over the runs                           |

One measurement on its way: 376 of 800 unseen problems solved is `proportion(376, 800)`, and reads
    Estimate(value=0.47, low=0.4356, high=0.5046, n=800)
"""

import math
import statistics
from collections.abc import Hashable, Iterable, Sequence

from regrowth.core.errors import DataError
from regrowth.core.protocols import Estimate

__all__ = ["across_seeds", "clustered_mean", "mean", "paired_difference", "proportion"]


def proportion(successes: int, n: int, *, level: float = 0.95) -> Estimate:
    """Estimate a probability from independent yes-or-no outcomes, with Wilson's score interval.

    Never empty and never outside [0, 1], also at 0 of n and n of n.

    Raises:
        DataError: no outcomes, or more successes than outcomes.
    """
    if n < 1 or not 0 <= successes <= n:
        raise DataError(f"{successes} successes of {n}: expected n ≥ 1 and 0 ≤ successes ≤ n.")
    value = successes / n
    low, high = _wilson(value, n, _normal(level))
    return Estimate(value, low, high, n)


def mean(values: Iterable[float], *, level: float = 0.95) -> Estimate:
    """Estimate the mean of independent numbers, with Student's t interval.

    The interval is as wide as the values differ: values that are all equal give an interval of no width.
    For yes-or-no outcomes use `proportion`, which does not.

    Raises:
        DataError: fewer than two values, or one that is not finite.
    """
    numbers = _numbers(values)
    _need_two(len(numbers), "value")
    return _student(numbers, level)


def clustered_mean(values: Iterable[float], clusters: Iterable[Hashable], *, level: float = 0.95) -> Estimate:
    """Estimate a mean of numbers that come in clusters, such as several draws per problem.

    `clusters` names the cluster of each value. Draws on one problem resemble each other, so only clusters count as
    independent: `n` is their number, the variance is cluster-robust (squared sums of residuals, times G/(G-1)), the
    quantile is Student's with G-1 degrees of freedom. Values within [0, 1] take Wilson's interval at the effective
    number of observations, value (1 - value) / variance, so it never leaves [0, 1] and never shrinks to nothing.

    Raises:
        DataError: fewer than two clusters, a value that is not finite, or not one name per value.
    """
    numbers, names = _numbers(values), list(clusters)
    if len(numbers) != len(names):
        raise DataError(f"{len(numbers)} values, but {len(names)} names of clusters: expected one name per value.")
    residuals = dict.fromkeys(names, 0.0)
    groups = len(residuals)
    _need_two(groups, "cluster")
    value = math.fsum(numbers) / len(numbers)
    for number, name in zip(numbers, names, strict=True):
        residuals[name] += number - value
    variance = math.fsum(sum_ * sum_ for sum_ in residuals.values()) * groups / (groups - 1) / len(numbers) ** 2
    quantile = _student_quantile(level, groups - 1)
    if not _are_shares(numbers):
        reach = quantile * math.sqrt(variance)
        return Estimate(value, value - reach, value + reach, groups)
    low, high = _wilson(value, _effective(value, variance, groups, len(numbers)), quantile)
    return Estimate(value, low, high, groups)


def paired_difference(first: Sequence[float], second: Sequence[float], *, level: float = 0.95) -> Estimate:
    """Estimate by how much the first arm exceeds the second on the same problems: the mean of first minus second.

    The arms must list their scores in the same order of problems. Scores within [0, 1] (right or wrong, share of
    right draws) take the interval of Bonett and Price 2012: two imagined pairs are added, one each way, so that arms
    that happen to agree everywhere still get an interval with width. Other scores take the paired t interval.

    Raises:
        DataError: the arms differ in length, hold fewer than two scores, or one that is not finite.
    """
    ours, theirs = _numbers(first), _numbers(second)
    if len(ours) != len(theirs):
        raise DataError(f"{len(ours)} scores against {len(theirs)}: pairing needs one score of each arm per problem.")
    _need_two(len(ours), "pair")
    gaps = [one - other for one, other in zip(ours, theirs, strict=True)]
    if not (_are_shares(ours) and _are_shares(theirs)):
        return _student(gaps, level)
    value = math.fsum(gaps) / len(gaps)
    padded = [*gaps, 1.0, -1.0]
    centre = math.fsum(padded) / len(padded)
    variance = math.fsum(gap * gap for gap in padded) / len(padded) - centre * centre
    reach = _normal(level) * math.sqrt(variance / len(padded))
    return Estimate(value, max(-1.0, centre - reach), min(1.0, centre + reach), len(gaps))


def across_seeds(values: Iterable[float], *, level: float = 0.95) -> Estimate:
    """Estimate the mean result of an experiment from runs under other seeds; `n` is the number of runs.

    Student's t: with two or three runs the interval is wide, as it should be.

    Raises:
        DataError: fewer than two runs, or a result that is not finite.
    """
    numbers = _numbers(values)
    _need_two(len(numbers), "run")
    return _student(numbers, level)


def _student(numbers: Sequence[float], level: float) -> Estimate:
    n = len(numbers)
    value = math.fsum(numbers) / n
    spread = math.sqrt(math.fsum((number - value) ** 2 for number in numbers) / (n - 1))
    reach = _student_quantile(level, n - 1) * spread / math.sqrt(n)
    return Estimate(value, value - reach, value + reach, n)


def _wilson(value: float, n: float, quantile: float) -> tuple[float, float]:
    weight = quantile * quantile / n
    centre = (value + weight / 2) / (1 + weight)
    reach = quantile / (1 + weight) * math.sqrt(value * (1 - value) / n + weight / (4 * n))
    # At 0 of n and n of n the bound is exactly 0 or 1; rounding must not put the value outside its interval.
    return max(0.0, min(value, centre - reach)), min(1.0, max(value, centre + reach))


def _effective(value: float, variance: float, groups: int, count: int) -> float:
    """Return how many independent outcomes would be as informative; where all are alike, the number of clusters."""
    bernoulli = value * (1 - value)
    if bernoulli <= 0:
        return groups
    return count if variance * count <= bernoulli else bernoulli / variance


def _normal(level: float) -> float:
    _check_level(level)
    return statistics.NormalDist().inv_cdf((1 + level) / 2)


def _student_quantile(level: float, freedom: int) -> float:
    """Return t such that a share `level` of Student's distribution lies within ±t.

    Newton's method from the normal quantile, which is always too small; the two-sided probability is concave in t,
    so every step stays below the root and none overshoots.
    """
    t = _normal(level)
    for _ in range(200):
        step = (level - _within(t, freedom)) / (2 * _density(t, freedom))
        t += step
        if step <= 1e-13 * t:
            break
    return t


def _within(t: float, freedom: int) -> float:
    """Return the probability within ±t: finite sums for whole degrees of freedom (Abramowitz, Stegun 26.7.3-4)."""
    angle = math.atan(t / math.sqrt(freedom))
    cosine_squared = math.cos(angle) ** 2
    odd = freedom % 2
    term = math.cos(angle) if odd else 1.0
    total = term if freedom > 1 else 0.0
    for k in range(2 + odd, freedom - 1, 2):
        term *= cosine_squared * (k - 1) / k
        total += term
    total *= math.sin(angle)
    return 2 / math.pi * (angle + total) if odd else total


def _density(t: float, freedom: int) -> float:
    log_scale = math.lgamma((freedom + 1) / 2) - math.lgamma(freedom / 2) - math.log(freedom * math.pi) / 2
    return math.exp(log_scale - (freedom + 1) / 2 * math.log1p(t * t / freedom))


def _numbers(values: Iterable[float]) -> list[float]:
    numbers = [float(value) for value in values]
    for place, number in enumerate(numbers):
        if not math.isfinite(number):
            raise DataError(f"value {place} is {number}: expected finite numbers. Leave it out and say how many were.")
    return numbers


def _are_shares(numbers: Sequence[float]) -> bool:
    return min(numbers) >= 0 and max(numbers) <= 1


def _need_two(count: int, what: str) -> None:
    if count < 2:
        raise DataError(f"{count} {what}{'s' * (count != 1)}: an interval needs at least two; one shows no spread.")


def _check_level(level: float) -> None:
    if not 0 < level < 1:
        raise DataError(f"level={level}: expected a probability between 0 and 1, such as 0.95.")
