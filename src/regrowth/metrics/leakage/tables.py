"""Rows of mixed columns in one space: numbers by how far they lie apart, categories by whether they differ.

Space.of({"age": [41, 50]}, {"age": [40, 60]}, {"age": [20, 80]}).distances(0, 1)(0, 2)   # [[1/60, 19/60], …]
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from regrowth.core.errors import DataError

__all__ = ["Columns", "Space"]

Columns: TypeAlias = Mapping[str, Sequence[object]]
"""The values of each column, by name. None and NaN are missing values."""


@dataclass(frozen=True)
class Part:
    """Hold the rows of one set."""

    numbers: npt.NDArray[np.float64]
    """Numeric columns [rows, columns], scaled; NaN where a value is missing."""
    codes: npt.NDArray[np.int32]
    """Categorical columns [rows, columns]."""

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.codes)


@dataclass(frozen=True)
class Space:
    """Hold the rows of several sets in one space."""

    parts: tuple[Part, ...]

    @classmethod
    def of(
        cls, synthetic: Columns, seeds: Columns, holdout: Columns, *, ranks: bool, categories: Sequence[str] = ()
    ) -> "Space":
        """Bring synthetic rows, seeds and hold-out into one space, scaled by the real ones.

        A column is numeric if all real values that are present are numbers, and not all are equal.

        Raises:
            DataError: columns differ, are of different length, or hold other values than the real ones do.
        """
        sets = (synthetic, seeds, holdout)
        counts = [_rows(part, seeds) for part in sets]
        numbers: list[list[npt.NDArray[Any]]] = [[], [], []]
        codes: list[list[npt.NDArray[Any]]] = [[], [], []]
        for name in seeds:
            values = [[_plain(value) for value in part[name]] for part in sets]
            real = [value for value in (*values[1], *values[2]) if value is not None]
            number = name not in categories and _numeric(real)
            try:
                found = _scaled(values, real, ranks) if number else _coded(values)
            except (TypeError, ValueError, OverflowError) as error:
                raise DataError(
                    f"The column {name!r} holds what cannot be compared with its real values: {error}."
                ) from error
            for place, column in zip(numbers if number else codes, found, strict=True):
                place.append(column)
        parts = (
            Part(_matrix(one, count, np.float64), _matrix(other, count, np.int32))
            for one, other, count in zip(numbers, codes, counts, strict=True)
        )
        return cls(tuple(parts))

    def distances(self, one: int, other: int) -> Callable[[int, int], npt.NDArray[np.float32]]:
        """Return a function that gives the distances [rows of one set, rows of another]: the mean over the columns."""
        ours, theirs = self.parts[one], self.parts[other]
        columns = theirs.numbers.shape[1] + theirs.codes.shape[1]

        def block(start: int, end: int) -> npt.NDArray[np.float32]:
            total = np.zeros((end - start, len(theirs)))
            for mine, their in zip(ours.codes[start:end].T, theirs.codes.T, strict=True):
                total += mine[:, None] != their[None, :]
            for mine_, their_ in zip(ours.numbers[start:end].T, theirs.numbers.T, strict=True):
                total += _apart(mine_, their_)
            mean: npt.NDArray[np.float32] = (total / columns).astype(np.float32)
            return mean

        return block


def _apart(ours: npt.NDArray[np.float64], theirs: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    gaps: npt.NDArray[np.float64] = np.minimum(np.abs(ours[:, None] - theirs[None, :]), 1.0)
    missing = np.isnan(gaps)
    if missing.any():
        gaps[missing] = (np.isnan(ours)[:, None] != np.isnan(theirs)[None, :])[missing]
    return gaps


def _rows(part: Columns, wanted: Columns) -> int:
    if set(part) != set(wanted):
        odd = sorted(map(str, set(part) ^ set(wanted)))
        raise DataError(f"The tables differ in the column {odd[0]!r}; expected {', '.join(wanted)} in all three.")
    lengths = {len(column) for column in part.values()}
    if len(lengths) != 1:
        raise DataError(f"The columns of a table have {sorted(lengths)} values; expected one table, and one length.")
    return lengths.pop()


def _plain(value: object) -> object:
    """Return a value; None if it is missing."""
    return None if value is None or (isinstance(value, float | np.floating) and math.isnan(value)) else value


def _numeric(values: Sequence[object]) -> bool:
    numbers = all(isinstance(value, int | float | np.number) and not isinstance(value, bool) for value in values)
    return numbers and len(set(values)) > 1


def _scaled(values: Sequence[Sequence[object]], known: Sequence[object], ranks: bool) -> list[npt.NDArray[Any]]:
    real = np.array(known, dtype=np.float64)
    if not np.isfinite(real).all():
        raise ValueError("an infinite number")
    columns = [np.array([math.nan if one is None else one for one in part], dtype=np.float64) for part in values]
    if ranks:
        order = np.sort(real)
        found = [_middle_ranks(order, column) for column in columns]
    else:
        low, width = real.min(), real.max() - real.min()
        found = [np.clip((column - low) / width, -2, 3) for column in columns]  # farther is 1 away in any case
    return found


def _coded(values: Sequence[Sequence[object]]) -> list[npt.NDArray[Any]]:
    known: dict[object, int] = {}
    return [np.array([known.setdefault(one, len(known)) for one in part], dtype=np.int32) for part in values]


def _middle_ranks(order: npt.NDArray[np.float64], column: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    sides = (np.searchsorted(order, column, side="left"), np.searchsorted(order, column, side="right"))
    ranks: npt.NDArray[np.float64] = (sides[0] + sides[1]) / (2 * len(order))
    ranks[np.isnan(column)] = math.nan
    return ranks


def _matrix(columns: Sequence[npt.NDArray[Any]], count: int, kind: type) -> npt.NDArray[Any]:
    return np.stack(columns, axis=1) if columns else np.zeros((count, 0), kind)
