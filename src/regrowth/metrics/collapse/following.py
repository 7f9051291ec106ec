"""Which words followed which contexts, and how often: sorted keys, so that a million lookups take one call.

following = Following(contexts, words, size=9_000)
starts, stops = following.span(contexts)      # places in `following.words` of what followed each context
"""

from typing import TypeAlias

import numpy as np
import numpy.typing as npt

__all__ = ["Floats", "Following", "Mask", "Numbers", "shares"]

Numbers: TypeAlias = npt.NDArray[np.int64]
Floats: TypeAlias = npt.NDArray[np.float64]
Mask: TypeAlias = npt.NDArray[np.bool_]


class Following:
    """Hold how often each word followed each context."""

    def __init__(self, contexts: Numbers, following: Numbers, size: int) -> None:
        self.size = size
        self.keys, counts = np.unique(contexts * size + following, return_counts=True)
        self.counts = counts.astype(np.int64)
        self.words = self.keys % size
        self.ends = np.cumsum(self.counts)
        """Of each key's occurrences, all of them in a row."""

    def span(self, contexts: Numbers) -> tuple[Numbers, Numbers]:
        """Return where the words that followed some contexts begin and end among the keys."""
        return np.searchsorted(self.keys, contexts * self.size), np.searchsorted(self.keys, (contexts + 1) * self.size)

    def totals(self, starts: Numbers, stops: Numbers) -> Numbers:
        """Return how often the contexts were followed at all."""
        ends = np.concatenate(([0], self.ends))
        return np.asarray(ends[stops] - ends[starts])

    def of(self, contexts: Numbers, following: Numbers) -> Numbers:
        """Return how often given words followed given contexts."""
        wanted = contexts * self.size + following
        places = np.minimum(np.searchsorted(self.keys, wanted), len(self.keys) - 1)
        return np.where(self.keys[places] == wanted, self.counts[places], 0)

    def draw(self, starts: Numbers, stops: Numbers, uniform: Floats) -> Numbers:
        """Draw one of the occurrences of each span, which must not be empty."""
        ends = np.concatenate(([0], self.ends))
        place = ends[starts] + (uniform * (ends[stops] - ends[starts])).astype(np.int64)
        return np.asarray(self.words[np.searchsorted(self.ends, place, side="right")])


def shares(weights: tuple[float, float, float], pairs: Mask, triples: Mask) -> tuple[Floats, Floats, Floats]:
    """Return the weights of single words, pairs and triples per context, given which of its forms were ever seen."""
    _, two, three = weights
    third = np.where(triples, three, 0.0)
    second = np.where(pairs, two + three - third, 0.0)
    return 1 - second - third, second, third
