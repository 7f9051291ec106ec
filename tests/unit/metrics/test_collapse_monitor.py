"""The monitor: rings for rounds that forget, with the right reason, and not where rounds accumulate."""

import json
import random
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from regrowth.core.errors import DataError
from regrowth.metrics.collapse import Look, Monitor, NGram, Vocabulary
from regrowth.metrics.collapse.cusum import Cusum
from regrowth.metrics.collapse.null import Null
from regrowth.metrics.collapse.signs import Reference, window

Documents = list[npt.NDArray[np.int64]]


def language(seed: int, count: int = 400) -> Documents:
    """Return texts of about 40 words whose frequencies fall as in a language, each word inclined to its followers."""
    rng = np.random.default_rng(seed)
    chance = 1 / np.arange(1, 3001)
    drawn = [rng.choice(3000, 40, p=chance / chance.sum()) + 2 for _ in range(count)]
    for one in drawn:
        one[1::2] = (one[::2] * 7 + one[1::2] % 5) % 3000 + 2
    return drawn


def play(
    keep: str,
    temperature: float = 1.0,
    top_p: float = 1.0,
    *,
    rounds: int = 5,
    seed: int = 0,
    unseen: Documents = (),  # type: ignore[assignment]
) -> Monitor:
    """Let a trigram learn from its own writing, and have it watched."""
    real, rng = language(seed), np.random.default_rng([seed, 1])
    vocabulary = Vocabulary.numbered(3002)
    monitor, pool = Monitor(real, seed=seed), list(real)
    model = NGram(pool, vocabulary)
    for _ in range(rounds):
        made = model.sample(len(real), rng, temperature, top_p)
        nll = model.nll_by_document(unseen).tolist() if len(unseen) else None
        if monitor.read(made, nll=nll).alarm:
            break
        pool = made if keep == "replace" else [*pool, *made]
        model = NGram(pool, vocabulary)
    return monitor


# Alarms


def test_rounds_that_replace_each_other_ring_for_drift() -> None:
    monitor = play("replace")
    assert monitor.alarm is not None
    assert monitor.alarm.round in (2, 3)
    assert (monitor.alarm.diagnosis, monitor.alarm.onset) == ("drift", 1)
    assert "of the real data's rare words" in monitor.alarm.why
    assert "keep those of all rounds" in monitor.alarm.cure


@pytest.mark.parametrize(("temperature", "top_p"), [(0.8, 1.0), (1.0, 0.8)])
def test_rounds_that_sample_the_probable_ring_for_a_bias(temperature: float, top_p: float) -> None:
    monitor = play("replace", temperature, top_p)
    assert monitor.alarm is not None
    assert monitor.alarm.round in (2, 3)
    assert monitor.alarm.diagnosis == "bias"
    assert "temperature 1" in str(monitor.alarm)


def test_a_bias_rings_where_rounds_accumulate_as_well() -> None:
    alarm = play("accumulate", 0.7, rounds=8).alarm
    assert alarm is not None
    assert alarm.diagnosis == "bias"


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_rounds_that_accumulate_and_sample_without_bias_do_not_ring(seed: int) -> None:
    monitor = play("accumulate", rounds=8, seed=seed)
    assert monitor.alarm is None
    assert [look.note for look in monitor.looks] == [""] * 8
    assert monitor.looks[-1].figures["rare_types"] < monitor.looks[0].figures["rare_types"]


def test_real_texts_drawn_again_and_again_do_not_ring() -> None:
    real, rng = language(0), np.random.default_rng(0)
    monitor = Monitor(real)
    for _ in range(6):
        monitor.read([real[place] for place in rng.integers(len(real), size=len(real))])
    assert monitor.alarm is None


@pytest.mark.slow
def test_no_more_harmless_runs_ring_than_were_allowed() -> None:
    rung = 0
    for seed in range(40):
        real, rng = language(seed, 120), np.random.default_rng([seed, 2])
        monitor, pool = Monitor(real, seed=seed, false_alarms=0.05), list(real)
        for _ in range(6):
            made = [pool[place] for place in rng.integers(len(pool), size=len(real))]
            monitor.read(made)
            pool += made
        rung += monitor.alarm is not None
    assert rung <= 7  # of 40 at 5 %: more with a probability of 0.1 %


# The likelihood of real texts


def test_real_texts_that_become_unlikely_ring_though_no_word_is_lost() -> None:
    real = language(0)
    monitor = Monitor(real)
    monitor.read(real, nll=[2.0, 3.0, 2.5, 3.5] * 10)
    assert monitor.read(real, nll=[2.05, 3.02, 2.5, 3.51] * 10).alarm is None
    alarm = monitor.read(real, nll=[3.0, 4.5, 3.0, 5.0] * 10).alarm
    assert alarm is not None
    assert alarm.diagnosis == "loss"
    assert "it was 2.75" in alarm.why


def test_the_alarm_rings_at_the_latest_one_round_after_the_likelihood_left_its_band() -> None:
    unseen = language(99, 60)
    told = play("replace", unseen=unseen)
    look = told.looks[-1]
    assert told.alarm is not None
    left = [one.round for one in told.looks if one.figures["real_nll"] > one.bands["real_nll"][1]]
    assert told.alarm.round <= min(left, default=99) + 1
    assert look.bands["real_nll"][0] < look.bands["real_nll"][1]


