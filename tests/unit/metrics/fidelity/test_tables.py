"""All readings of a table together: laws that hold for each of them."""

import math
from typing import Any

import numpy as np
import pytest

from regrowth.core.errors import DataError
from regrowth.metrics.columns import aligned
from regrowth.metrics.fidelity import fidelity
from regrowth.metrics.fidelity.coded import ordered, plain
from regrowth.metrics.reading import Reading, measures


def drawn(seed: int, rows: int = 240) -> dict[str, Any]:
    rng = np.random.default_rng(seed)
    age = rng.normal(40, 10, rows).round()
    words = np.array(["the", "quick", "brown", "fox", "jumps", "over", "a", "lazy", "dog", "by", "night"])
    return {
        "id": rng.permutation(rows) + 1,
        "age": age,
        "income": np.where(rng.random(rows) < 0.1, np.nan, np.exp(age / 20)),
        "job": rng.choice(["clerk", "cook", "judge"], rows).tolist(),
        "member": (rng.random(rows) < 0.3).tolist(),
        "joined": np.datetime64("2020-01-01") + rng.integers(0, 900, rows),
        "remark": [" ".join(rng.choice(words, rng.integers(5, 12))) for _ in range(rows)],
        "constant": ["same"] * rows,
    }


def all_of(*tables: dict[str, Any], **settings: Any) -> dict[tuple[str, str], Reading]:
    real, synthetic, *rest = aligned(*tables).tables
    readings = fidelity(real, synthetic, holdout=rest[0] if rest else None, **settings)
    found = {(one.measure, one.of): one for one in readings}
    assert len(found) == len(readings)
    return found


def test_every_reading_is_told_in_the_catalogue_and_keeps_its_bounds() -> None:
    found = all_of(drawn(0), drawn(1), drawn(2))
    for one in found.values():
        low, high = measures()[one.measure].bounds
        assert one.null is not None
        for told in (one.estimate, one.null):
            assert low <= told.low <= told.value <= told.high <= high, one
    assert {of for _, of in found} >= {"remark, words", "age × job", "job × member", "income", ""}
    assert not any("id" in of.split(" × ") for _, of in found)


def test_a_fresh_draw_is_hardly_ever_called_worse() -> None:
    found = all_of(drawn(0), drawn(1), drawn(2))
    assert sum(one.worse for one in found.values()) <= len(found) // 50


def test_the_order_of_rows_changes_nothing() -> None:
    one, other, third = drawn(0), drawn(1), drawn(2)
    turn = np.random.default_rng(5).permutation(240)
    again = [{name: np.array(values)[turn].tolist() for name, values in table.items()} for table in (one, other, third)]
    for table in again:
        table["joined"] = np.array(table["joined"], "datetime64[D]")
    before, after = all_of(one, other, third), all_of(*again)
    assert before.keys() == after.keys()
    for name, reading in before.items():
        for ours, theirs in ((reading.estimate, after[name].estimate), (reading.null, after[name].null)):
            assert ours is not None
            assert theirs is not None
            assert (theirs.value, theirs.low, theirs.high) == pytest.approx((ours.value, ours.low, ours.high), abs=1e-6)


def test_a_named_target_is_the_only_one_foretold() -> None:
    found = all_of(drawn(0), drawn(1), target="age")
    assert {of for measure, of in found if measure == "tstr"} == {"age"}


@pytest.mark.parametrize("rows", [1, 2, 5, 9])
def test_tables_of_few_rows_are_read_as_far_as_they_go(rows: int) -> None:
    one, other = ({name: values[:rows] for name, values in drawn(seed).items()} for seed in (0, 1))
    for table in (one, other):
        table["income"] = [1.5 + place for place in range(rows)]
    found = all_of(one, other)
    assert ("column_shapes", "") in found
    assert all(math.isfinite(reading.estimate.value) for reading in found.values())


def test_the_shapes_of_columns_that_say_the_same_are_as_uncertain_as_one() -> None:
    rng = np.random.default_rng(0)
    values = [rng.choice(list("abcd"), 500).tolist() for _ in range(2)]
    one = all_of({"a": values[0]}, {"a": values[1]})["column_shapes", ""]
    nine = all_of(*({f"c{place}": side for place in range(9)} for side in values))["column_shapes", ""]
    assert nine.estimate.value == pytest.approx(one.estimate.value)
    assert nine.estimate.high - nine.estimate.low == pytest.approx(one.estimate.high - one.estimate.low, rel=0.3)


def test_columns_that_were_only_shuffled_keep_an_interval() -> None:
    one = drawn(0)
    shapes = all_of(one, {**one, "age": one["age"][::-1]})["column_shapes", ""].estimate
    assert shapes.value == 1
    assert 0.9 < shapes.low < 1


def test_identifiers_are_left_out_and_texts_become_their_lengths() -> None:
    table = plain(aligned(drawn(0), drawn(1)).tables[0])
    assert "id" not in table.columns
    assert table["remark, words"].values[0] == len(drawn(0)["remark"][0].split())
    turned = ordered(table.take(np.arange(table.rows)[::-1]))
    assert all((turned[name].values == ordered(table)[name].values).all() for name in ("age", "job", "joined"))


def test_a_table_of_identifiers_is_an_error() -> None:
    with pytest.raises(DataError, match="Only identifiers: expected a column of numbers"):
        all_of({"id": range(50)}, {"id": range(50)})


def test_far_values_do_not_drown_the_rest() -> None:
    one, other = drawn(0), drawn(1)
    one["income"] = np.where(np.arange(240) == 7, 1e60, one["income"])
    found = all_of(one, other)
    assert all(math.isfinite(reading.estimate.value) for reading in found.values())


@pytest.mark.slow
def test_a_million_rows_are_read() -> None:
    rng = np.random.default_rng(0)
    real, synthetic = (
        {
            "x": rng.normal(0, 1, 1_000_000),
            "y": rng.lognormal(0, 1, 1_000_000),
            "k": rng.choice(list("abcdefgh"), 1_000_000),
        }
        for _ in range(2)
    )
    found = all_of(real, synthetic)
    assert not any(one.worse for one in found.values())
    assert found["contingency_similarity", "x × k"].estimate.value > 0.995
