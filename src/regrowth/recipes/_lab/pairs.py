"""A question of one leaf and its answer: one call each, one draw each, never a list.

    unit         context "Eva lives in Rome. Eva comes on Monday."
    question     "Eva lives in which city?"       # drawn with the unit's own seed, other examples in each attempt
    answer       "Rome"                           # drawn from the context alone; gates and judge look at both

Source: LAB, sections 3.1 and 3.2. A question that its gates refuse is not answered: it goes to the ledger as it is.
"""

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from random import Random
from typing import TypeVar

from regrowth.core.errors import Rejected
from regrowth.core.protocols import Gate, Model
from regrowth.core.record import Record
from regrowth.gates.form import no_refusal, not_empty
from regrowth.gates.grounding import grounded
from regrowth.gates.length import not_cut
from regrowth.gates.naming import named
from regrowth.gates.questions import (
    answered,
    not_copied,
    not_echoed,
    of_right_type,
    on_topic,
    one_question,
    self_contained,
)
from regrowth.recipes._lab.asking import SAMPLING, Voice, asked, bounded, listed, persona
from regrowth.recipes._lab.formats import with_context
from regrowth.recipes._lab.quotas import Writing
from regrowth.seeds.taxonomy import Leaf, SeedExample

T = TypeVar("T")

__all__ = ["How", "answer_gates", "pair", "question_gates", "refused"]


@dataclass(frozen=True)
class How:
    """Say how pairs are written."""

    leaves: Mapping[str, Leaf]
    """By id, with the seeds that may be shown."""
    voice: Voice
    writing: Writing
    gates: Sequence[Gate] = field(default=())
    """What a question must pass before it is answered."""


def question_gates(writing: Writing) -> list[Gate]:
    """Return what judges a question, in order."""
    least, most = writing.question_words
    return [
        one_question(at_least=least, at_most=most),
        _for("knowledge", "self_contained", self_contained),
        _for("knowledge", "on_topic", on_topic()),
    ]


def answer_gates(voice: Voice) -> list[Gate]:
    """Return what judges an answer, in order. A brief world has one fact a sentence, so a place is one sentence."""
    window = 1 if voice == "brief" else 2
    gates = [answered, not_cut, no_refusal, of_right_type, not_copied, _for("knowledge", "not_echoed", not_echoed)]
    looked_up = [
        _for("knowledge", "grounded", grounded(window=window)),
        _for("skill", "grounded", grounded(at_least=0, checks=("number", "date", "quote"))),
    ]
    return [not_empty, *gates, *looked_up]


def _for(kind: str, name: str, gate: Callable[[Record], Record]) -> Gate:
    return named(name, _if_kind, kind=kind, gate=gate)


def _if_kind(record: Record, *, kind: str, gate: Callable[[Record], Record]) -> Record:
    return gate(record) if record["kind"] == kind else record


async def pair(unit: Record, teacher: Model, *, how: How) -> Record:
    """Write one question and, if its gates let it through, its answer."""
    leaf, rng = how.leaves[unit["leaf"]], Random(unit.seed("examples"))
    write = _knowledge if leaf.kind == "knowledge" else _skill
    return await write(unit, leaf, teacher, _fitted(how, leaf), rng)


def _fitted(how: How, leaf: Leaf) -> How:
    """Return how pairs of one leaf are written: it may have a language and lengths of its own."""
    own, writing = leaf.extensions, how.writing
    longest = int(own.get("longest_question", writing.question_words[1]))
    answers = tuple(int(own.get("longest_answer", words)) for words in writing.answer_words)
    writing = writing.model_copy(
        update={"question_words": (writing.question_words[0], longest), "answer_words": answers}
    )
    language = own.get("language")
    voice = language if how.voice != "brief" and language in ("en", "de") else how.voice
    return replace(how, writing=writing, voice=voice)


