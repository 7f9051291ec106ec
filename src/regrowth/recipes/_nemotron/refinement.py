"""Prompts made richer: more context, another form, further demands. First drafts of prompts are too short and easy.

    prompt     "Why do pens leak?"
    refined    "I take pens on planes, and they leak. Explain why to a child, in two short paragraphs."

Source: Nemotron-4 340B (arXiv:2406.11704), section 3.2. Departs from it in three points: gates (it keeps the subject,
is longer, is still a task); constraints and documents stay as they were, only the task is rewritten; the prompts before
and after stand side by side, so that what refinement is worth can be measured.
"""

from collections.abc import Iterable
from dataclasses import replace
from functools import partial

from pydantic import Field, NonNegativeInt, PositiveInt

from regrowth.core.dataset import Dataset
from regrowth.core.errors import Rejected
from regrowth.core.protocols import Model
from regrowth.core.record import Record
from regrowth.core.settings import Frozen
from regrowth.gates.naming import named
from regrowth.recipes._nemotron.asking import Style, asked, drawn, kept_words, written
from regrowth.recipes._nemotron.checks import sentences
from regrowth.recipes._nemotron.prompts import Solve, composed
from regrowth.recipes._nemotron.tasks import task_form
from regrowth.run import Run

__all__ = ["RefinementSettings", "pairs", "refined", "richer"]


class RefinementSettings(Frozen):
    """Say which prompts are refined, and what a refined one must be."""

    style: Style = "brief"
    kinds: tuple[str, ...] = ("open_qa", "writing", "maths", "code")
    """Kinds of prompts that are refined; the others pass as they are. A constraint refines its prompt already."""
    times: PositiveInt = 1
    """Revisions per prompt."""
    keeps: float = Field(default=0.6, ge=0, le=1)
    """Share of the task's content words, numbers among them, that must still be there."""
    sentences: PositiveInt = 6
    """Most sentences of a refined task."""
    seed: NonNegativeInt = 0


async def refined(
    run: Run,
    writer: Model,
    prompts: Iterable[Record],
    settings: RefinementSettings,
    solve: Solve | None = None,
) -> Dataset:
    """Return all prompts and beside them their revisions: records with `refined` true, whose last parent is the prompt.

    Args:
        solve: As in `prompts`; a revision's target is that of the revision, which may ask something else.
    """
    given = list(prompts)
    seeds = [one for one in given if one["kind"] in settings.kinds]
    gates = [task_form, named("richer", richer, keeps=settings.keeps, at_most=settings.sentences)]
    work = partial(revisions, settings=settings, solve=solve)
    made = await run.agrow(seeds, work, writer, name="refinements", gates=gates)
    return run.write("refined", [*given, *made])


async def revisions(
    prompt: Record, writer: Model, *, settings: RefinementSettings, solve: Solve | None
) -> list[Record]:
    """Have one task rewritten, as often as wanted.

    Raises:
        Rejected: the writer broke off or wrote nothing, or the solver knows no answer.
    """
    made = []
    for number in range(settings.times):
        how = drawn(prompt, settings.style, "how", number)
        request = asked(settings.style, "refine", task=prompt["task"], how=how)
        seed = prompt.seed("refine", number, settings.seed)
        task = await written(writer, request, settings.style, seed=seed, who="task_form")
        given = {"task": task, "before": prompt["task"], "refined": True, "revision": number}
        one = prompt.derive(prompt=composed({**prompt.attributes, **given}), attributes=given, target="")
        made.append(one if solve is None else replace(one, target=solve(one), _id=""))
    return made


def richer(record: Record, *, keeps: float, at_most: int) -> Record:
    """Refuse a revision that lost its subject, is no longer than before, or rambles; note what share it kept.

    Raises:
        Rejected: says which.
    """
    before, after = record["before"], record["task"]
    kept = kept_words(before, after)
    if kept < keeps:
        raise Rejected("richer", f"keeps {kept:.0%} of the words of what it was, at least {keeps:.0%}")
    if len(after.split()) <= len(before.split()):
        raise Rejected("richer", f"{len(after.split())} words, no more than before")
    if sentences(after) > at_most:
        raise Rejected("richer", f"{sentences(after)} sentences, at most {at_most}")
    return record.scored(kept=kept)


def pairs(prompts: Iterable[Record]) -> list[tuple[Record, Record]]:
    """Return each prompt with each of its revisions."""
    known = {record.id: record for record in prompts}
    return [
        (known[record.parents[-1]], record)
        for record in known.values()
        if record.attributes.get("refined") and record.parents[-1] in known
    ]
