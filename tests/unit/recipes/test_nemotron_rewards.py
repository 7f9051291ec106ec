"""The reward model of five attributes: labels in, what it is worth, and when nothing is selected by it."""

import json
import math
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from regrowth.core.errors import DataError
from regrowth.core.protocols import Answer, Estimate
from regrowth.core.record import Json, Messages, Record
from regrowth.domains import manners
from regrowth.models.model import RememberedModel
from regrowth.models.scripted import ScriptedBackend
from regrowth.recipes._nemotron.rewards import (
    ATTRIBUTES,
    Rater,
    RewardSettings,
    Worth,
    hidden,
    labelled,
    labels,
    overall,
    parted,
    reward_model,
    spoiled,
    trusted,
    weights_of,
    worth,
)
from regrowth.run import Run, open_run
from regrowth.training.journal import read_log

SETTINGS = RewardSettings(questions=40)
WEIGHTS = {"helpfulness": 0.3, "correctness": 0.74, "coherence": 0.46, "complexity": 0.47, "verbosity": -0.33}
Said = Callable[[str], Mapping[str, float]]


class Scores(ScriptedBackend):
    """Says of each response what a function says of its text."""

    def __init__(self, said: Said, name: str) -> None:
        super().__init__(lambda *_: "", name=name)
        self.said = said

    async def score(self, messages: Messages, response: str) -> Answer:
        values = self.said(response)
        names: list[Json] = list(values)
        numbers: list[Json] = list(values.values())
        return Answer({"names": names, "values": numbers, "scalar": [1.0] * len(values)})


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Run]:
    with open_run(tmp_path / "run") as opened:
        yield opened


def rater(run: Run, said: Said, name: str = "said") -> Rater:
    return Rater(RememberedModel(Scores(said, name), run.store), WEIGHTS)


def knowing(records: Sequence[Record], noise: float = 0.0) -> Said:
    """Return what a reward model says that knows the labels, give or take a noise."""
    rng = random.Random(0)
    known = {
        one.response: {name: value + rng.gauss(0, noise) for name, value in labels(one).items()} for one in records
    }
    return known.__getitem__


def distinct(records: Sequence[Record]) -> list[Record]:
    """Return records with texts of their own, so that a text stands for its record."""
    return [replace(one, response=f"{one.response} {number}", _id="") for number, one in enumerate(records)]


# Labels


def test_the_toy_world_labels_its_replies_by_program() -> None:
    found = labelled(SETTINGS)
    assert 60 <= len(found) <= 80
    assert all(labels(one) == manners.attributes(replace(one, _id="")) for one in found)
    assert {one.origin for one in found} == {"real"}
    assert labelled(SETTINGS) == found
    assert labelled(SETTINGS.model_copy(update={"seed": 1})) != found


def test_a_few_replies_are_garbled_and_labelled_as_what_they_are() -> None:
    found = labelled(RewardSettings(questions=400))
    garbled = [one for one in found if manners.manner(one.response) is None]
    assert 0.02 < len(garbled) / len(found) < 0.08
    assert all(labels(one)["coherence"] == 0 for one in garbled)


@given(st.text(min_size=1, max_size=30), st.integers())
def test_garbling_takes_a_run_of_characters_away_or_says_it_again(text: str, seed: int) -> None:
    made = spoiled(text, random.Random(seed))
    assert made
    assert abs(len(made) - len(text)) <= 8
    shorter, longer = sorted((made, text), key=len)
    letters = iter(longer)
    assert all(letter in letters for letter in shorter), "one holds the other's characters in order"
    assert made == text or len(made) != len(text)


