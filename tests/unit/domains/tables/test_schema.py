"""Tables come back in their types; identifiers are made anew, free text is left out."""

import datetime

import numpy as np
import pyarrow as pa
import pytest

from regrowth.core.errors import DataError
from regrowth.domains.tables.schema import read

RNG = np.random.default_rng
DAYS = [datetime.date(2020, 1, 1) + datetime.timedelta(days=7 * n) for n in range(30)]
TABLE = pa.table(
    {
        "id": pa.array([f"C-{n:03d}" for n in range(30)]),
        "number": pa.array(range(100, 130)),
        "small": pa.array([n % 7 for n in range(30)], pa.int8()),
        "price": pa.array([n + 0.25 for n in range(30)]),
        "day": pa.array(DAYS, pa.date32()),
        "at": pa.array([datetime.datetime(2020, 1, 1, 12, n) for n in range(30)], pa.timestamp("s")),
        "told": pa.array([n % 2 == 0 for n in range(30)]),
        "class": pa.array([1 + n % 2 for n in range(30)]),
        "job": pa.array([["a", "b", None][n % 3] for n in range(30)]).dictionary_encode(),
        "gone": pa.nulls(30, pa.string()),
        "note": pa.array([f"a text of more than five words number {n}" for n in range(30)]),
    }
)


def test_real_values_come_back_as_they_were_in_their_types() -> None:
    schema, rows = read(TABLE)
    made = schema.written({shape.name: rows[shape.name].values for shape in schema.drawn}, 30, RNG(0))
    assert made.schema == TABLE.drop_columns(["note"]).schema
    kept = [name for name in made.column_names if name not in ("id", "number")]
    assert made.select(kept).to_pylist() == TABLE.select(kept).to_pylist()
    assert schema.left_out == {"note": "free text is not written by this generator"}


def test_identifiers_are_new_and_of_the_same_form() -> None:
    schema, rows = read(TABLE)
    made = schema.written({shape.name: rows[shape.name].values for shape in schema.drawn}, 30, RNG(1))
    names = made["id"].to_pylist()
    assert len(set(names)) == 30
    assert not set(names) & set(TABLE["id"].to_pylist())
    assert all(name[1] == "-" and name[0].isupper() and name[2:].isdigit() and len(name) == 5 for name in names)
    assert made["number"].to_pylist() == list(range(130, 160))


def test_identifiers_do_not_run_out() -> None:
    table = pa.table({"id": [f"{n:02d}x" for n in range(25)], "n": [n % 5 for n in range(25)]})
    schema, _ = read(table)
    names = schema.written({"n": np.zeros(500)}, 500, RNG(0))["id"].to_pylist()
    assert len({*names, *table["id"].to_pylist()}) == 525


def test_numbers_are_rounded_like_the_real_ones() -> None:
    schema, _ = read(TABLE)
    price, small = schema.shapes["price"], schema.shapes["small"]
    assert (price.decimals, small.decimals) == (2, 0)
    assert price.rounded(np.array([1.23456])).tolist() == [1.23]
    thirds, _ = read({"third": [n / 3 for n in range(1, 9)]})
    assert thirds.shapes["third"].decimals is None


def test_kinds_can_be_said() -> None:
    schema, _ = read({"zip": [1000 + n % 50 for n in range(100)]}, {"zip": "category"})
    assert schema.shapes["zip"].kind == "category"


def test_a_table_without_rows_is_refused() -> None:
    with pytest.raises(DataError, match="no rows"):
        read(pa.table({"a": pa.array([], pa.int64())}))
