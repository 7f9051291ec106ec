"""Nearest records: the definitions by hand, copies found, independent records left in peace."""

import random
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from regrowth.core.errors import DataError
from regrowth.metrics.columns import TableLike, aligned
from regrowth.metrics.leakage.nearest import Nearness, nearness, table_nearness, text_nearness, text_repeats
from regrowth.metrics.leakage.tables import Places, Space, comparable, row_keys
from regrowth.seeds.tables import read_table
from support.data import shared_data
from support.people import people

TEXTS = st.lists(st.text(max_size=40), min_size=2, max_size=8)


def sentences(count: int, seed: int) -> list[str]:
    dice = random.Random(seed)
    vocabulary = [f"word{number}" for number in range(60)]
    return [" ".join(dice.choices(vocabulary, k=12)) for _ in range(count)]


def space_of(synthetic: TableLike, real: TableLike, *, ranks: bool = False) -> Space:
    own, made = aligned(real, synthetic).tables
    return Space.of((made, own), scale=(1,), ranks=ranks)


def measured(synthetic: TableLike, seeds: TableLike, holdout: TableLike, *, limit: int | None = None) -> Nearness:
    own, made, held = aligned(seeds, synthetic, holdout).tables
    return table_nearness(made, own, held, limit=limit)


def joined(*parts: dict[str, list[object]]) -> dict[str, list[object]]:
    return {name: [value for part in parts for value in part[name]] for name in parts[0]}


def cut(table: dict[str, list[object]], end: int) -> dict[str, list[object]]:
    return {name: values[:end] for name, values in table.items()}


def test_the_distance_of_rows_is_what_sdmetrics_computes_by_hand() -> None:
    real: dict[str, list[object]] = {"age": [20, 60, None, 40], "town": ["A", "B", "A", None]}
    space = space_of({"age": [30, 80, None], "town": ["A", "B", None]}, real)
    found = space.distances(0, 1)(np.arange(3))
    # |30-20|/40 = .25 and the same town; |30-60|/40 = .75 and another; a missing age 1; |30-40|/40 and no town
    assert found[0].tolist() == pytest.approx([0.125, 0.875, 0.5, 0.625])
    assert found[1].tolist() == pytest.approx([1.0, 0.25, 1.0, 1.0])  # 80 - 20 is more than the range: 1 at most
    assert found[2].tolist() == pytest.approx([1.0, 1.0, 0.5, 0.5])  # both missing is equal


def test_moments_of_one_second_in_a_century_are_not_equal() -> None:
    real: dict[str, list[object]] = {"time": [0, 3_200_000_000]}
    assert space_of({"time": [1, 0]}, real).distances(0, 1)(np.arange(1))[0, 0] > 0
    late: dict[str, list[object]] = {"time": [0, 3_199_999_999, 3_200_000_000]}
    assert (space_of(late, late).distances(0, 1)(np.arange(3)) == 0).tolist() == np.eye(3, dtype=bool).tolist()


def test_ranks_measure_the_share_of_real_values_between() -> None:
    real = {"x": [1.0, 2.0, 3.0, 1000.0]}
    space = space_of({"x": [1.0, 3.0]}, real, ranks=True)
    assert space.distances(0, 1)(np.arange(2))[0].tolist() == pytest.approx([0, 0.25, 0.5, 0.75])


