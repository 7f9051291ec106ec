"""Which group a row belongs to: by one attribute, or by two at once.

    grouped(table, ["sex", "age"], cuts={"age": [25, 60]})
        sex         ("Female", "Male")
        age         ("below 25", "25 to 60", "60 and above")
        sex × age   ("Female × below 25", …): what is bad for one group of two attributes may be hidden in each of them

Rows without a value belong to no group; every reading says how many they are.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise

import numpy as np
import numpy.typing as npt

from regrowth.core.errors import DataError
from regrowth.metrics.columns import Column, Table

__all__ = ["FEW", "Groups", "grouped"]

FEW = 30
"""Rows below which a group is called small. It is shown all the same."""
MOST = 1000
"""Groups of an attribute: with more, it names rows rather than groups."""


@dataclass(frozen=True)
class Groups:
    """Hold the group of each row."""

    name: str
    labels: tuple[str, ...]
    places: npt.NDArray[np.intp]
    """In `labels`; -1 where a row belongs to none."""

    @classmethod
    def of(cls, name: str, labels: Sequence[str | None]) -> "Groups":
        """Return groups from the label of each row; None where it has none."""
        names = tuple(sorted({label for label in labels if label is not None}))
        place: dict[str | None, int] = {label: index for index, label in enumerate(names)}
        return cls(name, names, np.array([place.get(label, -1) for label in labels], dtype=np.intp))

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.places)

    @property
    def counts(self) -> npt.NDArray[np.int64]:
        """Return the number of rows of each group."""
        return np.bincount(self.places[self.places >= 0], minlength=len(self.labels)).astype(np.int64)

    @property
    def unknown(self) -> int:
        """Return how many rows belong to no group."""
        return int((self.places < 0).sum())

    def within(self, labels: Sequence[str]) -> "Groups":
        """Return the same rows under these labels and, after them, those of its own that are not among them."""
        names = (*labels, *(label for label in self.labels if label not in set(labels)))
        place = {label: index for index, label in enumerate(names)}
        moved = np.array([place[label] for label in self.labels] or [0], dtype=np.intp)
        return Groups(self.name, names, np.where(self.places < 0, -1, moved[self.places]))

    def called(self, place: int) -> str:
        """Return a group in words: `sex = Female`."""
        return f"{self.name} = {self.labels[place]}"

    @property
    def remarks(self) -> str:
        """Say which groups are small and how many rows have none."""
        counts = self.counts
        few = [f"{label} ({count})" for label, count in zip(self.labels, counts, strict=True) if 0 < count < FEW]
        parts = [f"small groups: {', '.join(few[:5])}{' …' if len(few) > 5 else ''}"] if few else []
        if self.unknown:
            parts.append(f"{self.unknown:,} rows without a value are in no group")
        return "; ".join(parts)


def grouped(
    table: Table,
    attributes: Sequence[str],
    *,
    cuts: Mapping[str, Sequence[float]] | None = None,
    intersections: bool = True,
) -> list[Groups]:
    """Return the groups of each attribute and of each two of them.

    Args:
        cuts: Where numbers are cut into groups, by attribute; a value at a cut belongs to the group above it.
        intersections: Whether two attributes are taken together, too.

    Raises:
        DataError: no attributes, one that is no column, a number without cuts, or a column that names rows.
    """
    if not attributes:
        raise DataError("No attributes: name the columns that say which group a row belongs to, such as sex.")
    if missing := [name for name in attributes if name not in table.columns]:
        raise DataError(f"There is no column {missing[0]!r}. Columns: {', '.join(table.columns)}.")
    single = [_by(table[name], (cuts or {}).get(name)) for name in dict.fromkeys(attributes)]
    return [*single, *(crossed(one, other) for one, other in combinations(single, 2) if intersections)]


def crossed(one: Groups, other: Groups) -> Groups:
    """Return the groups of two attributes at once: those that occur."""
    both = np.where((one.places < 0) | (other.places < 0), -1, one.places * len(other.labels) + other.places)
    there = np.unique(both[both >= 0])
    labels = tuple(
        f"{one.labels[place // len(other.labels)]} × {other.labels[place % len(other.labels)]}" for place in there
    )
    places = np.where(both < 0, -1, np.searchsorted(there, both)).astype(np.intp)
    return Groups(f"{one.name} × {other.name}", labels, places)


def _by(column: Column, cuts: Sequence[float] | None) -> Groups:
    if cuts is not None:
        return _cut(column, sorted(set(cuts)))
    if column.kind in ("number", "date"):
        raise DataError(
            f"{column.name} is a {column.kind}: say where its groups begin, as cuts={{{column.name!r}: …}}."
        )
    if column.kind != "category" or len(column.labels) > MOST:
        raise DataError(
            f"{column.name} is a column of {column.kind}s with {len(np.unique(column.present.astype(str))):,} values: "
            "expected a category of a few groups. Another column, or aligned(…, kinds=…) if it was read wrongly."
        )
    return Groups(column.name, column.labels, column.values.astype(np.intp))


def _cut(column: Column, cuts: Sequence[float]) -> Groups:
    if column.kind not in ("number", "date") or not cuts:
        raise DataError(f"cuts of {column.name}: expected numbers at which a column of numbers is cut; it is a "
                        f"{column.kind} column, with {len(cuts)} cuts.")  # fmt: skip
    inner = (f"{low:g} to {high:g}" for low, high in pairwise(cuts))
    labels = (f"below {cuts[0]:g}", *inner, f"{cuts[-1]:g} and above")
    places = np.searchsorted(np.asarray(cuts, dtype=np.float64), column.values, side="right")
    return Groups(column.name, labels, np.where(column.missing, -1, places).astype(np.intp))
