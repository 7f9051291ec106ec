"""Rounds: no real record is dropped, a refused round leaves no trace in later mixes, the ledger is the same again."""

import json
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from regrowth.core.dataset import Dataset
from regrowth.core.errors import DataError, SettingsError
from regrowth.core.record import Record
from regrowth.curation.rounds import LEDGER, Played, RoundPolicy, Rounds, Verdict, decide, play
from regrowth.run import open_run
from regrowth.training.journal import read_log
from regrowth.training.settings import TrainingSettings

KEPT = Verdict(True, "nothing got worse")
REFUSED = Verdict(False, "it got worse")


def real(count: int = 10) -> list[Record]:
    return [Record.of(f"question {number}?", response=f"answer {number}") for number in range(count)]


def made(number: int, count: int = 10) -> list[Record]:
    return [
        Record.of(f"question {place}?", response=f"reply {place} of {number}", origin="synthetic")
        for place in range(count)
    ]


def pairs(gold: Iterable[Record], number: int = 1) -> list[Record]:
    return [record.derive(rejected=f"reply of {number}") for record in gold]


class Desk:
    """Rounds that write below a folder and say aloud what they mix."""

    def __init__(self, folder: Path, records: Sequence[Record] | None = None, **policy: Any) -> None:
        self.folder, self.told = folder, list[str]()
        given = real() if records is None else records
        self.rounds = Rounds(folder, given, RoundPolicy(**policy), self.write, tell=self.told.append)

    def write(self, name: str, records: Iterable[Record], **facts: Any) -> Dataset:
        return Dataset.write(self.folder / "data" / name, records, **facts)

    def play(self, *verdicts: Verdict, count: int = 10) -> list[Dataset]:
        mixes = []
        for number, verdict in enumerate(verdicts, 1):
            mixes.append(self.rounds.mix(number, made(number, count)))
            self.rounds.settle(number, model=f"model {number}", verdict=verdict, figures={"accuracy": number / 10})
        return mixes


def rounds_in(data: Iterable[Record]) -> set[str]:
    """Return the rounds that the synthetic records of a mix come from."""
    return {record.response.split(" of ")[1] for record in data if record.origin == "synthetic"}


# What is mixed


def test_all_that_was_accepted_accumulates_beside_the_real_records(tmp_path: Path) -> None:
    first, second, third = Desk(tmp_path).play(KEPT, KEPT, KEPT)
    assert [len(one) for one in (first, second, third)] == [20, 30, 40]
    assert list(first) == [*real(), *made(1)]
    assert list(third) == [*real(), *made(1), *made(2), *made(3)]


def test_what_a_refused_round_made_is_in_no_later_mix(tmp_path: Path) -> None:
    *_, third = Desk(tmp_path).play(KEPT, REFUSED, KEPT)
    assert rounds_in(third) == {"1", "3"}


@pytest.mark.parametrize(("last", "expected"), [(1, {"4"}), (2, {"3", "4"}), (3, {"3", "4"})])
def test_replace_keeps_the_last_rounds_and_the_real_records(tmp_path: Path, last: int, expected: set[str]) -> None:
    *_, fourth = Desk(tmp_path, keep="replace", last=last).play(KEPT, REFUSED, KEPT, KEPT)
    assert rounds_in(fourth) == expected
    assert {record.id for record in real()} <= {record.id for record in fourth}


def test_subsample_draws_its_budget_from_all_rounds_alike_and_without_replacement(tmp_path: Path) -> None:
    *_, fourth = Desk(tmp_path / "a", keep="subsample", budget=60, real_weight=0).play(KEPT, KEPT, KEPT, KEPT, count=50)
    drawn = [record.id for record in fourth if record.origin == "synthetic"]
    assert len(drawn) == len(set(drawn)) == 60
    assert rounds_in(fourth) == {"1", "2", "3", "4"}
    again = Desk(tmp_path / "b", keep="subsample", budget=60, real_weight=0).play(KEPT, KEPT, KEPT, KEPT, count=50)
    assert again[-1].fingerprint == fourth.fingerprint


