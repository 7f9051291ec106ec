"""Errors planted into right pairs, so that gates and judges can be measured before they are trusted.

    right                       "Eva lives in which city?"    "Eva lives in Rome."
    number                      "Eva has 14 coins."       # one that the document does not have
    number of the document      "Eva has 74 coins."       # one that it has, elsewhere
    name, name of the document  "Tom lives in Rome."      # likewise
    negation                    "Eva does not live …"     # or a *not* taken out
    off topic                   the answer of another pair of the same document
    unanswerable                question and answer of another document

An error that a pair offers no place for is not planted into it. One that by chance says what is right is left out.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from random import Random
from typing import NamedTuple

from regrowth.core.record import Record, digest
from regrowth.gates.spans import folded, names, numbers, plain, words

__all__ = ["RIGHT", "Planted", "planted"]

RIGHT = "right"
_DENIABLE = re.compile(
    r"\b(is|are|was|were|can|will|has been|have been|should|must|may|does|do|"
    r"ist|sind|war|waren|kann|wird|werden|hat|haben)\b"
)
_DENIED = re.compile(r" (?:not|nicht|never|nie)\b")


class Planted(NamedTuple):
    """A pair with its question, context and answer, and what is wrong with it."""

    record: Record
    error: str
    """`right`, or the kind of error."""


def planted(pairs: Sequence[Record], *, seed: int = 0) -> list[Planted]:
    """Return right pairs, and each again with every error that it offers a place for.

    Args:
        pairs: Right pairs: the question as prompt, the answer as response, the document as the attribute `context`.
    """
    found = []
    for pair in pairs:
        rng = Random(digest("planted", seed, pair.id))
        found.append(Planted(pair, RIGHT))
        for error, plant in ERRORS.items():
            made = plant(pair, pairs, rng)
            if made is not None and _differs(made, pair):
                found.append(Planted(made, error))
    return found


def _differs(made: Record, pair: Record) -> bool:
    return words(made.response) != words(pair.response)


def _changed(pair: Record, answer: str) -> Record:
    return replace(pair, response=answer, _id="")


def _number(pair: Record, pairs: Sequence[Record], rng: Random, *, known: bool) -> Record | None:
    told = {value for span in numbers(pair["context"]) for value in span.values}
    inside = [one for one in numbers(pair.response, counted=False) if one.text in pair.response]
    if not inside:
        return None
    span = rng.choice(inside)
    if known:
        others = [one.text for one in numbers(pair["context"], counted=False) if one.values.isdisjoint(span.values)]
        return _changed(pair, pair.response.replace(span.text, rng.choice(others), 1)) if others else None
    for _ in range(20):
        wrong = _shifted(span.text, rng)
        if {value for one in numbers(wrong) for value in one.values}.isdisjoint(told):
            return _changed(pair, pair.response.replace(span.text, wrong, 1))
    return None


def _shifted(text: str, rng: Random) -> str:
    """Change one digit of a number, not to a leading zero."""
    places = [place for place, sign in enumerate(text) if sign.isdigit()]
    place = rng.choice(places)
    digits = [digit for digit in "123456789" if digit != text[place]]
    return text[:place] + rng.choice(digits) + text[place + 1 :]


def _name(pair: Record, pairs: Sequence[Record], rng: Random, *, known: bool) -> Record | None:
    bare = pair.response.strip(" .")
    inside = [one for one in names(pair.response) if one in pair.response]
    if not inside and len(bare.split()) == 1 and bare[:1].isupper():
        inside = [bare]
    if not inside:
        return None
    span, context = rng.choice(inside), folded(pair["context"])
    source = [pair["context"]] if known else [one["context"] for one in pairs]
    others = sorted({name for text in source for name in names(text)} - set(inside))
    others = [name for name in others if (folded(name) in context) == known and not set(words(name)) & set(words(span))]
    if not known:
        others = [name for name in others if not set(words(name)) & set(words(pair["context"]))]
    return _changed(pair, pair.response.replace(span, rng.choice(others), 1)) if others else None


def _negation(pair: Record, pairs: Sequence[Record], rng: Random) -> Record | None:
    text = plain(pair.response)
    if denied := _DENIED.search(text):
        return _changed(pair, text[: denied.start()] + text[denied.end() :])
    if found := _DENIABLE.search(text):
        return _changed(pair, f"{text[: found.end()]} {'nicht' if found[0] in GERMAN else 'not'}{text[found.end() :]}")
    return None


GERMAN = ("ist", "sind", "war", "waren", "kann", "wird", "werden", "hat", "haben")


def _off_topic(pair: Record, pairs: Sequence[Record], rng: Random) -> Record | None:
    others = [
        one.response
        for one in pairs
        if one["context"] == pair["context"] and not _akin(one.response, pair.response) and one.prompt != pair.prompt
    ]
    return _changed(pair, rng.choice(others)) if others else None


def _unanswerable(pair: Record, pairs: Sequence[Record], rng: Random) -> Record | None:
    context = folded(pair["context"])
    others = [
        one for one in pairs if one["context"] != pair["context"] and folded(one.response).strip(" .") not in context
    ]
    if not others:
        return None
    other = rng.choice(others)
    made = replace(pair, messages=other.messages, response=other.response, _id="")
    return replace(made, attributes={**pair.attributes, "question": other.prompt}, _id="")


def _akin(one: str, other: str) -> bool:
    """Return whether two answers share half of the words of the shorter one."""
    ours, theirs = set(words(one)), set(words(other))
    return 2 * len(ours & theirs) >= min(len(ours), len(theirs))


Plant = Callable[[Record, Sequence[Record], Random], Record | None]


def _with(plant: Callable[..., Record | None], *, known: bool) -> Plant:
    return lambda pair, pairs, rng: plant(pair, pairs, rng, known=known)


ERRORS: Mapping[str, Plant] = {
    "number": _with(_number, known=False),
    "number of the document": _with(_number, known=True),
    "name": _with(_name, known=False),
    "name of the document": _with(_name, known=True),
    "negation": _negation,
    "off topic": _off_topic,
    "unanswerable": _unanswerable,
}
