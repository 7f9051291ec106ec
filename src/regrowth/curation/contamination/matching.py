"""Which texts hold an item of a benchmark, word by word or with some of its words replaced.

    for found in matches(index, [["baldur", "gets", "water", …], …]):
        found       [Match(part=0, item=0, run=45, share=1.0, first=0, last=44, kind="verbatim")]

A match is `verbatim` if 13 words in a row are an item's (or all of a shorter part), and `near` if enough of a part's
runs of three words stand close together, the rarer ones weighing more. Eight words in a row lower what is enough. The
share that is enough falls with the length of the part: of a short one, chance leaves more.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, TypeAlias

import numpy as np

from regrowth.curation.contamination.grams import Batch, Places, grams, hashed, number_of
from regrowth.curation.contamination.index import SHORTEST, Grams, Index

__all__ = ["Match", "Rule", "matches"]

Kind: TypeAlias = Literal["verbatim", "near"]
COPIED = 13
"""Words in a row that prove a copy."""
POINTING = 8
WHOLE = 0.999
"""Share from which on a short part is looked for word by word."""
LEAST = 7
"""Words of a part that is found inside a longer text; a shorter one is found if it is all of a text."""
LATITUDE = 1.6
"""How much longer than the part the passage may be that is like it."""


@dataclass(frozen=True, slots=True)
class Rule:
    """Say what share of a part's runs of three words is enough: `base + slope / runs`, and `least` of them."""

    base: float = 0.38
    slope: float = 1.0
    pointed: float = 0.75
    """Times that, if eight words in a row are the part's besides."""
    least: float = 5.0

    def enough(self, runs: Any) -> Any:
        """Return the share that is enough, given the number of runs that a part has."""
        some = np.maximum(runs, 1)
        return np.clip(self.base + self.slope / some, np.minimum(1.0, self.least / some), 0.95)


class Match(NamedTuple):
    """Hold what one text and one part of an item have in common."""

    part: int
    item: int
    run: int
    """Words in a row; 0 if fewer than eight."""
    share: float
    """Of the weight of the part's runs of three words, in the best passage; 0 if they were not counted."""
    first: int
    """Where the passage begins and ends, in words."""
    last: int
    kind: Kind

    @property
    def strength(self) -> tuple[bool, float, int]:
        """Return what orders matches."""
        return self.kind == "verbatim", self.share, self.run


class _Hits(NamedTuple):
    """Hold where runs stand that parts share: one entry per run and part."""

    texts: Places
    parts: Places
    at: Places
    runs: Places


def matches(index: Index, texts: Sequence[Sequence[str]], rule: Rule | None = None) -> Iterator[list[Match]]:
    """Yield, for the words of each text, its matches, the strongest first."""
    rule = rule or Rule()
    batch = hashed(texts)
    found: dict[int, dict[int, Match]] = {}
    long = {length: _hits(index.grams[length], batch, length) for length in (POINTING, COPIED)}
    runs = _longest(long)
    for (text, part), (run, first) in runs.items():
        if run >= min(COPIED, index.lengths[part]):
            found.setdefault(text, {})[part] = _match(
                index, part, run, 0.0, _within(batch, text, first, run), "verbatim"
            )
    hits = _hits(index.grams[3], batch, 3)
    for text, part, at, which in _promising(index, hits, runs, rule):
        share, passage = _passage(index, part, at, which)
        run, _ = runs.get((text, part), (0, 0))
        enough = rule.enough(index.counts[part]) * (rule.pointed if run else 1.0)
        span = _within(batch, text, passage[0], passage[1] - passage[0] + 1)
        known = found.get(text, {}).get(part)
        if known:
            found[text][part] = known._replace(share=round(share, 3))
        elif share >= WHOLE and (whole := _whole(index, part, texts[text], span)):
            length = int(index.lengths[part])
            found.setdefault(text, {})[part] = _match(index, part, length, share, whole, "verbatim")
        elif share >= enough and index.counts[part] >= SHORTEST:
            found.setdefault(text, {})[part] = _match(index, part, run, share, span, "near")
    for text, said in enumerate(texts):
        same = index.whole(said) if text not in found and 0 < len(said) < COPIED else None
        if same is not None:
            found[text] = {same: _match(index, same, len(said), 1.0, (0, len(said) - 1), "verbatim")}
        yield sorted(found.get(text, {}).values(), key=lambda one: one.strength, reverse=True)


def _within(batch: Batch, text: int, first: int, length: int) -> tuple[int, int]:
    """Return a passage of the batch as the first and the last word of its text."""
    begin = first - int(batch.starts[text])
    return begin, begin + length - 1


