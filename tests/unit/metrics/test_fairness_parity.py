"""Parity of predictions and outcomes: fairlearn's numbers, detectors, nulls, models trained on synthetic rows."""

import json
import random
import time
from pathlib import Path

import numpy as np
import pytest

from regrowth.core.errors import DataError
from regrowth.metrics.columns import Table, aligned
from regrowth.metrics.fairness import fairness
from regrowth.metrics.fairness.downstream import downstream
from regrowth.metrics.fairness.groups import Groups
from regrowth.metrics.fairness.parity import outcomes, parity
from regrowth.metrics.reading import Reading, measures

GOLDEN = json.loads((Path(__file__).parents[2] / "golden" / "fairness.json").read_text("utf-8"))
ODDS = ("equalised_odds_difference", "equalised_odds_ratio")


def whole(readings: list[Reading]) -> dict[str, Reading]:
    return {one.measure: one for one in readings if " = " not in one.of}


@pytest.mark.parametrize("case", GOLDEN["parity"], ids=lambda case: case["name"])
def test_parity_equals_fairlearn(case: dict[str, object]) -> None:
    groups = Groups.of("g", case["group"])  # type: ignore[arg-type]
    found = whole(parity(case["truth"], case["said"], groups, draws=50))  # type: ignore[arg-type]
    for name, value in case["values"].items():  # type: ignore[attr-defined]
        if case["name"] == "one group never right" and name in ODDS:
            continue
        assert found[name].estimate.value == pytest.approx(value, abs=1e-6)


def test_a_group_without_a_rate_is_left_out_where_fairlearn_counts_zero() -> None:
    case = next(one for one in GOLDEN["parity"] if one["name"] == "one group never right")
    rows = [(t, s, g) for t, s, g in zip(case["truth"], case["said"], case["group"], strict=True)]
    rate = {
        (g, t): np.mean([s for truth, s, group in rows if group == g and truth == t])
        for g in ("g0", "g1", "g2")
        for t in (0, 1)
        if any(group == g and truth == t for truth, _, group in rows)
    }
    assert ("g2", 1) not in rate
    by_hand = max(np.ptp([v for (_, t), v in rate.items() if t == kind]) for kind in (0, 1))
    found = whole(parity(case["truth"], case["said"], Groups.of("g", case["group"]), draws=50))[ODDS[0]]
    assert found.estimate.value == pytest.approx(float(by_hand))
    assert found.estimate.value < case["values"][ODDS[0]] - 0.05
    assert "no true yes, so no rate: g2" in found.note


def drawn(rng: random.Random, n: int, bias: float) -> tuple[list[bool], list[bool], Groups]:
    group = rng.choices("ab", k=n)
    truth = [rng.random() < 0.4 for _ in group]
    said = [rng.random() < (0.7 if t else 0.2) + (bias if g == "a" else 0) for t, g in zip(truth, group, strict=True)]
    return truth, said, Groups.of("g", group)


def test_a_bias_is_found_and_a_fair_judge_is_not() -> None:
    rng = random.Random(3)
    alarms = sum(any(one.worse for one in parity(*drawn(rng, 400, 0), draws=200, seed=seed)) for seed in range(60))
    assert alarms <= 1
    found = {one.measure for one in parity(*drawn(rng, 800, 0.25)) if one.worse}
    assert found == {"demographic_parity_difference", "demographic_parity_ratio", *ODDS}


def test_a_bias_within_equal_selection_is_found_by_odds_alone() -> None:
    truth, said, labels = [], [], []
    for group, hits in (("a", (90, 10)), ("b", (10, 90))):  # a: right always, b: the wrong ones; both select a half
        truth += [True] * 100 + [False] * 100
        said += [True] * hits[0] + [False] * (100 - hits[0]) + [True] * hits[1] + [False] * (100 - hits[1])
        labels += [group] * 200
    found = whole(parity(truth, said, Groups.of("g", labels)))
    assert found["demographic_parity_difference"].estimate.value == 0
    assert found["equalised_odds_difference"].estimate.value == pytest.approx(0.8)
    assert {name for name, one in found.items() if one.worse} == set(ODDS)


