"""Who writes, who judges, and what they are asked."""

from collections.abc import Sequence
from functools import partial
from typing import NamedTuple

from regrowth.core.record import Record, digest
from regrowth.gates.pairwise import Style
from regrowth.models.model import RememberedModel
from regrowth.recipes._salmon.apprentices import judge_of_manners, writer_of_manners
from regrowth.recipes._salmon.judging import distinct, drafted, needy, weighed
from regrowth.run import Run
from regrowth.seeds.principles import Principle

__all__ = ["TINY", "Roles", "cast", "judged"]

TINY = "tiny"


class Roles(NamedTuple):
    """Hold who does what."""

    writer: RememberedModel
    judge: RememberedModel | None
    """Nobody, where none is named and programs can tell everything."""
    style: Style
    """Of the judge's prompt."""


async def cast(run: Run, model: str, judge: str, principles: Sequence[Principle], *, steps: int, seed: int) -> Roles:
    """Return who writes and who judges; the packaged model is taught either first.

    Args:
        judge: nothing takes the model, and only where a principle needs a judge.
        steps: of what the packaged model is taught.
    """
    writer = run.model(model)
    if model == TINY:
        writer = await writer_of_manners(run, writer, steps=steps, seed=_seed(seed, "writer"))
    name = judge or (model if needy(principles) else "")
    if name == TINY:
        taught = await judge_of_manners(run, run.model(TINY), principles, steps=steps, seed=_seed(seed, "judge"))
        return Roles(writer, taught, "brief")
    return Roles(writer, run.model(name) if name else None, "full")


def _seed(seed: int, purpose: str) -> int:
    return int(digest(seed, purpose)[:8], 16)


async def judged(
    run: Run, name: str, prompts: Sequence[Record], roles: Roles, principles: Sequence[Principle], *, checking: int = 0
) -> list[Record]:
    """Draw two replies to each prompt and weigh them.

    Args:
        checking: pairs on which the judge is checked against the programs.
    """
    drafts = list(await run.agrow(prompts, drafted, roles.writer, name=name, gates=[distinct]))
    some = {pair.id for pair in drafts[:checking]}
    work = partial(weighed, principles=principles, checking=some, style=roles.style)
    return list(await run.agrow(drafts, work, roles.judge, name=f"{name}-judged"))
