"""A linear regression whose labels come from the regression before it: the error of every round is added, or averaged.

    play(Regression(dims=10, noise=1.0), "replace", Mixing(), rounds=20, size=100, seeds=200, seed=0)

Figure: `excess risk`, the squared distance of the coefficients from the real ones (inputs are isotropic). Inputs are
drawn anew each round. Wrong, for a verifier: a label further from the real line than 99 % of real labels are.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from regrowth.recipes._collapse.samples import Array, Mask, Points, Rng, weighted_moments

__all__ = ["Regression"]

RIM = NormalDist().inv_cdf(0.995)


@dataclass(frozen=True)
class Regression:
    """Label points of N(0, I) by y = x·w + noise; fit w by least squares. A point's last number is its label."""

    dims: int = 10
    noise: float = 1.0
    """Standard deviation of the labels about the line."""

    @property
    def truth(self) -> Array:
        """Return the real coefficients. What is lost does not depend on them."""
        return np.full(self.dims, self.dims**-0.5)

    def real(self, rng: Rng, seeds: int, size: int) -> Points:
        """Draw real points with their labels."""
        return self._labelled(np.broadcast_to(self.truth, (seeds, self.dims)), rng, size)

    def _labelled(self, coefficients: Array, rng: Rng, size: int) -> Points:
        seeds = len(coefficients)
        inputs = rng.standard_normal((seeds, size, self.dims))
        labels = inputs @ coefficients[:, :, None] + self.noise * rng.standard_normal((seeds, size, 1))
        return Points(np.concatenate([inputs, labels], axis=2))

    def fit(self, parts: Sequence[Points], weights: Sequence[float]) -> Array:
        """Fit by weighted least squares, without a constant."""
        mean, covariance = weighted_moments(parts, weights)
        second = covariance + mean[:, :, None] * mean[:, None, :]
        return np.asarray(np.linalg.solve(second[:, :-1, :-1], second[:, :-1, -1:])[..., 0])

    def sample(self, fit: Array, rng: Rng, size: int) -> Points:
        """Draw points and label them by the fit."""
        return self._labelled(fit, rng, size)

    def risk(self, fit: Array) -> Mapping[str, Array]:
        """Measure the excess risk."""
        return {"excess risk": ((fit - self.truth) ** 2).sum(1)}

    def wrong(self, data: Points) -> Mask:
        """Tell which labels lie further from the real line than 99 % of the real ones."""
        residuals = data.values[..., -1] - data.values[..., :-1] @ self.truth
        return np.asarray(np.abs(residuals) > RIM * self.noise)
