"""SPIN: pairs that are fair, rounds that are accepted by what was held out, a game that knows when it is over."""

import json
import math
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from regrowth.core.dataset import Dataset
from regrowth.core.errors import CallFailed, DataError, Rejected, SettingsError
from regrowth.core.protocols import Completion, Sampling
from regrowth.core.record import Messages, Record
from regrowth.domains import problems
from regrowth.models.model import RememberedModel
from regrowth.models.scripted import ScriptedBackend
from regrowth.recipes._spin.looks import Look, Seen, look_at, told_apart
from regrowth.recipes._spin.pairs import against, alike, answered, gold_of, judged_by, measured, unlike_gold, wrong
from regrowth.recipes.rejection_sampling import worked
from regrowth.recipes.spin import PAPER, Arm, Game, Settings, arm_of, spin
from regrowth.reports.blocks import load
from regrowth.run import Run, open_run
from regrowth.training.journal import read_log

QUICK = Settings(domains=("arithmetic",), real=10, heldout=8, steps=1, rounds=2)


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Run]:
    with open_run(tmp_path / "run") as opened:
        yield opened


def gold(count: int = 6, **attributes: Any) -> list[Record]:
    return [Record.of(f"{n} + {n}?", response=f"{n} + {n} = {2 * n}", **attributes) for n in range(count)]


def model(run: Run, answer: Any, scores: Any = None, name: str = "scripted") -> RememberedModel:
    return RememberedModel(ScriptedBackend(answer, scores=scores, name=name), run.store, name)


def shouted(text: str) -> Any:
    return lambda messages, sampling, seed: text


def per_character(_: Messages, response: str) -> list[float]:
    """Return log-probabilities: one token per character, and an end token that costs 10."""
    return [*(-0.5 for _ in response), -10.0]


# Gold


def test_generated_gold_is_divided_without_a_prompt_in_common() -> None:
    parts = gold_of(Settings(domains=("arithmetic", "transforms"), real=40, heldout=30))
    assert [len(part) for part in parts] == [40, 30, 30]
    prompts = [{record.prompt for record in part} for part in parts]
    assert len(set.union(*prompts)) == sum(map(len, prompts))
    assert all(record.response and record.origin == "real" for part in parts for record in part)


