"""Intervals and null bands of numbers that have no formula for them, such as the greatest gap between groups.

    draws = largest_gap(rng.beta(hits + 0.5, misses + 0.5, size=(1000, groups)))
    estimated(value, draws, n=2000, bounds=(0, 1))       # 95 %, never narrower than either bootstrap says
    middle(null_draws, n=2000)                           # the median and the middle 95 % of what chance gives

A greatest gap and a total variation are pushed upwards by noise: their resamples lie above the value, so percentiles
alone are too high and reflected ones (the basic bootstrap) too low. The interval here spans both.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from regrowth.core.protocols import Estimate

__all__ = ["DRAWS", "Floats", "banded", "estimated", "middle"]

Floats = npt.NDArray[np.float64]
DRAWS = 1000


def estimated(
    value: float, draws: Floats, n: int, *, bounds: tuple[float, float] = (-np.inf, np.inf), skipped: int = 0
) -> Estimate:
    """Return a value with the interval that spans the percentile and the basic bootstrap."""
    known = draws[np.isfinite(draws)]
    if not len(known):
        return Estimate(value, *bounds, n, skipped)
    low, high = (float(one) for one in np.quantile(known, (0.025, 0.975)))
    least = min(low, 2 * value - high, value)
    most = max(high, 2 * value - low, value)
    return Estimate(value, max(bounds[0], least), min(bounds[1], most), n, skipped)


def middle(draws: npt.NDArray[np.floating[Any]] | Sequence[float], n: int) -> Estimate:
    """Return the median and the middle 95 % of draws."""
    low, median, high = np.quantile(draws, (0.025, 0.5, 0.975))
    return Estimate(float(median), float(low), float(high), n)


def banded(draws: Floats, n: int) -> Estimate | None:
    """Return the `middle` of the draws that are numbers; nothing where none is."""
    known = draws[np.isfinite(draws)]
    return middle(known, n) if len(known) else None
