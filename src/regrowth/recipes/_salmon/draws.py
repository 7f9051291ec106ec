"""Which principles a reply is judged by, and which of them are turned round.

    drawn(Random(7), principles, most=3)     # ("kind", "-concise"): kind, and not concise
    said(("kind", "-concise"), known)        # ("Be kind.", "Be long.")

Source: SALMON (Sun et al., 2024, arXiv:2310.05910, section 3.2): a geometric number of principles, each negated with
probability ½. Departs from its code, whose numpy generator has no seed: equal seeds draw equal principles here.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations
from random import Random
from typing import TypeAlias

from regrowth.core.errors import SettingsError
from regrowth.core.record import digest
from regrowth.seeds.principles import Principle, tagged

__all__ = [
    "Draw", "always", "asked", "drawn", "held_out", "ids", "known", "novel", "opposite", "said", "sides", "wished",
]  # fmt: skip

Draw: TypeAlias = tuple[str, ...]
"""Ids of principles; one that is turned round begins with a minus."""

STOP = 0.2
"""Probability that a draw holds no further principle."""
ASKED = 3
"""Principles per prompt in training a policy, besides the interventions."""
UNSEEN = 4
"""One of so many combinations of principles is kept out of all training."""


def known(principles: Iterable[Principle]) -> Mapping[str, Principle]:
    """Return principles by their ids."""
    return {one.id: one for one in principles}


def sides(draw: Draw) -> list[tuple[str, float]]:
    """Return id and sign of each principle of a draw."""
    return [(name.removeprefix("-"), -1.0 if name.startswith("-") else 1.0) for name in draw]


def ids(draw: Draw) -> frozenset[str]:
    """Return the principles of a draw, whichever way round."""
    return frozenset(name for name, _ in sides(draw))


def opposite(draw: Draw) -> Draw:
    """Turn every principle of a draw round."""
    return tuple(name.removeprefix("-") if name.startswith("-") else f"-{name}" for name in draw)


def said(draw: Draw, known: Mapping[str, Principle]) -> tuple[str, ...]:
    """Return the words of a draw: wishes, or their opposites."""
    return tuple(known[name].said(negated=sign < 0) for name, sign in sides(draw))


def held_out(draw: Draw) -> bool:
    """Return whether a combination is kept out of training; single principles never are."""
    return len(draw) > 1 and int(digest("combination", sorted(ids(draw)))[:8], 16) % UNSEEN == 0


def drawn(rng: Random, principles: Sequence[Principle], *, most: int) -> Draw:
    """Draw principles for one record of training: at most so many, and no combination that is kept out of it.

    Of no principles, none are drawn.
    """
    most = min(most, len(principles))
    while most:
        size = 1 + int(math.log(1 - rng.random()) / math.log(1 - STOP))
        draw = tuple(f"{rng.choice(('', '-'))}{one.id}" for one in weighted(rng, principles, size))
        if size <= most and not held_out(draw):
            return draw
    return ()


def novel(rng: Random, principles: Sequence[Principle], *, most: int) -> Draw:
    """Draw a combination that is kept out of training; an empty one, if there is none."""
    sizes = range(2, min(most, len(principles), ASKED) + 1)
    names = [one.id for one in principles]
    found = [group for size in sizes for group in combinations(names, size) if held_out(group)]
    return tuple(f"{rng.choice(('', '-'))}{name}" for name in rng.choice(found)) if found else ()


def weighted(rng: Random, principles: Sequence[Principle], count: int) -> list[Principle]:
    """Draw principles without replacement, by their weights."""
    left, found = list(principles), []
    for _ in range(min(count, len(left))):
        (one,) = rng.choices(left, [other.weight for other in left])
        left.remove(one)
        found.append(one)
    return found


def wished(principles: Sequence[Principle], wishes: Sequence[str]) -> Draw:
    """Return what a policy is trained on: the wishes that are named, or else those tagged `rl`.

    Raises:
        SettingsError: there is no such principle, or none is tagged.
    """
    named = tuple(wishes) or tuple(one.id for one in tagged(tuple(principles), "rl"))
    if unknown := sorted(ids(named) - {one.id for one in principles}):
        raise SettingsError(f"wishes: no principle {unknown[0]!r}. There are: {', '.join(known(principles))}.")
    if not named:
        raise SettingsError("No principle is tagged `rl`. Tag some, or name wishes=[…].")
    return named


def always(principles: Sequence[Principle]) -> Draw:
    """Return the interventions: what is asked of every reply of the policy."""
    return tuple(one.id for one in tagged(tuple(principles), "intervention"))


def asked(rng: Random, wishes: Draw, principles: Sequence[Principle], *, interventions: bool = True) -> Draw:
    """Draw what is asked of the replies to one prompt: the interventions first, then some of the wishes."""
    first = always(principles) if interventions else ()
    of = dict(sides(wishes))
    some = weighted(rng, [one for one in principles if one.id in of and one.id not in first], ASKED)
    return (*first, *(one.id if of[one.id] > 0 else f"-{one.id}" for one in some))