def test_a_file_of_labels_has_the_columns_of_helpsteer2(tmp_path: Path) -> None:
    rows = [
        {"prompt": "1 + 1?", "response": "2", "helpfulness": 4, "correctness": 4, "coherence": 4},
        {"prompt": "1 + 1?", "response": "3", "helpfulness": 1, "verbosity": 0},
    ]
    path = tmp_path / "labels.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    first, second = labelled(RewardSettings(labels=str(path)))
    assert (first.prompt, first.response) == ("1 + 1?", "2")
    assert labels(first) == {"helpfulness": 4.0, "correctness": 4.0, "coherence": 4.0}
    assert labels(second) == {"helpfulness": 1.0, "verbosity": 0.0}


def test_a_file_without_labels_is_told(tmp_path: Path) -> None:
    path = tmp_path / "labels.jsonl"
    path.write_text('{"prompt": "1 + 1?", "response": "2", "helpful": 4}\n', "utf-8")
    with pytest.raises(DataError, match=r"no reply has a label\. Expected numbers in a column or more: helpfulness"):
        labelled(RewardSettings(labels=str(path)))


def test_about_half_of_the_labels_are_hidden_and_nothing_else() -> None:
    found = labelled(SETTINGS)
    some = hidden(found, 0.5, seed=3)
    share = sum(map(len, map(labels, some))) / (len(found) * len(ATTRIBUTES))
    assert 0.4 < share < 0.6
    assert all(labels(one).items() <= labels(whole).items() for one, whole in zip(some, found, strict=True))
    assert all(one["domain"] == whole["domain"] for one, whole in zip(some, found, strict=True))
    assert hidden(found, 0.0, seed=3) == found


def test_all_replies_to_a_prompt_are_on_one_side() -> None:
    found = labelled(SETTINGS)
    train, aside = parted(found, 0.3)
    assert len(train) + len(aside) == len(found)
    assert aside
    assert not {one.messages for one in train} & {one.messages for one in aside}
    assert len(parted(found, 0.6)[1]) > len(aside)


# The one number


def test_the_one_number_is_the_published_sum_of_the_attributes() -> None:
    assert weights_of(RewardSettings()) == WEIGHTS
    values = dict(zip(ATTRIBUTES, (4.0, 4.0, 4.0, 2.0, 1.0), strict=True))
    assert overall(values, WEIGHTS) == pytest.approx(1.2 + 2.96 + 1.84 + 0.94 - 0.33)


def test_other_weights_are_a_setting_and_unknown_attributes_are_told(run: Run) -> None:
    settings = RewardSettings(weights={"correctness": 2.0})
    chosen = Rater(rater(run, lambda _: dict.fromkeys(ATTRIBUTES, 3.0)).model, weights_of(settings))
    assert run.wait(chosen.reward(Record.of("1 + 1?", response="2"))) == 6.0
    with pytest.raises(DataError, match=r"no attribute 'charm'\. There are: helpfulness, correctness"):
        weights_of(RewardSettings(weights={"charm": 1.0}))


def test_a_rated_reply_keeps_its_id_and_carries_every_attribute(run: Run) -> None:
    reply = Record.of("1 + 1?", response="2")
    found = run.wait(rater(run, lambda _: dict.fromkeys(ATTRIBUTES, 1.0))(reply))
    assert found.id == reply.id
    assert set(found.scores) == {*ATTRIBUTES, "reward"}
    assert found.scores["reward"] == pytest.approx(sum(WEIGHTS.values()))


# What it is worth


def test_a_reward_model_that_knows_the_labels_is_found_to_be_perfect(run: Run) -> None:
    people = distinct(labelled(SETTINGS))
    found = run.wait(worth(run, rater(run, knowing(people)), people))
    assert {name: one.value for name, one in found.correlations.items()} == pytest.approx(
        dict.fromkeys((*ATTRIBUTES, "reward"), 1.0)
    )
    assert found.errors == pytest.approx(dict.fromkeys(ATTRIBUTES, 0.0), abs=1e-9)
    assert found.accuracy is not None
    assert found.accuracy.value == 1
    assert found.noise == pytest.approx(0, abs=1e-9)
    assert trusted(found) is found


