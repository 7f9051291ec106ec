"""The student's phases, and the controls that are trained beside it, all for as many steps.

taught(run, student, {"knowledge-short": …, "knowledge-long": …, "skills": …}, Lesson(), arm="lab", seed=0)
    {"knowledge-short": a model, "knowledge-long": a model, "skills": a model}
"""

from collections.abc import Mapping, Sequence
from random import Random

from regrowth.core.dataset import Dataset
from regrowth.core.record import Record
from regrowth.models.model import RememberedModel
from regrowth.recipes._lab.mixing import Lesson
from regrowth.run import Run
from regrowth.seeds.chunks import chunks
from regrowth.seeds.taxonomy import Leaf
from regrowth.training.settings import TrainingSettings

__all__ = ["documents_only", "taught", "unverified"]

TOKENS = 1024
"""Of a step."""
PIECE = 120
"""Words of a piece of text, for the student that only reads."""


async def taught(
    run: Run,
    student: RememberedModel,
    phases: Mapping[str, Sequence[Record]],
    lesson: Lesson,
    *,
    arm: str,
    seed: int,
) -> dict[str, RememberedModel]:
    """Train phase after phase, earlier rows replayed; return the model after each."""
    from regrowth.training.objectives import supervised  # torch, on first use
    from regrowth.training.phases import Phase

    plan = [
        Phase(
            f"{arm}-{name}",
            run.write(f"{arm}-{name}", rows),
            objective=supervised("everything" if lesson.everything and name.startswith("knowledge") else "reply"),
            settings=training(lesson, steps=lesson.steps_of(name), seed=seed),
            replay=lesson.replay if place else 0.0,
            may_cool=lesson.schedule == "cosine",
        )
        for place, (name, rows) in enumerate(phases.items())
    ]
    return dict(zip(phases, await run.afit_phases(student, plan), strict=True))


def training(lesson: Lesson, *, steps: int, seed: int) -> TrainingSettings:
    """Return how a phase is trained."""
    return TrainingSettings(
        steps=steps,
        learning_rate=lesson.learning_rate,
        tokens_per_batch=TOKENS,
        schedule=lesson.schedule,
        warmup=min(10, steps - 1),
        seed=seed,
    )


async def documents_only(
    run: Run, student: RememberedModel, leaves: Sequence[Leaf], lesson: Lesson, *, steps: int, seed: int
) -> RememberedModel:
    """Train on the bare text of the documents for as many steps and tokens as all phases together."""
    from regrowth.training.objectives import supervised  # torch, on first use

    texts = [
        Record.of(document.title, response=chunk.text, leaf=leaf.id)
        for leaf in leaves
        for document in leaf.documents
        for chunk in chunks(document, words=PIECE)
    ]
    if not texts:
        return student
    settings = training(lesson, steps=steps, seed=seed)
    data = run.write("documents-only", texts)
    return await run.afit(student, data, settings, name="documents-only", objective=supervised("everything"))


def unverified(pairs: Dataset, count: int, *, seed: int) -> list[Record]:
    """Return as many of all answers drawn, whatever the gates made of them: the control of the gates."""
    settled = ("duplicate", "quota")
    drawn = [*pairs, *(entry.record for entry in pairs.ledger() if entry.gate not in settled)]
    answered = [one for one in drawn if one.response]
    return Random(seed).sample(answered, min(count, len(answered)))
