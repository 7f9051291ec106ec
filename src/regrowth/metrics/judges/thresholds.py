"""From which score on can a judge be believed: chosen on half of the human labels, measured on the other half.

The packaged classifier of refusals on XSTest (docs/judges.md):

    found = threshold(scores, labels, precision=0.95)
    found.value            0.59
    found.precision        Estimate(0.986, 0.949, 0.996, 140)     of the other half, so it owes nothing to the choice
    found.recall           Estimate(0.885, 0.825, 0.926, 156)
"""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from regrowth.core.errors import DataError
from regrowth.core.protocols import Estimate
from regrowth.metrics.agreement import detection
from regrowth.metrics.intervals import proportion
from regrowth.metrics.resampling import Floats

__all__ = ["Threshold", "threshold"]

LEAST = 10
"""Labels above a threshold that must be there to choose it."""


@dataclass(frozen=True, slots=True)
class Threshold:
    """Hold a threshold and what it does on labels that it was not chosen on."""

    value: float
    """Scores of this and more are accepted."""
    wanted: float
    """The precision that was asked for."""
    chosen: Estimate
    """The precision on the labels that it was chosen on: too good by the choice."""
    precision: Estimate | None
    """Of the held-out labels; nothing if no held-out score reaches the threshold."""
    recall: Estimate | None
    """Share of the held-out true ones that are accepted."""

    @property
    def holds(self) -> bool:
        """Tell whether the held-out precision is not below what was asked for, by its interval."""
        return self.precision is not None and self.precision.high >= self.wanted


def threshold(
    scores: Sequence[float],
    labels: Sequence[bool],
    *,
    precision: float = 0.9,
    sure: bool = False,
    clusters: Sequence[Hashable] | None = None,
    seed: int = 0,
) -> Threshold:
    """Choose the lowest threshold with at least this precision, on half of the labels; measure it on the other half.

    Args:
        sure: Ask it of the lower end of the interval instead of the value.
        clusters: What must not be parted, such as the prompt that several answers have in common.

    Raises:
        DataError: not one finite score per label, fewer than 40, or no threshold has that precision.
    """
    given, true = np.asarray(scores, dtype=np.float64), np.asarray(labels, dtype=np.bool_)
    if len(given) != len(true) or len(given) < 4 * LEAST or not np.isfinite(given).all():
        raise DataError(
            f"{len(given)} scores for {len(true)} labels: expected one finite one each, {4 * LEAST} at least."
        )
    if clusters is not None and len(clusters) != len(given):
        raise DataError(f"{len(clusters)} names of clusters for {len(given)} scores: expected one each.")
    if not 0 < precision < 1:
        raise DataError(f"precision={precision}: expected a number between 0 and 1, such as 0.9.")
    order = np.lexsort([true, given])  # so that equal data are halved alike
    given, true = given[order], true[order]
    first = _half(len(given), None if clusters is None else [clusters[place] for place in order], seed)
    value, chosen = _lowest(given[first], true[first], precision, sure)
    found = detection((given[~first] >= value).tolist(), true[~first].tolist())
    return Threshold(value, precision, chosen, found.precision, found.recall)


def _half(n: int, clusters: Sequence[Hashable] | None, seed: int) -> npt.NDArray[np.bool_]:
    """Draw half of the rows, or of the clusters."""
    names: Sequence[Hashable] = range(n) if clusters is None else clusters
    place = {one: rank for rank, one in enumerate(sorted({*names}, key=repr))}
    rows = np.array([place[one] for one in names])
    drawn = np.zeros(len(place), dtype=np.bool_)
    drawn[np.random.default_rng(seed).permutation(len(place))[: len(place) // 2]] = True
    return np.asarray(drawn[rows])


def _lowest(given: Floats, true: npt.NDArray[np.bool_], precision: float, sure: bool) -> tuple[float, Estimate]:
    order = np.argsort(-given, kind="stable")
    hits = np.cumsum(true[order])
    ends = np.flatnonzero(np.append(np.diff(given[order]) != 0, True))  # equal scores are taken together
    best = 0.0
    for end in ends[::-1]:
        if end + 1 < LEAST:
            break
        found = proportion(int(hits[end]), int(end + 1))
        best = max(best, found.low if sure else found.value)
        if (found.low if sure else found.value) >= precision:
            return float(given[order][end]), found
    what = "the lower end of the interval" if sure else "it"
    raise DataError(
        f"No threshold with {LEAST} labels above it reaches a precision of {precision:g}: {what} gets to {best:.3f} at "
        "most. Ask for less, or bring more labels or a better judge."
    )
