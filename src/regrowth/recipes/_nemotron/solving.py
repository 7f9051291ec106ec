"""The right answer to a little question, whoever wrote it: the ground truth of the toy world.

    solved(Record.of("Eva has a cat. Tom has 3 pens. Tom buys 4 more. How many pens? Use at most 3 words."))
    "3 + 4 = 7"
    solved(Record.of([("user", "Sort: k b a"), ("assistant", "a b k."), ("user", "And for d c?")]))
    "c d"

Questions are those of `domains.manners`: stories, lists and facts of difficulty 1. What stands around them does not
matter as long as every sentence is known: facts about other things, constraints (`constraints.toml`, brief), and, in a
later turn, a change of the question. A question of the held-out split is refused: a student must not learn it.
"""

import re
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from regrowth.core.cells import shown
from regrowth.core.errors import Rejected
from regrowth.core.record import Messages, Record
from regrowth.domains.arithmetic import LARGEST, SENTENCES, apply, worked
from regrowth.domains.domain import is_held_out
from regrowth.domains.reading import RELATIONS, UNKNOWN
from regrowth.domains.transforms import FOR_NUMBERS, SHARED, UNIQUE, Operation
from regrowth.domains.words import NAMES, THINGS
from regrowth.recipes._nemotron.constraints import Constraint
from regrowth.recipes._nemotron.wordings import CONSTRAINTS

__all__ = ["AGAIN", "Question", "asked_in", "constraints_in", "parts", "question", "solved"]

AGAIN = "Answer again."
"""The turn that asks for the same once more; a constraint follows it."""


class Question(NamedTuple):
    """Hold what a little question comes down to."""

    domain: str
    core: tuple[Any, ...]
    """As in `domains.domain`: it decides whether the question is held out."""
    target: str
    """Its worked answer."""


def solved(record: Record) -> str:
    """Return the worked answer to what a record asks in its last turn.

    Raises:
        Rejected: it is no question of the toy world (`solvable`), or a held-out one (`held_out`).
    """
    found = question(asked_in(record.messages))
    if found is None:
        raise Rejected("solvable", f"no question that a program understands: {shown(record.prompt)}")
    if is_held_out(found.domain, found.core):
        raise Rejected("held_out", f"a question of the held-out split: {shown(record.prompt)}")
    return found.target


def question(text: str) -> Question | None:
    """Return what a text asks, constraints aside; nothing if any of its sentences is unknown."""
    return _list_question(text) or _story_question(text) or _facts_question(text)


# Sentences ------------------------------------------------------------------------------------------------------------


def _either(words: Sequence[str]) -> str:
    return "|".join(map(re.escape, words))


_WHO = f"(?:{_either(NAMES)})"
_FACTS = {
    relation: re.compile(told.format(who=f"(?P<who>{_WHO})", what=f"(?P<what>{_either(values)})").replace(".", r"\."))
    for relation, (told, _, values) in RELATIONS.items()
}
_ASKED = {
    relation: re.compile(re.escape(asks).replace(r"\{who\}", f"(?P<who>{_WHO})"))
    for relation, (_, asks, _) in RELATIONS.items()
}
_START = re.compile(rf"{_WHO} has (?P<start>\d{{1,2}}) (?:boxes of (?P<k>\d{{1,2}}) )?(?P<thing>{_either(THINGS)})\.")
_HOW_MANY = re.compile(rf"How many (?P<thing>{_either(THINGS)})\?")
_STEPS = {
    sign: [re.compile(one.format(name=_WHO, other=_WHO, k=r"(?P<k>\d{1,2})").replace(".", r"\.")) for one in told]
    for sign, told in SENTENCES.items()
}
_LIST = re.compile(
    r"(?P<words>[A-Z][a-z]+(?: (?:[a-z]+|\d))*): (?P<values>[a-l](?: [a-l]){0,9}|\d{1,2}(?: \d{1,2}){0,9})"
)
_OPERATIONS = [
    (operation, re.compile(operation.words.replace("{k}", r"(?P<k>\d)"), re.IGNORECASE))
    for operation in (*SHARED, UNIQUE, *FOR_NUMBERS)
]
_CHANGES = re.compile(
    rf"And (?:with (?P<start>\d{{1,2}}) (?P<thing>{_either(THINGS)})|for (?P<values>[^?.:]+)|if (?P<fact>[^?.:]+))\?"
)


class _Wording(NamedTuple):
    """One wording of one kind of constraint, as a pattern with a group for each of its values."""

    kind: str
    pattern: re.Pattern[str]


def _wordings() -> Iterator[_Wording]:
    pool = CONSTRAINTS["pools"]["brief"]
    for kind in pool["kinds"]:
        said = {
            name: f"(?P<{name}>{_either([_shown(name, one) for one in some])})" for name, some in pool[kind].items()
        }
        for wording in CONSTRAINTS["text"]["en"][kind]:
            pieces = re.split(r"\{(\w+)\}", wording)
            told = "".join(said[one] if place % 2 else re.escape(one) for place, one in enumerate(pieces))
            yield _Wording(kind, re.compile(told))


def _shown(name: str, value: object) -> str:
    return f'"{value}"' if name == "words" else str(value)


