"""What the packaged model is taught first: to answer little questions in many manners, and to compare two replies.

A lesson of the judge:
    prompt      "Be kind.\\nQ: Sort: k b a\\nA: Fool. a b k.\\nB: Gladly. a b k."
    response    "B"
"""

from collections.abc import Iterator, Sequence
from random import Random

from regrowth.core.record import Record, digest
from regrowth.domains.manners import SLIP, drawn, questions, reply, styled
from regrowth.gates.pairwise import comparing_prompt
from regrowth.models.model import RememberedModel
from regrowth.recipes._apprentice import apprentice
from regrowth.recipes._salmon.judging import trait_gap
from regrowth.run import Run
from regrowth.seeds.principles import Principle, tagged

__all__ = ["comparisons", "judge_of_manners", "writer_of_manners"]

RATE = 3e-3
"""Learning rate of the writer. The judge takes a third of it: at this one it sees nothing but the order."""
REPLIES = 4000
"""Lessons of the writer. With 1,200 it garbled 16 % of its replies at T=1, with these 4 % (one run each)."""
PER_STEP = 20
"""Comparisons that one training step holds: none comes twice."""


async def writer_of_manners(run: Run, tiny: RememberedModel, *, seed: int, steps: int) -> RememberedModel:
    """Teach the packaged model to answer in many manners, none of them liked better than another."""
    lessons = styled(REPLIES, seed=seed, split="train")
    return await apprentice(run, tiny, lessons, name="writer", steps=steps, learning_rate=RATE, seed=seed % 2**31)


async def judge_of_manners(
    run: Run, tiny: RememberedModel, principles: Sequence[Principle], *, seed: int, steps: int
) -> RememberedModel:
    """Teach the packaged model to compare two replies by the principles tagged `judge`; the others it never sees."""
    lessons = comparisons(steps * PER_STEP, tagged(tuple(principles), "judge"), seed=seed)
    return await apprentice(run, tiny, lessons, name="judge", steps=steps, seed=seed % 2**31)


def comparisons(count: int, principles: Sequence[Principle], *, seed: int) -> Iterator[Record]:
    """Yield comparisons of two replies by one principle each, either way round, with the label that its trait gives."""
    asked = questions(min(count, REPLIES), seed=seed, split="train")
    made = number = 0
    while made < count:
        rng = Random(digest("comparison", seed, number))
        question, one, turned = asked[number % len(asked)], rng.choice(principles), rng.random() < 0.5
        number += 1
        first, second = (reply(question, drawn(rng), rng=rng, slip=SLIP) for _ in range(2))
        gap = trait_gap(question.derive(response=first, rejected=second), one)
        if not gap:
            continue
        made += 1
        prompt = comparing_prompt(question.messages, first, second, criterion=one.said(negated=turned), style="brief")
        yield Record.of(prompt, response="A" if (gap > 0) != turned else "B", principle=one.id)
