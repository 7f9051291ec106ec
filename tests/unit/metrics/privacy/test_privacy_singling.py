"""Singling out: predicates by hand, their counts against a plain loop, controls of other sizes."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from regrowth.metrics.columns import Table, TableLike, aligned
from regrowth.metrics.privacy.risk import chance, risk
from regrowth.metrics.privacy.singling import SingledOut, _at_size, _Predicates, _ranked, _Ranks, singled_out
from support.people import people


def attacked(
    real: TableLike, synthetic: TableLike, holdout: TableLike, columns: int = 1, attacks: int = 500
) -> SingledOut:
    found = singled_out(
        *aligned(real, synthetic, holdout).tables, columns=columns, attacks=attacks, rng=np.random.default_rng(0)
    )
    assert found is not None
    return found


def joined(one: dict[str, list[object]], other: dict[str, list[object]], first: int) -> dict[str, list[object]]:
    return {name: one[name][:first] + other[name][first:] for name in one}


def test_predicates_about_one_column_by_hand() -> None:
    """== 5, == 7, <= 1, >= 7 single out a synthetic row; 1 stands there twice, so that `<= 1` and `== 1` do not."""
    found = attacked({"x": [5, 5, 7, 9]}, {"x": [1, 1, 5, 7]}, {"x": [0, 1, 2, 7]})
    # of the real rows: == 5 two, == 7 one, >= 7 two; of the hold-out's: == 5 none, == 7 one, >= 7 one
    assert found == ((1, 3), (2, 3))


def test_a_single_missing_value_singles_out() -> None:
    names = {"x": ["a", "a", "b", "b", None]}
    assert attacked(names, names, {"x": ["a", "b", "b", "b", "b"]}) == ((1, 1), (0, 1))


def test_predicates_about_several_columns_by_hand() -> None:
    """The only row of town B: `x >= 9 and town == B`; of the others `x <= 1 and town == A` is true of three."""
    real = {"x": [1, 1, 1, 9, 9], "town": ["A", "A", "A", "A", "B"]}
    found = attacked(real, real, {"x": [9, 9, 9, 9, 1], "town": ["B", "B", "A", "A", "A"]}, columns=2)
    # x == 9, town A: `x >= 9 and town == A` is true of one real row and of two of the hold-out; B of one and of two
    assert found == ((2, 2), (0, 2))


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 4))
def test_counts_are_those_of_a_plain_loop(seed: int, width: int) -> None:
    rng = np.random.default_rng(seed)
    tables = aligned(people(60, seed), people(50, seed + 1)).tables
    ranks = _ranked(*tables)[1]
    columns = np.sort(rng.random((30, 4)).argsort(axis=1)[:, :width], axis=1)
    low = rng.integers(-1, 10, (30, width)).astype(np.int32)
    asked = _Predicates(columns, low, (low + rng.integers(0, 30, (30, width))).astype(np.int32))
    plain = [
        sum(
            all(lo <= ranks[column, row] <= hi for column, lo, hi in zip(*one, strict=True))
            for row in range(ranks.shape[1])
        )
        for one in zip(*asked, strict=True)
    ]
    assert _Ranks.of(ranks).counts(asked).tolist() == plain


def test_copies_are_singled_out_and_fresh_rows_are_not_more_than_others() -> None:
    real, made, held = (people(800, seed) for seed in (1, 2, 3))
    for columns in (1, 3):
        copied, clean = (attacked(real, one, held, columns) for one in (joined(real, made, 400), made))
        assert copied.attack.hits > 2 * copied.control.hits
        assert abs(clean.attack.hits - clean.control.hits) < 0.06 * clean.attack.of


def test_planted_unique_rows_are_singled_out() -> None:
    """Eight people with an income that nobody else has come out again."""
    real, made, held = (people(800, seed) for seed in (1, 2, 3))
    for place in range(8):
        real["income"][place] = made["income"][place] = 10**7 + place
    for table in (real, made, held):
        table["income"][8:] = [round(float(str(one)), -4) for one in table["income"][8:]]
    held["income"] = [round(float(str(one)), -4) for one in held["income"]]
    found = attacked(real, {"income": made["income"]}, held)
    assert found.attack.hits >= 8 > found.control.hits


def test_a_table_of_equal_rows_singles_out_nobody() -> None:
    same = {"x": [1] * 30, "y": ["a"] * 30}
    tables = aligned(same, same, same).tables
    for columns in (1, 2):
        assert singled_out(*tables, columns=columns, attacks=10, rng=np.random.default_rng(0)) is None


@pytest.mark.parametrize("rows", [150, 400, 6000])
def test_a_hold_out_of_another_size_is_brought_to_the_real_one(rows: int) -> None:
    """Of 150 rows as they are, predicates would single out a third as many as of the 1,500 real ones."""
    shares = []
    for seed in range(0, 50, 10):
        real, made, held = (people(count, seed + part) for part, count in enumerate((1500, 1500, rows)))
        found = attacked(real, made, held, columns=3, attacks=300)
        shares.append([one.hits / one.of for one in found])
        assert found.control.of == round(found.attack.of * min(1, rows / 1500))
        assert risk(*found).low <= chance(found.control, found.attack.of).high
    ours, theirs = np.mean(shares, axis=0)
    assert theirs == pytest.approx(ours, rel=0.3)


def test_the_correction_for_size_is_the_mean_over_all_weights() -> None:
    """∫ n w (1 - w)^(n-1) s exp(-s w) dw, by drawing the weights."""
    weights = np.random.default_rng(0).exponential(1 / 800, 400_000)
    chances = [float((size * weights * (1 - weights) ** (size - 1)).mean()) for size in (200, 1000)]
    assert _at_size(1, 200, 1000, 800) == pytest.approx(chances[1] / chances[0], rel=0.01)
    assert _at_size(7, 300, 300, 800) == 7


def test_the_order_of_rows_does_not_matter_to_all_predicates() -> None:
    tables: list[Table] = list(aligned(*(people(300, seed) for seed in (1, 2, 3))).tables)
    turned = [table.take(np.arange(300)[::-1]) for table in tables]
    ways = [singled_out(*one, columns=1, attacks=10**6, rng=np.random.default_rng(0)) for one in (tables, turned)]
    assert ways[0] == ways[1]
