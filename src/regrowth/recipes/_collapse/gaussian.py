"""A Gaussian that is refitted on its own samples: variance dies, or with another divisor only seems not to.

    play(Gaussian(dims=1, ddof=0), "replace", Mixing(), rounds=100, size=10, seeds=1000, seed=0)

Figures: `variance` (trace of the covariance per dimension; the real one is 1), `log variance` (its natural logarithm:
with ddof = 1 the mean of the variance stays 1 while almost every course dies, so read the median, or this), `error of
the mean` (squared distance from the real mean, per dimension). With `known` the variance is not fitted: the world in
which the golden weight is exact. Wrong, for a verifier: beyond the 99 % region of the real distribution.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from regrowth.recipes._collapse.samples import Array, Mask, Points, Rng, weighted_moments

__all__ = ["Gaussian", "GaussianFit"]

RIM = 0.99
"""Share of the real distribution within which a point is right."""
DEAD = 1e-300
"""Variance below which the logarithm is taken of this instead."""


class GaussianFit(NamedTuple):
    """Mean and covariance, per seed."""

    mean: Array
    covariance: Array


@dataclass(frozen=True)
class Gaussian:
    """Draw from N(0, 1) in `dims` dimensions; fit mean and covariance."""

    dims: int = 1
    ddof: int = 0
    """Taken off the number of points in the divisor of the covariance: 0 is maximum likelihood, 1 has no bias."""
    known: bool = False
    """Whether the covariance is known, and only the mean is fitted."""

    def real(self, rng: Rng, seeds: int, size: int) -> Points:
        """Draw real points."""
        return Points(rng.standard_normal((seeds, size, self.dims)))

    def fit(self, parts: Sequence[Points], weights: Sequence[float]) -> GaussianFit:
        """Fit mean and covariance; with weights, `ddof` = 1 divides by one less the sum of squared weights."""
        mean, covariance = weighted_moments(parts, weights)
        if self.known:
            return GaussianFit(mean, np.broadcast_to(np.eye(self.dims), covariance.shape))
        shares = np.asarray(weights) / np.sum(weights)
        lost = sum(share * share / part.size for share, part in zip(shares, parts, strict=True))
        return GaussianFit(mean, covariance / (1 - self.ddof * lost))

    def sample(self, fit: GaussianFit, rng: Rng, size: int) -> Points:
        """Draw points."""
        noise = rng.standard_normal((len(fit.mean), size, self.dims))
        return Points(fit.mean[:, None] + noise @ _root(fit.covariance))

    def risk(self, fit: GaussianFit) -> Mapping[str, Array]:
        """Measure variance and error of the mean."""
        variance = np.trace(fit.covariance, axis1=1, axis2=2) / self.dims
        known = {"error of the mean": (fit.mean**2).mean(1)}
        if self.known:
            return known
        return {"variance": variance, "log variance": np.log(np.maximum(variance, DEAD)), **known}

    def wrong(self, data: Points) -> Mask:
        """Tell which points lie beyond the 99 % region of the real distribution."""
        from scipy.stats import chi2

        return np.asarray((data.values**2).sum(2) > chi2.ppf(RIM, self.dims))


def _root(covariance: Array) -> Array:
    """Return a matrix whose square is the covariance, singular or not."""
    if covariance.shape[-1] == 1:
        return np.sqrt(np.maximum(covariance, 0))
    values, vectors = np.linalg.eigh(covariance)
    return np.asarray(np.einsum("sik,sk,sjk->sij", vectors, np.sqrt(np.maximum(values, 0)), vectors))
