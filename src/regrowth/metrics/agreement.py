"""How well does one judgement agree with another: a score with a label, numbers with numbers, raters with raters.

    auc([0.2, 0.4], [0.3, 0.9])                          # P(a positive scores above a negative) = 0.75
    correlation(predicted, measured)                     # Pearson's r
    kappa(["A", "B", "A"], ["A", "B", "B"])              # agreement beyond chance
    found = detection(flagged, faulty)                   # found.precision, found.recall: Estimates

| what                               | interval                                             |
|------------------------------------|------------------------------------------------------|
| `auc` (ties count a half)          | DeLong 1988                                          |
| `correlation`                      | Fisher's z                                           |
| `kappa` (Cohen)                    | asymptotic, Fleiss, Cohen and Everitt 1969           |
| `detection` (precision and recall) | Wilson                                               |
"""

import bisect
import math
import statistics
from collections import Counter
from collections.abc import Hashable, Sequence
from typing import NamedTuple

from regrowth.core.errors import DataError
from regrowth.core.protocols import Estimate
from regrowth.metrics.intervals import proportion

__all__ = ["Detection", "auc", "correlation", "detection", "kappa"]

NORMAL = statistics.NormalDist().inv_cdf(0.975)


class Detection(NamedTuple):
    """Hold how a detector did; a share of nothing is missing."""

    precision: Estimate | None
    """Share of what was flagged that is faulty."""
    recall: Estimate | None
    """Share of what is faulty that was flagged."""


def auc(negatives: Sequence[float], positives: Sequence[float]) -> Estimate:
    """Estimate the probability that a positive scores above a negative, ties counting a half; `n` counts both.

    Source of the interval: DeLong, DeLong and Clarke-Pearson, 1988; it is cut at 0 and 1.

    Raises:
        DataError: fewer than two of either kind.
    """
    if min(len(negatives), len(positives)) < 2:
        raise DataError(f"{len(negatives)} negatives and {len(positives)} positives: expected two of each at least.")
    below = _placements(positives, negatives)
    above = [1 - share for share in _placements(negatives, positives)]
    value = math.fsum(below) / len(below)
    reach = NORMAL * math.sqrt(_variance(below) / len(below) + _variance(above) / len(above))
    return Estimate(value, max(0.0, value - reach), min(1.0, value + reach), len(negatives) + len(positives))


def _placements(values: Sequence[float], others: Sequence[float]) -> list[float]:
    """Return for each value the share of the others that lie below it, ties counting a half."""
    ordered = sorted(others)
    return [
        (bisect.bisect_left(ordered, value) + bisect.bisect_right(ordered, value)) / (2 * len(ordered))
        for value in values
    ]


def _variance(values: Sequence[float]) -> float:
    middle = math.fsum(values) / len(values)
    return math.fsum((value - middle) ** 2 for value in values) / (len(values) - 1)


def correlation(first: Sequence[float], second: Sequence[float]) -> Estimate:
    """Estimate Pearson's correlation of paired numbers, with Fisher's interval.

    Raises:
        DataError: fewer than four pairs, lists of different length, or numbers that do not vary.
    """
    if len(first) != len(second) or len(first) < 4:
        raise DataError(f"{len(first)} and {len(second)} numbers: expected pairs, four at least.")
    try:
        value = statistics.correlation(first, second)
    except statistics.StatisticsError as error:
        raise DataError("Numbers that are all equal correlate with nothing.") from error
    value = max(-1.0, min(1.0, value))
    middle, reach = math.atanh(max(-1 + 1e-15, min(1 - 1e-15, value))), NORMAL / math.sqrt(len(first) - 3)
    low, high = math.tanh(middle - reach), math.tanh(middle + reach)
    return Estimate(value, min(low, value), max(high, value), len(first))


def kappa(first: Sequence[Hashable], second: Sequence[Hashable]) -> Estimate:
    """Estimate Cohen's kappa of two raters: 1 full agreement, 0 what chance gives.

    Raises:
        DataError: fewer than two items, lists of different length, or only one label in use.
    """
    n = len(first)
    if n != len(second) or n < 2:
        raise DataError(f"{n} and {len(second)} labels: expected one of each rater for two items at least.")
    ours, theirs, both = Counter(first), Counter(second), Counter(zip(first, second, strict=True))
    labels = ours.keys() | theirs.keys()
    agreed = sum(both[label, label] for label in labels) / n
    chance = sum(ours[label] * theirs[label] for label in labels) / n**2
    if chance >= 1:
        raise DataError("Both raters use one label only: there is no chance agreement to be above.")
    value = (agreed - chance) / (1 - chance)
    diagonal = sum(
        both[label, label] / n * (1 - (ours[label] + theirs[label]) / n * (1 - value)) ** 2 for label in labels
    )
    off = (1 - value) ** 2 * sum(
        count / n * ((theirs[one] + ours[other]) / n) ** 2 for (one, other), count in both.items() if one != other
    )
    spread = max(0.0, diagonal + off - (value - chance * (1 - value)) ** 2)
    reach = NORMAL * math.sqrt(spread / n) / (1 - chance)
    return Estimate(value, max(-1.0, value - reach), min(1.0, value + reach), n)


def detection(flagged: Sequence[bool], faulty: Sequence[bool]) -> Detection:
    """Estimate precision and recall of what was flagged against what is faulty.

    Raises:
        DataError: lists of different length.
    """
    if len(flagged) != len(faulty):
        raise DataError(f"{len(flagged)} flags for {len(faulty)} items: expected one each.")
    hits = sum(one and other for one, other in zip(flagged, faulty, strict=True))
    shares = [proportion(hits, count) if (count := sum(side)) else None for side in (flagged, faulty)]
    return Detection(*shares)
