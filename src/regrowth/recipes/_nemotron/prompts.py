"""Prompts of seven kinds, as many of each kind about each topic as wanted.

    open_qa      "Why do pens leak on planes?"                     one question or request, in a form that is drawn
    writing      "Write a short story about a lost pen …"          a kind of text that is drawn
    closed_qa    "<a document>\\n\\nWhich year is it about?"          a document and an instruction, in a drawn order
    maths        "A box holds 12 pens. …"                           topics that are verified to be of the field
    code         "Write a function that …"                          likewise
    instruction  "Why do pens leak? Use at most 40 words."          a constraint that a program checks
    two_turn     user, assistant, user                              a follow-up, or a revision under a constraint

Source: Nemotron-4 340B (arXiv:2406.11704), section 3.2. Departs from it in three points: one prompt a call, drawn by
itself, instead of lists whose ends resemble their beginnings; quotas by kind and topic that are filled up again when a
gate or a double took something away; every gate writes down why.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from random import Random
from typing import Any, TypeAlias

from pydantic import Field, NonNegativeFloat, NonNegativeInt, PositiveInt

from regrowth.core.dataset import Dataset
from regrowth.core.errors import SettingsError
from regrowth.core.protocols import Model
from regrowth.core.record import Json, Message, Messages, Record, digest
from regrowth.core.settings import Frozen
from regrowth.gates.naming import named
from regrowth.gates.prompt_files import fence
from regrowth.recipes._nemotron.asking import Style, asked, content_words, drawn, written
from regrowth.recipes._nemotron.constraints import Constraint, Language, draw
from regrowth.recipes._nemotron.dialogues import manner_of, next_turn
from regrowth.recipes._nemotron.refill import Refill, refilled
from regrowth.recipes._nemotron.tasks import on_topic, task_form, task_length
from regrowth.recipes._nemotron.wordings import CONSTRAINTS
from regrowth.run import Run

__all__ = ["KINDS", "PromptSettings", "Solve", "composed", "prompts"]

KINDS = ("open_qa", "writing", "closed_qa", "maths", "code", "instruction", "two_turn")

Solve: TypeAlias = Callable[[Record], str]
"""A program that knows the right answer to a prompt. Raises Rejected where it knows none."""


class PromptSettings(Frozen):
    """Say which prompts are wanted."""

    style: Style = "brief"
    counts: Mapping[str, PositiveInt] = Field(default_factory=lambda: dict.fromkeys(KINDS, 40))
    """Prompts wanted per kind, in equal shares of its topics; with fewer prompts than topics, topics are drawn."""
    constraints: tuple[str, ...] = ()
    """Kinds of constraints that are drawn; none named takes all that suit the style."""
    language: Language = "en"
    """Of the constraints."""
    on_topic: NonNegativeFloat = 0.3
    """Share of a topic's content words that must occur in the prompt; 0 only notes it, as the score `on_topic`."""
    at_least: PositiveInt = 3
    """Words of a task."""
    at_most: PositiveInt = 250
    near: float = Field(default=0.8, gt=0, le=1)
    """Share of common runs of three words from which two prompts are the same; 1 takes only doubles."""
    draws: PositiveInt = 8
    """Attempts per prompt that is wanted, at most, in each round."""
    rounds: PositiveInt = 3
    seed: NonNegativeInt = 0


@dataclass(frozen=True, slots=True)
class _How:
    settings: PromptSettings
    solve: Solve | None


async def prompts(
    run: Run,
    writer: Model,
    topics: Iterable[Record],
    settings: PromptSettings,
    documents: Iterable[Record] | None = None,
    solve: Solve | None = None,
) -> Dataset:
    """Return different prompts: records with `kind`, `topic`, `task` (without document and constraint), `constraint`.

    A kind without topics (or without documents) is left out, and a person is told.

    Args:
        documents: What closed questions are about: records whose prompt is the document.
        solve: Gives each prompt its target; prompts that it refuses are refused. `solving.solved` for the toy world.

    Raises:
        SettingsError: there is no such kind.
    """
    if unknown := sorted(settings.counts.keys() - set(KINDS)):
        raise SettingsError(f"No kind of prompt {unknown[0]!r}. There are: {', '.join(KINDS)}.")
    strata = _strata(run, settings, list(topics), list(documents or ()))

    def seeds(number: int, missing: Mapping[str, int], _: Sequence[Record]) -> list[Record]:
        return [
            strata[name].source.derive(
                attributes={"kind": strata[name].kind, "stratum": name, "round": number, "seed": settings.seed}
            )
            for name in missing
        ]

    gates = (
        task_form,
        task_length(at_least=settings.at_least, at_most=settings.at_most),
        named("on_topic", on_topic, at_least=settings.on_topic),
    )
    how = Refill(
        name="prompts",
        wanted={name: one.count for name, one in strata.items()},
        said=_said,
        near=settings.near,
        rounds=settings.rounds,
        draws=settings.draws * max((one.count for one in strata.values()), default=1),
        gates=gates,
    )
    return await refilled(run, seeds, prompt, writer, _How(settings, solve), how=how)


def _said(record: Record) -> str:
    return "\n".join(turn.content for turn in record.messages if turn.role == "user")


# What is wanted of what -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Stratum:
    kind: str
    source: Record
    count: int


