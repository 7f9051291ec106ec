"""Policy optimisation: in each round the policy draws replies, a reward judges them, and a few steps follow from that.

Sources: GRPO (Shao et al., 2024, arXiv:2402.03300), RLOO (Ahmadian et al., 2024, arXiv:2402.14740), and as the cheap
variant the best and the worst of n as pairs for DPO (Rafailov et al., 2023, arXiv:2305.18290) or for reward-aware
preference optimisation (Sun et al., 2025, arXiv:2502.00203); guards after SALMON (arXiv:2310.05910).
Departs from them in three points: groups with equal rewards are left out of the steps (as in DAPO, but not drawn
anew); the round that does best on development problems is returned, not the last; every round is effects and fits, so a
run that was killed goes on.

One group on its way:
    prompt       "Tom has 3 pens and buys 4 more. How many pens?"
    responses    "3 + 4 = 7"    "3 + 4 = 8"    "3 + 4 = 7"    "3 × 4 = 12"
    rewards       1              0              1              0             # any function of a record
    advantages   +0.87          -0.87          +0.87          -0.87          # of `grpo`
"""

import math
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Literal, TypeAlias

from pydantic import NonNegativeFloat, NonNegativeInt, PositiveFloat, PositiveInt

from regrowth.core.dataset import Dataset
from regrowth.core.errors import Rejected
from regrowth.core.protocols import Completion, Estimate, Model, Sampling
from regrowth.core.record import Json, Record, digest
from regrowth.core.settings import Frozen
from regrowth.domains import DOMAINS, problems, verified
from regrowth.metrics.intervals import mean
from regrowth.models.model import RememberedModel
from regrowth.recipes._rounds import (
    Groups,
    Guards,
    Lesson,
    Reward,
    accepted,
    beside_siblings,
    best_and_worst,
    by_chance,
    distance,
    facts,
    grouped,
    judge,
    scaled,
    shared_draw,
)
from regrowth.recipes.evaluation import MODES, Marks, compared, evaluate
from regrowth.recipes.rejection_sampling import worked
from regrowth.reports.blocks import Block, Curves, Series, Text, save
from regrowth.run import Run
from regrowth.training.settings import TrainingSettings

if TYPE_CHECKING:
    from regrowth.training.objectives import Objective

__all__ = ["Arm", "Guards", "Method", "Outcome", "Round", "Settings", "policy_optimization", "shared_draw", "verdict"]

Method: TypeAlias = Literal["grpo", "rloo", "best_of_n_dpo", "best_of_n_rpo"]
How: TypeAlias = Literal["grpo", "rloo", "best_of_n_dpo", "best_of_n_rpo", "filtered", "real"]
"""The methods, and what the controls do: train on right replies, or on worked solutions."""

SAMPLING = Sampling(temperature=1.0, top_p=1.0, max_tokens=96)
DEVELOPMENT = 256
"""Problems by which the round is chosen; none of them is trained on or evaluated on."""
KL_WEIGHTS: Mapping[How, float] = {"best_of_n_dpo": 0.1, "best_of_n_rpo": 0.1}
SCALE = 1.0
"""Log-odds that a reward gap of 1 asks for, in `best_of_n_rpo`."""


class Settings(Frozen):
    """Say what is to be learnt, and how much may be drawn and trained."""

    model: str = "tiny"
    """The policy at its start: `tiny`, `hf:org/name` or a folder; `vllm:folder` draws by a server of its own."""
    domains: tuple[str, ...] = tuple(DOMAINS)
    """Where problems come from."""
    method: Method = "grpo"
    """How rewards become steps; the last two train pairs of the best and the worst reply."""
    prompts: PositiveInt = 64
    """Fresh problems per round."""
    samples: PositiveInt = 8
    """Replies drawn to each of them."""
    rounds: PositiveInt = 6
    steps: PositiveInt = 4
    """Optimizer steps per round; together they see about as many tokens as were drawn and prompted."""
    learning_rate: PositiveFloat = 3e-4
    """It climbs over the first round and then stays."""
    kl_weight: NonNegativeFloat | None = None
    """What distance costs. grpo: of κ in the loss; rloo: of the log-ratio in the reward; both are against the model of
    the start, 0 by default. The best of n: beta, against the model of the round's start, 0.1 by default."""
    heldout: PositiveInt = 800
    """Problems for the evaluation, disjoint from all others by construction."""
    controls: bool = True
    """Whether to train the controls: right replies alone, rewards dealt out anew, worked solutions."""
    seed: NonNegativeInt = 0


