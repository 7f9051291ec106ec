"""Rows with differential privacy: noisy counts of single columns and of the pairs that say most of each other.

    network = Network.learn(rows, schema, Promise(epsilon=1.0, delta=1e-6), rng)
    network.draw({}, 500, rng)

Source: the winner of NIST's contest of 2018, MST (McKenna et al., 2021, arXiv:2108.04978), without its graphical model:
the chosen pairs form a tree, so rows can be drawn along it from the noisy counts themselves.

The budget, in thirds of zero-concentrated differential privacy (Bun & Steinke, 2016, arXiv:1605.02635):
    1  counts of each column             + Gaussian noise
    2  pairs, one after another          each by the exponential mechanism, on how far its counts are from independence
    3  counts of each chosen pair        + Gaussian noise

Two tables are neighbours if one has one row more. Taken as publicly known are the columns, their types and decimals,
whether values may be missing, the labels of categories and the ranges of numbers; labels and ranges that are not public
have to be declared (`domain`). No other number leaves the real table.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from itertools import combinations
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from regrowth.core.errors import SettingsError
from regrowth.domains.tables.constraints import encoded
from regrowth.domains.tables.schema import Floats, Rows, Schema, Shape
from regrowth.metrics.columns import Table

__all__ = ["BINS", "Network", "Promise", "declared", "epsilon_of", "rho_for"]

BINS = 24
"""Parts of equal width that the range of a number is cut into."""
_CELLS = 2_000_000
_CLEAR = 3.0
"""Deviations of the noise above which a count is taken for one; as in MST."""

Cells: TypeAlias = npt.NDArray[np.intp]


@dataclass(frozen=True)
class Promise:
    """Say what is promised to each row."""

    epsilon: float
    delta: float

    def __post_init__(self) -> None:
        if not (self.epsilon > 0 and 0 < self.delta < 1):
            raise SettingsError(f"epsilon = {self.epsilon}, delta = {self.delta}: expected above 0, and delta below 1.")


@cache
def epsilon_of(rho: float, delta: float) -> float:
    """Return the least epsilon that ρ-zCDP gives with a delta.

    Source: Canonne, Kamath & Steinke, 2020, arXiv:2004.00010, proposition 12, over all orders.
    """
    orders = 1 + np.geomspace(1e-4, 1e6, 4001)
    bound = orders * rho + (np.log(1 / (orders * delta)) / (orders - 1)) + np.log1p(-1 / orders)
    return float(max(0.0, bound.min()))


@cache
def rho_for(promise: Promise) -> float:
    """Return the largest ρ that keeps a promise."""
    low, high = 0.0, promise.epsilon + 1.0
    for _ in range(80):
        middle = (low + high) / 2
        low, high = (middle, high) if epsilon_of(middle, promise.delta) <= promise.epsilon else (low, middle)
    return low


@dataclass(frozen=True)
class Grid:
    """Cut one column into cells, looking at nothing but its labels and its range.

    A number's cells are the least value alone, since many columns are mostly 0, and equal parts of the range; or every
    whole number alone, if they are few. The last cell is for missing values, if there may be any.
    """

    shape: Shape
    low: Floats
    """Where each part of a range begins; empty for categories. So is `high`."""
    high: Floats

    @classmethod
    def of(cls, shape: Shape) -> "Grid":
        """Cut a column."""
        if not shape.counted:
            return cls(shape, np.zeros(0), np.zeros(0))
        if shape.decimals == 0 and shape.high - shape.low <= BINS:
            values = np.arange(shape.low, shape.high + 1)
            return cls(shape, values, values)
        ends = np.linspace(shape.low, shape.high, BINS + 1)
        return cls(shape, np.append(shape.low, ends[:-1]), np.append(shape.low, ends[1:]))

    @property
    def parts(self) -> int:
        """Return the number of cells for values that are there."""
        return len(self.low) if self.shape.counted else len(self.shape.labels)

    @property
    def size(self) -> int:
        """Return the number of cells."""
        return self.parts + self.shape.gaps

    def cells(self, values: npt.NDArray[Any]) -> Cells:
        """Return the cell of each value; what is out of the range counts as its end."""
        last = self.size - 1
        if not self.shape.counted:
            return np.where(values < 0, last, values).astype(np.intp)
        places = np.searchsorted(self.low, values, "right") - 1
        if len(self.low) > 1 and self.low[0] == self.low[1]:
            places[values <= self.low[0]] = 0
        return np.where(np.isnan(values), last, np.clip(places, 0, self.parts - 1)).astype(np.intp)

    def values(self, cells: Cells, rng: np.random.Generator) -> npt.NDArray[Any]:
        """Return a value for each cell: anywhere in its part."""
        missing = cells == self.parts
        if not self.shape.counted:
            return np.where(missing, -1, cells).astype(np.int32)
        places = np.where(missing, 0, cells)
        made = self.shape.rounded(rng.uniform(self.low[places], self.high[places]))
        return np.where(missing, np.nan, np.clip(made, self.shape.low, self.shape.high))


@dataclass(frozen=True)
class Network:
    """Hold the noisy counts: of each column, and of the pairs along a tree."""

    grids: Mapping[str, Grid]
    single: Mapping[str, Floats]
    groups: Mapping[str, Cells]
    """Of each column: the group of each cell. Cells that the noise would drown are counted together in pairs."""
    pairs: Mapping[tuple[str, str], Floats]
    """Counts of groups."""
    spent: Promise
    """What the noise keeps, by the accountant."""

    @classmethod
    def learn(cls, real: Table, schema: Schema, promise: Promise, rng: np.random.Generator) -> "Network":
        """Learn from a table, within a promise.

        Args:
            rng: of the noise. Who knows its seed can take the noise away: for a real promise it must come from chance.
        """
        grids = {shape.name: Grid.of(shape) for shape in schema.drawn}
        cells = {name: grid.cells(real[name].values) for name, grid in grids.items()}
        rho, names = rho_for(promise), list(grids)
        each = (rho if len(names) == 1 else rho / 3) / len(names)
        noisy = {name: _noisy(np.bincount(cells[name], minlength=grid.size), each, rng) for name, grid in grids.items()}
        total = max(1.0, float(np.mean([counts.sum() for counts in noisy.values()])))
        single = {name: _projected(counts, total) for name, counts in noisy.items()}
        groups = {name: _grouped(counts, each) for name, counts in noisy.items()}
        coarse = {name: groups[name][places] for name, places in cells.items()}
        pairs: dict[tuple[str, str], Floats] = {}
        if len(names) > 1:
            edge = rho / 3 / (len(names) - 1)
            sums: dict[str, Floats] = {
                name: np.bincount(groups[name], single[name]).astype(np.float64) for name in names
            }
            for one, other in _chosen(coarse, sums, edge, rng):
                counts = _counts(coarse[one], coarse[other], len(sums[one]), len(sums[other]))
                pairs[one, other] = _projected(_noisy(counts, edge, rng), total)
        return cls(grids, single, groups, pairs, Promise(epsilon_of(rho, promise.delta), promise.delta))

    def draw(self, given: Rows, count: int, rng: np.random.Generator) -> dict[str, npt.NDArray[Any]]:
        """Return rows; the columns that are given are taken as they are, the others follow along the tree."""
        cells = {name: self.grids[name].cells(values) for name, values in given.items()}
        if not cells:
            first = next(iter(self.grids))
            cells[first] = _picked(_shares(self.single[first])[None, :], np.zeros(count, np.intp), rng)
        while len(cells) < len(self.grids):
            one, other = next(
                (a, b) for pair in self.pairs for a, b in (pair, pair[::-1]) if a in cells and b not in cells
            )
            table = self.pairs[one, other] if (one, other) in self.pairs else self.pairs[other, one].T
            within = self.groups[other]
            sums = np.bincount(within, self.single[other]).astype(np.float64)
            chosen = _picked(_conditional(table, sums), self.groups[one][cells[one]], rng)
            cells[other] = _picked(_inside(within, self.single[other]), chosen, rng)
        return {
            name: given[name] if name in given else grid.values(cells[name], rng) for name, grid in self.grids.items()
        }


def _grouped(noisy: Floats, rho: float) -> Cells:
    """Return the group of each cell: one for all that are not clearly above the noise, one for each other."""
    clear = noisy >= _CLEAR * math.sqrt(1 / (2 * rho))
    return np.where(clear, np.cumsum(clear) - 1, clear.sum()).astype(np.intp)


def _inside(groups: Cells, counts: Floats) -> Floats:
    """Return the shares of the cells in each group."""
    table = np.where(groups[None, :] == np.arange(groups.max() + 1)[:, None], counts[None, :] + 1e-9, 0.0)
    return np.asarray(table / table.sum(axis=1, keepdims=True))


def _noisy(counts: npt.NDArray[Any], rho: float, rng: np.random.Generator) -> Floats:
    """Return counts with the noise of ρ: one row moves one count by one, so the deviation is sqrt(1 / 2ρ)."""
    return np.asarray(counts + rng.normal(0.0, math.sqrt(1 / (2 * rho)), counts.shape))


def _projected(counts: Floats, total: float) -> Floats:
    """Return the nearest counts that are not below 0 and add up: cutting off alone would fill each empty cell."""
    falling = -np.sort(-counts, axis=None)
    excess = (np.cumsum(falling) - total) / np.arange(1, counts.size + 1)
    return np.asarray(np.maximum(counts - excess[np.flatnonzero(falling > excess)[-1]], 0.0))


def _shares(counts: Floats) -> Floats:
    return np.asarray(counts / counts.sum())


def _counts(one: Cells, other: Cells, rows: int, columns: int) -> Floats:
    if rows * columns > _CELLS:
        raise SettingsError(
            f"A pair of columns has {rows * columns:,} combinations, {_CELLS:,} at most can be counted with noise. "
            "Leave out columns of very many labels."
        )
    return np.bincount(one * columns + other, minlength=rows * columns).reshape(rows, columns).astype(np.float64)


def _chosen(
    cells: Mapping[str, Cells], single: Mapping[str, Floats], rho: float, rng: np.random.Generator
) -> list[tuple[str, str]]:
    """Choose the edges of a tree, each with ρ: by the exponential mechanism, of epsilon sqrt(8ρ)."""
    scores = {}
    for one, other in combinations(cells, 2):
        counts = _counts(cells[one], cells[other], len(single[one]), len(single[other]))
        scores[one, other] = _score(counts, single[one], single[other])
    part = {name: name for name in cells}
    edges = list[tuple[str, str]]()
    while len(edges) < len(cells) - 1:
        open_ = [pair for pair in scores if part[pair[0]] != part[pair[1]]]
        logits = math.sqrt(8 * rho) / 2 * np.array([scores[pair] for pair in open_])
        one, other = open_[int(np.argmax(logits + rng.gumbel(size=len(open_))))]
        edges.append((one, other))
        old, new = part[other], part[one]
        part = {name: new if place == old else place for name, place in part.items()}
    return edges


def _score(counts: Floats, one: Floats, other: Floats) -> float:
    """Return how far a pair's counts are from what independence makes of the noisy single ones, added up.

    One row more moves it by one at most, since the noisy counts are known already.
    """
    return float(np.abs(counts - np.outer(one, _shares(other))).sum())


def _conditional(table: Floats, marginal: Floats) -> Floats:
    """Return the shares of the second column given the first; its own shares where the noise left no count."""
    sums = table.sum(axis=1, keepdims=True)
    return np.where(sums > 0, table / np.where(sums > 0, sums, 1.0), _shares(marginal))


def _picked(shares: Floats, rows: Cells, rng: np.random.Generator) -> Cells:
    """Draw a column of each row's shares."""
    ends = np.cumsum(shares, axis=1)
    dice = rng.random(len(rows)) * ends[rows, -1]
    made = np.empty(len(rows), np.intp)
    for row in np.unique(rows):
        mine = rows == row
        made[mine] = np.searchsorted(ends[row], dice[mine], "right").clip(0, shares.shape[1] - 1)
    return made


