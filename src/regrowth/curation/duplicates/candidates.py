"""Which texts may be near duplicates: those that share several of their keys.

A text's keys are its smallest shingle hashes, so of two texts with Jaccard similarity J about a share J of the keys is
common. A key leads to the survivors that hold it, in their order, and to no more than the first `crowd` of them: work
and memory stay linear where a phrase is in every text.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from regrowth.curation.duplicates.ragged import Array, Ragged
from regrowth.curation.duplicates.shingles import KEY_BITS

__all__ = ["Pairs", "Postings", "among", "between"]

LINKS = 1 << 21
"""Followed at once."""
SHARED = 3
"""Of so many keys one must be common."""


class Pairs(NamedTuple):
    """Hold candidates: a text and an earlier one; sorted, each pair once."""

    later: Array
    earlier: Array


class Postings(NamedTuple):
    """Hold which texts have which key, sorted by key and then by text."""

    keys: Array
    owners: Array

    @classmethod
    def of(cls, keys: Ragged) -> "Postings":
        """Return the postings of texts, numbered as they come."""
        texts = len(keys.ends) - 1
        owners = np.repeat(np.arange(texts, dtype=np.uint64), keys.counts)
        if texts >> (64 - KEY_BITS):  # more than 16 million texts: no room for their numbers beside the keys
            order = np.argsort(keys.values, kind="stable")
            return cls(keys.values[order], owners[order].astype(np.uint32))
        bits = np.uint64(64 - KEY_BITS)
        packed = np.sort((keys.values << bits) | owners)
        return cls(packed >> bits, (packed & np.uint64((1 << (64 - KEY_BITS)) - 1)).astype(np.uint32))


class _Links(NamedTuple):
    """Hold whom each posting leads to: the text `texts[i]` to `others[base[i]:base[i] + counts[i]]`."""

    texts: Array
    base: Array
    counts: Array
    others: Array


def among(postings: Postings, alive: Array, room: Array, sizes: Array, shared: float) -> Iterator[Pairs]:
    """Yield the candidates within the texts of these postings, in blocks of ever later texts.

    Args:
        alive: whether a text survived so far: only those are candidates for later ones.
        room: of each posting, to how many survivors its key may lead.
        sizes: how many keys each text has.
        shared: the share of them that must be common.
    """
    if not len(postings.keys):
        return
    lives = alive[postings.owners]
    before = np.cumsum(lives) - lives
    opens = np.concatenate([[True], postings.keys[1:] != postings.keys[:-1]])
    base = before[np.flatnonzero(opens)][np.cumsum(opens) - 1]
    counts = np.minimum(before - base, room)
    found = _in_order(np.flatnonzero(counts), postings.owners)
    links = _Links(postings.owners[found], base[found], counts[found], postings.owners[lives])
    yield from _counted(links, sizes, sizes, shared)


def between(
    postings: Postings, others: Postings, room: Array, sizes: Array, other_sizes: Array, shared: float
) -> Iterator[Pairs]:
    """Yield the candidates that texts have among earlier ones with postings of their own.

    Args:
        room: of each posting, to how many survivors its key may lead; what is used here is taken off it.
        sizes: how many keys each text has; other_sizes: and each of the earlier ones.
        shared: the share of them that must be common.
    """
    left = np.searchsorted(others.keys, postings.keys, "left")
    counts = np.minimum(np.searchsorted(others.keys, postings.keys, "right") - left, room)
    room -= counts
    found = _in_order(np.flatnonzero(counts), postings.owners)
    links = _Links(postings.owners[found], left[found], counts[found], others.owners)
    yield from _counted(links, sizes, other_sizes, shared)


def _in_order(places: Array, owners: Array) -> Array:
    return places[np.argsort(owners[places], kind="stable")]


def _counted(links: _Links, sizes: Array, other_sizes: Array, share: float) -> Iterator[Pairs]:
    """Yield the pairs that share enough keys, all keys of one text in one block."""
    total = np.cumsum(links.counts)
    start = 0
    while start < len(links.texts):
        done = total[start - 1] if start else 0
        stop = int(np.searchsorted(total, done + LINKS))
        stop = int(np.searchsorted(links.texts, links.texts[min(stop, len(total) - 1)], "right"))
        part = slice(start, stop)
        counts = links.counts[part]
        skipped = np.repeat(links.base[part] - (total[part] - counts - done), counts)
        codes = np.repeat(links.texts[part].astype(np.uint64) << np.uint64(32), counts)
        codes |= links.others[np.arange(total[stop - 1] - done) + skipped]
        codes.sort()
        opens = np.flatnonzero(np.concatenate([[True], codes[1:] != codes[:-1]]))
        shared = np.diff(opens, append=len(codes))
        codes = codes[opens]
        later, earlier = (codes >> np.uint64(32)).astype(np.int64), codes.astype(np.uint32).astype(np.int64)
        enough = shared >= np.floor(np.minimum(sizes[later], other_sizes[earlier]) * share)
        yield Pairs(later[enough], earlier[enough])
        start = stop
