"""Worked examples of every brief role, so that the packaged model can play all of this recipe's parts.

    "Name pets."                               →  "cat, cow, pig"
    "Is it counting? pens"                     →  "Yes"
    "Count: pens"                              →  "Tom has 3 pens. Tom buys 4 more. How many pens?"
    "Say more.\\nSort: k b a"                   →  "Eva has a cat. Sort: k b a Begin with: First"
    "Next, plain.\\nSort: k b a\\na b k."        →  "And for d c a?"
    "Sort: k b a Begin with: Gladly."          →  "Gladly. a b k."

All questions are of the training split of `domains`; a held-out one is neither taught nor accepted from the writer.
`writing` is the one kind that is not taught: the packaged model knows nothing to write about.
"""

from collections.abc import Callable, Mapping, Sequence
from itertools import product
from random import Random
from typing import NamedTuple

from regrowth.core.record import Message, Record, digest
from regrowth.domains.domain import is_held_out
from regrowth.domains.manners import BODIES, CLOSINGS, OPENINGS, RUDE, Manner, questions, reply
from regrowth.domains.reading import RELATIONS
from regrowth.domains.transforms import FOR_NUMBERS, LETTERS, SHARED, UNIQUE
from regrowth.domains.words import CITIES, FOODS, NAMES, PETS, THINGS
from regrowth.models.model import RememberedModel
from regrowth.recipes._apprentice import apprentice
from regrowth.recipes._nemotron.asking import asked, kept_words
from regrowth.recipes._nemotron.constraints import Constraint, draw
from regrowth.recipes._nemotron.dialogues import MANNERS
from regrowth.recipes._nemotron.solving import AGAIN, asked_in, parts, question
from regrowth.recipes._nemotron.wordings import KINDS
from regrowth.run import Run

__all__ = ["ANYTHING", "COUNTS", "POOLS", "apprenticed", "documents", "fitting", "lessons"]

COUNTS: Mapping[str, int] = dict.fromkeys(("open_qa", "closed_qa", "maths", "code", "instruction", "two_turn"), 40)
"""Prompts per kind, for `PromptSettings.counts`: every kind that the packaged model can write."""
LESSONS = 8000
RATE = 2.5e-3
OPERATIONS = tuple(one.words.replace("{k} ", "").removesuffix(" {k}") for one in (*SHARED, UNIQUE, *FOR_NUMBERS))
POOLS: Mapping[str, Sequence[str]] = {
    "people": NAMES, "cities": CITIES, "pets": PETS, "foods": FOODS, "things": THINGS, "operations": OPERATIONS,
}  # fmt: skip
"""The topics of each area of the toy world."""
ANYTHING = "anything"
"""The topic of a question about nothing in particular: what prompts without topics are measured with."""
FREE = 0.15
"""Share of the questions about nothing in particular."""
FIELDS = {"things": "maths", "operations": "code"}
PLAIN = 0.5
TRIES = 20
_LETTERS = frozenset(LETTERS)
CANDID = [
    Manner(*one)
    for one in product(OPENINGS, BODIES, CLOSINGS)
    if RUDE not in one and "refusal" not in one and "praise" not in one
]


class Lesson(NamedTuple):
    """What is asked and what is answered."""

    prompt: str | Sequence[Message]
    response: str


async def apprenticed(run: Run, model: RememberedModel, seed: int = 0, steps: int = 400) -> RememberedModel:
    """Return the packaged model after learning every brief role."""
    taught = lessons(LESSONS, seed=seed)
    return await apprentice(run, model, taught, name="apprentice", steps=steps, learning_rate=RATE, seed=seed)


def lessons(count: int, *, seed: int) -> list[Record]:
    """Return worked examples of all roles, each in its share, of different questions."""
    makers = [make for make, share in ROLES.items() for _ in range(share)]
    made = []
    for number, one in enumerate(questions(count, seed=seed, split="train")):
        rng = Random(digest("lesson", seed, number))
        lesson = makers[number % len(makers)](one, rng)
        made.append(Record.of(lesson.prompt, response=lesson.response))
    return list({(record.messages, record.response): record for record in made}.values())


