"""Two tables as codes and numbers that pairs of columns and classifiers can be read off quickly.

    coded(real, synthetic)
        names    ("age", "job")
        codes    real [2, rows]: age in 10 bins of the real range and one for missing, job as its place
        cells    (11, 15)

Bins are those of SDMetrics' ContingencySimilarity: ten of equal width between the least and the greatest real value,
the outer two without end. (Its QualityReport bins each table between its own ends, so that one far value moves all
bins of one table: `own_ends=True` does the same, for comparison.)
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any
from zlib import crc32

import numpy as np
import numpy.typing as npt

from regrowth.metrics.columns import Column, Table

__all__ = ["Coded", "coded", "matrix", "ordered", "plain"]

Codes = npt.NDArray[np.int32]
_BINS = 10


@dataclass(frozen=True)
class Coded:
    """Hold the columns of two tables as codes."""

    columns: tuple[Column, ...]
    """Of the real table."""
    real: Codes
    synthetic: Codes
    cells: tuple[int, ...]


def coded(real: Table, synthetic: Table, *, own_ends: bool = False) -> Coded:
    """Code the numbers, dates and categories of two tables."""
    columns = real.of_kind("number", "date", "category")
    ours, theirs, cells = [], [], []
    for column in columns:
        other = synthetic[column.name]
        if column.kind == "category":
            cells.append(len(column.labels) + 1)
            ours.append(np.where(column.values < 0, cells[-1] - 1, column.values))
            theirs.append(np.where(other.values < 0, cells[-1] - 1, other.values))
        else:
            cells.append(_BINS + 2)
            ours.append(_binned(column, column, own_ends=own_ends))
            theirs.append(_binned(other, other if own_ends else column, own_ends=own_ends))
    return Coded(columns, _stacked(ours, real.rows), _stacked(theirs, synthetic.rows), tuple(cells))


def _binned(column: Column, ends_of: Column, *, own_ends: bool) -> npt.NDArray[np.intp]:
    present = ends_of.present
    if not len(present):
        return np.full(len(column), _BINS + 1, np.intp)
    edges = np.histogram_bin_edges(present, bins=_BINS)
    if not own_ends:
        edges[0], edges[-1] = -np.inf, np.inf
    found = np.digitize(column.values, edges)
    return found if own_ends else np.where(column.missing, _BINS + 1, found)


def _stacked(columns: Sequence[npt.NDArray[Any]], rows: int) -> Codes:
    return np.stack(columns).astype(np.int32) if columns else np.zeros((0, rows), np.int32)


def ordered(table: Table) -> Table:
    """Return the rows in an order that depends on nothing but what is in them; it is as good as random.

    Whatever is then sampled by place is the same, however the rows came.
    """
    keys = np.zeros(table.rows, np.uint64)
    for name, column in table.columns.items():
        values = np.where(column.missing, np.inf, column.values).astype(np.float64) + 0.0  # -0 is 0
        keys += _mixed(values.view(np.uint64) ^ np.uint64(crc32(name.encode())))
    return table.take(np.argsort(_mixed(keys), kind="stable"))


def _mixed(keys: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    """Return keys with every bit spread over all (the finaliser of splitmix64; Steele et al. 2014)."""
    keys = (keys ^ (keys >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    keys = (keys ^ (keys >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return np.asarray(keys ^ (keys >> np.uint64(31)))


def plain(table: Table) -> Table:
    """Return the table with texts as two numbers each, how many words and characters, and without identifiers."""
    found: dict[str, Column] = {}
    for name, column in table.columns.items():
        if column.kind == "text":
            for what, count in (("words", _words), ("characters", len)):
                values = np.array([np.nan if text is None else count(text) for text in column.values])
                found[f"{name}, {what}"] = Column(f"{name}, {what}", "number", values)
        elif column.kind != "identifier":
            found[name] = column
    return replace(table, columns=found)


def _words(text: str) -> int:
    return len(text.split())


def matrix(table: Table, like: Table, *, most: int) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.bool_]]:
    """Return the columns as features [rows, columns], and which of them are categories.

    Categories are numbered by how often they occur in `like`, from 0 on; all but the `most - 1` first are one. Missing
    values are NaN.
    """
    features = np.empty((table.rows, len(table.columns)))
    nominal = np.array([column.kind == "category" for column in table.columns.values()], np.bool_)
    for place, column in enumerate(table.columns.values()):
        if column.kind == "category":
            counts = np.bincount(like[column.name].present, minlength=len(column.labels))
            ranks = np.empty(len(counts) + 1)
            ranks[np.argsort(-counts, kind="stable")] = np.minimum(np.arange(len(counts)), most - 1)
            ranks[-1] = np.nan  # the place of missing values
            features[:, place] = ranks[column.values]
        else:
            features[:, place] = column.values
    return features, nominal
