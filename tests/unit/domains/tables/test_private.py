"""The promise: one row moves every count by one, noise is as strong as the budget says, nothing else is read."""

import math
from itertools import combinations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from regrowth.core.errors import SettingsError
from regrowth.domains.tables import Combinations, Determines, Promise, Range, synthesise
from regrowth.domains.tables import private as module
from regrowth.domains.tables.private import Grid, Network, declared, epsilon_of, rho_for
from regrowth.domains.tables.schema import read
from regrowth.metrics.columns import Table

RNG = np.random.default_rng


def phi(x: float) -> float:
    return math.erfc(-x / math.sqrt(2)) / 2


@pytest.mark.parametrize("rho", [0.001, 0.02, 0.3, 2.0])
@pytest.mark.parametrize("delta", [1e-9, 1e-5, 1e-2])
def test_epsilon_bounds_what_a_gaussian_mechanism_exactly_has(rho: float, delta: float) -> None:
    # Balle & Wang, 2018, arXiv:1805.06530, theorem 8: the exact delta of noise of a deviation at an epsilon.
    epsilon, sigma = epsilon_of(rho, delta), math.sqrt(1 / (2 * rho))
    exact = phi(1 / (2 * sigma) - epsilon * sigma) - math.exp(epsilon) * phi(-1 / (2 * sigma) - epsilon * sigma)
    assert exact <= delta
    less = 0.8 * epsilon
    exact = phi(1 / (2 * sigma) - less * sigma) - math.exp(less) * phi(-1 / (2 * sigma) - less * sigma)
    assert exact > delta / 10  # and no looser than it has to be


@given(st.floats(0.05, 20), st.floats(1e-10, 1e-2))
def test_the_budget_is_used_up_and_not_overdrawn(epsilon: float, delta: float) -> None:
    spent = epsilon_of(rho_for(Promise(epsilon, delta)), delta)
    assert spent <= epsilon
    assert spent > 0.999 * epsilon


def test_noise_has_the_deviation_that_its_budget_says() -> None:
    noise = module._noisy(np.zeros(20_000), 0.02, RNG(0))
    assert noise.std() == pytest.approx(5.0, rel=0.03)
    assert noise.mean() == pytest.approx(0.0, abs=0.15)


def test_all_budgets_add_up(monkeypatch: pytest.MonkeyPatch) -> None:
    spent = list[float]()
    noisy, chosen = module._noisy, module._chosen

    def counting_noise(counts: object, rho: float, rng: np.random.Generator) -> object:
        spent.append(rho)
        return noisy(counts, rho, rng)  # type: ignore[arg-type]

    def counting_choice(cells: dict[str, object], single: object, rho: float, rng: np.random.Generator) -> object:
        spent.extend([rho] * (len(cells) - 1))
        return chosen(cells, single, rho, rng)  # type: ignore[arg-type]

    monkeypatch.setattr(module, "_noisy", counting_noise)
    monkeypatch.setattr(module, "_chosen", counting_choice)
    schema, rows = read(table(200))
    Network.learn(rows, schema, Promise(1.0, 1e-6), RNG(0))
    assert math.fsum(spent) == pytest.approx(rho_for(Promise(1.0, 1e-6)))
    assert len(spent) == 4 + 2 * 3


def table(count: int = 3000, seed: int = 0) -> pa.Table:
    rng = RNG(seed)
    one = rng.integers(0, 4, count)
    other = np.where(rng.random(count) < 0.9, one, rng.integers(0, 4, count))
    pay = np.where(rng.random(count) < 0.5, 0, one * 1000 + rng.integers(0, 500, count))
    return pa.table({"a": [f"a{n}" for n in one], "b": [f"b{n}" for n in other], "pay": pay, "free": rng.random(count)})


@given(st.lists(st.tuples(*[st.integers(0, 2)] * 3), min_size=2, max_size=30), st.tuples(*[st.integers(0, 2)] * 3))
def test_one_more_row_moves_each_score_and_each_table_by_one(
    rows: list[tuple[int, int, int]], more: tuple[int, int, int]
) -> None:
    sums = {name: np.array([3.0, 1.5, 2.0]) for name in "abc"}  # noisy, so known already

    def scores(given: list[tuple[int, int, int]]) -> dict[tuple[str, str], float]:
        cells = dict(zip("abc", np.array(given).T, strict=True))
        found = {}
        for one, other in combinations("abc", 2):
            counts = module._counts(cells[one], cells[other], 3, 3)
            assert counts.sum() == len(given)
            found[one, other] = module._score(counts, sums[one], sums[other])
        return found

    before, after = scores(rows), scores([*rows, more])
    assert all(abs(before[pair] - after[pair]) <= 1 + 1e-9 for pair in before)


def test_a_row_cannot_be_told_from_its_absence_beyond_the_promise() -> None:
    """Attack the release itself: how often does a count betray the one row that has a rare label?"""
    labels = ["x"] * 30 + ["y"] * 30
    domain = {"a": ("x", "y", "rare")}

    def seen(with_it: bool, epsilon: float) -> float:
        rows = pa.table({"a": [*labels, "rare"] if with_it else [*labels, "x"][:-1], "b": [1.5] * (60 + with_it)})
        schema, real = declared(*read(rows), domain)
        promise, rng = Promise(epsilon, 1e-3), RNG(7 + with_it)
        return float(np.mean([Network.learn(real, schema, promise, rng).single["a"][2] > 0.5 for _ in range(1500)]))

    slack = 4 * math.sqrt(0.25 / 1500)
    p, q = seen(True, 0.5), seen(False, 0.5)
    assert p <= math.exp(0.5) * q + 1e-3 + slack
    assert seen(True, 60.0) > math.exp(0.5) * seen(False, 60.0) + 1e-3 + slack  # the attack does see what is not hidden


