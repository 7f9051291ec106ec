"""Do a judge's probabilities mean what they say, and how are they mended.

    calibration([0.9, 0.8, 0.2], [True, True, False])
        calibration_error   0.17   null 0.17 (0.17 to 0.63): a judge whose every probability is right
        brier_score         0.03
    bins(probabilities, labels)                          # for a reliability diagram
    mended = fitted(scores, labels, "isotonic")          # or "platt"
    mended([0.7])                                        # the share of true labels about there

The calibration error is pushed upwards by noise: a perfect judge with few labels has one, too. Its null says which.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from regrowth.core.errors import DataError
from regrowth.core.protocols import Estimate
from regrowth.extras import library
from regrowth.metrics.intervals import mean, proportion
from regrowth.metrics.reading import Reading
from regrowth.metrics.resampling import DRAWS, Floats, banded, estimated

__all__ = ["Bin", "Isotonic", "Mend", "Platt", "bins", "calibration", "fitted"]

BINS = 10
Mend: TypeAlias = Callable[[Sequence[float]], list[float]]


@dataclass(frozen=True, slots=True)
class Bin:
    """Hold the probabilities of one range, and what came true."""

    low: float
    high: float
    said: float
    """Mean probability."""
    true: Estimate
    """Share of labels that are true, with Wilson's interval."""


@dataclass(frozen=True, slots=True)
class Platt:
    """Turn scores into probabilities by a logistic curve."""

    slope: float
    shift: float

    def __call__(self, scores: Sequence[float]) -> list[float]:
        """Return the probabilities."""
        with np.errstate(over="ignore"):
            return list(map(float, 1 / (1 + np.exp(-(self.slope * np.asarray(scores, dtype=np.float64) + self.shift)))))


@dataclass(frozen=True, slots=True)
class Isotonic:
    """Turn scores into probabilities by a rising line through points; beyond its ends it is level."""

    scores: tuple[float, ...]
    probabilities: tuple[float, ...]

    def __call__(self, scores: Sequence[float]) -> list[float]:
        """Return the probabilities."""
        return list(map(float, np.interp(np.asarray(scores, dtype=np.float64), self.scores, self.probabilities)))


def calibration(
    probabilities: Sequence[float],
    labels: Sequence[bool],
    *,
    of: str = "",
    count: int = BINS,
    draws: int = DRAWS,
    seed: int = 0,
) -> list[Reading]:
    """Return the expected calibration error in bins of equal width, and the Brier score.

    Raises:
        DataError: not one probability in [0, 1] per label, or fewer than two.
    """
    said, true = _both(probabilities, labels)
    if ((said < 0) | (said > 1)).any():
        raise DataError("A probability lies outside 0 … 1. Scores become probabilities by `fitted`.")
    order = np.lexsort([true, said])  # so that equal data give equal draws
    said, true, n = said[order], true[order], len(said)
    rng = np.random.default_rng(seed)
    place = _places(said, count)
    value = float(_errors(said, true[None], place, count)[0])
    drawn, null = np.empty(draws), np.empty(draws)
    for draw in range(draws):
        rows = rng.integers(n, size=n)
        drawn[draw] = _errors(said[rows], true[rows][None], place[rows], count)[0]
        null[draw] = _errors(said, (rng.random(n) < said)[None].astype(np.float64), place, count)[0]
    brier, right = (_bounded(mean(one)) for one in ((said - true) ** 2, said * (1 - said)))
    return [
        Reading("calibration_error", of, estimated(value, drawn, n, bounds=(0.0, 1.0)), banded(null, n)),
        Reading("brier_score", of, brier, right, "null: what these probabilities read if each were right"),
    ]


def bins(probabilities: Sequence[float], labels: Sequence[bool], *, count: int = BINS) -> list[Bin]:
    """Return the bins that hold any probability, from low to high.

    Raises:
        DataError: as `calibration`.
    """
    said, true = _both(probabilities, labels)
    place = _places(said, count)
    return [
        Bin(
            one / count, (one + 1) / count, float(said[rows].mean()), proportion(int(true[rows].sum()), int(rows.sum()))
        )
        for one in range(count)
        if (rows := place == one).any()
    ]


def fitted(scores: Sequence[float], labels: Sequence[bool], how: Literal["isotonic", "platt"] = "isotonic") -> Mend:
    """Fit what turns scores into probabilities; measure it on other data than it was fitted on.

    A logistic curve suits scores such as log-odds and needs few labels; isotonic takes any and needs more. Platt's
    targets are a little inside 0 and 1, so that scores that part the labels perfectly do not end in infinity.
    Sources: Platt, 1999; isotonic: Zadrozny and Elkan, 2002.

    Raises:
        DataError: not one finite score per label, or labels of one kind only.
    """
    given, true = _both(scores, labels)
    if true.all() or not true.any():
        raise DataError("All labels are equal: nothing can be fitted to them. Expected true ones and false ones.")
    if how == "platt":
        return _platt(given, true)
    isotonic = library("sklearn.isotonic", "An isotonic fit", extra="measure").IsotonicRegression(
        y_min=0.0, y_max=1.0, out_of_bounds="clip"
    )
    isotonic.fit(given, true)
    return Isotonic(tuple(map(float, isotonic.X_thresholds_)), tuple(map(float, isotonic.y_thresholds_)))


def _both(scores: Sequence[float], labels: Sequence[bool]) -> tuple[Floats, Floats]:
    given, true = np.asarray(scores, dtype=np.float64), np.asarray(labels, dtype=np.float64)
    if len(given) != len(true) or len(given) < 2:
        raise DataError(f"{len(given)} scores for {len(true)} labels: expected one each, two at least.")
    if not np.isfinite(given).all() or not np.isin(true, (0.0, 1.0)).all():
        raise DataError("A score is not a finite number, or a label neither true nor false. Leave it out and say so.")
    return given, true


def _bounded(one: Estimate) -> Estimate:
    return replace(one, low=max(0.0, one.low), high=min(1.0, one.high))


def _places(said: Floats, count: int) -> npt.NDArray[np.intp]:
    return np.minimum((said * count).astype(np.intp), count - 1)


def _errors(said: Floats, true: Floats, place: npt.NDArray[np.intp], count: int) -> Floats:
    """Return the error for several sets of labels [sets, n]."""
    sums = np.stack([np.bincount(place, weights=said - one, minlength=count) for one in true])
    return np.asarray(np.abs(sums).sum(axis=1) / len(said))


def _platt(given: Floats, true: Floats) -> Platt:
    middle, spread = float(given.mean()), float(given.std()) or 1.0
    rows = np.column_stack([(given - middle) / spread, np.ones(len(given))])
    yes = float(true.sum())
    targets = np.where(true > 0, (yes + 1) / (yes + 2), 1 / (len(true) - yes + 2))
    weights = np.zeros(2)
    for _ in range(100):
        said = 1 / (1 + np.exp(-np.clip(rows @ weights, -500, 500)))
        slope = rows.T @ (targets - said)
        bend = (rows * (said * (1 - said))[:, None]).T @ rows + 1e-10 * np.eye(2)
        step = np.linalg.solve(bend, slope)
        weights += step * min(1.0, 10 / float(np.abs(step).max() or 1.0))
        if np.abs(step).max() < 1e-12:
            break
    return Platt(float(weights[0]) / spread, float(weights[1]) - float(weights[0]) * middle / spread)
