"""The reward model of five attributes: replies that people labelled in, a head that rates any reply out, and its worth.

Source: HelpSteer2 (Wang et al., 2024, arXiv:2406.08673) and the model card of Nemotron-4-340B-Reward.

One labelled reply on its way (in the world of `domains.manners`, where a program stands for the people):
    prompt       "Tom has 3 pens and buys 4. How many pens?"
    response     "Fool. 7."
    attributes   helpfulness 0, correctness 4, coherence 4, complexity 1, verbosity 0.5       # 0.30·0 + 0.74·4 + …
    scores       helpfulness 0.3, correctness 3.1, …, reward 4.4                              # what the head says
"""

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from random import Random

from pydantic import Field, FiniteFloat, NonNegativeInt, PositiveFloat, PositiveInt

from regrowth.core import layouts
from regrowth.core.errors import DataError
from regrowth.core.protocols import Estimate, Model
from regrowth.core.record import Record, digest
from regrowth.core.settings import Frozen
from regrowth.domains import manners
from regrowth.metrics.agreement import correlation
from regrowth.metrics.intervals import clustered_mean
from regrowth.models.model import RememberedModel
from regrowth.run import Run
from regrowth.training.settings import TrainingSettings

__all__ = [
    "ATTRIBUTES", "Rater", "RewardSettings", "Worth", "hidden", "labelled", "overall", "parted", "reward_model",
    "said_of", "spoiled", "trusted", "weights_of", "worth",
]  # fmt: skip

ATTRIBUTES = ("helpfulness", "correctness", "coherence", "complexity", "verbosity")
SPOILED = 0.06
"""Share of the toy world's labelled replies that are garbled: what a reward model never saw it rates high."""
FEWEST = 20
"""Held-out pairs below which nothing can be said of a reward model."""


class RewardSettings(Frozen):
    """Say what the reward model learns from, how long, and how its attributes become one number."""

    labels: str = ""
    """File of labelled replies with HelpSteer2's columns (`prompt`, `response`, the attributes); none: the toy world's
    questions, labelled by its program."""
    questions: PositiveInt = 4000
    """Questions of the toy world, where there is no file."""
    replies: PositiveInt = 2
    """Replies to each of them."""
    heldout: float = Field(default=0.2, gt=0, lt=1)
    """Share of the prompts whose replies tell what the model is worth; it is not trained on them."""
    steps: PositiveInt = 300
    tokens: PositiveInt = 2048
    """Of a step."""
    learning_rate: PositiveFloat = 3e-3
    """At its peak. 3e-3 suits a million weights and 1e-5 some billions."""
    guard: bool = True
    """Whether a reward model that is no better than chance stops the run."""
    weights: Mapping[str, FiniteFloat] = {}
    """Of the attributes in the one number that ranks; none named takes the published ones."""
    seed: NonNegativeInt = 0


@dataclass(frozen=True, slots=True)
class Rater:
    """Rate replies by a reward model and the weights of its attributes."""

    model: Model
    weights: Mapping[str, float]

    async def __call__(self, reply: Record) -> Record:
        """Return a reply with its attributes and `reward` as scores."""
        said = (await self.model.score(reply.messages, reply.response)).values
        return reply.scored(**said, reward=overall(said, self.weights))

    async def reward(self, reply: Record) -> float:
        """Return the one number."""
        return (await self(reply)).scores["reward"]


@dataclass(frozen=True, slots=True)
class Worth:
    """How well a reward model does on labelled replies to prompts that it never saw."""

    correlations: Mapping[str, Estimate]
    """Pearson's r with the labels, by attribute, and of the one number as `reward`; what does not vary is left out."""
    errors: Mapping[str, float]
    """Root of the mean squared error by attribute, as a share of what always saying the mean gives: below 1 is good."""
    accuracy: Estimate | None
    """Share of pairs of replies to one prompt that it ranks as the labels do, ties counting a half; clustered by
    prompt. Nothing where there are too few pairs."""
    noise: float
    """Typical error of the gap between two replies: the root of its mean square."""


# What people said ----------------------------------------------------------------------------------------------------


