"""Attacks through the nearest row: by hand, and against a plain search."""

import numpy as np
import pytest

from regrowth.metrics.columns import Kind, TableLike, aligned
from regrowth.metrics.leakage.tables import Space
from regrowth.metrics.privacy.neighbours import Approached, approached, guessed, nearest_distances, parted
from regrowth.metrics.privacy.risk import Successes


def met(
    targets: TableLike, synthetic: TableLike, halves: tuple[list[str], list[str]], secrets: list[str]
) -> Approached:
    tables = aligned(targets, synthetic).tables
    places = np.arange(tables[0].rows)
    return approached(Space.of(tables), targets=0, synthetic=1, places=places, halves=halves, secrets=secrets)


def right(kind: Kind, truths: list[object], said: list[object]) -> Successes:
    tables = aligned({"x": truths}, {"x": said}, kinds={"x": kind}).tables
    every = np.arange(len(truths))
    return guessed("x", tables[0], tables[1], every, every)


def test_both_halves_lead_to_one_row_or_not() -> None:
    made = {"a": [0, 10, 20], "b": [0, 10, 20], "c": ["x", "y", "z"]}
    found = met({"a": [1, 9], "b": [1, 19], "c": ["x", "y"]}, made, (["a"], ["b"]), ["c"])
    assert found.linked.tolist() == [True, False]
    assert found.guesses["c"].tolist() == [0, 1]  # 9 and 19: 1 + 9 from the second row, 11 + 1 from the third
    assert found.distances == pytest.approx([(1 / 20 + 1 / 20) / 3, (1 / 20 + 9 / 20) / 3])


def test_columns_in_neither_half_do_not_link_and_still_count() -> None:
    made = {"a": [0, 10], "b": [0, 10], "c": [10, 0]}
    found = met({"a": [0], "b": [0], "c": [0]}, made, (["a"], ["b"]), ["a"])
    assert found.linked.tolist() == [True]
    assert found.distances == pytest.approx([1 / 3])


def test_the_secret_itself_is_not_looked_at() -> None:
    made = {"a": [0.0, 10.0], "b": [0.0, 10.0], "job": ["none", "some"]}
    found = met({"a": [1.0], "b": [1.0], "job": ["some"]}, made, (["a"], ["b"]), ["job", "a"])
    assert found.guesses["job"].tolist() == [0]
    # without a: b is 1 of 10 off and the job another in row 0; 9 of 10 off and the same job in row 1
    assert found.guesses["a"].tolist() == [1]


def test_what_counts_as_a_right_guess() -> None:
    assert right("number", [100, 100, 100, None, None], [105, 106, 95, None, 5]) == (
        2,
        5,
    )  # 5 % of the guess: 5/95 is more
    assert right("number", [-100.0, 0.0, 100.0], [-104.0, 0.0, -100.0]) == (2, 3)
    assert right("category", ["a", None, "b"], ["a", None, "c"]) == (2, 3)
    days: list[object] = [np.datetime64(day, "us").item() for day in ("2020-01-01", "2020-01-02")]
    assert right("date", days, [days[0], days[0]]) == (1, 2)


def test_distances_of_targets_are_the_least_of_the_space() -> None:
    rng = np.random.default_rng(0)
    tables = aligned(*({"x": rng.random(90).tolist(), "y": rng.choice(["a", "b"], 90).tolist()} for _ in range(2)))
    space = Space.of(tables.tables)
    places = np.array([5, 80, 11])
    found = nearest_distances(space, 0, 1, places)
    assert found == pytest.approx(space.distances(0, 1)(np.arange(90)).min(axis=1)[places])


def test_halves_are_every_other_column() -> None:
    assert parted(["a", "b", "c"]) == (["a", "c"], ["b"])
