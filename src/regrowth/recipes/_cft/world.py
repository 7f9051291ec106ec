"""What the recipe works on: good pairs, bad answers, prompts without either, held-out prompts, and a judge.

Without files it is a toy world (`domains.manners`): the model first learns to answer little questions in all manners,
so that it is rude about half of the time, and keeps two further trades, which the anchor and the general perplexity
stand on. With files it is yours, in any layout:

    good      {"prompt": "Is this something you would say? …", "chosen": "No", "rejected": "Yes"}     labelled: no judge
    good      {"prompt": "…", "completion": "…"}    with a principle and a judge
    bad       {"prompt": "…", "completion": "…"}    or the rejected sides, or written under the negated principle
    prompts   {"prompt": "…"}                       for the persona; the rest of `good` is taken besides
    generic   {"prompt": "…", "completion": "…"}    anything that is to stay as it is; without it there is no anchor
"""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from regrowth.core.errors import DataError, SettingsError
from regrowth.core.layouts import read
from regrowth.core.protocols import Model, Sampling
from regrowth.core.record import Message, Record
from regrowth.core.settings import Frozen
from regrowth.domains import problems
from regrowth.domains.manners import Manner, drawn, questions, reply, styled
from regrowth.gates.prompt_files import load
from regrowth.models.model import RememberedModel
from regrowth.recipes._apprentice import apprentice
from regrowth.recipes._cft.lessons import MARK
from regrowth.recipes._cft.verdicts import LABELS, Judge, by_label, by_manner
from regrowth.recipes._rounds import ending
from regrowth.recipes.rejection_sampling import worked
from regrowth.run import Run

__all__ = ["Files", "Sizes", "World", "manners_world", "own_replies", "world_of_files", "written"]

TRADES = ("tool_calls", "code")
"""Domains of the toy world that nobody asks about manners."""
LESSONS, REHEARSED = 2048, 512
"""What the toy world's base learns from: replies in all manners, and its trades."""
RATE = 3e-3
"""Learning rate of that training: at 1e-3 a third of what the base says stayed garbage."""
UNLABELLED = 192
"""Prompts of the toy world without an answer."""
GENERIC = 128
HELD_OUT = 0.4
"""Largest share of a file of good pairs that is held out."""
LONGEST = 96
"""Tokens of a reply, at least: real answers may be given more."""
SAMPLING = Sampling(temperature=1.0, max_tokens=LONGEST)
CHARACTERS = 2
"""Of a token, at least: bounds the tokens of a reply by the longest good answer."""
STEP, ANSWERS = 512, 8
"""Good tokens of a step, at least, and good answers, about."""


class Files(Frozen):
    """Name files of records; no good pairs means the toy world."""

    good: Path | None = None
    """Prompts with the answers that are wanted, and perhaps the rejected ones."""
    bad: Path | None = None
    """Prompts with answers that are not."""
    prompts: Path | None = None
    """Further prompts for the persona."""
    generic: Path | None = None
    """Prompts, with answers, that have nothing to do with it."""
    columns: Mapping[str, str] = {}
    """Which columns of the good file to take: `{"prompt": "question"}`."""


@dataclass(frozen=True, slots=True)
class Sizes:
    """How much of everything."""

    good: int
    bad: int
    unseen: int


