"""Sets of word shingles, and how much two of them have in common.

"A b c d." in shingles of three words: {a b c, b c d}. Only numbers are kept, eight bytes per shingle: the hashes of its
words, mixed one into the next.
"""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from regrowth.texts import words as words_of

__all__ = ["Shingles", "mixed"]

MIX = (np.uint64(0x9E3779B97F4A7C15), np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB))
AT_ONCE = 1 << 22
"""Hits that are in memory at a time: where texts share their words, there are many."""


@dataclass(frozen=True)
class Shingles:
    """Hold the sets of many texts, end to end, each sorted."""

    values: npt.NDArray[np.uint64]
    starts: npt.NDArray[np.int64]
    """Where each set begins; one more than there are sets."""

    @classmethod
    def of(cls, texts: Sequence[str], words: int) -> "Shingles":
        """Cut texts into shingles of so many words; a shorter text is one shingle, an empty one none."""
        known: dict[str, int] = {}
        sets = [np.unique(_shingles(words_of(text), words, known)) for text in texts]
        starts = np.concatenate([[0], np.cumsum([len(one) for one in sets], dtype=np.int64)])
        return cls(np.concatenate(sets) if sets else np.zeros(0, np.uint64), starts.astype(np.int64))

    @cached_property
    def sizes(self) -> npt.NDArray[np.int64]:
        """Return how many shingles each set has."""
        return np.diff(self.starts)

    @cached_property
    def _index(self) -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.int64]]:
        """Return all shingles in order, and the set that each is of."""
        owners = np.repeat(np.arange(len(self.sizes)), self.sizes)
        order = np.argsort(self.values, kind="stable")
        return self.values[order], owners[order]

    def distances(self, others: "Shingles") -> Callable[[int, int], npt.NDArray[np.float32]]:
        """Return a function that gives 1 - |A ∩ B| / |A ∪ B| [sets here, sets there]; two empty sets are equal."""
        values, owners = others._index

        def block(start: int, end: int) -> npt.NDArray[np.float32]:
            asked = self.values[self.starts[start] : self.starts[end]]
            rows = np.repeat(np.arange(end - start), self.sizes[start:end])
            first, last = (np.searchsorted(values, asked, side=side) for side in ("left", "right"))
            width = len(others.sizes)
            counts = np.zeros((end - start) * width, dtype=np.int32)
            for part in _slices(last - first):
                hits = last[part] - first[part]
                places = np.repeat(first[part] - np.cumsum(hits) + hits, hits) + np.arange(hits.sum())
                cells = np.repeat(rows[part], hits) * width + owners[places]
                counts += np.bincount(cells, minlength=len(counts)).astype(np.int32)
            common = counts.reshape(end - start, width)
            union = self.sizes[start:end, None] + others.sizes[None, :] - common
            shared = np.divide(common, union, out=np.ones(common.shape), where=union > 0)
            apart: npt.NDArray[np.float32] = (1 - shared).astype(np.float32)
            return apart

        return block


def _slices(hits: npt.NDArray[np.int64]) -> list[slice]:
    """Cut so that no piece, unless it is a single shingle, has more hits than may be in memory."""
    cuts = np.flatnonzero(np.diff(np.cumsum(hits) // AT_ONCE)) + 1
    return [slice(first, last) for first, last in pairwise([0, *cuts.tolist(), len(hits)])]


def _shingles(words: Sequence[str], count: int, known: dict[str, int]) -> npt.NDArray[np.uint64]:
    """Return the shingles of a text, one after the other."""
    for word in words:
        if word not in known:
            raw = word.encode("utf-8", "surrogatepass")
            known[word] = int.from_bytes(hashlib.blake2b(raw, digest_size=8).digest(), "little")
    numbers = np.fromiter((known[word] for word in words), dtype=np.uint64, count=len(words))
    if not len(numbers):
        return numbers
    width = min(count, len(numbers))
    total = np.zeros(len(numbers) - width + 1, dtype=np.uint64)
    for place in range(width):
        total = mixed(total + numbers[place : len(numbers) - width + 1 + place])
    return total


def mixed(values: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    """Mix bits so that neighbours lie far apart (splitmix64's finaliser)."""
    values = values + MIX[0]
    values = (values ^ (values >> np.uint64(30))) * MIX[1]
    values = (values ^ (values >> np.uint64(27))) * MIX[2]
    return values ^ (values >> np.uint64(31))