def test_a_file_of_gold_is_divided_by_prompt(tmp_path: Path) -> None:
    path = tmp_path / "gold.jsonl"
    rows = [{"prompt": f"prompt {n % 20}", "completion": f"answer {n}"} for n in range(40)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    parts = gold_of(Settings(data=path, heldout=4))
    prompts = [{record.prompt for record in part} for part in parts]
    assert [len(part) for part in parts] == [24, 8, 8]
    assert sorted(len(one) for one in prompts) == [4, 4, 12]
    assert len(set.union(*prompts)) == 20
    assert gold_of(Settings(data=path, heldout=4)) == parts
    assert gold_of(Settings(data=path, heldout=4, seed=1)) != parts
    assert len(gold_of(Settings(data=path, heldout=4, real=5)).played) == 5


def test_a_file_with_too_few_answers_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "gold.jsonl"
    path.write_text('{"prompt": "a", "completion": "b"}\n' * 9)
    with pytest.raises(DataError, match="1 prompts with an answer, expected four at least"):
        gold_of(Settings(data=path))


def test_answers_may_be_as_long_as_nearly_all_gold_and_what_does_not_fit_is_left_out(run: Run) -> None:
    start = run.model("tiny")
    parts = gold_of(Settings(domains=("arithmetic",), real=4, heldout=40))
    long = parts.aside[0].derive(response="word " * 400, origin="real")
    kept, opponent, looking = run.wait(measured(run, start, parts._replace(aside=[long, *parts.aside])))
    assert long not in kept.aside
    assert (len(kept.aside), len(kept.unseen)) == (40, 40)
    lengths = [len(run.wait(start.logprobs(one.messages, one.response))) for one in (*kept.aside, *kept.unseen)]
    assert looking.max_tokens == max(lengths)
    assert sum(length <= opponent.max_tokens for length in lengths) >= 0.95 * len(lengths)
    assert opponent.temperature == opponent.top_p == 1.0
    with pytest.raises(DataError, match="too few fit"):
        run.wait(measured(run, start, parts._replace(aside=[long])))


# Pairs


def test_an_opponent_answers_in_the_name_of_the_round_and_cut_answers_say_so(run: Run) -> None:
    def answer(messages: Messages, sampling: Sampling, seed: int) -> Completion:
        return Completion(f"{seed}", finish="length" if seed % 2 else "stop", tokens=3)

    opponent = model(run, answer)
    (record, *_) = gold()
    first, second = (
        run.wait(against(record, opponent, sampling=Sampling(), samples=12, number=number)) for number in (1, 2)
    )
    assert not {pair.rejected for pair in first} & {pair.rejected for pair in second}
    assert len({pair.id for pair in first}) == 12
    for pair in first:
        assert (pair.response, pair.origin, pair.parents) == (record.response, "synthetic", (record.id,))
        assert pair["cut"] == (["rejected"] if int(pair.rejected) % 2 else [])


@pytest.mark.parametrize(
    ("text", "same"),
    [("4 + 4 = 8", True), (" 4 + 4 =\n8.", True), ("4 + 4 = 9", False), ("4+4 = 8", False)],
)
def test_an_answer_that_is_the_gold_makes_no_pair(text: str, same: bool) -> None:
    pair = gold()[4].derive(rejected=text)
    assert alike(pair.rejected, pair.response) is same
    if same:
        with pytest.raises(Rejected, match="wrote the gold"):
            unlike_gold(pair)
    else:
        assert unlike_gold(pair) is pair


def test_an_empty_answer_makes_no_pair() -> None:
    with pytest.raises(Rejected, match="wrote nothing"):
        answered(gold()[0].derive(rejected=" "))


def test_right_is_what_the_domain_the_target_or_the_gold_says(run: Run) -> None:
    right = judged_by(run)
    (problem,) = worked(problems(("arithmetic",), 1, seed=0, split="train"))
    plain, known = gold()[3], replace(gold()[3], target="6", _id="")
    assert run.wait(right(problem, problem.response))
    assert not run.wait(right(problem, "no idea"))
    assert run.wait(right(known, "It is 3 + 3, so the answer is 6"))
    assert not run.wait(right(known, "It is 7"))
    assert run.wait(right(plain, "3 + 3 = 6."))
    assert not run.wait(right(plain, "It is 6"))


def test_right_answers_may_be_kept_out_of_the_pairs(run: Run) -> None:
    is_wrong, known = wrong(judged_by(run)), replace(gold()[3], target="6", _id="")

    async def judged(answer: str) -> Record:
        return await is_wrong(known.derive(rejected=answer))

    assert run.wait(judged("7")).rejected == "7"
    with pytest.raises(Rejected, match="is right"):
        run.wait(judged("It is 6"))


# Looks


def test_a_look_measures_gold_and_answers(run: Run) -> None:
    def answer(messages: Messages, sampling: Sampling, seed: int) -> Completion:
        if sampling.temperature == 0:
            return Completion("3 + 3 = 6", tokens=10)
        return Completion("3 + 3 =", finish="length", tokens=7)

    found = run.wait(
        look_at(run, model(run, answer, per_character), gold(5), judged_by(run), Sampling(max_tokens=7), name="look")
    )
    one = found.seen[3]
    assert (one.gold, one.gold_tokens) == (-14.5, 10)
    assert (one.own, one.own_tokens, one.cut) == (-3.5, 7, True)
    assert (one.greedy, one.sampled) == (True, False)
    assert found.marks.of == {"greedy": (0, 0, 0, 1, 0), "T=1": (0,) * 5}
    assert found.right == [0, 0, 0, 0.5, 0]
    figures = found.figures()
    assert (figures["nll"], figures["entropy"], figures["cut"], figures["length"]) == (14.5, 3.5, 1.0, 0.7)
    assert (figures["greedy"], figures["T=1"], figures["plain"]) == (0.2, 0.0, 0.0)
    assert figures["distinct"] == 3 / 15


def test_gold_and_answers_are_told_apart_by_the_gain_in_log_probability(run: Run) -> None:
    def seen(value: float) -> Seen:
        return Seen(-8.0, 3, "no", False, value, 3, False, False)

    def look(*values: float) -> Look:
        return Look(tuple(seen(-4.0)._replace(gold=value) for value in values))

    records = gold(4)
    after = model(run, shouted(""), lambda messages, response: [-1.0, -1.0, -1.0], name="after")
    gains = run.wait(told_apart(run, records, look(-8, -8, -8, -8), look(-2, -7.5, -6.5, -9), after, name="apart"))
    assert gains is not None
    assert (gains.value, gains.n) == (0.5, 8)  # the gold gained 6, 0.5, 1.5 and -1, every answer 1
    alone = run.wait(told_apart(run, records[:1], look(-8), look(-2), after, name="one"))
    assert alone is None


def test_an_answer_that_fills_the_context_is_left_out_of_what_it_cannot_be_measured_for(run: Run) -> None:
    def scores(messages: Messages, response: str) -> list[float]:
        if response == "3":
            raise CallFailed("Prompt and response have 257 tokens")
        return per_character(messages, response)

    full = model(run, lambda messages, sampling, seed: messages[0].content[0], scores)
    found = run.wait(look_at(run, full, gold(), judged_by(run), Sampling(), name="look"))
    assert math.isnan(found.seen[3].own)
    assert (len(found.own), len(found.gold)) == (5, 6)
    assert found.figures()["entropy"] == 10.5
    apart = run.wait(told_apart(run, gold(), found, found, full, name="apart"))
    assert apart is not None
    assert apart.n == 11


def test_equal_models_cannot_tell_gold_from_answers(run: Run) -> None:
    twin = model(run, lambda messages, sampling, seed: f"{seed % 7}", per_character)
    found = run.wait(look_at(run, twin, gold(), judged_by(run), Sampling(), name="look"))
    same = run.wait(told_apart(run, gold(), found, found, twin, name="same"))
    assert same is not None
    assert (same.value, same.low, same.high) == (0.5, 0.5, 0.5)


# Arms


def arm(run: Run, **settings: Any) -> Arm:
    game, _ = run.wait(arm_of(run, QUICK.model_copy(update=settings)))
    return game


def test_rounds_take_their_strength_and_rate_the_last_one_stays(run: Run) -> None:
    game = arm(run, game=Game(strengths=(1, 2), rates=(1, 0.5), gold_weight=0.3))
    assert [game._objective(number).parameters["strength"] for number in (1, 2, 3)] == [1, 2, 2]
    assert game._objective(1).parameters["gold_weight"] == 0.3
    control = replace(game, how="dpo")._objective(2)
    assert (control.name, control.parameters["beta"], control.parameters["sft_weight"]) == ("dpo", 1, 0.3)
    assert replace(game, how="sft")._objective(2).name == "sft"


def test_the_paper_is_a_preset() -> None:
    assert Settings.model_validate({"game": "paper"}).game == PAPER
    assert Settings.model_validate({"game": "default"}) == Settings()
    assert Settings.model_validate({"game": {"opponents": 2}}).game == Game(opponents=2)
    assert (PAPER.strengths, PAPER.opponents, PAPER.optimizer) == ((0.1, 0.1, 0.1, 5.0), 2, "rmsprop")
    with pytest.raises(ValueError, match="at least 1 item"):
        Settings.model_validate({"game": {"strengths": []}})


def test_two_opponents_bring_the_pairs_of_the_round_before(run: Run) -> None:
    game = replace(arm(run, game=Game(opponents=2)), strict=False)
    first, second = run.wait(game.play(2)).turns
    assert list(first.data.manifest["mix"]["made"]) == ["1"]
    assert list(second.data.manifest["mix"]["made"]) == ["1", "2"]
    assert {record.id for record in first.data if record.rejected} < {record.id for record in second.data}


def test_the_reference_is_the_start_of_the_round_and_of_dpo_the_start_of_all(run: Run) -> None:
    game = replace(arm(run), strict=False)
    for how, expected in (("spin", 2), ("dpo", 1)):
        run.wait(replace(game, how=how, name=how).play(2))  # type: ignore[arg-type]
        fits = [effect.request for effect in run.store.effects() if effect.kind == "fit"][-2:]
        starts = {request.get("models", {}).get("reference", request["base"]) for request in fits}
        assert len(starts) == expected, how
        assert {request["objective"]["name"] for request in fits} == {how}
        assert fits[0]["base"] != fits[1]["base"]


@pytest.mark.slow
def test_controls_take_equal_steps_and_the_gold_stays_in_every_mix(run: Run) -> None:
    game = replace(arm(run, samples=2), strict=False)
    ids = {record.id for record in game.played}
    for how in ("spin", "sft", "dpo"):
        for turn in run.wait(replace(game, how=how, name=how).play(2)).turns:
            assert len(read_log(turn.model.folder).losses) == QUICK.steps
            assert ids <= {name for record in turn.data for name in (record.id, *record.parents)}
    drawn = {path.name for path in (run.folder / "data").iterdir()}
    assert {"spin-1-drawn", "spin-2-drawn", "dpo-1-drawn"} <= drawn
    assert not {"sft-1-drawn", "dpo-2-drawn"} & drawn


def test_a_model_that_writes_the_gold_has_nothing_left_to_play_for(run: Run) -> None:
    game = arm(run)
    wise = {record.messages: record.response for record in game.played}

    def answer(messages: Messages, sampling: Sampling, seed: int) -> str:
        return wise[tuple(messages)]

    player = model(run, answer, per_character)
    played = run.wait(replace(game, start=player).play(3))
    assert [(turn.verdict.over, turn.model.digest) for turn in played.turns] == [(True, player.digest)]
    assert "no pair is left" in played.turns[0].verdict.why
    assert len(Dataset(run.folder / "data" / "spin-1")) == len(game.played)


class Fixed(Arm):
    """An arm whose looks are given: what matters is the verdict."""

    given: dict[str, Look] = {}  # noqa: RUF012 -- filled by the tests

    async def look(self, model: RememberedModel) -> Look:
        return self.given[model.name]


def looked(gold_logp: float, right: bool = True) -> Look:
    return Look(
        tuple(
            Seen(gold_logp - place % 3 / 100, 3, "an answer", False, -1.0 - place % 5, 3, right, right)
            for place in range(40)
        )
    )


@pytest.mark.parametrize(
    ("after", "strict", "accepted", "over"),
    [
        (looked(-4.0), True, True, False),
        (looked(-6.0), True, False, False),
        (looked(-4.0, right=False), True, False, False),
        (looked(-6.0), False, True, False),
        (looked(-5.0), True, True, True),
    ],
)
def test_a_round_is_kept_if_gold_and_right_answers_do_not_suffer(
    run: Run, after: Look, strict: bool, accepted: bool, over: bool
) -> None:
    game, _ = run.wait(arm_of(run, QUICK))
    aside = gold(40)
    fields = {name: getattr(game, name) for name in ("run", "start", "settings", "played", "right", "opponent")}
    judge = Fixed(**fields, aside=aside, looking=game.looking, strict=strict)
    judge.given.update({"before": looked(-5.0), "after": after})
    before, later = (
        model(run, shouted(""), lambda messages, response: [-1.0 - int(messages[0].content.split()[0]) % 5], name=name)
        for name in ("before", "after")
    )
    verdict, figures = run.wait(judge._judged(before, later, 1))
    assert (verdict.accepted, verdict.over) == (accepted, over), verdict.why
    assert figures["refused"] is (after.gold[0] < -5.5 or not after.right[0])


# The recipe


def test_a_model_without_weights_is_refused_before_anything_is_drawn(run: Run) -> None:
    with pytest.raises(SettingsError, match="no weights in this process"):
        run.wait(spin(run, Settings(model="openai:mock@http://127.0.0.1:9/v1")))
    assert not list(run.store.effects())


@pytest.mark.slow
def test_the_recipe_sets_the_game_beside_its_controls(run: Run) -> None:
    outcome = run.wait(spin(run, QUICK))
    assert list(outcome.looks) == ["base", "spin", "continued SFT", "DPO, wrong answers"]
    assert all(len(look.seen) == QUICK.heldout for look in outcome.looks.values())
    kinds = [block.kind for block in load(run.folder)]
    assert kinds == ["headline", "scores", "scores", "text", *["curves"] * 8]
    ledger = json.loads((run.folder / "rounds.json").read_text("utf-8"))
    assert set(ledger) == {"spin", "sft", "dpo"}
    assert all(math.isfinite(entry["figures"]["nll"]) for entries in ledger.values() for entry in entries)


@pytest.mark.slow
def test_a_file_of_gold_is_played_for(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "gold.jsonl"
    rows = [{"prompt": f"{n} + {n} = ?", "completion": f"{n} + {n} = {2 * n}"} for n in range(16)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    outcome = run.wait(spin(run, Settings(data=path, steps=1, rounds=1, controls=False)))
    assert [len(look.seen) for look in outcome.looks.values()] == [4, 4]
    (turn,) = outcome.played["spin"].turns
    assert turn.data.manifest["mix"]["real"] == 8
    assert {record.response for record in turn.data} <= {row["completion"] for row in rows}
