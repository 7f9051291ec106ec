"""Tables of mixed types, learnt from a real one and written anew: rows like the real ones that are none of them.

    from regrowth.domains.tables import Range, synthesise
    made = synthesise(read_table(Path("adult.csv")), 500, conditions={"sex": {"Male": 0.5, "Female": 0.5}},
                      constraints=(Range("age", 18, 65),))
    made.table         pyarrow.Table: 500 rows, 250 of each sex, types as in the real table
    made.refused       (Refused({"age": "17", …}, "ranges", "age is 17, outside of 18 to 65"), …)

Two ways without a neural network stand here: `trees` (no promise of privacy) and `private` (differential privacy). A
language model that writes rows as texts is the recipe `tables` with `how=text`; what it needs is in `texts.py`.
"""

import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

import numpy as np
import pyarrow as pa

from regrowth.core.errors import SettingsError
from regrowth.core.record import digest
from regrowth.domains.tables.conditions import Asked, given
from regrowth.domains.tables.constraints import (
    Combinations,
    Constraint,
    Determines,
    Ordered,
    Range,
    Rules,
    Unique,
)
from regrowth.domains.tables.finding import found
from regrowth.domains.tables.making import Drawing, Generator, Refused, fill
from regrowth.domains.tables.private import Network, Promise, declared
from regrowth.domains.tables.schema import Schema, read
from regrowth.domains.tables.trees import LEAF, Trees
from regrowth.metrics.columns import Kind

__all__ = [
    "Asked",
    "Combinations",
    "Constraint",
    "Determines",
    "How",
    "Made",
    "Ordered",
    "Promise",
    "Range",
    "Refused",
    "Unique",
    "check_private",
    "found_in",
    "synthesise",
]

How: TypeAlias = Literal["trees", "private"]


@dataclass(frozen=True)
class Made:
    """Hold a synthetic table, and what did not get into it."""

    table: pa.Table
    refused: tuple[Refused, ...] = ()
    """Rows that broke a constraint, and were drawn again."""
    left_out: Mapping[str, str] = field(default_factory=dict)
    """Columns of the real table that are not written, and why."""
    promise: Promise | None = None
    """What is promised to each real row; None promises nothing."""


def synthesise(
    table: pa.Table,
    rows: int,
    *,
    how: How = "trees",
    conditions: Asked | None = None,
    constraints: Iterable[Constraint] = (),
    seed: int = 0,
    kinds: Mapping[str, Kind] | None = None,
    promise: Promise | None = None,
    domain: Mapping[str, Sequence[Any]] | None = None,
    noise_seed: int | None = None,
    leaf: int = LEAF,
) -> Made:
    """Return so many rows that are like those of a table.

    Args:
        how: `trees` is as like as it gets; `private` keeps a promise to each real row, and is less like.
        conditions: by column: a value, shares of values (met exactly), or two bounds of a number.
        constraints: what every row must keep; those that do not are drawn again.
        kinds: of columns that `metrics.columns` would take for something else.
        promise: of `private`.
        domain: of `private`: bounds of numbers and labels of categories as they are publicly known; what is not named
            is read off the table, and then not protected.
        noise_seed: of `private`: makes the noise repeatable, and takes the protection from all who know the number.
        leaf: of `trees`: real rows that share what a value is drawn from, at least. More copy less.

    Raises:
        DataError: the table has no rows, or nothing that can be drawn.
        SettingsError: a condition or constraint names what there is not, or may not be asked of `private`.
        Shortfall: too many rows break the constraints.
        MissingExtra: scikit-learn is not installed.
    """
    if rows < 1:
        raise SettingsError(f"rows = {rows}: expected 1 or more.")
    if (how == "private") != (promise is not None):
        raise SettingsError("how='private' needs promise=Promise(epsilon, delta), and nothing else takes one.")
    schema, real = read(table, kinds)
    chosen = tuple(constraints)
    rng = np.random.default_rng(int(digest("tables", seed), 16))
    if promise is None:
        asked = given(conditions or {}, rows, real, schema, rng)
        generator: Generator = Trees.learn(real, _order(schema, asked), seed=seed, leaf=leaf)
    else:
        check_private(chosen)
        schema, real = declared(schema, real, domain or {})
        asked = given(conditions or {}, rows, None, schema, rng)
        generator = network = Network.learn(real, schema, promise, _noise(noise_seed))
        promise = network.spent
    drawing = Drawing(Rules.of(chosen, real, schema), asked, rows)
    fill(drawing, generator, rng)
    return Made(schema.written(drawing.rows(), rows, rng), tuple(drawing.refused), schema.left_out, promise)


def found_in(table: pa.Table, kinds: Mapping[str, Kind] | None = None) -> tuple[Constraint, ...]:
    """Return what holds in all rows of a table: ranges, dependencies between columns, numbers that never exceed others.

    Raises:
        DataError: the table has no rows, or nothing that can be drawn.
    """
    return found(*read(table, kinds))


def _noise(seed: int | None) -> np.random.Generator:
    """Return where noise comes from: a secret key that nobody keeps, unless there is a number."""
    if seed is not None:
        return np.random.default_rng(seed)
    return np.random.Generator(np.random.Philox(key=secrets.randbits(128)))


def _order(schema: Schema, asked: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the order in which columns are drawn: first what is given, then as in the table."""
    return (*asked, *(shape.name for shape in schema.drawn if shape.name not in asked))


def check_private(constraints: Iterable[Constraint]) -> None:
    """Refuse constraints that would tell of the real rows.

    Raises:
        SettingsError: one takes what it allows from the real table.
    """
    for one in constraints:
        if isinstance(one, Combinations) or (isinstance(one, Determines) and one.values is None):
            raise SettingsError(
                f"{one}: would be read off the real rows, which breaks the promise. Declare its values, or drop it."
            )
