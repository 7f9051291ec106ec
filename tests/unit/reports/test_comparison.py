"""The whole comparison: honest data pass, copies are stopped, and what cannot be told is said."""

import math
from collections.abc import Mapping

import numpy as np
import pyarrow as pa
import pytest

from regrowth.core.errors import DataError
from regrowth.core.protocols import Estimate
from regrowth.metrics.reading import Reading, measures
from regrowth.reports import comparison
from regrowth.reports.blocks import Facts, Report
from regrowth.reports.compared import Judgement, Marginals, Readings, Twins
from regrowth.reports.comparison import Asked, compare_tables, compare_texts, readings_block

ROWS = 300


def people(seed: int, rows: int = ROWS) -> pa.Table:
    generator = np.random.default_rng(seed)
    age = generator.normal(40, 12, rows)
    job = np.where(generator.random(rows) < age / 80, "teacher", "farmer")
    pay = 20 * age + np.where(job == "teacher", 300, 0) + generator.normal(0, 60, rows)
    city = generator.choice(["north", "south", "east"], rows)
    return pa.table({"age": age, "job": job, "pay": pay, "city": city})


def verdict(report: Report) -> Judgement:
    first = report.blocks[0]
    assert isinstance(first, Judgement)
    return first


def readings(report: Report) -> Mapping[str, Readings]:
    return {block.family: block for block in report.blocks if isinstance(block, Readings)}


@pytest.fixture(scope="module")
def told() -> list[str]:
    return []


@pytest.fixture(scope="module")
def honest(told: list[str]) -> Report:
    return compare_tables(people(1), people(2), people(3), asked=Asked(target="job"), tell=told.append)


def test_fresh_real_rows_are_good(honest: Report) -> None:
    assert verdict(honest).level == "good", verdict(honest).reasons
    assert list(readings(honest)) == ["privacy", "fidelity", "diversity"]


def test_copies_are_a_stop_whose_first_reason_is_privacy() -> None:
    found = verdict(compare_tables(people(1), people(1), people(3), asked=Asked(target="job")))
    assert found.level == "stop"
    assert found.reasons[0].section == "privacy"
    assert found.text == "Stop. Real records can be told from these data."


def test_columns_shuffled_one_by_one_are_no_good_though_each_looks_right() -> None:
    made, generator = people(2), np.random.default_rng(0)
    shuffled = pa.table({name: made[name].take(generator.permutation(ROWS)) for name in made.column_names})
    report = compare_tables(people(1), shuffled, people(3), asked=Asked(target="job"))
    assert verdict(report).level in ("look", "stop")
    assert verdict(report).reasons[0].section == "fidelity"


def test_without_a_holdout_the_verdict_is_at_most_look() -> None:
    found = verdict(compare_tables(people(1), people(2), asked=Asked(target="job")))
    assert found.level == "look"
    assert any("--holdout" in reason.text for reason in found.reasons)
    assert not any("No trace" in reason.text for reason in found.reasons)


def test_few_rows_and_lost_columns_are_reasons() -> None:
    made = people(2, 60).drop_columns(["city"]).append_column("extra", [["x"] * 60])
    found = verdict(compare_tables(people(1), made, people(3), asked=Asked(target="job")))
    texts = " ".join(reason.text for reason in found.reasons)
    assert "only 60 records on one side" in texts
    assert "2 columns could not be compared. city: not in the second table" in texts
    assert found.level == "look"


def test_every_measure_that_was_read_is_explained(honest: Report) -> None:
    for block in readings(honest).values():
        for measure in block.measures:
            assert measure.says == measures()[measure.name].says
            assert measure.readings


def test_the_report_has_all_its_parts_in_order(honest: Report) -> None:
    kinds = [block.kind for block in honest.blocks]
    assert kinds == ["judgement", "readings", "readings", "readings", "marginals", "associations", "twins", "text"]
    marginals = next(block for block in honest.blocks if isinstance(block, Marginals))
    assert {column.name for column in marginals.columns} == {"age", "job", "pay", "city"}


@pytest.mark.slow
def test_a_comparison_is_the_same_again_and_its_facts_come_last(honest: Report) -> None:
    facts = Facts(title="To repeat", command="regrowth compare a b")
    again = compare_tables(people(1), people(2), people(3), asked=Asked(target="job"), facts=facts)
    assert again.blocks[:-1] == honest.blocks
    assert again.blocks[-1] == facts


