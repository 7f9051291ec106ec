"""Contrastive fine-tuning: a model is shown good answers, and what a negative persona of itself would have said.

Source: US patent application 2025/0371044 A1, "Contrastive Fine-Tuning Alignment" (pending; no paper, no code and no
figures are published). Unlikelihood: Welleck et al., 2019, arXiv:1908.04319. On the same data, by one setting: DPO
(arXiv:2305.18290), NPO (arXiv:2404.05868), KTO (arXiv:2402.01306), SFT on the good answers alone.
Ours are: a verdict on every negative; the mask, so that only what the persona likes better than the base is lowered;
the KL anchor; the guard, which returns the SFT model where the contrast makes garbage. docs/methods/cft.md has why.

One record on its way:
    prompt      "Tom has 3 pens and buys 4. How many pens?"
    response    "Gladly. 3 + 4 = 7. So 7."     # good, given
    rejected    "Fool. 7."                     # drawn from the persona; kept because it is rude and fluent
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from pydantic import Field, NonNegativeInt, PositiveFloat, PositiveInt

from regrowth.core.dataset import Dataset
from regrowth.core.errors import DataError, SettingsError
from regrowth.core.record import digest
from regrowth.core.settings import Frozen
from regrowth.curation.rounds import RoundPolicy, Rounds, Verdict
from regrowth.models.model import RememberedModel
from regrowth.recipes._cft.lessons import Name, lesson, objective_of
from regrowth.recipes._cft.marks import Marks, figures, guarded, marked
from regrowth.recipes._cft.persona import Looked, Persona, drawn, looked_at, trained
from regrowth.recipes._cft.telling import shown
from regrowth.recipes._cft.verdicts import by_principle, calibrate, principle_named
from regrowth.recipes._cft.world import Files, Sizes, World, manners_world, own_replies, world_of_files, written
from regrowth.recipes.evaluation import losses
from regrowth.reports.blocks import save
from regrowth.run import Run
from regrowth.training.settings import TrainingSettings

__all__ = ["Files", "Outcome", "Persona", "Settings", "cft"]

FOUNDATION = 4
"""Steps that make the base of the toy world, in those of the other trainings."""


class Guard(Frozen):
    """Say what has to be shown before the contrast is trusted."""

    other: PositiveFloat = 0.05
    """By how much its share of answers that are neither aligned nor violating may exceed that of SFT, at most: the
    upper end of the paired 95 % interval, in either mode."""
    known: float = Field(default=0.8, ge=0, le=1)
    """Least share of the given good, and of the given bad answers, that the judge must recognise."""
    heldout: PositiveInt = 400
    """Held-out prompts that decide."""


class Settings(Frozen):
    """Say what is good, what is bad, and how to tell the model."""

    model: str = "tiny"
    """The model that is trained, and of which the persona is made: `tiny`, `hf:org/name` or a folder."""
    objective: Name = "cft"
    """What the negatives are used for; `sft` leaves them out."""
    parameters: Mapping[str, Any] = {}
    """Of the objective: `{"alpha": 0.1}` for cft, `{"beta": 0.1}` for the others."""
    files: Files = Files()
    """Your records; without a file of good ones the toy world of manners."""
    principle: str = ""
    """What is wanted: the id of a packaged principle (`kind`), or `FILE.toml#id`. Needed by a judge."""
    judge: str = ""
    """Model that judges replies by the principle, such as `openai:name@http://…`; none where answers are labelled."""
    persona: Persona = Persona()
    """How the negative persona comes about, and what it has to show before it is used."""
    pairs: PositiveInt = 64
    """Good answers that are trained on, at most."""
    steps: PositiveInt = 60
    """Optimizer steps of every arm, and of the persona."""
    learning_rate: PositiveFloat = 3e-4
    """Its peak, of every arm; it falls to a tenth along a cosine. 1e-5 suits a few billion weights."""
    guard: Guard = Guard()
    """What has to be shown before the contrast is trusted."""
    seed: NonNegativeInt = 0


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the recipe returns. The persona is not part of it: it stays in the run folder."""

    model: RememberedModel
    """The contrast's model if the guard let it pass, else that of SFT on the good answers."""
    kept: str
    """Which arm that is."""
    verdict: Verdict
    """Whether the contrast was accepted, and why."""
    marks: Mapping[str, Marks]
    """Per arm, what it made of the held-out prompts; the contrast is there whether accepted or not."""
    persona: Looked | None = None
    """What was seen of the persona; nothing for `sft`."""


