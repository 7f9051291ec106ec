"""Plane shapes with centres of their own, the same for training and test: blobs, circles, moons, a roll; and a line.

    SHAPES["blobs"](rng, 500)          500 points of three unequal blobs

Published code for the blobs drew training and test points by two calls, each with random centres, so its curves do not
measure the distribution that was trained on. Here the centres are constants.
"""

from collections.abc import Callable, Mapping
from typing import TypeAlias

import numpy as np

from regrowth.recipes._collapse.samples import Array, Rng

__all__ = ["CENTRES", "SHAPES", "SHARES", "Shape"]

Shape: TypeAlias = Callable[[Rng, int], Array]
CENTRES = np.array([[-4.0, 0.0], [4.0, 0.0], [0.0, 6.0]])
SHARES = np.array([0.6, 0.3, 0.1])
"""Of the three blobs: the last is the minority."""


def line(rng: Rng, count: int) -> Array:
    """Draw from N(0, 1)."""
    return rng.standard_normal((count, 1))


def blobs(rng: Rng, count: int) -> Array:
    """Draw from three round Gaussians of variance 1."""
    return CENTRES[rng.choice(3, count, p=SHARES)] + rng.standard_normal((count, 2))


def circles(rng: Rng, count: int) -> Array:
    """Draw from two circles about 0, of radius 1 and ½, with noise of 0.05."""
    angle, radius = rng.uniform(0, 2 * np.pi, count), np.where(rng.random(count) < 0.5, 1.0, 0.5)
    return _noisy(rng, radius * np.cos(angle), radius * np.sin(angle))


def moons(rng: Rng, count: int) -> Array:
    """Draw from two half-circles that reach into each other, with noise of 0.05."""
    angle, upper = rng.uniform(0, np.pi, count), rng.random(count) < 0.5
    across, up = np.cos(angle), np.sin(angle)
    return _noisy(rng, np.where(upper, across, 1 - across), np.where(upper, up, 0.5 - up))


def roll(rng: Rng, count: int) -> Array:
    """Draw from the spiral of a Swiss roll seen from its end, scaled to about ±1, with noise of 0.05."""
    angle = 1.5 * np.pi * (1 + 2 * rng.random(count))
    return _noisy(rng, angle * np.cos(angle) / 14, angle * np.sin(angle) / 14)


def _noisy(rng: Rng, across: Array, up: Array) -> Array:
    return np.stack([across, up], axis=1) + 0.05 * rng.standard_normal((len(across), 2))


SHAPES: Mapping[str, Shape] = {"line": line, "blobs": blobs, "circles": circles, "moons": moons, "roll": roll}
