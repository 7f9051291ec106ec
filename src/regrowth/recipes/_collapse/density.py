"""A kernel density estimate of its own samples: each round adds the kernel's variance, and no pool averages it out.

    play(Kernel(shape="line", bandwidth=0.5), "accumulate", Mixing(), rounds=50, size=2000, seeds=20, seed=0)

Figures: `variance` (per dimension, the real one is 1 on the line), `real NLL` (nats per held-out real point; the held-
out points come from the same shape, centres included). `bandwidth` is a number, or `scott` or `silverman`: their factor
times the standard deviation of what is fitted. Wrong, for a verifier: further from every one of the verifier's own real
points than 99 % of real points are.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, NamedTuple

import numpy as np

from regrowth.recipes._collapse.samples import Array, Mask, Points, Rng, weighted_moments
from regrowth.recipes._collapse.shapes import SHAPES

__all__ = ["Bandwidth", "Kernel", "KernelFit", "factor", "nearest"]

Bandwidth = float | Literal["scott", "silverman"]
HELD_OUT = 500
KNOWN = 500
"""Real points of the verifier."""
RIM = 0.99
CHUNK = 2_000_000
"""Distances held at a time."""


class KernelFit(NamedTuple):
    """Centres of the kernels with their weights, and the width, per seed."""

    centres: Sequence[Points]
    weights: Array
    """Of each part."""
    width: Array
    variance: Array
    """Of what was fitted, per dimension."""


def factor(bandwidth: Bandwidth, count: float, dims: int) -> float:
    """Return the width of the kernel in standard deviations of the data; for a fixed width, nothing."""
    if bandwidth == "scott":
        return float(count ** (-1 / (dims + 4)))
    if bandwidth == "silverman":
        return float((count * (dims + 2) / 4) ** (-1 / (dims + 4)))
    return 0.0


@dataclass(frozen=True)
class Kernel:
    """Draw from a shape; fit a Gaussian kernel about every point."""

    shape: str = "blobs"
    bandwidth: Bandwidth = 0.5

    @cached_property
    def held_out(self) -> Array:
        """Return real points that nothing is fitted to."""
        return SHAPES[self.shape](np.random.default_rng(HELD_OUT), HELD_OUT)

    def real(self, rng: Rng, seeds: int, size: int) -> Points:
        """Draw real points."""
        return Points(np.stack([SHAPES[self.shape](rng, size) for _ in range(seeds)]))

    def fit(self, parts: Sequence[Points], weights: Sequence[float]) -> KernelFit:
        """Put a kernel about every point."""
        shares = np.asarray(weights) / np.sum(weights)
        _, covariance = weighted_moments(parts, weights)
        dims = covariance.shape[-1]
        variance = np.trace(covariance, axis1=1, axis2=2) / dims
        count = 1 / float(sum(share * share / part.size for share, part in zip(shares, parts, strict=True)))
        width = factor(self.bandwidth, count, dims) * np.sqrt(variance)
        if not isinstance(self.bandwidth, str):
            width = np.full_like(variance, self.bandwidth)
        return KernelFit(parts, shares, width, variance)

    def sample(self, fit: KernelFit, rng: Rng, size: int) -> Points:
        """Draw a kernel, then a point of it."""
        values = np.stack([part.values for part in fit.centres])
        seeds, dims = values.shape[1], values.shape[-1]
        part = rng.choice(len(fit.weights), (seeds, size), p=fit.weights)
        chosen = values[part, np.arange(seeds)[:, None], rng.integers(values.shape[2], size=(seeds, size))]
        return Points(chosen + fit.width[:, None, None] * rng.standard_normal((seeds, size, dims)))

    def risk(self, fit: KernelFit) -> Mapping[str, Array]:
        """Measure variance and, but on the line, where the variance says it all, the NLL of held-out real points."""
        found = {"variance": fit.variance + fit.width**2}
        return found if self.shape == "line" else {**found, "real NLL": self._nll(fit)}

    def _nll(self, fit: KernelFit) -> Array:
        weights = np.repeat(np.log(fit.weights / fit.centres[0].size), fit.centres[0].size)
        found = []
        for seed, width in enumerate(fit.width):
            centres = np.concatenate([part.values[seed] for part in fit.centres])
            found.append(-np.mean(_log_density(self.held_out, centres, weights, float(width))))
        return np.array(found)

    @cached_property
    def _verifier(self) -> tuple[Array, float]:
        """Return the real points that the verifier knows, and how far from the nearest of them a right point may be."""
        rng = np.random.default_rng(KNOWN)
        known, others = (SHAPES[self.shape](rng, KNOWN) for _ in range(2))
        return known, float(np.quantile(nearest(others, known), RIM))

    def wrong(self, data: Points) -> Mask:
        """Tell which points lie further from the verifier's real points than 99 % of real points do."""
        known, limit = self._verifier
        return np.stack([nearest(values, known) > limit for values in data.values])


def _log_density(points: Array, centres: Array, weights: Array, width: float) -> Array:
    dims = points.shape[1]
    stride = max(1, CHUNK // len(centres))
    found = []
    for start in range(0, len(points), stride):
        exponents = weights - _squares(points[start : start + stride], centres) / (2 * width**2)
        top = exponents.max(1, keepdims=True)
        found.append(top[:, 0] + np.log(np.exp(exponents - top).sum(1)))
    return np.asarray(np.concatenate(found) - dims / 2 * np.log(2 * np.pi * width**2))


def nearest(points: Array, known: Array) -> Array:
    """Return how far each point lies from the nearest of those that are known."""
    stride = max(1, CHUNK // len(known))
    parts = [_squares(points[start : start + stride], known).min(1) for start in range(0, len(points), stride)]
    return np.asarray(np.sqrt(np.maximum(np.concatenate(parts), 0)))


def _squares(points: Array, centres: Array) -> Array:
    """Return squared distances."""
    return np.asarray(((points[:, None] - centres[None]) ** 2).sum(-1))
