"""The mean of the shapes of all columns, which depend on each other: SDMetrics' Column Shapes, with interval and null.

column_shapes(real, synthetic, {"age": Estimate(0.981, …), "job": Estimate(0.962, …)}, rng)
    Reading("column_shapes", "", Estimate(0.9715, 0.9644, 0.9786), null=…)
"""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from regrowth.core.protocols import Estimate
from regrowth.metrics.columns import Column, Table
from regrowth.metrics.fidelity.intervals import Sizes
from regrowth.metrics.fidelity.sums import Sums, running, total
from regrowth.metrics.reading import Reading

__all__ = ["column_shapes"]

_BINS = 256
"""Into which numbers are put, as many real ones in each as in any other, for the null."""
Keys = npt.NDArray[np.intp]
Floats = npt.NDArray[np.float64]


def column_shapes(real: Table, synthetic: Table, shapes: Mapping[str, Estimate], rng: np.random.Generator) -> Reading:
    """Return the mean of the shapes that were read off each column."""
    sums = Sums.of(Sizes(real.rows, synthetic.rows), rng)
    for name, shape in shapes.items():
        ours, theirs, cells = _keys(real[name], synthetic[name])
        ordered = real[name].kind != "category"
        gaps = _shares(theirs, cells) - _shares(ours, cells)
        if ordered:
            widest = int(np.argmax(np.abs(np.cumsum(gaps))))
            moves = np.where(np.arange(cells) <= widest, np.sign(np.cumsum(gaps)[widest]), 0.0)
        else:
            moves = np.sign(gaps) / 2
        sums.count(shape)
        sums.of_real -= _moved(ours, moves)
        sums.of_synthetic += _moved(theirs, moves)
        sums.deal(ours, cells + 1, running if ordered else total, known=cells)
    return sums.reading("column_shapes")


def _keys(real: Column, synthetic: Column) -> tuple[Keys, Keys, int]:
    """Return the cell of each value, the last for those that are missing, and how many others there are."""
    if real.kind == "category":
        cells, places = len(real.labels), (real.values, synthetic.values)
    else:
        edges = np.unique(np.quantile(real.present, np.arange(1, _BINS) / _BINS, method="inverted_cdf"))
        cells, places = len(edges) + 1, (np.searchsorted(edges, real.values), np.searchsorted(edges, synthetic.values))
    ours, theirs = (
        np.where(column.missing, cells, found).astype(np.intp)
        for column, found in zip((real, synthetic), places, strict=True)
    )
    return ours, theirs, cells


def _shares(keys: Keys, cells: int) -> Floats:
    counts = np.bincount(keys, minlength=cells + 1)[:-1]
    return np.asarray(counts / counts.sum())


def _moved(keys: Keys, moves: Floats) -> Floats:
    """Return by how much each row moves the distance; rows without a value do not."""
    there = keys < len(moves)
    found = np.append(moves, 0.0)[keys]
    found[there] -= found[there].mean()
    return np.asarray(found / there.mean())
