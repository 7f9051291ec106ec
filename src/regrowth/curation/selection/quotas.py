"""Quotas: so many records of each group of an attribute, or of several attributes at once.

    by_quota(records, 100, {"domain": {"code": 1, "maths": 3}})                          # 25 and 75
    by_quota(records, 100, {"domain": "equal", "language": {"de": 0.3, "en": 0.7}})      # both margins at once
    by_quota(records, 100, {("domain", "language"): {("code", "de"): 1, ("maths", "en"): 1}})
    by_quota(records, 100, {"domain": "found"}, pick=best(length))                       # stratified; the longest

Quotas that act while records are grown stand in `core.planning`; these act on finished data. A group with fewer records
than are wanted of it is short, and the report says so. `short="leave"`: nothing takes its place, so that no group ever
gets more than was asked for. `short="fill"`: the other groups do, by their shares, so that the count is right.
"""

import heapq
import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Literal, NamedTuple, TypeAlias

from regrowth.core.errors import SettingsError
from regrowth.core.record import Json, Record
from regrowth.curation.selection.choosing import Pick, Selection, at_hand, called, drawn, examined, wanting
from regrowth.curation.selection.coverage import Coverage, Group
from regrowth.curation.selection.shares import Cell, Margin, apportioned, raked

__all__ = ["Plan", "Read", "Shares", "Short", "Wanted", "attribute", "by_quota", "cell_of", "covered", "planned"]

Shares: TypeAlias = str | Mapping[Any, float]
"""Weights by value, or by the values of several attributes; `equal` for every value found, `found` as they are."""
Wanted: TypeAlias = Mapping[Any, Shares]
"""Shares by the name of an attribute, or by the names of several that are wanted together."""
Short: TypeAlias = Literal["leave", "fill"]
Read: TypeAlias = Callable[[Record, str], Json]
"""Reads what a name in the quotas stands for from a record."""


def attribute(record: Record, name: str) -> Json:
    """Return an attribute of a record, or None if it has none of that name."""
    found: Json = record.attributes.get(name)
    return found


def by_quota(
    records: Iterable[Record],
    count: int,
    wanted: Wanted,
    *,
    seed: int = 0,
    short: Short = "leave",
    pick: Pick | None = None,
    read: Read = attribute,
) -> Selection:
    """Choose records so that every group has its share; within a cell by chance, or as `pick` says.

    Args:
        wanted: Shares by attribute, or by several together. More than one entry: all are to hold, and the
            cells in between are raked from what there is.
        short: What happens where a group has too few.
        pick: Chooses within a cell: `best(score)`, or a `diverse` with its settings bound.
        read: What the names in `wanted` stand for.

    Raises:
        SettingsError: nothing is wanted, a share is negative, or none is above 0.
    """
    pool = at_hand(records)
    plan = planned(pool, wanting(count), wanted, short, read)
    choose = pick or drawn(seed)
    members: dict[Cell, list[Record]] = {}
    for record in pool:
        members.setdefault(plan.cells[record.id], []).append(record)
    taken = {cell: _chosen(members[cell], number, choose) for cell, number in plan.takes.items()}
    chosen = sorted((record for records in taken.values() for record in records), key=lambda record: record.id)
    settings: dict[str, Json] = {
        "count": count,
        "wanted": plan.told,
        "short": short,
        "seed": seed,
        "pick": called(choose),
    }

    def reason(record: Record) -> str:
        cell = plan.cells[record.id]
        named = plan.named(cell)
        if not plan.takes[cell]:
            return f"not wanted: none with {named}"
        return f"not drawn: {plan.takes[cell]:,} of {len(members[cell]):,} with {named} were wanted"

    report = _report(plan.margins, {cell: len(found) for cell, found in members.items()}, plan.takes)
    return Selection(tuple(chosen), examined("quota", settings, pool, chosen, reason), report)


def covered(
    pool: Iterable[Record],
    chosen: Iterable[Record],
    wanted: Wanted,
    *,
    read: Read = attribute,
) -> Coverage:
    """Report how well records that were chosen in any way cover the groups of a pool. Repeated records count again."""
    everyone, taken = at_hand(pool), list(chosen)
    plan = planned(everyone, len(taken), wanted, "leave", read)
    there = Counter(plan.cells.values())
    return _report(plan.margins, there, Counter(plan.cells[record.id] for record in taken))


class _Entry(NamedTuple):
    """One entry of the quotas, with its groups."""

    names: tuple[str, ...]
    shares: Mapping[str, float]
    wanted: Mapping[str, int]
    """By group, whether or not there are as many."""
    margin: Margin
    """What is to be taken: as wanted, or what other groups take in place of a short one, too."""


class Plan(NamedTuple):
    """How many are taken of each cell."""

    names: tuple[str, ...]
    """The attributes that the cells are made of."""
    cells: Mapping[str, Cell]
    """By record id."""
    margins: Sequence[_Entry]
    takes: Mapping[Cell, int]

    def named(self, cell: Cell) -> str:
        return ", ".join(f"{name} = {value[:80]}" for name, value in zip(self.names, cell, strict=True))

    @property
    def told(self) -> dict[str, Json]:
        return {_joined(one.names): dict(one.shares) for one in self.margins}


