"""Further inputs near those that somebody already thought of.

    around([([3, 1],)], count=4, seed=0)      # ([1, 3],), ([3, 1, 3, 1],), ([],), ([3, 2],), …

Empty, reversed, doubled, one item changed, one more, one less: where programs that look alike tend to differ.
"""

import ast
import random
from collections.abc import Iterator, Sequence
from typing import Any, TypeAlias

__all__ = ["Arguments", "around", "literal_arguments"]

Arguments: TypeAlias = tuple[object, ...]
"""Positional arguments of one call, plain values."""

TRIES = 8
"""Attempts at a new input for each that is wanted."""
LONGEST = 60
"""Characters or items of a value, at most: doubling must end."""


def around(known: Sequence[Arguments], *, count: int, seed: int) -> list[Arguments]:
    """Return up to `count` different inputs near the known ones, and none of these."""
    rng = random.Random(seed)
    seen = {repr(one) for one in known}
    found: list[Arguments] = []
    for _ in range(TRIES * count if known else 0):
        changed = _changed(rng.choice(known), rng)
        if repr(changed) not in seen:
            seen.add(repr(changed))
            found.append(changed)
        if len(found) == count:
            break
    return found


def literal_arguments(text: str, function: str) -> list[Arguments]:
    """Return the arguments of every call of a function in a piece of code, as far as they are plain literals."""
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return []
    return [
        given
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == function
        for given in _literals(node)
    ]


def _literals(node: ast.Call) -> Iterator[Arguments]:
    if not node.keywords:
        try:
            yield tuple(ast.literal_eval(argument) for argument in node.args)
        except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError):
            return


def _changed(given: Arguments, rng: random.Random) -> Arguments:
    """Change one argument, now and then two."""
    values = list(given)
    for _ in range(rng.choice((1, 1, 2))):
        if values:
            place = rng.randrange(len(values))
            values[place] = _near(values[place], rng)
    return tuple(values)


def _near(value: Any, rng: random.Random) -> Any:
    """Return a value of the same type that is a little different."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return rng.choice((value + 1, value - 1, -value, 0, 1, 2 * value + 1, rng.randint(2, 12)))
    if isinstance(value, float):
        return rng.choice((value + 0.5, value - 1.0, -value, 0.0, value * 3, float(rng.randint(1, 9))))
    if isinstance(value, str):
        other = rng.choice("aAbz 0.")
        place = rng.randrange(len(value) + 1)
        shapes = ("", value[::-1], value[1:], value[:-1], value[:place] + other + value[place:], (value * 2)[:LONGEST])
        return rng.choice((*shapes, value.swapcase()))
    if isinstance(value, list | tuple):
        return type(value)(_items(list(value), rng))
    if isinstance(value, set | frozenset):
        return type(value)(_items(sorted(value, key=repr), rng))
    if isinstance(value, dict):
        return dict(_items(list(value.items()), rng, whole=True))
    return value


def _items(items: list[Any], rng: random.Random, *, whole: bool = False) -> list[Any]:
    """Return other items; `whole`: pairs of a dict, of which only the value may change."""
    if not items:
        return [] if whole else [rng.randint(0, 9)]
    place = rng.randrange(len(items))
    before, item, after = items[:place], items[place], items[place + 1 :]
    near = (item[0], _near(item[1], rng)) if whole else _near(item, rng)
    shapes: tuple[list[Any], ...] = (
        [],
        items[::-1],
        items[1:],
        items[:-1],
        [*before, near, *after],
        [*before, *after],
        (items * 2)[:LONGEST],
    )
    return rng.choice((*shapes, [*before, near, *after], [*items, near]))
