"""Constraints hold in every row that is delivered; what broke one is told with the reason."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from regrowth.core.errors import SettingsError, Shortfall
from regrowth.domains.tables import (
    Combinations,
    Constraint,
    Determines,
    Ordered,
    Range,
    Unique,
    found_in,
    synthesise,
)
from regrowth.domains.tables.constraints import Rules, constraint
from regrowth.domains.tables.schema import read

RNG = np.random.default_rng(0)
N = 400
START = RNG.integers(0, 100, N)
TOWN = RNG.integers(0, 6, N)
REAL = pa.table(
    {
        "start": START,
        "end": START + RNG.integers(1, 60, N),
        "town": [f"t{n}" for n in TOWN],
        "land": [f"l{n // 2}" for n in TOWN],
        "kind": [["x", "y"][int(n % 2)] for n in TOWN],
    }
)
SCHEMA, ROWS = read(REAL)


def rules(*constraints: Constraint) -> Rules:
    return Rules.of(constraints, ROWS, SCHEMA)


def row(start: float = 5, end: float = 9, town: int = 0, land: int = 0, kind: int = 0) -> dict[str, float]:
    return {"start": start, "end": end, "town": town, "land": land, "kind": kind}


@pytest.mark.parametrize(
    ("rule", "good", "bad", "gate", "reason"),
    [
        (Range("start", 5, 10), row(5), row(11), "ranges", "start is 11, outside of 5 to 10"),
        (Range("start", high=4), row(-9), row(5), "ranges", "start is 5, outside of any to 4"),
        (Ordered("start", "end"), row(9, 9), row(9, 8), "order", "start is 9, above end is 8"),
        (Ordered("start", "end", strict=True), row(8, 9), row(9, 9), "order", "start is 9, not below end is 9"),
        (
            Determines(("town",), "land"),
            row(town=2, land=1),
            row(town=2, land=0),
            "dependencies",
            "town is t2, land is l0",
        ),
        (
            Determines(("town",), "land", {"t0": "l2"}),
            row(town=0, land=2),
            row(town=0, land=0),
            "dependencies",
            "town is t0, land is l0",
        ),
        (
            Combinations(("land", "kind")),
            row(),
            row(land=-1),
            "combinations",
            "land is missing, kind is x do not occur",
        ),
    ],
)
def test_each_kind_lets_through_and_refuses(
    rule: Constraint, good: dict[str, float], bad: dict[str, float], gate: str, reason: str
) -> None:
    assert rules(rule).broken(good) is None
    broken = rules(rule).broken(bad)
    assert broken is not None
    assert broken.gate == gate
    assert reason in broken.reason


def test_missing_values_are_neither_out_of_range_nor_out_of_order() -> None:
    judge = rules(Range("start", 0, 1), Ordered("start", "end"), Unique(("start",)))
    assert judge.broken(row(float("nan"), -5)) is None
    assert judge.broken(row(float("nan"), -6)) is None


def test_only_rows_that_are_kept_count_for_uniqueness() -> None:
    judge = rules(Unique(("start", "town")), Range("end", 0, 10))
    assert judge.broken(row(1, 99)) is not None
    assert judge.broken(row(1, 9)) is None
    broken = judge.broken(row(1, 8))
    assert broken is not None
    assert broken.reason == "start is 1, town is t0 is there already"
    assert judge.broken(row(1, 8, town=1)) is None


@settings(max_examples=12)
@given(low=st.integers(0, 40), width=st.integers(20, 60), seed=st.integers(0, 5))
def test_every_row_delivered_keeps_all(low: int, width: int, seed: int) -> None:
    wanted = (Range("start", low, low + width), Ordered("start", "end"), Determines(("town",), "land"))
    made = synthesise(REAL, 60, constraints=wanted, seed=seed)
    rows = made.table.to_pylist()
    assert len(rows) == 60
    assert all(low <= one["start"] <= low + width and one["start"] <= one["end"] for one in rows)
    assert all(int(one["town"][1:]) // 2 == int(one["land"][1:]) for one in rows)
    assert {one.gate for one in made.refused} <= {"ranges", "order", "dependencies"}


def test_uniqueness_is_kept_up_to_the_last_value() -> None:
    made = synthesise(REAL, 6, constraints=[Unique(("town",))])
    assert sorted(made.table["town"].to_pylist()) == [f"t{n}" for n in range(6)]
    with pytest.raises(Shortfall, match=r"6 of 7 rows after .* Most were refused by uniqueness"):
        synthesise(REAL, 7, constraints=[Unique(("town",))])


def test_what_holds_in_the_real_table_is_found_and_what_does_not_is_not() -> None:
    held = found_in(REAL)
    assert Range("start", float(START.min()), float(START.max())) in held
    assert {one for one in held if not isinstance(one, Range)} == {
        Ordered("start", "end"),
        Determines(("town",), "land"),
        Determines(("town",), "kind"),
    }
    shuffled = REAL.set_column(3, "land", REAL["land"].take(np.roll(np.arange(N), 1)))
    assert Determines(("town",), "land") not in found_in(shuffled)


def test_found_constraints_can_be_kept() -> None:
    made = synthesise(REAL, 200, constraints=found_in(REAL), seed=1)
    assert made.table.num_rows == 200


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        (Range("nothing", 0), "'nothing' is no such column"),
        (Range("town", 0), "'town' is a category; expected a number or a date"),
        (Determines(("kind",), "town"), "does not hold in the real table"),
        (Determines(("town", "kind"), "land", {"t0": "l0"}), "exactly one given column"),
        (Determines(("town",), "land", {"t9": "l0"}), "no category is 't9'"),
    ],
)
def test_what_cannot_be_kept_is_told_before_anything_is_drawn(rule: Constraint, words: str) -> None:
    with pytest.raises(SettingsError, match=words):
        rules(rule)


def test_constraints_are_read_from_settings() -> None:
    assert constraint({"kind": "range", "column": "start", "low": 1}) == Range("start", 1)
    assert constraint({"kind": "unique", "columns": ["a", "b"]}) == Unique(("a", "b"))
    with pytest.raises(SettingsError, match="one of range, unique"):
        constraint({"kind": "rage"})
    with pytest.raises(SettingsError, match="a range takes column, low, high"):
        constraint({"kind": "range", "columns": ["a"]})
