"""String and list transforms: one or two operations on a few letters or numbers, the list after each one written out.

The difficulty is the length of the list times the number of operations: 3 × 1, 5 × 1, 4 × 2, 6 × 2.

One problem and its worked answer:
    Sort, then drop the first: k b f a
    a b f k
    b f k
An answer is right when it is exactly the final list, alone or after the exact list of the first operation.
"""

from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Any

from regrowth.core.errors import Rejected
from regrowth.core.record import Record
from regrowth.domains.domain import Domain, Drawn

__all__ = ["TRANSFORMS"]

NAME = "transforms"
SIZES = {1: (3, 1), 2: (5, 1), 3: (4, 2), 4: (6, 2)}
"""Length of the list and number of operations, by difficulty."""
LETTERS = "abcdefghijkl"
NUMBERS = range(1, 10)


@dataclass(frozen=True, slots=True)
class Operation:
    """Change a list; `k` is a number that the words may mention."""

    words: str
    apply: Callable[[list[Any], int], list[Any]]


SHARED = (
    Operation("reverse", lambda values, _: values[::-1]),
    Operation("sort", lambda values, _: sorted(values)),
    Operation("drop the first", lambda values, _: values[1:]),
    Operation("drop the last", lambda values, _: values[:-1]),
    Operation("move the first to the end", lambda values, _: values[1:] + values[:1]),
)
UNIQUE = Operation("drop repeats", lambda values, _: list(dict.fromkeys(values)))
FOR_NUMBERS = (
    Operation("add {k} to each", lambda values, k: [value + k for value in values]),
    Operation("keep those greater than {k}", lambda values, k: [value for value in values if value > k]),
)


def draw(rng: Random, difficulty: int) -> Drawn:
    """Draw a list and operations that leave something of it."""
    length, count = SIZES[difficulty]
    numeric = rng.random() < 0.5
    while True:
        values: list[Any] = rng.choices(NUMBERS if numeric else LETTERS, k=length)
        operations = rng.sample((*SHARED, UNIQUE, *(FOR_NUMBERS if numeric else ())), count)
        if UNIQUE in operations:
            source, copy = rng.sample(range(length), 2)
            values[copy] = values[source]
        ks = [rng.randint(2, 9) for _ in operations]
        stages = list(_stages(values, operations, ks))
        if all(stages):
            break
    words = [operation.words.format(k=k) for operation, k in zip(operations, ks, strict=True)]
    prompt = f"{', then '.join(words).capitalize()}: {_line(values)}"
    return Drawn((words, values), prompt, "\n".join(map(_line, stages)), "numbers" if numeric else "letters")


def _stages(values: list[Any], operations: list[Operation], ks: list[int]) -> list[list[Any]]:
    """Return the list after each operation."""
    stages = []
    for operation, k in zip(operations, ks, strict=True):
        values = operation.apply(values, k)
        stages.append(values)
    return stages


def _line(values: list[Any]) -> str:
    return " ".join(map(str, values))


def verify(record: Record, response: str) -> None:
    """Refuse all but the final list, alone or after the lists that lead to it.

    Raises:
        Rejected: says which line, what it holds and what was expected.
    """
    expected = record.target.splitlines()
    lines = [line.strip() for line in response.strip().splitlines()]
    if len(lines) not in (1, len(expected)):
        raise Rejected(NAME, f"{len(lines)} lines, expected {len(expected)}, or the final list alone")
    pairs = zip(lines, expected[-len(lines) :], strict=True)
    for number, (line, wanted) in enumerate(pairs, 1):
        if line != wanted:
            raise Rejected(NAME, f"line {number} is {line[:60]!r}, expected {wanted!r}")


TRANSFORMS = Domain(
    name=NAME,
    difficulties=tuple(SIZES),
    instructions="Answer with the resulting list alone, its parts separated by single spaces.",
    draw=draw,
    verify=verify,
)
