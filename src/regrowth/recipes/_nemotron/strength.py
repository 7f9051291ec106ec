"""Weak to strong: a student learns from the best replies of its teacher, outdoes it, and teaches the next round.

    round 1    teacher answers 4 × 120 prompts → 96 replies above the bar + 150 real ones → student 1 > teacher
    round 2    student 1 answers others        → 101 replies …                            → student 2 > student 1

Every student starts from the same base, so that what it knows came through the replies. Real replies stay in every
mix, those of earlier rounds too (`curation.rounds`). A round is rolled back whose student is worse than what it started
from: the base, later the student before. A student that is worse than its teacher (a large one, say) is kept, but does
not teach.
Source: Nemotron-4 (Adler et al., 2024, arXiv:2406.11704, section 3.2.4, "iterative weak-to-strong alignment"), where
the base gets better from round to round as well; here it is one.
"""

import math
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from statistics import fmean
from typing import TypeAlias

from regrowth.core.dataset import Dataset
from regrowth.core.errors import CallFailed
from regrowth.core.protocols import Sampling
from regrowth.core.record import Json, Record
from regrowth.curation.rounds import Played, Rounds, Verdict, decide, play
from regrowth.models.model import RememberedModel
from regrowth.recipes._nemotron.rewards import Rater
from regrowth.recipes._nemotron.selection import SelectionSettings, above, best_of
from regrowth.recipes._rounds import ending, replies
from regrowth.run import Run

__all__ = ["MODES", "Measure", "answered", "answers", "as_it_is", "comparable", "selected", "weak_to_strong"]

MODES = SelectionSettings().modes
"""How a small model is marked."""

Measure: TypeAlias = Callable[[Record], Awaitable[float]]
"""How good a reply is: by the reward model, or by a program that knows."""
Train: TypeAlias = Callable[[Sequence[Record] | Dataset, str], Awaitable[RememberedModel]]


async def answered(
    run: Run,
    model: RememberedModel,
    prompts: Sequence[Record],
    rater: Rater,
    choice: SelectionSettings,
    *,
    name: str,
    number: int = 0,
) -> Dataset:
    """Draw several replies to each prompt and rate them; `number`: no two rounds draw the same ones."""
    drawing = partial(replies, sampling=choice.modes["T=1"], samples=choice.samples, number=number)
    drawn = await run.agrow(prompts, drawing, model, name=f"{name}-drawn")
    return await run.agrow(drawn, rater, name=f"{name}-rated")


async def selected(run: Run, rated: Dataset, least: float, *, name: str) -> list[Record]:
    """Return the best reply to each prompt that is rated high enough; the ledger says why the others are not there."""
    return list(await run.agrow(best_of(rated), as_it_is, name=name, gates=[above(least)]))


def as_it_is(record: Record) -> Record:
    """Return a record for the gates alone."""
    return record


async def weak_to_strong(
    run: Run,
    base: RememberedModel,
    teacher: RememberedModel,
    prompts: Sequence[Record],
    rounds: Rounds,
    count: int,
    *,
    rater: Rater,
    selection: SelectionSettings,
    train: Train,
    aside: Sequence[Record],
    also: Sequence[Record] = (),
) -> Played[RememberedModel]:
    """Play rounds in which the student of one is the teacher of the next.

    Args:
        prompts: shared out among the rounds.
        train: makes a student from its lesson and its name, always from the same base.
        aside: prompts by whose replies a student is compared with its teacher, none of them taught.
        also: records of the first round besides, such as dialogues.
    """

    teaching, marks = [teacher], dict[str, Mapping[str, Sequence[float]]]()

    async def make(_: RememberedModel, number: int) -> list[Record]:
        asked = [prompt for place, prompt in enumerate(prompts) if place % count == number - 1]
        name = f"{rounds.name}-{number}"
        rated = await answered(run, teaching[-1], asked, rater, selection, name=f"{name}-answers", number=number)
        made = await selected(run, rated, selection.least, name=f"{name}-selected")
        return [*made, *(also if number == 1 else ())]

    async def learn(_: RememberedModel, data: Dataset, number: int) -> RememberedModel:
        return await train(data, f"student-{number}")

    async def rewards_of(model: RememberedModel, name: str) -> Mapping[str, Sequence[float]]:
        if model.digest not in marks:
            marks[model.digest] = await answers(run, model, aside, rater.reward, name=name, modes=selection.modes)
        return marks[model.digest]

    async def judge(before: RememberedModel, after: RememberedModel, number: int) -> tuple[Verdict, Mapping[str, Json]]:
        known = comparable(
            {
                "before": await rewards_of(before, f"before round {number}"),
                "teacher": await rewards_of(teaching[-1], f"teacher of round {number}"),
                "student": await rewards_of(after, f"student of round {number}"),
            }
        )
        verdict = decide(known["before"], known["student"])
        outdone = decide(known["teacher"], known["student"])
        if verdict.accepted and outdone.accepted:
            teaching.append(after)
        told = {who: {mode: fmean(values) for mode, values in of.items() if values} for who, of in known.items()}
        return verdict, {**told, "teaches next": teaching[-1].digest, "beside its teacher": outdone.why}

    return await play(rounds, base, count, make=make, train=learn, judge=judge)


async def answers(
    run: Run,
    model: RememberedModel,
    prompts: Sequence[Record],
    measure: Measure,
    *,
    name: str,
    modes: Mapping[str, Sampling] = MODES,
) -> dict[str, list[float]]:
    """Measure one reply to each prompt, greedy and at temperature 1; NaN where a reply is too long to be measured."""

    async def one(prompt: Record, sampling: Sampling) -> float:
        drawn = await model.generate(prompt.messages, sampling, seed=prompt.seed("evaluation"))
        try:
            return await measure(prompt.derive(response=drawn.text, attributes=ending(drawn)))
        except CallFailed:
            return math.nan

    return {
        mode: await run.aeach(prompts, partial(one, sampling=sampling), name=f"{name}, {mode}")
        for mode, sampling in modes.items()
    }


def comparable(marks: Mapping[str, Mapping[str, Sequence[float]]]) -> dict[str, dict[str, list[float]]]:
    """Return marks of several models on the same prompts, without prompts that are not marked for all of them."""
    modes = next(iter(marks.values()))
    kept = {
        mode: [
            place
            for place, values in enumerate(zip(*(one[mode] for one in marks.values()), strict=True))
            if not any(map(math.isnan, values))
        ]
        for mode in modes
    }
    return {name: {mode: [one[mode][place] for place in kept[mode]] for mode in modes} for name, one in marks.items()}
