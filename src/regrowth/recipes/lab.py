"""LAB: a taxonomy of seeds and documents becomes pairs, leaf by leaf, and the pairs a training in phases.

Source: LAB (Sudalairaj et al., 2024, arXiv:2403.01081) and its open pipelines (instructlab/sdg, 2025-11).
Departs from them in six points: each pair is a draw of its own, never one of thirty out of a list, and what is refused
is asked for again until a leaf has its quota; programs check an answer before a model does; the judge is measured on
planted errors and left out if it finds too few; of several answers to a question the most frequent stays; nothing is
sampled with replacement; short before long is done here, which the open code leaves out.

One record on its way:
    unit         leaf "knowledge->people->home", context "Eva lives in Rome. Eva comes on Monday."
    prompt       "Eva lives in which city?"      # drawn for this leaf alone; clear without the document
    response     "Rome"                          # drawn from the context; every name and number looked up in it
    row          of phase `knowledge-short`, replayed in `knowledge-long` and `skills`
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Literal

from pydantic import NonNegativeInt

from regrowth.core.dataset import Dataset
from regrowth.core.errors import DataError, SettingsError
from regrowth.core.record import Record, digest
from regrowth.core.settings import Frozen
from regrowth.models.model import RememberedModel
from regrowth.recipes._apprentice import apprentice
from regrowth.recipes._lab.asking import Voice
from regrowth.recipes._lab.augmentation import augmented
from regrowth.recipes._lab.judging import Calibration, Judging, trusted
from regrowth.recipes._lab.lessons import lessons
from regrowth.recipes._lab.marking import Marked, compared, examined, over_phases
from regrowth.recipes._lab.mixing import Lesson, Mixing, agreed, hidden, novel, parted
from regrowth.recipes._lab.pairs import How, answer_gates, pair, question_gates
from regrowth.recipes._lab.quotas import Writing, empty, quotas, units
from regrowth.recipes._lab.reporting import calibrations, notes, yields
from regrowth.recipes._lab.teaching import documents_only, taught, unverified
from regrowth.recipes._lab.world import Source, source
from regrowth.reports.blocks import Block, save
from regrowth.run import Run

__all__ = ["Judging", "Lesson", "Mixing", "Outcome", "Settings", "Writing", "lab"]


RATE = 2e-3
"""Peak learning rate of the apprenticeship; at half of it the packaged model did not learn to copy a name in time."""
LESSONS = 40
"""Worked examples for each step of the apprenticeship: about as many as a step holds."""


class Settings(Frozen):
    """Say what is to be learnt, who writes and judges it, and how the student is trained."""

    model: str = "tiny"
    """The teacher: `tiny`, `openai:model@http://host:port/v1`, `hf:org/name` or a folder."""
    student: str = ""
    """Who learns: `tiny`, `hf:org/name` or a folder; nothing takes the teacher, if it has weights here."""
    taxonomy: Path | None = None
    """Folder of `qna.yaml` leaves; nothing takes an invented almanac, whose every fact is known."""
    documents: Path | None = None
    """Folder of the documents that knowledge leaves name, where they do not lie beside them."""
    prompts: Literal["full", "brief"] | None = None
    """`brief` for a small model that learnt these lines only; unless it is said, `brief` for `tiny` alone."""
    language: Literal["en", "de"] = "en"
    """Of the full prompts, and so of the pairs."""
    writing: Writing = Writing()
    """How many pairs of each leaf, how long, in which manner."""
    judging: Judging = Judging()
    """Who judges pairs, and when the judge is trusted."""
    mixing: Mixing = Mixing()
    """What becomes of accepted pairs before they are trained on."""
    lesson: Lesson | None = Lesson()
    """How the student is trained; nothing only makes the data."""
    apprentice: NonNegativeInt = 300
    """Steps in which `tiny` learns to be a teacher; other models can."""
    seed: NonNegativeInt = 0


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the recipe returns."""

    data: Dataset
    """The pairs that were kept."""
    calibrations: Mapping[str, Calibration]
    """What the gates without a model (`programs`) and the `judge` find of planted errors."""
    trusted: bool
    """Whether the judge was good enough to have a say."""
    barren: Sequence[str]
    """Leaves that gave nothing."""
    model: RememberedModel | None = None
    """The student after its last phase."""
    marks: Mapping[str, Marked] | None = None
    """Per arm, what it knows."""
    phases: Mapping[str, Marked] | None = None
    """What the student knew at the start and after each phase."""