@dataclass(frozen=True, slots=True)
class World:
    """Everything that is the same for every objective."""

    base: RememberedModel
    judge: Judge
    good: Sequence[Record]
    bad: Sequence[Record]
    prompts: Sequence[Record]
    unseen: Sequence[Record]
    """Held out, each with a good answer."""
    generic: Sequence[Record] = ()
    """What is to stay as it is: for the anchor."""
    aside: Sequence[Record] = ()
    """The same, held out: for the general perplexity."""
    sampling: Sampling = SAMPLING

    @property
    def tokens(self) -> int:
        """Return how many good tokens a step holds, prompts included."""
        characters = sum(len(turn.content) for one in self.good for turn in one.messages)
        characters += sum(len(one.response) for one in self.good)
        return max(STEP, ANSWERS * characters // len(self.good) // CHARACTERS)


async def manners_world(run: Run, model: RememberedModel, sizes: Sizes, *, seed: int, steps: int) -> World:
    """Return the toy world: a base that is rude about half of the time, polite pairs, rude pairs.

    Args:
        seed: of everything but the base, which is the same for every seed.
        steps: of the training that makes the base.
    """
    lessons = [*styled(LESSONS, seed=0, split="train", rude=0.5)]
    lessons += worked(problems(TRADES, REHEARSED, seed=0, split="train"))
    base = await apprentice(run, model, lessons, steps=steps, learning_rate=RATE)
    fresh = questions(sizes.bad + UNLABELLED + sizes.good, seed=seed, split="train")
    ends = (sizes.bad, sizes.bad + UNLABELLED)
    return World(
        base,
        by_manner,
        good=[answered(one, rude=False) for one in fresh[ends[1] :]],
        bad=[answered(one, rude=True) for one in fresh[: ends[0]]],
        prompts=fresh[ends[0] : ends[1]],
        unseen=[answered(one, rude=False) for one in questions(sizes.unseen, seed=seed, split="heldout")],
        generic=list(worked(problems(TRADES, GENERIC, seed=seed, split="train"))),
        aside=list(worked(problems(TRADES, GENERIC, seed=seed, split="heldout"))),
    )


def answered(question: Record, *, rude: bool) -> Record:
    """Return a question with the right answer in some manner that is rude, or is not; never a refusal."""
    rng = random.Random(question.seed("answered"))
    how = drawn(rng, rude=float(rude))
    steps = rng.choice(("bare", "steps"))
    return question.derive(response=reply(question, Manner(how.opening, steps, how.closing)), origin="real")


def world_of_files(base: RememberedModel, files: Files, sizes: Sizes, judge: Judge | None, *, seed: int) -> World:
    """Return a world out of files; its bad answers may be missing still (`written` makes them).

    Raises:
        DataError: a file cannot be read, or holds too little.
        SettingsError: nothing says which answers are good.
    """
    pairs = [_labelled(one) for one in _read(files.good, files.columns) if one.response]
    more = [_labelled(one) for one in _read(files.prompts)]
    if judge is None:
        _all_labelled(files, [*pairs, *more])
    random.Random(f"{seed} cft").shuffle(pairs)
    unseen = min(sizes.unseen, int(len(pairs) * HELD_OUT))
    # The rest is taken from its end, so that the number of good pairs does not change the persona.
    good, rest = pairs[unseen : unseen + sizes.good], pairs[unseen + sizes.good :][::-1]
    if min(len(good), unseen) < 2:
        raise DataError(f"{files.good}: {len(pairs)} good pairs, too few: some are held out. Expected five at least.")
    bad = _read(files.bad) or [_turned(one) for one in rest or good if LABELS in one.attributes]
    generic = [one for one in _read(files.generic) if one.response]
    longest = max(len(one.response) for one in pairs) // CHARACTERS
    return World(
        base,
        judge or by_label,
        good=good,
        bad=[one for one in bad if one.response][: sizes.bad],
        prompts=[_asked(one) for one in (*more, *rest[sizes.bad :], *rest[: sizes.bad])][:UNLABELLED],
        unseen=pairs[:unseen],
        generic=generic[::2],
        aside=generic[1::2],
        sampling=replace(SAMPLING, max_tokens=max(LONGEST, longest)),
    )


def _read(path: Path | None, columns: Mapping[str, str] | None = None) -> list[Record]:
    return [] if path is None else list(read(path, columns=columns))


def _labelled(pair: Record) -> Record:
    """Note both answers of a pair where a judge finds them; the pair itself is trained as a good answer alone."""
    if not pair.rejected:
        return pair
    labels = [pair.response.strip(), pair.rejected.strip()]
    return pair.derive(rejected="", attributes={LABELS: labels}, origin=pair.origin)


def _all_labelled(files: Files, records: Sequence[Record]) -> None:
    bare = sum(LABELS not in one.attributes for one in records)
    if bare or files.bad is not None:
        told = f"{bare:,} records have no rejected answer" if bare else f"{files.bad} holds answers without labels"
        raise SettingsError(
            f"{files.good}: nothing can tell what violates ({told}). Give pairs with a rejected answer each (layout "
            "'preference') and no file of bad ones, or set principle and judge."
        )


def _turned(pair: Record) -> Record:
    return pair.derive(response=pair[LABELS][1], origin=pair.origin)


def _asked(record: Record) -> Record:
    """Return a prompt without its answer."""
    return record.derive(response="", origin=record.origin)


async def own_replies(run: Run, world: World) -> Sequence[Record]:
    """Return what the base says to the generic prompts, as anchors: there the model is to stay what it is."""

    async def answer(prompt: Record) -> Record:
        said = await world.base.generate(prompt.messages, world.sampling, seed=prompt.seed("anchor"))
        return prompt.derive(response=said.text, attributes={"anchor": 1, **ending(said)})

    return list(await run.agrow(world.generic, answer, name="anchors")) if world.generic else ()


async def written(run: Run, world: World, writer: Model, negation: str, count: int) -> list[Record]:
    """Have a model answer prompts under the negation of a principle: bad answers where there are none.

    Raises:
        DataError: there are no prompts for it.
    """
    prompts = [*world.prompts, *world.good][:count]
    system = Message("system", load("cft/persona", "regrowth.recipes").render(negation=negation))

    async def answer(prompt: Record) -> Record:
        said = await writer.ask((system, *prompt.messages), world.sampling, seed=prompt.seed("against"))
        return prompt.derive(response=said, attributes=MARK)

    return [one for one in await run.agrow(prompts, answer, name="against-the-principle") if one.response]
