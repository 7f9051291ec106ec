"""Intervals of figures that depend on how many items are looked at.

    texts = shuffled(texts, rng, least=500, words=30_000)   # in random order, the same one however they came
    jackknifed(figure, len(texts), bounds=(0, 1))   # Estimate(.49, .47, .51, n=700)

Diversity falls where an item is drawn twice, so a bootstrap is of no use. The jackknife leaves out a twentieth of the
items at a time; all its readings are of equally many, and only how they differ counts.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from regrowth.core.protocols import Estimate

__all__ = ["GROUPS", "jackknifed", "shortened", "shuffled"]

GROUPS = 20
STUDENT = {20: 2.093}
"""Of Student's distribution with one degree of freedom less than there are groups: 95 % lie within."""


def jackknifed(figure: Callable[[npt.NDArray[np.intp]], float], count: int, *, bounds: tuple[float, float]) -> Estimate:
    """Estimate a figure of items in random order, with a 95 % interval by the delete-a-group jackknife.

    Args:
        figure: of the items at some places.
        count: of items; with fewer than 20 the interval is the whole range.
    """
    places = np.arange(count)
    value = figure(places)
    if count < GROUPS:
        return Estimate(value, bounds[0], bounds[1], count)
    left = np.array([figure(places[places % GROUPS != group]) for group in range(GROUPS)])
    reach = STUDENT[GROUPS] * float(np.sqrt((GROUPS - 1) / GROUPS * ((left - left.mean()) ** 2).sum()))
    return Estimate(value, max(bounds[0], value - reach), min(bounds[1], value + reach), count)


def shuffled(texts: Sequence[str], rng: np.random.Generator, *, least: int, words: int) -> list[str]:
    """Return texts in random order, the same one however they came; of very many only some.

    Args:
        least: texts that are enough, if they have
        words: so many words as well, counted by their blanks.
    """
    ordered = sorted(texts)
    found: list[str] = []
    for place in rng.permutation(len(ordered)):
        if len(found) >= least and words <= 0:
            break
        found.append(ordered[place])
        words -= found[-1].count(" ") + 1
    return found


def shortened(documents: Iterable[npt.NDArray[Any]], words: int) -> list[npt.NDArray[Any]]:
    """Return the first documents that hold so many words; the last one is cut."""
    found: list[npt.NDArray[Any]] = []
    for document in documents:
        if words <= 0:
            break
        found.append(document[:words])
        words -= len(found[-1])
    return found
