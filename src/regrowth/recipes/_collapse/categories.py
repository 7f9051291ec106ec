"""Categories with Zipf's law, re-counted from their own draws: rare types die one by one, the tail's mass stays.

    play(Zipf(types=1000, exponent=1.0), "replace", Mixing(), rounds=50, size=1000, seeds=100, seed=0)

Figures: `types` that are left, `simpson` (1 - Σ q²: the chance that two draws differ), `tail mass` (of the rarer half
of the types), `cross-entropy` (of the truth under the fit, 0.1 added to every count; nats). Nothing is right or wrong.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from regrowth.core.errors import DataError
from regrowth.recipes._collapse.samples import Array, Counts, Mask, Rng

__all__ = ["Zipf"]

ADDED = 0.1
"""Added to every count before logarithms are taken."""


@dataclass(frozen=True)
class Zipf:
    """Draw categories with probability proportional to rank ** -exponent; fit their shares."""

    types: int = 1000
    exponent: float = 1.0
    size: int = 1000
    """Draws that the 0.1 per type is added to."""

    @property
    def truth(self) -> Array:
        """Return the real shares."""
        masses = np.arange(1, self.types + 1) ** -self.exponent
        return np.asarray(masses / masses.sum())

    @property
    def simpson(self) -> float:
        """Return the chance that two real draws differ."""
        return float(1 - (self.truth**2).sum())

    def real(self, rng: Rng, seeds: int, size: int) -> Counts:
        """Draw real data."""
        return Counts(rng.multinomial(size, self.truth, size=seeds))

    def fit(self, parts: Sequence[Counts], weights: Sequence[float]) -> Array:
        """Return the weighted mean of the parts' shares."""
        shares = sum(weight * part.values / part.size for weight, part in zip(weights, parts, strict=True))
        return np.asarray(shares / np.sum(weights))

    def sample(self, fit: Array, rng: Rng, size: int) -> Counts:
        """Draw from the shares."""
        return Counts(rng.multinomial(size, fit / fit.sum(1, keepdims=True)))

    def risk(self, fit: Array) -> Mapping[str, Array]:
        """Measure what is left of the real distribution."""
        smooth = (fit * self.size + ADDED) / (self.size + ADDED * self.types)
        return {
            "types": (fit > 0).sum(1).astype(float),
            "simpson": 1 - (fit**2).sum(1),
            "tail mass": fit[:, self.types // 2 :].sum(1),
            "cross-entropy": -(self.truth * np.log(smooth)).sum(1),
        }

    def wrong(self, data: Counts) -> Mask:
        """Refuse.

        Raises:
            DataError: always.
        """
        raise DataError("Categories are neither right nor wrong: leave out the arm 'verified' in this world.")
