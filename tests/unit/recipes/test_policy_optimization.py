"""On-policy rounds: one draw per prompt, guards, groups, lessons, and rounds that resume."""

import asyncio
import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from safetensors import safe_open

from regrowth.core.dataset import Dataset
from regrowth.core.errors import SettingsError
from regrowth.core.protocols import Completion, Sampling
from regrowth.core.record import Messages, Record, digest
from regrowth.core.store import Store
from regrowth.domains import DOMAINS, problems
from regrowth.models.model import RememberedModel
from regrowth.models.scripted import ScriptedBackend
from regrowth.models.tiny import tiny_backend
from regrowth.models.vllm import VllmBackend
from regrowth.recipes._groups import (
    accepted,
    beside_siblings,
    best_and_worst,
    by_chance,
    facts,
    grouped,
    judge,
    repeated,
    scaled,
)
from regrowth.recipes._rounds import replies
from regrowth.recipes.evaluation import Marks
from regrowth.recipes.policy_optimization import (
    Arm,
    Guards,
    Settings,
    _arms,
    best,
    policy_optimization,
    shared_draw,
)
from regrowth.reports.blocks import load
from regrowth.run import Run, open_run
from regrowth.training.journal import read_log

SMALL = Settings(samples=4, steps=2, learning_rate=1e-3)
LOOP = "the bus at the stop " * 12


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Run]:
    with open_run(tmp_path / "run") as opened:
        yield opened


def prompts(count: int = 8, seed: int = 0) -> list[Record]:
    return list(problems(tuple(DOMAINS), count, seed=seed, split="train"))


def taste(reply: Record) -> float:
    """Return a reward that tells nearly every text from every other."""
    return int(digest(reply.response)[:4], 16) / 0xFFFF


def group(*rewards: float, prompt: str = "3 + 4?", **scores: float) -> list[Record]:
    """Return judged replies to one prompt; NaN has no reward."""
    asked = Record.of(prompt)
    return [
        asked.derive(
            response=f"reply {place}",
            attributes={"sample": place, "cut": []},
            scores={**({} if math.isnan(value) else {"reward": value, "judged": value}), "cut": 0.0, **scores},
        )
        for place, value in enumerate(rewards)
    ]


def groups(*members: Sequence[Record]) -> Mapping[str, Sequence[Record]]:
    return grouped(reply for one in members for reply in one)


def judged(reply: Record, tmp_path: Path, **how: Any) -> Record:
    """Judge a reply of a policy and a start that give its tokens fixed log-probabilities."""

    def scores(values: list[float]) -> Any:
        return lambda messages, response: values

    def silent(messages: Messages, sampling: Sampling, seed: int) -> str:
        return ""

    with Store(tmp_path / "store") as store:
        policy, start = (
            RememberedModel(ScriptedBackend(silent, name=name, scores=scores(values)), store)
            for name, values in (("policy", [-0.5, -1.0, -0.1]), ("start", [-0.7, -0.6, -3.0]))
        )
        settings: dict[str, Any] = {"reward": lambda _: 1.0, "guards": Guards(), **how}
        return asyncio.run(judge(reply, policy, start, **settings))


# One draw per prompt


def test_all_replies_to_a_prompt_share_one_draw_and_prompts_differ(run: Run) -> None:
    heard: dict[str, set[str]] = {}

    def reward(reply: Record) -> float:
        heard.setdefault(reply.parents[-1], set()).add(str(reply["principles"]))
        return taste(reply)

    asked = [shared_draw(prompt, lambda rng: rng.sample(range(100), 3)) for prompt in prompts()]
    arm = Arm(run, run.model("tiny"), SMALL, reward=reward)
    run.wait(arm.round(arm.start, asked, 1))
    assert list(heard) == [prompt.id for prompt in asked]
    assert [len(drawn) for drawn in heard.values()] == [1] * len(asked)
    assert len(set.union(*heard.values())) == len(asked)


def test_a_draw_follows_from_the_prompt_and_the_round() -> None:
    prompt, other = prompts(2)
    drawn = [
        shared_draw(one, lambda rng: rng.random(), number=n)["principles"] for one in (prompt, other) for n in (1, 2)
    ]
    assert len(set(drawn)) == 4
    assert shared_draw(prompt, lambda rng: rng.random(), number=1)["principles"] == drawn[0]
    assert shared_draw(prompt, lambda rng: rng.random()).origin == prompt.origin


# Guards


def test_a_reply_that_was_cut_says_which_side_and_gets_no_end_token(run: Run) -> None:
    prompt = Record.of("Name all numbers.")

    def endless(messages: Messages, sampling: Sampling, seed: int) -> Completion:
        return Completion("1 2 3", "length" if seed % 2 else "stop", tokens=3)

    with Store(run.folder.parent / "store") as store:
        writer = RememberedModel(ScriptedBackend(endless), store)
        drawn = asyncio.run(replies(prompt, writer, sampling=Sampling(), samples=16, number=1))
    sides = {one["finish"]: one["cut"] for one in drawn}
    assert sides == {"length": ["response"], "stop": []}


