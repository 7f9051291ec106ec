"""Does a yes fall to all groups alike: parity of predictions, of outcomes, of refusals.

    parity(truth, predicted, groups)                     # a hundred women and a hundred men, 40 of each truly a yes
        selection_rate                  sex = f   0.30   P(yes | group)
        true_positive_rate              sex = f   0.60   P(yes | group, truly yes)
        demographic_parity_difference   sex       0.18   (0.04 to 0.32)   null 0.04 (0.00 to 0.14)
        equalised_odds_difference       sex       0.30   (0.13 to 0.47)   null 0.10 (0.00 to 0.20)
    outcomes("grade", grades, groups)
        group_outcome                   grade, sex = f   3.25
        group_outcome_gap               grade, sex       0.75   (0.52 to 0.98)   null 0.07 (0.01 to 0.25)

The first gap is that between the greatest and the least selection rate, the second the greater of two: of the rates of
true and of false positives.

Definitions: Agarwal et al., 2018, as in fairlearn, with which they agree to 1e-6 but where a rate does not exist: of a
group without a true yes fairlearn counts the true positive rate as 0; here it is left out, and the note says so.

The null is what the same numbers read when the groups are dealt out at random: for odds, among the rows of equal truth.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from regrowth.core.errors import DataError
from regrowth.core.protocols import Estimate
from regrowth.metrics.fairness.groups import Groups
from regrowth.metrics.intervals import mean, proportion
from regrowth.metrics.reading import Reading
from regrowth.metrics.resampling import DRAWS, Floats, banded, estimated

__all__ = ["Rates", "by_group", "gaps", "outcomes", "parity", "posterior", "rates_of", "remarks"]

Counts = npt.NDArray[np.int64]
PERMUTED = 50_000
"""Rows up to which groups are dealt out anew for the null of means; beyond, means are drawn as normal."""


class Rates(NamedTuple):
    """Count the rows of each group, and those with a yes: all, the truly yes, the truly no."""

    rows: Counts
    """[3, groups]"""
    yes: Counts

    @property
    def values(self) -> Floats:
        """Return the rates [3, groups]; NaN where there are no rows."""
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(self.rows > 0, self.yes / self.rows, np.nan)


def rates_of(truth: npt.NDArray[np.bool_], predicted: npt.NDArray[np.bool_], groups: Groups) -> Rates:
    """Count what the rates are made of; rows of no group are left out."""
    known, many = groups.places >= 0, len(groups.labels)

    def count(rows: npt.NDArray[np.bool_]) -> Counts:
        return np.bincount(groups.places[known & rows], minlength=many).astype(np.int64)

    parts = (np.ones_like(truth), truth, ~truth)
    return Rates(np.stack([count(part) for part in parts]), np.stack([count(part & predicted) for part in parts]))


def gaps(rates: Floats) -> dict[str, Floats]:
    """Return the four gaps of rates [draws, 3, groups]: groups without a rate are left out, 0 to 0 is NaN."""
    least, most = np.fmin.reduce(rates, axis=2), np.fmax.reduce(rates, axis=2)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.where(most > 0, least / most, np.nan)
    return {
        "demographic_parity_difference": most[:, 0] - least[:, 0],
        "demographic_parity_ratio": ratio[:, 0],
        "equalised_odds_difference": np.fmax(most[:, 1] - least[:, 1], most[:, 2] - least[:, 2]),
        "equalised_odds_ratio": np.fmin(ratio[:, 1], ratio[:, 2]),
    }


def parity(
    truth: Sequence[bool] | npt.NDArray[np.bool_],
    predicted: Sequence[bool] | npt.NDArray[np.bool_],
    groups: Groups,
    *,
    draws: int = DRAWS,
    seed: int = 0,
) -> list[Reading]:
    """Return the rates of each group and the gaps between groups.

    Raises:
        DataError: not one truth and prediction per row, or fewer than two groups with rows.
    """
    right, said = np.asarray(truth, dtype=np.bool_), np.asarray(predicted, dtype=np.bool_)
    if not len(right) == len(said) == len(groups):
        raise DataError(
            f"{len(right)} truths, {len(said)} predictions, {len(groups)} rows: expected one of each per row."
        )
    _two(groups)
    found, rng = rates_of(right, said, groups), np.random.default_rng(seed)
    hits = np.bincount(groups.places[(groups.places >= 0) & (right == said)], minlength=len(groups.labels))
    readings = by_group(groups, found, hits)
    values, sampled = gaps(found.values[None]), gaps(posterior(found, draws, rng))
    null, n = gaps(_dealt(found, draws, rng)), int(found.rows[0].sum())
    note = remarks(groups, found)
    for name, value in values.items():
        if np.isfinite(value[0]):
            estimate = estimated(float(value[0]), sampled[name], n, bounds=(0.0, 1.0))
            readings.append(Reading(name, groups.name, estimate, banded(null[name], n), note))
    return readings


def outcomes(
    name: str,
    values: Sequence[float] | Sequence[bool] | npt.NDArray[np.float64],
    groups: Groups,
    *,
    draws: int = DRAWS,
    seed: int = 0,
) -> list[Reading]:
    """Return an outcome per group, and the gap between the best and the worst off.

    Truths and numbers that are all 0 or 1 (refused, correct) are shares, with Wilson's interval; others are means, with
    Student's. NaN is a missing value. A group of a single number is shown with the range of all as its interval. Where
    fewer than two groups show a spread there is no gap to tell.

    Raises:
        DataError: not one value per row, or no row with a group has one.
    """
    numbers = np.asarray(values, dtype=np.float64)
    if len(numbers) != len(groups):
        raise DataError(f"{name}: {len(numbers)} values for {len(groups)} rows: expected one per row.")
    known = np.isfinite(numbers)
    groups = Groups(groups.name, groups.labels, np.where(known, groups.places, -1))
    if not groups.counts.any():
        raise DataError(f"{name}, {groups.name}: no row that belongs to a group has a value.")
    numbers, rng = np.where(known, numbers, 0.0), np.random.default_rng(seed)
    inside = groups.places >= 0
    shares = bool(np.isin(numbers[inside], (0.0, 1.0)).all())
    parts = [np.sort(numbers[groups.places == place]) for place in range(len(groups.labels))]
    of = f"{name}, {groups.name}"
    readings = [
        Reading("group_outcome", f"{name}, {groups.called(place)}", *_middle(part, shares, numbers[inside]))
        for place, part in enumerate(parts)
        if len(part)
    ]
    there = [part for part in parts if len(part) > (0 if shares else 1)]
    if len(there) < 2:
        return readings
    means = np.array([part.mean() for part in there])
    drawn, null = (_drawn_shares if shares else _drawn_means)(there, draws, rng)
    n = sum(map(len, there))
    gap = estimated(float(np.ptp(means)), np.ptp(drawn, axis=1), n, bounds=(0.0, 1.0 if shares else np.inf))
    return [*readings, Reading("group_outcome_gap", of, gap, banded(np.ptp(null, axis=1), n), groups.remarks)]


def _two(groups: Groups) -> None:
    there = int((groups.counts > 0).sum())
    if there < 2:
        raise DataError(f"{groups.name}: {there} group{'s' * (there != 1)} with rows: expected two to compare.")


def by_group(groups: Groups, found: Rates, hits: npt.NDArray[np.intp]) -> list[Reading]:
    """Return accuracy and rates of each group that has rows.

    Args:
        hits: Right predictions, by group.
    """
    readings = []
    names = ("selection_rate", "true_positive_rate", "false_positive_rate")
    for place in range(len(groups.labels)):
        rows, yes = found.rows[:, place], found.yes[:, place]
        if not rows[0]:
            continue
        of = groups.called(place)
        readings.append(Reading("group_accuracy", of, proportion(int(hits[place]), int(rows[0]))))
        readings += [
            Reading(name, of, proportion(int(one), int(count)))
            for name, one, count in zip(names, yes, rows, strict=True)
            if count
        ]
    return readings


def posterior(found: Rates, draws: int, rng: np.random.Generator) -> Floats:
    """Draw rates from Jeffreys' posterior, which has width also at 0 of n and n of n."""
    drawn = np.empty((draws, *found.rows.shape))
    drawn[:, 1:] = rng.beta(found.yes[1:] + 0.5, found.rows[1:] - found.yes[1:] + 0.5, size=drawn[:, 1:].shape)
    drawn[:, 0] = rng.beta(found.yes[0] + 0.5, found.rows[0] - found.yes[0] + 0.5, size=drawn[:, 0].shape)
    return np.where(found.rows > 0, drawn, np.nan)