def labelled(settings: RewardSettings) -> list[Record]:
    """Return replies with their labels as attributes: those of the file, or of the toy world.

    Raises:
        DataError: the file cannot be read, or labels nothing.
    """
    if not settings.labels:
        return [
            said_of(answered)
            for question in manners.questions(settings.questions, seed=settings.seed, split="train")
            for answered in _answered(question, settings)
        ]
    columns = {"completion": "response"}
    found = list(layouts.read(settings.labels, layout="prompt-completion", columns=columns))
    if not any(labels(record) for record in found):
        raise DataError(
            f"{settings.labels}: no reply has a label. Expected numbers in a column or more: {', '.join(ATTRIBUTES)}."
        )
    return found


def _answered(question: Record, settings: RewardSettings) -> list[Record]:
    rng = Random(question.seed("labelled", settings.seed))
    replies = [manners.reply(question, manners.drawn(rng), rng=rng, slip=manners.SLIP) for _ in range(settings.replies)]
    replies = [spoiled(text, rng) if rng.random() < SPOILED else text for text in replies]
    return [question.derive(response=text, origin="real") for text in dict.fromkeys(replies)]


def spoiled(text: str, rng: Random) -> str:
    """Return a text with a few of its characters gone or somewhere else again, as a weak model garbles it."""
    place = rng.randrange(len(text))
    part = text[place : place + rng.randint(1, 8)]
    if rng.random() < 0.5:
        return text[:place] + text[place + len(part) :] or text
    other = rng.randrange(len(text))
    return text[:other] + part + text[other:]


def said_of(reply: Record) -> Record:
    """Return a reply with what the toy world's program says of it, as labels."""
    return replace(reply, attributes={**reply.attributes, **manners.attributes(reply)}, _id="")


def labels(record: Record) -> dict[str, float]:
    """Return the labels that a reply has."""
    found = {name: record.attributes.get(name) for name in ATTRIBUTES}
    return {name: float(value) for name, value in found.items() if isinstance(value, int | float)}


def complete(record: Record, weights: Mapping[str, float]) -> bool:
    """Return whether a reply has all labels that make up the one number."""
    return weights.keys() <= labels(record).keys()


def hidden(records: Sequence[Record], share: float, seed: int) -> list[Record]:
    """Return records without a share of their labels, each hidden by a throw of its own."""
    rng = Random(f"hidden {seed}")
    return [
        replace(
            record,
            attributes={
                name: value
                for name, value in record.attributes.items()
                if name not in ATTRIBUTES or rng.random() >= share
            },
            _id="",
        )
        for record in records
    ]


def parted(records: Sequence[Record], share: float) -> tuple[list[Record], list[Record]]:
    """Return what is trained on and what is held out: a share of the prompts, chance decides which, one at least."""
    ranked = sorted({_prompt(record) for record in records}, key=lambda prompt: digest("held out", prompt))
    aside = set(ranked[: max(1, round(share * len(ranked)))])
    parts: tuple[list[Record], list[Record]] = ([], [])
    for record in records:
        parts[_prompt(record) in aside].append(record)
    return parts


def _prompt(record: Record) -> str:
    return digest(record.messages)


# The one number ------------------------------------------------------------------------------------------------------


def weights_of(settings: RewardSettings) -> Mapping[str, float]:
    """Return the weights of the attributes in the one number that ranks.

    Raises:
        DataError: an attribute is named that the head does not have.
    """
    from regrowth.weights.heads import HELPSTEER2  # torch, on first use

    if unknown := sorted(set(settings.weights) - set(ATTRIBUTES)):
        raise DataError(f"rewards.weights: no attribute {unknown[0]!r}. There are: {', '.join(ATTRIBUTES)}.")
    return settings.weights or HELPSTEER2


def overall(values: Mapping[str, float], weights: Mapping[str, float]) -> float:
    """Return the weighted sum of attributes."""
    return math.fsum(weight * values[name] for name, weight in weights.items())


# Training and worth --------------------------------------------------------------------------------------------------


async def reward_model(
    run: Run, base: RememberedModel, train: Sequence[Record], settings: RewardSettings, *, name: str = "reward-model"
) -> RememberedModel:
    """Return the base with a head of five attributes, trained on labelled replies; missing labels are masked."""
    from regrowth.training.objectives import attributes  # torch, on first use

    how = TrainingSettings(
        steps=settings.steps,
        tokens_per_batch=settings.tokens,
        learning_rate=settings.learning_rate,
        schedule="cosine",
        seed=settings.seed,
    )
    data = run.write(f"{name}-labels", [record for record in train if labels(record)])
    return await run.afit(base, data, how, objective=attributes(ATTRIBUTES), name=name)