@pytest.mark.parametrize(
    ("text", "cut", "guards", "reward"),
    [
        ("7", [], Guards(), 1.0),
        ("7", ["response"], Guards(), 0.5),
        ("7", ["response"], Guards(penalty=2), -1.0),
        ("7", ["response"], Guards(unfinished="mask"), None),
        (LOOP, [], Guards(), 0.5),
        (LOOP, ["response"], Guards(), 0.0),
        (LOOP, ["response"], Guards(repeats=1), 0.5),
    ],
)
def test_guards_take_from_the_reward_and_leave_the_judgement(
    text: str, cut: list[str], guards: Guards, reward: float | None, tmp_path: Path
) -> None:
    reply = Record.of("?", response=text, sample=0, cut=cut)
    found = judged(reply, tmp_path, guards=guards).scores
    assert found.get("reward") == reward
    assert (found["judged"], found["cut"]) == (1.0, float(bool(cut)))


def test_right_answers_of_all_domains_are_not_repetitive() -> None:
    assert max(repeated(problem.target) for problem in prompts(2000)) < Guards().repeats
    assert repeated(LOOP) > 0.8


def test_a_reward_that_is_not_known_is_no_reward(tmp_path: Path) -> None:
    found = judged(Record.of("?", response="7", sample=0), tmp_path, reward=lambda _: math.nan).scores
    assert not {"judged", "reward"} & set(found)


def test_a_reward_may_be_awaited(tmp_path: Path) -> None:
    async def reward(reply: Record) -> float:
        await asyncio.sleep(0)
        return 0.25

    assert judged(Record.of("?", response="7", sample=0), tmp_path, reward=reward).scores["reward"] == 0.25


# Distance


def test_the_distance_to_the_start_is_summed_over_the_tokens_that_were_drawn(tmp_path: Path) -> None:
    whole = judged(Record.of("?", response="7", sample=0, cut=[]).scored(drawn=3), tmp_path).scores
    assert whole["kl"] == pytest.approx(0.2 - 0.4 + 2.9)
    assert whole["k3"] == pytest.approx(sum(math.exp(-gap) - 1 + gap for gap in (0.2, -0.4, 2.9)))
    assert (whole["tokens"], whole["other"]) == (3, 0)
    cut = judged(Record.of("?", response="7", sample=0, cut=["response"]).scored(drawn=3), tmp_path).scores
    assert cut["kl"] == pytest.approx(0.2 - 0.4)
    assert (cut["tokens"], cut["other"]) == (2, 1)


def test_only_the_first_replies_are_measured(tmp_path: Path) -> None:
    reply = Record.of("?", response="7", sample=2)
    assert "kl" not in judged(reply, tmp_path, measured=2).scores
    assert "kl" in judged(reply, tmp_path, measured=3).scores


# Lessons


def test_advantages_stand_in_the_identity_so_that_two_lessons_never_share_a_training() -> None:
    one, other = (scaled(groups(group(*rewards))) for rewards in ((1, 0, 0), (0, 1, 0)))
    assert [reply.response for reply in one] == [reply.response for reply in other]
    assert [reply.id for reply in one] != [reply.id for reply in other]
    assert [reply["advantage"] for reply in one] == pytest.approx([1.1545, -0.5772, -0.5772], abs=1e-3)
    assert one[0].parents[-1] == group(1, 0, 0)[0].id


def test_groups_without_two_different_rewards_teach_nothing() -> None:
    silent = groups(group(1, 1, 1), group(math.nan, 1, prompt="one known"), group(0, prompt="alone"))
    assert [lesson(silent) for lesson in (scaled, best_and_worst)] == [[], []]
    assert beside_siblings(silent, kl_weight=0.0) == []


def test_leave_one_out_pays_for_distance() -> None:
    members = [reply.scored(kl=kl) for reply, kl in zip(group(1, 0, 0), (2.0, 1.0, 0.0), strict=True)]
    free = [reply["advantage"] for reply in beside_siblings(groups(members), kl_weight=0.0)]
    paid = [reply["advantage"] for reply in beside_siblings(groups(members), kl_weight=0.1)]
    assert free == pytest.approx([1, -0.5, -0.5])
    assert paid == pytest.approx([0.8 - -0.05, -0.1 - 0.4, 0 - 0.35])