def _dealt(found: Rates, draws: int, rng: np.random.Generator) -> Floats:
    """Deal the yes out among the groups at random, for each of the three kinds of rows."""
    dealt = np.full((draws, *found.rows.shape), np.nan)
    for kind, (rows, yes) in enumerate(zip(found.rows, found.yes, strict=True)):
        if rows.sum():
            drawn = rng.multivariate_hypergeometric(rows, int(yes.sum()), size=draws, method="marginals")
            with np.errstate(divide="ignore", invalid="ignore"):
                dealt[:, kind] = np.where(rows > 0, drawn / rows, np.nan)
    return dealt


def remarks(groups: Groups, found: Rates) -> str:
    """Say which groups are small, and which have no rate."""
    parts = [groups.remarks] if groups.remarks else []
    for kind, what in ((1, "no true yes"), (2, "no true no")):
        if lacking := [
            label
            for label, all_, some in zip(groups.labels, found.rows[0], found.rows[kind], strict=True)
            if all_ and not some
        ]:
            parts.append(f"{what}, so no rate: {', '.join(lacking[:5])}{' …' if len(lacking) > 5 else ''}")
    return "; ".join(parts)


def _middle(part: Floats, shares: bool, everyone: Floats) -> tuple[Estimate, None, str]:
    if shares:
        return proportion(int(part.sum()), len(part)), None, ""
    if len(part) == 1:
        said = "a single row shows no spread: the interval is the range of all rows"
        return Estimate(float(part[0]), float(everyone.min()), float(everyone.max()), 1), None, said
    return mean(part), None, ""


def _drawn_shares(parts: Sequence[Floats], draws: int, rng: np.random.Generator) -> tuple[Floats, Floats]:
    rows, yes = np.array([len(part) for part in parts]), np.array([int(part.sum()) for part in parts])
    drawn = rng.beta(yes + 0.5, rows - yes + 0.5, size=(draws, len(parts)))
    dealt = rng.multivariate_hypergeometric(rows, int(yes.sum()), size=draws, method="marginals")
    return drawn, dealt / rows


def _drawn_means(parts: Sequence[Floats], draws: int, rng: np.random.Generator) -> tuple[Floats, Floats]:
    rows = np.array([len(part) for part in parts])
    errors = np.array([part.std(ddof=1) for part in parts]) / np.sqrt(rows)
    drawn = np.array([part.mean() for part in parts]) + errors * rng.standard_t(rows - 1, size=(draws, len(parts)))
    pooled = np.concatenate(parts)
    if len(pooled) > PERMUTED:
        return drawn, rng.normal(size=drawn.shape) * pooled.std() / np.sqrt(rows)
    starts = np.concatenate([[0], np.cumsum(rows)[:-1]])
    dealt = [np.add.reduceat(rng.permutation(pooled), starts) / rows for _ in range(min(draws, 300))]
    return drawn, np.array(dealt)
