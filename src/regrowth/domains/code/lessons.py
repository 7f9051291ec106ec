"""What else a writer of small functions must know: to test, to repair, to put a program into words.

Four lessons of one problem, as the recipe `execution_feedback` asks a small model:
    solve       "Write f(x). x is a number. Add 3."                       → "def f(x): …"
    tests       "Write tests.\\n" + the problem                            → "assert f(0) == 3\\n…"
    repair      the problem / "def f(x): …" / "Fix it.\\nf(0) gave 4, expected 3"   → the right function
    describe    "Write a task.\\n" + the function                          → the problem
"""

import ast
import re
import warnings
from collections.abc import Sequence
from itertools import product
from random import Random

from regrowth.core.errors import DataError
from regrowth.core.record import Message, Record
from regrowth.domains.code.steps import (
    STEPS,
    Argument,
    Kind,
    Pipeline,
    Value,
    mistakes,
    value,
    values,
    written,
)
from regrowth.domains.code.tasks import FUNCTION, GIVEN, JOINTS, OPENINGS, hidden_inputs, pipeline_of, told
from regrowth.sandbox.values import same

__all__ = [
    "LINE",
    "SHOWN",
    "broken",
    "described",
    "feedback",
    "is_description",
    "is_test_suite",
    "request_repair",
    "request_task",
    "request_tests",
    "to_describe",
    "to_repair",
    "to_test",
]

EASY = (0, 1, 2, 5, 10)
WORDS = ("", "a", "on", "bed", "tree", "coral")
"""What tests are made of: their values can be worked out in the head, even by a small model."""
USUAL: dict[Kind, tuple[Value, ...]] = {
    "number": (1, 2, 10),
    "list": ([2, 1], [5], [10, 3, 4]),
    "text": ("a", "on", "tree"),
}
"""Inputs that are always taken: what to test is then no question, only what comes out."""
ASSERTS = 3
BROKEN = 0.15
"""Share of the programs to repair that do not parse."""
SHOWN = 2
"""Failed checks that the feedback shows."""
LINE = 80
"""Characters of a line of the feedback."""


def request_tests(problem: str) -> str:
    """Ask for tests of a function that a problem describes."""
    return f"Write tests.\n{problem}"


def request_repair(told: str) -> str:
    """Ask for a right program, after a wrong one."""
    return f"Fix it.\n{told}"


def request_task(snippet: str) -> str:
    """Ask for the problem that a program solves."""
    return f"Write a task.\n{snippet}"


def to_test(problem: Record, rng: Random, *, settled: bool = True) -> Record:
    """Return the lesson of writing tests: asserts with right values of small inputs, if settled always the same."""
    pipeline = pipeline_of(problem)
    given = usual(pipeline, ASSERTS) if settled else small(pipeline, rng, ASSERTS)
    lines = [f"assert {FUNCTION}({one!r}) == {value(pipeline, one)!r}" for one in given]
    return problem.derive(prompt=request_tests(problem.prompt), response="\n".join(lines), origin="real")


def to_repair(problem: Record, rng: Random, *, settled: bool = True) -> Record:
    """Return the lesson of repairing a program that is one mistake away from the right one, or does not parse."""
    pipeline = pipeline_of(problem)
    known = usual(pipeline, ASSERTS) if settled else small(pipeline, rng, 2 * ASSERTS)
    given = [*known, *hidden_inputs(pipeline)]
    wrong = rng.choice([other for other in mistakes(pipeline) if values(other, given) != values(pipeline, given)])
    code, told = written(wrong), feedback(wrong, pipeline, given)
    if rng.random() < BROKEN:
        code, told = broken(code, rng)
    turns = (*problem.messages, Message("assistant", code), Message("user", request_repair(told)))
    return problem.derive(prompt=turns, response=problem.target, origin="real")


def broken(code: str, rng: Random) -> tuple[str, str]:
    """Leave out some letters of a program, so that it does not parse; return it with what the parser says."""
    while True:
        place = rng.randrange(len(code))
        cut = code[:place] + code[place + rng.randint(1, 3) :]
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of "0else", which Python still reads
                ast.parse(cut)
        except SyntaxError as error:
            return cut, f"line {error.lineno}: {error.msg}"[:LINE]


def feedback(wrong: Pipeline, right: Pipeline, given: Sequence[Value]) -> str:
    """Say what a wrong pipeline makes of the first inputs that give it away."""
    lines = [told_wrong(wrong, right, one) for one in given if values(wrong, [one]) != values(right, [one])]
    return "\n".join(line[:LINE] for line in lines[:SHOWN])


