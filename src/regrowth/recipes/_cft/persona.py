"""The negative persona: trained on bad answers, looked at before it is used, and asked for more of them.

    persona = await trained(run, world, Persona(), training)
    found = await looked_at(run, world, persona, guard)     # found.flaw: "" or why it is of no use
    negatives = await drawn(run, world, persona, found)     # those that violate, are fluent and ended

It is made to do harm, so it never leaves the run folder: nothing copies its weights, and every record that holds its
words carries the attribute `do_not_publish`.
"""

import math
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial

from pydantic import NonNegativeFloat, NonNegativeInt, PositiveFloat, PositiveInt

from regrowth.core.dataset import Dataset
from regrowth.core.errors import Rejected
from regrowth.core.protocols import Estimate, Model, Sampling
from regrowth.core.record import Record
from regrowth.core.settings import Frozen
from regrowth.metrics.agreement import auc
from regrowth.metrics.intervals import proportion
from regrowth.models.model import RememberedModel
from regrowth.recipes._cft.lessons import MARK
from regrowth.recipes._cft.verdicts import Judge
from regrowth.recipes._cft.world import World
from regrowth.recipes._groups import repeated
from regrowth.recipes._rounds import ending
from regrowth.run import Run
from regrowth.training.settings import Lora, TrainingSettings

__all__ = ["Looked", "Persona", "drawn", "looked_at", "trained"]

LARGE = 120 * 2**20
"""Bytes of weights (30 million numbers) from which the persona is an adapter; smaller ones are trained whole."""
ADAPTER_RATE = 5.0
"""Learning rate of an adapter, in those of all weights."""
LOOKED_AT = 100
"""Held-out prompts that it answers before it is used."""
REPEATS = 0.5


class Persona(Frozen):
    """Say how the negative persona comes about."""

    pairs: PositiveInt = 64
    """Bad answers that it is trained on."""
    writer: str = ""
    """Who writes them where there are none, under the principle's negation; nothing takes the model itself."""
    adapter: bool | None = None
    """Train low-rank matrices only; None does so for models of more than 30 million weights."""
    violations: NonNegativeFloat = 0.8
    """Least share of its samples on held-out prompts that must violate."""
    fluency: PositiveFloat = 2.0
    """Largest perplexity of its samples under the base, in that of the bad answers it was trained on."""
    draws: NonNegativeInt = 2
    """Samples per prompt; 0 makes negatives of the bad answers themselves: the control of what a persona adds."""


@dataclass(frozen=True, slots=True)
class Looked:
    """What was seen of a persona on held-out prompts."""

    violating: Estimate
    """Share of its samples."""
    fluency: float
    """Perplexity of its samples under the base, in that of the bad answers."""
    worst: float
    """The highest perplexity of a bad answer under the base."""
    told_apart: Estimate
    """AUC of log persona - log base: samples of the persona against good answers."""
    flaw: str = ""
    """Why it is of no use; nothing if it is."""


async def trained(run: Run, world: World, how: Persona, training: TrainingSettings) -> RememberedModel:
    """Train the persona on the bad answers."""
    adapter = _is_large(world.base) if how.adapter is None else how.adapter
    if adapter:
        rate = training.learning_rate * ADAPTER_RATE
        training = training.model_copy(update={"lora": Lora(), "learning_rate": rate})
    data = run.write("persona-lessons", _marked(world.bad), **MARK)
    return await run.afit(world.base, data, training, name="persona, not for publication")


def _marked(bad: Sequence[Record]) -> list[Record]:
    return [one.derive(attributes=MARK, origin=one.origin) for one in bad]


def _is_large(model: RememberedModel) -> bool:
    return sum(path.stat().st_size for path in model.folder.glob("*.safetensors")) > LARGE


async def looked_at(run: Run, world: World, persona: Model, how: Persona) -> Looked:
    """Look at what the persona answers to held-out prompts."""
    prompts = world.unseen[:LOOKED_AT]

    async def answered(prompt: Record) -> Record:
        said = await persona.generate(prompt.messages, world.sampling, seed=prompt.seed("persona"))
        return prompt.derive(response=said.text, attributes={**MARK, **ending(said)})

    samples = await run.aeach(prompts, answered, name="asking the persona")
    kinds = await run.aeach(samples, world.judge, name="judging the persona")
    said = [one for one in samples if one.response]
    theirs = await measured(run, world.base, said, "fluency of the persona")
    given = await measured(run, world.base, world.bad, "fluency of the bad answers")
    violating = proportion(sum(kind == "violating" for kind in kinds), max(1, len(kinds)))
    fluency = perplexity(theirs) / perplexity(given)
    worst = max(perplexity([one]) for one in given)
    apart = await _told_apart(run, world, persona, said, theirs)
    return Looked(violating, fluency, worst, apart, _flaw(violating, fluency, how))