def documents(count: int, *, seed: int) -> list[Record]:
    """Return little documents for closed questions: a few facts each, of the training split."""
    found = (
        " ".join(parts(one.prompt)[:-1]) for one in questions(count, seed=seed, split="train", sources=["reading"])
    )
    return [Record.of(facts, title=f"facts {number}") for number, facts in enumerate(dict.fromkeys(found), 1)]


# Topics ---------------------------------------------------------------------------------------------------------------


def _areas(_: Record, rng: Random) -> Lesson:
    names = KINDS["brief"]["macros"]["general"]
    return Lesson(asked("brief", "macro_topics"), ", ".join(rng.sample(names, rng.randint(2, len(names)))))


def _topics(_: Record, rng: Random) -> Lesson:
    macro = rng.choice(list(POOLS))
    return Lesson(asked("brief", "topics", macro=macro), ", ".join(rng.sample(POOLS[macro], rng.randint(3, 5))))


def _entity(_: Record, rng: Random) -> Lesson:
    field = rng.choice(("maths", "code"))
    inside = [macro for macro, one in FIELDS.items() if one == field]
    macro = rng.choice(inside) if rng.random() < 0.5 else rng.choice([one for one in POOLS if one not in inside])
    name = rng.choice(("entity", "entity_not"))
    prompt = asked("brief", name, field=KINDS["brief"]["field"][field], topic=rng.choice(POOLS[macro]))
    return Lesson(prompt, "Yes" if (macro in inside) == (name == "entity") else "No")


# Prompts --------------------------------------------------------------------------------------------------------------


def _question(one: Record, rng: Random) -> Lesson:
    """Ask for a question by its kind and one of the topics it is about."""
    kind = {"arithmetic": "maths", "transforms": "code", "reading": "open_qa"}[one["domain"]]
    if kind == "maths" and rng.random() < 0.3:
        kind = "open_qa"
    areas = [area for area in POOLS if FIELDS.get(area, "open_qa") == kind]
    about = [topic for area in areas for topic in POOLS[area] if kept_words(topic, one.prompt) == 1.0]
    topic = ANYTHING if rng.random() < FREE else max(about, key=len) if kind == "code" else rng.choice(about)
    return Lesson(asked("brief", kind, topic=topic), one.prompt)


def _closed(one: Record, rng: Random) -> Lesson:
    if one["domain"] != "reading":
        return _question(one, rng)
    *facts, last = parts(one.prompt)
    return Lesson(asked("brief", "closed_qa", document=" ".join(facts)), last)


def _refine(one: Record, rng: Random) -> Lesson:
    """Put a fact before a question, a constraint behind it, or both."""
    told = rng.random()
    context = f"{_fact(one, rng)} " if told < 0.7 else ""
    asks = f" {draw(rng, style='brief').text()}" if told > 0.3 else ""
    text = f"{context}{one.prompt}{asks}"
    fair = text if _fair(text) else f"{one.prompt} {draw(rng, style='brief').text()}"
    return Lesson(asked("brief", "refine", task=one.prompt), fair)


def _fact(one: Record, rng: Random) -> str:
    """Return a fact on which a question does not speak yet."""
    for _ in range(TRIES):
        told, _, values = RELATIONS[rng.choice(list(RELATIONS))]
        fact = told.format(who=rng.choice(NAMES), what=rng.choice(values))
        if not any(sentence.split()[:2] == fact.split()[:2] for sentence in parts(one.prompt)):
            return fact
    return ""


def _fair(text: str) -> bool:
    found = question(text)
    return found is not None and not is_held_out(found.domain, found.core)


# Conversations --------------------------------------------------------------------------------------------------------


def _follow(one: Record, rng: Random) -> Lesson:
    turns = _exchanges(one, rng, rng.choice((1, 1, 2)))
    manner = rng.choice(MANNERS)
    told = "\n".join(turn.content for turn in turns)
    request = asked("brief", "follow_up", manner=KINDS["brief"]["manner"][manner], conversation=told)
    return Lesson(request, _turn(turns, rng, manner)[0])


