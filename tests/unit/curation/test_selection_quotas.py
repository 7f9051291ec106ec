"""Quotas: exact sizes, quotas met or reported, no dependence on the order; whole numbers that add up."""

import math
import random
from collections import Counter
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from regrowth.core.errors import DataError, SettingsError
from regrowth.core.record import Record
from regrowth.curation.findings import parted
from regrowth.curation.selection.choosing import best
from regrowth.curation.selection.coverage import Coverage, distance
from regrowth.curation.selection.quotas import Short, by_quota, covered
from regrowth.curation.selection.shares import Margin, apportioned, raked


def pool(counts: dict[tuple[str, str], int]) -> list[Record]:
    return [
        Record.of(f"{domain} {language} {number}", domain=domain, language=language, number=number)
        for (domain, language), count in counts.items()
        for number in range(count)
    ]


def by(name: str, records: Sequence[Record]) -> Counter[str]:
    return Counter(str(record[name]) for record in records)


SKEWED = pool({("maths", "en"): 60, ("maths", "de"): 20, ("code", "en"): 15, ("code", "de"): 5, ("law", "de"): 2})

names = st.sampled_from("abcdef")
weights = st.dictionaries(names, st.just(0.0) | st.floats(1e-6, 10), min_size=1).filter(
    lambda found: sum(found.values()) > 1e-6
)
tables = st.dictionaries(st.tuples(st.sampled_from("abc"), st.sampled_from("xyz")), st.integers(0, 12), min_size=1)


# Whole numbers -------------------------------------------------------------------------------------------------------


def test_shares_are_rounded_by_largest_remainder() -> None:
    assert apportioned({"a": 1, "b": 2}, 10) == {"a": 3, "b": 7}
    assert apportioned({"a": 1, "b": 1, "c": 1}, 10) == {"a": 4, "b": 3, "c": 3}
    assert apportioned({"a": 1, "b": 2}, 10, {"b": 4}) == {"a": 6, "b": 4}
    assert apportioned({"a": 1, "b": 2}, 10, {"a": 3, "b": 4}) == {"a": 3, "b": 4}
    assert apportioned({"a": 0, "b": 2}, 10, {"a": 30, "b": 4}) == {"a": 0, "b": 4}
    assert apportioned({}, 0) == {}


@given(weights, st.integers(0, 500))
def test_whole_numbers_add_up_and_stay_within_one_of_their_share(shares: dict[str, float], total: int) -> None:
    found = apportioned(shares, total)
    assert sum(found.values()) == total
    for name, share in shares.items():
        assert abs(found[name] - share / math.fsum(shares.values()) * total) < 1 + 1e-6


@given(weights, st.integers(0, 500), st.dictionaries(names, st.integers(0, 80)))
def test_bounds_hold_and_the_rest_goes_to_the_others(
    shares: dict[str, float], total: int, most: dict[str, int]
) -> None:
    found = apportioned(shares, total, most)
    assert all(count <= most.get(name, math.inf) for name, count in found.items())
    assert all(not found[name] for name, share in shares.items() if not share)
    room = sum(most.get(name, math.inf) for name, share in shares.items() if share)
    assert sum(found.values()) == min(total, room)


@pytest.mark.parametrize(
    "shares", [{"a": -1.0}, {"a": math.nan}, {"a": math.inf}, {"a": 0.0}, {}, {"a": 1.0, "b": 1e-300}]
)
def test_shares_that_say_nothing_are_refused(shares: dict[str, float]) -> None:
    with pytest.raises(SettingsError):
        apportioned(shares, 3)


@given(tables, st.integers(1, 60))
def test_raking_never_takes_more_than_there_is(table: dict[tuple[str, ...], int], total: int) -> None:
    first = Margin({cell: cell[0] for cell in table}, apportioned(dict.fromkeys("abc", 1.0), total))
    second = Margin({cell: cell[1] for cell in table}, apportioned(dict.fromkeys("xyz", 1.0), total))
    found = raked(table, [first, second])
    assert all(0 <= found[cell] <= table[cell] + 1e-9 for cell in table)


def test_raking_meets_both_margins_and_keeps_the_odds() -> None:
    table: dict[tuple[str, ...], int] = {("a", "x"): 400, ("a", "y"): 100, ("b", "x"): 200, ("b", "y"): 300}
    margins = [
        Margin({cell: cell[place] for cell in table}, wanted)
        for place, wanted in enumerate(({"a": 30, "b": 70}, {"x": 60, "y": 40}))
    ]
    found = raked(table, margins)
    assert found["a", "x"] + found["a", "y"] == pytest.approx(30, abs=1e-5)
    assert found["a", "x"] + found["b", "x"] == pytest.approx(60, abs=1e-5)
    odds = found["a", "x"] * found["b", "y"] / (found["a", "y"] * found["b", "x"])
    assert odds == pytest.approx(400 * 300 / (100 * 200), rel=1e-4)