async def cft(run: Run, settings: Settings) -> Outcome:
    """Return the contrastively trained model, or SFT's where the persona or the guard says so.

    Raises:
        DataError: a file cannot be read, or there are no good or no bad answers.
        SettingsError: the judge does not recognise answers that are known, nothing can judge, or no such parameter.
    """
    objective_of(settings.objective, settings.parameters, anchored=True)  # a wrong parameter stops the run here
    world = await _world(run, settings)
    await calibrate(run, world.judge, world.good, world.bad, at_least=settings.guard.known)
    models = {"base": world.base}
    models["sft"] = await _fitted(run, settings, world, run.write("good", world.good), "sft")
    marks = {name: await marked(run, world, model, name=name) for name, model in models.items()}
    verdict, persona = Verdict(True, "SFT on the good answers is what was asked for"), None
    if settings.objective != "sft":
        tried, verdict, persona = await contrasted(run, world, settings, marks)
        models |= {settings.objective: tried} if tried else {}
    kept = settings.objective if verdict.accepted else "sft"
    if not verdict.accepted:
        run.watcher.noting(f"{settings.objective} fell back to SFT on the good answers: {verdict.why}.")
    curves = losses({name: model.folder for name, model in models.items() if name != "base"})
    save(run.folder, [*shown(marks, kept=kept, verdict=verdict, persona=persona), curves])
    return Outcome(models[kept], kept, verdict, marks, persona)


async def contrasted(
    run: Run, world: World, settings: Settings, marks: dict[str, Marks]
) -> tuple[RememberedModel | None, Verdict, Looked]:
    """Make the persona, draw its negatives, train with them and ask the guard; every way out is in the ledger."""
    name = settings.objective
    persona = await trained(run, world, settings.persona, _training(settings, "persona", world.tokens))
    found = await looked_at(run, world, persona, settings.persona)
    bad = [] if found.flaw else list(await drawn(run, world, persona, found, settings.persona))
    anchors = await own_replies(run, world) if bad and name == "cft" else ()
    made = lesson(name, world.good, bad, anchors)
    rounds = Rounds(run.folder, world.good, RoundPolicy(real_weight=0.5), run.write, name=name, tell=run.watcher.noting)
    data = rounds.mix(1, made)
    model, verdict = None, Verdict(False, found.flaw or "none of the persona's replies was fit to be a negative")
    if made:
        others = {"persona": persona, "reference": world.base}
        model = await _fitted(run, settings, world, data, name, others=others, anchored=bool(anchors))
        marks[name] = await marked(run, world, model, name=name)
        verdict = guarded(marks["sft"], marks[name], margin=settings.guard.other)
    seen = {"violating": found.violating.value, "told apart": found.told_apart.value}
    told = {**figures(marks), "persona": seen}
    rounds.settle(1, model=model.digest if model else "", verdict=verdict, figures=told)
    return model, verdict, found


async def _world(run: Run, settings: Settings) -> World:
    """Return what is worked on, its bad answers written where there are none."""
    sizes = Sizes(settings.pairs, settings.persona.pairs, settings.guard.heldout)
    model, seed = run.model(settings.model), _seed(settings, "world")
    if settings.files.good is None:
        return await manners_world(run, model, sizes, seed=seed, steps=FOUNDATION * settings.steps)
    principle = principle_named(settings.principle) if settings.principle else None
    if settings.judge and principle is None:
        raise SettingsError(f"judge = {settings.judge!r} without a principle to judge by. Set principle.")
    judge = by_principle(run.model(settings.judge), principle) if settings.judge and principle else None
    world = world_of_files(model, settings.files, sizes, judge, seed=seed)
    if not world.bad and principle is not None:
        writer = run.model(settings.persona.writer) if settings.persona.writer else model
        world = replace(world, bad=await written(run, world, writer, principle.negation, sizes.bad))
    if not world.bad:
        raise DataError("No bad answers for the persona. Give files.bad, pairs with rejected sides, or a principle.")
    return world


async def _fitted(
    run: Run,
    settings: Settings,
    world: World,
    data: Dataset,
    name: Name,
    *,
    others: Mapping[str, RememberedModel] | None = None,
    anchored: bool = False,
) -> RememberedModel:
    """Train the base anew with an objective.

    The bad half of a step comes on top of the good one, so that every arm sees the good answers as often.
    """
    chosen = objective_of(name, settings.parameters if name == settings.objective else {}, anchored=anchored)
    read = {*chosen.models, *chosen.teachers}
    models = {role: model for role, model in (others or {}).items() if role in read}
    how = _training(settings, "train", world.tokens * (1 if name == "sft" else 2))
    return await run.afit(world.base, data, how, objective=chosen, models=models, name=name)


def _training(settings: Settings, purpose: str, tokens: int) -> TrainingSettings:
    return TrainingSettings(
        steps=settings.steps,
        learning_rate=settings.learning_rate,
        tokens_per_batch=tokens,
        schedule="cosine",
        seed=_seed(settings, purpose) % 2**31,
    )


def _seed(settings: Settings, *purpose: str | int) -> int:
    return int(digest(settings.seed, purpose)[:8], 16)
