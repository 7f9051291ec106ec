"""What holds in all rows of a real table: candidates for constraints.

    found(schema, rows)     (Range("age", 17, 90), Determines(("education",), "level"), Ordered("start", "end"), …)

What holds in all rows of a sample need not hold in the world: look at what was found before it is kept.
"""

from itertools import combinations

import numpy as np
import numpy.typing as npt

from regrowth.domains.tables.constraints import Constraint, Determines, Ordered, Range
from regrowth.domains.tables.schema import Schema, Shape
from regrowth.metrics.columns import Table

__all__ = ["found"]

MOST_PAIRS = 40
"""Columns up to which all pairs are looked at for what holds between two."""
SUPPORT = 20
"""Rows that two numbers must be known in before their order counts as found."""
TIMES = 10
"""Rows that each value must come in, on average, before what it fixes counts as found."""


def found(schema: Schema, real: Table) -> tuple[Constraint, ...]:
    """Return what holds in all real rows: ranges, one column that fixes another, one that never exceeds another."""
    drawn = [shape for shape in schema.drawn if shape.name in real.columns][:MOST_PAIRS]
    held: list[Constraint] = [
        Range(
            shape.name,
            *((shape.low, shape.high) if shape.kind == "number" else map(shape.shown, (shape.low, shape.high))),
        )
        for shape in schema.drawn
        if shape.counted
    ]
    for one, other in combinations(drawn, 2):
        held += [Determines((a.name,), b.name) for a, b in ((one, other), (other, one)) if _determines(a, b, real)]
        if one.counted and one.kind == other.kind:
            held += [Ordered(a.name, b.name) for a, b in ((one, other), (other, one)) if _ordered(a, b, real)]
    return tuple(held)


def _determines(given: Shape, then: Shape, real: Table) -> bool:
    """Tell whether each value of a column comes with one of another, and this says more than chance may."""
    keys, values = _distinct(real, given), _distinct(real, then)
    count, kinds = real.rows, keys.max() + 1
    if kinds * TIMES > count or values.max() < 1 or kinds < 2:
        return False
    pairs = np.unique(keys.astype(np.int64) * (values.max() + 1) + values)
    return bool(len(pairs) == kinds)


def _distinct(real: Table, shape: Shape) -> npt.NDArray[np.intp]:
    return np.asarray(np.unique(real[shape.name].values, return_inverse=True)[1])


def _ordered(lower: Shape, upper: Shape, real: Table) -> bool:
    """Tell whether a number never exceeds another, though their ranges would allow it."""
    one, other = real[lower.name].values, real[upper.name].values
    both = ~(np.isnan(one) | np.isnan(other))
    if lower.high <= upper.low or np.count_nonzero(both) < SUPPORT:
        return False
    return bool(np.all(one[both] <= other[both])) and bool(np.any(one[both] != other[both]))
