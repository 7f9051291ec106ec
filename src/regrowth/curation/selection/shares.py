"""Shares become whole numbers, and marginal shares become shares of the cells that a table has.

    apportioned({"code": 1, "maths": 2}, 10)                        # {"code": 3, "maths": 7}
    apportioned({"code": 1, "maths": 2}, 10, {"maths": 4})          # {"code": 6, "maths": 4}: code takes what is left
    raked({("a", "x"): 90, ("a", "y"): 10, ("b", "x"): 50, ("b", "y"): 50}, [first margin, second margin])

Largest remainder: Hamilton's method. Raking: iterative proportional fitting (Deming and Stephan, 1940), here with an
upper bound for every cell, because no more can be chosen than there are.
"""

import math
from collections.abc import Mapping, Sequence
from itertools import accumulate
from typing import Any, NamedTuple, TypeAlias, TypeVar

from regrowth.core.errors import SettingsError

__all__ = ["Cell", "Margin", "apportioned", "filled", "raked"]

Cell: TypeAlias = tuple[str, ...]
K = TypeVar("K", bound=Any)

TINIEST = 1e-12
"""Of the largest share: what is below is a mistake, and would not survive the arithmetic."""
SWEEPS = 100
"""Passes over all margins; they end sooner when nothing is off by more than `CLOSE`."""
CLOSE = 1e-6
"""Of a record."""


class Margin(NamedTuple):
    """What is wanted of the groups that one attribute, or several together, part the cells into."""

    group_of: Mapping[Cell, str]
    """The group that a cell belongs to."""
    wanted: Mapping[str, int]
    """Records wanted, by group; a group that is not named is not wanted."""


def apportioned(shares: Mapping[K, float], total: int, most: Mapping[K, int] | None = None) -> dict[K, int]:
    """Share a total among names in whole numbers: the largest remainders are rounded up, of equals the first by name.

    Args:
        shares: Weights ≥ 0; they need not add up to 1.
        most: Upper bounds, by name. What a full name cannot take goes to the others by their shares; where all with
            a share are full, the sum stays below the total.

    Raises:
        SettingsError: a share is negative or no number, or none is above 0.
    """
    if wrong := [name for name, share in shares.items() if not (math.isfinite(share) and share >= 0)]:
        raise SettingsError(f"share of {wrong[0]!r} = {shares[wrong[0]]}: expected a finite number, 0 or more.")
    least = TINIEST * max(shares.values(), default=0)
    if tiny := [name for name, share in shares.items() if 0 < share < least]:
        raise SettingsError(
            f"share of {tiny[0]!r} = {shares[tiny[0]]}: that is nothing beside the others. Set it to 0."
        )
    if total and not any(shares.values()):
        raise SettingsError(
            f"{total} wanted, but no share is above 0 (found: {', '.join(map(str, shares)) or 'none'})."
        )
    bounds = {name: math.inf if most is None else most.get(name, math.inf) for name in shares}
    names = sorted(shares, key=str)
    exact = dict(
        zip(names, filled([shares[name] for name in names], [bounds[name] for name in names], total), strict=True)
    )
    counts = {name: math.floor(value + 1e-9) for name, value in exact.items()}
    rest = round(math.fsum(exact.values())) - sum(counts.values())
    rising = sorted((name for name in names if counts[name] < exact[name]), key=lambda name: counts[name] - exact[name])
    for name in rising[:rest]:
        counts[name] += 1
    return {name: counts[name] for name in shares}


def filled(weights: Sequence[float], bounds: Sequence[float], total: float) -> list[float]:
    """Return min(bound, weight · λ) for the λ with which these add up to a total; all bounds where they cannot."""
    rate = _rate(weights, bounds, total)
    return [min(bound, weight * rate) if weight else 0.0 for weight, bound in zip(weights, bounds, strict=True)]


def _rate(weights: Sequence[float], bounds: Sequence[float], total: float) -> float:
    """Return λ; infinite where even all bounds do not reach the total."""
    there = [(bound, weight) for bound, weight in zip(bounds, weights, strict=True) if weight]
    if math.fsum(bound for bound, _ in there) <= total:
        return math.inf
    there.sort(key=lambda pair: pair[0] / pair[1])  # the first to be full first
    open_ = list(accumulate(weight for _, weight in reversed(there)))[::-1]
    for (bound, weight), rest in zip(there, open_, strict=True):
        if weight * total <= bound * rest:
            return max(0.0, total) / rest
        total -= bound
    return math.inf


def raked(available: Mapping[Cell, int], margins: Sequence[Margin]) -> dict[Cell, float]:
    """Return how much to take of each cell: as near to what there is as the margins allow, never more than there is.

    Every cell gets min(available, available · the multipliers of its groups), and group after group gets the
    multiplier with which its sum is right. A group with less than is wanted is taken whole. Where the margins cannot
    all hold, the last one does most.
    """
    weights = {cell: float(count) for cell, count in available.items()}
    groups = [
        ([cell for cell in available if margin.group_of[cell] == name], margin.wanted.get(name, 0))
        for margin in margins
        for name in sorted(set(margin.group_of.values()))
    ]
    for _ in range(SWEEPS):
        off = 0.0
        for cells, wanted in groups:
            bounds = [float(available[cell]) for cell in cells]
            old = [weights[cell] for cell in cells]
            off = max(off, abs(math.fsum(map(min, old, bounds)) - min(wanted, math.fsum(bounds))))
            rate = _rate(old, bounds, wanted)
            if math.isinf(rate):  # the least that takes the group whole: later margins can still take from it
                rate = max((bound / weight for bound, weight in zip(bounds, old, strict=True) if weight), default=0.0)
            for cell in cells:
                weights[cell] *= rate
        if off < CLOSE:
            break
    return {cell: min(weight, available[cell]) for cell, weight in weights.items()}