def _match(index: Index, part: int, run: int, share: float, span: tuple[int, int], kind: Kind) -> Match:
    return Match(part, int(index.items[part]), run, round(share, 3), *span, kind)


def _hits(known: Grams, batch: Batch, length: int) -> _Hits:
    numbers, places = grams(batch, length)
    which, runs = known.table.find(numbers)
    at = places[which]
    counts = known.offsets[runs + 1] - known.offsets[runs]
    begins = np.concatenate([np.zeros(1, np.int64), np.cumsum(counts)])
    within = np.arange(int(begins[-1])) - np.repeat(begins[:-1], counts)
    parts = known.parts[np.repeat(known.offsets[runs], counts) + within]
    return _Hits(np.repeat(batch.texts[at], counts), parts, np.repeat(at, counts), np.repeat(runs, counts))


def _longest(hits: dict[int, _Hits]) -> dict[tuple[int, int], tuple[int, int]]:
    """Return, for each text and part that share eight words in a row, how many at most, and where in the batch."""
    longest: dict[tuple[int, int], tuple[int, int]] = {}
    for length, found in hits.items():
        order = np.lexsort((found.at, found.parts, found.texts))
        before: tuple[int, int, int] | None = None
        begin = 0
        for text, part, at in zip(*(one[order].tolist() for one in found[:3]), strict=True):
            begin = begin if before == (text, part, at - 1) else at
            before = (text, part, at)
            run = at - begin + length
            if run > longest.get((text, part), (0, 0))[0]:
                longest[text, part] = run, begin
    return longest


def _promising(
    index: Index, hits: _Hits, pointed: Collection[tuple[int, int]], rule: Rule
) -> Iterator[tuple[int, int, list[int], list[int]]]:
    """Yield texts and parts that share enough runs of three words anywhere, with where and which these are."""
    if not len(hits.texts):
        return
    size = len(index.items)
    pairs = hits.texts * size + hits.parts
    order = np.lexsort((hits.runs, pairs))
    pairs, runs = pairs[order], hits.runs[order]
    new = np.ones(len(pairs), np.bool_)
    new[1:] = (pairs[1:] != pairs[:-1]) | (runs[1:] != runs[:-1])
    begins = np.flatnonzero(np.concatenate([[True], pairs[1:] != pairs[:-1]]))
    weight = np.add.reduceat(index.grams[3].weights[runs] * new, begins)
    parts = pairs[begins] % size
    least = rule.enough(index.counts[parts])
    if pointed:
        marked = np.array([text * size + part for text, part in pointed], np.int64)
        least = np.where(np.isin(pairs[begins], marked), least * rule.pointed, least)
    least = np.where(index.counts[parts] < SHORTEST, WHOLE, least)
    good = weight >= least * index.totals[parts]
    ends = np.append(begins[1:], len(pairs))
    for place in np.flatnonzero(good).tolist():
        some = order[begins[place] : ends[place]]
        yield int(pairs[begins[place]]) // size, int(parts[place]), hits.at[some].tolist(), hits.runs[some].tolist()


def _passage(index: Index, part: int, at: Sequence[int], runs: Sequence[int]) -> tuple[float, tuple[int, int]]:
    """Return the best share within a passage hardly longer than the part, and its first and last word."""
    reach = int(index.lengths[part] * LATITUDE) + 3
    inside: dict[int, int] = {}
    weights = index.grams[3].weights
    weight, best, span, left = 0.0, 0.0, (0, 0), 0
    places = sorted(zip(at, runs, strict=True))
    for place, run in places:
        weight += weights[run] if not inside.get(run) else 0.0
        inside[run] = inside.get(run, 0) + 1
        while place + 3 - places[left][0] > reach:
            gone = places[left][1]
            inside[gone] -= 1
            weight -= weights[gone] if not inside[gone] else 0.0
            left += 1
        if weight > best:
            best, span = weight, (places[left][0], place + 2)
    return float(min(1.0, best / index.totals[part])), span


def _whole(index: Index, part: int, said: Sequence[str], span: tuple[int, int]) -> tuple[int, int] | None:
    """Return where all words of a short part stand around a passage; None for a part whose runs prove a copy."""
    length = int(index.lengths[part])
    if not LEAST <= length < COPIED:
        return None
    for first in range(max(0, span[1] - length + 1), min(span[0], len(said) - length) + 1):
        if number_of(" ".join(said[first : first + length])) == int(index.wholes[part]):
            return first, first + length - 1
    return None
