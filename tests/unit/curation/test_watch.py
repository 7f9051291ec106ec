"""The monitor within rounds: on without being asked, ends a game in time, and is silent where it cannot tell."""

import asyncio
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from regrowth.core.dataset import Dataset
from regrowth.core.record import Record
from regrowth.curation.rounds import LEDGER, RAISED, Played, RoundPolicy, Rounds, Verdict, play
from regrowth.curation.watch import written
from regrowth.metrics.collapse import Look

KEPT = Verdict(True, "nothing got worse")


def texts(seed: int, words: int, count: int = 200) -> list[str]:
    """Return texts of 40 words; the fewer `words` there are to choose from, the poorer they are."""
    rng = np.random.default_rng(seed)
    chance = 1 / np.arange(1, words + 1)
    return [" ".join(f"w{word}" for word in rng.choice(words, 40, p=chance / chance.sum())) for _ in range(count)]


REAL = [Record.of(f"question {place}?", response=text) for place, text in enumerate(texts(0, 3000))]


def made(number: int, words: int) -> list[Record]:
    """Return what the model of a round wrote: real texts, but for all words above a number, of which it knows none."""
    rng = np.random.default_rng(number)
    found = []
    for place in range(len(REAL)):
        kept = [word for word in REAL[rng.integers(len(REAL))].response.split() if int(word[1:]) < words]
        found.append(
            Record.of(f"question {place}?", response=" ".join([*kept, "w0 " * (40 - len(kept))]), origin="synthetic")
        )
    return found


class Player:
    """Stands for a model that knows ever fewer words."""

    def __init__(self, level: int) -> None:
        self.level, self.digest = level, f"level {level}"


def game(folder: Path, vocabulary: Sequence[int], **policy: Any) -> tuple[Played[Any], Rounds, list[str]]:
    told: list[str] = []

    def write(name: str, records: Iterable[Record], **facts: Any) -> Dataset:
        return Dataset.write(folder / "data" / name, records, **facts)

    rounds = Rounds(folder, REAL, RoundPolicy(**policy), write, tell=told.append)

    async def make(player: Player, number: int) -> list[Record]:
        return made(number, vocabulary[number - 1])

    async def train(player: Player, _: Dataset, number: int) -> Player:
        return Player(number)

    async def judge(before: Player, after: Player, number: int) -> tuple[Verdict, dict[str, float]]:
        return KEPT, {}

    return asyncio.run(play(rounds, Player(0), len(vocabulary), make=make, train=train, judge=judge)), rounds, told


FORGETS = (3000, 3000, 1000, 500)


def test_a_game_whose_model_forgets_ends_before_it_is_trained_on_that(tmp_path: Path) -> None:
    played, rounds, told = game(tmp_path, FORGETS)
    assert played.alarm is not None
    assert (played.alarm.round, played.alarm.diagnosis) == (3, "bias")
    assert (played.model.digest, [turn.number for turn in played.turns]) == ("level 2", [1, 2])
    last = rounds.ledger()[-1]
    assert (last["round"], last["accepted"], last["model"]) == (3, False, "level 2")
    assert last["why"].startswith("the monitor ends the rounds: of the real data's rare words")
    assert Look.from_json(last["monitor"]).alarm == played.alarm
    assert any(line.startswith("round-3: monitor: of the real data's rare words") for line in told)


def test_a_game_that_forgets_nothing_is_played_to_its_end_and_its_figures_are_in_the_ledger(tmp_path: Path) -> None:
    played, rounds, told = game(tmp_path, (3000,) * 4)
    assert played.alarm is None
    assert len(played.turns) == 4
    for entry in rounds.ledger():
        assert 0.5 < entry["monitor"]["figures"]["rare_types"] < 0.75
        assert entry["monitor"]["alarm"] is None
    assert sum("are still written" in line for line in told) == 4


def test_a_rollback_goes_to_the_model_that_wrote_before_the_signs_fell(tmp_path: Path) -> None:
    played, rounds, _ = game(tmp_path, FORGETS, alarm="rollback")
    assert played.alarm is not None
    assert played.model.digest == f"level {played.alarm.onset - 1}"
    assert rounds.ledger()[-1]["model"] == played.model.digest


def test_a_higher_real_weight_is_tried_once(tmp_path: Path) -> None:
    played, rounds, told = game(tmp_path, FORGETS, alarm="weight")
    assert [entry["share"] >= RAISED for entry in rounds.ledger()] == [False, False, True, True]
    assert f"round-3: the floor under the real weight is raised to {RAISED}" in told
    assert rounds.ledger()[2]["monitor"]["note"].startswith(
        f"answered by a real weight of {RAISED}: of the real data's"
    )
    assert played.alarm is not None
    assert played.alarm.round == 4


def test_an_alarm_may_be_told_only(tmp_path: Path) -> None:
    played, rounds, told = game(tmp_path, FORGETS, alarm="tell")
    assert (played.alarm, len(played.turns)) == (None, 4)
    assert rounds.ledger()[2]["monitor"]["alarm"]["diagnosis"] == "bias"
    assert rounds.ledger()[2]["accepted"]
    assert any("standard deviations below" in line for line in told)


def test_the_same_game_again_changes_no_byte_of_the_ledger(tmp_path: Path) -> None:
    game(tmp_path, FORGETS)
    before = (tmp_path / LEDGER).read_bytes()
    game(tmp_path, FORGETS)
    assert (tmp_path / LEDGER).read_bytes() == before


def test_what_an_alarmed_round_made_is_in_no_later_mix(tmp_path: Path) -> None:
    _, rounds, _ = game(tmp_path, FORGETS)
    assert rounds.alarm(3) is not None
    data = rounds.mix(4, [])
    assert data.manifest["mix"]["made"].keys() == {"1", "2", "4"}


def test_little_text_is_neither_told_nor_written(tmp_path: Path) -> None:
    told: list[str] = []
    write = lambda name, records, **facts: Dataset.write(tmp_path / "data" / name, records, **facts)  # noqa: E731
    rounds = Rounds(tmp_path, REAL[:20], RoundPolicy(), write, tell=told.append)
    rounds.mix(1, made(1, 3000)[:20])
    rounds.settle(1, model="m", verdict=KEPT)
    assert "monitor" not in json.loads((tmp_path / LEDGER).read_text())["round"][0]
    assert len(told) == 1


@pytest.mark.parametrize("real", [[], [Record.of("question?", response="…")]])
def test_real_records_without_words_cannot_be_watched(tmp_path: Path, real: list[Record]) -> None:
    write = lambda name, records, **facts: Dataset.write(tmp_path / "data" / name, records, **facts)  # noqa: E731
    rounds = Rounds(tmp_path, real, RoundPolicy(real_weight=0), write)
    rounds.mix(1, made(1, 3000))
    assert rounds.alarm(1) is None


def test_of_a_pair_the_reply_that_the_model_wrote_is_looked_at() -> None:
    gold = Record.of("question?", response="gold")
    replies = {gold.id: gold.response}
    pairs = [gold.derive(rejected="own"), gold.derive(response="better", rejected="worse")]
    assert written([*pairs, Record.of("?", response="free", origin="synthetic")], replies) == [
        "own", "better", "worse", "free",
    ]  # fmt: skip
