"""How far labels of several people or judges agree beyond chance, on ordered labels and with gaps.

    weighted_kappa([1, 2, 3, 4], [1, 2, 4, 4])                      # two raters, near misses count in part
    krippendorff([[1, 1, None], [2, 3, 2], [3, 3, 3]], "ordinal")   # one row per item, one place per rater

| what                                    | interval                                             |
|-----------------------------------------|------------------------------------------------------|
| Cohen's κ: `metrics.agreement.kappa`    | asymptotic, Fleiss, Cohen and Everitt 1969           |
| weighted κ, linear or quadratic         | the same, in its weighted form                       |
| Krippendorff's α, missing labels allowed | bootstrap over the items                            |
"""

import math
from collections.abc import Sequence
from typing import Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from regrowth.core.errors import DataError
from regrowth.core.protocols import Estimate
from regrowth.metrics.agreement import NORMAL
from regrowth.metrics.resampling import DRAWS, Floats, estimated

__all__ = ["Level", "krippendorff", "weighted_kappa"]

Level: TypeAlias = Literal["nominal", "ordinal", "interval"]
MOST = 200
"""Different labels of nominal and ordinal data."""
BLOCK = 2_000_000
"""Numbers held at a time while resampling."""


def weighted_kappa(
    first: Sequence[float], second: Sequence[float], *, weights: Literal["linear", "quadratic"] = "quadratic"
) -> Estimate:
    """Estimate Cohen's weighted kappa of two raters: labels that are far apart count as more wrong.

    The distance between two labels is that of their places among all labels in use, as in scikit-learn.

    Raises:
        DataError: fewer than two items, lists of different length, or only one label in use.
    """
    n = len(first)
    if n != len(second) or n < 2:
        raise DataError(f"{n} and {len(second)} labels: expected one of each rater for two items at least.")
    labels, places = np.unique(np.concatenate([np.asarray(first), np.asarray(second)]), return_inverse=True)
    many = len(labels)
    if many < 2:
        raise DataError("Both raters use one label only: there is no chance agreement to be above.")
    table = np.zeros((many, many))
    np.add.at(table, (places[:n], places[n:]), 1 / n)
    apart = np.abs(np.subtract.outer(np.arange(many), np.arange(many))) / (many - 1)
    near = 1 - (apart if weights == "linear" else apart**2)
    ours, theirs = table.sum(axis=1), table.sum(axis=0)
    agreed, chance = float((near * table).sum()), float(ours @ near @ theirs)
    value = (agreed - chance) / (1 - chance)
    inner = near - np.add.outer(near @ theirs, ours @ near) * (1 - value)
    spread = max(0.0, float((table * inner**2).sum()) - (value - chance * (1 - value)) ** 2)
    reach = NORMAL * math.sqrt(spread / n) / (1 - chance)
    return Estimate(value, max(-1.0, value - reach), min(1.0, value + reach), n)


def krippendorff(
    items: Sequence[Sequence[Any]], level: Level = "nominal", *, draws: int = DRAWS, seed: int = 0
) -> Estimate:
    """Estimate Krippendorff's alpha: 1 full agreement, 0 what chance gives; `n` counts the items of two labels or more.

    Args:
        items: The labels that each item got; None or NaN where a rater gave none. Who gave which does not matter.
        level: `nominal`: labels differ or not; `ordinal`: by how many labels in use lie between; `interval`: numbers.

    Raises:
        DataError: fewer than two items have two labels, all labels are equal, or there are too many different ones.
    """
    rated = [kept for item in items if len(kept := [label for label in item if _given(label)]) > 1]
    if len(rated) < 2:
        raise DataError(f"{len(rated)} of {len(items)} items have two labels or more: expected two items at least.")
    if len({label for item in rated for label in item}) < 2:
        raise DataError("All labels are equal: there is no disagreement to be expected, so α does not exist.")
    rated.sort(key=lambda item: sorted(map(repr, item)))  # so that equal data give equal draws
    rng = np.random.default_rng(seed)
    many = len(rated)
    picks = rng.multinomial(many, np.full(many, 1 / many), size=draws).astype(np.float64)
    whole = np.ones((1, many))
    read = _interval if level == "interval" else _coincidence
    value, *drawn = read(rated, level, np.concatenate([whole, picks]))
    return estimated(float(value), np.array(drawn), many, bounds=(-1.0, 1.0), skipped=len(items) - many)


def _given(label: object) -> bool:
    return label is not None and not (isinstance(label, float) and math.isnan(label))


def _interval(rated: Sequence[Sequence[float]], level: Level, picks: Floats) -> Floats:
    """Return α for weights of the items [draws, items], from sums: squared differences need no table of labels."""
    middle = math.fsum(float(one) for item in rated for one in item) / sum(map(len, rated))
    values = [np.asarray(item, dtype=np.float64) - middle for item in rated]
    counts = np.array([len(item) for item in values], dtype=np.float64)
    sums, squares = np.array([item.sum() for item in values]), np.array([item @ item for item in values])
    observed = picks @ (2 * (counts * squares - sums**2) / (counts - 1))
    n = picks @ counts
    expected = 2 * (n * (picks @ squares) - (picks @ sums) ** 2) / (n - 1)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(expected > 0, 1 - observed / expected, np.nan)


def _coincidence(rated: Sequence[Sequence[Any]], level: Level, picks: Floats) -> Floats:
    """Return α for weights of the items [draws, items], from coincidences of labels."""
    labels = sorted({label for item in rated for label in item}, key=None if level == "ordinal" else repr)
    if len(labels) > MOST:
        raise DataError(f"{len(labels)} different labels, expected {MOST} at most. Numbers: level='interval'.")
    place = {label: index for index, label in enumerate(labels)}
    counts = np.zeros((len(rated), len(labels)))
    for row, item in enumerate(rated):
        for label in item:
            counts[row, place[label]] += 1
    many = counts.sum(axis=1)
    step = max(1, BLOCK // (len(rated) + len(labels) ** 2))
    return np.concatenate(
        [_alpha(counts, many, picks[start : start + step], level) for start in range(0, len(picks), step)]
    )


def _alpha(counts: Floats, many: Floats, picks: Floats, level: Level) -> Floats:
    weights = picks / (many - 1)
    table = np.einsum("du,ui,uj->dij", weights, counts, counts, optimize=True)
    diagonal = np.arange(counts.shape[1])
    table[:, diagonal, diagonal] -= weights @ counts
    totals = picks @ counts
    n = totals.sum(axis=1)
    apart = _apart(totals, level)
    observed = (table * apart).sum(axis=(1, 2))
    expected = np.einsum("di,dj,dij->d", totals, totals, apart) / (n - 1)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(expected > 0, 1 - observed / expected, np.nan)


def _apart(totals: Floats, level: Level) -> npt.NDArray[Any]:
    if level == "nominal":
        return np.broadcast_to(1 - np.eye(totals.shape[1]), (len(totals), totals.shape[1], totals.shape[1]))
    middles = np.cumsum(totals, axis=1) - totals / 2  # labels between, and half of those at the ends
    return np.asarray((middles[:, :, None] - middles[:, None, :]) ** 2)