@dataclass(frozen=True, slots=True)
class Round:
    """What one round did."""

    policy: RememberedModel
    """As it is after the round."""
    facts: Mapping[str, float]
    """Of the replies that it drew before its steps; see `_rounds.facts`."""
    tokens: int
    """Of one step."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the recipe returns."""

    model: RememberedModel
    """The policy after its best round."""
    rounds: Mapping[str, Sequence[Round]]
    """Per arm."""
    marks: Mapping[str, Marks]
    """Per arm, right or wrong on each held-out problem."""
    kept: Mapping[str, int]
    """Per arm, the round that was kept; 0 is the start."""
    drift: Mapping[str, Estimate]
    """Per arm, log policy - log start of its held-out replies at T=1, in nats per reply."""


def verdict(reply: Record) -> float:
    """Return 1 for a reply that its domain's program finds right, else 0: the default reward."""
    try:
        verified(reply)
    except Rejected:
        return 0.0
    return 1.0


# A round ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Arm:
    """One way of training, round by round: any prompts, any reward.

    arm = Arm(run, run.model("tiny"), Settings(), reward=brevity)
    first = await arm.round(arm.start, prompts, number=1)
    second = await arm.round(first.policy, others, number=2)
    """

    run: Run
    start: RememberedModel
    settings: Settings
    """`model`, `domains`, `prompts`, `rounds`, `heldout` and `controls` are not read here."""
    how: How = "grpo"
    name: str = "policy"
    """Begins the names of its datasets."""
    reward: Reward = verdict
    guards: Guards = field(default_factory=Guards)
    chance: bool = False
    """Whether rewards are dealt out anew within each group."""
    sampling: Sampling = SAMPLING
    writer: Callable[[RememberedModel], RememberedModel] | None = None
    """Gives the model that draws for a policy, where that is another one: the same weights on a server."""

    async def round(self, policy: RememberedModel, prompts: Sequence[Record], number: int, *, tokens: int = 0) -> Round:
        """Draw, judge, and train some steps.

        Args:
            number: counted from 1; the first round warms up.
            tokens: of a step; 0 takes what makes the steps see as many as were drawn.
        """
        told: dict[str, float] = {}
        if self.how == "real":
            lesson = list(worked(prompts))
        else:
            drawn = await self._drawn(policy, prompts, number)
            groups = await self._judged(policy, drawn, number)
            told, tokens = facts(groups, len(prompts)), tokens or self._tokens(drawn)
            lesson = self._lesson(by_chance(groups, number) if self.chance else groups)
        data = self.run.write(f"{self.name}-{number}-lesson", lesson, facts={**told, "lesson": len(lesson)})
        after = await self._trained(policy, data, number, tokens) if lesson else policy
        return Round(after, {**told, "lesson": len(lesson)}, tokens)

    @asynccontextmanager
    async def drawing(self, policy: RememberedModel) -> AsyncIterator[RememberedModel]:
        """Give the model that draws for a policy; a server of its own is stopped afterwards, and frees its memory."""
        writer = policy if self.writer is None else self.writer(policy)
        try:
            yield writer
        finally:
            if writer is not policy:
                await writer.backend.close()

    async def _drawn(self, policy: RememberedModel, prompts: Sequence[Record], number: int) -> Dataset:
        work = partial(replies, sampling=self.sampling, samples=self.settings.samples, number=number)
        async with self.drawing(policy) as writer:
            return await self.run.agrow(prompts, work, writer, name=f"{self.name}-{number}-drawn")

    async def _judged(self, policy: RememberedModel, drawn: Dataset, number: int) -> Groups:
        work = partial(judge, reward=self.reward, guards=self.guards)
        return grouped(await self.run.agrow(drawn, work, policy, self.start, name=f"{self.name}-{number}-judged"))

    def _tokens(self, drawn: Dataset) -> int:
        """Return how many tokens a step holds if the steps of a round see every drawn reply with its prompt once."""
        cost = drawn.manifest["cost"]
        seen = cost["prompt_tokens"] * self.settings.samples + cost["completion_tokens"]
        return max(1, math.ceil(int(seen) / self.settings.steps))

    @property
    def _kl_weight(self) -> float:
        given = self.settings.kl_weight
        return KL_WEIGHTS.get(self.how, 0.0) if given is None else given

    @property
    def _lesson(self) -> Lesson:
        lessons: Mapping[str, Lesson] = {
            "grpo": scaled,
            "rloo": partial(beside_siblings, kl_weight=self._kl_weight),
            "best_of_n_dpo": best_and_worst,
            "best_of_n_rpo": best_and_worst,
            "filtered": accepted,
        }
        return lessons[self.how]

    async def _trained(self, policy: RememberedModel, data: Dataset, number: int, tokens: int) -> RememberedModel:
        settings = self.settings
        how = TrainingSettings(
            steps=settings.steps,
            learning_rate=settings.learning_rate,
            tokens_per_batch=tokens,
            warmup=settings.steps if number == 1 else 0,
            carry=True,
            seed=_seed(settings, "train", number) % 2**31,
        )
        objective = _objective(self.how, self._kl_weight)
        models = {"reference": self.start} if self.how == "grpo" and self._kl_weight else {}
        name = f"{self.name}-{number}"
        return await self.run.afit(policy, data, how, objective=objective, models=models, name=name)


