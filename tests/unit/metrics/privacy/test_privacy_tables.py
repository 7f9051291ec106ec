"""Privacy of tables as a whole: what fires, what does not, and what may be in a table."""

import datetime as dt
import random
from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from regrowth.core.errors import DataError
from regrowth.metrics.columns import TableLike, aligned
from regrowth.metrics.privacy import privacy
from regrowth.metrics.privacy.tables import sample_size
from regrowth.metrics.reading import Reading, measures
from regrowth.seeds.tables import read_table
from support.data import shared_data

Columns = dict[str, list[object]]
ATTACKS = {"singling_out_univariate", "singling_out_multivariate", "linkability", "attribute_inference"}
MEMBERSHIP = {"membership_auc", "membership_tpr"}


def people(count: int, seed: int) -> Columns:
    """Draw rows of every kind of column, with missing values, rare towns and a constant."""
    dice = random.Random(seed)
    ages = [dice.gauss(45, 14) for _ in range(count)]
    return {
        "age": [round(age) for age in ages],
        "income": [round(dice.lognormvariate(9 + age / 50, 0.6), 2) if dice.random() > 0.05 else None for age in ages],
        "score": [round(dice.gauss(600, 80)) for _ in range(count)],
        "joined": [dt.date(2015, 1, 1) + dt.timedelta(dice.randrange(3650)) for _ in range(count)],
        "town": [f"town {int(dice.paretovariate(1)):d}" for _ in range(count)],
        "member": [dice.random() < 0.3 for _ in range(count)],
        "planet": ["Earth"] * count,
    }


def mixed(one: Columns, other: Columns, first: int) -> Columns:
    return {name: one[name][:first] + other[name][first:] for name in one}


def nudged(table: Columns, seed: int) -> Columns:
    """Change numbers by a fifth of a percent."""
    dice = random.Random(seed)
    incomes = [
        None if one is None else round(float(str(one)) * (1 + 0.002 * dice.gauss(0, 1)), 2) for one in table["income"]
    ]
    return {**table, "income": list(incomes)}


def measured(real: TableLike, synthetic: TableLike, holdout: TableLike | None, **options: object) -> Sequence[Reading]:
    if holdout is None:
        return privacy(*aligned(real, synthetic).tables, **options)  # type: ignore[arg-type]
    return privacy(*aligned(real, synthetic, holdout).tables, **options)  # type: ignore[arg-type]


def firing(readings: Sequence[Reading]) -> set[str]:
    return {reading.measure for reading in readings if reading.worse}


def by_name(readings: Sequence[Reading]) -> Mapping[tuple[str, str], Reading]:
    return {(reading.measure, reading.of): reading for reading in readings}


REAL, HELD, FRESH = (people(600, seed) for seed in (1, 2, 3))


def test_half_copies_fire_everywhere() -> None:
    readings = measured(REAL, mixed(REAL, FRESH, 300), HELD)
    assert firing(readings) == ATTACKS | MEMBERSHIP | {"dcr_share", "nndr", "identical_share"}
    named = by_name(readings)
    assert named["linkability", ""].estimate.low < 0.5 < named["linkability", ""].estimate.high
    assert named["identical_share", ""].estimate.value == 0.5
    assert named["dcr_share", ""].estimate.low < 0.75 < named["dcr_share", ""].estimate.high
    assert named["membership_tpr", "distance"].estimate.low < 0.5 < named["membership_tpr", "distance"].estimate.high


def test_near_copies_are_not_identical_and_found_all_the_same() -> None:
    found = firing(measured(REAL, nudged(mixed(REAL, FRESH, 300), 4), HELD))
    assert (
        "identical_share" not in found
        or by_name(measured(REAL, nudged(REAL, 4), HELD))["identical_share", ""].estimate.value < 0.1
    )
    assert {"dcr_share", "nndr", "linkability", "attribute_inference", *MEMBERSHIP} <= found


@pytest.mark.parametrize("seeds", [range(3), pytest.param(range(3, 30), marks=pytest.mark.slow)], ids=["few", "many"])
def test_fresh_rows_are_left_in_peace(seeds: range) -> None:
    """False alarms over tables of 300 rows: at most one in 300 readings may fire."""
    alarms = 0
    for seed in seeds:
        real, made, held = (people(300, 10 + 3 * seed + place) for place in range(3))
        alarms += sum(reading.worse for reading in measured(real, made, held, seed=seed))
    assert alarms <= len(seeds) * 17 // 300