# Quotas --------------------------------------------------------------------------------------------------------------


def test_a_group_that_is_short_is_reported_and_nothing_takes_its_place() -> None:
    found = by_quota(SKEWED, 30, {"domain": "equal"})
    assert by("domain", found.chosen) == {"maths": 10, "code": 10, "law": 2}
    worst = found.coverage.worst
    assert worst is not None
    assert (worst.value, worst.wanted, worst.available, worst.chosen, worst.missing) == ("law", 10, 2, 2, 8)
    assert found.coverage.short == (worst,)
    assert found.coverage.distances == {"domain": pytest.approx(1 / 3 - 2 / 22)}
    assert "law, 2 of 10 (2 there)" in str(found.coverage)


def test_other_groups_fill_up_where_that_is_asked_for_and_the_short_one_is_still_reported() -> None:
    found = by_quota(SKEWED, 30, {"domain": "equal"}, short="fill")
    assert by("domain", found.chosen) == {"maths": 14, "code": 14, "law": 2}
    assert [(one.value, one.wanted, one.chosen) for one in found.coverage.short] == [("law", 10, 2)]


def test_a_wanted_group_that_is_not_there_is_reported() -> None:
    found = by_quota(SKEWED, 30, {"domain": {"code": 1, "poetry": 1}})
    assert by("domain", found.chosen) == {"code": 15}
    assert [(one.value, one.missing) for one in found.coverage.short] == [("poetry", 15)]


def test_joint_and_marginal_quotas_are_met() -> None:
    joint = by_quota(SKEWED, 8, {("domain", "language"): {("maths", "de"): 3, ("code", "en"): 1}})
    assert Counter((one["domain"], one["language"]) for one in joint.chosen) == {("maths", "de"): 6, ("code", "en"): 2}
    both = by_quota(SKEWED, 20, {"domain": {"maths": 0.5, "code": 0.5}, "language": {"en": 0.6, "de": 0.4}})
    assert by("domain", both.chosen) == {"maths": 10, "code": 10}
    assert by("language", both.chosen) == {"en": 12, "de": 8}
    assert set(both.coverage.distances.values()) == {0.0}


def test_margins_that_contradict_what_there_is_are_reported() -> None:
    records = pool({("a", "x"): 10, ("b", "y"): 10})
    wanted = {"domain": {"a": 0.8, "b": 0.2}, "language": {"x": 0.2, "y": 0.8}}
    left = by_quota(records, 10, wanted)
    assert by("domain", left.chosen) == {"a": 2, "b": 2}  # no group gets more than was asked for
    assert sum(one.missing for one in left.coverage.short) == 12
    filled = by_quota(records, 10, wanted, short="fill")
    assert len(filled.chosen) == 10
    assert filled.coverage.short


def test_everybody_left_out_has_a_reason() -> None:
    found = by_quota(SKEWED, 4, {"domain": {"code": 1}})
    kept, refused = parted(SKEWED, found.examination)
    assert {one.id for one in kept} == {one.id for one in found.chosen}
    assert len(kept) + len(refused) == len(SKEWED) == found.examination.examined
    reasons = {entry.reason for entry in refused}
    assert "not wanted: none with domain = maths" in reasons
    assert "not drawn: 4 of 20 with domain = code were wanted" in reasons


def test_the_best_are_taken_within_each_group() -> None:
    found = by_quota(SKEWED, 6, {"domain": {"maths": 1, "code": 1}}, pick=best(lambda one: one["number"]))
    assert sorted(one["number"] for one in found.chosen if one["domain"] == "maths") == [57, 58, 59]
    with pytest.raises(DataError, match="no score"):
        by_quota(SKEWED, 6, {"domain": "equal"}, pick=best(lambda one: one.scores["quality"]))
    with pytest.raises(SettingsError, match="2 of 20 records asked for, 0 came"):
        by_quota(SKEWED, 6, {"domain": "equal"}, pick=lambda *_: [])


