"""How strongly each two columns of a table go together, between -1 and 1, whatever their kinds.

| columns               | measure                                             |
|-----------------------|-----------------------------------------------------|
| numbers and dates     | Pearson's correlation                               |
| number with category  | correlation ratio: share of spread between groups   |
| categories            | Cramér's V                                          |

The last two have no sign. Rows with a missing value in either column are left out, pair by pair.
"""

import numpy as np
import numpy.typing as npt

from regrowth.metrics.columns import Column, Table
from regrowth.reports.compared import Associations

__all__ = ["associations"]

MOST_ROWS = 20_000
"""Rows looked at, evenly spaced: enough for two digits."""
MOST_COLUMNS = 80
"""Columns looked at, the first: pairs grow with their square."""


def associations(real: Table, synthetic: Table) -> Associations:
    """Return how strongly the columns of two aligned tables go together; texts and identifiers are left out."""
    every = [column.name for column in real.of_kind("number", "date", "category")]
    names = every[:MOST_COLUMNS]
    notes = [f"{len(every) - len(names)} more columns were not looked at."] * (len(every) > len(names))
    if max(real.rows, synthetic.rows) > MOST_ROWS:
        notes.append(f"From {MOST_ROWS:,} rows of each table, evenly spaced.")
    return Associations(
        names=tuple(names), real=_matrix(real, names), synthetic=_matrix(synthetic, names), note=" ".join(notes)
    )


def _matrix(table: Table, names: list[str]) -> tuple[tuple[float | None, ...], ...]:
    stride = -(-table.rows // MOST_ROWS)
    part = table.take(np.arange(0, table.rows, stride))
    rows: list[list[float | None]] = [[None] * len(names) for _ in names]
    for place, one in enumerate(names):
        for beside in range(place):
            strength = _strength(part[one], part[names[beside]])
            rows[place][beside] = rows[beside][place] = None if strength is None else round(strength, 4)
    return tuple(map(tuple, rows))


def _strength(one: Column, other: Column) -> float | None:
    both = ~(one.missing | other.missing)
    if both.sum() < 2:
        return None
    first, second = one.values[both], other.values[both]
    if one.kind == other.kind == "category":
        return _cramers_v(first, second)
    if one.kind == "category":
        return _correlation_ratio(second, first)
    if other.kind == "category":
        return _correlation_ratio(first, second)
    return _pearson(first, second)


def _pearson(one: npt.NDArray[np.float64], other: npt.NDArray[np.float64]) -> float | None:
    first, second = _centred(one), _centred(other)
    size = float(np.sqrt((first @ first) * (second @ second)))
    return float(np.clip((first @ second) / size, -1, 1)) if size > 0 else None


def _centred(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return values about their mean, in units of the widest: squares of large numbers stay finite and exact."""
    gaps = values - values.mean()
    reach = np.abs(gaps).max()
    # A column of one value keeps rounding errors of its mean: they are no spread.
    return gaps / reach if reach > 1e-12 * np.abs(values).max() else np.zeros_like(gaps)


def _correlation_ratio(numbers: npt.NDArray[np.float64], codes: npt.NDArray[np.int32]) -> float | None:
    gaps = _centred(numbers)
    total = float(gaps @ gaps)
    counts = np.bincount(codes)
    if total == 0 or (counts > 0).sum() < 2:
        return None
    sums = np.bincount(codes, gaps)
    between = float((sums[counts > 0] ** 2 / counts[counts > 0]).sum())
    return float(np.sqrt(min(1.0, between / total)))


def _cramers_v(one: npt.NDArray[np.int32], other: npt.NDArray[np.int32]) -> float | None:
    rows, first = np.unique(one, return_inverse=True)
    columns, second = np.unique(other, return_inverse=True)
    least = min(len(rows), len(columns)) - 1
    if least < 1:
        return None
    counts = np.bincount(first * len(columns) + second, minlength=len(rows) * len(columns))
    seen = counts.reshape(len(rows), len(columns)).astype(np.float64)
    expected = np.outer(seen.sum(axis=1), seen.sum(axis=0)) / seen.sum()
    chi_squared = float(((seen - expected) ** 2 / expected).sum())
    return float(np.sqrt(min(1.0, chi_squared / seen.sum() / least)))