@settings(max_examples=40, deadline=None)
@given(
    counts=st.lists(st.integers(0, 60), min_size=1, max_size=4),
    roots=st.integers(1, 12),
    floor=st.floats(0, 0.9),
    kept=st.lists(st.booleans(), min_size=4, max_size=4),
    paired=st.booleans(),
)
def test_every_real_record_is_in_every_mix_and_its_weight_above_the_floor(
    tmp_path_factory: pytest.TempPathFactory,
    counts: list[int],
    roots: int,
    floor: float,
    kept: list[bool],
    paired: bool,
) -> None:
    gold = real(roots)
    desk = Desk(tmp_path_factory.mktemp("law"), gold, real_weight=floor)
    for number, count in enumerate(counts, 1):
        fresh = pairs(gold[: count // 2], number) if paired else made(number, count)
        data = list(desk.rounds.mix(number, fresh))
        desk.rounds.settle(number, model="m", verdict=KEPT if kept[number - 1] else REFUSED)
        replies = Counter((record.messages, record.response) for record in data)
        assert all(replies[record.messages, record.response] for record in gold)
        written = sum(replies[record.messages, record.response] for record in gold)
        synthetic = sum(record.origin == "synthetic" for record in data)
        assert written / (written + synthetic) >= floor - 1e-9
        assert desk.rounds.ledger()[-1]["share"] == pytest.approx(written / (written + synthetic))


def test_real_records_come_again_in_whole_passes_until_the_floor_holds(tmp_path: Path) -> None:
    desk = Desk(tmp_path, real_weight=0.5)
    data = desk.rounds.mix(1, made(1, 25))
    assert Counter(record.id for record in data if record.origin == "real") == {record.id: 3 for record in real()}
    assert data.manifest["mix"] == {"real": 10, "repeats": 3, "paired": 0, "made": {"1": 25}, "share": 30 / 55}
    assert desk.told == ["round-1: 10 real × 3 + 25 synthetic (round 1: 25): 54.5% real"]


def test_a_share_that_is_just_met_repeats_nothing(tmp_path: Path) -> None:
    assert Desk(tmp_path).rounds.mix(1, made(1, 40)).manifest["mix"]["repeats"] == 1
    assert Desk(tmp_path).rounds.mix(1, made(1, 41)).manifest["mix"]["repeats"] == 2


def test_a_real_record_stands_in_the_pair_that_was_made_of_it(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    gold = real()
    data = list(desk.rounds.mix(1, [*pairs(gold[:6]), gold[6].derive(response="better", rejected="worse")]))
    assert [record.id for record in data[:4]] == [record.id for record in gold[6:]]
    assert len(data) == 11
    assert desk.told == ["round-1: 10 real (6 of them in 6 pairs) + 7 synthetic (round 1: 7): 58.8% real"]


def test_what_was_made_twice_counts_once(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    desk.rounds.mix(1, [*real(3), *made(1), *made(1)])
    desk.rounds.settle(1, model="m", verdict=KEPT)
    second = desk.rounds.mix(2, made(1))
    assert len(second) == 20
    assert second.manifest["mix"]["made"] == {"1": 10, "2": 0}


def test_records_may_come_as_a_stream_or_as_a_dataset(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    assert len(desk.rounds.mix(1, iter(made(1)))) == 20
    desk.rounds.settle(1, model="m", verdict=KEPT)
    assert len(desk.rounds.mix(2, desk.write("made", made(2)))) == 30


def test_a_repeated_record_is_trained_on_each_time_and_forgotten_altogether(tmp_path: Path) -> None:
    with open_run(tmp_path) as run:
        rounds = Rounds(run.folder, real(4), RoundPolicy(real_weight=0.5), run.write)
        data = rounds.mix(1, made(1, 12))
        trained = run.fit(run.model("tiny"), data, TrainingSettings(steps=1, threads=1))
        assert read_log(trained.folder).records == len(data) == 24
        gone = real(4)[0].id
        forgotten = run.forget([gone])
        assert (forgotten.records, len(forgotten.models)) == (3, 1)
        assert gone not in {record.id for record in run.dataset("round-1")}
        assert gone not in {record.id for record in rounds.mix(1, made(1, 12))}


@pytest.mark.parametrize(("floor", "lowest", "highest"), [(0.0, 2.12, 2.13), (0.3, 1.6, 1 + 0.25 / 0.3)])
def test_a_bias_adds_up_without_end_where_rounds_accumulate_unless_the_real_data_keep_their_weight(
    tmp_path: Path, floor: float, lowest: float, highest: float
) -> None:
    rounds = Rounds(tmp_path, real(2), RoundPolicy(real_weight=floor), Desk(tmp_path).write)
    variances = [1.0 + 0.25]  # of the model before the first round, fitted to the real data; each fit adds a quarter
    for number in range(1, 50):
        mix = rounds.mix(number, made(number, 2)).manifest["mix"]
        rounds.settle(number, model="m", verdict=KEPT)
        synthetic = sum(count * variances[int(played) - 1] for played, count in mix["made"].items())
        whole = mix["real"] * mix["repeats"] + sum(mix["made"].values())
        variances.append((mix["real"] * mix["repeats"] + synthetic) / whole + 0.25)
    assert lowest < variances[-1] < highest


# The ledger


def test_the_ledger_says_what_became_of_each_round(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    mixes = desk.play(KEPT, REFUSED)
    first, second = json.loads((tmp_path / LEDGER).read_text("utf-8"))["round"]
    assert first == {
        "round": 1,
        "data": mixes[0].fingerprint,
        "records": 20,
        "real": 10,
        "repeats": 1,
        "paired": 0,
        "made": {"1": 10},
        "share": 0.5,
        "model": "model 1",
        "accepted": True,
        "why": "nothing got worse",
        "over": False,
        "figures": {"accuracy": 0.1},
    }
    assert (second["round"], second["accepted"], second["made"]) == (2, False, {"1": 10, "2": 10})
    assert desk.rounds.ledger() == [first, second]


def test_the_same_rounds_again_change_no_byte_of_the_ledger(tmp_path: Path) -> None:
    Desk(tmp_path).play(KEPT, KEPT, REFUSED)
    before = (tmp_path / LEDGER).read_bytes(), (tmp_path / LEDGER).stat().st_mtime_ns
    again = Desk(tmp_path)
    again.play(KEPT, KEPT, REFUSED)
    assert ((tmp_path / LEDGER).read_bytes(), (tmp_path / LEDGER).stat().st_mtime_ns) == before
    assert not any("anew" in told for told in again.told)


def test_a_round_that_comes_out_otherwise_is_written_anew_from_there(tmp_path: Path) -> None:
    Desk(tmp_path).play(KEPT, KEPT, KEPT)
    again = Desk(tmp_path)
    again.play(KEPT, REFUSED)
    assert [entry["accepted"] for entry in again.rounds.ledger()] == [True, False]
    assert "round: the ledger's rounds from 2 on came out otherwise; they are written anew" in again.told


def test_two_games_of_one_run_have_a_ledger_each(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    desk.play(KEPT)
    other = Rounds(tmp_path, real(), RoundPolicy(), desk.write, name="other")
    other.mix(1, made(1, 3))
    other.settle(1, model="m", verdict=KEPT)
    assert (len(desk.rounds.ledger()), len(other.ledger())) == (1, 1)
    assert other.ledger()[0]["records"] == 13


def test_a_preview_leaves_the_ledger_of_the_real_rounds_alone(tmp_path: Path) -> None:
    for preview in (0, 2):
        with open_run(tmp_path, preview=preview) as run:
            rounds = Rounds(run.folder, real(4), RoundPolicy(), run.write)
            rounds.mix(1, made(1, 4 + preview))
            rounds.settle(1, model="m", verdict=KEPT)
    assert json.loads((tmp_path / LEDGER).read_text())["round"][0]["records"] == 8
    assert json.loads((tmp_path / "preview" / LEDGER).read_text())["round"][0]["records"] == 10


def test_a_ledger_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    (tmp_path / LEDGER).write_text("{")
    with pytest.raises(DataError, match="Delete it; the run writes it anew"):
        Desk(tmp_path).play(KEPT)


# Settings and order


@pytest.mark.parametrize(
    "wrong",
    [{"keep": "subsample"}, {"budget": 5}, {"last": 2}, {"real_weight": 1.0}, {"keep": "replace", "budget": 5}],
)
def test_policies_that_contradict_themselves_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"budget|last|real_weight"):
        RoundPolicy(**wrong)


def test_a_floor_needs_real_records(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="there are no real records"):
        Desk(tmp_path, [])
    desk = Desk(tmp_path, [], real_weight=0)
    assert len(desk.rounds.mix(1, made(1))) == 10
    assert len(desk.rounds.mix(1, [])) == 0
    assert desk.told[-1] == "round-1: 0 real + 0 synthetic (none): 0.0% real"


def test_rounds_are_mixed_and_settled_in_order(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    with pytest.raises(SettingsError, match="round 1 is settled, but it was not mixed"):
        desk.rounds.settle(1, model="m", verdict=KEPT)
    desk.rounds.mix(1, made(1))
    with pytest.raises(SettingsError, match="round 2 is mixed, but round 1 was not settled"):
        desk.rounds.mix(2, made(2))


# Verdicts

BEFORE = [0.1 * number for number in range(30)]


@pytest.mark.parametrize(
    ("change", "better", "accepted"),
    [
        (lambda value: value + 0.5, "higher", True),
        (lambda value: value - 0.5, "higher", False),
        (lambda value: value - 0.5, "lower", True),
        (lambda value: value + 0.5, "lower", False),
        (lambda value: value + (-1) ** round(value * 10), "higher", True),
    ],
)
def test_a_figure_that_got_worse_beyond_its_interval_refuses_a_round(
    change: Callable[[float], float], better: Any, accepted: bool
) -> None:
    after = [change(value) + 0.01 * (place % 3) for place, value in enumerate(BEFORE)]
    verdict = decide({"nll": BEFORE}, {"nll": after}, better=better)
    assert verdict.accepted is accepted
    assert ("nll got worse" in verdict.why) is not accepted


def test_one_worse_figure_of_several_is_enough() -> None:
    right = [1.0, 0.0] * 50
    verdict = decide(
        {"accuracy": right, "nll": [2.0] * 100},
        {"accuracy": right, "nll": [2.5 + place / 1000 for place in range(100)]},
        better={"nll": "lower"},
    )
    assert not verdict.accepted
    assert verdict.why.startswith("nll got worse: accuracy +0 [")


def test_too_few_records_refuse_nothing_and_different_figures_are_an_error() -> None:
    assert decide({"nll": [1.0]}, {"nll": [9.0]}, better="lower") == Verdict(
        True, "nothing got worse: nll: too few records to tell"
    )
    with pytest.raises(SettingsError, match="Expected the same"):
        decide({"nll": [1.0]}, {})
    with pytest.raises(SettingsError, match="Expected the same"):
        decide({}, {})


# Playing


class Player:
    """Stands for a model."""

    def __init__(self, level: int) -> None:
        self.level, self.digest = level, f"level {level}"


def game(desk: Desk, verdicts: Sequence[Verdict], count: int = 5) -> Played[Any]:
    import asyncio

    async def make(player: Player, number: int) -> list[Record]:
        return made(number, player.level + 1)

    async def train(player: Player, data: Dataset, _: int) -> Player:
        return Player(player.level + len(data))

    async def judge(before: Player, after: Player, number: int) -> tuple[Verdict, dict[str, float]]:
        return verdicts[number - 1], {"gain": after.level - before.level}

    return asyncio.run(play(desk.rounds, Player(0), count, make=make, train=train, judge=judge))


def test_the_first_refused_round_ends_the_game_and_the_last_accepted_model_is_returned(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    played = game(desk, [KEPT, REFUSED, KEPT])
    assert (played.model.digest, [turn.model.level for turn in played.turns]) == ("level 11", [11, 34])
    assert [entry["model"] for entry in desk.rounds.ledger()] == ["level 11", "level 34"]
    assert [turn.verdict.accepted for turn in played.turns] == [True, False]


def test_a_game_that_is_over_keeps_its_last_round(tmp_path: Path) -> None:
    played = game(Desk(tmp_path), [KEPT, Verdict(True, "nothing is left to tell apart", over=True), KEPT])
    assert [turn.number for turn in played.turns] == [1, 2]
    assert played.model is played.turns[-1].model


def test_without_an_accepted_round_the_start_is_returned(tmp_path: Path) -> None:
    assert game(Desk(tmp_path), [REFUSED]).model.digest == "level 0"
    assert game(Desk(tmp_path), [], count=0).turns == []
