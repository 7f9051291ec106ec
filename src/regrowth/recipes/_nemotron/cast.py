"""Who plays which role: the packaged model learns those of writer and judge first, any other model is told in full."""

from collections.abc import Mapping
from dataclasses import dataclass

from regrowth.core.record import Record
from regrowth.domains import manners
from regrowth.gates.prompt_files import load
from regrowth.models.model import RememberedModel
from regrowth.recipes._apprentice import apprentice
from regrowth.recipes._code.prompts import Style
from regrowth.recipes._nemotron.judges import comparisons
from regrowth.recipes._nemotron.lessons import apprenticed
from regrowth.recipes._nemotron.prompts import Solve
from regrowth.recipes._nemotron.rewards import Rater, overall
from regrowth.recipes._nemotron.solving import solved
from regrowth.run import Run

__all__ = ["Cast", "assembled", "known_reward"]

COMPARING, RATE = 180, 3e-3
"""Steps in which the packaged model learns to compare replies, and their learning rate."""


@dataclass(frozen=True)
class Cast:
    """Hold the models and what goes with them."""

    writer: RememberedModel
    """Of topics, prompts, dialogues and the replies of the first round."""
    judge: RememberedModel
    """Compares two replies."""
    student: RememberedModel
    """As it is at its start."""
    rater: Rater
    small: bool
    """Whether the packaged model writes: briefly, about the questions of the toy world."""
    criterion: str
    """What the judge compares by."""

    @property
    def style(self) -> Style:
        """Return the style of all prompts."""
        return "brief" if self.small else "full"

    @property
    def solve(self) -> Solve | None:
        """Return the program that knows the answers, where there is one."""
        return solved if self.small else None


async def assembled(
    run: Run, name: str, student: RememberedModel, rater: Rater, *, seed: int, steps: int | None
) -> Cast:
    """Give the roles to a writer by its one string.

    Args:
        steps: of each apprenticeship of the packaged model; nothing takes as many as it needs.
    """
    writer, small = run.model(name), name == "tiny"
    criterion = load(f"nemotron/{'brief' if small else 'full'}/criterion", "regrowth.recipes").text
    if not small:
        return Cast(writer, writer, student, rater, small, criterion)
    comparing = steps or COMPARING
    lessons = comparisons(25 * comparing, criterion, rater.weights, seed=seed)
    judge = await apprentice(run, writer, lessons, name="judge", steps=comparing, learning_rate=RATE, seed=seed)
    learnt = await (apprenticed(run, writer, seed=seed, steps=steps) if steps else apprenticed(run, writer, seed=seed))
    return Cast(learnt, judge, student, rater, small, criterion)


async def known_reward(reply: Record, *, weights: Mapping[str, float]) -> float:
    """Return the reward of a reply to a question of the toy world, as its program knows it."""
    return overall(manners.attributes(reply), weights)
