"""A small variational autoencoder on scikit-learn's handwritten digits, refitted on its own images.

    play(Digits(), "replace", Mixing(), rounds=5, size=1000, seeds=3, seed=0)

Figures: `real NLL` (negative evidence bound, nats per held-out real image) and `spread` (variance of its images over
that of real ones, all pixels together). 1,797 real images of 8 × 8 pixels: 1,000 to train on, 297 that the verifier
knows, 500 held out. As in the published runs an image is the decoder's mean, not a draw about it, so each round loses
the variance that the decoder calls noise: a bias. Every fit begins at the same weights. Wrong, for a verifier: further
from all of its real images than 99 % of real images are.

Plain numpy with gradients by hand, all seeds in one product of matrices: 64 → 64 → 8 codes → 64 → 64, Adam.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple, TypeAlias

import numpy as np

from regrowth.core.errors import DataError
from regrowth.extras import library
from regrowth.recipes._collapse.density import nearest
from regrowth.recipes._collapse.samples import Array, Mask, Points, Rng

__all__ = ["Digits", "loss_and_gradients", "start"]

Weights: TypeAlias = dict[str, Array]
PIXELS, HIDDEN, CODES = 64, 64, 8
TRAIN, KNOWN = 1000, 297
RIM = 0.99
DRAWS = 4
"""Codes drawn per held-out image when the bound is measured."""


class Split(NamedTuple):
    """Real images, pixels between 0 and 1."""

    train: Array
    verifier: Array
    held_out: Array


@dataclass(frozen=True)
class Digits:
    """Draw real images; fit a variational autoencoder."""

    steps: int = 1500
    batch: int = 100
    rate: float = 5e-3

    @cached_property
    def split(self) -> Split:
        """Return the real images, in three parts."""
        datasets = library("sklearn.datasets", "The world of digits", extra="measure")
        images = datasets.load_digits().data / 16
        images = images[np.random.default_rng(0).permutation(len(images))]
        return Split(images[:TRAIN], images[TRAIN : TRAIN + KNOWN], images[TRAIN + KNOWN :])

    def real(self, rng: Rng, seeds: int, size: int) -> Points:
        """Draw real images, none twice.

        Raises:
            DataError: there are not so many.
        """
        if size > TRAIN:
            raise DataError(f"{size} real images wanted, {TRAIN} are there: lower size.")
        return Points(np.stack([self.split.train[rng.permutation(TRAIN)[:size]] for _ in range(seeds)]))

    def fit(self, parts: Sequence[Points], weights: Sequence[float]) -> Weights:
        """Train, each batch drawn from all parts by their weights."""
        values = np.stack([part.values for part in parts])
        shares = np.asarray(weights) / np.sum(weights)
        seeds, size = values.shape[1:3]
        rng = np.random.default_rng(1)
        fitted = start(rng, seeds)
        first, second = ({name: np.zeros_like(one) for name, one in fitted.items()} for _ in range(2))
        for step in range(1, self.steps + 1):
            part = rng.choice(len(shares), (seeds, self.batch), p=shares)
            images = values[part, np.arange(seeds)[:, None], rng.integers(size, size=(seeds, self.batch))]
            _, slopes = loss_and_gradients(fitted, images, rng.standard_normal((seeds, self.batch, CODES)))
            _adam(fitted, slopes, first, second, step, self.rate)
        return fitted

    def sample(self, fit: Weights, rng: Rng, size: int) -> Points:
        """Draw codes, and return the images that they stand for."""
        return Points(_decoded(fit, rng.standard_normal((len(fit["code"]), size, CODES))))

    def risk(self, fit: Weights) -> Mapping[str, Array]:
        """Measure the bound on held-out real images, and how much images differ."""
        rng = np.random.default_rng(2)
        seeds, real = len(fit["code"]), self.split.held_out
        images = np.broadcast_to(np.tile(real, (DRAWS, 1)), (seeds, DRAWS * len(real), PIXELS))
        bound, _ = loss_and_gradients(fit, images, rng.standard_normal((seeds, DRAWS * len(real), CODES)))
        own = self.sample(fit, rng, 500).values
        return {"real NLL": bound, "spread": own.var(1).sum(1) / real.var(0).sum()}

    @cached_property
    def _limit(self) -> float:
        return float(np.quantile(nearest(self.split.train[:500], self.split.verifier), RIM))

    def wrong(self, data: Points) -> Mask:
        """Tell which images lie further from the verifier's than 99 % of real ones do."""
        return np.stack([nearest(images, self.split.verifier) > self._limit for images in data.values])