def test_the_best_and_the_worst_make_a_pair_and_know_their_gap() -> None:
    members = group(0.5, math.nan, 1.0, -0.5, 1.0, -0.5)
    members[3] = replace(members[3], attributes={**members[3].attributes, "cut": ["response"]}, _id="")
    (pair,) = best_and_worst(groups(members, group(1, 1, prompt="tie")))
    assert (pair.response, pair.rejected) == ("reply 2", "reply 3")
    assert (pair["reward_gap"], pair["cut"]) == (1.5, ["rejected"])
    assert set(pair.parents) >= {members[2].id, members[3].id}


def test_chance_deals_out_the_same_rewards_within_each_group() -> None:
    given = groups(*(group(1, 0, 0, 0.5, math.nan, prompt=str(number)) for number in range(8)))
    dealt = by_chance(given, 1)
    for prompt, members in given.items():
        known = [reply.scores["reward"] for reply in members if "reward" in reply.scores]
        assert Counter(reply.scores["reward"] for reply in dealt[prompt]) == Counter(known)
    assert scaled(dealt) != scaled(given)
    assert scaled(by_chance(given, 1)) == scaled(dealt)
    assert scaled(by_chance(given, 2)) != scaled(dealt)


def test_rejection_sampling_keeps_right_replies_that_ended_once_each() -> None:
    members = group(1, 1, 0, 1)
    members[1] = replace(members[1], response=members[0].response, _id="")
    members[3] = members[3].scored(cut=1.0)
    assert accepted(groups(members)) == [members[0]]


def test_a_round_is_summed_up() -> None:
    given = groups(
        group(1, 0, kl=0.5, k3=0.2, tokens=4.0, drawn=4.0), group(1, 1, math.nan, prompt="b", drawn=6.0, cut=1.0)
    )
    found = facts(given, asked=3)
    assert (found["signal"], found["constant"], found["unknown"], found["lost"]) == (0.5, 1, 1, 1)
    assert (found["reward"], found["drawn"], found["cut"]) == (0.75, 5.2, 0.6)
    assert (found["kl"], found["kl_per_token"], found["k3_per_token"]) == (0.5, 0.125, 0.05)
    assert facts({}, asked=3) == {"lost": 3.0}


# Rounds


@pytest.mark.parametrize("how", ["grpo", "rloo", "best_of_n_dpo", "best_of_n_rpo", "filtered", "real"])
def test_every_method_takes_a_round(run: Run, how: Any) -> None:
    settings = SMALL.model_copy(update={"kl_weight": 0.05})
    arm = Arm(run, run.model("tiny"), settings, how=how, reward=lambda reply: float(taste(reply) > 0.5))
    first = run.wait(arm.round(arm.start, prompts(), 1, tokens=400))
    assert first.policy.digest != arm.start.digest
    assert len(read_log(first.policy.folder).losses) == SMALL.steps
    assert first.facts["lesson"] == len(run.dataset("policy-1-lesson")) > 0


def test_the_optimizer_goes_on_over_the_rounds(run: Run) -> None:
    arm = Arm(run, run.model("tiny"), SMALL, reward=taste)
    first = run.wait(arm.round(arm.start, prompts(), 1))
    second = run.wait(arm.round(first.policy, prompts(seed=1), 2))
    steps = []
    for policy in (first.policy, second.policy):
        with safe_open(policy.folder / "optimizer" / "state.safetensors", "pt") as file:
            steps.append(int(file.metadata()["steps"]))
    assert steps == [2, 4]
    assert second.facts["kl"] != 0
    assert first.facts["kl"] == 0


def test_steps_see_what_is_trained_on_about_once(run: Run) -> None:
    arm = Arm(run, run.model("tiny"), SMALL, reward=taste)
    first = run.wait(arm.round(arm.start, prompts(16), 1))
    log = read_log(first.policy.folder)
    assert log.records == len(run.dataset("policy-1-lesson"))
    assert 0.6 < log.tokens / (first.tokens * SMALL.steps) < 1.4


def test_a_round_that_is_repeated_costs_nothing(run: Run) -> None:
    arm = Arm(run, run.model("tiny"), SMALL, reward=taste)
    first = run.wait(arm.round(arm.start, prompts(), 1))
    effects = {effect.key for effect in run.store.effects()}
    again = run.wait(arm.round(arm.start, prompts(), 1))
    assert (again.policy.digest, again.facts) == (first.policy.digest, first.facts)
    assert {effect.key for effect in run.store.effects()} == effects


@pytest.mark.slow
def test_a_run_that_was_stopped_in_its_second_round_ends_with_the_same_weights(tmp_path: Path) -> None:
    def climb(folder: Path, judged_at_most: float = math.inf) -> str:
        seen = 0

        def reward(reply: Record) -> float:
            nonlocal seen
            seen += 1
            if seen > judged_at_most:
                raise SettingsError("stopped here")
            return taste(reply)

        with open_run(folder) as run:
            arm = Arm(run, run.model("tiny"), SMALL, reward=reward)
            first = run.wait(arm.round(arm.start, prompts(), 1))
            return run.wait(arm.round(first.policy, prompts(seed=1), 2)).policy.digest

    with pytest.raises(SettingsError, match="stopped here"):
        climb(tmp_path / "stopped", judged_at_most=40)
    assert climb(tmp_path / "stopped") == climb(tmp_path / "undisturbed")


