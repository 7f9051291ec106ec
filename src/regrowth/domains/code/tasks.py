"""Small Python functions: one to four steps described in words, judged by running the answer in a sandbox.

The difficulty is the number of steps.

One problem and its worked answer:
    Write f(x). x is a list of numbers. Keep those above 5, add 3 to each, take the sum.
    def f(x):
        x = [n for n in x if n > 5]
        x = [n + 3 for n in x]
        return sum(x)
An answer is right when its `f` gives the right value for each of eight inputs. They are drawn from the steps and are
in no prompt; the right values are computed here, by `steps`, and never enter the sandbox.
"""

from collections.abc import Iterator
from itertools import islice
from random import Random
from typing import get_args

from regrowth.core.errors import DataError, Rejected
from regrowth.core.protocols import Executor, Limits
from regrowth.core.record import Record, digest
from regrowth.domains.code._syntax import parsed
from regrowth.domains.code.extract import extracted
from regrowth.domains.code.steps import STEPS, Kind, Pipeline, Value, mistakes, value, values, written
from regrowth.domains.domain import Domain, Drawn
from regrowth.sandbox.calls import call
from regrowth.sandbox.values import same, shown

__all__ = ["CODE", "FUNCTION", "LIMITS", "hidden_inputs", "inputs", "pipeline_of", "told"]

NAME = "code"
FUNCTION = "f"
"""What every function is called."""
HIDDEN = 8
"""Inputs that an answer is run on."""
LARGEST = 9999
"""No value of a right answer exceeds it."""
LIMITS = Limits(cpu=1.0, wall=3.0, memory=128, processes=4, output=16_384, disk=1)
LENGTH, DEPTH = 4000, 40
"""Most characters and deepest brackets of an answer that is run at all."""

OPENINGS = ("Write f(x).", "Write a function f(x).", "Define f(x).", "Write f(x) in Python.")
GIVEN: dict[Kind, tuple[str, ...]] = {
    "number": ("x is a number.", "It gets a number x.", "Its input x is a number."),
    "list": ("x is a list of numbers.", "It gets a list x of numbers.", "Its input x is a list of numbers."),
    "text": ("x is a text.", "It gets a text x.", "Its input x is a text."),
}
JOINTS = (", ", ", then ", ". Then ")


def draw(rng: Random, difficulty: int) -> Drawn:
    """Draw as many steps as the difficulty, each of which matters, and words for them."""
    while True:
        kind: Kind = rng.choices(get_args(Kind), weights=(3, 4, 2))[0]
        if sound(pipeline := _steps(rng, kind, difficulty)):
            break
    prompt, program = f"{rng.choice(OPENINGS)} {rng.choice(GIVEN[kind])} {in_words(pipeline, rng)}", written(pipeline)
    return Drawn((program,), prompt, program, kind, {"function": FUNCTION, "steps": [*map(list, pipeline)]})


def _steps(rng: Random, kind: Kind, count: int) -> Pipeline:
    """Draw different steps, each taking what the one before gives."""
    drawn: list[str] = []
    for _ in range(count):
        drawn.append(rng.choice([name for name, step in STEPS.items() if step.takes == kind and name not in drawn]))
        kind = STEPS[drawn[-1]].gives
    return tuple((name, rng.choice(known) if (known := STEPS[name].arguments) else None) for name in drawn)


def sound(pipeline: Pipeline) -> bool:
    """Return whether no step can be left out unseen, values stay small, and inputs give different ones."""
    hidden = hidden_inputs(pipeline)
    right = values(pipeline, hidden)
    if len({repr(found) for found in right}) < HIDDEN // 2 or not all(map(_is_small, right)):
        return False
    shorter = [pipeline[:place] + pipeline[place + 1 :] for place in range(len(pipeline))]
    return not any(known and values(known, hidden) == right for known in mistakes(pipeline) if known in shorter)


def _is_small(found: Value | None) -> bool:
    match found:
        case int():
            return abs(found) <= LARGEST
        case list():
            return all(map(_is_small, found))
        case _:
            return True


