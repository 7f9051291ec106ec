"""What a round's writing shows of collapse, at a fixed number of words: counts only, no model.

    first = Reference.of(real)                        # which words are rare: at most twice in the real data
    first.signs(first.encode(made), budget=25_000)    # rare_types .59, types 2670, tail_mass .086, …

Rare words go first when models learn from their own writing: the share of them that is still written falls under plain
resampling. What they weigh together (the tail mass), and how rare the words are on average (the word cost), does not:
in expectation they stay as they were, and fall only where decoding or a filter prefers the frequent. So they tell
chance from bias.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, Self

import numpy as np

from regrowth.core.errors import DataError
from regrowth.metrics.collapse.following import Numbers
from regrowth.metrics.collapse.ngram import Documents
from regrowth.texts import words

__all__ = ["RARE", "Reference", "Signs", "window"]

RARE = 2
"""A word is rare that occurs so often in the real data, or less."""
NEW = 0.5


class Signs(NamedTuple):
    """What stands in some words of writing."""

    rare_types: float
    """Share of the real data's rare words that occur."""
    types: float
    """Different words."""
    tail_mass: float
    """Share of the words that are rare ones of the real data."""
    simpson: float
    """Probability that two words of it differ."""
    word_cost: float
    """Mean negative log-probability of its words, in nats, by their frequencies in the real data."""


@dataclass(frozen=True)
class Reference:
    """Hold the real data as numbers, and which words are rare in them."""

    places: dict[str, int]
    documents: list[Numbers]
    counts: Numbers
    """How often each word occurs in the real data."""
    rare: Numbers
    """Numbers of the rare words, in order."""

    @classmethod
    def of(cls, real: Sequence[str] | Documents, *, rare: int = RARE) -> Self:
        """Take the real data: texts, or arrays of word numbers.

        Raises:
            DataError: no words.
        """
        places: dict[str, int] = {}
        documents = [
            _numbered(places, one) if isinstance(one, str) else np.asarray(one, np.int64) for one in real if len(one)
        ]
        if not any(len(one) for one in documents):
            raise DataError(f"{len(real)} real texts without a single word: expected texts that people wrote.")
        counts = np.bincount(np.concatenate(documents))
        return cls(places, documents, counts, np.flatnonzero((counts > 0) & (counts <= rare)))

    @property
    def size(self) -> int:
        """Return above what number no word of the real data is."""
        return len(self.counts)

    @property
    def tokens(self) -> int:
        """Return how many words the real data have."""
        return sum(map(len, self.documents))

    def encode(self, documents: Sequence[str] | Documents) -> list[Numbers]:
        """Return writing as numbers; words that the real data do not have get numbers of their own."""
        places = dict(self.places)
        return [_numbered(places, one) if isinstance(one, str) else np.asarray(one, np.int64) for one in documents]

    def signs(self, flat: Numbers) -> Signs:
        """Read the signs off so many words, as `window` gives them.

        Raises:
            DataError: no words.
        """
        if not len(flat):
            raise DataError("no words: expected texts that a model wrote.")
        counts = np.bincount(flat, minlength=self.size)
        rare = counts[self.rare]
        share = counts[counts > 0] / len(flat)
        return Signs(
            float((rare > 0).sum() / max(1, len(self.rare))),
            float(len(share)),
            float(rare.sum() / len(flat)),
            float(1 - share @ share),
            self._cost(counts),
        )

    def _cost(self, counts: Numbers) -> float:
        """Return the mean cost of words; one that the real data do not have costs as much as if it had half of one."""
        known = counts[: self.size] @ np.log(np.maximum(self.counts, NEW))
        new = counts[self.size :].sum() * np.log(NEW)
        return float(np.log(self.counts.sum()) - (known + new) / counts.sum())


def window(documents: Documents, budget: int, rng: np.random.Generator) -> Numbers:
    """Return the first `budget` words of documents in random order; fewer where there are no more."""
    order = rng.permutation(len(documents))
    ends = np.cumsum([len(documents[place]) for place in order])
    enough = int(np.searchsorted(ends, budget)) + 1
    chosen = [np.asarray(documents[place], np.int64) for place in order[:enough]]
    return np.concatenate(chosen)[:budget] if chosen else np.zeros(0, np.int64)


def _numbered(places: dict[str, int], text: str) -> Numbers:
    return np.array([places.setdefault(word, len(places)) for word in words(text)], np.int64)
