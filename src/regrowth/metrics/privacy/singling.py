"""Singling out: does a predicate that is true of one synthetic row alone also single out a real person?

    rng = np.random.default_rng(0)
    found = singled_out(real, synthetic, holdout, columns=3, attacks=1000, rng=rng)
    found.attack          # Successes(hits=212, of=1000): predicates true of exactly one training row
    found.control         # Successes(hits=31, of=1000): … of exactly one row of the hold-out

| columns | predicates                                                                                          |
|---------|-----------------------------------------------------------------------------------------------------|
| 1       | a value that one synthetic row has; numbers up to the least, from the greatest on; the only missing |
| more    | of a random row: equal, or missing; numbers from it on if it is above the median, else up to it     |

Source: Giomi et al., 2023 (anonymeter). Every predicate says that ranks lie in an interval, column by column; the rows
that the narrowest interval allows are looked at, and no others.
A hold-out of h rows, the training rows being n, singles out more or less by its size alone. A predicate that is true
of one of s synthetic rows is true of a share w of all rows, w ~ Exp(s) where nothing was known of w's logarithm before,
and so of exactly one of n with the probability n·s / (n + s)²; the count of the hold-out is multiplied by the ratio of
these. anonymeter fits a curve to subsets instead, which is at a loss where the hold-out is much smaller; and to it what
is extrapolated is as good as counted, where here it counts as so many fewer attacks as there are fewer rows.
"""

from collections.abc import Sequence
from typing import NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from regrowth.metrics.columns import Table
from regrowth.metrics.privacy.risk import Successes

__all__ = ["SingledOut", "singled_out"]

Ints: TypeAlias = npt.NDArray[np.int32]

BATCH = 500
TRIES = 40
"""Predicates that are tried per attack at most."""
IDLE = 3
"""Batches in a row without a new predicate, after which there are hardly more."""
HOPELESS = 30
"""Rows that a predicate would be true of if columns were independent: of so many, it is not worth looking."""


class SingledOut(NamedTuple):
    """Hold how often predicates about one synthetic row were true of one other."""

    attack: Successes
    control: Successes


def singled_out(
    real: Table, synthetic: Table, holdout: Table, *, columns: int, attacks: int, rng: np.random.Generator
) -> SingledOut | None:
    """Attack with predicates over so many columns; None if no synthetic row can be singled out.

    Args:
        columns: of a predicate; fewer if the tables have fewer.
        attacks: as many predicates, if so many single out a synthetic row.
    """
    made, ours, theirs = (_Ranks.of(ranks) for ranks in _ranked(synthetic, real, holdout))
    numbers = np.array([column.kind == "number" for column in synthetic.columns.values()])
    if columns == 1:
        asked = _rare(made, numbers, attacks, rng)
    else:
        asked = _combined(made, numbers, min(columns, len(numbers)), attacks, rng)
    if not len(asked.low):
        return None
    hits, control = (int((one.counts(asked) == 1).sum()) for one in (ours, theirs))
    count = len(asked.low)
    share = min(1.0, _at_size(control, holdout.rows, real.rows, synthetic.rows) / count)
    weight = max(1, round(count * min(1.0, holdout.rows / real.rows)))
    return SingledOut(Successes(hits, count), Successes(share * weight, weight))


class _Predicates(NamedTuple):
    """Hold intervals of ranks [predicates, columns of a predicate], ends included; a missing value has the rank -1."""

    columns: npt.NDArray[np.intp]
    low: Ints
    high: Ints

    def only(self, chosen: npt.NDArray[np.generic]) -> "_Predicates":
        return _Predicates(self.columns[chosen], self.low[chosen], self.high[chosen])


class _Ranks(NamedTuple):
    """Hold the ranks of a table's values [columns, rows], and the rows in their order, column by column."""

    ranks: Ints
    order: Ints
    sorted: Ints

    @classmethod
    def of(cls, ranks: Ints) -> "_Ranks":
        order = np.argsort(ranks, axis=1, kind="stable").astype(np.int32)
        return cls(ranks, order, np.take_along_axis(ranks, order, axis=1))

    def slices(self, asked: _Predicates) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
        """Return where the rows that an interval allows begin and end in the order of its column."""
        start, end = np.empty(asked.low.shape, np.intp), np.empty(asked.low.shape, np.intp)
        for column in np.unique(asked.columns):
            here = asked.columns == column
            start[here] = np.searchsorted(self.sorted[column], asked.low[here], side="left")
            end[here] = np.searchsorted(self.sorted[column], asked.high[here], side="right")
        return start, end

    def counts(self, asked: _Predicates) -> Ints:
        """Return of how many rows each predicate is true."""
        start, end = self.slices(asked)
        width = end - start
        if width.shape[1] == 1:
            return width[:, 0].astype(np.int32)
        found = np.zeros(len(width), np.int32)
        for place in np.flatnonzero(width.min(axis=1) > 0):
            by = np.argsort(width[place], kind="stable")
            first = asked.columns[place, by[0]]
            rows = self.order[first, start[place, by[0]] : end[place, by[0]]]
            for part in by[1:]:
                values = self.ranks[asked.columns[place, part]][rows]
                rows = rows[(values >= asked.low[place, part]) & (values <= asked.high[place, part])]
            found[place] = len(rows)
        return found


