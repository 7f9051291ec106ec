"""Whether synthetic items lie among the real ones, and real ones among them: by their nearest neighbours.

    neighbours(real_to_real, real_to_made, made_to_made, k=5)
        precision  share of the made items that lie within the reach of a real one
        recall     share of the real items that lie within the reach of a made one
        density    how many real items' reach a made one lies in, divided by k: 1 is as dense as the real data
        coverage   share of the real items that have a made one within their reach

An item's reach is the distance to its k-th nearest neighbour of its own kind. Precision and recall: Kynkäänniemi et
al. 2019, arXiv:1904.06991; density and coverage, which single outliers move less: Naeem et al. 2020, arXiv:2002.09797.
Their code counts what is nearer than the reach; here what lies exactly at it counts too, or else texts that occur more
than k times would be found by nothing, not even by themselves.
"""

from typing import NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from regrowth.core.errors import DataError

__all__ = ["Neighbours", "neighbours"]

Floats: TypeAlias = npt.NDArray[np.float64]
NEAREST = 5
SLACK = 1e-7
"""Of a distance: rounding must not tell equal items apart."""


class Neighbours(NamedTuple):
    """What the neighbours say."""

    precision: float
    recall: float
    density: float
    coverage: float


def neighbours(real: Floats, across: Floats, made: Floats, *, k: int = NEAREST) -> Neighbours:
    """Read the four off distances.

    Args:
        real: between real items.
        across: from real items, in rows, to made ones.
        made: between made items.

    Raises:
        DataError: not more than k items of a kind, or shapes that do not fit.
    """
    if across.shape != (len(real), len(made)) or min(len(real), len(made)) <= k:
        raise DataError(f"{len(real)} real and {len(made)} made items, k = {k}: expected more than k of both.")
    of_real, of_made = _reach(real, k), _reach(made, k)
    within = across <= of_real[:, None]
    return Neighbours(
        precision=float(within.any(axis=0).mean()),
        recall=float((across <= of_made[None, :]).any(axis=1).mean()),
        density=float(within.sum(axis=0).mean() / k),
        coverage=float(within.any(axis=1).mean()),
    )


def _reach(distances: Floats, k: int) -> Floats:
    """Return the distance of each item to its k-th nearest, itself not counted."""
    return np.asarray(np.partition(distances, k, axis=1)[:, k] + SLACK)
