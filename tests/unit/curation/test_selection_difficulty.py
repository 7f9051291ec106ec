"""Difficulty: pass rates from what the recipes keep, nothing that is always or never solved, hardest first."""

import random
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from regrowth.core.dataset import DatasetWriter, Entry
from regrowth.core.record import Record
from regrowth.curation.selection.difficulty import (
    Solved,
    balanced,
    band,
    hardest,
    judged,
    noted,
    pass_rate,
    rewarded,
    teachable,
)


def problem(number: int, rate: float | None) -> Record:
    return Record.of(f"problem {number}") if rate is None else Record.of(f"problem {number}", pass_rate=rate)


def problems(rates: list[float | None]) -> list[Record]:
    return [problem(number, rate) for number, rate in enumerate(rates)]


POOL = problems([*[0.0] * 10, *[0.25] * 5, *[0.5] * 20, *[0.75] * 40, *[1.0] * 60, None, None])


def test_rates_are_read_from_a_dataset_and_its_ledger(tmp_path: Path) -> None:
    first, second, third = (Record.of(f"problem {number}") for number in range(3))
    right = [first.derive(response=f"right {number}") for number in range(2)]
    with DatasetWriter(tmp_path / "answers") as writer:
        for one in right:
            writer.accept(one, {})
        for record, outcome, gate in (
            (first.derive(response="wrong"), "rejected", "verified"),
            (first.derive(response="right 0 "), "rejected", "duplicate"),  # right, but there already
            (second.derive(response="wrong"), "rejected", "verified"),
            (second.derive(response="too long"), "rejected", "length"),  # nobody looked whether it is right
            (second.derive(response="?"), "failed", "verified"),
            (third, "failed", "work"),
        ):
            writer.refuse(Entry(record, {}, outcome, gate, "…"))
        data = writer.publish()
    found = judged(data)
    assert found == {first.id: Solved(3, 4), second.id: Solved(0, 1)}
    known = noted([first, second, third, right[0]], found)
    assert [pass_rate(one) for one in known] == [0.75, 0.0, None, 0.75]
    assert known[0].id == first.id  # scores are no part of the identity
    assert known[2] is third


def test_rates_are_read_from_rewarded_replies() -> None:
    one = Record.of("problem")
    replies = [one.derive(response=str(number)).scored(judged=value) for number, value in enumerate((1, 0, 1, 0.5))]
    found = rewarded([*replies, one.derive(response="unknown"), Record.of("no parents").scored(judged=1)])
    assert found == {one.id: Solved(2, 4)}
    assert rewarded(replies, least=0.5)[one.id].rate == 0.75


def test_what_is_always_or_never_solved_is_left_out_with_its_reason() -> None:
    found = teachable(POOL)
    assert Counter(pass_rate(one) for one in found.chosen) == {0.25: 5, 0.5: 20, 0.75: 40}
    assert Counter(one.reason for one in found.examination.findings) == {
        "solved in 0% of the draws: too seldom to learn from": 10,
        "solved in 100% of the draws: too often to learn from": 60,
        "its pass rate is not known": 2,
    }
    assert Counter(pass_rate(one) for one in teachable(POOL, above=0.3, below=0.6).chosen) == {0.5: 20}


def test_bands_part_the_rates_and_can_be_balanced() -> None:
    assert [band(rate) for rate in (None, 0, 0.1, 1 / 3, 0.5, 2 / 3, 0.9, 1)] == [
        "unknown", "never", "hard", "middle", "middle", "easy", "easy", "always",
    ]  # fmt: skip
    found = balanced(POOL, 30, {"hard": 1, "middle": 1, "easy": 1})
    assert Counter(band(pass_rate(one)) for one in found.chosen) == {"hard": 5, "middle": 10, "easy": 10}
    assert [(one.value, one.missing) for one in found.coverage.short] == [("hard", 5)]
    filled = balanced(POOL, 30, {"hard": 1, "middle": 1, "easy": 1}, short="fill")
    assert len(filled.chosen) == 30
    assert {one.attribute for one in filled.coverage.groups} == {"difficulty"}


def test_hardest_come_first() -> None:
    found = hardest(POOL, 30)
    assert [pass_rate(one) for one in found.chosen] == [0.25] * 5 + [0.5] * 20 + [0.75] * 5
    assert [pass_rate(one) for one in hardest(POOL, 12, never=True).chosen] == [0.0] * 10 + [0.25] * 2
    reasons = Counter(one.reason for one in found.examination.findings)
    assert reasons["never solved"] == 10
    assert reasons["solved in 75% of the draws: 30 that are as hard or harder were wanted"] == 35


@given(st.lists(st.none() | st.floats(0, 1), max_size=30), st.integers(0, 40), st.integers(0, 3))
def test_the_order_of_the_records_does_not_matter(rates: list[float | None], count: int, seed: int) -> None:
    records = problems(rates)
    other = random.Random(seed).sample(records, len(records))
    assert teachable(records) == teachable(other)
    assert hardest(records, count, seed=seed) == hardest(other, count, seed=seed)
    assert balanced(records, count, "found", seed=seed) == balanced(other, count, "found", seed=seed)
    assert len(hardest(records, count).chosen) == min(count, sum(bool(rate) for rate in rates))


@pytest.mark.parametrize("value", ["0.5", None, True, float("nan"), 1.5, -1, [1], {"a": 1}])
def test_what_is_no_rate_is_not_known(value: object) -> None:
    assert pass_rate(Record(messages=(), attributes={"pass_rate": value})) is None