def _ranked(*tables: Table) -> Sequence[Ints]:
    """Return for each table the places of its values among the distinct values of all, column by column."""
    rows: list[list[Ints]] = [[] for _ in tables]
    for name, column in tables[0].columns.items():
        values = [table[name].values for table in tables]
        if column.kind in ("number", "date"):
            distinct = np.unique(np.concatenate([table[name].present for table in tables]))
            values = [np.where(np.isnan(one), -1, np.searchsorted(distinct, one)) for one in values]
        for place, one in zip(rows, values, strict=True):
            place.append(one.astype(np.int32))
    return [np.stack(place) for place in rows]


def _rare(made: _Ranks, numbers: npt.NDArray[np.bool_], attacks: int, rng: np.random.Generator) -> _Predicates:
    """Return predicates about one column that are true of one synthetic row."""
    columns, low, high = [], [], []
    for column, ordered in enumerate(made.sorted):
        values, counts = np.unique(ordered, return_counts=True)
        alone = values[counts == 1]
        starts, ends = alone, alone
        if numbers[column] and values[-1] >= 0:
            present = values >= 0
            least, most = values[present][0], values[-1]
            edges = [bool(counts[present][0] == 1), bool(counts[-1] == 1)]
            starts = np.concatenate([starts, np.array([0, most])[edges]])
            ends = np.concatenate([ends, np.array([least, np.iinfo(np.int32).max])[edges]])
        columns.append(np.full(len(starts), column))
        low.append(starts)
        high.append(ends)
    every = _Predicates(np.concatenate(columns)[:, None], np.concatenate(low)[:, None], np.concatenate(high)[:, None])
    if len(every.low) <= attacks:
        return every
    return every.only(np.sort(rng.choice(len(every.low), attacks, replace=False)))


def _combined(
    made: _Ranks, numbers: npt.NDArray[np.bool_], width: int, attacks: int, rng: np.random.Generator
) -> _Predicates:
    """Return predicates about several columns of a row that are true of one synthetic row."""
    middle = np.array([np.median(one[one >= 0]) if (one >= 0).any() else 0 for one in made.ranks])
    found: dict[tuple[int, ...], tuple[npt.NDArray[np.intp], Ints, Ints]] = {}
    size = made.ranks.shape[1]
    idle = 0
    for _ in range(max(1, TRIES * attacks // BATCH)):
        before = len(found)
        rows = rng.integers(size, size=BATCH)
        columns = np.sort(rng.random((BATCH, len(made.ranks))).argsort(axis=1)[:, :width], axis=1)
        values = made.ranks[columns, rows[:, None]]
        open_ = numbers[columns] & (values >= 0)
        above = values > middle[columns]
        low = np.where(open_ & ~above, 0, values)
        high = np.where(open_ & above, np.iinfo(np.int32).max, values)
        tried = _Predicates(columns, low.astype(np.int32), high.astype(np.int32))
        start, end = made.slices(tried)
        tried = tried.only(size * np.prod((end - start) / size, axis=1) < HOPELESS)
        for place in np.flatnonzero(made.counts(tried) == 1):
            one = (tried.columns[place], tried.low[place], tried.high[place])
            found.setdefault(tuple(np.concatenate(one).tolist()), one)
        idle = idle + 1 if len(found) == before else 0
        if len(found) >= attacks or idle == IDLE:
            break
    kept = list(found.values())[:attacks]
    parts = [np.stack([one[part] for one in kept]) if kept else np.zeros((0, width), np.int32) for part in range(3)]
    return _Predicates(parts[0].astype(np.intp), parts[1].astype(np.int32), parts[2].astype(np.int32))


def _at_size(hits: float, rows: int, wanted: int, synthetic: int) -> float:
    """Return how many predicates would be true of exactly one of so many wanted rows, if they are of so many rows."""

    def chance(size: int) -> float:
        return size * synthetic / (size + synthetic) ** 2

    return hits * chance(wanted) / chance(rows)
