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
from string import ascii_lowercase
from typing import Any

from regrowth.core.errors import Rejected
from regrowth.core.record import Record
from regrowth.domains.domain import Domain, Drawn

__all__ = ["transforms"]

NAME = "transforms"
SIZES = {1: (3, 1), 2: (5, 1), 3: (4, 2), 4: (6, 2)}
"""Length of the list and number of operations, by difficulty."""
LARGEST = 20
"""Numbers are drawn from 1 to this."""


@dataclass(frozen=True, slots=True)
class Operation:
    """Change a list; `k` is a number that the words may mention."""

    words: str
    apply: Callable[[list[Any], int], list[Any]]


SHARED = (
    Operation("reverse", lambda items, _: items[::-1]),
    Operation("sort", lambda items, _: sorted(items)),
    Operation("drop the first", lambda items, _: items[1:]),
    Operation("drop the last", lambda items, _: items[:-1]),
    Operation("move the first to the end", lambda items, _: items[1:] + items[:1]),
)
UNIQUE = Operation("drop repeats", lambda items, _: list(dict.fromkeys(items)))
FOR_NUMBERS = (
    Operation("add {k} to each", lambda items, k: [item + k for item in items]),
    Operation("keep those greater than {k}", lambda items, k: [item for item in items if item > k]),
)


def draw(rng: Random, difficulty: int) -> Drawn:
    """Draw a list and operations that leave something of it."""
    length, count = SIZES[difficulty]
    numeric = rng.random() < 0.5
    while True:
        items: list[Any] = (
            [rng.randint(1, LARGEST) for _ in range(length)] if numeric else rng.choices(ascii_lowercase, k=length)
        )
        operations = rng.sample((*SHARED, UNIQUE, *(FOR_NUMBERS if numeric else ())), count)
        if UNIQUE in operations:
            source, copy = rng.sample(range(length), 2)
            items[copy] = items[source]
        ks = [rng.randint(2, 9) for _ in operations]
        stages = list(_stages(items, operations, ks))
        if all(stages):
            break
    words = [operation.words.format(k=k) for operation, k in zip(operations, ks, strict=True)]
    prompt = f"{', then '.join(words).capitalize()}: {_line(items)}"
    return Drawn((words, items), prompt, "\n".join(map(_line, stages)), "numbers" if numeric else "letters")


def _stages(items: list[Any], operations: list[Operation], ks: list[int]) -> list[list[Any]]:
    """Return the list after each operation."""
    stages = []
    for operation, k in zip(operations, ks, strict=True):
        items = operation.apply(items, k)
        stages.append(items)
    return stages


def _line(items: list[Any]) -> str:
    return " ".join(map(str, items))


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


transforms = Domain(
    name=NAME,
    difficulties=tuple(SIZES),
    instructions="Answer with the resulting list alone, its items separated by single spaces.",
    draw=draw,
    verify=verify,
)
