"""A sequential alarm: evidence adds up over rounds, chance does not.

    rule = Cusum.calibrated(null, false_alarms=0.0025, seed=0)   # null: changes since round 1, replicates × rounds
    z = rule.z(change, number=3)                                  # how much worse, in standard deviations of the null
    rule.exceeded(rule.step(sum_, z), z)                          # alarm?

Page's cumulative sum, S = max(0, S + z - 1/2), beside a limit to a single z, which is quicker where a change is great.
Readings of successive rounds hang together, since all are compared with round 1 and what a round wrote stays in the
pool; so the limits are not a textbook's. They are read off 50,000 runs drawn from the normal distribution with the
null's own covariance: the stated share of them exceeds one of the two at any time, half of it each.
"""

from dataclasses import dataclass
from typing import Self

import numpy as np

from regrowth.metrics.collapse.following import Floats

__all__ = ["ALLOWANCE", "Cusum"]

ALLOWANCE = 0.5
RUNS = 50_000


@dataclass(frozen=True)
class Cusum:
    """Say when changes are too many."""

    means: Floats
    """Of the null, from round 2 on; later rounds are compared with the last."""
    spreads: Floats
    limit: float
    """Of the sum."""
    peak: float
    """Of a single z."""

    @classmethod
    def calibrated(cls, null: Floats, *, false_alarms: float, seed: int = 0) -> Self:
        """Find the limit that a share of runs exceeds at any time.

        Args:
            null: changes since round 1, one row per replicate and one column per round from 2 on.
            false_alarms: of runs with as many rounds, in which nothing but chance is at work.
        """
        means, spreads = null.mean(axis=0), np.maximum(null.std(axis=0, ddof=1), 1e-9)
        covariance = np.atleast_2d(np.cov((null - means) / spreads, rowvar=False))
        covariance += 1e-9 * np.eye(len(covariance))
        normal = np.random.default_rng([seed, 2]).standard_normal((RUNS, len(means)))
        drawn = normal @ np.linalg.cholesky(covariance).T
        sums, highest = np.zeros(RUNS), np.zeros(RUNS)
        for place in range(len(means)):
            sums = np.maximum(0.0, sums + drawn[:, place] - ALLOWANCE)
            highest = np.maximum(highest, sums)
        limit, peak = (np.quantile(one, 1 - false_alarms / 2) for one in (highest, drawn.max(axis=1)))
        return cls(means, spreads, float(limit), float(peak))

    def z(self, change: float, number: int) -> float:
        """Return by how many standard deviations a change since round 1 is lower than the null's mean."""
        place = min(number - 2, len(self.means) - 1)
        return float((self.means[place] - change) / self.spreads[place])

    def step(self, sum_: float, z: float) -> float:
        """Return the sum after one more round."""
        return max(0.0, sum_ + z - ALLOWANCE)

    def exceeded(self, sum_: float, z: float) -> bool:
        """Tell whether a round's sum, or its z alone, is more than chance explains."""
        return sum_ > self.limit or z > self.peak
