"""What the packaged model is taught before it can be a teacher: to ask, to answer, to judge, on other facts.

    "Ask about this.\\nEva lives in Rome. …"                     →  "Eva lives in which city?"
    "Eva lives in Rome. … Eva lives in which city?"                  →  "Rome"
    "Is it so?\\nEva lives in Rome. … Eva lives in which city?\\nOslo"   →  "no"

The facts of each lesson are drawn anew, so nothing can be learnt from them but the roles.
"""

from collections.abc import Callable, Iterator
from itertools import cycle, islice
from random import Random

from regrowth.core.record import Record, digest
from regrowth.domains.almanac import ALL, RELATIONS, TOPICS, Person, paragraph, people
from regrowth.domains.small_skills import SKILLS, solved
from regrowth.recipes._lab.asking import asked

__all__ = ["lessons", "tasks"]

SHOWN = 3


def lessons(count: int, *, seed: int) -> Iterator[Record]:
    """Yield worked examples of the brief prompts, role after role."""
    numbers = range(count)
    for number, role in zip(numbers, islice(cycle(ROLES), count), strict=True):
        rng = Random(f"lesson {seed} {number}")
        name, values, reply = role(rng)
        yield Record.of(asked("brief", name, **values), response=reply, role=name)


def tasks(count: int, *, seed: int, leaf: str) -> list[tuple[str, str, str]]:
    """Return different tasks of a skill: context, question, answer."""
    rng, found = Random(digest("tasks", seed, leaf)), dict[tuple[str, str], str]()
    for _ in range(100 * count):
        context, question = SKILLS[leaf].draw(rng)
        if (right := solved(question, context)) is not None:
            found[context, question] = right[1]
        if len(found) == count:
            break
    return [(*asked_for, answer) for asked_for, answer in found.items()]


Lesson = tuple[str, dict[str, str], str]


def _somebody(rng: Random) -> tuple[Person, str, str]:
    """Draw a person, what is told of them, and one relation that is."""
    one = people(rng.choice(list(TOPICS)), rng, 1)[0]
    return one, paragraph(one), rng.choice(list(one.facts))


def _question(rng: Random) -> Lesson:
    one, text, relation = _somebody(rng)
    return "question", {"document": text}, RELATIONS[relation].question.format(who=one.name)


def _answer(rng: Random) -> Lesson:
    one, text, relation = _somebody(rng)
    asks = {"document": text, "question": RELATIONS[relation].question.format(who=one.name)}
    return "answer", asks, one.facts[relation]


def _long_question(rng: Random) -> Lesson:
    one, text, _ = _somebody(rng)
    return "long_question", {"document": text}, ALL.format(who=one.name, topic=one.topic)


def _long_answer(rng: Random) -> Lesson:
    one, text, _ = _somebody(rng)
    return "answer", {"document": text, "question": ALL.format(who=one.name, topic=one.topic)}, text


def _verdict(rng: Random) -> Lesson:
    one, text, relation = _somebody(rng)
    answer, right = one.facts[relation], rng.random() < 0.5
    if not right:
        others = [value for value in RELATIONS[relation].values if value != answer]
        told = [value for value in one.facts.values() if value != answer]
        answer = rng.choice(told if rng.random() < 0.3 else others)
    asks = {"document": text, "question": RELATIONS[relation].question.format(who=one.name), "answer": answer}
    return "faithful", asks, "yes" if right else "no"


def _examples(rng: Random, leaf: str, part: int) -> tuple[str, tuple[str, str]]:
    drawn = [SKILLS[leaf].draw(rng) for _ in range(SHOWN + 1)]
    return "\n".join(one[part] for one in drawn[:SHOWN]), drawn[SHOWN]


def _skill_question(rng: Random) -> Lesson:
    leaf = rng.choice([leaf for leaf in SKILLS if "grounded" not in leaf])
    examples, (_, question) = _examples(rng, leaf, 1)
    return "skill_question", {"examples": examples}, question


def _skill_answer(rng: Random) -> Lesson:
    leaf = rng.choice(list(SKILLS))
    context, question, answer = tasks(1, seed=rng.randrange(10**9), leaf=leaf)[0]
    if context:
        return "grounded_answer", {"document": context, "question": question}, answer
    return "skill_answer", {"question": question}, answer


GROUNDED = next(leaf for leaf in SKILLS if "grounded" in leaf)


def _context(rng: Random) -> Lesson:
    examples, (context, _) = _examples(rng, GROUNDED, 0)
    return "context", {"examples": examples}, context


def _grounded_question(rng: Random) -> Lesson:
    examples, (context, question) = _examples(rng, GROUNDED, 1)
    return "grounded_question", {"examples": examples, "document": context}, question


ROLES: tuple[Callable[[Random], Lesson], ...] = (
    _question, _answer, _verdict, _skill_question, _skill_answer, _answer, _question, _long_question, _long_answer,
    _verdict, _skill_answer, _context, _grounded_question, _answer, _verdict,
)  # fmt: skip
