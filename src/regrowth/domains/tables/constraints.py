"""What must hold in every row of a table, found in the real one or declared; rows that break it are refused.

found(table)      (Range("age", 17, 90), Determines(("education",), "education_num"), Ordered("start", "end"), …)
rules = Rules.of((Range("age", 18, 65), Unique(("email",))), table, schema)
rules.broken(row)                       ("ranges", "age is 17, outside of 18 to 65"), or None
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from regrowth.core.errors import SettingsError
from regrowth.domains.tables.schema import Rows, Schema, Shape
from regrowth.metrics.columns import Table

__all__ = [
    "Broken",
    "Combinations",
    "Constraint",
    "Determines",
    "Ordered",
    "Range",
    "Rules",
    "Unique",
    "constraint",
    "encoded",
    "row_at",
]


@dataclass(frozen=True)
class Range:
    """Keep a number or a date within bounds, both included; missing values may stay."""

    column: str
    low: float | str | None = None
    """A number, a date as `2020-07-23`, or no bound."""
    high: float | str | None = None


@dataclass(frozen=True)
class Unique:
    """Allow each value, or combination of values, in one row only."""

    columns: tuple[str, ...]


@dataclass(frozen=True)
class Determines:
    """Have the values of some columns fix that of another, as in the real table, or as declared."""

    given: tuple[str, ...]
    column: str
    values: Mapping[str, str] | None = None
    """Of one given column: what each of its values fixes. None takes it from the real table."""


@dataclass(frozen=True)
class Combinations:
    """Allow only those combinations of values that the real table has."""

    columns: tuple[str, ...]


@dataclass(frozen=True)
class Ordered:
    """Keep one number or date at or below another."""

    lower: str
    upper: str
    strict: bool = False
    """Below, not equal."""


Constraint: TypeAlias = Range | Unique | Determines | Combinations | Ordered


KINDS: Mapping[str, type[Constraint]] = {
    "range": Range,
    "unique": Unique,
    "determines": Determines,
    "combinations": Combinations,
    "ordered": Ordered,
}
"""Constraints by the name that settings call them by."""


def constraint(said: Mapping[str, Any]) -> Constraint:
    """Return a constraint as settings say it: `{"kind": "range", "column": "age", "low": 18}`.

    Raises:
        SettingsError: there is no such kind, or it takes other fields.
    """
    kind: Any = KINDS.get(str(said.get("kind")))
    if kind is None:
        raise SettingsError(f"constraint {dict(said)}: expected a kind, one of {', '.join(KINDS)}.")
    names = [one.name for one in fields(kind)]
    given = {name: tuple(value) if isinstance(value, list) else value for name, value in said.items() if name != "kind"}
    try:
        made: Constraint = kind(**given)
    except TypeError:
        raise SettingsError(f"constraint {dict(said)}: a {said['kind']} takes {', '.join(names)}.") from None
    return made


class Broken(NamedTuple):
    """Say which kind of constraint a row breaks, and how."""

    gate: str
    reason: str


@dataclass
class Rules:
    """Judge rows one after another; remembers what must not come twice."""

    schema: Schema
    constraints: Sequence[Constraint]
    allowed: Sequence[Any]
    """Beside each constraint: what was read off the real table for it."""
    seen: dict[int, set[Any]] = field(default_factory=dict)

    @classmethod
    def of(cls, constraints: Iterable[Constraint], real: Table, schema: Schema) -> "Rules":
        """Prepare constraints.

        Raises:
            SettingsError: one names a column that there is not, or that is of another kind.
        """
        chosen = tuple(constraints)
        return cls(schema, chosen, [_prepared(one, real, schema) for one in chosen])

    def broken(self, row: Mapping[str, float]) -> Broken | None:
        """Return what a row breaks, first of all; a row that breaks nothing counts for uniqueness from here on."""
        keys = dict[int, Any]()
        for place, (one, allowed) in enumerate(zip(self.constraints, self.allowed, strict=True)):
            if isinstance(one, Unique):
                keys[place] = _key(row, allowed)
                if keys[place] in self.seen.setdefault(place, set()):
                    return Broken("uniqueness", f"{self._told(row, one.columns)} is there already")
            elif reason := self._reason(one, allowed, row):
                return Broken(_GATES[type(one)], reason)
        for place, key in keys.items():
            if not any(part is None for part in key):
                self.seen[place].add(key)
        return None

    def _reason(self, one: Constraint, allowed: Any, row: Mapping[str, float]) -> str:
        if isinstance(one, Range):
            value, (low, high) = row[one.column], allowed
            shape = self.schema.shapes[one.column]
            if value < low or value > high:  # neither holds for what is missing
                return f"{one.column} is {shape.shown(value)}, outside of {_end(shape, low)} to {_end(shape, high)}"
        elif isinstance(one, Ordered):
            lower, upper = row[one.lower], row[one.upper]
            if lower > upper or (one.strict and lower == upper):
                sign = "not below" if one.strict else "above"
                return f"{self._told(row, (one.lower,))}, {sign} {self._told(row, (one.upper,))}"
        elif isinstance(one, Determines):
            fixed = _key(row, (one.column,))
            if allowed.get(_key(row, one.given), fixed) != fixed:
                return f"{self._told(row, (*one.given, one.column))}, where it is otherwise"
        elif isinstance(one, Combinations) and _key(row, one.columns) not in allowed:
            return f"{self._told(row, one.columns)} do not occur together"
        return ""

    def _told(self, row: Mapping[str, float], names: Iterable[str]) -> str:
        return ", ".join(f"{name} is {self.schema.shapes[name].shown(row[name])}" for name in names)


_GATES: Mapping[type, str] = {
    Range: "ranges",
    Ordered: "order",
    Determines: "dependencies",
    Combinations: "combinations",
}


def _end(shape: Shape, value: float) -> str:
    return shape.shown(value) if np.isfinite(value) else "any"


def _key(row: Mapping[str, float], names: Iterable[str]) -> tuple[float | None, ...]:
    """Return values that can be compared: missing ones are equal to each other."""
    return tuple(None if row[name] != row[name] else float(row[name]) for name in names)


def _prepared(one: Constraint, real: Table, schema: Schema) -> Any:
    names = _names(one)
    for name in names:
        if name not in schema.shapes or schema.shapes[name].kind == "identifier":
            why = "no such column" if name not in schema.order else "an identifier, or left out"
            drawn = ", ".join(shape.name for shape in schema.drawn)
            raise SettingsError(f"{one}: {name!r} is {why}. Columns that are drawn: {drawn}.")
        if isinstance(one, Range | Ordered) and not schema.shapes[name].counted:
            raise SettingsError(f"{one}: {name!r} is a {schema.shapes[name].kind}; expected a number or a date.")
    if isinstance(one, Unique):
        return one.columns
    if isinstance(one, Range):
        return _bound(schema.shapes[one.column], one.low, -np.inf), _bound(schema.shapes[one.column], one.high, np.inf)
    if isinstance(one, Combinations):
        return set(_keys(real, one.columns))
    if isinstance(one, Determines):
        return _dependency(one, real, schema)
    return None


def _names(one: Constraint) -> tuple[str, ...]:
    if isinstance(one, Range):
        return (one.column,)
    if isinstance(one, Ordered):
        return one.lower, one.upper
    return (*one.given, one.column) if isinstance(one, Determines) else one.columns


def encoded(shape: Shape, value: object) -> float:
    """Return a value as generators hold it.

    Raises:
        SettingsError: the column has no such value.
    """
    text = str(value).lower() if isinstance(value, bool) else str(value)
    try:
        if shape.kind == "date":
            return float(np.datetime64(text, "us").astype(np.int64)) / 86_400_000_000
        return float(text) if shape.kind == "number" else float(shape.labels.index(text))
    except ValueError:
        known = "" if shape.counted else f" It has: {', '.join(shape.labels[:20])}."
        raise SettingsError(f"{shape.name}: no {shape.kind} is {value!r}.{known}") from None


def _bound(shape: Shape, value: object, otherwise: float) -> float:
    return otherwise if value is None else encoded(shape, value)


def _dependency(one: Determines, real: Table, schema: Schema) -> dict[Any, Any]:
    if one.values is not None:
        if len(one.given) != 1:
            raise SettingsError(f"{one}: declared values need exactly one given column.")
        given, then = schema.shapes[one.given[0]], schema.shapes[one.column]
        return {(encoded(given, key),): (encoded(then, value),) for key, value in one.values.items()}
    pairs = dict[Any, Any]()
    for key, value in zip(_keys(real, one.given), _keys(real, (one.column,)), strict=True):
        if pairs.setdefault(key, value) != value:
            raise SettingsError(f"{one}: does not hold in the real table. Leave it out, or declare its values.")
    return pairs


def _keys(table: Table, names: Sequence[str]) -> list[tuple[float | None, ...]]:
    columns = [[None if value != value else float(value) for value in table[name].values] for name in names]
    return list(zip(*columns, strict=True))


def row_at(rows: Rows, place: int) -> dict[str, float]:
    """Return one row as plain numbers."""
    return {name: float(values[place]) for name, values in rows.items()}
