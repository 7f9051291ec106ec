"""One column of numbers or dates: are middle, spread, quantiles, shape and range those of the real column?

    readings(real["age"], synthetic["age"], rng)
        mean_difference       Estimate(0.03, -0.01, 0.07)    in standard deviations
        variance_ratio        Estimate(0.97, 0.93, 1.02)
        ks_complement         Estimate(0.981, 0.972, 0.990)  …

Missing values are left out here and compared by `missing_similarity`. A measure that is not defined, as a variance
ratio of a constant column, gives no reading.
"""

import math
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from regrowth.core.protocols import Estimate
from regrowth.extras import library
from regrowth.metrics.agreement import NORMAL
from regrowth.metrics.columns import Column
from regrowth.metrics.fidelity.counts import halves_of_counts
from regrowth.metrics.fidelity.intervals import Sizes, moved, separated
from regrowth.metrics.intervals import proportion
from regrowth.metrics.reading import Reading
from regrowth.metrics.resampling import middle

__all__ = ["boundary_adherence", "ks_complement", "mean_difference", "number_readings", "quantile_difference"]
__all__ += ["range_coverage", "variance_ratio"]

Floats = npt.NDArray[np.float64]
_DRAWS = 200
_BINS = 256
_OUTMOST = 64
_PROBABILITIES = np.arange(1, 20) / 20


def number_readings(real: Column, synthetic: Column, rng: np.random.Generator) -> Iterator[Reading]:
    """Give all readings of a column of numbers or dates."""
    ours, theirs = np.sort(real.present), np.sort(synthetic.present)
    if not len(ours) or not len(theirs):
        return
    for name, measured in (
        ("mean_difference", mean_difference(ours, theirs)),
        ("variance_ratio", variance_ratio(ours, theirs)),
        ("quantile_difference", quantile_difference(ours, theirs, rng)),
        ("ks_complement", ks_complement(ours, theirs, rng)),
        ("range_coverage", range_coverage(ours, theirs, rng)),
        ("boundary_adherence", boundary_adherence(ours, theirs, rng)),
    ):
        if measured:
            yield Reading(name, real.name, *measured)


def mean_difference(real: Floats, synthetic: Floats) -> tuple[Estimate, Estimate] | None:
    """Estimate by how many standard deviations the synthetic mean lies higher; None where nothing varies.

    The deviation is the root of the mean of both variances. Interval: normal, with the variance of Hedges and Olkin
    1985; null: 0 ± its noise.
    """
    n, m = len(real), len(synthetic)
    if min(n, m) < 2:
        return None
    deviation = math.sqrt((real.var(ddof=1) + synthetic.var(ddof=1)) / 2)
    if not deviation > 0:
        return None
    value = float(synthetic.mean() - real.mean()) / deviation
    noise = 1 / n + 1 / m
    reach, band = NORMAL * math.sqrt(noise + value**2 / (2 * (n + m))), NORMAL * math.sqrt(noise)
    return Estimate(value, value - reach, value + reach, n + m), Estimate(0.0, -band, band, n)


def variance_ratio(real: Floats, synthetic: Floats) -> tuple[Estimate, Estimate] | None:
    """Estimate the synthetic variance over the real one; None where either is 0.

    Interval and null: normal for the logarithm, with the fourth moments of each table.
    """
    n, m = len(real), len(synthetic)
    if min(n, m) < 4 or not (real[0] < real[-1] and synthetic[0] < synthetic[-1]):
        return None
    value = float(synthetic.var(ddof=1) / real.var(ddof=1))
    ours, theirs = _tails(real), _tails(synthetic)
    reach = math.exp(NORMAL * math.sqrt(ours / n + theirs / m))
    band = math.exp(NORMAL * math.sqrt(ours / n + ours / m))
    return Estimate(value, value / reach, value * reach, n + m), Estimate(1.0, 1 / band, band, n)


def _tails(values: Floats) -> float:
    """Return n times the variance of the logarithm of a variance: kurtosis minus one."""
    squares = (values - values.mean()) ** 2
    return float((squares**2).mean() / squares.mean() ** 2) - 1


def quantile_difference(real: Floats, synthetic: Floats, rng: np.random.Generator) -> tuple[Estimate, Estimate] | None:
    """Estimate how far the quantiles lie apart on average: those at 5, 10, … 95 %, in real standard deviations.

    Both must be sorted. Interval and null: bootstrap of the quantiles through the Brownian bridge of their ranks.
    """
    deviation = float(real.std())
    if min(len(real), len(synthetic)) < 2 or not deviation > 0:
        return None

    def apart(one: Floats, other: Floats) -> Floats:
        return np.asarray(np.abs(one - other).mean(axis=-1) / deviation)

    ours, again, theirs = (
        _quantiles(values, _ranks(size, rng))
        for values, size in ((real, len(real)), (real, len(synthetic)), (synthetic, len(synthetic)))
    )
    value = float(apart(_quantiles(real, _PROBABILITIES), _quantiles(synthetic, _PROBABILITIES)))
    estimate = moved(value, apart(ours, theirs), len(real) + len(synthetic))
    return estimate, middle(apart(ours, again), len(real))