def test_three_real_rows_in_a_hundred_are_found_by_being_equal() -> None:
    assert "identical_share" in firing(measured(REAL, mixed(REAL, FRESH, 18), HELD))


def test_flipped_census_rows_leak_and_those_of_a_generator_do_not() -> None:
    files = {
        name: shared_data(f"tabular/census2k_{name}.csv.gz") for name in ("trn", "hol", "syn_mostly", "syn_flip30")
    }
    table = {name: read_table(path) for name, path in files.items()}
    flipped, mostly = (measured(table["trn"], table[name], table["hol"]) for name in ("syn_flip30", "syn_mostly"))
    assert {*ATTACKS, *MEMBERSHIP, "dcr_share", "identical_share"} <= firing(flipped)
    assert not firing(mostly)


def test_unseen_real_rows_in_place_of_synthetic_ones_pass() -> None:
    trn, hol = (read_table(shared_data(f"tabular/census2k_{name}.csv.gz")) for name in ("trn", "hol"))
    assert not firing(measured(trn, hol.slice(0, 1000), hol.slice(1000)))


def test_rows_in_another_order_read_the_same() -> None:
    made = mixed(REAL, FRESH, 200)
    dice = random.Random(0)

    def turned(table: Columns) -> Columns:
        order = dice.sample(range(600), 600)
        return {name: [values[place] for place in order] for name, values in table.items()}

    for limit in (None, 150):
        ones, others = (
            measured(*tables, limit=limit) for tables in ((REAL, made, HELD), tuple(map(turned, (REAL, made, HELD))))
        )
        assert ones == others


def test_a_sample_is_said_to_be_one_and_reads_alike() -> None:
    made = mixed(REAL, FRESH, 300)
    few, all_ = (by_name(measured(REAL, made, HELD, limit=limit)) for limit in (200, None))
    assert "200 of 600" in few["dcr_share", ""].note
    assert few["linkability", ""].estimate.n == 400
    for name, one in few.items():
        assert one.estimate.low <= all_[name].estimate.high
        assert one.estimate.high >= all_[name].estimate.low
    assert few["identical_share", ""] == all_["identical_share", ""]


def test_as_many_are_looked_up_as_a_search_can_bear() -> None:
    assert [sample_size(rows) for rows in (100, 25_000, 50_000, 100_000, 10**6)] == [2000, 2000, 1000, 500, 500]


def test_without_a_hold_out_only_repetition_is_told_and_why() -> None:
    copied, fresh = (measured(REAL, made, None) for made in (mixed(REAL, FRESH, 300), FRESH))
    assert [reading.measure for reading in copied] == ["identical_share", "nndr"]
    assert firing(copied) == {"identical_share", "nndr"}
    assert not firing(fresh)
    assert all("splitting" in reading.note for reading in copied)


def test_identifiers_are_counted_apart() -> None:
    def named(table: Columns, first: int) -> Columns:
        return {**table, "account": [f"A{first + row:05d}" for row in range(600)], "row": list(range(600))}

    clean = measured(named(REAL, 0), named(FRESH, 2000), named(HELD, 1000))
    told = measured(named(REAL, 0), named(FRESH, 300), named(HELD, 1000))
    assert not firing(clean)
    assert firing(told) == {"repeated_identifiers"}
    assert by_name(told)["repeated_identifiers", "account"].estimate.value == 0.5
    assert by_name(told)["repeated_identifiers", "row"].null is not None
    assert not by_name(told)["repeated_identifiers", "row"].worse  # row numbers coincide in the hold-out, too


def test_categories_nobody_has_seen_are_no_leak() -> None:
    assert not firing(measured(REAL, {**FRESH, "town": ["Atlantis"] * 600}, HELD))


def test_hold_out_of_another_size() -> None:
    held = {name: values[:250] for name, values in HELD.items()}
    copied, clean = (measured(REAL, made, held) for made in (mixed(REAL, FRESH, 300), FRESH))
    assert {"dcr_share", "linkability", "attribute_inference", "identical_share", *MEMBERSHIP} <= firing(copied)
    assert not firing(clean)
    assert by_name(clean)["dcr_share", ""].estimate.low < 600 / 850 < by_name(clean)["dcr_share", ""].estimate.high