def test_real_records_are_shown_unless_they_are_to_stay_off_the_page(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(comparison, "_measured_tables", lambda *_: {})
    for asked, shown in ((True, 5), (False, 0)):
        report = compare_tables(people(1), people(2), asked=Asked(pairs=asked))
        pairs = next(block for block in report.blocks if isinstance(block, Twins))
        assert len(pairs.pairs) == shown
        assert ("not shown" in pairs.lead) == (not asked)


def test_groups_are_judged_where_they_are_named() -> None:
    report = compare_tables(people(1), people(2), people(3), asked=Asked(target="job", groups=("city",)))
    assert list(readings(report)) == ["privacy", "fidelity", "diversity", "fairness"]


def test_models_are_held_against_each_other_by_group_where_it_is_said_what_is_good() -> None:
    asked = Asked(target="job", groups=("city",), positive="teacher", pairs=False)
    plain = compare_tables(people(1), people(2), people(3), asked=Asked(target="job", groups=("city",), pairs=False))
    shares, judged = (
        {measure.name for measure in readings(report)["fairness"].measures}
        for report in (plain, compare_tables(people(1), people(2), people(3), asked=asked))
    )
    assert {"demographic_parity_difference", "equalised_odds_difference"} <= judged - shares


def test_stages_are_told_as_they_begin(honest: Report, told: list[str]) -> None:
    assert told == ["columns", "privacy", "fidelity", "diversity", "plots"]
    assert honest.title == "Real and synthetic, compared"


@pytest.mark.parametrize(
    ("real", "made", "said"),
    [
        ({"a": [1, 2]}, {"b": [1, 2]}, "no column that can be compared"),
        ({"a": [1, 2]}, {"a": ["x", "y"]}, "different types"),
        ({"a": [1, 2]}, {"a": [None, None]}, "every value is missing"),
        ({"a": pa.array([], pa.int64())}, {"a": [1]}, "no rows"),
        ({"a": [*range(1, 40), 1]}, {"a": [1] * 19}, "19 synthetic records: a comparison needs 20 at least"),
        ({"a": [*range(1, 39), 1]}, {"a": [1] * 20}, "39 real records: a comparison needs 40"),
    ],
)
def test_bad_input_is_told(real: dict[str, object], made: dict[str, object], said: str) -> None:
    with pytest.raises(DataError, match=said):
        compare_tables(pa.table(real), pa.table(made))


def test_figures_that_are_no_numbers_are_left_out_and_counted() -> None:
    null = Estimate(0.97, 0.96, 0.98, 9)
    block = readings_block(
        "fidelity",
        [
            Reading("ks_complement", "a", Estimate(math.nan, 0, 1, 9), null),
            Reading("ks_complement", "b", Estimate(0.9, 0.8, 0.95, 9), null),
            Reading("ks_complement", "c", Estimate(0.2, 0.1, 0.3, 9), null),
            Reading("ks_complement", "", Estimate(0.97, 0.96, 0.98, 9), null),
        ],
    )
    assert [one.of for one in block.measures[0].readings] == ["", "c", "b"], "the whole, then the worst"
    assert block.note == "1 figures could not be computed and were left out."


# Texts ------------------------------------------------------------------------------------------------------------

WORDS = "river stone cloud forest lamp market winter garden letter bridge silver thunder".split()  # noqa: SIM905


def letters(seed: int, count: int = 150) -> list[str]:
    generator = np.random.default_rng(seed)
    return [" ".join(generator.choice(WORDS, generator.integers(6, 16))) + "." for _ in range(count)]


@pytest.mark.slow
def test_texts_that_repeat_the_real_ones_are_a_stop_and_fresh_ones_are_not() -> None:
    copied = verdict(compare_texts(letters(1), letters(1), letters(3)))
    fresh = verdict(compare_texts(letters(1), letters(2), letters(3)))
    assert copied.level == "stop"
    assert copied.reasons[0].section == "privacy"
    assert fresh.level == "good", fresh.reasons


def test_the_nearest_texts_and_their_lengths_are_shown() -> None:
    report = compare_texts(letters(1), [*letters(2), letters(1)[4]])
    pairs = next(block for block in report.blocks if isinstance(block, Twins))
    assert pairs.equal == 1
    assert pairs.pairs[0].cells[0].real == letters(1)[4]
    assert pairs.pairs[0].real_place == 5
