"""Play rounds: fit a world on what the arm mixes, measure the fit, sample from it, again. All seeds at once.

    course = play(Gaussian(), "accumulate", Mixing(), rounds=100, size=32, seeds=500, seed=0)
    course.rounds               (1, 2, 3, 5, 7, 10, 14, 20, 30, 50, 75, 100)
    course.figures["variance"]  one row per seed, one column per round

Arms share their real data and differ in what they draw, so they can be compared seed by seed.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

import numpy as np

from regrowth.core.protocols import Estimate
from regrowth.metrics.intervals import across_seeds
from regrowth.recipes._collapse.arms import ARMS, Arm, Mixing
from regrowth.recipes._collapse.samples import Array, Mask, Rng, Sample

__all__ = ["Course", "World", "joined", "looks", "play"]

LOOKS = (1, 2, 3, 5, 7, 10, 14, 20, 30, 50, 75, 100, 140, 200, 300, 500, 750, 1000)
"""Rounds at which fits are measured; the last round always is."""

D = TypeVar("D", bound=Sample)
F = TypeVar("F")


class World(Protocol[D, F]):
    """Something that can be fitted to data, and sampled from."""

    def real(self, rng: Rng, seeds: int, size: int) -> D:
        """Draw real data."""

    def fit(self, parts: Sequence[D], weights: Sequence[float]) -> F:
        """Fit to several samples; each weight is shared by the data of its part."""

    def sample(self, fit: F, rng: Rng, size: int) -> D:
        """Draw from a fit."""

    def risk(self, fit: F) -> Mapping[str, Array]:
        """Measure a fit: figures by name, one number per seed."""

    def wrong(self, data: D) -> Mask:
        """Tell which data are wrong.

        Raises:
            DataError: nothing is right or wrong in this world.
        """


@dataclass(frozen=True)
class Course:
    """Hold what was measured of one arm."""

    rounds: tuple[int, ...]
    figures: Mapping[str, Array]
    """By name: one row per seed, one column per round of `rounds`."""

    def at(self, figure: str, number: int) -> Array:
        """Return a figure after so many fits, one number per seed."""
        return self.figures[figure][:, self.rounds.index(number)]

    def estimate(self, figure: str, number: int, *, level: float = 0.95) -> Estimate:
        """Estimate the mean of a figure after so many fits, with Student's interval over the seeds."""
        return across_seeds(self.at(figure, number).tolist(), level=level)

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON data."""
        return {"rounds": list(self.rounds), "figures": {name: one.tolist() for name, one in self.figures.items()}}


def joined(parts: Sequence[Mapping[str, Any]]) -> Course:
    """Return one course from the JSON data of several, seeds after seeds."""
    names = parts[0]["figures"]
    figures = {name: np.concatenate([np.asarray(part["figures"][name], float) for part in parts]) for name in names}
    return Course(tuple(parts[0]["rounds"]), figures)


def looks(rounds: int) -> tuple[int, ...]:
    """Return the rounds at which fits are measured."""
    return tuple(sorted({number for number in LOOKS if number < rounds} | {rounds}))


def play(
    world: World[D, F], arm: Arm, mixing: Mixing, *, rounds: int, size: int, seeds: int, seed: int | Sequence[int]
) -> Course:
    """Play an arm for so many fits, `seeds` times side by side.

    Args:
        size: data per round and seed.
        seed: of the random numbers; the real data do not depend on the arm.

    Raises:
        DataError: the arm is `verified`, and nothing is right or wrong in this world; or too little was kept.
    """
    seed = [seed] if isinstance(seed, int) else list(seed)
    reality, rng = (np.random.default_rng([*seed, place]) for place in (0, 1 + ARMS.index(arm)))
    real = world.real(reality, seeds, size)
    made: list[D] = []
    seen = looks(rounds)
    figures: dict[str, list[Array]] = {}
    for number in range(1, rounds + 1):
        if arm == "fresh_real" and number > 1:
            real = world.real(reality, seeds, size)
        fit = world.fit(*_mixed(arm, mixing, real, made, rng, size))
        if number in seen:
            for name, values in world.risk(fit).items():
                figures.setdefault(name, []).append(values)
        if number < rounds:
            made = [*made, _made(world, fit, arm, mixing, rng, size)]
    return Course(seen, {name: np.stack(columns, axis=1) for name, columns in figures.items()})


def _mixed(
    arm: Arm, mixing: Mixing, real: D, made: Sequence[D], rng: Rng, size: int
) -> tuple[Sequence[D], Sequence[float]]:
    """Return the samples that a round is fitted on, with their weights."""
    if not made:
        return [real], [1.0]
    if arm == "accumulate":
        return [real, *made], [1.0] * (1 + len(made))
    if arm == "subsample":
        return [real.among(made, rng, size)], [1.0]
    if arm in ("replace", "verified"):
        return [made[-1]], [1.0]
    weight = mixing.real_share if arm == "fixed_real" else mixing.fresh_weight
    return [real, made[-1]], [weight, 1 - weight]


def _made(world: World[D, F], fit: F, arm: Arm, mixing: Mixing, rng: Rng, size: int) -> D:
    """Return what a round hands on."""
    if arm != "verified":
        return world.sample(fit, rng, size)
    least = max(min(mixing.keep_right, mixing.keep_wrong), 0.1)
    drawn = world.sample(fit, rng, int(1.5 * size / least) + 20)
    wrong = world.wrong(drawn)
    kept = rng.random(wrong.shape) < np.where(wrong, mixing.keep_wrong, mixing.keep_right)
    return drawn.only(kept, size)
