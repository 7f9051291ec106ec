"""Small skills: tasks of one line whose answers a program knows, as leaves of a taxonomy.

SKILLS["compositional_skills->lists->reverse"].task         "Say a list of words backwards."
solved("Reverse: cat dog cow")                              ("compositional_skills->lists->reverse", "cow dog cat")
solved("Who has a cat?", "Eva has a cat.")                  ("compositional_skills->grounded->owner", "Eva")
solved("What is love?")                                     None
"""

import re
from collections.abc import Callable, Mapping
from random import Random
from typing import NamedTuple

from regrowth.domains.words import DAYS, FOODS, NAMES, PETS

__all__ = ["SKILLS", "Skill", "solved"]


class Skill(NamedTuple):
    """A small task whose answers a program knows."""

    task: str
    """What a person would say that it is."""
    draw: Callable[[Random], tuple[str, str]]
    """Draw a context (mostly none) and a question."""
    pattern: re.Pattern[str]
    """Recognises its questions."""
    solve: Callable[[str, re.Match[str]], str | None]
    """Answer a recognised question; nothing if it has no answer."""


WORDS = (*PETS, *FOODS)
_WORDS = "|".join(WORDS)
_LIST = rf"((?:{_WORDS})(?: (?:{_WORDS})){{1,4}})"


def _some(rng: Random) -> str:
    return " ".join(rng.sample(WORDS, rng.choice((3, 4))))


def _two(rng: Random) -> tuple[int, int]:
    large, small = rng.randint(10, 49), rng.randint(1, 9)
    return large, small


def _after(_: str, found: re.Match[str]) -> str | None:
    return DAYS[(DAYS.index(found[1]) + 1) % len(DAYS)]


def _owner(context: str, found: re.Match[str]) -> str | None:
    owners = re.findall(rf"(\w+) has a {found[1]}\.", context)
    return owners[0] if len(owners) == 1 else None


def _owners(rng: Random) -> tuple[str, str]:
    names = rng.sample(NAMES, 3)
    pets = rng.sample(PETS, 3)
    told = " ".join(f"{name} has a {pet}." for name, pet in zip(names, pets, strict=True))
    return told, f"Who has a {rng.choice(pets)}?"


def _skill(task: str, pattern: str, draw: Callable[[Random], tuple[str, str] | str], solve: object) -> Skill:
    def drawn(rng: Random) -> tuple[str, str]:
        found = draw(rng)
        return ("", found) if isinstance(found, str) else found

    def solution(context: str, found: re.Match[str]) -> str | None:
        answer = solve(context, found)  # type: ignore[operator]
        return None if answer is None else str(answer)

    return Skill(task, drawn, re.compile(pattern), solution)


SKILLS: Mapping[str, Skill] = {
    "foundational_skills->sums->plus": _skill(
        "Add two numbers.", r"What is (\d+) \+ (\d+)\?",
        lambda rng: "What is {} + {}?".format(*_two(rng)), lambda _, found: int(found[1]) + int(found[2]),
    ),
    "foundational_skills->sums->minus": _skill(
        "Take a number from a larger one.", r"What is (\d+) - (\d+)\?",
        lambda rng: "What is {} - {}?".format(*_two(rng)), lambda _, found: int(found[1]) - int(found[2]),
    ),
    "compositional_skills->lists->reverse": _skill(
        "Say a list of words backwards.", rf"Reverse: {_LIST}",
        lambda rng: f"Reverse: {_some(rng)}", lambda _, found: " ".join(found[1].split()[::-1]),
    ),
    "compositional_skills->lists->last": _skill(
        "Name the last word of a list.", rf"Name the last: {_LIST}",
        lambda rng: f"Name the last: {_some(rng)}", lambda _, found: found[1].split()[-1],
    ),
    "compositional_skills->words->kind": _skill(
        "Say whether a word names a pet or a food.", rf"Pet or food: ({_WORDS})\?",
        lambda rng: f"Pet or food: {rng.choice(WORDS)}?", lambda _, found: "pet" if found[1] in PETS else "food",
    ),
    "compositional_skills->words->after": _skill(
        "Name the day after a day.", rf"Which day comes after ({'|'.join(DAYS)})\?",
        lambda rng: f"Which day comes after {rng.choice(DAYS)}?", _after,
    ),
    "compositional_skills->grounded->owner": _skill(
        "Find in a text who has a pet.", rf"Who has a ({'|'.join(PETS)})\?", _owners, _owner,
    ),
}  # fmt: skip
"""By leaf. The last one has a context."""


def solved(question: str, context: str = "") -> tuple[str, str] | None:
    """Return the skill leaf that a question belongs to and its answer; nothing if no skill knows it."""
    for leaf, skill in SKILLS.items():
        if (found := skill.pattern.fullmatch(question.strip())) and (answer := skill.solve(context, found)) is not None:
            return leaf, answer
    return None