def test_with_little_noise_the_ties_are_those_of_the_real_rows() -> None:
    made = synthesise(table(), 3000, how="private", promise=Promise(200, 1e-6), seed=1, noise_seed=1).table.to_pylist()
    assert 0.88 < np.mean([one["a"][1] == one["b"][1] for one in made]) < 0.97
    assert 0.46 < np.mean([one["pay"] == 0 for one in made]) < 0.54
    high = [one["pay"] for one in made if one["a"] == "a3" and one["pay"] > 0]
    assert np.mean(high) > 2500


def test_with_much_noise_the_ties_are_gone() -> None:
    made = synthesise(
        table(300), 1000, how="private", promise=Promise(0.01, 1e-6), seed=1, noise_seed=1
    ).table.to_pylist()
    assert np.mean([one["a"][1] == one["b"][1] for one in made]) < 0.6


def test_noise_comes_from_chance_unless_it_is_given_a_number() -> None:
    made = [
        synthesise(table(200), 50, how="private", promise=Promise(1, 1e-6), noise_seed=seed).table
        for seed in (None, None, 5, 5)
    ]
    assert made[0] != made[1]
    assert made[2] == made[3]


def test_nothing_but_what_is_public_shapes_the_cells() -> None:
    one, other = (
        read(pa.table({"n": [0, 1000, *rest], "k": ["a", "b", "a", "b"]}))[0] for rest in ([5, 7], [500, 999])
    )
    assert np.array_equal(Grid.of(one.shapes["n"]).low, Grid.of(other.shapes["n"]).low)


@given(
    st.lists(st.one_of(st.none(), st.floats(-50, 50)), min_size=1, max_size=40).filter(
        lambda v: any(x is not None for x in v)
    )
)
def test_values_come_back_within_their_cell(values: list[float | None]) -> None:
    schema, rows = read({"n": values}, {"n": "number"})
    grid = Grid.of(schema.shapes["n"])
    cells = grid.cells(rows["n"].values)
    made = grid.values(cells, RNG(0))
    assert (cells < grid.size).all()
    assert np.array_equal(grid.cells(made), cells) or schema.shapes["n"].decimals is not None
    assert np.array_equal(np.isnan(made), np.isnan(rows["n"].values))


def test_labels_and_bounds_can_be_declared_and_identifiers_give_nothing_away() -> None:
    real = pa.table({"id": [f"Q{n:03d}" for n in range(40)], "age": [20, 20, *range(22, 60)], "job": ["a", "b"] * 20})
    made = synthesise(
        real,
        200,
        how="private",
        promise=Promise(1, 1e-6),
        domain={"age": (0, 120), "job": ("a", "c")},
        seed=1,
        noise_seed=1,
    ).table
    assert made["id"].to_pylist() == [str(n) for n in range(1, 201)]
    assert set(made["job"].to_pylist()) <= {"a", "c", None}
    assert 0 <= min(made["age"].to_pylist()) <= max(made["age"].to_pylist()) <= 120
    assert max(made["age"].to_pylist()) > 60
    with pytest.raises(SettingsError, match="no column that is drawn"):
        synthesise(real, 1, how="private", promise=Promise(1, 1e-6), domain={"id": ("a",)})


@pytest.mark.parametrize("rule", [Combinations(("a", "b")), Determines(("a",), "b")])
def test_constraints_that_are_read_off_the_rows_are_refused(rule: Combinations | Determines) -> None:
    with pytest.raises(SettingsError, match="breaks the promise"):
        synthesise(table(50), 5, how="private", promise=Promise(1, 1e-6), constraints=[rule])
    made = synthesise(
        table(500), 20, how="private", promise=Promise(1, 1e-6), constraints=[Range("pay", 0, 2000)], noise_seed=1
    )
    assert max(made.table["pay"].to_pylist()) <= 2000


def test_a_promise_belongs_to_private_alone() -> None:
    with pytest.raises(SettingsError, match="needs promise"):
        synthesise(table(50), 5, how="private")
    with pytest.raises(SettingsError, match="nothing else takes one"):
        synthesise(table(50), 5, promise=Promise(1, 1e-6))
    with pytest.raises(SettingsError, match="expected above 0"):
        Promise(0, 1e-6)


def test_projected_counts_add_up_and_are_the_nearest() -> None:
    counts = np.array([[5.0, -3.0], [0.5, 7.0]])
    made = module._projected(counts, 10.0)
    assert made.sum() == pytest.approx(10.0)
    assert made.min() >= 0
    assert made.tolist() == [[4.0, 0.0], [0.0, 6.0]]


def test_a_table_of_one_column_goes_through() -> None:
    schema, rows = read({"a": ["x", "y"] * 30})
    assert isinstance(rows, Table)
    network = Network.learn(rows, schema, Promise(3, 1e-6), RNG(0))
    assert len(network.draw({}, 9, RNG(1))["a"]) == 9
