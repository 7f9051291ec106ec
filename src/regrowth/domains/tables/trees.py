"""Rows column by column, each from a tree over the columns before it (sequential CART synthesis).

    trees = Trees.learn(rows, ("sex", "age", "job"))
    trees.draw({"sex": array([0, 0, 1])}, rng)      {"sex": [0, 0, 1], "age": [41., 38., 29.], "job": [3, 3, 0]}

Sources: Reiter, 2005, "Using CART to generate partially synthetic public use microdata", Journal of Official Statistics
21(3); Nowok et al., 2016, synthpop, Journal of Statistical Software 74(11).

One value on its way: the row made so far falls into a leaf of the column's tree; one of the leaf's real rows is drawn;
its label is taken. A number that at least `COMMON` real rows share is taken too; any other is drawn evenly between the
midpoints to its neighbours in the leaf, so that nobody's own number is copied. Whether it is missing is told by a tree
of its own. Categories are put in an order that suits the column to be made, so that one cut can part them
(Coppersmith et al., 1999).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from regrowth.domains.tables.schema import Floats, Rows
from regrowth.extras import library
from regrowth.metrics.columns import Column, Table

__all__ = ["COMMON", "LEAF", "MOST", "Trees"]

LEAF = 20
"""Real rows in a leaf, at least. Fewer copy more: at 5, as in synthpop, rows come nearer to those learnt from."""
COMMON = 5
"""Rows that share a number, from which on it is taken as it is."""
MOST = 100_000
"""Rows learnt from, at most; more are sampled."""
_CLASSES = 100
"""Labels up to which a tree tells them apart; of more, it knows the order by frequency."""

_FARTHEST = 1e30
"""Trees compare in 32 bits."""

Places = npt.NDArray[np.intp]


@dataclass(frozen=True)
class Leaves:
    """Hold a tree and which real rows lie in each of its leaves."""

    codes: Mapping[str, Floats]
    """Of each category before: the number that stands for each label; the last one for missing."""
    tree: Any
    """None if there is nothing to go by."""
    rows: Places
    """Real rows, leaf by leaf."""
    starts: Places
    """Where each leaf begins, by the tree's number of it; so is `sizes`."""
    sizes: Places

    def donors(self, made: Mapping[str, npt.NDArray[Any]], count: int, rng: np.random.Generator) -> Places:
        """Return a real row for each row made so far."""
        leaves = np.zeros(count, np.intp) if self.tree is None else self.tree.apply(_matrix(made, self.codes))
        return np.asarray(self.rows[self.starts[leaves] + (rng.random(count) * self.sizes[leaves]).astype(np.intp)])


@dataclass(frozen=True)
class Step:
    """Hold how one column is drawn."""

    column: Column
    leaves: Leaves
    low: Floats = field(default_factory=lambda: np.zeros(0))
    """Of each real row: the ends between which its number is drawn; so is `high`."""
    high: Floats = field(default_factory=lambda: np.zeros(0))
    absent: Leaves | None = None
    """Decides which values are missing; None if none ever is."""

    def draw(self, made: Mapping[str, npt.NDArray[Any]], count: int, rng: np.random.Generator) -> npt.NDArray[Any]:
        """Return a value for each row made so far."""
        donors = self.leaves.donors(made, count, rng)
        if self.column.kind == "category":
            return np.asarray(self.column.values[donors])
        values = rng.uniform(self.low[donors], self.high[donors])
        if self.absent is not None:
            values[self.column.missing[self.absent.donors(made, count, rng)]] = np.nan
        return np.asarray(values)


@dataclass(frozen=True)
class Trees:
    """Hold one step per column, in the order in which they are drawn."""

    steps: tuple[Step, ...]

    @classmethod
    def learn(cls, table: Table, order: Sequence[str], *, seed: int = 0, leaf: int = LEAF) -> "Trees":
        """Learn a tree per column, from those before it."""
        if table.rows > MOST:
            places = np.sort(np.random.default_rng(seed).choice(table.rows, MOST, replace=False))
            table = table.take(places)
        steps = list[Step]()
        for number, name in enumerate(order):
            before = [table[other] for other in order[:number]]
            steps.append(_step(table[name], before, leaf, seed + number))
        return cls(tuple(steps))

    def draw(self, given: Rows, count: int, rng: np.random.Generator) -> dict[str, npt.NDArray[Any]]:
        """Return rows; the columns that are given are taken as they are."""
        made: dict[str, npt.NDArray[Any]] = {}
        for step in self.steps:
            name = step.column.name
            made[name] = given[name] if name in given else step.draw(made, count, rng)
        return made


