"""Weak to strong: students of selected replies, of unselected ones, of real ones alone; then pairs by reward model.

The teacher learnt from replies in all manners, three in ten of them wrong. All students start from the packaged model,
take equal steps, and see the same real replies; arms differ in which of the teacher's replies stand beside them.
"""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from benchmarks.nemotron.world import World
from regrowth.core.dataset import Dataset
from regrowth.core.record import Record
from regrowth.curation.rounds import RoundPolicy, Rounds
from regrowth.domains import manners
from regrowth.models.model import RememberedModel
from regrowth.recipes._nemotron.rewards import ATTRIBUTES
from regrowth.recipes._nemotron.selection import SelectionSettings, candidates, decided
from regrowth.recipes._nemotron.stages import StageSettings, aligned, fine_tuned
from regrowth.recipes._nemotron.strength import MODES, answered, weak_to_strong
from regrowth.training.objectives import sft

__all__ = ["rounds"]

COUNT, PROMPTS, REAL, LEAST = 2, 1600, 200, 5.0
STAGES = StageSettings()
ASKED = 400
CHOICE = SelectionSettings(least=LEAST)
BY_CHANCE = SelectionSettings(least=-1e9, samples=1)


def rounds(world: World) -> dict[str, Any]:
    """Play the rounds of each arm and mark every student; then take the stages of preferences."""
    teacher, real = world.teacher, world.good(REAL, LEAST)
    found: dict[str, Any] = {"teacher": [marked(world, teacher, "teacher")]}
    students = {}
    for name, choice, count in (("selected", CHOICE, COUNT), ("unselected", BY_CHANCE, 1)):
        played = climbed(world, teacher, real, choice, name, count)
        found[name] = [marked(world, model, f"{name} {number}") for number, model in enumerate(played, 1)]
        students[name] = played[-1]
    alone = trained(world, real, "real-only")
    found["real only"] = [marked(world, alone, "real only")]
    return {"rounds": found, "stages": staged(world, students["selected"])}


def climbed(
    world: World, teacher: RememberedModel, real: Sequence[Record], choice: SelectionSettings, name: str, count: int
) -> list[RememberedModel]:
    """Return the student of each round that was played, the same prompts in the same round of every arm."""
    prompts = manners.questions(PROMPTS, seed=world.number("prompts"), split="train")
    asked = [prompt for place, prompt in enumerate(prompts) if place % COUNT < count]
    aside = manners.questions(100, seed=world.number("aside"), split="train")

    async def train(data: Sequence[Record] | Dataset, student: str) -> RememberedModel:
        return await fine_tuned(world.run, world.base, data, stages_of(world), name=f"{name}-{student}")

    work = weak_to_strong(
        world.run,
        world.base,
        teacher,
        asked,
        Rounds(world.run.folder, real, RoundPolicy(), world.run.write, name=name, seed=world.seed),
        count,
        rater=world.judged,
        selection=choice,
        train=train,
        aside=[one for one in aside if one not in prompts],
    )
    return [turn.model for turn in world.run.wait(work).turns]


def trained(world: World, records: Sequence[Record], name: str) -> RememberedModel:
    """Return a student of some records."""
    return world.run.wait(fine_tuned(world.run, world.base, records, stages_of(world), name=name))


def stages_of(world: World) -> StageSettings:
    """Return the settings of all stages, with the seed of the world."""
    return STAGES.model_copy(update={"seed": world.seed})


def marked(world: World, model: RememberedModel, name: str) -> dict[str, Any]:
    """Mark a model by the oracle: the one number and its attributes, per mode; and by the reward model."""
    found: dict[str, Any] = {"oracle": world.marks(model, name), "rater": world.marks(model, name, by=world.judged)}
    return found | {"attributes": attributes_of(world, model)}


def attributes_of(world: World, model: RememberedModel) -> Mapping[str, Mapping[str, float]]:
    """Return the mean of each attribute, and the shares of right and of unrecognisable replies, per mode."""

    async def one(prompt: Record, mode: str) -> dict[str, float]:
        drawn = await model.generate(prompt.messages, MODES[mode], seed=prompt.seed("evaluation"))
        reply = prompt.derive(response=drawn.text)
        odd = manners.manner(reply.response) is None
        return {**manners.attributes(reply), "right": float(manners.is_right(reply)), "garbage": float(odd)}

    found = {}
    for mode in MODES:
        each = world.run.wait(world.run.aeach(world.unseen, partial(one, mode=mode), name="attributes"))
        found[mode] = {
            name: sum(reply[name] for reply in each) / len(each) for name in (*ATTRIBUTES, "right", "garbage")
        }
    return found


def staged(world: World, student: RememberedModel) -> dict[str, Any]:
    """Take DPO and reward-aware optimisation on pairs by the reward model, and equal steps on their chosen replies."""
    asked = manners.questions(ASKED, seed=world.number("preference"), split="train")
    rated = world.run.wait(answered(world.run, student, asked, world.judged, CHOICE, name="student"))
    noise = world.worth(world.judged, "all labels").noise

    async def ordered(pair: Record) -> Record:
        first, second = [
            await world.judged.reward(pair.derive(response=side)) for side in (pair.response, pair.rejected)
        ]
        scored = pair.scored(truth=0.0, model=0.0, reward=first - second, first=first, second=second)
        return decided(scored, judges=("reward",), least_gap=CHOICE.least_gap * noise)

    kept = world.run.wait(world.run.agrow(candidates(rated, seed=world.seed), ordered, name="student-pairs"))
    pairs, settings = list(kept), stages_of(world)
    stages = world.run.wait(aligned(world.run, student, pairs, settings, CHOICE))
    chosen = [pair.derive(rejected="") for pair in pairs]
    steps = settings.preference_steps * len(stages)
    control = world.fitted(
        student, chosen, "chosen", objective=sft, steps=steps, learning_rate=settings.preference_rate, warmup=2
    )
    models = {"sft": student, **stages, "sft on the chosen": control}
    return {"pairs": len(pairs), **{name: marked(world, model, name) for name, model in models.items()}}
