"""What is asked of some columns, as a value per row: shares are met exactly, before a generator draws the rest.

    asked = {"sex": {"f": 0.5, "m": 0.5}, "income": ">50K", "age": (30, 40)}
    given(asked, 500, real, schema, rng)        {"sex": [0, 1, 1, …], "income": [1, 1, …], "age": [33., 38., …]}

Several columns at once keep as much of what ties them together in the real table as their shares allow: its counts are
raked to the shares (Deming & Stephan, 1940), and rows are dealt out of them until every share is used up.
"""

import math
from collections.abc import Mapping
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from regrowth.core.errors import SettingsError
from regrowth.domains.tables.constraints import encoded
from regrowth.domains.tables.schema import Floats, Schema, Shape
from regrowth.metrics.columns import Table

__all__ = ["Asked", "given", "shares_out"]

Asked: TypeAlias = Mapping[str, Any]
"""By column: a value; shares of values, as `{"f": 0.5, "m": 0.5}`; bounds of a number, as `(30, 40)`."""

_CELLS = 1_000_000
_ROUNDS = 100
_FAINT = 0.01
"""Rows that a combination counts for that the real table does not have: shares may ask for it all the same."""


def given(
    asked: Asked, count: int, real: Table | None, schema: Schema, rng: np.random.Generator
) -> dict[str, npt.NDArray[Any]]:
    """Return values for the columns that something is asked of.

    Args:
        real: None if nothing may be read off it; combinations are then taken for equally likely.

    Raises:
        SettingsError: there is no such column or value, or shares do not add up to 1.
    """
    ranges = {name: want for name, want in asked.items() if isinstance(want, list | tuple)}
    counts = {
        name: shares_out(_shares(_shape(schema, name), want), count)
        for name, want in asked.items()
        if name not in ranges
    }
    made: dict[str, npt.NDArray[Any]] = dict(_dealt(counts, count, real, rng)) if counts else {}
    for name, want in ranges.items():
        made[name] = _between(_shape(schema, name), want, count, real, rng)
    return {name: values if schema.shapes[name].counted else values.astype(np.int32) for name, values in made.items()}


def _shape(schema: Schema, name: str) -> Shape:
    shape = schema.shapes.get(name)
    if shape is None or shape.kind == "identifier":
        drawn = ", ".join(one.name for one in schema.drawn)
        raise SettingsError(f"conditions: {name!r} is no column that is drawn. Those are: {drawn}.")
    return shape


def _shares(shape: Shape, want: Any) -> dict[float, float]:
    shares = want if isinstance(want, Mapping) else {want: 1.0}
    found = {encoded(shape, value): float(share) for value, share in shares.items()}
    total = math.fsum(found.values())
    if not found or min(found.values()) < 0 or abs(total - 1) > 1e-6:
        raise SettingsError(
            f"conditions: the shares of {shape.name!r} add up to {total:g}; expected 1, and none below 0."
        )
    return found


def shares_out(shares: Mapping[float, float], count: int) -> dict[float, int]:
    """Return whole counts for shares: what does not divide goes to the largest remainders."""
    exact = {value: share * count for value, share in shares.items()}
    counts = {value: math.floor(part + 1e-9) for value, part in exact.items()}
    left = count - sum(counts.values())
    for value in sorted(exact, key=lambda value: counts[value] - exact[value])[:left]:
        counts[value] += 1
    return counts


def _dealt(
    counts: Mapping[str, Mapping[float, int]], count: int, real: Table | None, rng: np.random.Generator
) -> dict[str, Floats]:
    """Deal out values row by row: each column's counts are met, combinations are as likely as raking makes them."""
    names, sizes = list(counts), [len(one) for one in counts.values()]
    if math.prod(sizes) > _CELLS:
        raise SettingsError(f"conditions: {math.prod(sizes):,} combinations of values; expected {_CELLS:,} at most.")
    joint = _raked(_cells(counts, real), [np.array(list(one.values()), np.float64) for one in counts.values()])
    left = [np.array(list(one.values()), np.float64) for one in counts.values()]
    places = np.zeros((count, len(names)), np.intp)
    dice = rng.random((count, len(names)))
    for row in range(count):
        chosen: tuple[int, ...] = ()
        for number in range(len(names)):
            weights = joint[chosen].reshape(sizes[number], -1).sum(axis=1) * left[number]
            if not weights.sum():
                weights = left[number]
            place = int(np.searchsorted(np.cumsum(weights), dice[row, number] * weights.sum(), "right"))
            chosen = (*chosen, min(place, int(np.flatnonzero(weights)[-1])))
        for number, place in enumerate(chosen):
            left[number][place] -= 1
        places[row] = chosen
    return {name: np.array(list(counts[name]))[places[:, number]] for number, name in enumerate(names)}


def _cells(counts: Mapping[str, Mapping[float, int]], real: Table | None) -> Floats:
    shape = [len(one) for one in counts.values()]
    cells = np.full(shape, _FAINT)
    if real is None:
        return cells
    places = []
    for name, one in counts.items():
        known = np.array(list(one))
        order = np.argsort(known)
        at = np.searchsorted(known, real[name].values, sorter=order).clip(0, len(known) - 1)
        places.append(np.where(known[order[at]] == real[name].values, order[at], -1))
    matrix = np.stack(places)
    matrix = matrix[:, (matrix >= 0).all(axis=0)]
    np.add.at(cells, tuple(matrix), 1.0)
    return cells


def _raked(cells: Floats, totals: list[Floats]) -> Floats:
    for _ in range(_ROUNDS if len(totals) > 1 else 1):
        for axis, total in enumerate(totals):
            others = tuple(other for other in range(cells.ndim) if other != axis)
            sums = cells.sum(axis=others, keepdims=True)
            wanted = total.reshape([-1 if other == axis else 1 for other in range(cells.ndim)])
            cells = cells * np.divide(wanted, sums, out=np.zeros_like(sums), where=sums > 0)
    return cells


def _between(shape: Shape, want: Any, count: int, real: Table | None, rng: np.random.Generator) -> Floats:
    if len(want) != 2 or not shape.counted:
        raise SettingsError(f"conditions: {shape.name} = {want!r}; expected two bounds of a number or a date.")
    low, high = (encoded(shape, end) for end in want)
    if low > high:
        raise SettingsError(f"conditions: {shape.name} = {want!r}; expected the lower bound first.")
    if real is None:
        return np.clip(shape.rounded(rng.uniform(low, high, count)), low, high)
    values = np.sort(real[shape.name].present)
    inside = values[(values >= low) & (values <= high)]
    if not len(inside):
        raise SettingsError(
            f"conditions: no real {shape.name} lies in {want!r}; the table has {shape.low:g} to {shape.high:g}."
        )
    # Even draws between neighbours, as the trees make them: no real value is copied for its own sake.
    spots = rng.random(count) * (len(inside) - 1)
    lower = inside[np.floor(spots).astype(np.intp)]
    upper = inside[np.ceil(spots).astype(np.intp)]
    made = lower + (spots % 1) * (upper - lower)
    return np.clip(shape.rounded(made), low, high)
