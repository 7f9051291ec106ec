"""An arm of policy optimisation, round by round: draw, judge, train a few steps from the current policy.

    arm = Arm(run, run.model("tiny"), Settings(), reward=brevity)      # any function of a record
    first = await arm.round(arm.start, prompts, number=1)              # any prompts
    second = await arm.round(first.policy, others, number=2)
    second.facts        # {"reward": 0.31, "signal": 0.52, "kl": 0.01, "cut": 0.0, …}

A round writes three datasets, here `policy-2-drawn`, `policy-2-judged` and `policy-2-lesson`: all replies, the same
with their scores, and what was trained on.
"""

import math
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Literal, Self, TypeAlias

from pydantic import NonNegativeFloat, NonNegativeInt, PositiveFloat, PositiveInt, model_validator

from regrowth.core.dataset import Dataset
from regrowth.core.errors import Rejected
from regrowth.core.protocols import Completion, Model, Sampling
from regrowth.core.record import Json, Record, digest
from regrowth.core.settings import Frozen
from regrowth.domains import verifier
from regrowth.models.model import RememberedModel
from regrowth.recipes._groups import (
    Groups,
    Guards,
    Lesson,
    Reward,
    accepted,
    beside_siblings,
    best_and_worst,
    by_chance,
    facts,
    grouped,
    judge,
    scaled,
)
from regrowth.recipes.rejection_sampling import worked
from regrowth.run import Run
from regrowth.training.settings import TrainingSettings

if TYPE_CHECKING:
    from regrowth.training.objectives import Objective

__all__ = ["Arm", "How", "Method", "Round", "Settings", "ending", "replies", "seeded", "verdict"]

Method: TypeAlias = Literal["grpo", "rloo", "best_of_n_dpo", "best_of_n_rpo"]
How: TypeAlias = Literal["grpo", "rloo", "best_of_n_dpo", "best_of_n_rpo", "filtered", "real"]
"""The methods, and what controls do: train on the right replies alone, or on worked solutions."""

SAMPLING = Sampling(temperature=1.0, top_p=1.0, max_tokens=96)
KL_WEIGHTS: Mapping[How, float] = {"best_of_n_dpo": 0.1, "best_of_n_rpo": 0.1}
SCALE = 1.0
"""Log-odds that a reward gap of 1 asks for, in `best_of_n_rpo`."""


class Settings(Frozen):
    """Say what is to be learnt, and how much may be drawn and trained."""

    model: str = "tiny"
    """The policy at its start: `tiny`, `hf:org/name` or a folder; `vllm:folder` draws by a server of its own."""
    domains: tuple[str, ...] = ()
    """Where problems come from; none named takes all whose answers can be checked on this machine."""
    method: Method = "grpo"
    """How rewards become steps; the last two train pairs of the best and the worst reply."""
    prompts: PositiveInt = 128
    """Fresh problems per round."""
    samples: PositiveInt = 8
    """Replies drawn to each of them."""
    rounds: PositiveInt = 6
    """How often the policy draws and is trained; the best round is kept."""
    steps: PositiveInt = 4
    """Optimizer steps per round; together they see what is trained on about once."""
    learning_rate: PositiveFloat = 4e-4
    """It climbs over the first round that trains, and then stays."""
    kl_weight: NonNegativeFloat | None = None
    """What distance costs. grpo: of κ in the loss; rloo: of the log-ratio in the reward; both are against the model of
    the start, 0 by default. The best of n: beta, against the model of the round's start, 0.1 by default."""
    heldout: PositiveInt = 800
    """Problems for the evaluation, disjoint from all others by construction."""
    controls: bool = True
    """Whether to train the controls: right replies alone, rewards dealt out anew, worked solutions."""
    seed: NonNegativeInt = 0

    @model_validator(mode="after")
    def _pairs_need_a_beta(self) -> Self:
        if self.kl_weight == 0 and self.method in KL_WEIGHTS:
            raise ValueError(f"kl_weight = 0, but it is the beta of {self.method}, which must be above 0")
        return self


@dataclass(frozen=True, slots=True)
class Round:
    """What one round did."""

    policy: RememberedModel
    """As it is after the round."""
    facts: Mapping[str, float]
    """Of the replies that it drew before its steps; see `_groups.facts`."""
    tokens: int
    """Of one step."""


def verdict(run: Run) -> Reward:
    """Return the default reward: 1 for a reply that its domain's program finds right, else 0."""
    gate = verifier(run.sandbox)

    async def found_right(reply: Record) -> float:
        try:
            await gate(reply)
        except Rejected:
            return 0.0
        return 1.0

    return found_right


@dataclass(frozen=True)
class Arm:
    """One way of training, the same in every round."""

    run: Run
    start: RememberedModel
    settings: Settings
    """`model`, `domains`, `prompts`, `rounds`, `heldout` and `controls` are not read here."""
    how: How = "grpo"
    name: str = "policy"
    """Begins the names of its datasets."""
    reward: Reward | None = None
    """Nothing takes the verdict of each prompt's domain."""
    guards: Guards = field(default_factory=Guards)
    chance: bool = False
    """Whether rewards are dealt out anew within each group."""
    sampling: Sampling = SAMPLING
    writer: Callable[[RememberedModel], RememberedModel] | None = None
    """Gives the model that draws for a policy, where that is another one: the same weights on a server."""

    async def round(self, policy: RememberedModel, prompts: Sequence[Record], number: int, *, tokens: int = 0) -> Round:
        """Draw, judge, and train some steps.

        Args:
            number: of the round; no two rounds draw the same replies to one prompt.
            tokens: of a step; 0 takes as many as make the steps see all that is trained on once.
        """
        told: dict[str, float] = {}
        if self.how == "real":
            lesson = list(worked(prompts))
        else:
            drawn = await self._drawn(policy, prompts, number)
            groups = await self._judged(policy, drawn, number)
            lesson = self._lesson(by_chance(groups, number) if self.chance else groups)
            told, tokens = facts(groups, len(prompts)), tokens or self._tokens(drawn, lesson)
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
        # The first reply to each prompt is as far from the start as any, and measuring costs as much as drawing.
        measured = self.settings.samples if self.how == "rloo" and self._kl_weight else 1
        work = partial(judge, reward=self.reward or verdict(self.run), guards=self.guards, measured=measured)
        return grouped(await self.run.agrow(drawn, work, policy, self.start, name=f"{self.name}-{number}-judged"))

    def _tokens(self, drawn: Dataset, lesson: Sequence[Record]) -> int:
        """Return how many tokens a step holds if the steps of a round see the lesson once."""
        cost, per = drawn.manifest["cost"], self.settings.samples
        mean: float = (cost["prompt_tokens"] * per + cost["completion_tokens"]) / max(1, len(drawn))
        trained = sum(1 + bool(record.rejected) for record in lesson) or len(drawn)
        return max(1, math.ceil(trained * mean / self.settings.steps))

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
            warmup=settings.steps if policy.digest == self.start.digest else 0,
            carry=True,
            seed=seeded(settings, "train", number) % 2**31,
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


def seeded(settings: Settings, *purpose: str | int) -> int:
    """Return a random seed for one purpose."""
    return int(digest(settings.seed, purpose)[:8], 16)
