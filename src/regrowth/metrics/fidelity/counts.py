"""One column of categories, and which values are missing: compared by how often each occurs.

    readings(real["job"], synthetic["job"], rng)
        tv_complement         Estimate(0.962, 0.944, 0.980)
        category_coverage     Estimate(0.93, 0.77, 0.98, n=29)     two of 29 jobs never came
        category_adherence    Estimate(1.0, 0.998, 1.0, n=2000)

Everything works on counts: a million rows take no longer than a thousand, once they are counted.
"""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from regrowth.core.protocols import Estimate
from regrowth.metrics.columns import Column
from regrowth.metrics.fidelity.intervals import Halves, Sizes, apart, separated
from regrowth.metrics.fidelity.sums import running, total
from regrowth.metrics.intervals import proportion
from regrowth.metrics.reading import Reading

__all__ = ["category_readings", "halves_of_counts", "missing_reading", "tv_complement"]

Counts = npt.NDArray[np.int64]
_ROUNDS = 60
_LEAST = 12
_CELLS = 1_000_000
"""Categories times rounds: columns of many categories get fewer rounds, `_LEAST` at least."""


def category_readings(real: Column, synthetic: Column, rng: np.random.Generator) -> Iterator[Reading]:
    """Give all readings of a column of categories."""
    ours, theirs = (np.bincount(column.present, minlength=len(real.labels)) for column in (real, synthetic))
    if not ours.sum() or not theirs.sum():
        return
    yield Reading("tv_complement", real.name, *tv_complement(ours, theirs, rng))
    seen = ours > 0
    sizes = Sizes(int(ours.sum()), int(theirs.sum()))
    null = _unseen(ours[seen], sizes, rng) if sizes.enough else (None, None)
    coverage = proportion(int((theirs[seen] > 0).sum()), int(seen.sum()))
    yield Reading("category_coverage", real.name, coverage, null[0])
    yield Reading("category_adherence", real.name, proportion(int(theirs[seen].sum()), sizes.synthetic), null[1])


def tv_complement(real: Counts, synthetic: Counts, rng: np.random.Generator) -> tuple[Estimate, Estimate | None]:
    """Estimate one minus the total variation distance of two tables of counts; null: halves of the real rows."""
    sizes = Sizes(int(real.sum()), int(synthetic.sum()))
    estimate = apart(real, synthetic, sizes)
    return estimate, halves_of_counts(real[real > 0], sizes, rng).complement() if sizes.enough else None


def missing_reading(real: Column, synthetic: Column, rng: np.random.Generator) -> Reading | None:
    """Compare the shares of missing values; None where no table has any."""
    ours, theirs = int(real.missing.sum()), int(synthetic.missing.sum())
    if not ours and not theirs:
        return None
    sizes = Sizes(len(real), len(synthetic))
    estimate = separated(ours, sizes.real, theirs, sizes.synthetic)
    counts = np.array([ours, sizes.real - ours])
    null = halves_of_counts(counts, sizes, rng).complement() if sizes.enough else None
    return Reading("missing_similarity", real.name, estimate, null)


def halves_of_counts(counts: Counts, sizes: Sizes, rng: np.random.Generator, *, ordered: bool = False) -> Halves:
    """Deal the rows that were counted into halves, and measure how far these are apart.

    Args:
        ordered: the distance is that of the running sums (Kolmogorov-Smirnov), not of the cells (total variation).
    """
    rounds = int(np.clip(_CELLS // max(1, len(counts)), _LEAST, _ROUNDS))
    distance = running if ordered else total
    half, quarter = sizes.half, sizes.half // 2
    halves, quarters = np.empty(rounds), np.empty(rounds)
    for turn in range(rounds):
        one = rng.multivariate_hypergeometric(counts, half, method="marginals")
        rest = counts - one
        other = rest if sizes.real - half == half else rng.multivariate_hypergeometric(rest, half, method="marginals")
        halves[turn] = distance(one, other)
        part = rng.multivariate_hypergeometric(one, quarter, method="marginals")
        quarters[turn] = distance(part, one - part)
    return Halves(halves, quarters, sizes)


def _unseen(counts: Counts, sizes: Sizes, rng: np.random.Generator) -> tuple[Estimate, Estimate]:
    """Return what real rows read of each other's categories: coverage, and adherence."""
    lost = np.empty((2, 2, 2 * _LEAST))  # halves and quarters, coverage and adherence, rounds
    for turn in range(lost.shape[2]):
        one = rng.multivariate_hypergeometric(counts, sizes.half, method="marginals")
        other = rng.multivariate_hypergeometric(counts - one, sizes.half, method="marginals")
        lost[0, :, turn] = _lost(one, other)
        part = rng.multivariate_hypergeometric(one, sizes.half // 2, method="marginals")
        lost[1, :, turn] = _lost(part, one - part)
    coverage, adherence = (
        Halves(lost[0, place], lost[1, place], sizes, fastest=1.0).complement() for place in range(2)
    )
    # New categories that no half saw may still be as frequent as three in all rows (the rule of three).
    return coverage, replace(adherence, low=max(0.0, min(adherence.low, 1 - 3 / sizes.real)))


def _lost(one: Counts, other: Counts) -> tuple[float, float]:
    """Return the share of categories that never came again, and the share of rows whose category is new."""
    known = one > 0
    return float((other[known] == 0).mean()), float(other[~known].sum() / other.sum())
