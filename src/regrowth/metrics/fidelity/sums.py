"""The mean of many distances read off the same rows: its interval, and its null, with all that they have in common.

    sums = Sums.of(Sizes(2000, 2000), rng)
    for each column or pair: sums.add(keys of the real rows, keys of the synthetic ones, how many keys)
    sums.reading("pair_trends")        Estimate(0.942, 0.938, 0.946)

Columns depend on each other, so their distances do not vary independently, and the error of the mean is not that of
independent ones. Each row knows by how much it moves the sum; the variance of these moves is that of the mean. The
real rows are dealt into halves once for all columns, so the null has their dependence too.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from regrowth.core.protocols import Estimate
from regrowth.metrics.agreement import NORMAL
from regrowth.metrics.fidelity.intervals import Halves, Sizes, apart
from regrowth.metrics.reading import Reading

__all__ = ["Sums", "running", "total"]

_ROUNDS = 20
Floats = npt.NDArray[np.float64]
Keys = npt.NDArray[np.intp]
Counts = npt.NDArray[np.int64]
Distance: TypeAlias = Callable[[Counts, Counts], float]


@dataclass
class Sums:
    """Add up distances: those of the tables, those of halves, and how each row moves them."""

    sizes: Sizes
    deals: tuple[Keys, ...]
    """Real rows in random orders: one half, then the other."""
    parts: int = 0
    distance: float = 0.0
    widths: float = 0.0
    """Squared halves of the intervals of all parts: what the mean is off by at least, were they independent."""
    halves: Floats = field(init=False)
    quarters: Floats = field(init=False)
    of_real: Floats = field(init=False)
    of_synthetic: Floats = field(init=False)

    @classmethod
    def of(cls, sizes: Sizes, rng: np.random.Generator) -> "Sums":
        """Begin at nothing."""
        rounds = _ROUNDS if sizes.enough else 0
        return cls(sizes, tuple(rng.choice(sizes.real, 2 * sizes.half, replace=False) for _ in range(rounds)))

    def __post_init__(self) -> None:
        """Begin at nothing."""
        self.halves, self.quarters = np.zeros(len(self.deals)), np.zeros(len(self.deals))
        self.of_real, self.of_synthetic = np.zeros(self.sizes.real), np.zeros(self.sizes.synthetic)

    def reading(self, measure: str) -> Reading:
        """Return one minus the mean distance."""
        value = 1 - self.distance / self.parts
        variance = self.of_real.var() / self.sizes.real + self.of_synthetic.var() / self.sizes.synthetic
        reach = max(NORMAL * math.sqrt(variance), math.sqrt(self.widths)) / self.parts
        null = Halves(self.halves / self.parts, self.quarters / self.parts, self.sizes) if self.deals else None
        rows = self.sizes.real + self.sizes.synthetic
        estimate = Estimate(value, max(0.0, value - reach), min(1.0, value + reach), rows)
        return Reading(measure, "", estimate, null.complement() if null else None)

    def add(self, real: Keys, synthetic: Keys, cells: int) -> tuple[Estimate, Estimate | None]:
        """Add the total variation distance of keys from 0 on; return one minus it, and its null."""
        counts = np.bincount(real, minlength=cells), np.bincount(synthetic, minlength=cells)
        estimate = apart(*counts, self.sizes)
        signs = np.sign(counts[1] * self.sizes.real - counts[0] * self.sizes.synthetic) / 2.0
        self.count(estimate)
        self.of_real -= signs[real]
        self.of_synthetic += signs[synthetic]
        halves = self.deal(real, cells, total)
        return estimate, halves.complement() if halves else None

    def count(self, estimate: Estimate) -> None:
        """Add one minus an estimate."""
        self.parts += 1
        self.distance += 1 - estimate.value
        self.widths += ((estimate.high - estimate.low) / 2) ** 2

    def deal(self, keys: Keys, cells: int, distance: Distance, *, known: int | None = None) -> Halves | None:
        """Add the distances of halves of the real rows and of quarters; return them.

        Args:
            known: only so many cells, the first, count; all by default.
        """
        if not self.deals:
            return None
        half, quarter = self.sizes.half, self.sizes.half // 2
        halves, quarters = np.empty(len(self.deals)), np.empty(len(self.deals))
        for turn, deal in enumerate(self.deals):
            dealt = keys[deal]
            one, other = np.bincount(dealt[:half], minlength=cells), np.bincount(dealt[half:], minlength=cells)
            part = np.bincount(dealt[:quarter], minlength=cells)
            halves[turn] = distance(one[:known], other[:known])
            quarters[turn] = distance(part[:known], (one - part)[:known])
        self.halves += halves
        self.quarters += quarters
        return Halves(halves, quarters, self.sizes)


def total(one: Counts, other: Counts) -> float:
    """Return the total variation distance of counts; 0 where either are none."""
    return float(np.abs(one / max(1, one.sum()) - other / max(1, other.sum())).sum() / 2)


def running(one: Counts, other: Counts) -> float:
    """Return the Kolmogorov-Smirnov distance of counts in order."""
    return float(np.abs(np.cumsum(one / max(1, one.sum()) - other / max(1, other.sum()))).max())
