"""Can synthetic rows stand in for real ones? Train on synthetic, test on real; and the other way round.

    usefulness(real, synthetic, holdout, seed=0)
        tstr   income    Estimate(0.31, 0.27, 0.35)     null 0.33 (0.29 to 0.37): what training on real rows gives
        trts   income    Estimate(0.29, 0.25, 0.33)     null the same

Each column in turn is foretold from all others by a small forest; the figure is the share of its variation that is
explained (R²), of a number's ranks among the real ones, of a category's 0s and 1s (which makes it a Brier skill
score). 0 is what the mean foretells; below 0 is worse. The null is a forest trained on as many real rows and tested on
the hold-out; without a hold-out a third of the real rows is set aside.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from regrowth.core.errors import DataError
from regrowth.core.protocols import Estimate
from regrowth.extras import library
from regrowth.metrics.agreement import NORMAL
from regrowth.metrics.columns import Column, Table
from regrowth.metrics.fidelity.coded import matrix
from regrowth.metrics.reading import Reading

__all__ = ["NAMED", "SAMPLE", "usefulness"]

SAMPLE = 2_000
"""Rows to train on and rows to test on, where every column is foretold."""
NAMED = 20_000
"""The same for a target that was named."""
_LEAST = 30
_KINDS = 10
_FAR = 1e37
"""Of missing values, below zero: trees can tell them from the rest."""
_TREES, _NAMED_TREES = 10, 50
Floats = npt.NDArray[np.float64]
_Forest: TypeAlias = Callable[[npt.NDArray[np.float32]], Floats]


@dataclass(frozen=True)
class _Errors:
    """Hold the squared errors of each tested row, and those of foretelling the mean; NaN where the value is missing."""

    model: Floats
    mean: Floats

    def explained(self) -> tuple[float, Floats]:
        """Return R², and how much each row moves it."""
        total = float(np.nansum(self.mean))
        value = 1 - float(np.nansum(self.model)) / total
        moves = -(self.model - (1 - value) * self.mean) / total * len(self.mean)
        return value, np.nan_to_num(moves, nan=0.0)


def usefulness(
    real: Table, synthetic: Table, holdout: Table | None = None, *, target: str | None = None, seed: int = 0
) -> list[Reading]:
    """Give what training on synthetic rows is worth, for each column and on average; none for fewer than 30 rows.

    Raises:
        DataError: the target is not a column, or holds one value only.
    """
    rng = np.random.default_rng(seed)
    if target is not None and target not in real.columns:
        raise DataError(f"target: no column {target!r}. Columns that can be foretold: {', '.join(real.columns)}.")
    sets, note = _sets(real, synthetic, holdout, SAMPLE if target is None else NAMED, rng)
    if not sets or len(real.columns) < 2:
        return []
    found = {
        name: errors
        for name in ([target] if target else real.columns)
        if (errors := _foretold(name, real, sets, trees=_NAMED_TREES if target else _TREES, seed=seed))
    }
    if target and not found:
        raise DataError(f"target: the column {target!r} holds one value only; there is nothing to foretell.")
    return _readings(found, note)


def _sets(
    real: Table, synthetic: Table, holdout: Table | None, most: int, rng: np.random.Generator
) -> tuple[tuple[Table, ...], str]:
    """Return real rows to learn from, others of them, synthetic ones; real rows to test on, synthetic ones."""
    order = rng.permutation(real.rows)
    cut = real.rows if holdout else real.rows * 2 // 3
    left = holdout or real.take(order[cut:])
    size, tests = min(most, cut // 2, synthetic.rows), min(most, left.rows, synthetic.rows)
    if min(size, tests) < _LEAST:
        return (), ""
    places = rng.permutation(synthetic.rows)
    parts = (
        real.take(order[:size]),
        real.take(order[size : 2 * size]),
        synthetic.take(places[:size]),
        left.take(rng.permutation(left.rows)[:tests]),
        synthetic.take(places[-tests:]),
    )
    return parts, f"{size:,} rows to learn from, {tests:,} {'of the hold-out' if holdout else 'set aside'} to test on"


def _readings(found: Mapping[str, Sequence[_Errors]], note: str) -> list[Reading]:
    """Return the readings of each column and their means; what a training adds to the noise is told by all columns."""
    if not found:
        return []
    again = np.array([errors[0].explained()[0] - errors[1].explained()[0] for errors in found.values()])
    noise = float((again**2).mean()) / 2
    readings = []
    for measure, place in (("tstr", 2), ("trts", 3)):
        for name, errors in found.items():
            null = _mean([errors[:2]], noise / 2 + noise)  # of one more training beside the mean of two
            readings.append(Reading(measure, name, _mean([errors[place : place + 1]], noise), null, note))
        if len(found) > 1:
            mine = _mean([errors[place : place + 1] for errors in found.values()], noise / len(found))
            null = _mean([errors[:2] for errors in found.values()], 1.5 * noise / len(found))
            readings.append(Reading(measure, "", mine, null, note))
    return readings


def _mean(columns: Sequence[Sequence[_Errors]], training: float) -> Estimate:
    """Return the mean R² over columns and trainings, all tested on the same rows.

    Interval: how the tested rows move it, and the variance that training anew adds.
    """
    values, moves = zip(*(one.explained() for errors in columns for one in errors), strict=True)
    value = float(np.mean(values))
    reach = NORMAL * math.sqrt(np.mean(moves, axis=0).var() / len(moves[0]) + training)
    return Estimate(value, value - reach, min(1.0, value + reach), len(moves[0]))


def _foretold(name: str, real: Table, sets: Sequence[Table], *, trees: int, seed: int) -> tuple[_Errors, ...] | None:
    """Return the errors of two trainings on real and one on synthetic rows tested on real, of one tested on synthetic.

    None where nothing varies or hardly a value is there.
    """
    there = [~part[name].missing for part in sets]
    answers = [_answers(part[name], real[name]) for part in sets]
    if min(int(rows.sum()) for rows in there) < _LEAST:
        return None
    if min(float(answers[place][there[place]].var(axis=0).sum()) for place in (0, 1, 3, 4)) <= 0:
        return None
    features = [_features(part, real, name) for part in sets]
    forests = [_grown(features[place][there[place]], answers[place][there[place]], trees, seed) for place in range(3)]

    def tested(model: int, test: int) -> _Errors:
        rows = there[test]
        right = answers[test][rows]
        found = np.full((2, len(rows)), np.nan)
        found[0, rows] = ((forests[model](features[test][rows]) - right) ** 2).sum(axis=1)
        found[1, rows] = ((right - right.mean(axis=0)) ** 2).sum(axis=1)
        return _Errors(*found)

    return tested(0, 3), tested(1, 3), tested(2, 3), tested(0, 4)


def _grown(features: npt.NDArray[np.float32], answers: Floats, trees: int, seed: int) -> _Forest:
    """Return extremely randomised trees (Geurts et al. 2006).

    Small forests of scikit-learn spend most of their time on copying settings, so the trees are grown one by one.
    """
    tree = library("sklearn.tree", "Training on synthetic rows", extra="measure").ExtraTreeRegressor
    grown = [
        tree(min_samples_leaf=5, max_features=0.5, random_state=seed + turn).fit(features, answers)
        for turn in range(trees)
    ]

    def foretell(rows: npt.NDArray[np.float32]) -> Floats:
        return np.asarray(np.mean([one.predict(rows) for one in grown], axis=0)).reshape(len(rows), -1)

    return foretell


def _features(table: Table, real: Table, target: str) -> npt.NDArray[np.float32]:
    """Return what to foretell from; forests reckon with 32 bits, so numbers and dates are put around the real mean."""
    others = Table({name: column for name, column in table.columns.items() if name != target}, table.rows)
    found, _ = matrix(others, real, most=1 << 20)
    middles = [
        real[name].present.mean() if column.kind != "category" else 0.0 for name, column in others.columns.items()
    ]
    return np.asarray(np.nan_to_num(np.clip(found - middles, -_FAR, _FAR), nan=-_FAR), np.float32)


def _answers(column: Column, like: Column) -> Floats:
    """Return what is to be foretold [rows, outputs]: a rank, or a 0 or 1 for each category."""
    if column.kind != "category":
        order = np.sort(like.present)
        sides = np.searchsorted(order, column.values, side="left"), np.searchsorted(order, column.values, side="right")
        return np.asarray((sides[0] + sides[1]) / (2 * len(order)))[:, None]
    common = np.argsort(-np.bincount(like.present, minlength=len(column.labels)), kind="stable")[:_KINDS]
    return np.asarray(column.values[:, None] == common[None, :], np.float64)