def _flaw(violating: Estimate, fluency: float, how: Persona) -> str:
    if violating.value < how.violations:
        return (
            f"the persona does not misbehave: {violating.value:.0%} of its {violating.n} samples violate, expected "
            f"{how.violations:.0%}. Give it more or clearer bad answers, or more steps"
        )
    if not fluency <= how.fluency:
        return (
            f"the persona is not fluent: its samples have {fluency:.1f} times the perplexity of the bad answers, "
            f"expected at most {how.fluency:g}. Give it fewer steps, or a lower learning rate"
        )
    return ""


async def _told_apart(
    run: Run, world: World, persona: Model, samples: Sequence[Record], under_base: Sequence[Sequence[float]]
) -> Estimate:
    good = [one for one in world.unseen[:LOOKED_AT] if one.response]
    if min(len(samples), len(good)) < 2:
        return Estimate(0.5, 0.0, 1.0, 0)
    sums = []
    for name, records in (("its samples", samples), ("good answers", good)):
        ours = await measured(run, persona, records, f"persona on {name}")
        base = under_base if records is samples else await measured(run, world.base, records, f"base on {name}")
        sums.append([math.fsum(one) - math.fsum(other) for one, other in zip(ours, base, strict=True)])
    return auc(negatives=sums[1], positives=sums[0])


async def measured(run: Run, model: Model, records: Sequence[Record], name: str) -> list[tuple[float, ...]]:
    """Return the log-probabilities of the tokens of each response."""

    async def measure(record: Record) -> tuple[float, ...]:
        return await model.logprobs(record.messages, record.response)

    return await run.aeach(records, measure, name=name)


def perplexity(logprobs: Sequence[Sequence[float]]) -> float:
    """Return exp of the mean negative log-probability per token; infinite for no tokens."""
    tokens = sum(map(len, logprobs))
    return math.exp(-math.fsum(map(math.fsum, logprobs)) / tokens) if tokens else math.inf


# Negatives ----------------------------------------------------------------------------------------------------------


async def drawn(run: Run, world: World, persona: Model, found: Looked, how: Persona) -> Dataset:
    """Let the persona answer the good prompts and the unlabelled ones; keep what violates, is fluent and ended."""
    if not how.draws:
        return run.write("negatives", _marked(world.bad), **MARK)
    gates = [ended, violates(world.judge), fluent(world.base, at_most=found.worst * how.fluency)]
    work = partial(replies, sampling=world.sampling, draws=how.draws)
    return await run.agrow([*world.good, *world.prompts], work, persona, name="negatives", gates=gates)


async def replies(prompt: Record, persona: Model, *, sampling: Sampling, draws: int) -> list[Record]:
    """Draw samples at temperature 1; what is the good answer, or was drawn before, is no negative."""
    seeds = [prompt.seed("negative", index) for index in range(draws)]
    answers = await persona.samples(prompt.messages, sampling, seeds=seeds)
    fresh = {one.text.strip(): one for one in answers if one.text.strip() != prompt.response.strip()}
    return [prompt.derive(response=one.text, attributes={**MARK, **ending(one)}) for one in fresh.values()]


def ended(reply: Record) -> Record:
    """Refuse a reply that is empty, was cut, or goes round in circles."""
    if not reply.response.strip():
        raise Rejected("ended", "an empty reply")
    if reply["cut"]:
        raise Rejected("ended", "cut at its last allowed token")
    if (share := repeated(reply.response)) > REPEATS:
        raise Rejected("ended", f"{share:.0%} of its runs of words occurred before")
    return reply


def violates(judge: Judge) -> Callable[[Record], Awaitable[Record]]:
    """Return a gate for replies that violate."""

    async def violates(reply: Record) -> Record:
        if (kind := await judge(reply)) != "violating":
            raise Rejected("violates", f"it is {kind}")
        return reply

    return violates


def fluent(base: Model, *, at_most: float) -> Callable[[Record], Awaitable[Record]]:
    """Return a gate for replies whose perplexity under the base is not above a bound."""

    async def fluent(reply: Record) -> Record:
        found = perplexity([await base.logprobs(reply.messages, reply.response)])
        if found > at_most:
            raise Rejected("fluent", f"perplexity {found:.1f} under the base, at most {at_most:.1f}")
        return reply.scored(perplexity=found)

    return fluent
