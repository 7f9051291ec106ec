"""Constraints on the form of a reply that a program can check, as in IFEval; in our own words, in English and German.

    one = draw(Random(4), kinds=["words_at_most"])
    one.text()                        "Use at most 25 words."
    one.text("de")                    "Nimm höchstens 25 Wörter."
    one.check("word " * 26)           "26 words, at most 25"
    one.to_json()                     {"kind": "words_at_most", "values": {"count": 25}, "phrasing": 0}

Source of the idea: Zhou et al., 2023, "Instruction-Following Evaluation for Large Language Models", arXiv:2311.07911;
every kind of theirs has one here (`tests/unit/recipes/test_nemotron_constraints.py` says which).
A record carries its constraint as the attribute `constraint`; `obeyed` is the gate on its response.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any, Literal, TypeAlias

from regrowth.core.errors import DataError, Rejected, SettingsError
from regrowth.core.record import Json, Record
from regrowth.recipes._code.prompts import Style
from regrowth.recipes._nemotron.checks import CHECKS
from regrowth.recipes._nemotron.wordings import CONSTRAINTS, LANGUAGES

__all__ = ["KINDS", "Constraint", "Language", "draw", "obeyed", "of"]

Language: TypeAlias = Literal["en", "de"]

KINDS = tuple(CHECKS)


@dataclass(frozen=True, slots=True)
class Constraint:
    """Hold one constraint: its kind, its values, and which of the wordings asks for it."""

    kind: str
    values: Mapping[str, Any]
    """Plain JSON data, by name, as the kind wants them."""
    phrasing: int = 0
    """Wordings are taken in turn: any number from 0."""

    def __post_init__(self) -> None:
        """Refuse what no check could read.

        Raises:
            DataError: there is no such kind, or its values are others.
        """
        if self.kind not in CHECKS:
            raise DataError(f"No constraint {self.kind!r}. There are: {', '.join(CHECKS)}.")
        wanted = CHECKS[self.kind].values
        if {name: type(value) for name, value in self.values.items()} != dict(wanted):
            told = ", ".join(f"{name}: {kind.__name__}" for name, kind in wanted.items()) or "no values"
            raise DataError(f"Constraint {self.kind!r} takes {told}; found {dict(self.values)!r}.")
        if (code := self.values.get("language")) is not None and code not in LANGUAGES:
            raise DataError(f"No language {code!r} is told by this program. It tells: {', '.join(LANGUAGES)}.")

    def text(self, language: Language = "en") -> str:
        """Return the sentence that asks for it."""
        wordings = CONSTRAINTS["text"][language][self.kind]
        told = {name: _told(name, value, language) for name, value in self.values.items()}
        return str(wordings[self.phrasing % len(wordings)].format(**told))

    def check(self, response: str) -> str | None:
        """Return what in a response breaks it, in words; nothing if it is obeyed. An empty response obeys nothing."""
        if not response.strip():
            return "the response is empty"
        return CHECKS[self.kind].broken(response, **self.values) or None

    def to_json(self) -> dict[str, Json]:
        """Return it as plain JSON data; `from_json` reads it back."""
        return {"kind": self.kind, "values": dict(self.values), "phrasing": self.phrasing}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "Constraint":
        """Rebuild a constraint from `to_json`.

        Raises:
            DataError: it is none.
        """
        if not (isinstance(data, Mapping) and data.keys() == {"kind", "values", "phrasing"}):
            raise DataError(f"A constraint is an object with kind, values and phrasing; found {data!r}.")
        return cls(data["kind"], data["values"], data["phrasing"])


def _told(name: str, value: Any, language: Language) -> str:
    if name == "language":
        return str(CONSTRAINTS["names"][language].get(value, value))
    return ", ".join(f'"{one}"' for one in value) if isinstance(value, list) else str(value)


def draw(
    rng: Random,
    kinds: Sequence[str] = (),
    *,
    words: Sequence[str] = (),
    style: Style = "full",
    language: Language = "en",
) -> Constraint:
    """Draw a constraint; all that it says follows from the random numbers.

    Args:
        kinds: Names of kinds, one of which is drawn; none named takes all that suit the style.
        words: Words of the task from which keywords are taken, if there are enough of them.
        language: Language of the words and phrases that are drawn.

    Raises:
        SettingsError: there is no such kind, or nothing to draw for it.
    """
    pools = CONSTRAINTS["pools"]
    pool = {**pools[style], **pools.get(f"{style}_{language}", {})}
    kind = rng.choice(list(kinds) or pool["kinds"])
    if kind not in pool:
        known = [name for name in KINDS if name in pool]
        raise SettingsError(f"No constraint {kind!r} can be drawn for {style} prompts. There are: {', '.join(known)}.")
    count = CONSTRAINTS["drawn"][style]
    values: dict[str, Any] = {}
    for name, choices in pool[kind].items():
        some = list(dict.fromkeys(words)) if kind == "keywords" and len(set(words)) >= count else choices
        values[name] = rng.sample(some, count) if CHECKS[kind].values[name] is list else rng.choice(some)
    return Constraint(kind, values, rng.randrange(4))


def of(record: Record) -> Constraint | None:
    """Return the constraint that a record carries, if it carries one.

    Raises:
        DataError: its attribute `constraint` is none.
    """
    data = record.attributes.get("constraint")
    return None if data is None else Constraint.from_json(data)


def obeyed(record: Record) -> Record:
    """Refuse a response that breaks its constraint; a record without a constraint passes.

    Raises:
        Rejected: says what breaks it.
    """
    constraint = of(record)
    if constraint is not None and (why := constraint.check(record.response)):
        raise Rejected("obeyed", f"{constraint.text()} But: {why}")
    return record