def test_shares_and_ratios_by_hand() -> None:
    """d to the seeds, h to the hold-out: .0/.1 closer, .2/.2 even, .3/.1 farther; NNDR 0/.5, .2/.3 and .3/.8."""
    to_seeds = np.array([[0.0, 0.5], [0.2, 0.3], [0.8, 0.3]], np.float32)
    to_holdout = np.array([[0.1, 0.9], [0.2, 0.4], [0.1, 0.2]], np.float32)
    tables = {(0, 1): to_seeds, (0, 2): to_holdout}

    def between(one: int, other: int):  # type: ignore[no-untyped-def]
        found = tables.get((one, other), np.ones((2, 2), np.float32) - np.eye(2, dtype=np.float32) / 2)
        return lambda places: found[places].copy()

    found = nearness(3, 2, 2, between)
    assert found.synthetic.closer.value == pytest.approx((1 + 0.5 + 0) / 3)
    assert found.synthetic.ratio.value == pytest.approx((0 + 0.2 / 0.3 + 0.3 / 0.8) / 3)
    assert found.synthetic.identical.value == pytest.approx(1 / 3)
    assert found.nearest.tolist() == [0, 0, 1]
    assert found.distances.tolist() == pytest.approx([0, 0.2, 0.3])
    assert found.even == 0.5
    # the null: hold-out records are .5 from one seed and 1 from the other, and 1 from each other
    assert (found.null.closer.value, found.null.ratio.value, found.null.identical.value) == (1.0, 0.5, 0.0)


def test_the_cosine_distance_is_what_mostlyai_computes_by_hand() -> None:
    vectors = {"a": [1.0, 0.0], "b": [0.0, 2.0], "c": [3.0, 4.0]}
    found = text_nearness(["a", "c"], ["b", "c"], ["a", "b"], embed=lambda texts: [vectors[text] for text in texts])
    # a: cosines 0 and .6 with the seeds, 1 with the hold-out; c: 1 and .8 with the seeds, .6 and .8 with the hold-out
    assert found.distances.tolist() == pytest.approx([0.4, 0.0])
    assert found.synthetic.ratio.value == pytest.approx((0.4 / 1.0 + 0) / 2)
    assert found.synthetic.closer.value == pytest.approx((0 + 1) / 2)


def test_jaccard_by_hand() -> None:
    found = text_nearness(["a b c d", "x"], ["A, b c e!", "y z"], ["q", "x"], words=2)
    # {ab bc cd} and {ab bc ce}: 2 of 4 in common; "x" shares nothing with the seeds
    assert found.distances.tolist() == pytest.approx([0.5, 1.0])


@pytest.mark.parametrize("kind", ["texts", "tables"])
class TestOfBothKinds:
    def measured(self, kind: str, copies: int, count: int = 400) -> Nearness:
        if kind == "texts":
            seeds, holdout, fresh = (sentences(count, seed) for seed in (1, 2, 3))
            return text_nearness(seeds[:copies] + fresh[copies:], seeds, holdout, words=1)
        own, held, new = (people(count, seed) for seed in (1, 2, 3))
        return measured(joined(cut(own, copies), cut(new, count - copies)), own, held)

    def test_half_copies_are_a_share_of_three_quarters(self, kind: str) -> None:
        found = self.measured(kind, 200)
        assert found.synthetic.closer.low < 0.75 < found.synthetic.closer.high
        assert found.synthetic.identical.value >= 0.5
        assert found.fires == ("closer", "ratio", "identical")

    def test_copies_are_all_found(self, kind: str) -> None:
        found = self.measured(kind, 400)
        assert found.synthetic.identical.value == 1
        assert found.synthetic.closer.value > 0.98
        assert found.synthetic.closer.low < found.synthetic.closer.high  # an interval, also at the edge
        assert found.distances.max() == 0
        assert found.fires

    def test_independent_records_are_left_in_peace(self, kind: str) -> None:
        found = self.measured(kind, 0)
        assert found.synthetic.closer.low < 0.5 < found.synthetic.closer.high
        assert found.null.closer.low < 0.5 < found.null.closer.high
        assert not found.fires


def test_a_few_copies_are_found_by_being_equal_alone() -> None:
    seeds, holdout, fresh = (sentences(600, seed) for seed in (1, 2, 3))
    assert text_nearness(seeds[:12] + fresh[12:], seeds, holdout, words=3).fires == ("identical",)


