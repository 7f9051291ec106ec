"""What is asked of columns is delivered to the row."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from regrowth.core.errors import SettingsError
from regrowth.domains.tables import Ordered, Promise, synthesise
from regrowth.domains.tables.conditions import shares_out

RNG = np.random.default_rng(1)
N = 800
SEX = RNG.choice(["f", "m"], N, p=[0.2, 0.8])
JOB = np.where(SEX == "f", RNG.choice(["a", "b"], N, p=[0.9, 0.1]), RNG.choice(["a", "b"], N, p=[0.1, 0.9]))
REAL = pa.table({"age": RNG.integers(18, 90, N), "sex": SEX, "job": JOB, "rooms": RNG.integers(1, 9, N)})


@given(weights=st.lists(st.integers(0, 50), min_size=1, max_size=8).filter(any), count=st.integers(1, 500))
def test_counts_add_up_and_are_within_one_of_the_shares(weights: list[int], count: int) -> None:
    shares = {float(place): weight / sum(weights) for place, weight in enumerate(weights)}
    counts = shares_out(shares, count)
    assert sum(counts.values()) == count
    assert all(abs(counts[value] - share * count) < 1 for value, share in shares.items())


def test_shares_of_two_columns_are_exact_and_keep_their_tie() -> None:
    asked = {"sex": {"f": 0.5, "m": 0.5}, "job": {"a": 0.5, "b": 0.5}}
    made = synthesise(REAL, 401, conditions=asked, seed=1).table
    for name, values in asked.items():
        counts = [made[name].to_pylist().count(value) for value in values]
        assert sorted(counts) == [200, 201]
    both = sum(one["sex"] == "f" and one["job"] == "a" for one in made.to_pylist())
    assert both > 160  # raked: 0.9 / 0.1 either way; 100 if the columns were dealt apart


def test_the_rest_follows_what_is_asked() -> None:
    jobs = synthesise(REAL, 300, conditions={"sex": "f"}, seed=1).table["job"].to_pylist()
    assert 0.82 < jobs.count("a") / 300 < 0.97


def test_shares_stay_exact_where_rows_are_refused() -> None:
    table = REAL.append_column("least", pa.array(RNG.integers(18, 60, N)))
    asked = {"sex": {"f": 0.25, "m": 0.75}, "rooms": 3}
    made = synthesise(table, 200, conditions=asked, constraints=[Ordered("least", "age")], seed=2)
    assert len(made.refused) > 20
    assert made.table["sex"].to_pylist().count("f") == 50
    assert set(made.table["rooms"].to_pylist()) == {3}


def test_bounds_of_a_number_hold() -> None:
    ages = synthesise(REAL, 300, conditions={"age": (30, 40)}).table["age"].to_numpy()
    assert ages.min() >= 30
    assert ages.max() <= 40
    assert len(set(ages.tolist())) > 8


def test_values_that_never_come_together_can_be_asked_for() -> None:
    table = pa.table({"a": ["x", "y"] * 50, "b": ["1x", "2y"] * 50, "n": list(range(50)) * 2})
    made = synthesise(table, 20, conditions={"a": "x", "b": "2y"}).table
    assert [(one["a"], one["b"]) for one in made.to_pylist()] == [("x", "2y")] * 20


def test_noisy_counts_deliver_shares_too() -> None:
    made = synthesise(
        REAL,
        100,
        how="private",
        promise=Promise(5, 1e-6),
        noise_seed=1,
        conditions={"sex": {"f": 0.5, "m": 0.5}, "age": (30, 40)},
    )
    assert made.table["sex"].to_pylist().count("f") == 50
    assert 30 <= min(made.table["age"].to_pylist()) <= max(made.table["age"].to_pylist()) <= 40


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"none": 1}, "'none' is no column that is drawn"),
        ({"sex": "x"}, "no category is 'x'. It has: f, m"),
        ({"sex": {"f": 0.5}}, "add up to 0.5; expected 1"),
        ({"sex": {"f": 1.5, "m": -0.5}}, "none below 0"),
        ({"sex": ("f", "m")}, "expected two bounds of a number"),
        ({"age": (40, 30)}, "the lower bound first"),
        ({"age": (200, 300)}, "no real age lies in"),
    ],
)
def test_what_cannot_be_asked_is_told(asked: dict[str, object], words: str) -> None:
    with pytest.raises(SettingsError, match=words):
        synthesise(REAL, 10, conditions=asked)
