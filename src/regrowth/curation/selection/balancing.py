"""Declared shares become the quotas that `grow` fills, so that a dataset comes out with exactly these shares.

    plan = balance(seeds, 400, {"gender": {"woman": 0.5, "man": 0.5}, "region": "equal"})
    data = run.grow(seeds, answer, model, gates=gates, **plan.settings)
        plan.quotas     {"woman × north": 100, "woman × south": 100, "man × north": 100, "man × south": 100}
        covered(data, data, {"gender": {"woman": 0.5, "man": 0.5}}).distances     {"gender": 0.0}

A seed must say which group it belongs to, and what is made of it inherits that. `by_quota` cuts finished data down to
shares; here nothing is thrown away: `grow` tries seeds of the thinnest group again, up to `draws` times each, until
every group is full. If a group stays short, `grow` raises `Shortfall` and names it.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

from regrowth.core.errors import SettingsError
from regrowth.core.record import Record
from regrowth.curation.selection.choosing import at_hand, wanting
from regrowth.curation.selection.quotas import Plan, Read, Wanted, attribute, cell_of, planned

__all__ = ["Balance", "balance"]


class Balance(NamedTuple):
    """Hold how many records are wanted of each group."""

    quotas: Mapping[str, int]
    """By group: the values of the attributes, joined by ×. Groups of which none is wanted are not named."""
    stratum: Callable[[Record], str]
    """Names the group of a seed."""
    draws: int

    @property
    def settings(self) -> dict[str, Any]:
        """Return the keywords for `grow`."""
        return {"quotas": dict(self.quotas), "stratum": self.stratum, "draws": self.draws}


def balance(seeds: Iterable[Record], count: int, wanted: Wanted, *, draws: int = 16, read: Read = attribute) -> Balance:
    """Plan quotas so that exactly `count` records have the shares wanted of each attribute.

    Of several attributes the margins hold exactly, and the cells in between stay as near to the seeds as they can.

    Args:
        wanted: As for `by_quota`: shares by attribute, or by several together.
        draws: Attempts at a seed; more make it likelier that a group with few seeds is filled.
        read: What the names in `wanted` stand for.

    Raises:
        SettingsError: a group has no seeds or too few, the margins contradict each other, or nothing is wanted.
    """
    if draws < 1:
        raise SettingsError(f"draws={draws}: expected 1 or more.")
    pool, count = at_hand(seeds), wanting(count)
    if not pool:
        raise SettingsError("No seeds: the source is empty, so nothing can be grown from it.")
    plan = planned(pool, count, wanted, read=read, tries=draws)
    if lacking := _lacking(plan):
        raise SettingsError(
            f"Too few seeds for these shares: {'; '.join(lacking[:5])}. Bring seeds of these groups, allow more draws "
            f"than {draws}, or declare other shares."
        )
    return Balance(
        {_name(cell): number for cell, number in plan.takes.items() if number},
        lambda seed: _name(cell_of(seed, plan.names, read)),
        draws,
    )


def _lacking(plan: Plan) -> list[str]:
    told = []
    for one in plan.margins:
        taken = dict.fromkeys(one.wanted, 0)
        for cell, number in plan.takes.items():
            if number:
                taken[one.margin.group_of[cell]] += number
        told += [
            f"{' × '.join(one.names)} = {name}: {number:,} wanted, {taken[name]:,} can be made"
            for name, number in one.wanted.items()
            if taken[name] < number
        ]
    return told


def _name(cell: tuple[str, ...]) -> str:
    return " × ".join(cell)
