"""What a table is made of, learnt once: how each column is turned into numbers for a generator, and back.

    schema, rows = read(pa.table({"age": [41, 50], "job": ["a", None]}))
    rows["job"].values                          [0, -1]
    schema.written({"age": array([44.2]), "job": array([-1])})     age: int64 [44], job: string [null]

Numbers come back in the type and with the decimals of the real column. Identifiers are made anew, never taken over;
free text is left out: what writes no text must not copy it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from regrowth.metrics.columns import Column, Kind, Table, TableLike, aligned

__all__ = ["Floats", "Rows", "Schema", "Shape", "read"]

Floats: TypeAlias = npt.NDArray[np.float64]
Rows: TypeAlias = Mapping[str, npt.NDArray[Any]]
"""The values of each column: numbers and days with NaN, or places among the labels with -1."""

_DAY = 86_400_000_000
_DECIMALS = 6
_DIGITS, _SMALL, _LARGE = "0123456789", "abcdefghijklmnopqrstuvwxyz", "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


@dataclass(frozen=True)
class Shape:
    """Say what the values of one column look like."""

    name: str
    kind: Kind
    type: pa.DataType
    labels: tuple[str, ...] = ()
    low: float = 0.0
    """Least real value, of a number or a date in days; so is `high`."""
    high: float = 0.0
    decimals: int | None = 0
    """Of all numbers, at most; None if they have more than six."""
    gaps: bool = False
    """Whether values are missing in the real table."""

    @property
    def counted(self) -> bool:
        """Tell whether values are numbers, not places among labels."""
        return self.kind in ("number", "date")

    def rounded(self, values: Floats) -> Floats:
        """Return numbers with as many decimals as the real ones, days as whole ones if the real ones are."""
        return values if self.decimals is None else np.asarray(np.round(values, self.decimals))

    def shown(self, value: float) -> str:
        """Return a value as a person reads it."""
        if self.kind == "date":
            moment = np.datetime64(round(value * _DAY), "us")
            return str(moment.astype("datetime64[D]") if self.decimals == 0 else moment.astype("datetime64[s]"))
        if not self.counted:
            return "missing" if value < 0 else self.labels[int(value)]
        return (
            "missing" if np.isnan(value) else f"{value:.{self.decimals}f}" if self.decimals is not None else repr(value)
        )


@dataclass(frozen=True)
class Schema:
    """Hold the columns of a table, in order."""

    shapes: Mapping[str, Shape]
    left_out: Mapping[str, str]
    """Columns that are not written, and why."""
    empty: Mapping[str, pa.DataType]
    """Columns of which every value is missing: they stay so."""
    order: tuple[str, ...]

    @property
    def drawn(self) -> tuple[Shape, ...]:
        """Return the columns that a generator draws: all but identifiers."""
        return tuple(shape for shape in self.shapes.values() if shape.kind != "identifier")

    def written(self, rows: Rows, count: int, rng: np.random.Generator) -> pa.Table:
        """Return rows as a table of the real table's types; identifiers are made here."""
        columns: dict[str, pa.Array] = {}
        for name in self.order:
            if name in self.empty:
                columns[name] = pa.nulls(count, self.empty[name])
            elif name in self.shapes:
                shape = self.shapes[name]
                fresh = shape.kind == "identifier"
                columns[name] = _identifiers(shape, count, rng) if fresh else _array(shape, rows[name])
        return pa.table(columns)


def read(table: TableLike, kinds: Mapping[str, Kind] | None = None) -> tuple[Schema, Table]:
    """Return what a table is made of, and its values.

    Raises:
        DataError: it has no rows, or no columns that can be drawn.
    """
    arrow = (
        table
        if isinstance(table, pa.Table)
        else pa.table({name: pa.array(v, from_pandas=True) for name, v in table.items()})
    )
    (found,), left_out = aligned(arrow, kinds=kinds)
    empty = {field.name: field.type for field in arrow.schema if arrow[field.name].null_count == arrow.num_rows > 0}
    others = {name: why for name, why in left_out.items() if name not in empty}
    others |= {column.name: "free text is not written by this generator" for column in found.of_kind("text")}
    shapes = {
        name: _shape(column, arrow.schema.field(name).type)
        for name, column in found.columns.items()
        if column.kind != "text"
    }
    return Schema(shapes, others, empty, tuple(arrow.column_names)), found


def _shape(column: Column, type_: pa.DataType) -> Shape:
    gaps = bool(column.missing.any())
    if column.kind not in ("number", "date"):
        return Shape(column.name, column.kind, type_, column.labels, gaps=gaps)
    present = column.present
    low, high = float(present.min()), float(present.max())
    return Shape(column.name, column.kind, type_, (), low, high, _decimals(present), gaps)


def _decimals(values: Floats) -> int | None:
    return next((places for places in range(_DECIMALS + 1) if np.array_equal(np.round(values, places), values)), None)


def _array(shape: Shape, values: npt.NDArray[Any]) -> pa.Array:
    plain = shape.type.value_type if pa.types.is_dictionary(shape.type) else shape.type
    if not shape.counted:
        places = pa.array(values, pa.int32(), mask=values < 0)
        made = pa.array(shape.labels, pa.string()).take(places).cast(plain)
    else:
        made = _numbers(shape, plain, shape.rounded(np.asarray(values, np.float64)))
    return made.dictionary_encode() if pa.types.is_dictionary(shape.type) else made


def _numbers(shape: Shape, plain: pa.DataType, values: Floats) -> pa.Array:
    missing = np.isnan(values)
    filled = np.where(missing, 0.0, values)
    if shape.kind == "date":
        moments = pa.array(np.round(filled * _DAY).astype(np.int64), mask=missing).cast(pa.timestamp("us"))
        return pc.strftime(moments, format="%Y-%m-%d") if pa.types.is_string(plain) else moments.cast(plain, safe=False)
    whole = pa.types.is_integer(plain) or pa.types.is_duration(plain)
    made = pa.array(np.round(filled).astype(np.int64) if whole else filled, mask=missing)
    return made.cast(plain, safe=False)


def _identifiers(shape: Shape, count: int, rng: np.random.Generator) -> pa.Array:
    """Return names that no real row has: the next numbers, or texts of the shape of real ones."""
    plain = shape.type.value_type if pa.types.is_dictionary(shape.type) else shape.type
    if all(label.lstrip("-").isdigit() for label in shape.labels):
        first = max(map(int, shape.labels), default=0) + 1
        return pa.array([str(first + number) for number in range(count)]).cast(plain)
    known, made = set(shape.labels), list[str]()
    patience = 50 * count + 1000
    while len(made) < count:
        like = _like(shape.labels[int(rng.integers(len(shape.labels)))], rng)
        patience -= 1
        fresh = like if patience > 0 else f"{like}-{len(made)}"  # so few shapes that they are used up
        if fresh not in known:
            known.add(fresh)
            made.append(fresh)
    return pa.array(made, plain)


def _like(text: str, rng: np.random.Generator) -> str:
    """Return a text with other letters and digits in the same places."""
    return "".join(
        next((kind[rng.integers(len(kind))] for kind in (_DIGITS, _SMALL, _LARGE) if sign in kind), sign)
        for sign in text
    )


def labelled(shape: Shape, values: Sequence[object]) -> list[int]:
    """Return the places of values among the labels of a category, -1 where there is none."""
    places = {label: place for place, label in enumerate(shape.labels)}
    return [places.get(_text(value), -1) for value in values]


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
