"""Are the groups there in the shares that were declared?

    represented(Groups.of("sex", ["Male"] * 700 + ["Female"] * 300), {"Male": 0.5, "Female": 0.5})
        group_share              sex = Female   0.30   null 0.50 (0.47 to 0.53)
        representation_distance  sex            0.20   null 0.01 (0.00 to 0.03)
        worst_group_ratio        sex            0.60   null 0.98 (0.93 to 1.00), note "worst: Female"
        group_coverage           sex            1.00

The null is what as many rows read that are drawn at the declared shares. Where the shares were counted in real rows, it
is what two such draws read, one of each size.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from regrowth.core.errors import DataError
from regrowth.metrics.fairness.groups import Groups
from regrowth.metrics.intervals import proportion
from regrowth.metrics.reading import Reading
from regrowth.metrics.resampling import DRAWS, Floats, banded, estimated

__all__ = ["represented", "shares"]


def shares(groups: Groups) -> list[Reading]:
    """Return the share of each group, with Wilson's interval, where nothing is declared.

    Raises:
        DataError: no row belongs to a group.
    """
    counts = _some(groups)
    return [_share(groups, place, None) for place in range(len(counts))]


def represented(
    groups: Groups, declared: Mapping[str, float] | Groups, *, draws: int = DRAWS, seed: int = 0
) -> list[Reading]:
    """Hold the shares of groups against those that were declared, or those of real rows.

    Args:
        declared: Weights by label, which need not add up to 1; a label that does not occur is a group that is missing,
            one that is not named was not wanted. Or the groups of real rows.

    Raises:
        DataError: no row belongs to a group, or the weights are none.
    """
    known = declared.labels if isinstance(declared, Groups) else tuple(map(str, declared))
    groups = groups.within(known)
    counts = _some(groups)
    n, rng = int(counts.sum()), np.random.default_rng(seed)
    wanted, size = _wanted(declared, len(counts))
    observed = counts / n
    targets = np.tile(wanted, (draws, 1)) if not size else rng.multinomial(size, wanted, size=draws) / size
    ours = rng.multinomial(n, observed, size=draws) / n
    # Under the null both sides are draws of one distribution: the declared one, or what both sides together show.
    common = wanted if not size else (counts + wanted * size) / (n + size)
    null_ours = rng.multinomial(n, common, size=draws) / n
    null_theirs = targets if not size else rng.multinomial(size, common, size=draws) / size
    place = int(np.argmin(_ratios(observed[None], wanted[None])[0]))
    notes = {"worst_group_ratio": f"worst: {groups.labels[place]}", "representation_distance": groups.remarks}
    if absent := [
        label for label, count, share in zip(groups.labels, counts, wanted, strict=True) if share and not count
    ]:
        notes["group_coverage"] = f"missing: {', '.join(absent[:5])}{' …' if len(absent) > 5 else ''}"
    readings = [_share(groups, one, (float(wanted[one]), null_ours[:, one])) for one in range(len(counts))]
    for name, measure in _MEASURES.items():
        value = float(measure(observed[None], wanted[None])[0])
        found = estimated(
            value, measure(ours, targets), n, bounds=(0.0, np.inf if name == "worst_group_ratio" else 1.0)
        )
        null = banded(measure(null_ours, null_theirs), n)
        readings.append(Reading(name, groups.name, found, null, notes.get(name, "")))
    return readings


def _some(groups: Groups) -> Any:
    counts = groups.counts
    if not counts.sum():
        raise DataError(f"{groups.name}: none of {len(groups):,} rows has a value, so there are no groups to compare.")
    return counts


def _wanted(declared: Mapping[str, float] | Groups, count: int) -> tuple[Floats, int]:
    """Return the shares wanted and, where they were counted, in how many rows."""
    weights = np.zeros(count)
    if isinstance(declared, Groups):
        counts = _some(declared)
        weights[: len(counts)] = counts
        return weights / weights.sum(), int(counts.sum())
    weights[: len(declared)] = list(declared.values())
    if not (np.isfinite(weights).all() and (weights >= 0).all() and weights.any()):
        told = ", ".join(f"{label}: {weight}" for label, weight in declared.items())
        raise DataError(
            f"Declared shares {told or '(none)'}: expected finite numbers, 0 or more, one above 0 at least."
        )
    return weights / weights.sum(), 0


def _share(groups: Groups, place: int, null: tuple[float, Floats] | None) -> Reading:
    count, n = int(groups.counts[place]), int(groups.counts.sum())
    band = None if null is None else banded(null[1], n)
    note = "" if null is None else f"declared: {null[0]:.3g}" if null[0] else "not declared"
    return Reading("group_share", groups.called(place), proportion(count, n), band, note)


def _distance(observed: Floats, wanted: Floats) -> Floats:
    return np.asarray(np.abs(observed - wanted).sum(axis=1) / 2)


def _ratios(observed: Floats, wanted: Floats) -> Floats:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(wanted > 0, observed / wanted, np.inf)


def _worst(observed: Floats, wanted: Floats) -> Floats:
    return np.asarray(_ratios(observed, wanted).min(axis=1))


def _coverage(observed: Floats, wanted: Floats) -> Floats:
    there = wanted > 0
    return np.asarray(((observed > 0) & there).sum(axis=1) / there.sum(axis=1))


_MEASURES = {"representation_distance": _distance, "worst_group_ratio": _worst, "group_coverage": _coverage}