async def lab(run: Run, settings: Settings) -> Outcome:
    """Return the pairs of every leaf and the student trained on them, examined before, between and after.

    Raises:
        DataError: the taxonomy cannot be read, or no leaf gives a pair.
        SettingsError: the judge is not good enough, and `judging.otherwise` is `stop`.
    """
    voice = _voice(settings)
    found = source(settings.taxonomy, settings.documents, settings.writing, seed=_seed(settings, "world"))
    teacher = await _teacher(run, settings, voice)
    asked = [unit for leaf in found.leaves for unit in units(leaf, settings.writing, language=settings.language)]
    told = [*found.told, *(f"{leaf}: empty, no document and no context." for leaf in empty(found.leaves, asked))]
    asked = await augmented(run, asked, teacher, settings.writing.augment, voice)
    how = How({leaf.id: leaf for leaf in found.leaves}, voice, settings.writing, question_gates(settings.writing))
    programs, chance = [*how.gates, *answer_gates(voice)], _seed(settings, "judge")
    trust = await trusted(run, settings.judging, voice, teacher, found.leaves, programs, seed=chance)
    told += [f"The judge has no say: {trust.why}. Programs alone judge the pairs."] if trust.why else []
    pairs = await run.agrow(
        run.write("units", asked),
        partial(pair, how=how),
        teacher,
        name="pairs",
        gates=[*programs, *found.gates, *trust.gates],
        quotas=quotas(found.leaves, settings.writing),
        stratum="stratum",
        draws=settings.writing.draws,
        partial=True,
    )
    if not len(pairs) and not run.preview:  # a teacher of four steps writes nothing that passes
        raise DataError(f"No pair was accepted: {pairs.shortfall or 'nothing was drawn.'} See `regrowth report`.")
    chosen = agreed(pairs, pairs.ledger())
    kept = await run.agrow(
        list(pairs), _as_it_is, name="kept", gates=[chosen, novel(list(pairs), alike=settings.mixing.alike)]
    )
    barren = [leaf.id for leaf in found.leaves if leaf.id not in {one["leaf"] for one in kept}]
    told += [f"{leaf}: no pair was kept." for leaf in barren]
    for line in told:
        run.watcher.noting(line)
    outcome = Outcome(kept, trust.measured, bool(trust.gates), barren)
    return await _learnt(run, settings, found, pairs, outcome, notes(told))


async def _learnt(
    run: Run, settings: Settings, found: Source, pairs: Dataset, outcome: Outcome, told: Sequence[Block]
) -> Outcome:
    """Train the student in phases, and its controls; examine all; show it."""
    lesson, mixing, measured = settings.lesson or Lesson(), settings.mixing, outcome.calibrations
    rows = list(outcome.data)
    reading = hidden(rows, mixing, seed=_seed(settings, "hidden"))
    phases = parted(rows, reading, mixing, lesson.order)
    blocks: list[Block] = [*told, yields(pairs, outcome.data, phases)]
    blocks += [calibrations(measured)] if measured else []
    student = _student(run, settings)
    if student is None or not phases:
        save(run.folder, blocks)
        return outcome
    seed = _seed(settings, "train") % 2**31
    trained = await taught(run, student, phases, lesson, arm="lab", seed=seed)
    arms = {"base": student, "lab": list(trained.values())[-1]}
    if lesson.controls:
        loose = unverified(pairs, len(rows), seed=seed)
        unread = parted(loose, hidden(loose, mixing, seed=_seed(settings, "hidden")), mixing, lesson.order)
        arms["unverified"] = list((await taught(run, student, unread, lesson, arm="unverified", seed=seed)).values())[
            -1
        ]
        steps = sum(map(lesson.steps_of, phases))
        arms["documents only"] = await documents_only(run, student, found.leaves, lesson, steps=steps, seed=seed)
    if not found.questions:
        save(run.folder, blocks)
        return replace(outcome, model=arms["lab"])
    marks = {arm: await examined(run, model, found.questions, name=f"marking {arm}") for arm, model in arms.items()}
    between = {"base": marks["base"]}
    for name, model in trained.items():
        between[name] = await examined(run, model, found.questions, name=f"marking after {name}")
    save(run.folder, [compared(marks, result="lab", baseline="base"), over_phases(between), *blocks])
    return replace(outcome, model=arms["lab"], marks=marks, phases=between)


async def _teacher(run: Run, settings: Settings, voice: Voice) -> RememberedModel:
    """Return the teacher; the packaged model is taught its trade first."""
    model = run.model(settings.model)
    if settings.model != "tiny" or voice != "brief" or not settings.apprentice:
        return model
    seed, steps = _seed(settings, "apprentice"), settings.apprentice
    shown = lessons(LESSONS * steps, seed=seed)
    return await apprentice(run, model, shown, steps=steps, learning_rate=RATE, seed=seed % 2**31)


def _student(run: Run, settings: Settings) -> RememberedModel | None:
    """Return who is to be trained; nobody where only data are wanted, or the teacher is served and no other named."""
    if settings.lesson is None:
        return None
    student = run.model(settings.student or settings.model)
    try:
        student.folder  # noqa: B018 -- asks whether there are weights here
    except SettingsError:
        if settings.student:
            raise
        run.watcher.noting(f"{settings.model} has no weights here, so nothing is trained. Name a student.")
        return None
    return student


def _as_it_is(record: Record) -> Record:
    return record


def _voice(settings: Settings) -> Voice:
    brief = settings.prompts == "brief" or (settings.prompts is None and settings.model == "tiny")
    return "brief" if brief else settings.language


def _seed(settings: Settings, *purpose: str | int) -> int:
    return int(digest(settings.seed, purpose)[:8], 16)
