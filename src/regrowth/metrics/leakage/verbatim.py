"""Which passages of the seeds stand in synthetic records word for word, and stand in no record of the hold-out?

    found = verbatim(written, seeds, holdout)
    found.shares[50]                   # Estimate: records with 50 words in a row of one seed
    found.null[50]                     # the same of the hold-out's records, against the seeds
    found.passages[7]                  # Passage(length=61, start=12, seed=3, seed_start=0, text="…"), or None

A passage counts from a length on if so many words in a row stand in one seed and in no record of the hold-out: what
real records share that never met is boilerplate. Words are normalised (`regrowth.texts`): case, punctuation and
invisible characters hide nothing. Other tokens are possible: `tokens=str.split`, or a codec's ids.

How: all records end to end are sorted by what follows at each token (a suffix array by doubling: Karp, Miller and
Rosenberg, 1972; Manber and Myers, 1993); the longest match of a token is one of its two neighbours in that order.
Exact, and O(n log² n) whatever the texts: as many doublings as the longest repeat needs, each a sort. Memory is about
300 bytes per word.
"""

from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from regrowth.core.errors import DataError
from regrowth.core.protocols import Estimate
from regrowth.metrics.intervals import proportion
from regrowth.texts import words

__all__ = ["Passage", "Verbatim", "verbatim"]

Ints: TypeAlias = npt.NDArray[np.int64]
Tokens: TypeAlias = Callable[[str], Sequence[Hashable]]

SYNTHETIC, SEED, HOLDOUT = 0, 1, 2


class Passage(NamedTuple):
    """Show the longest passage that a record has in common with a seed, and with no record of the hold-out."""

    length: int
    """In tokens; so are the places."""
    start: int
    """Where it begins in the record."""
    seed: int
    """Number of the seed."""
    seed_start: int
    text: str
    """The passage, its tokens joined by spaces."""


class Verbatim(NamedTuple):
    """Hold what synthetic records have of the seeds word for word."""

    shares: Mapping[int, Estimate]
    """Share of records with such a passage, by length; with Wilson's interval."""
    null: Mapping[int, Estimate]
    """The same of the hold-out's records: what they share with a seed and with no other of the hold-out."""
    passages: tuple[Passage | None, ...]
    """The longest of each synthetic record; None if it is shorter than the least length asked for."""


def verbatim(
    synthetic: Sequence[str],
    seeds: Sequence[str],
    holdout: Sequence[str],
    *,
    lengths: Sequence[int] = (10, 25, 50),
    tokens: Tokens = words,
) -> Verbatim:
    """Find the passages of seeds in synthetic records.

    Raises:
        DataError: there is no synthetic record, no seed or nothing held out, or a length below 1.
    """
    if not (synthetic and seeds and holdout and lengths and min(lengths) >= 1):
        raise DataError(
            f"{len(synthetic)} synthetic records, {len(seeds)} seeds, {len(holdout)} of the hold-out, lengths "
            f"{list(lengths)}: expected one of each at least, and lengths from 1 on."
        )
    text = _Text.of([[tokens(one) for one in part] for part in (synthetic, seeds, holdout)])
    order = text.sorted()
    matches = text.matches(order, SYNTHETIC, SEED)
    common = text.matches(order, SYNTHETIC, HOLDOUT)
    alike = text.matches(order, HOLDOUT, SEED)
    among = text.matches(order, HOLDOUT, HOLDOUT)
    passages = tuple(_passage(text, one, matches, common, min(lengths)) for one in range(len(synthetic)))
    shares = {length: _share(text, SYNTHETIC, matches, common, length) for length in lengths}
    null = {length: _share(text, HOLDOUT, alike, among, length) for length in lengths}
    return Verbatim(shares, null, passages)


class _Matches(NamedTuple):
    """Hold, for each token of one kind of records, the longest match that begins there."""

    lengths: Ints
    places: Ints
    """Where it begins among all tokens."""


