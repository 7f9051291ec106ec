"""Stepwise arithmetic: a short story, one to four steps, every step written out.

The difficulty is the number of steps.

One problem and its worked answer:
    Tom has 12 pens. Tom buys 4 more. Eva takes 3. How many pens?
    12 + 4 = 16
    16 - 3 = 13
An answer is right when its last number is, every step is true, and every step works with numbers that the story or
an earlier step gave.
"""

import re
from random import Random

from regrowth.core.errors import Rejected
from regrowth.core.record import Record
from regrowth.domains.domain import Domain, Drawn
from regrowth.domains.words import NAMES, THINGS

__all__ = ["ARITHMETIC"]

NAME = "arithmetic"
LARGEST = 99
"""No number of a story exceeds it."""

SENTENCES = {
    "+": ("{name} buys {k} more.", "{name} finds {k} more.", "{other} brings {k}."),
    "-": ("{name} gives away {k}.", "{name} loses {k}.", "{other} takes {k}."),
    "×": ("Then there are {k} times as many.",),
}
_NUMBER = r"(0|[1-9][0-9]{0,8})"
_STEP = re.compile(rf"\s*{_NUMBER}\s*([-−+*x×])\s*{_NUMBER}\s*=\s*{_NUMBER}\s*")
_SPELLINGS = {"*": "×", "x": "×", "−": "-"}


def draw(rng: Random, difficulty: int) -> Drawn:
    """Draw a story of as many steps as its difficulty."""
    name, other = rng.sample(NAMES, 2)
    thing = rng.choice(THINGS)
    boxes = rng.random() < 0.25
    start = rng.randint(2, 9) if boxes else rng.randint(2, 60)
    total, steps = start, list[tuple[str, int]]()
    for _ in range(difficulty):
        sign, k = ("×", rng.randint(2, 9)) if boxes and not steps else _step(rng, total)
        steps.append((sign, k))
        total = apply(total, sign, k)
    told = [f"{name} has {start} boxes of {steps[0][1]} {thing}." if boxes else f"{name} has {start} {thing}."]
    for sign, k in steps[1:] if boxes else steps:
        told.append(rng.choice(SENTENCES[sign]).format(name=name, other=other, k=k))
    prompt = " ".join((*told, f"How many {thing}?"))
    return Drawn((start, tuple(steps)), prompt, worked(start, steps), "boxes" if boxes else "plain")


def _step(rng: Random, total: int) -> tuple[str, int]:
    """Draw a step that stays within 1 … LARGEST."""
    possible = [("+", min(9, LARGEST - total)), ("-", min(9, total - 1)), ("×", min(4, LARGEST // total))]
    sign, most = rng.choice([(sign, most) for sign, most in possible if most >= 2])
    return sign, rng.randint(2, most)


def apply(left: int, sign: str, right: int) -> int:
    """Return the result of one step."""
    return {"+": left + right, "-": left - right, "×": left * right}[sign]


def worked(start: int, steps: list[tuple[str, int]]) -> str:
    """Write the steps out, one a line."""
    lines = []
    for sign, k in steps:
        result = apply(start, sign, k)
        lines.append(f"{start} {sign} {k} = {result}")
        start = result
    return "\n".join(lines)


def verify(record: Record, response: str) -> None:
    """Refuse a step that is malformed, ungrounded or untrue, and a wrong last number.

    Raises:
        Rejected: says which step, and what was expected.
    """
    lines = response.strip().splitlines()
    if not lines:
        raise Rejected(NAME, "no steps, expected lines such as '3 + 4 = 7'")
    known = {int(number) for number in re.findall(r"[0-9]+", record.prompt)}
    for number, line in enumerate(lines, 1):
        known.add(_checked(number, line, known))
    found, expected = (int(re.findall(r"[0-9]+", text)[-1]) for text in (response, record.target))
    if found != expected:
        raise Rejected(NAME, f"answer {found}, expected {expected}")


def _checked(number: int, line: str, known: set[int]) -> int:
    """Return the result of one written step."""
    if not (match := _STEP.fullmatch(line)):
        raise Rejected(NAME, f"line {number} is no step such as '3 + 4 = 7': {line[:60]!r}")
    left, written, right, result = match.groups()
    sign = _SPELLINGS.get(written, written)
    for operand in (int(left), int(right)):
        if operand not in known:
            raise Rejected(NAME, f"step {number} uses {operand}, which neither the story nor an earlier step gives")
    if (true := apply(int(left), sign, int(right))) != int(result):
        raise Rejected(NAME, f"step {number}: {left} {sign} {right} is {true}, not {result}")
    return int(result)


ARITHMETIC = Domain(
    name=NAME,
    difficulties=(1, 2, 3, 4),
    instructions="Write every step of the calculation on its own line, as in '3 + 4 = 7', and nothing else.",
    draw=draw,
    verify=verify,
)