def declared(schema: Schema, real: Table, domain: Mapping[str, Sequence[Any]]) -> tuple[Schema, Table]:
    """Return schema and rows with bounds and labels as declared; values beyond them count as the bound, or as missing.

    Raises:
        SettingsError: there is no such column, or bounds are no two numbers.
    """
    shapes = {  # of identifiers not even the form is taken over
        name: replace(shape, labels=()) if shape.kind == "identifier" else shape
        for name, shape in schema.shapes.items()
    }
    columns = dict(real.columns)
    drawn = [shape.name for shape in schema.drawn]
    for name, values in domain.items():
        if name not in shapes or shapes[name].kind == "identifier":
            raise SettingsError(f"domain: {name!r} is no column that is drawn. Those are: {', '.join(drawn)}.")
        shape = shapes[name]
        if shape.counted:
            if len(values) != 2:
                raise SettingsError(f"domain: {name} = {values!r}; expected two bounds.")
            low, high = (encoded(shape, end) for end in values)
            shapes[name] = replace(shape, low=low, high=high)
            continue
        labels = tuple(map(str, values))
        places = np.array([labels.index(label) if label in labels else -1 for label in shape.labels] + [-1], np.int32)
        shapes[name] = replace(shape, labels=labels, gaps=shape.gaps or -1 in places[:-1])
        columns[name] = replace(columns[name], values=places[columns[name].values], labels=labels, known=len(labels))
    return replace(schema, shapes=shapes), Table(columns, real.rows)
