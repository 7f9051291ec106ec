"""Tables side by side: each column as one array, of the same kind and with the same labels in all of them.

    aligned({"age": [41, 50], "job": ["a", "b"]}, {"age": [40, None], "job": ["b", "z"]})
        tables[0]["age"]   number    [41., 50.]
        tables[1]["age"]   number    [40., nan]
        tables[1]["job"]   category  [1, 2] of ("a", "b", "z"), known = 2: "z" does not occur in the first table
        left_out           {}

The first table is the real one and decides what kind a column is of:

| kind       | which columns                                                     | values                          |
|------------|-------------------------------------------------------------------|---------------------------------|
| number     | integers, floats, decimals, durations                             | float64; NaN where missing      |
| date       | dates and times                                                   | float64, days since 1970; NaN   |
| category   | truth values, texts of few kinds, integers of two kinds           | int32 places in `labels`; -1    |
| text       | texts of five words and more on average that hardly repeat        | Python strings; None            |
| identifier | other texts that never repeat, integers that number the rows      | int32 places in `labels`; -1    |

Two kinds, and never repeating, say something from 20 rows on only.
What cannot be compared is left out with the reason, never compared after all.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from regrowth.core.errors import DataError

__all__ = ["Aligned", "Column", "Kind", "Table", "TableLike", "aligned"]

Kind: TypeAlias = Literal["number", "date", "category", "text", "identifier"]
TableLike: TypeAlias = pa.Table | Mapping[str, Sequence[object]]
"""An Arrow table, or the values of each column by name. Data frames: `pyarrow.Table.from_pandas(frame)`."""

_DAY = 86_400_000_000
"""Microseconds."""
_WORDY = 5
_MANY = 20


@dataclass(frozen=True)
class Column:
    """Hold the values of one column."""

    name: str
    kind: Kind
    values: npt.NDArray[Any]
    labels: tuple[str, ...] = ()
    """Of a category or identifier: those of the first table in order, then those that only other tables have."""
    known: int = 0
    """How many of the labels the first table has."""

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.values)

    @property
    def missing(self) -> npt.NDArray[np.bool_]:
        """Tell per row whether the value is missing."""
        if self.kind in ("category", "identifier"):
            return np.asarray(self.values < 0)
        if self.kind == "text":
            return np.fromiter((value is None for value in self.values), np.bool_, len(self.values))
        return np.asarray(np.isnan(self.values))

    @property
    def present(self) -> npt.NDArray[Any]:
        """Return the values that are there."""
        return self.values[~self.missing]


@dataclass(frozen=True)
class Table:
    """Hold columns of equal length."""

    columns: Mapping[str, Column]
    rows: int

    def __getitem__(self, name: str) -> Column:
        """Return a column."""
        return self.columns[name]

    def of_kind(self, *kinds: Kind) -> tuple[Column, ...]:
        """Return the columns of some kinds, in order."""
        return tuple(column for column in self.columns.values() if column.kind in kinds)

    def take(self, places: npt.NDArray[np.intp]) -> "Table":
        """Return some rows, in the order given; one may be taken more than once."""
        taken = {name: replace(column, values=column.values[places]) for name, column in self.columns.items()}
        return Table(taken, len(places))


class Aligned(NamedTuple):
    """Hold tables whose columns can be compared, and why others cannot."""

    tables: tuple[Table, ...]
    left_out: Mapping[str, str]


def aligned(real: TableLike, *others: TableLike, kinds: Mapping[str, Kind] | None = None) -> Aligned:
    """Bring tables side by side.

    Args:
        kinds: of columns for which the table above is wrong, by name, such as a zip code that was read as a number.

    Raises:
        DataError: no rows, no common columns, or none that can be compared; a name in `kinds` is not a column.
    """
    given = [_arrow(table, place) for place, table in enumerate((real, *others))]
    wanted = dict(kinds or {})
    if unknown := sorted(set(wanted) - set(given[0].column_names)):
        raise DataError(f"kinds: no column {unknown[0]!r}. Columns: {', '.join(given[0].column_names)}.")
    left_out: dict[str, str] = {}
    found: dict[str, tuple[Column, ...]] = {}
    for name in dict.fromkeys(name for table in given for name in table.column_names):
        compared = _compared(name, given, wanted.get(name))
        if isinstance(compared, str):
            left_out[name] = compared
        else:
            found[name] = compared
    if not found:
        reasons = "; ".join(f"{name}: {reason}" for name, reason in list(left_out.items())[:5])
        raise DataError(f"The tables have no column that can be compared. {reasons or 'They have no columns.'}")
    tables = tuple(
        Table({name: columns[place] for name, columns in found.items()}, table.num_rows)
        for place, table in enumerate(given)
    )
    return Aligned(tables, left_out)


def _compared(name: str, given: Sequence[pa.Table], wanted: Kind | None) -> tuple[Column, ...] | str:
    """Return a column as it is in each table, or why it cannot be compared."""
    if lacking := [_ordinal(place) for place, table in enumerate(given) if name not in table.column_names]:
        return f"not in the {' and the '.join(lacking)} table"
    columns = [table[name] for table in given]
    if reason := _incomparable(columns, wanted):
        return reason
    kind = wanted or _kind(columns[0])
    try:
        converted = _converted(name, kind, columns)
    except (pa.ArrowException, ValueError) as error:
        first_line = (str(error).splitlines() or ["no reason given"])[0]
        return f"a {kind} in the first table, but not in all others ({first_line})"
    empty = [place for place, column in enumerate(converted) if column.missing.all()]
    return _nothing(empty[0]) if empty else converted  # infinite values count as missing


def _arrow(table: TableLike, place: int) -> pa.Table:
    try:
        made = table if isinstance(table, pa.Table) else pa.table({name: _array(table[name]) for name in table})
    except (pa.ArrowException, TypeError, ValueError, OverflowError) as error:
        raise DataError(f"The {_ordinal(place)} table cannot be read: {error}.") from error
    if not made.num_rows:
        raise DataError(f"The {_ordinal(place)} table has no rows.")
    return made


def _array(values: Sequence[object]) -> pa.Array:
    return pa.array(values, from_pandas=True)  # NaN counts as missing, as in the tables of others


def _ordinal(place: int) -> str:
    return ("first", "second", "third", "fourth")[place] if place < 4 else f"{place + 1}th"


_FAMILIES: Mapping[str, Any] = {
    "number": lambda kind: pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind),
    "duration": pa.types.is_duration,
    "date": lambda kind: pa.types.is_date(kind) or pa.types.is_timestamp(kind),
    "truth value": pa.types.is_boolean,
    "text": lambda kind: pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind),
}


def _plain(column: pa.ChunkedArray) -> pa.ChunkedArray:
    return column.cast(column.type.value_type) if pa.types.is_dictionary(column.type) else column


def _family(column: pa.ChunkedArray) -> str:
    kind = _plain(column).type
    return next((name for name, fits in _FAMILIES.items() if fits(kind)), str(kind))


def _incomparable(columns: Sequence[pa.ChunkedArray], wanted: Kind | None) -> str:
    families = [_family(column) for column in columns]
    for place, column in enumerate(columns):
        if column.null_count == len(column):
            return _nothing(place)
    if families[0] not in _FAMILIES:
        return f"values of type {columns[0].type} cannot be compared"
    # A code may be read as numbers in one file and as texts in another: `7`, `7a`. Then it is compared as written.
    written = wanted in ("category", "identifier") or families[0] == "text"
    if len(set(families)) == 1 or (written and all(map(_is_written, columns))):
        return ""
    return f"different types: {', '.join(dict.fromkeys(families))}"


def _nothing(place: int) -> str:
    return f"every value is missing in the {_ordinal(place)} table"


def _is_written(column: pa.ChunkedArray) -> bool:
    return _family(column) == "text" or bool(pa.types.is_integer(_plain(column).type))


def _kind(column: pa.ChunkedArray) -> Kind:
    family = _family(column)
    if family == "date":
        return "date"
    if family == "truth value":
        return "category"
    plain = _plain(column)
    if family in ("number", "duration"):
        return _kind_of_integers(plain.drop_null()) if pa.types.is_integer(plain.type) else "number"
    return _kind_of_texts(plain.drop_null())


def _kind_of_integers(numbers: pa.ChunkedArray) -> Kind:
    distinct = pc.count_distinct(numbers).as_py()
    if len(numbers) < _MANY or 2 < distinct < len(numbers):
        return "number"
    ends = pc.min_max(numbers).as_py()
    if distinct <= 2:
        return "category"
    return "identifier" if ends["max"] - ends["min"] + 1 == distinct else "number"


def _kind_of_texts(texts: pa.ChunkedArray) -> Kind:
    distinct = pc.count_distinct(texts).as_py()
    words = pc.mean(pc.add(pc.count_substring(pc.utf8_trim_whitespace(texts), " "), 1)).as_py()
    if words >= _WORDY and distinct > len(texts) / 2:
        return "text"
    return "identifier" if distinct == len(texts) and distinct >= _MANY else "category"


def _converted(name: str, kind: Kind, columns: Sequence[pa.ChunkedArray]) -> tuple[Column, ...]:
    if kind in ("number", "date"):
        read = _number if kind == "number" else _days
        return tuple(Column(name, kind, read(_plain(column))) for column in columns)
    texts = [_written(_plain(column)) for column in columns]
    if kind == "text":
        return tuple(Column(name, kind, np.array(text.to_pylist(), dtype=object)) for text in texts)
    return _coded(name, kind, texts)


def _number(column: pa.ChunkedArray) -> npt.NDArray[np.float64]:
    whole = column.cast(pa.int64()) if pa.types.is_duration(column.type) else column
    values: npt.NDArray[np.float64] = whole.cast(pa.float64(), safe=False).to_numpy().astype(np.float64)
    return np.where(np.isfinite(values), values, np.nan)  # infinite values say as little as missing ones


def _days(column: pa.ChunkedArray) -> npt.NDArray[np.float64]:
    moments = column.cast(pa.timestamp("us"), safe=False) if _family(column) != "text" else _parsed(column)
    values: npt.NDArray[np.float64] = moments.cast(pa.int64()).cast(pa.float64(), safe=False).to_numpy()
    return values / _DAY


def _parsed(column: pa.ChunkedArray) -> pa.ChunkedArray:
    return column.cast(pa.timestamp("us"))


def _written(column: pa.ChunkedArray) -> pa.ChunkedArray:
    return column if pa.types.is_string(column.type) else column.cast(pa.string())


def _coded(name: str, kind: Kind, texts: Sequence[pa.ChunkedArray]) -> tuple[Column, ...]:
    labels = sorted(pc.unique(texts[0].drop_null()).to_pylist())
    known = len(labels)
    others = {label for text in texts[1:] for label in pc.unique(text.drop_null()).to_pylist()}
    labels += sorted(others.difference(labels))
    places = pa.array(labels, pa.string())
    return tuple(
        Column(
            name,
            kind,
            pc.index_in(text, places).cast(pa.int32()).fill_null(-1).to_numpy().astype(np.int32),
            tuple(labels),
            known,
        )
        for text in texts
    )
