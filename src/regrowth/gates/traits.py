"""Traits of a reply that a program can measure: the more, the truer to the wish. Only differences between two replies
to one prompt mean anything.

    TRAITS["concise"](record)      -9.0     for a reply of nine words
    TRAITS["kind"](record)          1.0     one phrase of courtesy, no insult

They know English and German phrases; what they do not know they do not count.
"""

import re
from collections.abc import Callable, Mapping
from typing import TypeAlias

from regrowth.core.record import Record

__all__ = ["TRAITS", "Trait"]

Trait: TypeAlias = Callable[[Record], float]


def _phrases(*phrases: str) -> re.Pattern[str]:
    return re.compile(rf"\b(?:{'|'.join(phrases)})\b", re.IGNORECASE)


KIND = _phrases(
    "please", "thank you", "thanks", "gladly", "happy to help", "you are welcome", "my pleasure", "glad to", "sorry",
    "bitte", "danke", "gerne", "vielen dank",
)  # fmt: skip
RUDE = _phrases(
    "fool", "stupid", "idiot", "dumb", "moron", "shut up", "ridiculous", "pathetic", "dumm", "idiotisch",
)  # fmt: skip
HEDGES = _phrases(
    "maybe", "perhaps", "possibly", "probably", "i think", "i guess", "it seems", "might", "could be", "not sure",
    "vielleicht", "möglicherweise", "wahrscheinlich", "ich glaube",
)  # fmt: skip
STEPS = re.compile(
    r"^[^\S\n]*(?:\d+[.)]|[-*•])\s|\b(?:first|second|third|then|next|finally|so|therefore|hence|step \d+|zuerst|dann|"
    r"also|schließlich|daher)\b",
    re.IGNORECASE | re.MULTILINE,
)
PRAISE = _phrases(
    r"(?:this is|here is|that is) an? (?:very )?(?:good|great|excellent|perfect|helpful|comprehensive) "
    r"(?:answer|response|reply|explanation)",
    r"(?:my|this) (?:answer|response|reply) is (?:very )?(?:good|great|excellent|perfect|helpful|correct)",
    r"(?:ich hoffe|i hope),? (?:this|das) (?:helps|hilft)",
)
REFUSALS = _phrases(
    r"i (?:cannot|can't|can not|am unable to|won't|will not) (?:say|help|answer|assist|do|comply|provide)",
    "i'm sorry,? but i", "as an ai", "ich kann (?:das|dabei|dazu) nicht",
)  # fmt: skip


def _count(pattern: re.Pattern[str], record: Record) -> float:
    return float(len(pattern.findall(record.response)))


def kind(record: Record) -> float:
    """Return phrases of courtesy less insults, an insult counting twice."""
    return _count(KIND, record) - 2 * _count(RUDE, record)


def concise(record: Record) -> float:
    """Return minus the number of words."""
    return -float(len(record.response.split()))


def steps(record: Record) -> float:
    """Return how many steps are marked as such: list items and words like *first* and *so*."""
    return _count(STEPS, record)


def certain(record: Record) -> float:
    """Return minus the number of hedges."""
    return -_count(HEDGES, record)


def asking(record: Record) -> float:
    """Return the number of questions put to the reader."""
    return float(record.response.count("?"))


def unpraised(record: Record) -> float:
    """Return minus the number of times that the reply praises itself."""
    return -_count(PRAISE, record)


def answering(record: Record) -> float:
    """Return minus the number of refusals."""
    return -_count(REFUSALS, record)


def calm(record: Record) -> float:
    """Return minus the number of exclamation marks and of words in capitals."""
    return -float(record.response.count("!") + len(re.findall(r"\b[A-Z]{4,}\b", record.response)))


def unrepeated(record: Record) -> float:
    """Return minus the share of words, in percent, that were said before in a run of four."""
    words = record.response.split()
    runs = [tuple(words[start : start + 4]) for start in range(len(words) - 3)]
    return -100.0 * (1 - len(set(runs)) / len(runs)) if runs else 0.0


TRAITS: Mapping[str, Trait] = {
    trait.__name__: trait for trait in (kind, concise, steps, certain, asking, unpraised, answering, calm, unrepeated)
}
"""By name, as principles name them."""