def in_words(pipeline: Pipeline, rng: Random) -> str:
    """Ask for the steps, in one of several turns of phrase."""
    asked = [rng.choice(STEPS[name].words).format(k=k) for name, k in pipeline]
    text = rng.choice(JOINTS).join(asked)
    return f"{text[0].upper()}{text[1:]}."


def pipeline_of(record: Record) -> Pipeline:
    """Return the steps that a problem asks for."""
    return tuple((name, k) for name, k in record["steps"])


def inputs(kind: Kind, rng: Random) -> Iterator[Value]:
    """Yield inputs of a kind without end, the empty and small ones first."""
    match kind:
        case "number":
            yield from (0, 1, -1)
            while True:
                yield rng.randint(-9, 30)
        case "list":
            yield from ([], [0], [2, 1])
            while True:
                yield [rng.randint(-9, 20) for _ in range(rng.randint(2, 5))]
        case "text":
            yield from ("", "a")
            while True:
                yield "".join(rng.choices("abcdelnorstAB", k=rng.randint(2, 6)))


def hidden_inputs(pipeline: Pipeline) -> list[Value]:
    """Return different inputs for which the right value is defined: first those that give a mistake away.

    A pipeline one mistake away is caught by one of them, if one of the first hundred inputs catches it and there is
    room.
    """
    rng = Random(digest("hidden inputs", pipeline))
    drawn = list({repr(one): one for one in islice(inputs(STEPS[pipeline[0][0]].takes, rng), 100)}.values())
    known = [pair for pair in zip(drawn, values(pipeline, drawn), strict=True) if pair[1] is not None]
    chosen, rest = known[:2], known[2:]
    for wrong in mistakes(pipeline):
        if len(chosen) == HIDDEN:
            break
        if not any(_differs(wrong, *pair) for pair in chosen):
            found = next((place for place, pair in enumerate(rest) if _differs(wrong, *pair)), None)
            if found is not None:
                chosen.append(rest.pop(found))
    return [given for given, _ in (*chosen, *rest)[:HIDDEN]]


def _differs(wrong: Pipeline, given: Value, expected: Value | None) -> bool:
    return values(wrong, [given]) != [expected]


async def verify(record: Record, response: str, executor: Executor) -> None:
    """Refuse what is no program, defines no `f`, or gives a wrong value; runs it once.

    Raises:
        Rejected: says what was wrong: a line that does not parse, or the first input with a wrong value.
        NoIsolation: nothing here can isolate the program; it was not run.
    """
    code = readable(response)
    pipeline = pipeline_of(record)
    hidden = hidden_inputs(pipeline)
    called = await call(executor, code, FUNCTION, [[given] for given in hidden], limits=LIMITS)
    for given, outcome in zip(hidden, called.outcomes, strict=True):
        expected = value(pipeline, given)
        if outcome.error or not same(outcome.value, expected):
            raise Rejected(NAME, told(given, outcome.value, outcome.error) + f", expected {expected!r}"[:100])


def readable(response: str) -> str:
    """Return the program of an answer, in a fence or bare.

    Raises:
        Rejected: it does not parse, defines no `f`, or is too long or too deep to be tried.
    """
    if len(response) > LENGTH or _depth(response) > DEPTH:
        raise Rejected(NAME, f"{len(response)} characters, brackets {_depth(response)} deep, expected a short program")
    found = extracted(response, function=FUNCTION)
    try:
        parsed(found.code or response, "the answer")
    except DataError as error:
        raise Rejected(NAME, str(error)) from None
    if not found.code:
        raise Rejected(NAME, f"there is no function {FUNCTION}")
    return found.code


def _depth(code: str) -> int:
    """Return how deep brackets stand in each other; those in texts count."""
    deepest = depth = 0
    for letter in code:
        depth += (letter in "([{") - (letter in ")]}")
        deepest = max(deepest, depth)
    return deepest


def told(given: Value, found: object, error: str = "") -> str:
    """Say what a call gave: `f([1, 2]) gave 3`."""
    return f"{FUNCTION}({given!r}) {f'raised {error}' if error else f'gave {shown(found)}'}"[:100]


CODE = Domain(
    name=NAME,
    difficulties=(1, 2, 3, 4),
    instructions="Answer with a Python function named f and nothing else.",
    draw=draw,
    verify=verify,
    runs_code=True,
)