def start(rng: Rng, seeds: int) -> Weights:
    """Return the weights that every fit begins with; the last row of each matrix is its bias."""

    def matrix(rows: int, columns: int) -> Array:
        scaled = rng.standard_normal((seeds, rows + 1, columns)) / np.sqrt(rows)
        scaled[:, -1] = 0
        return np.asarray(scaled)

    return {
        "in": matrix(PIXELS, HIDDEN),
        "code": matrix(HIDDEN, 2 * CODES),
        "out": matrix(CODES, HIDDEN),
        "image": matrix(HIDDEN, PIXELS),
    }


def loss_and_gradients(weights: Weights, images: Array, noise: Array) -> tuple[Array, Weights]:
    """Return the negative evidence bound, in nats per image and seed, and its slope in every weight."""
    count = images.shape[1]
    hidden = np.tanh(_times(images, weights["in"]))
    mean, log_variance = np.split(_times(hidden, weights["code"]), 2, axis=2)
    scale = np.exp(log_variance / 2)
    codes = mean + scale * noise
    opened = np.tanh(_times(codes, weights["out"]))
    logits = _times(opened, weights["image"])
    missed = np.logaddexp(0, logits) - images * logits
    away = (mean**2 + scale**2 - log_variance - 1) / 2
    loss = missed.sum((1, 2)) / count + away.sum((1, 2)) / count

    logit_slope = (1 / (1 + np.exp(-logits)) - images) / count
    slopes = {"image": _outer(opened, logit_slope)}
    opened_slope = _back(logit_slope, weights["image"]) * (1 - opened**2)
    slopes["out"] = _outer(codes, opened_slope)
    code_slope = _back(opened_slope, weights["out"])
    mean_slope = code_slope + mean / count
    spread_slope = code_slope * noise * scale / 2 + (scale**2 - 1) / 2 / count
    both = np.concatenate([mean_slope, spread_slope], axis=2)
    slopes["code"] = _outer(hidden, both)
    slopes["in"] = _outer(images, _back(both, weights["code"]) * (1 - hidden**2))
    return np.asarray(loss), slopes


def _decoded(weights: Weights, codes: Array) -> Array:
    return np.asarray(1 / (1 + np.exp(-_times(np.tanh(_times(codes, weights["out"])), weights["image"]))))


def _times(values: Array, matrix: Array) -> Array:
    return np.asarray(values @ matrix[:, :-1] + matrix[:, -1:])


def _back(slope: Array, matrix: Array) -> Array:
    return np.asarray(slope @ matrix[:, :-1].transpose(0, 2, 1))


def _outer(values: Array, slope: Array) -> Array:
    return np.concatenate([values.transpose(0, 2, 1) @ slope, slope.sum(1, keepdims=True)], axis=1)


def _adam(weights: Weights, slopes: Weights, first: Weights, second: Weights, step: int, rate: float) -> None:
    """Take one step of Adam (Kingma and Ba, 2015), in place."""
    for name, slope in slopes.items():
        first[name] += 0.1 * (slope - first[name])
        second[name] += 0.001 * (slope**2 - second[name])
        lean = second[name] / (1 - 0.999**step)
        weights[name] -= rate * first[name] / (1 - 0.9**step) / (np.sqrt(lean) + 1e-8)