async def replies(prompt: Record, writer: Model, *, sampling: Sampling, samples: int, number: int) -> list[Record]:
    """Draw several replies to one prompt; one that was cut at its token limit says so."""
    seeds = [prompt.seed("reply", number, index) for index in range(samples)]
    drawn = await writer.samples(prompt.messages, sampling, seeds=seeds)
    return [
        prompt.derive(
            response=one.text,
            attributes={"sample": index, **ending(one)},
            scores={"drawn": float(one.tokens)},
        )
        for index, one in enumerate(drawn)
    ]


def ending(completion: Completion) -> dict[str, Json]:
    """Return how a reply ended, as attributes: the tokenizer puts no end token after a side that was `cut`."""
    return {"finish": completion.finish, "cut": ["response"] if completion.finish == "length" else []}


def _objective(how: How, kl_weight: float) -> "Objective":
    from regrowth.training.objectives import dpo, grpo, reward_aware, rloo, sft  # torch, on first use

    makers: Mapping[How, Callable[[], Objective]] = {
        "grpo": partial(grpo, kl_weight=kl_weight, normalise="token"),
        "rloo": rloo,
        "best_of_n_dpo": partial(dpo, beta=kl_weight),
        "best_of_n_rpo": partial(reward_aware, beta=kl_weight, scale=SCALE),
    }
    return makers[how]() if how in makers else sft


# The recipe ---------------------------------------------------------------------------------------------------------


async def policy_optimization(run: Run, settings: Settings) -> Outcome:
    """Return the policy after its best round, marked beside its controls."""
    planned = DEVELOPMENT + settings.rounds * settings.prompts
    fresh = list(problems(settings.domains, planned, seed=_seed(settings, "fresh"), split="train"))
    aside, rest = fresh[:DEVELOPMENT], fresh[DEVELOPMENT:]
    stages = [rest[at : at + settings.prompts] for at in range(0, len(rest), settings.prompts)]
    arms = _arms(run, settings)
    rounds: dict[str, list[Round]] = {}
    seen: dict[str, list[Marks]] = {}
    for arm in arms:
        budget = [one.tokens for one in rounds[arms[0].name]] if arm.how == "real" else [0] * len(stages)
        rounds[arm.name] = await climb(arm, stages, budget)
        seen[arm.name] = [
            await marked(arm, policy, aside, f"{arm.name}, round {number}")
            for number, policy in enumerate([arm.start, *(one.policy for one in rounds[arm.name])])
        ]
    kept = {name: best(marks) for name, marks in seen.items()}
    models = {"base": arms[0].start, **{name: _policy(arms[0].start, rounds[name], kept[name]) for name in rounds}}
    unseen = list(problems(settings.domains, settings.heldout, seed=_seed(settings, "heldout"), split="heldout"))
    marks = {name: await marked(arms[0], model, unseen, f"marking {name}") for name, model in models.items()}
    drift = {name: await drifted(arms[0], model, unseen, f"distance of {name}") for name, model in models.items()}
    outcome = Outcome(models[settings.method], rounds, marks, kept, drift)
    save(run.folder, shown(outcome, seen, settings.method))
    return outcome


def _arms(run: Run, settings: Settings) -> list[Arm]:
    """Return the method and its controls: as many steps, and as many replies wherever replies are drawn."""
    kind, _, place = settings.model.partition(":")
    folder, mark, options = place.partition("?")
    served = kind == "vllm"
    start = run.model(folder if served else settings.model)
    arm = Arm(run, start, settings, how=settings.method, name=settings.method)
    if served:
        arm = replace(arm, writer=lambda policy: run.model(f"vllm:{policy.folder.resolve()}{mark}{options}"))
    controls = [
        replace(arm, how="filtered", name="filtered"),
        replace(arm, chance=True, name="chance"),
        replace(arm, how="real", name="real"),
    ]
    return [arm, *(controls if settings.controls else ())]