def test_the_typical_error_of_a_gap_is_measured(run: Run) -> None:
    people = distinct(labelled(RewardSettings(questions=300)))
    found = run.wait(worth(run, rater(run, knowing(people, noise=0.5)), people))
    expected = 0.5 * math.sqrt(2 * sum(weight**2 for weight in WEIGHTS.values()))
    assert found.noise == pytest.approx(expected, rel=0.15)
    assert 0.4 < found.errors["correctness"] * 2 < 0.7


def test_saying_the_mean_is_the_yardstick_of_the_errors(run: Run) -> None:
    people = distinct(labelled(SETTINGS))
    mean = sum(labels(one)["verbosity"] for one in people) / len(people)
    rng = random.Random(1)
    said = {one.response: {**labels(one), "verbosity": mean + rng.gauss(0, 1e-6)} for one in people}
    found = run.wait(worth(run, rater(run, said.__getitem__), people))
    assert found.errors["verbosity"] == pytest.approx(1.0, abs=1e-4)


def test_a_reward_model_at_chance_stops_the_run(run: Run) -> None:
    people, rng = distinct(labelled(RewardSettings(questions=100))), random.Random(2)
    said = {one.response: {name: rng.uniform(0, 4) for name in ATTRIBUTES} for one in people}
    found = run.wait(worth(run, rater(run, said.__getitem__), people))
    with pytest.raises(DataError, match=r"at chance: it ranks \d+% \[\d+%, \d+%\] .* Nothing is selected by it"):
        trusted(found)


def test_one_that_always_says_the_same_cannot_be_judged(run: Run) -> None:
    people = distinct(labelled(SETTINGS))
    found = run.wait(worth(run, rater(run, lambda _: dict.fromkeys(ATTRIBUTES, 2.0)), people))
    assert not found.correlations
    with pytest.raises(DataError, match="says the same of every reply"):
        trusted(found)


def test_too_few_pairs_of_one_prompt_cannot_tell(run: Run) -> None:
    people = distinct(labelled(RewardSettings(questions=40, replies=1)))
    found = run.wait(worth(run, rater(run, knowing(people)), people))
    assert found.accuracy is None
    with pytest.raises(DataError, match="fewer than 20 held-out pairs of replies to one prompt"):
        trusted(found)


def test_an_interval_that_holds_chance_is_not_trusted() -> None:
    good, doubtful = Estimate(0.7, 0.6, 0.8, 90), Estimate(0.6, 0.49, 0.7, 90)
    assert trusted(Worth({"reward": good}, {}, good, 1.0))
    for ranks, follows in ((doubtful, good), (good, Estimate(0.1, -0.05, 0.3, 90))):
        with pytest.raises(DataError, match="at chance"):
            trusted(Worth({"reward": follows}, {}, ranks, 1.0))


# Training


def test_a_reward_model_is_trained_on_whatever_is_labelled(run: Run) -> None:
    people = hidden(labelled(SETTINGS), 0.8, seed=0)
    settings = RewardSettings(steps=2, tokens=400)
    model = run.wait(reward_model(run, run.model("tiny"), people, settings))
    kept = list(run.dataset("reward-model-labels"))
    assert len(kept) == sum(bool(labels(one)) for one in people) < len(people)
    assert not read_log(model.folder).skipped
    found = run.wait(model.score("1 + 1?", "2"))
    assert tuple(found.values) == ATTRIBUTES
    assert found.reward == pytest.approx(overall(found.values, WEIGHTS))


@pytest.mark.slow
def test_it_learns_to_rank_replies_better_than_chance(run: Run) -> None:
    people, aside = parted(labelled(RewardSettings(questions=400)), 0.2)
    settings = RewardSettings(steps=80)
    model = run.wait(reward_model(run, run.model("tiny"), people, settings))
    found = trusted(run.wait(worth(run, Rater(model, WEIGHTS), aside)))
    assert found.correlations["complexity"].value > 0.8
    assert found.errors["coherence"] < 1
