"""Judges that prefer, thresholds, and the order of items: numbers by hand, detectors and nulls, real labels."""

import gzip
import json
import random
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from regrowth.core.errors import DataError
from regrowth.metrics.judges import among, labelling, preferring
from regrowth.metrics.judges.calibration import calibration
from regrowth.metrics.judges.preferences import Choice, length, position, self_preference
from regrowth.metrics.judges.thresholds import threshold
from support.data import shared_data
from support.judges import named, sayings, verdicts

# Preferences ---------------------------------------------------------------------------------------------------------


SWAYED = {"place": ("first_place_share",), "size": ("longer_excess",), "own": ("own_excess",)}


@pytest.mark.parametrize("what", SWAYED)
def test_each_leaning_is_found_and_none_where_there_is_none(what: str) -> None:
    rng = random.Random(5)
    found = named(preferring(verdicts(rng, 600, **{what: 1.0})))
    everything = {name for names in SWAYED.values() for name in names}
    assert {name for name in everything if found[name].worse} == set(SWAYED[what])
    alarms = sum(
        any(one.worse for one in preferring(verdicts(rng, 200), seed=seed) if one.measure in everything)
        for seed in range(40)
    )
    assert alarms <= 2


def test_the_numbers_of_pairs_worked_out_by_hand() -> None:
    choices = [
        Choice(1, 1, (9, 3), 1, 1),
        Choice(1, -1, (3, 9), -1, 1),
        Choice(-1, -1, (5, 5), -1),
        Choice(0, 1, (4, 8)),
    ]
    found = named(preferring(choices))
    assert found["judge_accuracy"].estimate.value == pytest.approx(2 / 3)
    assert found["swap_rate"].estimate.value == 0.5
    # First place: pair 1 there, pair 2 both times, pair 3 back, pair 4 never, and a tie: 1 + 2 + 1 + 0 of 7.
    assert found["first_place_share"].estimate.value == pytest.approx(4 / 7)
    assert found["longer_share"].estimate.value == 0.5
    assert found["longer_excess"].estimate.value == pytest.approx(-0.5)
    assert found["own_share"].estimate.value == 1.0
    assert found["own_excess"].estimate.value == 0.5


def test_the_slope_of_length_is_the_one_that_made_the_verdicts() -> None:
    rng, choices = random.Random(6), []
    for _ in range(4000):
        logs = rng.gauss(0, 0.7)
        won = rng.random() < 1 / (1 + np.exp(-1.5 * logs))
        choices.append(Choice(1 if won else -1, None, (1000 * float(np.exp(logs)), 1000.0)))
    slope = named(length(choices))["length_slope"]
    assert slope.estimate.low <= 1.5 <= slope.estimate.high
    assert slope.estimate.high - slope.estimate.low < 0.4
    always = [Choice(1 if a > b else -1, None, (a, b)) for a, b in ((1.0, 9.0), (9.0, 1.0), (3.0, 8.0))]
    assert "length_slope" not in named(length(always))  # parted perfectly: no finite slope
    assert named(length(always))["longer_share"].estimate.value == 1.0


def test_too_few_pairs_are_told() -> None:
    with pytest.raises(DataError, match="0 pairs were shown in both orders"):
        position([Choice(1), Choice(-1)])
    with pytest.raises(DataError, match="0 pairs have answers of different length"):
        length([Choice(1, None, (5, 5)), Choice(0, None, (5, 6))])
    with pytest.raises(DataError, match="1 pairs hold an answer of the judge's own"):
        self_preference([Choice(1, own=1), Choice(0, own=1)])
    with pytest.raises(DataError, match="1 verdicts"):
        preferring([Choice(1)])


# Thresholds ----------------------------------------------------------------------------------------------------------


def scored(rng: random.Random, n: int) -> tuple[list[float], list[bool]]:
    true = [rng.random() < 0.5 for _ in range(n)]
    return [rng.gauss(1.5 if one else 0, 1) for one in true], true