def _ranks(size: int, rng: np.random.Generator) -> Floats:
    """Return shares of a distribution below the quantiles of samples of it [draws, probabilities]."""
    covariance = np.minimum.outer(_PROBABILITIES, _PROBABILITIES) - np.outer(_PROBABILITIES, _PROBABILITIES)
    normal = rng.standard_normal((_DRAWS, len(_PROBABILITIES)))
    return np.clip(_PROBABILITIES + normal @ np.linalg.cholesky(covariance).T / math.sqrt(size), 0.0, 1.0)


def _quantiles(values: Floats, shares: Floats) -> Floats:
    places = shares * (len(values) - 1)
    below = places.astype(np.intp)
    above = np.minimum(below + 1, len(values) - 1)
    return np.asarray(values[below] + (places - below) * (values[above] - values[below]))


def ks_complement(real: Floats, synthetic: Floats, rng: np.random.Generator) -> tuple[Estimate, Estimate | None]:
    """Estimate one minus the Kolmogorov-Smirnov distance. Both must be sorted, and not empty.

    Null: Kolmogorov's distribution; where values repeat, halves of the real ones.
    """
    points = np.concatenate([real, synthetic])
    ours = np.searchsorted(real, points, side="right")
    theirs = np.searchsorted(synthetic, points, side="right")
    widest = int(np.argmax(np.abs(ours / len(real) - theirs / len(synthetic))))
    estimate = separated(int(ours[widest]), len(real), int(theirs[widest]), len(synthetic))
    return estimate, _ks_null(real, Sizes(len(real), len(synthetic)), rng)


def _ks_null(real: Floats, sizes: Sizes, rng: np.random.Generator) -> Estimate | None:
    if not sizes.enough:
        return None
    starts = np.flatnonzero(np.concatenate([[True], real[1:] != real[:-1]]))
    counts = np.diff(np.append(starts, len(real)))
    if len(counts) > _BINS and counts.max() < len(real) / 20:
        kolmogi = library("scipy.special", "The null of a column's shape", extra="measure").kolmogi
        low, middle, high = (float(kolmogi(share)) / math.sqrt(sizes.effective) for share in (0.975, 0.5, 0.025))
        return Estimate(max(0.0, 1 - middle), max(0.0, 1 - high), 1 - low, len(real))
    if len(counts) > _BINS:
        counts = np.add.reduceat(counts, np.unique(np.searchsorted(starts, np.linspace(0, len(real), _BINS + 1)[:-1])))
    return halves_of_counts(counts, sizes, rng, ordered=True).complement()


def range_coverage(real: Floats, synthetic: Floats, rng: np.random.Generator) -> tuple[Estimate, Estimate] | None:
    """Estimate how much of the real range the synthetic one covers; None for a constant. Both must be sorted.

    Interval: the ends of samples of these sizes, drawn from both; null: the outmost real values dealt to two tables.
    """
    if real[0] == real[-1]:
        return None
    n, m = len(real), len(synthetic)
    drawn = _covered(*_quantiles(synthetic, _ends(m, rng)), *_quantiles(real, _ends(n, rng)))
    tops, bottoms = _dealt(real[::-1], m, rng), _dealt(real, m, rng)
    alike = _covered(bottoms[0], tops[0], bottoms[1], tops[1])
    value = float(_covered(synthetic[:1], synthetic[-1:], real[:1], real[-1:])[0])
    low, high = np.quantile(drawn, (0.025, 0.975))
    null = np.quantile(alike, (0.5, 0.025, 0.975))
    estimate = Estimate(value, min(value, float(low)), max(value, float(high)), n + m)
    return estimate, Estimate(float(null[0]), float(null[1]), float(null[2]), n)


def _covered(low: Floats, high: Floats, least: Floats, most: Floats) -> Floats:
    width = np.where(most > least, most - least, 1.0)
    lost = np.maximum((low - least) / width, 0) + np.maximum((most - high) / width, 0)
    return np.asarray(np.maximum(1 - lost, 0))


def _dealt(real: Floats, m: int, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """Return the first value that a table of m rows gets, and that of the real size, if values are dealt to both."""
    outmost = real[:_OUTMOST]
    theirs = rng.random((_DRAWS, len(outmost))) < m / (len(real) + m)
    theirs[:, -1] = ~theirs[:, :-1].any(axis=1)
    ours = ~theirs
    ours[:, -1] |= ~ours[:, :-1].any(axis=1)
    return outmost[np.argmax(theirs, axis=1)], outmost[np.argmax(ours, axis=1)]


def _ends(size: int, rng: np.random.Generator) -> Floats:
    """Return shares of a distribution below the least and the greatest value of samples of it [2, draws]."""
    tails = 1 - rng.random((2, _DRAWS)) ** (1 / size)
    return np.stack([tails[0], 1 - tails[1]])


def boundary_adherence(real: Floats, synthetic: Floats, rng: np.random.Generator) -> tuple[Estimate, Estimate]:
    """Estimate the share of synthetic values between the least and the greatest real one. Both must be sorted.

    Interval: Wilson; null: what lies beyond the ends of samples of the real size, and draws of the synthetic size.
    """
    n, m = len(real), len(synthetic)
    inside = np.searchsorted(synthetic, real[-1], side="right") - np.searchsorted(synthetic, real[0], side="left")
    low, high = _ends(n, rng)
    drawn = 1 - rng.binomial(m, np.minimum(low + 1 - high, 1.0)) / m
    return proportion(int(inside), m), middle(drawn, n)
