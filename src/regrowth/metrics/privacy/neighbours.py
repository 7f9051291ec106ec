"""Attacks through the nearest synthetic row: linking, guessing an attribute, telling who was trained on.

    found = approached(space, targets=1, synthetic=0, places=sample, halves=None)
    found.linked            # per target: both halves of its columns lead to the same synthetic row
    found.guesses["job"]    # per target: the synthetic row nearest to it by all columns but its job
    found.distances         # per target: how far the nearest synthetic row is

| attack              | succeeds if                                                                        | source    |
|---------------------|------------------------------------------------------------------------------------|-----------|
| linkability         | the row nearest by one part of the columns is nearest by the other part too        | anonymeter|
| attribute inference | the nearest row has the value, numbers within 5 % of the guess                     | anonymeter|
| membership          | told by the distance, or by the ratio to that of real rows nobody trained on       | below     |

The ratio of distances is that of two nearest-neighbour densities, synthetic over reference: a likelihood ratio without
shadow models (van Breugel et al., 2023, DOMIAS, arXiv:2302.12580).
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from regrowth.metrics.columns import Table
from regrowth.metrics.leakage.tables import Floats, Places, Space
from regrowth.metrics.privacy.risk import Successes

__all__ = ["Approached", "Halves", "approached", "guessed", "nearest_distances", "parted"]

Halves = tuple[Sequence[str], Sequence[str]]

TOLERANCE = 0.05
"""By how much of the guess a number may be wrong."""


class Approached(NamedTuple):
    """Hold what the synthetic rows tell of each target."""

    linked: npt.NDArray[np.bool_]
    guesses: Mapping[str, Places]
    distances: Floats


def parted(columns: Sequence[str]) -> Halves:
    """Part columns in two: every other one, as two owners of one table might have them."""
    return columns[::2], columns[1::2]


def approached(
    space: Space, *, targets: int, synthetic: int, places: Places, halves: Halves, secrets: Sequence[str]
) -> Approached:
    """Search the nearest synthetic row of each target: by all columns, by either half, by all but each secret."""
    names = space.columns
    rows = [[names.index(name) for name in half] for half in halves]
    left_out = [row for row in range(len(names)) if row not in {*rows[0], *rows[1]}]
    asked = {name: names.index(name) for name in secrets}
    gaps: Floats = np.empty((len(names), len(space.parts[synthetic])), np.float32)
    sums, total = np.empty((3, gaps.shape[1]), np.float32), np.empty(gaps.shape[1], np.float32)
    linked, distances = np.zeros(len(places), np.bool_), np.zeros(len(places), np.float32)
    guesses = {name: np.zeros(len(places), np.intp) for name in secrets}
    for number, place in enumerate(places):
        space.gaps(targets, synthetic, int(place), gaps)
        for part, out in zip((*rows, left_out), sums, strict=True):
            _added(gaps, part, out)
        linked[number] = sums[0].argmin() == sums[1].argmin()
        _added(sums, range(3), total)
        distances[number] = total.min() / len(names)
        for name, row in asked.items():
            guesses[name][number] = np.subtract(total, gaps[row], out=sums[0]).argmin()
    return Approached(linked, guesses, distances)


def _added(gaps: Floats, rows: Sequence[int], out: Floats) -> None:
    out.fill(0)
    for row in rows:
        np.add(out, gaps[row], out=out)


def guessed(secret: str, targets: Table, synthetic: Table, places: Places, guesses: Places) -> Successes:
    """Count the targets whose secret the nearest synthetic row tells."""
    column = targets[secret]
    truths, said = column.values[places], synthetic[secret].values[guesses]
    if column.kind == "number":
        right = np.abs(said - truths) <= TOLERANCE * np.abs(said)
        right |= np.isnan(said) & np.isnan(truths)
    elif column.kind == "date":
        right = (said == truths) | (np.isnan(said) & np.isnan(truths))
    else:
        right = said == truths
    return Successes(int(right.sum()), len(places))


def nearest_distances(space: Space, targets: int, others: int, places: Places) -> Floats:
    """Return the distance of each target to the nearest row of another table."""
    distances = space.distances(targets, others)
    step = max(1, (1 << 16) // len(space.parts[others]))
    found: Floats = np.concatenate(
        [distances(places[start : start + step]).min(axis=1) for start in range(0, len(places), step)]
    )
    return found