def test_the_order_of_rows_does_not_matter_and_intervals_cover() -> None:
    rng, inside = random.Random(5), 0
    for seed in range(100):
        truth, said, groups = drawn(rng, 300, 0.15)
        found = whole(parity(truth, said, groups, draws=200, seed=seed))["demographic_parity_difference"].estimate
        inside += found.low <= 0.15 <= found.high
    assert inside >= 93
    order = rng.sample(range(300), 300)
    moved = Groups(groups.name, groups.labels, groups.places[order])
    again = parity([truth[one] for one in order], [said[one] for one in order], moved, draws=200, seed=99)
    assert again == parity(truth, said, groups, draws=200, seed=99)


def test_ratios_that_do_not_exist_are_not_told_and_bad_input_is() -> None:
    groups = Groups.of("g", ["a", "a", "b", "b"])
    found = whole(parity([True, False] * 2, [False] * 4, groups))
    assert "demographic_parity_ratio" not in found
    assert found["demographic_parity_difference"].estimate.value == 0
    with pytest.raises(DataError, match="1 group with rows"):
        parity([True], [True], Groups.of("g", ["a"]))
    with pytest.raises(DataError, match="2 truths, 1 predictions, 4 rows"):
        parity([True, False], [True], groups)


def test_outcomes_are_shares_or_means_and_a_gap_is_found() -> None:
    rng = random.Random(7)
    labels = rng.choices("abc", k=600)
    refused = [rng.random() < {"a": 0.1, "b": 0.1, "c": 0.3}[one] for one in labels]
    graded = [rng.gauss(3 + (one == "c"), 1) for one in labels]
    even = [rng.gauss(3, 1) for _ in labels]
    groups = Groups.of("g", labels)
    assert whole(outcomes("refused", refused, groups))["group_outcome_gap"].worse
    assert whole(outcomes("grade", graded, groups))["group_outcome_gap"].worse
    assert not whole(outcomes("grade", even, groups))["group_outcome_gap"].worse
    first = outcomes("refused", refused, groups)[0]
    count = sum(one for one, label in zip(refused, labels, strict=True) if label == "a")
    assert (first.of, first.estimate.n) == ("refused, g = a", labels.count("a"))
    assert first.estimate.value == pytest.approx(count / labels.count("a"))


def test_missing_outcomes_and_a_group_of_one_are_told_not_hidden() -> None:
    groups = Groups.of("g", ["a"] * 5 + ["b"] * 5 + ["c"])
    values = [1.0, 2.0, 3.0, 4.0, float("nan"), 2.0, 3.0, 4.0, 5.0, 6.0, 9.5]
    found = outcomes("grade", values, groups)
    lone = next(one for one in found if one.of == "grade, g = c")
    assert (lone.estimate.value, lone.estimate.low, lone.estimate.high) == (9.5, 1.0, 9.5)
    assert "single row" in lone.note
    gap = whole(found)["group_outcome_gap"]
    assert gap.estimate.value == pytest.approx(4 - 2.5)
    assert "a (4)" in gap.note
    assert [one.measure for one in outcomes("grade", [1.5, 2.5], Groups.of("g", ["a", "b"]))] == ["group_outcome"] * 2
    assert [one.measure for one in outcomes("yes", [True, False], Groups.of("g", ["a", "a"]))] == ["group_outcome"]
    with pytest.raises(DataError, match="no row that belongs to a group has a value"):
        outcomes("grade", [float("nan"), 1.0], Groups.of("g", ["a", None]))


def test_outcomes_of_a_table_name_the_category_that_counts() -> None:
    rows = aligned({"sex": ["f", "m"] * 20, "income": ["<=50K", "<=50K", "<=50K", ">50K"] * 10}).tables[0]
    found = [one for one in fairness(rows, ["sex"], outcomes=["income"]) if one.measure == "group_outcome"]
    assert {one.of: one.estimate.value for one in found} == {
        "income = >50K, sex = f": 0.0,
        "income = >50K, sex = m": 0.5,
    }
    with pytest.raises(DataError, match="There is no column 'joy'"):
        fairness(rows, ["sex"], outcomes=["joy"])


