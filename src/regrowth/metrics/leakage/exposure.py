"""How far up does a planted secret rank among all secrets that could have been planted?

    found = exposure(planted=-4.2, others=scores_of_1000_random_secrets, space=10**6)
    found.bits           # Estimate: 19.9 = log2(10**6), no secret is as probable; 0 the least is; about 1 by chance

Exposure is log2 |R| - log2 rank (Carlini et al., 2019, arXiv:1802.08232), R all secrets of the format. Where R is too
large to be listed, secrets are drawn from it: a share s of them as probable as the planted one is a rank of s·|R|, and
an exposure of -log2 s. A secret that beats all those drawn is beyond what the draw can show; its share is then read off
a skew normal distribution fitted to their scores, as in the paper, here by moments.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from regrowth.core.errors import DataError
from regrowth.core.protocols import Estimate
from regrowth.metrics.intervals import proportion

__all__ = ["Exposure", "exposure"]

FEW = 5
"""Better secrets in the draw, below which the share is read off the fitted distribution."""
STEPS = 4000


class Exposure(NamedTuple):
    """Hold how exposed a secret is."""

    bits: Estimate
    """log2 of the space over the rank; the interval is that of the draw alone, up to log2 of the space."""
    beaten: float
    """Share of the drawn secrets that are less probable."""
    extrapolated: bool
    """Whether the value goes beyond the draw, by the fitted distribution; the interval's lower end never does."""


def exposure(planted: float, others: Sequence[float], space: float) -> Exposure:
    """Estimate the exposure of a secret from its score and those of secrets drawn at random.

    Args:
        planted: log-probability of the planted secret, in nats.
        others: of secrets of the same format that were not planted, drawn with equal probability.
        space: how many secrets the format has.

    Raises:
        DataError: fewer than ten secrets were drawn, a score is no number, or the space is smaller than the draw.
    """
    scores = np.asarray(others, dtype=np.float64)
    if len(scores) < 10 or not np.isfinite(scores).all() or not math.isfinite(planted) or space < 2:
        raise DataError(
            f"{len(scores)} other secrets out of {space:g}, the planted one's score is {planted}: expected ten of them "
            "at least, and finite numbers."
        )
    most, n = math.log2(space), len(scores)
    better = int((scores >= planted).sum())
    drawn = proportion(better, n)
    share = (better + 1) / (n + 1)
    extrapolated = better < FEW and float(scores.std()) > 0 and -math.log2(share) < most
    if extrapolated:
        share = min(share, beyond(planted, scores))
    low = max(0.0, -math.log2(drawn.high))
    high = min(most, -math.log2(drawn.low)) if drawn.low > 0 else most
    value = min(most, -math.log2(share)) if share > 0 else most
    bits = Estimate(value, min(low, value), max(high, value), n)
    return Exposure(bits, 1 - better / n, extrapolated)


def beyond(score: float, scores: npt.NDArray[np.float64]) -> float:
    """Return the share of a skew normal distribution, fitted by moments, that lies above a score."""
    centre, spread = float(scores.mean()), float(scores.std())
    skew = float((((scores - centre) / spread) ** 3).mean())
    # Azzalini, 1985: no skew normal is more skewed than 0.9953.
    size = min(abs(skew), 0.99) ** (2 / 3)
    delta = math.copysign(math.sqrt(math.pi / 2 * size / (size + ((4 - math.pi) / 2) ** (2 / 3))), skew)
    scale = spread / math.sqrt(1 - 2 * delta**2 / math.pi)
    shift = centre - scale * delta * math.sqrt(2 / math.pi)
    slant = delta / math.sqrt(1 - delta**2)
    return _above((score - shift) / scale, slant)


def _above(z: float, slant: float) -> float:
    """Return ∫ 2 φ(x) Φ(slant·x) dx from z on; in logarithms, so that far tails are no zeros."""
    reach = 12.0 + max(0.0, -z)
    grid = z + np.linspace(0.0, reach, STEPS)
    weights = np.array([math.log(2) - x * x / 2 - math.log(2 * math.pi) / 2 + _log_normal(slant * x) for x in grid])
    top = float(weights.max())
    heights = np.exp(weights - top)
    area = float(((heights[1:] + heights[:-1]) / 2).sum() * reach / (STEPS - 1))
    return min(1.0, math.exp(top) * area)


def _log_normal(x: float) -> float:
    """Return log Φ(x)."""
    if x > -30:
        return math.log(math.erfc(-x / math.sqrt(2)) / 2)
    return -x * x / 2 - math.log(-x * math.sqrt(2 * math.pi))