def test_seeds_outnumbering_the_holdout_are_no_leak() -> None:
    found = text_nearness(sentences(300, 3), sentences(600, 1), sentences(200, 2), words=1)
    assert found.even == 0.75
    assert found.synthetic.closer.low < 0.75 < found.synthetic.closer.high
    assert not found.fires


def test_the_interval_is_as_wide_as_the_bootstrap_says() -> None:
    seeds, holdout, fresh = (sentences(300, seed) for seed in (1, 2, 3))
    synthetic = seeds[:90] + fresh[90:]
    found = text_nearness(synthetic, seeds, holdout, words=1).synthetic
    dice = np.random.default_rng(0)
    ones = round(found.identical.value * 300)
    drawn = dice.binomial(300, ones / 300, 4000) / 300
    low, high = np.percentile(drawn, [2.5, 97.5])
    assert (found.identical.low, found.identical.high) == pytest.approx((low, high), abs=0.012)
    assert found.closer.high - found.closer.low < 0.12


def test_blocks_do_not_reach_the_result(monkeypatch: pytest.MonkeyPatch) -> None:
    from regrowth.metrics.leakage import nearest, shingles

    whole = TestOfBothKinds().measured("texts", 50, 120)
    monkeypatch.setattr(nearest, "CELLS", 500)
    monkeypatch.setattr(shingles, "AT_ONCE", 7)
    assert TestOfBothKinds().measured("texts", 50, 120).synthetic == whole.synthetic


@settings(max_examples=60, deadline=None)
@given(TEXTS, TEXTS, TEXTS)
def test_whatever_the_texts_copies_lie_at_zero_and_shares_within_their_intervals(
    synthetic: Sequence[str], seeds: Sequence[str], holdout: Sequence[str]
) -> None:
    found = text_nearness([*synthetic, *seeds], seeds, holdout)
    assert not found.distances[len(synthetic) :].any()
    for one in (*found.synthetic, *found.null):
        assert 0 <= one.low <= one.value <= one.high <= 1


def test_what_cannot_be_compared_is_told() -> None:
    with pytest.raises(DataError, match="two of each"):
        text_nearness(["a", "b"], ["a"], ["b", "c"])
    with pytest.raises(DataError, match="two of each"):
        measured({"a": [1]}, {"a": [1, 2]}, {"a": [1, 2]})
    with pytest.raises(DataError, match="All columns are identifiers"):
        measured({"a": range(30)}, {"a": range(30)}, {"a": range(30)})
    with pytest.raises(DataError, match="shape"):
        text_nearness(["a", "b"], ["a", "c"], ["b", "c"], embed=lambda texts: [[1.0]])


def test_long_texts_take_time_in_proportion() -> None:
    line = "ab " * 300_000 + "\u200b" * 200_000 + "\ud800"
    found = text_nearness([line, "x y"], [line, "a"], ["b", "c"])
    assert found.synthetic.identical.value == 0.5


def test_flipped_rows_of_a_real_census_are_not_identical_and_still_closer() -> None:
    files = (f"tabular/census2k_{name}.csv.gz" for name in ("trn", "hol", "syn_flip30"))
    seeds, holdout, flipped = (read_table(shared_data(file)).slice(0, 500) for file in files)
    found = measured(flipped, seeds, holdout)
    assert found.synthetic.identical.value < 0.1
    assert "closer" in found.fires
    assert found.null.closer.low < 0.5 < found.null.closer.high


def test_the_order_of_words_counts() -> None:
    assert text_nearness(["a b", "b a"], ["a b", "x"], ["y", "z"], words=2).distances.tolist() == [0, 1]