@settings(max_examples=60)
@given(
    tables,
    st.integers(0, 80),
    st.sampled_from(["equal", "found", {"a": 1, "b": 2, "z": 1}]),
    st.sampled_from(["equal", "found", {"x": 3, "y": 1}]),
    st.sampled_from(["leave", "fill"]),
    st.integers(0, 3),
)
def test_quotas_are_met_or_reported_in_any_order(
    table: dict[tuple[str, str], int], count: int, first: Any, second: Any, short: Short, seed: int
) -> None:
    records = pool(table)
    wanted = {"domain": first, "language": second}
    found = by_quota(records, count, wanted, seed=seed, short=short)
    shuffled = random.Random(seed).sample(records * 2, 2 * len(records))  # each twice: counts once
    assert by_quota(shuffled, count, wanted, seed=seed, short=short) == found
    assert len(found.chosen) == len({one.id for one in found.chosen}) <= min(count, len(records))
    assert len(found.chosen) + len(found.examination.findings) == len(records)
    for name in ("domain", "language"):
        groups = [one for one in found.coverage.groups if one.attribute == name]
        counted = by(name, found.chosen)
        assert {one.value: one.chosen for one in groups if one.chosen} == counted
        assert sum(one.wanted for one in groups) == (count if records else 0)
        if short == "leave":
            assert all(one.chosen <= one.wanted for one in groups)
    if len(found.chosen) < count and records:
        assert found.coverage.short  # a smaller set is never silent


@given(st.dictionaries(names, st.integers(0, 20), min_size=1), st.integers(0, 60), st.integers(0, 5))
def test_one_attribute_takes_all_that_it_can(table: dict[str, int], count: int, seed: int) -> None:
    records = pool({(name, "en"): number for name, number in table.items()})
    left = by_quota(records, count, {"domain": "equal"}, seed=seed)
    assert all(one.chosen == min(one.wanted, one.available) for one in left.coverage.groups)
    filled = by_quota(records, count, {"domain": "equal"}, seed=seed, short="fill")
    assert len(filled.chosen) == min(count, len(records))


def test_two_margins_that_the_table_allows_are_met_within_two_records() -> None:
    rng = random.Random(5)
    off = []
    for _ in range(16):
        table = {(one, two): rng.randrange(1, 30) for one in "abcdefgh" for two in "uvwxyz"}
        reachable = {cell: rng.randrange(number + 1) for cell, number in table.items()}
        wanted: dict[str | tuple[str, ...], Any] = {"domain": Counter(), "language": Counter()}
        for (one, two), number in reachable.items():
            wanted["domain"][one] += number
            wanted["language"][two] += number
        total = sum(reachable.values())
        found = by_quota(pool(table), total, wanted, short="fill")
        assert len(found.chosen) == total
        off.append(max(abs(one.chosen - one.wanted) for one in found.coverage.groups))
    assert max(off) <= 2
    assert sorted(off)[8] == 0


def test_a_smaller_draw_is_part_of_a_larger_one_and_the_seed_matters() -> None:
    few, many = (by_quota(SKEWED, count, {"domain": {"maths": 1}}, seed=3).chosen for count in (10, 20))
    assert {one.id for one in few} < {one.id for one in many}
    assert by_quota(SKEWED, 10, {"domain": {"maths": 1}}, seed=4).chosen != few


def test_any_choice_can_be_reported_on() -> None:
    report = covered(SKEWED, SKEWED[:10] * 2, {"domain": "found"})
    assert {one.value: one.chosen for one in report.groups} == {"maths": 20, "code": 0, "law": 0}
    assert Coverage(report.groups).to_json()["distances"]["domain"] == pytest.approx(1 - 80 / 102)
    assert Coverage().worst is None
    assert str(Coverage()) == ""
    assert (distance({}, {}), distance({"a": 1}, {}), distance({"a": 1}, {"b": 1})) == (0.0, 1.0, 1.0)


def test_settings_that_cannot_be_meant_are_refused() -> None:
    with pytest.raises(SettingsError, match="No shares"):
        by_quota(SKEWED, 3, {})
    with pytest.raises(SettingsError, match="expected 'equal'"):
        by_quota(SKEWED, 3, {"domain": "even"})
    with pytest.raises(SettingsError, match="count = -1"):
        by_quota(SKEWED, -1, {"domain": "equal"})


def test_attributes_of_any_kind_are_groups() -> None:
    records = [Record.of("a", x=1), Record.of("b", x=True), Record.of("c"), Record.of("d", x={"k": ["\ud800"]})]
    records.append(Record.of("e", x="long " * 2_000_000))
    found = by_quota(records, 5, {"x": "equal"})
    assert len(found.chosen) == 5
    assert {one.value for one in found.coverage.groups} >= {"1", "true", "null"}
    left = by_quota(records, 1, {"x": {"1": 1}}).examination.findings
    assert max(len(one.reason) for one in left) < 200