def test_a_reply_whose_reward_fails_is_written_down_and_the_others_go_on(run: Run) -> None:
    def reward(reply: Record) -> float:
        if reply["sample"] == 1:
            raise ValueError("no idea")
        return taste(reply)

    arm = Arm(run, run.model("tiny"), SMALL, reward=reward)
    run.wait(arm.round(arm.start, prompts(), 1))
    lost = list(run.dataset("policy-1-judged").ledger())
    assert [entry.reason for entry in lost] == ["ValueError: no idea"] * 8
    assert {entry.record["sample"] for entry in lost} == {1}
    assert {record["sample"] for record in run.dataset("policy-1-lesson")} == {0, 2, 3}


def test_a_round_without_signal_leaves_the_policy_as_it_is(run: Run) -> None:
    arm = Arm(run, run.model("tiny"), SMALL, reward=lambda _: 1.0)
    first = run.wait(arm.round(arm.start, prompts(), 1))
    assert first.policy is arm.start
    assert (first.facts["signal"], first.facts["constant"], first.facts["lesson"]) == (0, 8, 0)


def test_rounds_and_arms_draw_other_replies_only_where_the_policy_or_the_round_differs(run: Run) -> None:
    arm = Arm(run, run.model("tiny"), SMALL, reward=taste)
    run.wait(arm.round(arm.start, prompts(), 1))
    run.wait(replace(arm, name="chance", chance=True).round(arm.start, prompts(), 1))
    run.wait(replace(arm, name="later").round(arm.start, prompts(), 2))

    def drawn(name: str) -> list[str]:
        return [record.response for record in Dataset(run.folder / "data" / name)]

    assert drawn("policy-1-drawn") == drawn("chance-1-drawn") != drawn("later-2-drawn")
    assert run.dataset("policy-1-lesson").fingerprint != run.dataset("chance-1-lesson").fingerprint


# Another engine draws


def test_a_server_of_its_own_draws_for_every_policy(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "bin" / "vllm"
    program.parent.mkdir()
    program.touch(0o755)
    monkeypatch.setenv("PATH", str(program.parent))
    folder = run.model("tiny").folder
    arm, *_ = _arms(run, Settings(model=f"vllm:{folder}?memory=0.4"))
    assert arm.start.folder == folder
    assert arm.writer is not None
    writer = arm.writer(arm.start)
    assert isinstance(writer.backend, VllmBackend)
    assert writer.folder == folder


# The recipe


def test_pairs_without_a_beta_are_refused_before_anything_is_drawn() -> None:
    with pytest.raises(ValueError, match="it is the beta of best_of_n_dpo"):
        Settings(method="best_of_n_dpo", kl_weight=0)
    assert Settings(method="grpo", kl_weight=0).kl_weight == 0


def test_the_best_round_is_the_first_of_the_best() -> None:
    marks = [
        Marks({"greedy": greedy, "T=1": sampled})
        for greedy, sampled in [((1, 0), (0, 0)), ((1, 0), (1, 0)), ((0, 0), (1, 1)), ((0, 0), (1, 0))]
    ]
    assert best(marks) == 1
    assert best([marks[0], marks[0]]) == 0


@pytest.mark.slow
def test_the_recipe_marks_every_arm_and_replays_without_effects(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("regrowth.recipes.policy_optimization.DEVELOPMENT", 16)
    settings = Settings(prompts=8, samples=4, rounds=2, steps=2, heldout=24)

    def once() -> tuple[Any, set[str]]:
        with open_run(tmp_path / "run") as run:
            outcome = run.wait(policy_optimization(run, settings))
            return outcome, {effect.key for effect in run.store.effects()}

    outcome, effects = once()
    assert list(outcome.marks) == ["base", "grpo", "filtered", "chance", "real"]
    climbed = [one.policy.digest for one in outcome.rounds["grpo"]]
    assert outcome.model.digest == [tiny_backend().digest, *climbed][outcome.kept["grpo"]]
    assert outcome.drift["base"].value == 0
    budgets = {name: [one.tokens for one in rounds] for name, rounds in outcome.rounds.items()}
    assert len({tuple(one) for one in budgets.values()}) == 1
    kinds = [block.kind for block in load(tmp_path / "run")]
    assert kinds == ["headline", "scores", "text", *["curves"] * 7]
    again, repeated_effects = once()
    assert repeated_effects == effects
    assert again.marks == outcome.marks
