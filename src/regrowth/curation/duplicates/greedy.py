"""Who survives: texts are taken in their order, and each that is like an earlier survivor falls to it.

So no chain forms: with a ~ b ~ c and a not like c, b falls to a; c, which is like none but b, stays. A text that fell
is directly like the survivor it fell to, and no two survivors that were compared are alike. Doing it again with the
survivors changes nothing.

How much two texts are alike is one number, so that the best twin of a text is the largest: SEMANTIC + cosine,
NEAR + Jaccard, EXACT + 1.
"""

from collections.abc import Callable, Iterable
from typing import NamedTuple

import numpy as np

from regrowth.curation.duplicates.candidates import Pairs
from regrowth.curation.duplicates.ragged import Array

__all__ = ["EXACT", "NEAR", "SEMANTIC", "Edges", "best", "joined", "settled"]

SEMANTIC, NEAR, EXACT = 0.0, 1.0, 2.0
FIRST = 4
"""Survivors that a key leads to in the first pass: where many copies share all keys, most fall in it."""


class Edges(NamedTuple):
    """Hold pairs of texts that are alike, and how much."""

    later: Array
    earlier: Array
    likeness: Array


def joined(*edges: Edges) -> Edges:
    """Return all edges as one."""
    none = Edges(np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0))
    parts = (none, *edges)
    return Edges(*(np.concatenate([part[place] for part in parts]) for place in range(3)))


def settled(
    lost: Array,
    candidates: Callable[[Array, int | None], Iterable[Pairs]],
    similar: Callable[[Pairs], Array],
    further: Edges,
) -> Edges:
    """Return the edges that lead from a text that fell to a survivor.

    A key leads to the first survivors only, and who survives depends on who was compared: passes are repeated until
    the survivors no longer change. Each settles at least one more text of the order; two or three are enough.

    Args:
        lost: which texts fell before, to a text that is not among these.
        candidates: the pairs for given survivors, where a key leads to at most so many.
        similar: the similarity of pairs, 0 where they are not alike.
        further: other pairs that are alike.
    """
    known = _Known(np.zeros(0, np.uint64), np.zeros(0))
    alive, few = ~lost, True
    while True:
        seen = []
        fresh = [known]
        for pairs in candidates(alive, FIRST if few else None):
            codes = (pairs.later.astype(np.uint64) << np.uint64(32)) | pairs.earlier.astype(np.uint64)
            new = known.lacks(codes)
            fresh.append(_Known(codes[new], similar(Pairs(pairs.later[new], pairs.earlier[new]))))
            seen.append(codes)
        known = _merged(fresh)
        edges = joined(*(known.alike(codes) for codes in seen), further)
        survivors = _survivors(lost, edges)
        if not few and np.array_equal(survivors, alive):
            valid = alive[edges.earlier] & ~alive[edges.later]
            return Edges(*(part[valid] for part in edges))
        alive, few = survivors, False


class _Known(NamedTuple):
    """Hold the pairs that were compared, sorted, and their similarity."""

    codes: Array
    similarity: Array

    def lacks(self, codes: Array) -> Array:
        """Return which pairs were not compared."""
        if not len(self.codes):
            return np.ones(len(codes), np.bool_)
        places = np.minimum(np.searchsorted(self.codes, codes), len(self.codes) - 1)
        return np.asarray(self.codes[places] != codes)

    def alike(self, codes: Array) -> Edges:
        """Return those of these pairs that are alike; all of them were compared."""
        similarity = self.similarity[np.searchsorted(self.codes, codes)]
        codes, similarity = codes[similarity > 0], similarity[similarity > 0]
        earlier = (codes & np.uint64(0xFFFFFFFF)).astype(np.int64)
        return Edges((codes >> np.uint64(32)).astype(np.int64), earlier, NEAR + similarity)


def _merged(parts: list[_Known]) -> _Known:
    codes = np.concatenate([part.codes for part in parts])
    order = np.argsort(codes, kind="stable")
    return _Known(codes[order], np.concatenate([part.similarity for part in parts])[order])


def _survivors(lost: Array, edges: Edges) -> Array:
    alive = (~lost).tolist()
    order = np.argsort(edges.later, kind="stable")
    for later, earlier in zip(edges.later[order].tolist(), edges.earlier[order].tolist(), strict=True):
        if alive[earlier]:
            alive[later] = False
    return np.array(alive, np.bool_)


def best(count: int, edges: Edges) -> tuple[Array, Array]:
    """Return, for each of so many texts, the one most like it and how much; -1 and 0 if none.

    Of several that are as much like it, the earliest.
    """
    twin, likeness = np.full(count, -1, np.int64), np.zeros(count)
    order = np.lexsort((-edges.earlier, edges.likeness))  # of several writes to one place the last stays
    twin[edges.later[order]] = edges.earlier[order]
    likeness[edges.later[order]] = edges.likeness[order]
    return twin, likeness
