"""Vectors and how near they are: cosines in tiles, so that no table of all pairs is ever held.

    vectors = unit(embedding)                    # float32 [n, d], each of length 1 (or 0)
    where, cosine = nearest(vectors, chosen)     # for each record its nearest chosen one

One tile is 256 × 2,048 cosines: 2 MB, which stays in a core's cache.
"""

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from regrowth.core.errors import DataError

__all__ = ["ACROSS", "DOWN", "Floats", "Places", "farthest", "nearest", "redundancy", "tiles", "unit"]

Floats: TypeAlias = npt.NDArray[np.float32]
Places: TypeAlias = Sequence[int]

DOWN, ACROSS = 256, 2048
"""Rows and columns of a tile."""


def unit(vectors: npt.ArrayLike) -> Floats:
    """Return vectors as float32 rows of length 1; a row of zeros stays one, and is near to nothing.

    Raises:
        DataError: this is no table of finite numbers.
    """
    found = np.ascontiguousarray(vectors, dtype=np.float32)
    if found.ndim != 2:
        raise DataError(f"embedding of shape {found.shape}: expected [records, dimensions].")
    # The largest entry goes first: squares of huge or tiny entries would leave the range of float32.
    with np.errstate(over="ignore", invalid="ignore"):
        scale = np.abs(found).max(axis=1, initial=0)
    if not np.isfinite(scale).all():
        raise DataError(f"embedding of record {int(np.flatnonzero(~np.isfinite(scale))[0])}: expected finite numbers.")
    scaled = np.asarray(found / np.where(scale > 0, scale, 1)[:, None], dtype=np.float32)
    length = np.sqrt(np.einsum("nd,nd->n", scaled, scaled))
    scaled /= np.where(length > 0, length, np.float32(1))[:, None]
    return scaled


def tiles(count: int, size: int) -> list[slice]:
    """Return the slices that cover a range."""
    return [slice(start, min(start + size, count)) for start in range(0, count, size)]


def nearest(vectors: Floats, places: Places, *, others: bool = False) -> tuple[npt.NDArray[np.int64], Floats]:
    """Return for each vector the place of the nearest of those named, the first of equals, and their cosine.

    Args:
        others: Whether a vector that is named itself looks for another one.

    Without any, all places are -1 and all cosines -1.
    """
    targets = np.asarray(places, dtype=np.int64)
    where, found = np.full(len(vectors), -1, np.int64), np.full(len(vectors), -1, np.float32)
    for across in tiles(len(targets), ACROSS):
        block = vectors[targets[across]]
        for down in tiles(len(vectors), DOWN):
            cosines = vectors[down] @ block.T
            if others:
                cosines[np.arange(len(vectors))[down, None] == targets[None, across]] = -2
            best = cosines.argmax(axis=1)
            value = cosines[np.arange(len(best)), best]
            better = value > found[down]
            found[down] = np.where(better, value, found[down])
            where[down] = np.where(better, targets[across][best], where[down])
    return where, np.clip(found, -1, 1)


def farthest(vectors: Floats, places: Places) -> float:
    """Return the greatest Euclidean distance, 0 … 2, of a vector that was not chosen to its nearest chosen one."""
    left = np.ones(len(vectors), bool)
    left[np.asarray(places, dtype=np.int64)] = False  # a row of zeros is near to nothing, not even to itself
    if not left.any():
        return 0.0
    return float(np.sqrt(2 - 2 * float(nearest(vectors, places)[1][left].min())))


def redundancy(vectors: Floats, places: Places) -> float:
    """Return the mean cosine of the chosen with their nearest other chosen one; 0 of fewer than two."""
    chosen = np.unique(np.asarray(places, dtype=np.int64))
    if len(chosen) < 2:
        return 0.0
    return float(nearest(vectors[chosen], range(len(chosen)), others=True)[1].mean(dtype=np.float64))