def _step(column: Column, before: Sequence[Column], leaf: int, seed: int) -> Step:
    every = np.arange(len(column))
    if column.kind == "category":
        return Step(column, _leaves(every, column.values, len(column.labels), before, leaf, seed))
    missing = column.missing
    present = every[~missing]
    values = column.values[present]
    leaves = _leaves(present, _ranks(values), 0, before, leaf, seed)
    low, high = np.full(len(column), np.nan), np.full(len(column), np.nan)
    low[present], high[present] = _ends(values, _leaf_of(leaves, len(column))[present])
    absent = _leaves(every, missing.astype(np.int32), 2, before, leaf, seed) if missing.any() else None
    return Step(column, leaves, low, high, absent)


def _leaves(
    rows: Places, target: npt.NDArray[Any], classes: int, before: Sequence[Column], leaf: int, seed: int
) -> Leaves:
    """Grow a tree for the target of some rows; `classes` labels, or numbers if there are none."""
    if not before or len(rows) < 2 * leaf or (target == target[0]).all():
        return Leaves({}, None, rows, np.zeros(1, np.intp), np.array([len(rows)]))
    trees = library("sklearn.tree", "Making tables", extra="measure")
    if classes > _CLASSES:
        target, classes = _by_frequency(target), 0
    kind = trees.DecisionTreeClassifier if classes else trees.DecisionTreeRegressor
    codes = {
        column.name: _codes(column.values[rows], len(column.labels), target, classes)
        for column in before
        if column.kind == "category"
    }
    known = {column.name: column.values[rows] for column in before}
    matrix = _matrix(known, codes)
    tree = kind(min_samples_leaf=leaf, random_state=seed).fit(matrix, target)
    found = tree.apply(matrix)
    order = np.argsort(found, kind="stable")
    sizes = np.bincount(found, minlength=tree.tree_.node_count)
    return Leaves(codes, tree, rows[order], np.cumsum(sizes) - sizes, sizes)


def _leaf_of(leaves: Leaves, count: int) -> Places:
    """Return the leaf of each real row, -1 for those that the tree was not grown from."""
    found = np.full(count, -1)
    found[leaves.rows] = np.repeat(np.arange(len(leaves.sizes)), leaves.sizes)
    return found


def _matrix(made: Mapping[str, npt.NDArray[Any]], codes: Mapping[str, Floats]) -> npt.NDArray[np.float32]:
    columns = [codes[name][values] if name in codes else values for name, values in made.items()]
    matrix: npt.NDArray[np.float32] = np.clip(np.stack(columns, axis=1), -_FARTHEST, _FARTHEST).astype(np.float32)
    return matrix


def _codes(values: npt.NDArray[Any], labels: int, target: npt.NDArray[Any], classes: int) -> Floats:
    """Return a number for each label: the labels' mean target, or their place along the main axis of its shares."""
    places = values % (labels + 1)  # -1 becomes the last
    counts = np.bincount(places, minlength=labels + 1).astype(np.float64)
    if not classes:
        return np.bincount(places, target, labels + 1) / np.maximum(counts, 1)
    width = classes + 1
    table = np.bincount(places * width + target % width, minlength=(labels + 1) * width).reshape(-1, width)
    shares = table / np.maximum(counts, 1)[:, None]
    centred = shares - counts @ shares / counts.sum()
    axis = np.linalg.svd(np.sqrt(counts)[:, None] * centred, full_matrices=False)[2][0]
    return np.asarray(centred @ axis)


def _by_frequency(target: npt.NDArray[Any]) -> Floats:
    order = np.argsort(np.argsort(-np.bincount(target + 1), kind="stable"), kind="stable")
    return np.asarray(order[target + 1], np.float64)


def _ranks(values: Floats) -> Floats:
    """Return middle ranks: long tails do not draw all the cuts."""
    order = np.sort(values)
    sides = np.searchsorted(order, values, "left"), np.searchsorted(order, values, "right")
    return np.asarray(sides[0] + sides[1], np.float64) / 2


def _ends(values: Floats, leaf: Places) -> tuple[Floats, Floats]:
    """Return between which ends each number is drawn: itself if it is common, else up to the middle of its gaps."""
    _, back, counts = np.unique(values, return_inverse=True, return_counts=True)
    low, high = values.copy(), values.copy()
    rare = np.flatnonzero(counts[back] < COMMON)
    alone = np.bincount(leaf[rare], minlength=1)[leaf[rare]] < 2  # then the neighbours in the whole column
    inside, across = _gaps(values[rare], leaf[rare]), _gaps(values[rare], np.zeros(len(rare), np.intp))
    low[rare], high[rare] = (np.where(alone, far, near) for near, far in zip(inside, across, strict=True))
    return low, high


def _gaps(values: Floats, group: Places) -> tuple[Floats, Floats]:
    """Return the midpoints to the next smaller and the next larger value of the group, or the value at its ends."""
    order = np.lexsort((values, group))
    sorted_, neighbours = values[order], np.flatnonzero(np.diff(group[order]) == 0)
    low, high = sorted_.copy(), sorted_.copy()
    middle = (sorted_[neighbours] + sorted_[neighbours + 1]) / 2
    low[neighbours + 1], high[neighbours] = middle, middle
    back = np.argsort(order, kind="stable")
    return low[back], high[back]
