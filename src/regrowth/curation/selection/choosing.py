"""What every selection returns, and the two things that none of them may do: lose a record, or ask for the order.

found = by_quota(records, 100, {"domain": "equal"}, seed=1)
found.chosen                                # 100 records
found.examination.findings[0].reason        # "not drawn: 25 of 310 with domain = code were wanted"
print(found.coverage)                       # domain: 0.0 % from the wanted shares; worst: …
kept, refused = parted(records, found.examination)      # `curation.findings`: entries for the ledger
"""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from regrowth.core.errors import DataError, SettingsError
from regrowth.core.record import Json, Record, digest
from regrowth.curation.findings import Examination, Finding
from regrowth.curation.selection.coverage import Coverage

__all__ = ["Pick", "Selection", "at_hand", "best", "called", "drawn", "examined", "ordered", "scored", "wanting"]

Pick: TypeAlias = Callable[[Sequence[Record], int], Sequence[Record]]
"""Chooses so many of the records it is given; it is given more than so many. Must not depend on their order."""


@dataclass(frozen=True, slots=True)
class Selection:
    """Hold what was chosen, and what became of the rest."""

    chosen: tuple[Record, ...]
    """In the order of choice where there is one, else by record id. Only a mix ever holds a record twice."""
    examination: Examination
    """One finding for each record that was left out, with its reason."""
    coverage: Coverage = field(default_factory=Coverage)
    """What of every group was wanted, there and chosen; empty where no groups were named."""


def at_hand(records: Iterable[Record]) -> list[Record]:
    """Return the different records by their id: the one order that does not depend on how they came."""
    known = {record.id: record for record in records}
    return [known[name] for name in sorted(known)]


def wanting(count: int) -> int:
    """Return a count that can be asked for.

    Raises:
        SettingsError: it is negative.
    """
    if count < 0:
        raise SettingsError(f"count = {count}, expected how many records are wanted: 0 or more.")
    return count


def ordered(records: Iterable[Record], *purpose: Json, seed: int) -> list[Record]:
    """Return records in an order of chance that follows from their ids: the first of many are the first of few, too."""
    return sorted(records, key=lambda record: (digest("order", seed, purpose, record.id), record.id))


def drawn(seed: int) -> Pick:
    """Return the pick that draws by chance, without replacement."""

    def drawn(records: Sequence[Record], count: int) -> Sequence[Record]:
        return ordered(records, "drawn", seed=seed)[:count]

    return drawn


def best(score: Callable[[Record], float]) -> Pick:
    """Return the pick that takes the highest scores; of equals the first by id."""

    def best(records: Sequence[Record], count: int) -> Sequence[Record]:
        return sorted(records, key=lambda one: (-scored(one, score), one.id))[:count]

    best.__name__ = f"best by {called(score)}"
    return best


def called(thing: object) -> str:
    """Return the name that something given by the caller goes by."""
    return str(getattr(thing, "name", None) or getattr(thing, "__name__", None) or type(thing).__name__)


def scored(record: Record, score: Callable[[Record], float]) -> float:
    """Return the score of a record.

    Raises:
        DataError: it has none, or one that is no finite number.
    """
    try:
        found = float(score(record))
    except (KeyError, TypeError, ValueError) as error:
        raise DataError(
            f"record {record.id} has no score ({error!r}). Score all records, or leave this one out."
        ) from error
    if not math.isfinite(found):
        raise DataError(f"record {record.id} has the score {found}: expected a finite number.")
    return found


def examined(
    name: str,
    settings: Mapping[str, Json],
    records: Sequence[Record],
    chosen: Iterable[Record],
    reason: Callable[[Record], str | Finding],
) -> Examination:
    """Return the examination that finds every record which was not chosen."""
    taken = {record.id for record in chosen}
    left = (record for record in records if record.id not in taken)
    found = (one if isinstance(one, Finding) else Finding(record.id, one) for record in left if (one := reason(record)))
    return Examination(name, settings, len(records), tuple(found))