async def _knowledge(unit: Record, leaf: Leaf, teacher: Model, how: How, rng: Random) -> Record:
    known = [(one.question, one.answer) for seed in leaf.seeds for one in seed.pairs]
    shown = [] if how.voice == "brief" else _some(known, how, rng)  # the brief prompt has no room for examples
    text, long = unit.attributes.get("shape") or unit["context"], unit["long"]
    common = {
        "persona": persona(leaf, how.voice, how.writing.personas),
        "domain": leaf.domain,
        "outline": leaf.outline,
        "examples": listed([question for question, _ in shown], how.voice),
    }
    bound = bounded(how.voice, how.writing.question_words[1], wide=long)
    name = "long_question" if long and how.voice == "brief" else "question"
    question = await _drawn(unit, teacher, how.voice, "question", name, document=text, length=bound, **common)
    draft = _draft(unit, question, shown)
    if await refused(draft, how.gates):
        return draft
    # The answer is written from the chunk itself, whatever shape of it the question was asked about.
    bound = bounded(how.voice, how.writing.answer_words[long])
    values = {"document": unit["context"], "question": question, "length": bound, **common}
    return await _answered(draft, unit, teacher, how.voice, "answer", values)


async def _skill(unit: Record, leaf: Leaf, teacher: Model, how: How, rng: Random) -> Record:
    own = next(seed for seed in leaf.seeds if seed.number == unit["seed"])
    seeds = [own, *_some([seed for seed in leaf.seeds if seed is not own], how, rng, less=1)]
    rng.shuffle(seeds)
    common = {
        "persona": persona(leaf, how.voice, how.writing.personas),
        "task": leaf.task_description,
        "examples": listed([seed.question for seed in seeds], how.voice),
        "example": _done(own),
        "length": bounded(how.voice, how.writing.question_words[1]),
    }
    name, context = "skill", ""
    if own.context:
        name, contexts = "grounded", listed([seed.context for seed in seeds], how.voice)
        context = await _drawn(unit, teacher, how.voice, "context", "context", **{**common, "examples": contexts})
        common["document"] = context
    question = await _drawn(unit, teacher, how.voice, "question", f"{name}_question", **common)
    # The same question on another text is another task.
    shown = [] if context else [(seed.question, seed.answer) for seed in seeds]
    draft = _draft(unit, question, shown, context)
    if await refused(draft, how.gates):
        return draft
    values = {**common, "question": question, "length": bounded(how.voice, how.writing.answer_words[0])}
    return await _answered(draft, unit, teacher, how.voice, f"{name}_answer", values)


def _some(found: Sequence[T], how: How, rng: Random, *, less: int = 0) -> list[T]:
    count = max(0, min(how.writing.examples - less, len(found)))
    return rng.sample(list(found), count)


def _done(seed: SeedExample) -> str:
    return "\n\n".join(part.strip() for part in (seed.context, seed.question, seed.answer) if part)


async def _drawn(unit: Record, teacher: Model, voice: Voice, tag: str, name: str, **values: str) -> str:
    reply = await teacher.ask(asked(voice, name, **values), SAMPLING[voice], seed=unit.seed(tag))
    return reply.strip()


def _draft(unit: Record, question: str, shown: Sequence[tuple[str, str]], context: str = "") -> Record:
    """Return the question as a record; one that stands on a text of its own is asked with it."""
    facts = {"question": question, "shown": [list(one) for one in shown]}
    made = unit.derive(prompt=question, attributes={**facts, **({"context": context} if context else {})})
    return with_context(made) if context else made


async def _answered(
    draft: Record, unit: Record, teacher: Model, voice: Voice, name: str, values: Mapping[str, str]
) -> Record:
    prompt = asked(voice, name, **values)
    reply = await teacher.generate(prompt, SAMPLING[voice], seed=unit.seed("answer"))
    ended = {} if reply.finish == "stop" else {"finish": reply.finish}
    return draft.derive(
        response=reply.text.strip(), parents=draft.parents, draw=draft.draw, attributes=ended, origin=draft.origin
    )


async def refused(draft: Record, gates: Sequence[Gate]) -> bool:
    """Return whether one of the gates, asked in order, refuses a record."""
    for gate in gates:
        try:
            verdict = gate(draft)
            if inspect.isawaitable(verdict):
                await verdict
        except Rejected:
            return True
    return False
