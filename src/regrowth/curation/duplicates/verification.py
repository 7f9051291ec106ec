"""How similar two texts are: the Jaccard similarity of their shingles, counted; and whether something parts them.

In texts of n words, c replaced words take away 2c of the word pairs of each: similarity is (n - 2c) / (n + 2c).
"""

from collections import Counter
from typing import Literal

import numpy as np

from regrowth.curation.duplicates.candidates import Pairs
from regrowth.curation.duplicates.ragged import Array, Ragged
from regrowth.curation.duplicates.settings import Near
from regrowth.curation.duplicates.shingles import Shingled

__all__ = ["parted_by_numbers", "similarities"]

SHINGLES = 1 << 20
"""Compared at once."""
LETTERS = 6
"""Of a word, where characters are counted."""
MOSTLY = 0.5
"""Share of the words that differ, or of the numbers, from which on differing numbers make another text."""


def similarities(pairs: Pairs, later: Shingled, earlier: Shingled, near: Near) -> Array:
    """Return the similarity of each pair, 0 where it is below what the settings ask for or something parts it."""
    found = np.zeros(len(pairs.later))
    one, other = later.different[pairs.later].astype(np.int64), earlier.different[pairs.earlier].astype(np.int64)
    hopeful = np.flatnonzero(np.minimum(one, other) >= near.alike * np.maximum(one, other))
    for part in _blocks(hopeful, one + other):
        sides = later.shingles.taken(pairs.later[part]), earlier.shingles.taken(pairs.earlier[part])
        common = _common(*sides)
        found[part] = common / np.maximum(one[part] + other[part] - common, 1)
    found[found < near.alike] = 0
    for part in _blocks(np.flatnonzero(found), one + other):
        found[part[_parted(Pairs(pairs.later[part], pairs.earlier[part]), found[part], later, earlier, near)]] = 0
    return found


def _parted(pairs: Pairs, alike: Array, later: Shingled, earlier: Shingled, near: Near) -> Array:
    """Return which pairs are different texts although most of their shingles are common."""
    parted = np.zeros(len(alike), np.bool_)
    if near.numbers != "free":
        replaced = (1 - alike) / (1 + alike) / near.width
        parted |= parted_by_numbers(pairs, later, earlier, near.numbers, near.brief, replaced)
    if near.passage:
        sides = later.shingles.taken(pairs.later), earlier.shingles.taken(pairs.earlier)
        least = near.passage * (1 if near.unit == "word" else LETTERS) + near.width - 1
        parted |= (_longest_own(*sides) >= least) & (_longest_own(*sides[::-1]) >= least)
    return parted


def _blocks(places: Array, weights: Array) -> list[Array]:
    if not len(places):
        return []
    total = np.cumsum(weights[places])
    cuts = np.searchsorted(total, np.arange(SHINGLES, total[-1], SHINGLES))
    return [block for block in np.split(places, cuts) if len(block)]


def _coded(rows: Ragged) -> Array:
    """Return (row, value) as one number."""
    return (np.repeat(np.arange(len(rows.counts), dtype=np.uint64), rows.counts) << np.uint64(32)) | rows.values


def _common(ones: Ragged, others: Ragged) -> Array:
    """Return how many different values each row has in common with the same row of others."""
    codes = np.concatenate([_coded(ones) << np.uint64(1), (_coded(others) << np.uint64(1)) | np.uint64(1)])
    codes.sort()
    codes = codes[np.concatenate([[True], codes[1:] != codes[:-1]])] >> np.uint64(1)
    twice = codes[:-1][codes[1:] == codes[:-1]] >> np.uint64(32)
    return np.bincount(twice.astype(np.intp), minlength=len(ones.counts))


def _longest_own(ones: Ragged, others: Ragged) -> Array:
    """Return how long the longest run of values of each row is of which none is in the same row of others."""
    codes, known = _coded(ones), np.sort(_coded(others))
    places = np.minimum(np.searchsorted(known, codes), len(known) - 1)
    here = np.arange(1, len(codes) + 1)
    last = np.where(known[places] == codes, here, 0)
    starts = ones.ends[:-1]
    last[starts] = np.maximum(last[starts], starts)  # a run ends with its row
    runs = here - np.maximum.accumulate(last)
    return np.maximum.reduceat(runs, starts)


def parted_by_numbers(
    pairs: Pairs,
    later: Shingled,
    earlier: Shingled,
    numbers: Literal["guarded", "equal"],
    brief: int = 0,
    replaced: Array | float = 0.0,
) -> Array:
    """Return which pairs are different texts because their numbers differ.

    Args:
        brief: words below which any differing number parts.
        replaced: share of the words of each pair that differ.
    """
    ones, others = later.numbers.taken(pairs.later), earlier.numbers.taken(pairs.earlier)
    differing = np.zeros(len(pairs.later))
    for place in np.flatnonzero(_unequal(ones, others)).tolist():
        differing[place] = _differing(ones.row(place).tolist(), others.row(place).tolist())
    if numbers == "equal":
        return differing > 0
    words = np.maximum(later.lengths[pairs.later], earlier.lengths[pairs.earlier])
    mainly = (differing >= MOSTLY * replaced * words) & (words < 2 * brief)
    redrawn = (differing > 1) & (differing >= MOSTLY * np.maximum(ones.counts, others.counts))
    return np.asarray((differing > 0) & ((words < brief) | mainly | redrawn))


def _unequal(ones: Ragged, others: Ragged) -> Array:
    unequal = np.asarray(ones.counts != others.counts)
    same = np.flatnonzero(~unequal)
    left, right = ones.taken(same), others.taken(same)
    unequal[np.repeat(same, left.counts)[left.values != right.values]] = True
    return unequal


def _differing(one: list[int], other: list[int]) -> int:
    """Return how many numbers differ: place by place where there are as many, else those that the other lacks."""
    if len(one) == len(other):
        return sum(first != second for first, second in zip(one, other, strict=True))
    left, right = Counter(one), Counter(other)
    return max((left - right).total(), (right - left).total())