@pytest.mark.parametrize(
    "table",
    [
        {"x": [1.0] * 60},
        {"x": [1.0] * 60, "y": ["a"] * 60},
        {"x": [None, 1.5] * 30, "y": ["a", None] * 30},
        {"x": [float(7 * one % 61) for one in range(60)]},
        {"said": [f"so here we have number {one} of all" for one in range(60)]},
    ],
    ids=["constant", "constants", "missing", "one column", "texts"],
)
def test_odd_tables_have_readings_within_bounds(table: Columns) -> None:
    real, held, made = ({name: values[start::3] for name, values in table.items()} for start in range(3))
    with_holdout, without = measured(real, made, held), measured(real, made, None)
    for reading in (*with_holdout, *without):
        low, high = measures()[reading.measure].bounds
        assert low <= reading.estimate.low <= reading.estimate.value <= reading.estimate.high <= high
    assert "identical_share" in {reading.measure for reading in with_holdout}
    assert not firing(with_holdout)


NUMBERS = st.none() | st.integers(-5, 5) | st.floats(allow_infinity=False, width=32)
CELLS = st.tuples(NUMBERS, st.none() | st.sampled_from("abc"), st.none() | st.dates(), st.none() | st.text(max_size=2))
ROWS = st.lists(CELLS, min_size=2, max_size=12)


@settings(max_examples=40, deadline=None)
@given(st.tuples(ROWS, ROWS, ROWS))
def test_whatever_the_rows_readings_lie_within_bounds(tables: Sequence[Sequence[object]]) -> None:
    columns = [dict(zip("nkdt", map(list, zip(*rows, strict=True)), strict=True)) for rows in tables]
    try:
        readings = [*measured(*columns), *measured(columns[0], columns[1], None)]
    except DataError as error:
        assert "expected" in str(error) or "no column that can be compared" in str(error)  # noqa: PT017
        return
    for reading in readings:
        low, high = measures()[reading.measure].bounds
        for one in (reading.estimate, reading.null or reading.estimate):
            assert low <= one.low <= one.value <= one.high <= high


def test_bad_input_is_told() -> None:
    with pytest.raises(DataError, match="1 synthetic"):
        measured({"x": [1, 2, 3]}, {"x": [1]}, {"x": [1, 2]})
    with pytest.raises(DataError, match="No column 'wealth'"):
        measured(REAL, FRESH, HELD, secrets=["wealth"])
    with pytest.raises(DataError, match="identifiers"):
        measured({"x": range(40)}, {"x": range(40)}, {"x": range(40)})


def test_membership_is_missing_where_the_hold_out_is_small_and_that_is_said() -> None:
    few = {name: values[:150] for name, values in HELD.items()}
    for readings in (measured(REAL, FRESH, few), measured(REAL, FRESH, HELD, limit=60)):
        assert not MEMBERSHIP & {reading.measure for reading in readings}
    assert "Membership needs 200" in by_name(measured(REAL, FRESH, few))["dcr_share", ""].note


def test_attackers_may_be_told_what_they_know() -> None:
    made = mixed(REAL, FRESH, 300)
    named = by_name(measured(REAL, made, HELD, halves=(["age", "town"], ["income"]), secrets=["income"]))
    assert [of for measure, of in named if measure == "attribute_inference"] == ["income"]
    assert named["linkability", ""].worse


@pytest.mark.slow
def test_a_million_rows() -> None:
    def large(seed: int) -> pa.Table:
        rng = np.random.default_rng(seed)
        columns = {f"x{place}": rng.standard_normal(10**6) for place in range(4)}
        return pa.table({**columns, "town": rng.integers(0, 50, 10**6).astype(str)})

    real, fresh, held = (large(seed) for seed in (1, 2, 3))
    made = pa.concat_tables([real.slice(0, 500_000), fresh.slice(0, 500_000)])
    readings = by_name(measured(real, made, held))
    assert "500 of 1,000,000" in readings["dcr_share", ""].note
    assert readings["dcr_share", ""].worse
    assert readings["identical_share", ""].estimate.value == 0.5
    assert readings["linkability", ""].worse
