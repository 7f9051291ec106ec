"""Many short arrays kept as one: the values end to end, and where each ends."""

from collections.abc import Sequence
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

__all__ = ["Array", "Ragged", "stacked"]

Array: TypeAlias = NDArray[Any]


class Ragged(NamedTuple):
    """Hold rows of different lengths, of plain numbers, in memory or mapped from a file."""

    values: Array
    ends: Array
    """One more than there are rows: row `i` is `values[ends[i]:ends[i + 1]]`."""

    @classmethod
    def of(cls, values: Array, counts: Array) -> "Ragged":
        """Return rows from their values end to end and their lengths."""
        ends = np.zeros(len(counts) + 1, np.int64)
        np.cumsum(counts, out=ends[1:])
        return cls(values, ends)

    @property
    def counts(self) -> Array:
        """Return the length of each row."""
        return np.diff(self.ends)

    def row(self, number: int) -> Array:
        """Return one row."""
        return np.asarray(self.values[self.ends[number] : self.ends[number + 1]])

    def taken(self, rows: Array) -> "Ragged":
        """Return some of the rows, in the order asked for; a row may come twice."""
        counts = (self.ends[rows + 1] - self.ends[rows]).astype(np.int64)
        found = Ragged.of(self.values[:0], counts)
        places = np.arange(found.ends[-1]) + np.repeat(self.ends[rows] - found.ends[:-1], counts)
        return Ragged(np.asarray(self.values[places]), found.ends)


def stacked(parts: Sequence[Ragged]) -> Ragged:
    """Return the rows of all parts, one below the other."""
    counts = np.concatenate([part.counts for part in parts]) if parts else np.zeros(0, np.int64)
    values = np.concatenate([part.values for part in parts]) if parts else np.zeros(0, np.uint32)
    return Ragged.of(values, counts)
