"""One set of a given size out of several sources, by weight, without replacement; it says what it did.

    found = mixed({"real": real, "web": web}, {"real": 1, "web": 3}, 1000, repeat={"real": 4}, seed=1)
    print(found)      # 1,000 of 1,000: real 250 of 250 wanted (100 there, × 2.50), web 750 of 750 wanted (9,000 there)
    found.chosen      # in an order of chance; a record that comes again has the same id

A source with fewer records than its weight asks for is short, unless `repeat` allows whole further passes over it: no
record then comes more than once oftener than another one of its source. `short="fill"` lets the other sources take the
rest. The real data of a round are not mixed here: `curation.rounds` keeps all of them, and its floor.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from regrowth.core.errors import SettingsError
from regrowth.core.record import Json, Record, digest
from regrowth.curation.findings import Finding
from regrowth.curation.selection.choosing import Selection, at_hand, examined, ordered, wanting
from regrowth.curation.selection.coverage import Coverage, Group
from regrowth.curation.selection.quotas import Short
from regrowth.curation.selection.shares import apportioned

__all__ = ["Mix", "Part", "mixed"]


class Part(NamedTuple):
    """What a source gave."""

    source: str
    wanted: int
    available: int
    """Different records that no source before it, by name, has too."""
    chosen: int
    repeat: int
    """Passes over it that were allowed."""

    def __str__(self) -> str:
        again = f", × {self.chosen / self.available:.2f}" if self.chosen > self.available else ""
        return f"{self.source} {self.chosen:,} of {self.wanted:,} wanted ({self.available:,} there{again})"


@dataclass(frozen=True, slots=True)
class Mix(Selection):
    """Hold a mix; `chosen` holds a record as often as it comes."""

    parts: tuple[Part, ...] = ()
    """By name of the source."""
    count: int = 0
    """What was asked for."""

    @property
    def facts(self) -> dict[str, Json]:
        """Return what a manifest should say of it."""
        return {"count": self.count, "parts": {one.source: dict(one._asdict()) for one in self.parts}}

    def __str__(self) -> str:
        return f"{len(self.chosen):,} of {self.count:,}: {', '.join(map(str, self.parts))}"


def mixed(
    sources: Mapping[str, Iterable[Record]],
    weights: Mapping[str, float],
    count: int,
    *,
    repeat: int | Mapping[str, int] = 1,
    seed: int = 0,
    short: Short = "leave",
) -> Mix:
    """Mix sources by weight to so many records. A record that several sources have counts for the first by name.

    Args:
        repeat: Passes over a source that are allowed where it is too small, for all or by name; 1 repeats nothing.
        short: Whether other sources take what one cannot give.

    Raises:
        SettingsError: sources and weights do not have the same names, a weight or a repeat cannot be used.
    """
    if sources.keys() != weights.keys():
        raise SettingsError(
            f"sources: {', '.join(sorted(sources))}; weights: {', '.join(sorted(weights))}. Name the same."
        )
    passes = dict.fromkeys(sources, repeat) if isinstance(repeat, int) else {**dict.fromkeys(sources, 1), **repeat}
    if wrong := [name for name, times in passes.items() if times < 1 or name not in sources]:
        raise SettingsError(f"repeat of {wrong[0]!r} = {passes[wrong[0]]}: expected 1 or more, of a source there is.")
    own, first = _owned(sources)
    most = {name: len(own[name]) * passes[name] for name in own}
    asked = apportioned(weights, wanting(count))
    takes = apportioned(weights, count, most) if short == "fill" else {n: min(asked[n], most[n]) for n in asked}
    chosen = [place for name in own for place in _repeated(own[name], takes[name], name, seed)]
    chosen.sort(key=lambda place: (digest("mix", seed, place[0], place[1].id), place[1].id))
    parts = tuple(Part(name, asked[name], len(own[name]), takes[name], passes[name]) for name in own)
    settings: dict[str, Json] = {
        "count": count,
        "weights": dict(weights),
        "repeat": passes,
        "short": short,
        "seed": seed,
    }
    told = {one.source: f"not drawn: {one.chosen:,} of {one.available:,} of {one.source} were wanted" for one in parts}

    def reason(record: Record) -> Finding:
        return Finding(record.id, told[first[record.id]], {"source": first[record.id]})

    pool = at_hand(record for records in own.values() for record in records)
    picked = [record for _, record in chosen]
    found = examined("mix", settings, pool, picked, reason)
    return Mix(tuple(picked), found, _coverage(parts, weights), parts, count)


def _owned(sources: Mapping[str, Iterable[Record]]) -> tuple[dict[str, list[Record]], dict[str, str]]:
    """Return the records of each source that no source before it has, and which source each record counts for."""
    first: dict[str, str] = {}
    own: dict[str, list[Record]] = {}
    for name in sorted(sources):
        own[name] = [record for record in at_hand(sources[name]) if record.id not in first]
        first |= dict.fromkeys((record.id for record in own[name]), name)
    return own, first


def _repeated(records: Sequence[Record], count: int, source: str, seed: int) -> list[tuple[int, Record]]:
    """Return whole passes over the records and a draw of the rest, each with the number of its pass."""
    if not count:
        return []
    whole, rest = divmod(count, len(records))
    passes = [(number, record) for number in range(whole) for record in records]
    return passes + [(whole, record) for record in ordered(records, source, seed=seed)[:rest]]


def _coverage(parts: Sequence[Part], weights: Mapping[str, float]) -> Coverage:
    whole = sum(weights.values()) or 1.0
    return Coverage(
        tuple(
            Group("source", one.source, weights[one.source] / whole, one.wanted, one.available, one.chosen)
            for one in parts
        )
    )
