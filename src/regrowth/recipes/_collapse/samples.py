"""What rounds hand on: points of numbers, or counts of categories; one sample per seed, all seeds side by side.

    Points(values)      values[seed, point, dimension]
    Counts(values)      values[seed, category]

A sample keeps its own mean and covariance, so that a fit on many rounds adds up a few small matrices.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol, Self, TypeAlias

import numpy as np
from numpy.typing import NDArray

from regrowth.core.errors import DataError

__all__ = ["Array", "Counts", "Mask", "Points", "Rng", "Sample", "weighted_moments"]

Array: TypeAlias = NDArray[np.float64]
Mask: TypeAlias = NDArray[np.bool_]
Rng: TypeAlias = np.random.Generator


class Sample(Protocol):
    """Data of one round, for every seed."""

    @property
    def size(self) -> int:
        """Return how many data there are per seed."""

    def among(self, others: Sequence[Self], rng: Rng, size: int) -> Self:
        """Draw so many from these and the others together, without replacement."""

    def only(self, kept: Mask, size: int) -> Self:
        """Return the first `size` of those that were kept, for each seed.

        Raises:
            DataError: fewer were kept.
        """


@dataclass(frozen=True)
class Points:
    """Hold points: values[seed, point, dimension]."""

    values: Array

    @property
    def size(self) -> int:
        """Return how many points there are per seed."""
        return int(self.values.shape[1])

    @cached_property
    def mean(self) -> Array:
        """Return the mean, per seed."""
        return np.asarray(self.values.mean(1))

    @cached_property
    def covariance(self) -> Array:
        """Return the covariance about the sample's own mean, divided by the number of points, per seed."""
        centred = self.values - self.mean[:, None]
        return np.asarray(np.einsum("sni,snj->sij", centred, centred) / self.size)

    def among(self, others: Sequence[Self], rng: Rng, size: int) -> Self:
        """Draw points from these and the others together, without replacement."""
        pool = np.concatenate([self.values, *(other.values for other in others)], axis=1)
        if pool.shape[1] == size:
            return type(self)(pool)
        order = np.argpartition(rng.random(pool.shape[:2]), size, axis=1)[:, :size]
        return type(self)(np.take_along_axis(pool, order[..., None], axis=1))

    def only(self, kept: Mask, size: int) -> Self:
        """Return the first `size` of the points that were kept."""
        if (fewest := int(kept.sum(1).min())) < size:
            raise DataError(f"The verifier kept {fewest} of {self.size} points, {size} are needed: raise keep_wrong.")
        order = np.argsort(~kept, axis=1, kind="stable")[:, :size]
        return type(self)(np.take_along_axis(self.values, order[..., None], axis=1))


@dataclass(frozen=True)
class Counts:
    """Hold how often each category was drawn: values[seed, category]."""

    values: NDArray[np.int64]

    @property
    def size(self) -> int:
        """Return how many draws there are per seed."""
        return int(self.values[0].sum())

    def among(self, others: Sequence[Self], rng: Rng, size: int) -> Self:
        """Draw so many from these and the others together, without replacement."""
        pool = self.values + sum(other.values for other in others)
        return type(self)(np.stack([rng.multivariate_hypergeometric(one, size, method="marginals") for one in pool]))

    def only(self, kept: Mask, size: int) -> Self:
        """Refuse: a category is neither right nor wrong.

        Raises:
            DataError: always.
        """
        raise DataError("Categories are neither right nor wrong: leave out the arm 'verified' in this world.")


def weighted_moments(parts: Sequence[Points], weights: Sequence[float]) -> tuple[Array, Array]:
    """Return mean and covariance of a mixture of samples; each weight is shared by the points of its part.

    Sums squares about the means, so that variances far below the squared mean keep their digits.
    """
    shares = np.asarray(weights) / np.sum(weights)
    mean = sum((share * part.mean for share, part in zip(shares, parts, strict=True)), np.zeros_like(parts[0].mean))
    covariance = np.zeros_like(parts[0].covariance)
    for share, part in zip(shares, parts, strict=True):
        apart = part.mean - mean
        covariance += share * (part.covariance + apart[:, :, None] * apart[:, None, :])
    return mean, covariance