def planned(
    pool: Sequence[Record], count: int, wanted: Wanted, short: Short = "leave", read: Read = attribute, tries: int = 1
) -> Plan:
    """Return how many records are to be taken of each cell of the attributes; each may be taken `tries` times.

    Raises:
        SettingsError: as `by_quota`.
    """
    if not wanted:
        raise SettingsError("No shares are wanted of anything: name an attribute, such as {'domain': 'equal'}.")
    keys = [(name,) if isinstance(name, str) else tuple(name) for name in wanted]
    names = tuple(dict.fromkeys(name for key in keys for name in key))
    cells = {record.id: cell_of(record, names, read) for record in pool}
    available = Counter({cell: number * tries for cell, number in Counter(cells.values()).items()})
    margins = [
        _wanted(key, shares, names, available, count, short) for key, shares in zip(keys, wanted.values(), strict=True)
    ]
    return Plan(names, cells, margins, _takes(available, [one.margin for one in margins], count, short))


def cell_of(record: Record, names: Iterable[str], read: Read = attribute) -> Cell:
    """Return the cell that a record belongs to: its values of these attributes, as texts."""
    return tuple(_told(read(record, name)) for name in names)


def _wanted(
    key: tuple[str, ...],
    shares: Shares,
    names: tuple[str, ...],
    available: Mapping[Cell, int],
    count: int,
    short: Short,
) -> _Entry:
    places = [names.index(name) for name in key]
    group_of = {cell: _joined([cell[place] for place in places]) for cell in sorted(available)}
    there = Counter[str]()
    for cell, number in available.items():
        there[group_of[cell]] += number
    weights = _weights(key, shares, there)
    whole = sum(weights.values()) or 1.0
    total = count if available else 0
    wanted = apportioned(weights, total)
    taken = apportioned(weights, total, {name: there[name] for name in weights}) if short == "fill" else wanted
    named = {name: share / whole for name, share in weights.items()}
    return _Entry(key, named, wanted, Margin(group_of, taken))


def _weights(key: tuple[str, ...], shares: Shares, there: Mapping[str, int]) -> dict[str, float]:
    if shares == "equal":
        return dict.fromkeys(sorted(there), 1.0)
    if shares == "found":
        return {name: float(there[name]) for name in sorted(there)}
    if isinstance(shares, str):
        raise SettingsError(f"shares of {_joined(key)} = {shares!r}: expected 'equal', 'found' or one for each value.")
    return {name if isinstance(name, str) else _joined(map(_told, name)): share for name, share in shares.items()}


def _takes(available: Mapping[Cell, int], margins: Sequence[Margin], count: int, short: Short) -> dict[Cell, int]:
    """Round a raked table: whole parts first, then one by one where the groups still miss most."""
    exact = raked(available, margins)
    open_ = [dict(margin.wanted) for margin in margins]
    takes = dict.fromkeys(sorted(available), 0)

    def missing(cell: Cell) -> list[int]:
        return [left.get(margin.group_of[cell], 0) for margin, left in zip(margins, open_, strict=True)]

    def take(cell: Cell, number: int) -> None:
        takes[cell] += number
        for margin, left in zip(margins, open_, strict=True):
            left[margin.group_of[cell]] = left.get(margin.group_of[cell], 0) - number

    for cell in takes:
        take(cell, min(int(exact[cell] + 1e-6), *missing(cell)))
    # What is missing only shrinks, so a place in the heap that was right when it was pushed is too high at worst.
    heap = [(-sum(missing(cell)), takes[cell] - exact[cell], cell) for cell in takes]
    heapq.heapify(heap)
    while heap:
        was, cell = heapq.heappop(heap)[::2]
        room = min(available[cell] - takes[cell], *missing(cell))
        if room > 0 and was == -sum(missing(cell)):
            take(cell, max(1, room // 8))  # several at once where the margins contradict what there is
        if room > 0:
            heapq.heappush(heap, (-sum(missing(cell)), takes[cell] - exact[cell], cell))
    if short == "fill" and (lack := count - sum(takes.values())) > 0:
        spare = {
            cell: available[cell] - number
            for cell, number in takes.items()
            if all(margin.wanted.get(margin.group_of[cell], 0) for margin in margins)
        }
        if any(spare.values()):
            for cell, number in apportioned(spare, lack, spare).items():
                take(cell, number)
    return takes


def _chosen(records: Sequence[Record], count: int, choose: Pick) -> Sequence[Record]:
    if count in (0, len(records)):
        return records[:count]
    found = choose(records, count)
    if len(found) != count:
        raise SettingsError(f"pick: {count} of {len(records)} records asked for, {len(found)} came.")
    return found


def _report(margins: Iterable[_Entry], available: Mapping[Cell, int], chosen: Mapping[Cell, int]) -> Coverage:
    groups = []
    for one in margins:
        there, taken = Counter[str](), Counter[str]()
        for cell, number in available.items():
            there[one.margin.group_of[cell]] += number
            taken[one.margin.group_of[cell]] += chosen.get(cell, 0)
        for name in sorted(one.shares.keys() | there.keys()):
            wanted = one.wanted.get(name, 0)
            share = one.shares.get(name, 0.0)
            groups.append(Group(_joined(one.names), name, share, wanted, there[name], taken[name]))
    return Coverage(tuple(groups))


def _told(value: Json) -> str:
    return value if isinstance(value, str) else json.dumps(value, sort_keys=True, ensure_ascii=False)


def _joined(parts: Iterable[str]) -> str:
    return " × ".join(parts)
