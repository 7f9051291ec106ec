"""A mixture of three Gaussians, refitted by expectation maximisation: the minority goes first.

    play(Mixture(), "replace", Mixing(), rounds=20, size=200, seeds=50, seed=0)

Figures: `real NLL` (nats per held-out real point), `minority` (share of the fit's mass on the component nearest to the
rarest real one; in truth 0.1), `spread` (mean variance within components; in truth 1). Every fit begins at the real
centres, so what is lost is lost to sampling, not to the search. Wrong, for a verifier: beyond the 99 % region of all
three real components.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np

from regrowth.recipes._collapse.samples import Array, Mask, Points, Rng
from regrowth.recipes._collapse.shapes import CENTRES, SHARES, blobs

__all__ = ["Mixture", "MixtureFit"]

HELD_OUT = 1000
RIM = 9.2103
"""Squared distance within which 99 % of a round Gaussian in the plane lie: -2 log 0.01."""
LEAST = 1e-6
"""Added to each variance: a component on a single point keeps a density."""


class MixtureFit(NamedTuple):
    """Shares, means and covariances of the components, per seed."""

    shares: Array
    means: Array
    covariances: Array


@dataclass(frozen=True)
class Mixture:
    """Draw from three blobs in the plane; fit three Gaussians."""

    steps: int = 40
    """Of expectation maximisation."""

    @cached_property
    def held_out(self) -> Array:
        """Return real points that nothing is fitted to."""
        return blobs(np.random.default_rng(HELD_OUT), HELD_OUT)

    def real(self, rng: Rng, seeds: int, size: int) -> Points:
        """Draw real points."""
        return Points(np.stack([blobs(rng, size) for _ in range(seeds)]))

    def fit(self, parts: Sequence[Points], weights: Sequence[float]) -> MixtureFit:
        """Fit by expectation maximisation, from the real centres."""
        points = np.concatenate([part.values for part in parts], axis=1)
        masses = np.concatenate(
            [np.full(part.size, weight / part.size) for part, weight in zip(parts, weights, strict=True)]
        )
        masses /= masses.sum()
        seeds = len(points)
        fit = MixtureFit(
            np.tile(SHARES, (seeds, 1)), np.tile(CENTRES, (seeds, 1, 1)), np.tile(np.eye(2), (seeds, 3, 1, 1))
        )
        for _ in range(self.steps):
            fit = _step(fit, points, masses)
        return fit

    def sample(self, fit: MixtureFit, rng: Rng, size: int) -> Points:
        """Draw a component, then a point of it."""
        seeds = len(fit.shares)
        bounds = np.cumsum(fit.shares, axis=1)
        chosen = (rng.random((seeds, size, 1)) > bounds[:, None, :2]).sum(2)
        roots = np.linalg.cholesky(fit.covariances)
        rows = np.arange(seeds)[:, None]
        noise = rng.standard_normal((seeds, size, 2, 1))
        return Points(fit.means[rows, chosen] + (roots[rows, chosen] @ noise)[..., 0])

    def risk(self, fit: MixtureFit) -> Mapping[str, Array]:
        """Measure the NLL of held-out real points, and what became of the minority."""
        points = np.broadcast_to(self.held_out, (len(fit.shares), *self.held_out.shape))
        nearest = ((fit.means[:, :, None] - CENTRES[None, None]) ** 2).sum(-1).argmin(2)
        return {
            "real NLL": -_total(_log_densities(fit, points)).mean(1),
            "minority": np.where(nearest == int(SHARES.argmin()), fit.shares, 0).sum(1),
            "spread": (fit.shares * np.trace(fit.covariances, axis1=2, axis2=3) / 2).sum(1),
        }

    def wrong(self, data: Points) -> Mask:
        """Tell which points lie beyond the 99 % regions of all three real components."""
        return np.asarray(((data.values[:, :, None] - CENTRES) ** 2).sum(-1).min(2) > RIM)


def _step(fit: MixtureFit, points: Array, masses: Array) -> MixtureFit:
    logs = _log_densities(fit, points)
    held = np.exp(logs - _total(logs)[..., None]) * masses[None, :, None]
    shares = held.sum(1) + 1e-12
    means = np.einsum("snk,snd->skd", held, points) / shares[..., None]
    apart = points[:, None] - means[:, :, None]
    covariances = np.einsum("snk,sknd,skne->skde", held, apart, apart, optimize=True) / shares[..., None, None]
    return MixtureFit(shares / shares.sum(1, keepdims=True), means, covariances + LEAST * np.eye(2))


def _log_densities(fit: MixtureFit, points: Array) -> Array:
    """Return log share times density of every point, per component."""
    apart = points[:, None] - fit.means[:, :, None]
    (a, b), (_, d) = (fit.covariances[..., 0, 0], fit.covariances[..., 0, 1]), (None, fit.covariances[..., 1, 1])
    volume = a * d - b * b
    x, y = apart[..., 0], apart[..., 1]
    squares = (d[..., None] * x * x - 2 * b[..., None] * x * y + a[..., None] * y * y) / volume[..., None]
    logs = np.log(fit.shares) - 0.5 * np.log(volume) - np.log(2 * np.pi)
    return np.asarray((logs[..., None] - squares / 2).transpose(0, 2, 1))


def _total(logs: Array) -> Array:
    top = logs.max(2)
    return np.asarray(top + np.log(np.exp(logs - top[..., None]).sum(2)))
