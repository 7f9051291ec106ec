"""The readings that similarities of items give: the Vendi score, and how the made ones lie among the real ones.

of_kernel(kernel, 500, rng, of="", note="500 rows")     # of 500 made items, and then 1,000 real ones
"""

from collections.abc import Iterator
from functools import partial
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from regrowth.metrics.diversity.neighbours import NEAREST, Neighbours, neighbours
from regrowth.metrics.diversity.resampling import GROUPS, jackknifed
from regrowth.metrics.diversity.vendi import vendi
from regrowth.metrics.reading import Reading, measures
from regrowth.metrics.resampling import middle

__all__ = ["of_kernel"]

Floats: TypeAlias = npt.NDArray[np.float64]
Places: TypeAlias = npt.NDArray[np.intp]
REPLICATES = 20


def of_kernel(kernel: Floats, size: int, rng: np.random.Generator, *, of: str, note: str) -> Iterator[Reading]:
    """Give the readings.

    Args:
        kernel: similarities, 1 of each item to itself; first `size` made items, then twice as many real ones or none.
    """
    made, real = np.arange(size), np.arange(size, len(kernel))
    splits = [rng.permutation(real) for _ in range(REPLICATES if len(real) else 0)]
    score = jackknifed(lambda places: vendi(_part(kernel, made[places])), size, bounds=(1, size))
    null = middle([vendi(_part(kernel, one[:size])) for one in splits], size) if splits else None
    yield Reading("vendi", of, score, null, note)
    if not splits or size <= NEAREST * GROUPS // (GROUPS - 1) + 1:
        return
    distances = np.sqrt(np.maximum(0.0, 2 - 2 * kernel))
    drawn = [_read(distances, one[:size], one[size:]) for one in splits]
    for measure in Neighbours._fields:
        figure = partial(_one, distances, splits[0][:size], made, measure)
        name = f"neighbour_{measure}"
        told = jackknifed(figure, size, bounds=measures()[name].bounds)
        yield Reading(name, of, told, middle([getattr(one, measure) for one in drawn], size), note)


def _part(kernel: Floats, places: Places) -> Floats:
    return np.asarray(kernel[np.ix_(places, places)])


def _read(distances: Floats, real: Places, made: Places) -> Neighbours:
    return neighbours(_part(distances, real), distances[np.ix_(real, made)], _part(distances, made))


def _one(distances: Floats, real: Places, made: Places, measure: str, places: Places) -> float:
    """Return one of the four where only some of both kinds are there: real and made ones are left out alike."""
    return float(getattr(_read(distances, real[places], made[places]), measure))