def test_a_threshold_holds_on_the_other_half() -> None:
    rng = random.Random(0)
    held = 0
    for seed in range(40):
        found = threshold(*scored(rng, 600), precision=0.85, seed=seed)
        assert found.chosen.value >= 0.85
        held += found.holds
    assert held >= 32
    sure = threshold(*scored(rng, 600), precision=0.8, sure=True)
    assert sure.chosen.low >= 0.8
    assert sure.precision is not None
    assert sure.recall is not None
    assert 0 < sure.recall.value < 1


def test_a_judge_that_guesses_gets_no_threshold() -> None:
    rng = random.Random(1)
    labels = [rng.random() < 0.5 for _ in range(400)]
    with pytest.raises(DataError, match=r"No threshold .* reaches a precision of 0\.95"):
        threshold([rng.random() for _ in labels], labels, precision=0.95)
    with pytest.raises(DataError, match="40 at least"):
        threshold([0.5] * 20, [True] * 20)
    with pytest.raises(DataError, match="precision=1"):
        threshold([0.5] * 40, [True] * 40, precision=1)


def test_equal_scores_are_not_parted_nor_are_clusters() -> None:
    # All scores equal: the threshold takes everything or nothing, so its precision is the share of true ones.
    with pytest.raises(DataError, match=r"0\.500 at most"):
        threshold([1.0] * 80, [True, False] * 40, precision=0.6, clusters=[one // 2 for one in range(80)])
    rng = random.Random(2)
    scores, labels = scored(rng, 400)
    doubled = threshold([*scores, *scores], [*labels, *labels], clusters=[*range(400), *range(400)])
    assert doubled.precision is not None
    assert doubled.chosen.n % 2 == doubled.precision.n % 2 == 0


@given(st.integers(0, 10**6))
@settings(max_examples=10)
def test_nothing_depends_on_the_order_of_items(seed: int) -> None:
    rng = random.Random(seed)
    said, true = sayings(rng, 90)
    choices = verdicts(rng, 90)
    order = rng.sample(range(90), 90)
    there, back = [said[one] for one in order], [true[one] for one in order]
    assert calibration(there, back, draws=20) == calibration(said, true, draws=20)
    assert preferring([choices[one] for one in order]) == preferring(choices)
    labels = [one > 0.5 for one in said]
    assert labelling([labels[one] for one in order], back) == labelling(labels, true)
    names = [f"p{one // 3}" for one in range(90)]
    for clusters in (None, names):
        moved = None if clusters is None else [clusters[one] for one in order]
        mine, other = (
            (threshold(scores, flags, precision=0.2, clusters=which))
            for scores, flags, which in ((said, true, clusters), (there, back, moved))
        )
        assert mine == other


# Real labels ---------------------------------------------------------------------------------------------------------


def test_people_agree_in_pandalm_and_a_shuffled_rater_does_not() -> None:
    with gzip.open(shared_data("preference/pandalm_testset.jsonl.gz"), "rt", encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines]
    items = [[row[f"annotator{one}"] for one in (1, 2, 3)] for row in rows]
    people = named(among(items))["alpha"]
    assert people.estimate.low > 0.6
    assert people.estimate.n == 533
    rng = random.Random(0)
    thirds = rng.sample([item[2] for item in items], len(items))
    assert (
        named(among([[*item[:2], third] for item, third in zip(items, thirds, strict=True)]))["alpha"].estimate.high
        < 0.45
    )
    majority = [Counter(item).most_common(1)[0][0] for item in items]
    assert (
        named(labelling([row["gpt_result"] for row in rows], list(map(str, majority))))["judge_kappa"].estimate.low
        > 0.2
    )


def test_pairs_of_one_prompt_count_as_one() -> None:
    rng = random.Random(7)
    once = verdicts(rng, 60)
    again = [replace(one, prompt=place) for place, one in enumerate(once) for _ in range(5)]
    few, many = named(preferring(once)), named(preferring(again))
    for name in ("judge_accuracy", "swap_rate", "first_place_share", "longer_share", "longer_excess", "own_excess"):
        one, other = few[name].estimate, many[name].estimate
        assert one.value == pytest.approx(other.value)
        assert other.high - other.low > 0.75 * (one.high - one.low)  # five times as many would halve it