def _strata(
    run: Run, settings: PromptSettings, topics: Sequence[Record], documents: Sequence[Record]
) -> dict[str, _Stratum]:
    """Share the prompts of each kind equally among its topics; too few for all go to some, by chance."""
    strata: dict[str, _Stratum] = {}
    for kind, count in settings.counts.items():
        sources = _sources(kind, topics, documents)
        if not sources:
            run.watcher.noting(f"prompts: no {'documents' if kind == 'closed_qa' else 'topics'} for {kind}, left out")
            continue
        if count < len(sources):
            rng = Random(digest("topics", settings.seed, kind))
            sources = [sources[place] for place in sorted(rng.sample(range(len(sources)), count))]
        share, rest = divmod(count, len(sources))
        for place, source in enumerate(sources):
            name = f"{kind}: {_titled(source)}"
            name = f"{name} ({source.id[:8]})" if name in strata else name
            strata[name] = _Stratum(kind, source, share + (place < rest))
    return strata


def _sources(kind: str, topics: Sequence[Record], documents: Sequence[Record]) -> Sequence[Record]:
    if kind == "closed_qa":
        return [one.derive(attributes={"topic": _titled(one)}, origin=one.origin) for one in documents]
    fields = {"maths": ("maths",), "code": ("code",), "writing": ("general",), "open_qa": ("general",)}
    wanted = fields.get(kind, ("general", "maths", "code"))
    return [one for one in topics if one["field"] in wanted]


def _titled(source: Record) -> str:
    """Return what a stratum is called: topics are different, and a document without a name goes by its id."""
    attributes = source.attributes
    return str(attributes.get("topic") or attributes.get("title") or f"document {source.id[:8]}")


# One prompt -----------------------------------------------------------------------------------------------------------


async def prompt(seed: Record, writer: Model, how: _How) -> Record:
    """Write one prompt of the kind that its seed names.

    Raises:
        Rejected: the writer broke off or wrote nothing, or the solver knows no answer.
    """
    style, kind = how.settings.style, seed["kind"]
    given: dict[str, Json] = {}
    if kind == "closed_qa":
        given |= {"document": seed.prompt, "join": drawn(seed, style, "join")}
    if kind == "instruction":
        given |= _constrained(seed, how)
    given["task"] = await _task(seed, writer, style)
    made = seed.derive(prompt=composed({**seed.attributes, **given}), attributes=given)
    if kind == "two_turn":
        made = await _second_turn(made, seed, writer, how)
    return made if how.solve is None else replace(made, target=how.solve(made), _id="")


async def _task(seed: Record, writer: Model, style: Style) -> str:
    """Have the bare task written: without its document, its constraint and its second turn."""
    name = seed["kind"] if seed["kind"] not in ("instruction", "two_turn") else "open_qa"
    if name == "open_qa" and seed.attributes.get("field", "general") != "general":
        name = seed["field"]
    varied = {"open_qa": "form", "writing": "text_type", "closed_qa": "action"}.get(name, f"{name}_level")
    form = drawn(seed, style, varied)
    values = {"topic": seed["topic"], "document": seed.prompt, "fence": fence([seed.prompt])}
    request = asked(style, name, **values, form=form, text_type=form, action=form, level=form)
    return await written(writer, request, style, seed=seed.seed("task"), who="task_form")


def _constrained(seed: Record, how: _How) -> dict[str, Json]:
    settings = how.settings
    rng = Random(seed.seed("constraint"))
    words = [word for word in content_words(seed["topic"]) if len(word) > 3 and word.isalpha()]
    wanted = () if settings.style == "brief" else words
    found = draw(rng, settings.constraints, words=wanted, style=settings.style, language=settings.language)
    lasting = settings.style == "full" and rng.random() < CONSTRAINTS["lasting"]["share"]
    return {"constraint": found.to_json(), "lasting": lasting, "language": settings.language}


def composed(attributes: Mapping[str, Any]) -> str:
    """Put a task together with its document or its constraint, as its attributes say."""
    task = str(attributes["task"])
    if document := attributes.get("document"):
        return str(attributes["join"]).format(document=document, task=task)
    if (data := attributes.get("constraint")) is None:
        return task
    language = attributes["language"]
    further = f" {CONSTRAINTS['lasting'][language]}" if attributes.get("lasting") else ""
    return f"{task}{chr(10) * 2 if chr(10) in task else ' '}{Constraint.from_json(data).text(language)}{further}"


async def _second_turn(made: Record, seed: Record, writer: Model, how: _How) -> Record:
    """Have the first turn answered, and go on: with a follow-up, or with the wish for a revision under a constraint."""
    style = how.settings.style
    reply = await written(writer, made.messages, style, seed=seed.seed("reply"), who="reply")
    turns: Messages = (*made.messages, Message("assistant", reply))
    if Random(seed.seed("second")).random() < 0.5:
        given = _constrained(seed, how) | {"second": "revision", "lasting": False}
        asks = Constraint.from_json(given["constraint"]).text(how.settings.language)  # type: ignore[arg-type]
        again = drawn(seed, style, "again" if how.settings.language == "en" else "again_de")
        last = Message("user", f"{again} {asks}")
    else:
        given = {"second": "follow_up"}
        last = await next_turn(seed, writer, turns, style, manner_of(seed))
    return replace(made, messages=(*turns, last), attributes={**made.attributes, **given}, _id="")