async def climb(arm: Arm, stages: Sequence[Sequence[Record]], budget: Sequence[int]) -> list[Round]:
    """Play all rounds of an arm."""
    rounds: list[Round] = []
    for number, (prompts, tokens) in enumerate(zip(stages, budget, strict=True), 1):
        policy = rounds[-1].policy if rounds else arm.start
        rounds.append(await arm.round(policy, prompts, number, tokens=tokens))
    return rounds


async def marked(arm: Arm, policy: RememberedModel, problems: Sequence[Record], name: str) -> Marks:
    """Mark a policy's answers with the verifier."""
    async with arm.drawing(policy) as writer:
        return await evaluate(arm.run, writer, problems, verified, name=name)


async def drifted(arm: Arm, policy: RememberedModel, problems: Sequence[Record], name: str) -> Estimate:
    """Estimate log policy - log start of the answers that were marked at T=1, in nats per answer."""

    async def gap(problem: Record) -> float:
        answer = await writer.generate(problem.messages, MODES["T=1"], seed=problem.seed("evaluation"))
        far = await distance(problem.derive(response=answer.text, attributes=ending(answer)), policy, arm.start)
        return far["kl"]

    async with arm.drawing(policy) as writer:
        return mean(await arm.run.aeach(problems, gap, name=name))


def best(marks: Sequence[Marks]) -> int:
    """Return which round answered most problems right, both modes together; of equals the first, 0 is the start."""
    right = [sum(one.accuracy(mode) for mode in MODES) for one in marks]
    return right.index(max(right))


def _policy(start: RememberedModel, rounds: Sequence[Round], number: int) -> RememberedModel:
    return rounds[number - 1].policy if number else start


def _seed(settings: Settings, *purpose: str | int) -> int:
    return int(digest(settings.seed, purpose)[:8], 16)


# What the report shows ----------------------------------------------------------------------------------------------


def shown(outcome: Outcome, seen: Mapping[str, Sequence[Marks]], method: str) -> list[Block]:
    """Return the blocks of the report: the comparison, what was kept, and the rounds as curves."""
    blocks = compared(outcome.marks, baseline="base", result=method, title=f"{method}, beside its controls")
    kept = ", ".join(f"{arm} {number} of {len(outcome.rounds[arm])}" for arm, number in outcome.kept.items())
    far = ", ".join(
        f"{arm} {one.value:.2f} [{one.low:.2f}, {one.high:.2f}]" for arm, one in outcome.drift.items() if arm != "base"
    )
    said = (
        f"The round that answered most of {DEVELOPMENT} development problems right was kept: {kept}.",
        f"KL to the start on the held-out answers at T=1, nats per answer: {far}.",
        "filtered: trained on its own right replies. chance: rewards dealt out anew within each group; what it gains "
        "is not owed to them. real: trained on the worked solutions of the same prompts.",
    )
    marks = {mode: {arm: [one.accuracy(mode) for one in each] for arm, each in seen.items()} for mode in MODES}
    rights = [
        _curves(f"Development problems, {mode}", "right", of, first=0, unit="share") for mode, of in marks.items()
    ]
    return [*blocks, Text(paragraphs=said), *rights, *_told(outcome.rounds, method)]


def _told(rounds: Mapping[str, Sequence[Round]], method: str) -> list[Block]:
    """Return what was seen of the replies that each round drew, before its steps."""

    def fact(name: str) -> dict[str, list[float | None]]:
        drawing = {arm: each for arm, each in rounds.items() if any(name in one.facts for one in each)}
        return {arm: [one.facts.get(name) for one in each] for arm, each in drawing.items()}

    shares = {"groups with signal": "signal", "cut": "cut", "repetitive": "repetitive", "other tokens": "other"}
    mine = {label: fact(name)[method] for label, name in shares.items()}
    kl = {label: fact(name)[method] for label, name in (("k1", "kl_per_token"), ("k3", "k3_per_token"))}
    return [
        _curves("Reward of the drawn replies", "mean, after the guards", fact("reward")),
        _curves("Groups and replies", f"share, {method}", mine, unit="share"),
        _curves("Length of the drawn replies", "tokens", fact("tokens")),
        _curves("KL to the start, per reply", "nats (k1)", fact("kl")),
        _curves("KL to the start, per token", f"nats, {method}", kl),
    ]


def _curves(
    title: str,
    y: str,
    of: Mapping[str, Sequence[float | None]],
    *,
    first: int = 1,
    unit: Literal["share", "number"] = "number",
) -> Curves:
    series = [
        Series(name=name, x=tuple(range(first, first + len(values))), y=tuple(values)) for name, values in of.items()
    ]
    return Curves(title=title, x="round", y=y, unit=unit, series=tuple(series))