_WORDINGS = tuple(_wordings())


def constraints_in(text: str) -> list[Constraint]:
    """Return the brief constraints that a text words, by kind."""
    return [
        Constraint(kind, {name: _value(name, one) for name, one in found.groupdict().items()})
        for kind, pattern in _WORDINGS
        for found in pattern.finditer(" ".join(text.split()))
    ]


def _value(name: str, shown: str) -> Any:
    return int(shown) if name == "count" else [shown.strip('"')] if name == "words" else shown


def parts(text: str) -> list[str]:
    """Return the sentences of a text, without those that only say how to answer."""
    bare = " ".join(text.split()).replace(AGAIN, " ")
    for _, pattern in _WORDINGS:
        bare = pattern.sub(" ", bare)
    return [part for part in re.split(r"(?<=[.?]) +", " ".join(bare.split())) if part]


def _fact(sentence: str) -> tuple[str, str, str] | None:
    """Return who, which relation and what a sentence tells."""
    for relation, pattern in _FACTS.items():
        if found := pattern.fullmatch(sentence):
            return found["who"], relation, found["what"]
    return None


# Questions ------------------------------------------------------------------------------------------------------------


def _list_question(text: str) -> Question | None:
    *before, last = parts(text) or [""]
    found = _LIST.fullmatch(last)
    if not found or not all(map(_fact, before)):
        return None
    for operation, pattern in _OPERATIONS:
        if match := pattern.fullmatch(found["words"]):
            return _listed(operation, int(match.groupdict().get("k") or 0), found["values"].split())
    return None


def _listed(operation: Operation, k: int, values: list[str]) -> Question | None:
    numeric = values[0].isdigit()
    if operation in FOR_NUMBERS and not numeric:
        return None
    given: list[Any] = [int(value) for value in values] if numeric else values
    made = operation.apply(given, k)
    words = operation.words.format(k=k)
    return Question("transforms", ([words], given), " ".join(map(str, made))) if made else None


def _story_question(text: str) -> Question | None:
    *story, last = parts(text) or [""]
    asked = _HOW_MANY.fullmatch(last)
    told = [sentence for sentence in story if not _fact(sentence)]
    start = _START.fullmatch(told[0]) if asked and told else None
    if not asked or not start or start["thing"] != asked["thing"]:
        return None
    steps = [("×", int(start["k"]))] if start["k"] else []
    for sentence in told[1:]:
        if (step := _step(sentence)) is None:
            return None
        steps.append(step)
    total = int(start["start"])
    for sign, k in steps:
        total = apply(total, sign, k)
        if not 0 <= total <= LARGEST:
            return None
    first = int(start["start"])
    return Question("arithmetic", (first, tuple(steps)), worked(first, steps)) if steps else None


def _step(sentence: str) -> tuple[str, int] | None:
    for sign, patterns in _STEPS.items():
        for pattern in patterns:
            if found := pattern.fullmatch(sentence):
                return sign, int(found["k"])
    return None


def _facts_question(text: str) -> Question | None:
    *told, last = parts(text) or [""]
    facts = [_fact(sentence) for sentence in told]
    asked = next(((found["who"], name) for name, one in _ASKED.items() if (found := one.fullmatch(last))), None)
    known = {(fact[0], fact[1]): fact[2] for fact in facts if fact}
    if asked is None or None in facts or len(known) != len(facts) or not facts:
        return None
    return Question("reading", (sorted(told), last), known.get(asked, UNKNOWN))


# Conversations --------------------------------------------------------------------------------------------------------


def asked_in(messages: Messages) -> str:
    """Return the question that the last turn of a conversation stands for: the first one with all later changes."""
    turns = [turn.content for turn in messages if turn.role == "user"]
    text = turns[0] if turns else ""
    for turn in turns[1:]:
        said = parts(turn)
        if any(map(_CHANGES.fullmatch, said)):
            text = _changed(text, said)
        elif said:  # a question of its own, or what nobody understands
            text = turn
    return text


def _changed(text: str, said: Sequence[str]) -> str:
    """Return a question with the changes made; what changes nothing is put into it, so that nobody understands it."""
    sentences = parts(text)
    for one in said:
        before, found = sentences, _CHANGES.fullmatch(one)
        if found is not None and found["start"]:
            sentences = [_restarted(sentence, found["start"], found["thing"]) for sentence in before]
        elif found is not None and found["values"]:
            sentences = [re.sub(r": .*", f": {found['values']}", sentence) for sentence in before]
        elif found is not None:
            fact = f"{found['fact']}."
            same = _fact(fact)
            sentences = [fact, *(kept for kept in before if not _same_matter(_fact(kept), same))]
        if sentences == before:
            sentences = [*before, one]
    return " ".join(sentences)


def _restarted(sentence: str, start: str, thing: str) -> str:
    found = _START.fullmatch(sentence)
    return re.sub(r"has \d+", f"has {start}", sentence) if found and found["thing"] == thing else sentence


def _same_matter(one: tuple[str, str, str] | None, other: tuple[str, str, str] | None) -> bool:
    return one is not None and other is not None and one[:2] == other[:2]