def _reply(one: Record, rng: Random) -> Lesson:
    """Answer a question, alone, under a constraint or after other turns; what is asked last counts."""
    kind = rng.random()
    constraint: Constraint | None
    if kind < 0.25:
        return Lesson(one.prompt, fitting(one.prompt, None, rng))
    if kind < 0.6:
        constraint = draw(rng, style="brief")
        context = f"{_fact(one, rng)} " if rng.random() < 0.3 else ""
        text = f"{context}{one.prompt}"
        text = text if _fair(text) else one.prompt
        return Lesson(f"{text} {constraint.text()}", fitting(text, constraint, rng))
    turns = _exchanges(one, rng, rng.choice((1, 1, 2)))
    text = asked_in(turns)
    if kind < 0.7:
        constraint = draw(rng, style="brief")
        last = Message("user", f"{AGAIN} {constraint.text()}")
        return Lesson((*turns, last), fitting(text, constraint, rng))
    changed, constraint = _turn(turns, rng, rng.choice(MANNERS))
    last = Message("user", changed)
    return Lesson((*turns, last), fitting(asked_in((*turns, last)), constraint, rng))


def _exchanges(one: Record, rng: Random, count: int) -> tuple[Message, ...]:
    """Play some turns of a person, each answered."""
    turns: tuple[Message, ...] = (Message("user", one.prompt),)
    turns = (*turns, Message("assistant", fitting(one.prompt, None, rng)))
    for _ in range(count - 1):
        said, constraint = _turn(turns, rng, rng.choice(MANNERS))
        asks = (*turns, Message("user", said))
        turns = (*asks, Message("assistant", fitting(asked_in(asks), constraint, rng)))
    return turns


def _turn(turns: Sequence[Message], rng: Random, manner: str) -> tuple[str, Constraint | None]:
    """Return a person's turn: a change, a change with a constraint, or a constraint alone."""
    constraint = None if manner == "normal" else draw(rng, style="brief")
    asks = constraint.text() if constraint else ""
    if manner == "critical":
        return asks, constraint
    before = asked_in(turns)
    for _ in range(TRIES):
        change = _change(before, rng)
        after = asked_in((*turns, Message("user", change)))
        if after != before and _fair(after):
            return f"{change} {asks}".strip(), constraint
    return AGAIN, None


def _change(text: str, rng: Random) -> str:
    found = question(text)
    words = text.split()
    if found is not None and found.domain == "arithmetic":
        return f"And with {rng.randint(2, 60)} {words[-1]}"
    if found is not None and found.domain == "transforms":
        values = [rng.choice(LETTERS) if found.core[1][0] in _LETTERS else str(rng.randint(1, 9)) for _ in range(3)]
        return f"And for {' '.join(values)}?"
    told, _, things = RELATIONS[rng.choice(list(RELATIONS))]
    people = [name for name in NAMES if name in text] or list(NAMES)
    return f"And if {told.format(who=rng.choice(people), what=rng.choice(things)).removesuffix('.')}?"


def fitting(text: str, constraint: Constraint | None, rng: Random) -> str:
    """Return a right reply to a question in a manner that obeys a constraint, if any manner does; half the time a plain
    one: what is drawn by chance cannot be learnt, and the packaged model has little room."""
    found = question(text)
    asked_for = Record.of(text, target=found.target if found else "unknown")
    order = rng.sample(CANDID, len(CANDID))
    if rng.random() < PLAIN:
        order.sort(key=lambda how: sum(map(bool, (how.opening, how.closing, how.body != "bare"))))
    replies = [reply(asked_for, how) for how in order]
    return next((one for one in replies if constraint is None or constraint.check(one) is None), replies[0])


ROLES: Mapping[Callable[[Record, Random], Lesson], int] = {
    _areas: 2, _topics: 14, _entity: 60, _question: 24, _closed: 7, _refine: 12, _follow: 9, _reply: 26,
}  # fmt: skip
"""Shares of the lessons. Short answers need many: a training weighs tokens, not lessons."""