class _Text(NamedTuple):
    """Hold all records end to end; each ends in a mark of its own, so that no match runs over its end."""

    ids: Ints
    starts: Ints
    """Where each record begins; one more than there are records."""
    kinds: Ints
    """Of each record."""
    owners: Ints
    """The record of each token."""
    names: Sequence[Hashable]
    levels: list[Ints]
    """Names of the windows of 1, 2, 4 … tokens at each token: equal windows have equal names, in sorted order."""

    @classmethod
    def of(cls, parts: Sequence[Sequence[Sequence[Hashable]]]) -> "_Text":
        known: dict[Hashable, int] = {}
        rows = [row for part in parts for row in part]
        marks = sum(map(len, rows))  # more than there can be distinct tokens
        pieces = [
            np.array([*(known.setdefault(one, len(known)) for one in row), marks + number], dtype=np.int64)
            for number, row in enumerate(rows)
        ]
        sizes = [len(piece) for piece in pieces]
        kinds = np.repeat(np.arange(len(parts)), [len(part) for part in parts])
        owners = np.repeat(np.arange(len(rows)), sizes)
        return cls(np.concatenate(pieces), np.concatenate([[0], np.cumsum(sizes)]), kinds, owners, list(known), [])

    def sorted(self) -> Ints:
        """Return all places, ordered by what follows there; fill the levels."""
        names = np.unique(self.ids, return_inverse=True)[1].astype(np.int64)
        width = 1
        while True:
            self.levels.append(names.astype(np.int32))
            if int(names.max()) == len(names) - 1:
                return np.argsort(names, kind="stable")
            following = np.zeros_like(names)
            following[:-width] = names[width:] + 1
            names = np.unique(names * (len(names) + 1) + following, return_inverse=True)[1].astype(np.int64)
            width *= 2

    def matches(self, order: Ints, kind: int, wanted: int) -> _Matches:
        """Return, for each token of records of a kind, its longest match among those of another, or of the others."""
        kinds = self.kinds[self.owners[order]]
        chosen = order[(kinds == kind) | (kinds == wanted)]
        rank = np.arange(len(chosen))
        if kind == wanted:
            # The nearest neighbour of another record lies just outside the run of the same record's places.
            runs = np.flatnonzero(np.diff(self.owners[chosen], prepend=-1))
            run = np.searchsorted(runs, rank, side="right") - 1
            before, after = runs[run] - 1, np.append(runs[1:], len(chosen))[run]
        else:
            there = self.kinds[self.owners[chosen]] == wanted
            before = np.maximum.accumulate(np.where(there, rank, -1))
            after = np.minimum.accumulate(np.where(there, rank, len(chosen))[::-1])[::-1]
        mine = np.flatnonzero(self.kinds[self.owners[chosen]] == kind)
        here = chosen[mine]
        lengths, places = np.zeros(len(self.ids), np.int64), np.zeros(len(self.ids), np.int64)
        for neighbour in (before[mine], after[mine]):
            inside = (neighbour >= 0) & (neighbour < len(chosen))
            there_ = chosen[np.where(inside, neighbour, 0)]
            found = np.where(inside, self.common(here, there_), 0)
            better = found > lengths[here]
            lengths[here[better]], places[here[better]] = found[better], there_[better]
        return _Matches(lengths, places)

    def common(self, ones: Ints, others: Ints) -> Ints:
        """Return how many tokens are equal from pairs of places on."""
        ones, others = ones.copy(), others.copy()
        total = np.zeros(len(ones), dtype=np.int64)
        last = len(self.ids)
        for level in range(len(self.levels) - 1, -1, -1):
            names, width = self.levels[level], 1 << level
            inside = (ones < last) & (others < last)
            equal = np.zeros(len(ones), dtype=bool)
            equal[inside] = names[ones[inside]] == names[others[inside]]
            step = equal * width
            ones, others, total = ones + step, others + step, total + step
        return total

    def records(self, kind: int) -> Ints:
        """Return the numbers of the records of a kind."""
        return np.flatnonzero(self.kinds == kind)


def _share(text: _Text, kind: int, matches: _Matches, common: _Matches, length: int) -> Estimate:
    leaks = (matches.lengths >= length) & (common.lengths < length)
    records = text.records(kind)
    return proportion(len(np.unique(text.owners[leaks])), len(records))


def _passage(text: _Text, record: int, matches: _Matches, common: _Matches, least: int) -> Passage | None:
    span = slice(int(text.starts[record]), int(text.starts[record + 1]))
    lengths = matches.lengths[span]
    own = np.where(lengths > common.lengths[span], lengths, 0)
    place = int(own.argmax())
    length = int(own[place])
    if length < least:
        return None
    there = int(matches.places[span.start + place])
    seed = int(text.owners[there])
    ids = text.ids[span.start + place : span.start + place + length]
    said = " ".join(str(text.names[one]) for one in ids)
    first_seed = int(text.records(SEED)[0])
    return Passage(length, place, seed - first_seed, there - int(text.starts[seed]), said)
