"""Trees learn what ties columns together, and copy nobody's own number."""

import numpy as np
import pyarrow as pa
import pytest

from regrowth.domains.tables import synthesise, trees
from regrowth.domains.tables.schema import read
from regrowth.domains.tables.trees import Trees

RNG = np.random.default_rng


def people(count: int = 1500, seed: int = 0) -> pa.Table:
    rng = RNG(seed)
    age = rng.integers(18, 80, count)
    job = np.where(age > 60, "retired", rng.choice(["clerk", "cook"], count))
    pay = np.where(job == "retired", np.nan, age * 100 + (job == "clerk") * 3000 + rng.normal(0, 200, count).round(2))
    gain = np.where(rng.random(count) < 0.9, 0.0, rng.integers(1000, 90_000, count))
    return pa.table({"age": age, "job": job, "pay": pa.array(pay, from_pandas=True), "gain": gain})


REAL = people()


def test_rows_have_the_marginals_and_the_ties_of_the_real_ones() -> None:
    made = synthesise(REAL, 1500, seed=1).table
    assert made.schema == REAL.schema
    ages, real = made["age"].to_numpy(), REAL["age"].to_numpy()
    assert abs(ages.mean() - real.mean()) < 3 * real.std() / 1500**0.5 * 2**0.5
    jobs = np.array(made["job"].to_pylist())
    pay = made["pay"].to_numpy()
    assert (np.isnan(pay) == (jobs == "retired")).mean() > 0.99
    assert ((jobs == "retired") == (ages > 60)).mean() > 0.98
    there = ~np.isnan(pay)
    rest = pay[there] - 3000 * (jobs[there] == "clerk")
    assert np.corrcoef(rest, ages[there])[0, 1] > 0.95


def test_the_tie_is_learnt_not_built_in() -> None:
    apart = REAL.set_column(2, "pay", REAL["pay"].take(RNG(5).permutation(REAL.num_rows)))
    made = synthesise(apart, 1500, seed=1).table
    there = [(one["pay"], one["age"]) for one in made.to_pylist() if one["pay"] is not None]
    assert abs(np.corrcoef(np.array(there).T)[0, 1]) < 0.1


def test_rare_numbers_are_not_copied_and_common_ones_stay() -> None:
    made = synthesise(REAL, 1500, seed=2).table
    own = set(REAL["pay"].drop_null().to_pylist())
    copied = [value for value in made["pay"].drop_null().to_pylist() if value in own]
    assert len(copied) < 0.05 * 1500
    zeros = (made["gain"].to_numpy() == 0).mean()
    assert 0.87 < zeros < 0.93
    gains = made["gain"].to_numpy()
    assert gains[gains > 0].min() >= 1000
    assert gains.max() <= REAL["gain"].to_numpy().max()


def test_what_is_given_is_kept_and_the_rest_follows() -> None:
    _, rows = read(REAL)
    retired = rows["job"].labels.index("retired")
    learnt = Trees.learn(rows, ("job", "age", "pay", "gain"))
    made = learnt.draw({"job": np.full(400, retired, np.int32)}, 400, RNG(0))
    assert (made["job"] == retired).all()
    assert made["age"].min() > 60
    assert np.isnan(made["pay"]).all()


def test_equal_seeds_make_equal_rows() -> None:
    one, again, other = (synthesise(REAL, 50, seed=seed).table for seed in (3, 3, 4))
    assert one == again
    assert one != other


def test_small_and_odd_tables_go_through() -> None:
    one = synthesise(pa.table({"a": [1.5], "b": ["x"]}), 4).table
    assert one.to_pylist() == [{"a": 1.5, "b": "x"}] * 4
    constant = synthesise(pa.table({"a": [7] * 60, "b": [None, "x"] * 30}), 40, seed=1).table
    assert set(constant["a"].to_pylist()) == {7}
    assert set(constant["b"].to_pylist()) == {None, "x"}


def test_huge_numbers_go_through() -> None:
    table = pa.table({"a": [(-1.0) ** n * 10.0 ** (5 * n) for n in range(60)], "b": [n % 2 == 0 for n in range(60)]})
    made = synthesise(table, 100, seed=1, leaf=5).table.to_pylist()
    assert np.mean([(one["a"] > 0) == one["b"] for one in made]) > 0.85


def test_columns_of_many_labels_go_through() -> None:
    rng = RNG(0)
    city = rng.integers(0, 300, 3000)
    table = pa.table({"city": [f"c{n}" for n in city], "north": ["yes" if n < 150 else "no" for n in city]})
    for names in (["city", "north"], ["north", "city"]):
        made = synthesise(table.select(names), 800, seed=1, leaf=5).table
        right = [(int(row["city"][1:]) < 150) == (row["north"] == "yes") for row in made.to_pylist()]
        assert np.mean(right) > 0.8


def test_more_rows_than_are_learnt_from_are_sampled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trees, "MOST", 100)
    _, rows = read(people(300))
    learnt = Trees.learn(rows, ("age", "pay"))
    assert all(len(step.column) == 100 for step in learnt.steps)
    assert len(learnt.draw({}, 250, RNG(0))["pay"]) == 250
