"""Pairs of columns: do they go together in the synthetic table as in the real one?

    trends(real, synthetic, seed=0)
        correlation_similarity       age × income     Estimate(0.993, 0.987, 0.999)
        rank_correlation_similarity  age × income     …
        contingency_similarity       job × income     Estimate(0.871, 0.842, 0.900)
        pair_trends                                   Estimate(0.942, 0.938, 0.946)   the mean, as in SDMetrics

Two numbers (or dates) are compared by their correlation, all other pairs by how often each combination occurs.
"""

import math
from collections.abc import Iterator
from itertools import combinations

import numpy as np
import numpy.typing as npt

from regrowth.core.protocols import Estimate
from regrowth.metrics.columns import Table
from regrowth.metrics.fidelity.coded import Coded, coded
from regrowth.metrics.fidelity.correlations import Numbers, rank_correlations
from regrowth.metrics.fidelity.intervals import Sizes, absolute, folded
from regrowth.metrics.fidelity.sums import Sums
from regrowth.metrics.reading import Reading

__all__ = ["trends"]

_DENSE = 1 << 20
"""Combinations that are counted in place; where there may be more, those that occur are numbered first."""
Floats = npt.NDArray[np.float64]


def trends(real: Table, synthetic: Table, *, seed: int = 0, own_ends: bool = False) -> list[Reading]:
    """Give the readings of all pairs of columns and their mean; none if there are no pairs.

    Args:
        own_ends: bin each table between its own ends, as SDMetrics' report does; see `coded`.
    """
    sizes = Sizes(real.rows, synthetic.rows)
    sums = Sums.of(sizes, np.random.default_rng(seed))
    found = [*_correlated(real, synthetic, sums), *_ranked(real, synthetic, sizes)]
    found += _counted(coded(real, synthetic, own_ends=own_ends), sums)
    return [*found, sums.reading("pair_trends")] if sums.parts else found


def _halved(estimate: Estimate) -> Estimate:
    """Return one minus half of a distance between -2 and 2."""
    return Estimate(1 - estimate.value / 2, max(0.0, 1 - estimate.high / 2), 1 - estimate.low / 2, estimate.n)


def _correlated(real: Table, synthetic: Table, sums: Sums) -> Iterator[Reading]:
    names = [column.name for column in real.of_kind("number", "date")]
    if len(names) < 2:
        return
    ours, theirs = Numbers.of(real), Numbers.of(synthetic)
    both = ours.correlations(), theirs.correlations()
    noise = ours.noise(both[0]), theirs.noise(both[1])
    gaps = both[1] - both[0]
    counts = ours.there.T @ ours.there, theirs.there.T @ theirs.there
    known = np.triu(~np.isnan(gaps), 1)
    for one, other in zip(*np.nonzero(known), strict=True):
        n, m = counts[0][one, other], counts[1][one, other]
        spread = math.sqrt(noise[0][one, other] / n + noise[1][one, other] / m)
        alike = math.sqrt(noise[0][one, other] * (1 / n + 1 / m))
        estimate = _halved(absolute(float(gaps[one, other]), spread, int(n + m)))
        sums.count(estimate)
        null = _halved(folded(alike, int(n)))
        yield Reading("correlation_similarity", f"{names[one]} × {names[other]}", estimate, null)
    signs = np.where(known, np.sign(gaps), 0.0) / 2
    sums.of_real -= ours.influence(both[0], signs + signs.T)
    sums.of_synthetic += theirs.influence(both[1], signs + signs.T)
    _halves_of_numbers(ours, known, sums)


def _halves_of_numbers(real: Numbers, known: npt.NDArray[np.bool_], sums: Sums) -> None:
    half, quarter = sums.sizes.half, sums.sizes.half // 2
    for turn, deal in enumerate(sums.deals):
        for one, other, into in (
            (deal[:half], deal[half:], sums.halves),
            (deal[:quarter], deal[quarter:half], sums.quarters),
        ):
            gaps = np.abs(real.take(one).correlations() - real.take(other).correlations())[known]
            into[turn] += float(np.nansum(gaps)) / 2


def _ranked(real: Table, synthetic: Table, sizes: Sizes) -> Iterator[Reading]:
    """Yield Spearman's correlations; the variance of one is (1 - r²)² (1 + r²/2) / (n - 3) (Bonett and Wright 2000)."""
    names = [column.name for column in real.of_kind("number", "date")]
    if len(names) < 2 or min(sizes.real, sizes.synthetic) < 4:
        return
    ours, theirs = rank_correlations(real), rank_correlations(synthetic)
    gaps = theirs - ours
    noise = [(1 - ranks**2) ** 2 * (1 + ranks**2 / 2) for ranks in (ours, theirs)]
    for one, other in zip(*np.nonzero(np.triu(~np.isnan(gaps), 1)), strict=True):
        mine, their = noise[0][one, other], noise[1][one, other]
        n, m = sizes.real - 3, sizes.synthetic - 3
        estimate = absolute(float(gaps[one, other]), math.sqrt(mine / n + their / m), sizes.real + sizes.synthetic)
        null = folded(math.sqrt(mine * (1 / n + 1 / m)), sizes.real)
        yield Reading("rank_correlation_similarity", f"{names[one]} × {names[other]}", _halved(estimate), _halved(null))


def _counted(table: Coded, sums: Sums) -> Iterator[Reading]:
    for one, other in combinations(range(len(table.columns)), 2):
        first, second = table.columns[one], table.columns[other]
        if "category" not in (first.kind, second.kind):
            continue
        ours, theirs, cells = _keys(table, one, other)
        yield Reading("contingency_similarity", f"{first.name} × {second.name}", *sums.add(ours, theirs, cells))


def _keys(table: Coded, one: int, other: int) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp], int]:
    """Return the combination of each row as a number, and how many there may be."""
    width = table.cells[other]
    cells = table.cells[one] * width
    ours, theirs = (codes[one].astype(np.intp) * width + codes[other] for codes in (table.real, table.synthetic))
    if cells <= _DENSE:
        return ours, theirs, cells
    known, places = np.unique(np.concatenate([ours, theirs]), return_inverse=True)
    return places[: len(ours)], places[len(ours) :], len(known)