def test_columns_of_every_kind_keep_copies_at_zero_and_nothing_else() -> None:
    real: dict[str, list[object]] = {
        "constant": [7, 7, 7, 7],
        "number": [1.5, None, 3.0, 3.0],
        "said": ["it is all the same to me", "no more of this I said", None, "so be it then my friend"],
        "flag": [True, False, None, True],
    }
    tables = comparable(aligned(real, cut(real, 3)).tables)
    found = Space.of(tables).distances(1, 0)(np.arange(3))
    assert (found == 0).tolist() == np.eye(3, 4, dtype=bool).tolist()
    assert row_keys(tables[1]).tolist() == row_keys(tables[0])[:3].tolist()
    other = {**cut(real, 3), "constant": [7, 8, None]}
    assert Space.of(aligned(real, other).tables).distances(1, 0)(np.arange(3)).min(axis=1) == pytest.approx(
        [0, 0.25, 0.25]
    )


def test_gaps_add_up_to_distances() -> None:
    space = Space.of(aligned(people(40, 1), people(30, 2)).tables)
    gaps = np.empty((len(space.columns), 40), np.float32)
    for place in range(30):
        space.gaps(1, 0, place, gaps)
        assert gaps.mean(axis=0) == pytest.approx(space.distances(1, 0)(np.array([place]))[0], abs=1e-6)


@pytest.mark.parametrize("kind", ["texts", "tables"])
def test_a_sample_says_the_same_and_how_large_it_is(kind: str) -> None:
    if kind == "texts":
        parts = [sentences(500, seed) for seed in (1, 2, 3)]
        found = text_nearness(parts[0][:250] + parts[2][250:], parts[0], parts[1], words=1, limit=200)
    else:
        own, held, new = (people(500, seed) for seed in (1, 2, 3))
        found = measured(joined(cut(own, 250), cut(new, 250)), own, held, limit=200)
    assert len(found.asked) == len(found.nearest) == len(set(found.asked.tolist())) == 200
    assert found.synthetic.closer.low < 0.75 < found.synthetic.closer.high
    copied = found.asked < 250
    assert (found.nearest[copied] == found.asked[copied]).all()
    assert (found.distances[copied] == 0).all()


def test_the_sample_leaves_each_record_out_of_its_own_neighbours() -> None:
    """Each seed occurs once: against the others its distance is never 0, wherever the sample falls."""
    texts = [f"{number} apples and {number} pears" for number in range(60)]
    made, real = text_repeats(texts, texts, words=1, limit=20)
    assert made.value == 0
    assert real.value > 0.9


def test_records_that_share_a_neighbour_count_as_one() -> None:
    """400 queries of two seeds: the share can be 0, a half or 1, so its interval has to be wide."""

    def between(one: int, other: int):  # type: ignore[no-untyped-def]
        def distances(places: Places):  # type: ignore[no-untyped-def]
            near = np.array([[0.1, 0.9], [0.9, 0.1]], np.float32)[places % 2]
            return near if other == 1 else np.full((len(places), 2), 0.5, np.float32)

        return distances

    found = nearness(400, 2, 2, between).synthetic.closer
    assert (found.value, found.n) == (1.0, 2)
    assert found.low < 0.5


NUMBERS = st.none() | st.integers(-(10**6), 10**6) | st.floats(allow_infinity=False)
NAMES = st.none() | st.text(max_size=3)
ROWS = st.lists(st.tuples(NUMBERS, NAMES, st.booleans(), st.floats(-1e9, 1e9)), min_size=2, max_size=6)


@settings(max_examples=80, deadline=None)
@given(ROWS, ROWS, ROWS, st.booleans())
def test_whatever_the_cells_copies_lie_at_zero(
    synthetic: Sequence[object], seeds: Sequence[object], holdout: Sequence[object], ranks: bool
) -> None:
    def columns(rows: Sequence[object]) -> dict[str, list[object]]:
        return dict(zip("abcd", map(list, zip(*rows, strict=True)), strict=True))

    own, made, held = aligned(columns(seeds), columns([*synthetic, *seeds]), columns(holdout)).tables
    found = table_nearness(made, own, held, ranks=ranks)
    assert not found.distances[len(synthetic) :].any()
    assert found.distances.max() <= 1 + 1e-6
