"""Runs of words as numbers: what two texts share is found by arithmetic on whole batches, and no text is kept.

    batch = hashed([["how", "many", "eggs"], ["two", "eggs"]])
    batch.starts            array([0, 3, 5])
    grams(batch, 2)         one number for each two words in a row that stand in one text

A word's number is 64 bits of BLAKE2b, so it is the same on every machine. That of a gram is a sum of its words' numbers
times odd constants: two different grams get one number about once in 10^19 pairs.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

__all__ = ["Batch", "Numbers", "Places", "Table", "grams", "hashed", "number_of"]

Numbers: TypeAlias = npt.NDArray[np.uint64]
Places: TypeAlias = npt.NDArray[np.int64]

REMEMBERED = 400_000
"""Words whose numbers are remembered; then all are forgotten, which bounds memory at about 60 MB."""
_ODD = (np.uint64(0x9E3779B97F4A7C15), np.uint64(0xC2B2AE3D27D4EB4F), np.uint64(0x165667B19E3779F9))


def number_of(text: str) -> int:
    """Return the number of a text: 64 bits of BLAKE2b."""
    found = hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8, person=b"regrowth").digest()
    return int.from_bytes(found, "little")


class _Remembered(dict[str, int]):
    def __missing__(self, word: str) -> int:
        if len(self) >= REMEMBERED:
            self.clear()
        number = self[word] = number_of(word)
        return number


_KNOWN = _Remembered()


@dataclass(frozen=True, slots=True)
class Batch:
    """Hold the words of several texts, one after the other."""

    words: Numbers
    starts: Places
    """Where each text begins, and at last where the last one ends."""
    texts: Places
    """Of each word, the text that it stands in."""


def hashed(texts: Sequence[Sequence[str]]) -> Batch:
    """Return the words of some texts as numbers."""
    lengths = np.fromiter(map(len, texts), np.int64, len(texts))
    starts = np.concatenate([np.zeros(1, np.int64), np.cumsum(lengths)])
    numbers = np.fromiter(map(_KNOWN.__getitem__, chain.from_iterable(texts)), np.uint64, int(starts[-1]))
    return Batch(numbers, starts, np.repeat(np.arange(len(texts)), lengths))


def grams(batch: Batch, length: int) -> tuple[Numbers, Places]:
    """Return the number of each run of so many words within a text, and where it begins."""
    last = len(batch.words) - length + 1
    if last <= 0:
        return np.empty(0, np.uint64), np.empty(0, np.int64)
    numbers = _runs(batch.words, length)
    within = np.flatnonzero(batch.texts[:last] == batch.texts[length - 1 :])
    return numbers[within], within


def _runs(words: Numbers, length: int) -> Numbers:
    """Return the numbers of all runs: of two halves, the first turned, so that order counts."""
    if length == 1:
        return words
    half = (length + 1) // 2
    first, second = _runs(words, half), _runs(words, length - half)
    size = len(words) - length + 1
    with np.errstate(over="ignore"):
        mixed: Numbers = first[:size] * _ODD[0] + second[half : half + size] * _ODD[1]
        mixed ^= mixed >> np.uint64(29)
        return mixed * _ODD[2]


class Table:
    """Find numbers among known ones: a bit table answers most questions, a sorted array the rest."""

    def __init__(self, known: Numbers) -> None:
        self.known = known
        """Sorted, each once."""
        bits = max(10, min(26, len(known).bit_length() + 4))
        self._shift = np.uint64(64 - bits)
        self._bits = np.zeros(1 << bits, np.bool_)
        self._bits[known >> self._shift] = True

    def find(self, numbers: Numbers) -> tuple[Places, Places]:
        """Return which of the numbers are known, and where they stand among the known ones."""
        if not len(self.known):
            return np.empty(0, np.int64), np.empty(0, np.int64)
        maybe = np.flatnonzero(self._bits[numbers >> self._shift])
        wanted = numbers[maybe]
        at = np.searchsorted(self.known, wanted)
        at[at == len(self.known)] = 0
        right = self.known[at] == wanted
        return maybe[right], at[right]
