"""What rounds would do to the real data if nothing but chance were at work: the null of the monitor.

    null = Null(reference, budget=25_000, seed=0)
    null.band("rare_types", 3)       # (.571, .597): of 95 % of the replicates, in round 3

A replicate plays the harmless case on the real data themselves: each round draws passages from a pool, with
replacement, as many words as a round of the run writes, and puts them back into the pool besides what is there. So it
loses what unbiased sampling loses where rounds accumulate, which stays bounded (the sum of 1/k² is), and no more.
"""

from functools import cached_property
from typing import NamedTuple

import numpy as np

from regrowth.metrics.collapse.following import Floats, Numbers
from regrowth.metrics.collapse.signs import Reference, Signs

__all__ = ["Null"]

REPLICATES = 200
PASSAGE = 40
"""Words that are drawn together: what is rare comes in clusters, and a null without them would be too narrow."""


class _Passages(NamedTuple):
    """Pieces of the real data in a row."""

    words: Numbers
    starts: Numbers
    lengths: Numbers


class Null:
    """Play replicates, as many rounds as are asked for."""

    def __init__(self, reference: Reference, budget: int, *, seed: int = 0, replicates: int = REPLICATES) -> None:
        """Begin with the real data in every pool."""
        self.reference, self.budget, self.replicates = reference, budget, replicates
        self._rng = np.random.default_rng([seed, 1])
        self._pools: list[list[Numbers]] = [[] for _ in range(replicates)]
        self._rounds: list[Floats] = []
        """Per round, the signs of every replicate."""

    @cached_property
    def _flat(self) -> _Passages:
        documents = self.reference.documents
        lengths = np.array([min(PASSAGE, len(one) - at) for one in documents for at in range(0, len(one), PASSAGE)])
        return _Passages(np.concatenate(documents), np.cumsum(lengths) - lengths, lengths)

    def signs(self, number: int) -> Floats:
        """Return the signs of every replicate in a round, one row each."""
        while len(self._rounds) < number:
            played = [self._played(pool) for pool in self._pools]
            self._rounds.append(np.array(played))
        return self._rounds[number - 1]

    def band(self, sign: str, number: int) -> tuple[float, float]:
        """Return what 95 % of the replicates read in a round."""
        low, high = np.quantile(self.signs(number)[:, Signs._fields.index(sign)], [0.025, 0.975])
        return float(low), float(high)

    def changes(self, sign: str, rounds: int) -> Floats:
        """Return by how much the logarithm of a sign changed since round 1: rounds 2 … `rounds`, by replicate."""
        place = Signs._fields.index(sign)
        logs = np.log(np.maximum([self.signs(number)[:, place] for number in range(1, rounds + 1)], 1e-12))
        return np.asarray((logs[1:] - logs[0]).T)

    def _played(self, pool: list[Numbers]) -> Signs:
        flat = self._flat
        drawn = self._drawn(pool, len(flat.lengths))
        pool.append(drawn)
        lengths = flat.lengths[drawn]
        inside = np.repeat(flat.starts[drawn] - (np.cumsum(lengths) - lengths), lengths)
        return self.reference.signs(flat.words[np.arange(len(inside)) + inside][: self.budget])

    def _drawn(self, pool: list[Numbers], real: int) -> Numbers:
        """Draw passages, those of the real data and all of earlier rounds alike, until there are enough words."""
        earlier = np.concatenate([np.arange(real), *pool])
        drawn = np.zeros(0, np.int64)
        mean = max(1.0, float(self._flat.lengths.mean()))
        while (held := int(self._flat.lengths[drawn].sum())) < self.budget:
            more = self._rng.integers(len(earlier), size=int((self.budget - held) / mean * 1.1) + 10)
            drawn = np.concatenate([drawn, earlier[more]])
        return np.asarray(drawn[: int(np.searchsorted(np.cumsum(self._flat.lengths[drawn]), self.budget)) + 1])