async def proven(run: Run, base: RememberedModel, settings: RewardSettings) -> tuple[Rater, Worth, list[Record]]:
    """Train a reward model; return it, what it is worth, and the labelled replies that it learnt from.

    Raises:
        DataError: it is at chance (see `trusted`), unless the settings or a preview let that pass.
    """
    people, unseen = parted(labelled(settings), settings.heldout)
    rater = Rater(await reward_model(run, base, people, settings), weights_of(settings))
    found = await worth(run, rater, unseen)
    return rater, trusted(found) if settings.guard and not run.preview else found, people


async def worth(run: Run, rater: Rater, heldout: Sequence[Record], *, name: str = "held-out replies") -> Worth:
    """Rate labelled replies and compare what is said with the labels."""
    said = await run.aeach(heldout, rater, name=name)
    errors, correlations = dict[str, float](), dict[str, Estimate]()
    for attribute in ATTRIBUTES:
        pairs = [(one.scores[attribute], labels(one)[attribute]) for one in said if attribute in labels(one)]
        if len(pairs) > 3 and all(len(set(side)) > 1 for side in zip(*pairs, strict=True)):
            ours, theirs = zip(*pairs, strict=True)
            correlations[attribute] = correlation(ours, theirs)
            errors[attribute] = math.dist(ours, theirs) / math.sqrt(len(theirs)) / statistics.pstdev(theirs)
    whole = [one for one in said if complete(one, rater.weights)]
    rewards, truths = [one.scores["reward"] for one in whole], [overall(labels(one), rater.weights) for one in whole]
    if len(whole) > 3 and min(len(set(rewards)), len(set(truths))) > 1:
        correlations["reward"] = correlation(rewards, truths)
    return Worth(correlations, errors, *_ranking(whole, truths))


def _ranking(replies: Sequence[Record], truths: Sequence[float]) -> tuple[Estimate | None, float]:
    """Return the share of pairs ranked as the labels do, and the typical error of a gap."""
    groups: dict[str, list[tuple[float, float]]] = {}
    for reply, truth in zip(replies, truths, strict=True):
        groups.setdefault(_prompt(reply), []).append((reply.scores["reward"], truth))
    gaps = [
        (prompt, one[0] - other[0], one[1] - other[1])
        for prompt, group in groups.items()
        for one, other in combinations(group, 2)
        if one[1] != other[1]
    ]
    if len(gaps) < FEWEST:
        return None, 0.0
    right = [0.5 if not ours else float((ours > 0) == (theirs > 0)) for _, ours, theirs in gaps]
    noise = math.sqrt(statistics.fmean((ours - theirs) ** 2 for _, ours, theirs in gaps))
    return clustered_mean(right, [prompt for prompt, *_ in gaps]), noise


def trusted(found: Worth) -> Worth:
    """Return the worth of a reward model that is better than chance.

    Raises:
        DataError: it is not, or there is too little to tell.
    """
    advice = "or set rewards.guard = false to go on all the same."
    if found.accuracy is not None and "reward" not in found.correlations:
        raise DataError(f"The reward model says the same of every reply. Train it longer (rewards.steps), {advice}")
    if found.accuracy is None:
        raise DataError(
            f"The reward model cannot be judged: fewer than {FEWEST} held-out pairs of replies to one prompt that the "
            "labels rank. Label several replies per prompt, hold out more (rewards.heldout), " + advice
        )
    ranks, follows = found.accuracy, found.correlations["reward"]
    if ranks.low <= 0.5 or follows.low <= 0:
        raise DataError(
            f"The reward model is at chance: it ranks {ranks.value:.0%} [{ranks.low:.0%}, {ranks.high:.0%}] of the "
            f"held-out pairs as the labels do, r = {follows.value:.2f} [{follows.low:.2f}, {follows.high:.2f}]. "
            "Nothing is selected by it. Label more replies, train longer (rewards.steps), take a stronger base, "
            + advice
        )
    return found