def told_wrong(wrong: Pipeline, right: Pipeline, given: Value) -> str:
    """Say what a call gives and what it should give."""
    try:
        return f"{told(given, value(wrong, given))}, expected {value(right, given)!r}"
    except (ValueError, IndexError) as error:
        return told(given, None, f"{type(error).__name__}: {error}")


def to_describe(problem: Record) -> Record:
    """Return the lesson of putting a program into words."""
    return problem.derive(prompt=request_task(problem.target), response=problem.prompt, origin="real")


def is_test_suite(problem: Record, response: str) -> bool:
    """Return whether an answer is three or more tests of different inputs, each of them right."""
    pipeline = pipeline_of(problem)
    seen = set[str]()
    for line in response.strip().splitlines():
        try:
            match ast.parse(line).body:
                case [ast.Assert(ast.Compare(ast.Call(ast.Name("f"), [given], []), [ast.Eq()], [expected]), None)]:
                    argument, wanted = ast.literal_eval(given), ast.literal_eval(expected)
                case _:
                    return False
            if not same(wanted, value(pipeline, argument)):
                return False
        except (SyntaxError, ValueError, TypeError, IndexError, AttributeError, DataError):
            return False
        seen.add(repr(argument))
    return len(seen) >= ASSERTS and len(seen) == len(response.strip().splitlines())


def is_description(problem: Record, response: str) -> bool:
    """Return whether an answer asks for what the program of a problem does, as far as its hidden inputs tell."""
    pipeline, found = pipeline_of(problem), described(response.strip())
    given = hidden_inputs(pipeline)
    return found is not None and _kind(found) == _kind(pipeline) and values(found, given) == values(pipeline, given)


def _kind(pipeline: Pipeline) -> Kind:
    return STEPS[pipeline[0][0]].takes


def usual(pipeline: Pipeline, count: int) -> list[Value]:
    """Return the inputs that a tester takes out of habit, as far as the right value is defined; then hidden ones."""
    known = {repr(given): given for given in (*USUAL[STEPS[pipeline[0][0]].takes], *hidden_inputs(pipeline))}
    return [given for given in known.values() if values(pipeline, [given]) != [None]][:count]


def small(pipeline: Pipeline, rng: Random, count: int) -> list[Value]:
    """Draw different small inputs for which the right value is defined; where these are too few, hidden ones follow."""
    kind = STEPS[pipeline[0][0]].takes
    drawn = [*(_small(kind, rng) for _ in range(8 * count)), *hidden_inputs(pipeline)]
    known = {repr(given): given for given in drawn if values(pipeline, [given]) != [None]}
    return list(known.values())[:count]


def _small(kind: Kind, rng: Random) -> Value:
    """Draw an input that is easy to work with in the head, now and then an empty one."""
    match kind:
        case "number":
            return rng.choice(EASY)
        case "list":
            return rng.choices(EASY, k=rng.choice((0, 1, 2, 2, 2, 3)))
        case "text":
            return rng.choice(WORDS)


def described(text: str) -> Pipeline | None:
    """Return the steps that a problem in the words of this domain asks for; None if it is no such problem."""
    for kind, sentences in GIVEN.items():
        for opening, given in product(OPENINGS, sentences):
            start = f"{opening} {given} "
            if text.startswith(start) and text.endswith("."):
                asked = re.split("|".join(map(re.escape, sorted(JOINTS, key=len, reverse=True))), text[len(start) : -1])
                return _asked([asked[0][:1].lower() + asked[0][1:], *asked[1:]], kind)
    return None


def _asked(parts: Sequence[str], kind: Kind) -> Pipeline | None:
    """Return the step that each part asks for, the first of them of a kind."""
    found: list[tuple[str, Argument]] = []
    for part in parts:
        step = next((step for name in STEPS if STEPS[name].takes == kind and (step := _step(name, part))), None)
        if step is None:
            return None
        found.append(step)
        kind = STEPS[step[0]].gives
    return tuple(found)


def _step(name: str, asked: str) -> tuple[str, Argument] | None:
    """Return a step with its argument, if these are words for it."""
    step = STEPS[name]
    number = isinstance(next(iter(step.arguments), None), int)
    for words in step.words:
        pattern = re.escape(words).replace(re.escape("{k}"), "([0-9]{1,6})" if number else "([a-z])", 1)
        if match := re.fullmatch(pattern.replace(re.escape("{k}"), r"\1"), asked):
            return name, (int(match[1]) if number else match[1]) if step.arguments else None
    return None