def test_another_number_of_held_out_texts_is_refused() -> None:
    monitor = Monitor(language(0))
    monitor.read(language(0), nll=[1.0, 2.0])
    with pytest.raises(DataError, match="3 held-out texts, 2 at first"):
        monitor.read(language(0), nll=[1.0, 2.0, 3.0])


# What is not told


@pytest.mark.parametrize(
    ("real", "made", "told"),
    [
        (["one two three"] * 10, ["one two"] * 10, "16 words to look at"),
        (["one two three"] * 1000, ["one two"] * 2000, "0 rare words in the real data"),
        ([f"word{one} again" for one in range(3000)], ["again and again"] * 2000, "0% of the real data's 3,000 rare"),
    ],
)
def test_too_little_is_no_alarm_and_says_so(real: list[str], made: list[str], told: str) -> None:
    look = Monitor(real).read(made)
    assert look.alarm is None
    assert told in look.note
    assert str(look).startswith("monitor: ")


def test_a_round_with_fewer_words_than_the_first_is_passed_over() -> None:
    real = language(0)
    monitor = Monitor(real)
    monitor.read(real)
    assert "in the first: expected as many" in monitor.read(real[:50]).note
    assert monitor.read(real).note == ""


def test_what_cannot_be_watched_is_refused() -> None:
    with pytest.raises(DataError, match="without a single word"):
        Monitor(["…", "!"]).read(["text"])
    with pytest.raises(DataError, match="false_alarms 2"):
        Monitor(["a"], false_alarms=2)


# State


def test_the_state_is_plain_json_and_the_monitor_goes_on_from_it() -> None:
    real = language(0)
    rounds = [NGram(real, Vocabulary.numbered(3002)).sample(400, np.random.default_rng(one)) for one in range(3)]
    whole, first = Monitor(real), Monitor(real)
    for made in rounds:
        whole.read(made, nll=[1.0, 2.0, 3.0])
    for made in rounds[:2]:
        first.read(made, nll=[1.0, 2.0, 3.0])
    state = json.loads(json.dumps(first.state, allow_nan=False))
    again = Monitor.resumed(real, state)
    again.read(rounds[2], nll=[1.0, 2.0, 3.0])
    assert again.state == whole.state
    assert Look.from_json(json.loads(json.dumps(whole.looks[-1].to_json()))).to_json() == whole.looks[-1].to_json()


def test_an_alarm_survives_json() -> None:
    look = play("replace").looks[-1]
    assert Look.from_json(json.loads(json.dumps(look.to_json()))).alarm == look.alarm


def test_a_round_that_is_read_again_replaces_what_was_read() -> None:
    real = language(0)
    monitor = Monitor(real)
    first = monitor.read(real, number=1)
    monitor.read(language(1), number=2)
    assert monitor.read(real, number=1) == first
    assert len(monitor.looks) == 1


def test_the_order_of_texts_does_not_matter() -> None:
    texts = [" ".join(f"w{word}" for word in one) for one in language(0)]
    mixed = random.Random(1).sample(texts, len(texts))
    assert Monitor(texts).read(mixed).to_json() == Monitor(mixed).read(texts).to_json()


# The parts


def test_signs_are_counted_as_a_person_would() -> None:
    reference = Reference.of(["the the the cat cat cat dog", "mat"])
    found = reference.signs(np.concatenate(reference.encode(["the dog", "the bird"])))
    cost = -(2 * np.log(3 / 8) + np.log(1 / 8) + np.log(0.5 / 8)) / 4
    assert found == pytest.approx((0.5, 3, 0.25, 1 - 0.375, cost))


def test_a_window_has_as_many_words_as_were_asked_for() -> None:
    documents: Sequence[npt.NDArray[Any]] = [np.arange(5), np.arange(5, 10), np.arange(10, 15)]
    flat = window(documents, 7, np.random.default_rng(0))
    assert len(flat) == 7
    assert len(window(documents, 99, np.random.default_rng(0))) == 15


def test_the_null_loses_as_much_as_theory_says() -> None:
    # Words that occur once: a round misses each with 1/e; the next, from a pool of twice as many, with 0.409.
    null = Null(Reference.of([np.arange(5000)]), 5000, replicates=30)
    rare = [null.signs(number)[:, 0].mean() for number in (1, 2, 3)]
    # Whole passages of 40 words are drawn; 5,000 / 40 = 125 of them.
    assert rare == pytest.approx([1 - np.exp(-1), 0.591, 0.576], abs=0.02)
    assert null.signs(3)[:, 2].mean() == pytest.approx(1)


def test_only_the_stated_share_of_the_null_exceeds_the_limits() -> None:
    rng = np.random.default_rng(0)
    first = rng.normal(size=(4000, 1))
    null = rng.normal(size=(4000, 5)) - first  # as changes since a first round are
    rule = Cusum.calibrated(null, false_alarms=0.05)
    rung = 0
    for changes in null:
        sum_, over = 0.0, False
        for number, change in enumerate(changes, 2):
            z = rule.z(change, number)
            sum_ = rule.step(sum_, z)
            over |= rule.exceeded(sum_, z)
        rung += over
    assert 0.03 < rung / len(null) < 0.055
