"""How diverse the rows of a table are, and how much of the real rows they cover.

    real, synthetic = aligned(read_table(one), read_table(two)).tables
    table_diversity(real, synthetic)        # vendi, neighbour_precision, …

Two rows are as similar as their columns are on average: 1 for the same category or 0, and for numbers and dates exp of
minus their distance in mean absolute deviations of the real column. Missing values are a value of their own. Which
categories occur at all is read by `metrics.fidelity` (category coverage).
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from regrowth.core.errors import DataError
from regrowth.metrics.columns import Column, Table
from regrowth.metrics.diversity.similarities import of_kernel
from regrowth.metrics.diversity.vendi import Floats
from regrowth.metrics.reading import Reading

__all__ = ["row_kernel", "table_diversity"]

ROWS = 500
LEAST = 20


def table_diversity(real: Table, synthetic: Table, *, seed: int = 0) -> Sequence[Reading]:
    """Tell how diverse synthetic rows are, beside as many real ones; half of the real rows stand aside.

    Raises:
        DataError: fewer than 20 rows, or 40 real ones, or no column of numbers, dates or categories.
    """
    if synthetic.rows < LEAST or real.rows < 2 * LEAST:
        found = f"{synthetic.rows} rows, {real.rows} real ones"
        raise DataError(f"{found}: expected {LEAST} or more, and {2 * LEAST} real ones, half of which stand aside.")
    size = min(ROWS, synthetic.rows, real.rows // 2)
    rng = np.random.default_rng([seed, 7])
    made, people = (_drawn(table, count, rng) for table, count in ((synthetic, size), (real, 2 * size)))
    return list(of_kernel(row_kernel(made, people), size, rng, of="", note=f"{size:,} rows"))


def row_kernel(first: Table, second: Table) -> Floats:
    """Return how similar the rows of two tables are, those of the first before those of the second.

    Raises:
        DataError: no column of numbers, dates or categories.
    """
    found = np.zeros((first.rows + second.rows,) * 2)
    columns = second.of_kind("number", "date", "category")
    if not columns:
        raise DataError("no column of numbers, dates or categories: rows cannot be compared. Name the kinds.")
    for column in columns:
        found += _column_kernel(first[column.name], column)
    return np.asarray(found / len(columns))


def _column_kernel(first: Column, second: Column) -> Floats:
    values = np.concatenate([first.values, second.values])
    missing = np.concatenate([first.missing, second.missing])
    if second.kind == "category":
        return np.asarray(values[:, None] == values[None, :], np.float64)
    known = second.present
    scale = float(np.abs(known - known.mean()).mean()) if len(known) else 0.0
    filled = np.where(missing, 0.0, values)
    gaps = np.abs(filled[:, None] - filled[None, :])
    alike = np.exp(-gaps / scale) if scale > 0 else (gaps == 0).astype(np.float64)
    return np.asarray(np.where(missing[:, None] | missing[None, :], missing[:, None] & missing[None, :], alike))


def _drawn(table: Table, count: int, rng: np.random.Generator) -> Table:
    """Return some rows, the same ones however the table was ordered."""
    keys = [_key(column) for column in table.of_kind("number", "date", "category")]
    order = np.lexsort(keys[::-1]) if keys else np.arange(table.rows)
    return table.take(order[rng.permutation(table.rows)[:count]])


def _key(column: Column) -> npt.NDArray[np.float64]:
    if column.kind != "category":
        return np.asarray(np.where(column.missing, -np.inf, column.values), np.float64)
    # Labels are numbered in the order of the first table; their names are the same in any order.
    rank = np.argsort(np.argsort(np.array(column.labels))) if column.labels else np.zeros(0)
    return np.array([rank[value] if value >= 0 else -1 for value in column.values], np.float64)
