"""How far texts lie apart: by their word shingles, or by vectors of them.

between = text_distances((written, seeds), embed=None, words=3)
between(0, 1)(np.array([7]))      # [[0.83, 1.0, …]]: of the eighth text written to every seed
"""

from collections.abc import Callable, Iterator, Sequence
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from regrowth.core.errors import DataError
from regrowth.metrics.leakage.shingles import Shingles
from regrowth.metrics.leakage.tables import Distances, Floats, Places

__all__ = ["Embed", "text_distances"]

Embed: TypeAlias = Callable[[Sequence[str]], npt.ArrayLike]
"""Maps texts to vectors, one row each."""


def text_distances(parts: Sequence[Sequence[str]], embed: Embed | None, words: int) -> Callable[[int, int], Distances]:
    """Return a function that gives the distances between two of the sets: 1 - cosine, or Jaccard's.

    Raises:
        DataError: not one vector per text.
    """
    if embed is not None:
        vectors = [_unit(embed(texts), len(texts)) for texts in parts]
        return lambda one, other: _cosine(vectors[one], vectors[other])
    sets = [Shingles.of(texts, words) for texts in parts]
    return lambda one, other: _at_places(sets[one].distances(sets[other]))


def _at_places(block: Callable[[int, int], Floats]) -> Distances:
    def distances(places: Places) -> Floats:
        found: Floats = np.concatenate([block(start, end) for start, end in _runs(places)])
        return found

    return distances


def _runs(places: Places) -> Iterator[tuple[int, int]]:
    """Return first and end of each run of places that follow one another."""
    for run in np.split(places, np.flatnonzero(np.diff(places) != 1) + 1):
        yield int(run[0]), int(run[-1]) + 1


def _unit(vectors: npt.ArrayLike, count: int) -> Floats:
    matrix = np.asarray(vectors, dtype=np.float32)
    if matrix.ndim != 2 or len(matrix) != count:
        raise DataError(f"embed returned an array of the shape {list(matrix.shape)} for {count} texts.")
    length = np.linalg.norm(matrix, axis=1, keepdims=True)
    unit: Floats = np.divide(matrix, length, out=np.zeros_like(matrix), where=length > 0)
    return unit


def _cosine(one: Floats, other: Floats) -> Distances:
    def distances(places: Places) -> Floats:
        found: Floats = np.clip(1 - one[places] @ other.T, 0, 1)
        found[found < 1e-6] = 0  # equal vectors, rounded
        return found

    return distances