def test_a_million_rows_take_seconds() -> None:
    rng = np.random.default_rng(0)
    groups = Groups("g", ("a", "b"), rng.integers(0, 2, size=10**6))
    start = time.process_time()
    parity(rng.random(10**6) < 0.5, rng.random(10**6) < 0.5, groups)
    outcomes("x", rng.normal(size=10**6), groups)
    assert time.process_time() - start < 6


def world(rng: np.random.Generator, n: int, *, drop: float = 0.0) -> dict[str, list[object]]:
    """Draw people; with `drop`, a share of the women with a high income is missing."""
    sex = rng.choice(["f", "m"], size=2 * n)
    skill = rng.normal(size=2 * n)
    high = skill + rng.normal(size=2 * n) * 0.5 > 0.3
    kept = np.flatnonzero(~((sex == "f") & high & (rng.random(2 * n) < drop)))[:n]
    noise = rng.choice(["x", "y", "z"], size=2 * n)
    return {
        "sex": list(sex[kept]),
        "skill": [float(one) if one > -2 else None for one in skill[kept]],
        "noise": list(noise[kept]),
        "income": [("high" if one else "low") for one in high[kept]],
    }


def tables(drop: float, seed: int = 0) -> tuple[Table, Table, Table]:
    rng = np.random.default_rng(seed)
    real, ours, test = aligned(world(rng, 1200), world(rng, 1200, drop=drop), world(rng, 1500)).tables
    return real, ours, test


def test_models_of_skewed_rows_are_unfairer_and_those_of_honest_rows_are_not() -> None:
    honest, skewed = (
        whole(downstream(*tables(drop, 1), "income", ["sex"], positive="high", fits=3)) for drop in (0.0, 0.9)
    )
    assert not any(one.worse for one in honest.values())
    assert skewed["demographic_parity_difference"].worse
    assert skewed["equalised_odds_shift"].worse
    assert skewed["equalised_odds_shift"].estimate.low > 0


def test_models_and_outcomes_do_not_depend_on_the_order_of_rows() -> None:
    real, ours, test = tables(0.5)
    rng = np.random.default_rng(9)
    moved = [one.take(rng.permutation(one.rows)) for one in (real, ours, test)]
    first = downstream(real, ours, test, "income", ["sex"], positive="high", fits=2)
    assert downstream(*moved, "income", ["sex"], positive="high", fits=2) == first  # type: ignore[arg-type,call-arg,misc]
    groups, values = Groups.of("g", list("aabbb") * 9), list(rng.normal(size=45))
    order = rng.permutation(45)
    shuffled = Groups(groups.name, groups.labels, groups.places[order])
    assert outcomes("x", [values[one] for one in order], shuffled) == outcomes("x", values, groups)


def test_every_reading_is_told_in_the_catalogue_and_within_its_bounds() -> None:
    real, ours, test = tables(0.5)
    found = fairness(
        ours, ["sex", "noise"], {"sex": {"f": 1, "m": 1}}, real=real, test=test, outcomes=["skill", "income"],
        target="income", positive="high",
    )  # fmt: skip
    assert {one.of for one in found if " = " not in one.of} >= {"sex", "noise", "sex × noise", "skill, sex"}
    for one in found:
        low, high = measures()[one.measure].bounds
        assert low <= one.estimate.low <= one.estimate.value <= one.estimate.high <= high
        assert type(one.estimate.value) is type(one.estimate.low) is type(one.estimate.high) is float
        assert isinstance(one.worse, bool)


def test_what_cannot_be_foretold_is_told() -> None:
    real, ours, test = tables(0.0)
    with pytest.raises(DataError, match=r"expected a category with that value; its values: high, low"):
        downstream(real, ours, test, "income", ["sex"], positive="rich")
    with pytest.raises(DataError, match="it is a number"):
        downstream(real, ours, test, "skill", ["sex"], positive="1")
    with pytest.raises(DataError, match="also needs real="):
        fairness(ours, ["sex"], target="income", positive="high")
    poor = ours.take(np.flatnonzero(ours["income"].values == 1))
    with pytest.raises(DataError, match="are of one class"):
        downstream(real, poor, test, "income", ["sex"], positive="high", fits=1)
