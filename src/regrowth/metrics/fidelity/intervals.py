"""Intervals and null bands of distances: how far a reading may be off, and what real data read against themselves.

    separated(412, 1000, 530, 1000)            # shares .412 and .530 of a set: complement .882, Newcombe's interval
    Halves(halves, quarters, Sizes(2000, 2000)).complement()   # from 1,000 against 1,000 rows to 2,000 against 2,000

**Interval.** Kolmogorov-Smirnov and total variation distances are the difference of two shares on the set where the
tables differ most, so Newcombe's interval for two shares serves both (Newcombe 1998, method 10). It says how the
reading would move with other samples of the same sizes; it does not say where no difference lies. That is the null.

**Null.** The real rows are dealt into two halves again and again, and the halves are read against each other. Halves
are smaller than the tables, and distances shrink with size: by √½ per doubling where every value is frequent, hardly
where most values are rare. How much they shrink here is read off as well, from quarters against halves, and the band
is carried on along the curve through both. A bootstrap would not do: draws with replacement share their rare values,
which fresh rows never do, and the band comes out too strict.
"""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from regrowth.core.protocols import Estimate
from regrowth.metrics.agreement import NORMAL
from regrowth.metrics.intervals import proportion

__all__ = ["Halves", "Sizes", "absolute", "apart", "folded", "moved", "separated"]

MOST = 25_000
_HALF = 0.6745
"""Median of |N(0, 1)|."""
_FOLDED = (0.0313, 2.2414)
"""2.5 % and 97.5 % of |N(0, 1)|."""


@dataclass(frozen=True)
class Sizes:
    """Hold how many real and synthetic values are compared."""

    real: int
    synthetic: int

    @property
    def effective(self) -> float:
        """Return the size that rules the noise: n m / (n + m)."""
        return self.real * self.synthetic / (self.real + self.synthetic)

    @property
    def half(self) -> int:
        """Return how many rows each of two halves of the real ones gets: `MOST` of them will do."""
        return min(self.real // 2, max(2, round(2 * self.effective)), MOST)

    @property
    def enough(self) -> bool:
        """Tell whether halves can be halved once more."""
        return self.half >= 4


@dataclass(frozen=True)
class Halves:
    """Hold distances of halves of the real rows, and of quarters."""

    halves: npt.NDArray[np.float64]
    quarters: npt.NDArray[np.float64]
    sizes: Sizes
    fastest: float = 0.5
    """Power of the size with which the distance falls at most."""

    @property
    def carried(self) -> npt.NDArray[np.float64]:
        """Return the distances of halves at the sizes of the tables.

        Followed is the curve A (1 + size / c) ** -fastest through halves and quarters: flat while most values are rare,
        in the end as steep as with frequent ones.
        """
        half, quarter = float(self.halves.mean()), float(self.quarters.mean())
        fall = (quarter / half) ** (1 / self.fastest) if half > 0 else 2.0
        times = 2 * self.sizes.effective / self.sizes.half
        if fall >= 2:
            return np.asarray(self.halves * times**-self.fastest)
        bend = max(0.0, fall - 1) / (1 - fall / 2)  # size / c
        return np.asarray(self.halves * ((1 + bend) / (1 + times * bend)) ** self.fastest)

    def distance(self) -> Estimate:
        """Return the null of a distance."""
        value, spread = float(np.median(self.carried)), NORMAL * float(self.carried.std(ddof=1))
        return Estimate(value, max(0.0, value - spread), value + spread, self.sizes.real)

    def complement(self) -> Estimate:
        """Return the null of one minus a distance."""
        null = self.distance()
        return Estimate(max(0.0, 1 - null.value), max(0.0, 1 - null.high), 1 - null.low, null.n)


def separated(real: int, of_real: int, synthetic: int, of_synthetic: int) -> Estimate:
    """Return one minus the difference of two shares, with Newcombe's interval for it; `n` counts both."""
    ours, theirs = proportion(real, of_real), proportion(synthetic, of_synthetic)
    gap = theirs.value - ours.value
    if gap < 0:
        ours, theirs, gap = theirs, ours, -gap
    least = gap - math.hypot(theirs.value - theirs.low, ours.high - ours.value)
    most = gap + math.hypot(theirs.high - theirs.value, ours.value - ours.low)
    return Estimate(1 - gap, 1 - min(1.0, most), 1 - max(0.0, least), of_real + of_synthetic)


def apart(real: npt.NDArray[np.int64], synthetic: npt.NDArray[np.int64], sizes: Sizes) -> Estimate:
    """Return one minus the total variation distance of counts, as shares of the cells that have too many."""
    more = synthetic * sizes.real > real * sizes.synthetic
    return separated(int(real[more].sum()), sizes.real, int(synthetic[more].sum()), sizes.synthetic)


def absolute(difference: float, spread: float, n: int) -> Estimate:
    """Return the size of a difference whose standard error is `spread`."""
    reach = NORMAL * spread
    low, high = difference - reach, difference + reach
    least = 0.0 if low <= 0 <= high else min(abs(low), abs(high))
    return Estimate(abs(difference), least, max(abs(low), abs(high)), n)


def folded(spread: float, n: int) -> Estimate:
    """Return what the size of a difference reads that is nothing but noise of this standard error."""
    return Estimate(_HALF * spread, _FOLDED[0] * spread, _FOLDED[1] * spread, n)


def moved(value: float, drawn: npt.NDArray[np.float64], n: int, *, least: float = 0.0) -> Estimate:
    """Return a distance with the spread of its bootstrap, moved to the distance itself.

    Noise adds to every distance, so the draws lie too high all together; only how they differ counts.
    """
    low, high = np.quantile(drawn - drawn.mean(), (0.025, 0.975))
    return Estimate(value, max(least, value + min(0.0, float(low))), value + max(0.0, float(high)), n)
