"""Ask until there is enough: rounds of asking, each for what the doubles of the last one left open.

    wanted    {"pets": 4, "foods": 4}
    round 1   pets: cat dog cat's fish        kept: cat dog fish        # "cat's" is "cat" in other words
    round 2   pets: goat                      asked for one more, told which are taken

Nothing here depends on the order of completion: a round is one `grow`, its records are compared in their order when it
is done. What could not be had after the last round is the dataset's shortfall, and a person is told.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from regrowth.core.dataset import Dataset
from regrowth.core.flow import Work
from regrowth.core.protocols import Gate
from regrowth.core.record import Record
from regrowth.recipes._code.problems import near_duplicates
from regrowth.run import Run

__all__ = ["Refill", "refilled"]

STRATUM = "stratum"


@dataclass(frozen=True, slots=True, kw_only=True)
class Refill:
    """Say what is wanted, and what makes two records the same."""

    name: str
    """Of the dataset; the rounds are called NAME-1, NAME-2, …"""
    wanted: Mapping[str, int]
    """Records by stratum; a seed names its stratum in the attribute `stratum`."""
    said: Callable[[Record], str]
    """The text by which records are compared."""
    near: float
    """Share of common runs of three words from which a record is another one in other words; 1 takes only doubles."""
    rounds: int = 3
    draws: int = 0
    """Attempts at each seed, one record each, until the stratum is full; 0 asks every seed once, for a list."""
    gates: Sequence[Gate] = field(default_factory=tuple)


async def refilled(
    run: Run,
    seeds: Callable[[int, Mapping[str, int], Sequence[Record]], Sequence[Record]],
    work: Work,
    *collaborators: object,
    how: Refill,
    start: Sequence[Record] = (),
) -> Dataset:
    """Return a dataset of different records, as many per stratum as wanted or as could be had.

    Args:
        seeds: Makes the seeds of a round from its number, what is missing by stratum, and what is there.
        start: Records that are there already; they are part of the dataset.
    """
    kept, doubles, asked = list(start), 0, Counter(record.attributes.get(STRATUM) for record in start)
    for number in range(1, how.rounds + 1):
        missing = {name: count - asked[name] for name, count in how.wanted.items() if count > asked[name]}
        if not missing:
            break
        settings = {"quotas": missing, STRATUM: STRATUM, "draws": how.draws, "partial": True} if how.draws else {}
        made = list(
            await run.agrow(
                seeds(number, missing, kept),
                work,
                *collaborators,
                name=f"{how.name}-{number}",
                gates=how.gates,
                **settings,
            )
        )
        texts = [how.said(record) for record in (*kept, *made)]
        twins = near_duplicates(texts, alike=how.near)
        doubles += sum(place >= len(kept) for place in twins)
        fresh = [record for place, record in enumerate(made, len(kept)) if place not in twins]
        for record in fresh:
            if asked[record[STRATUM]] < how.wanted.get(record[STRATUM], 0) or run.preview:
                asked[record[STRATUM]] += 1
                kept.append(record)
    short = _short(how, asked)
    if short and not run.preview:
        run.watcher.noting(f"{how.name}: {short}")
    return run.write(how.name, kept, shortfall=short, doubles=doubles)


def _short(how: Refill, found: Mapping[str | None, int]) -> str:
    thin = {name: f"{found[name]} of {count}" for name, count in how.wanted.items() if found[name] < count}
    if not thin:
        return ""
    total = sum(min(found[name], count) for name, count in how.wanted.items())
    some = ", ".join(f"{name or 'all'} {told}" for name, told in list(thin.items())[:5])
    more = " …" if len(thin) > 5 else ""
    return f"{total:,} of {sum(how.wanted.values()):,} after {how.rounds} rounds. Short: {some}{more}."
