"""All readings of a synthetic table beside the real one: each column, each pair, the rows as a whole.

real, synthetic, holdout = aligned(read_table(one), read_table(two), read_table(three)).tables
for reading in fidelity(real, synthetic, holdout=holdout):
    print(reading.measure, reading.of, reading.estimate.value, reading.null, reading.worse)
"""

from collections.abc import Sequence

import numpy as np

from regrowth.core.errors import DataError
from regrowth.metrics.columns import Table
from regrowth.metrics.fidelity.classifiers import c2st
from regrowth.metrics.fidelity.coded import ordered, plain
from regrowth.metrics.fidelity.counts import category_readings, missing_reading
from regrowth.metrics.fidelity.numbers import number_readings
from regrowth.metrics.fidelity.samples import sample_readings
from regrowth.metrics.fidelity.shapes import column_shapes
from regrowth.metrics.fidelity.trends import trends
from regrowth.metrics.fidelity.usefulness import usefulness
from regrowth.metrics.reading import Reading

__all__ = ["column_readings", "fidelity"]


def fidelity(
    real: Table, synthetic: Table, *, holdout: Table | None = None, target: str | None = None, seed: int = 0
) -> Sequence[Reading]:
    """Compare a synthetic table with the real one it was made from.

    Args:
        real: aligned with the others by `regrowth.metrics.columns.aligned`.
        holdout: real rows that the generator never saw, for training on synthetic and testing on real.
        target: the column to foretell; by default each in turn, with fewer rows.

    Raises:
        DataError: no column but identifiers; the target is not a column, or holds one value only.
        MissingExtra: scikit-learn is not installed.
    """
    real, synthetic = ordered(plain(real)), ordered(plain(synthetic))
    holdout = ordered(plain(holdout)) if holdout else None
    if not real.columns:
        raise DataError("Only identifiers: expected a column of numbers, dates, categories or texts to compare.")
    found = column_readings(real, synthetic, seed=seed)
    found += trends(real, synthetic, seed=seed)
    found += sample_readings(real, synthetic, seed=seed)
    if told := c2st(real, synthetic, seed=seed):
        found.append(told)
    return [*found, *usefulness(real, synthetic, holdout, target=target, seed=seed)]


def column_readings(real: Table, synthetic: Table, *, seed: int = 0) -> list[Reading]:
    """Give the readings of each column, and the mean of their shapes."""
    found: list[Reading] = []
    for name, column in real.columns.items():
        rng = np.random.default_rng([seed, *name.encode()])  # columns may come in any order
        other = synthetic[name]
        found += (category_readings if column.kind == "category" else number_readings)(column, other, rng)
        if missing := missing_reading(column, other, rng):
            found.append(missing)
    shapes = {one.of: one.estimate for one in found if one.measure in ("ks_complement", "tv_complement")}
    return [*found, column_shapes(real, synthetic, shapes, np.random.default_rng(seed))] if shapes else found
