"""Topics to write prompts about: macro-topics, topics within them, and of those for maths and code a verified choice.

    macro "biology and the environment"   →   "pollination", "food webs", "antibiotic resistance", …
    macro "data structures in Python"     →   "linked lists" (code: yes, and no the other way round), …

Source: Nemotron-4 340B (arXiv:2406.11704), section 3.2. Departs from it in four points: a reply is read as a list by a
program, never turned into one by a second call to a model; doubles are dropped, also in other words; what is missing
is asked for again, with what is taken; and the yes or no that keeps a topic for maths or code is asked for both ways,
so that a writer that always says yes keeps nothing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from pydantic import Field, NonNegativeInt, PositiveInt

from regrowth.core.cells import shown
from regrowth.core.dataset import Dataset
from regrowth.core.errors import Rejected, SettingsError
from regrowth.core.protocols import Gate, Model, Sampling
from regrowth.core.record import Record
from regrowth.core.settings import Frozen
from regrowth.gates.form import refusal
from regrowth.gates.naming import named
from regrowth.recipes._nemotron.asking import SAMPLING, Style, asked
from regrowth.recipes._nemotron.lists import SCHEMA, canonical, headed, listed
from regrowth.recipes._nemotron.refill import Refill, refilled
from regrowth.recipes._nemotron.wordings import KINDS
from regrowth.run import Run

__all__ = ["FIELDS", "TopicSettings", "entity", "topic_form", "topics"]

FIELDS = ("general", "maths", "code")
LONGEST = 80
"""Characters of a topic."""
SHOWN = 60
"""Topics of a macro-topic that the writer is told are taken."""
VERDICT = Sampling(temperature=0.0, max_tokens=8)


class TopicSettings(Frozen):
    """Say which topics are wanted."""

    style: Style = "brief"
    macros: Mapping[str, tuple[str, ...]] = Field(default_factory=dict)
    """Macro-topics by field (`general`, `maths`, `code`); none named takes the packaged ones of the style."""
    asked: NonNegativeInt = 0
    """Further general macro-topics, asked of the writer."""
    each: PositiveInt = 8
    """Topics wanted per macro-topic."""
    own: tuple[str, ...] = ()
    """Topics of yours, taken as they are; they count as real data."""
    near: float = Field(default=0.75, gt=0, le=1)
    """Likeness from which two topics are the same: of three words or fewer, only those with the same words are."""
    rounds: PositiveInt = 3
    """How often what is missing is asked for."""
    seed: NonNegativeInt = 0


async def topics(run: Run, writer: Model, settings: TopicSettings) -> Dataset:
    """Return different topics: records with `topic`, `macro` and `field`; what could not be had is its shortfall.

    Raises:
        SettingsError: a field is none of `general`, `maths`, `code`.
    """
    if unknown := sorted(settings.macros.keys() - set(FIELDS)):
        raise SettingsError(f"No field {unknown[0]!r}. Macro-topics go by {', '.join(FIELDS)}.")
    macros: dict[str, tuple[str, ...]] = {**(settings.macros or KINDS[settings.style]["macros"])}
    if settings.asked:
        macros["general"] = (*macros.get("general", ()), *await _macros(run, writer, settings, macros))
    fields = {macro: field for field, some in macros.items() for macro in some}
    own = [
        Record.of(topic, topic=topic, macro="own", field="general", stratum="own")
        for topic in dict.fromkeys(map(str.strip, settings.own))
        if topic
    ]

    def requests(number: int, missing: Mapping[str, int], there: Sequence[Record]) -> list[Record]:
        taken: dict[str, list[str]] = {}
        for one in there:
            taken.setdefault(one["macro"], []).append(one["topic"])
        return [
            _request(settings, "topics", number, count, taken.get(macro, ()), macro=macro, field=fields[macro])
            for macro, count in missing.items()
        ]

    gate = named("entity", entity, writer=writer, style=settings.style)
    how = _refill(settings, "topics", dict.fromkeys(fields, settings.each), (topic_form, gate))
    return await refilled(run, requests, listing, writer, settings.style, how=how, start=own)


async def _macros(run: Run, writer: Model, settings: TopicSettings, given: Mapping[str, Sequence[str]]) -> list[str]:
    start = [
        Record.of(name, topic=name, macro="", field="general", stratum="given") for name in given.get("general", ())
    ]

    def requests(number: int, missing: Mapping[str, int], there: Sequence[Record]) -> list[Record]:
        return [_request(settings, "macro_topics", number, missing[""], [one["topic"] for one in there])]

    how = _refill(settings, "macro-topics", {"": settings.asked}, (topic_form,))
    found = await refilled(run, requests, listing, writer, settings.style, how=how, start=start)
    return [record["topic"] for record in found if record["stratum"] == ""]


def _refill(settings: TopicSettings, name: str, wanted: Mapping[str, int], gates: Sequence[Gate]) -> Refill:
    return Refill(name=name, wanted=wanted, said=_said, near=settings.near, rounds=settings.rounds, gates=gates)


def _said(record: Record) -> str:
    return canonical(record["topic"])


def _request(
    settings: TopicSettings,
    name: str,
    number: int,
    count: int,
    known: Sequence[str],
    *,
    macro: str = "",
    field: str = "general",
) -> Record:
    """Return the request for a list, as a record; in later rounds it asks for what is missing."""
    taken = asked("full", "known", names="; ".join(known[-SHOWN:])) if known and settings.style == "full" else ""
    text = asked(settings.style, name, count=str(count), macro=macro, known=f"\n\n{taken}" if taken else "")
    return Record.of(text, macro=macro, field=field, stratum=macro, round=number, seed=settings.seed)


async def listing(request: Record, writer: Model, style: Style) -> list[Record]:
    """Ask for a list and make a record of each of its entries.

    Raises:
        Rejected: there is no list in the reply.
    """
    sampling = replace(SAMPLING[style], schema=SCHEMA) if style == "full" else SAMPLING[style]
    reply = await writer.generate(request.messages, sampling, seed=request.seed("list"))
    entries = listed(reply.text)
    if reply.finish == "length":  # whatever stands last was cut
        entries = entries[:-1]
    names = list(dict.fromkeys(name for name in map(headed, entries) if name))
    if not names or refusal(reply.text):
        raise Rejected("list", f"no list in the reply, which ended by {reply.finish}: {shown(reply.text)}")
    return [request.derive(prompt=name, attributes={"topic": name}) for name in names]


# Gates ----------------------------------------------------------------------------------------------------------------


def topic_form(record: Record) -> Record:
    """Refuse what is no name of a topic: too long, a question, a refusal, no word in it.

    Raises:
        Rejected: says which.
    """
    topic = record["topic"]
    if len(topic) > LONGEST or topic.endswith("?") or "\n" in topic:
        raise Rejected("topic_form", f"no noun phrase of at most {LONGEST} characters: {shown(topic)}")
    if not any(map(str.isalpha, topic)) or refusal(topic):
        raise Rejected("topic_form", f"names nothing: {shown(topic)}")
    return record


async def entity(record: Record, *, writer: Model, style: Style) -> Record:
    """Refuse a topic for maths or code that the writer does not find one, asked for both ways.

    Raises:
        Rejected: it says no, neither yes nor no, or yes (or no) both ways.
    """
    if record["field"] not in KINDS[style]["field"]:
        return record
    field = KINDS[style]["field"][record["field"]]
    values = {"field": field, "topic": record["topic"]}
    said = [
        yes(await writer.ask(asked(style, name, **values), VERDICT, seed=record.seed(name)))
        for name in ("entity", "entity_not")
    ]
    if said == [True, False]:
        return record
    why = {(False, True): "no", (True, True): "yes both ways", (False, False): "no both ways"}
    told = why.get((bool(said[0]), bool(said[1])), "") if None not in said else "neither yes nor no"
    raise Rejected("entity", f"{record['topic']!r} as {field}: the writer says {told}")


def yes(reply: str) -> bool | None:
    """Return what a reply says first, yes or no, in English or German; nothing if neither."""
    answer = reply.rpartition("</think>")[2].strip(" \n\t*_\"'`([").casefold()
    for words, value in ((("yes", "ja"), True), (("no", "nein"), False)):
        if any(answer == word or (answer.startswith(word) and not answer[len(word)].isalpha()) for word in words):
            return value
    return None
