"""What must come out: closed forms and exact recursions, by arm. Derivations stand in docs/methods/collapse.md.

kept_variance("replace", 100, 32)[-1]         0.042: E[variance] after 100 fits on 32 points each, maximum likelihood
kept_variance("accumulate", 1000, 10)[-1]     0.843, its limit sin(π/√10) / (π/√10)
excess_risk("replace", 20, 100, 10)[-1]       2.247 = 20 c, c = 10 / (100 - 10 - 1)
"""

import math

import numpy as np

from regrowth.recipes._collapse.arms import GOLDEN, Arm, Mixing
from regrowth.recipes._collapse.density import Bandwidth, factor
from regrowth.recipes._collapse.samples import Array

__all__ = [
    "excess_risk",
    "fresh_ratio",
    "kept_limit",
    "kept_variance",
    "kernel_variance",
    "log_variance",
    "strong_floor",
    "threshold",
]


def kept_variance(arm: Arm, rounds: int, size: int, mixing: Mixing | None = None) -> Array | None:
    """Return E[variance] after 1, 2, … fits by maximum likelihood, in units of the real one. Exact.

    Holds for the variance of a Gaussian, and for the chance that two draws of categories differ. The second moment of
    what is fitted is conserved, so what the squared mean gains the variance loses; the mean is a linear recursion.
    Returns nothing for `verified`.
    """
    mixing = mixing or Mixing()
    if arm == "verified":
        return None
    if arm == "subsample":
        return _subsampled(rounds, size)
    if arm == "accumulate":
        return np.asarray(np.cumprod(1 - 1 / (size * np.arange(1, rounds + 1.0) ** 2)))
    weight = {"replace": 0.0, "fixed_real": mixing.real_share, "fresh_real": mixing.fresh_weight}[arm]
    shared = 1 / size if arm == "fixed_real" else 0.0  # the covariance of the real data's mean with the fit's mean
    squared = 1 / size
    kept = [1 - squared]
    for _ in range(1, rounds):
        drawn = squared + kept[-1] / size
        squared = weight**2 / size + 2 * weight * (1 - weight) * shared + (1 - weight) ** 2 * drawn
        kept.append(1 - squared)
    return np.array(kept)


def _subsampled(rounds: int, size: int) -> Array:
    pooled = 1 / size
    kept: list[float] = []
    for number in range(1, rounds + 1):
        spread = (1 - pooled) * (1 - 1 / number) * number / (number * size - 1)
        squared = pooled + spread
        kept.append(1 - squared)
        drawn = squared + kept[-1] / size
        pooled = (number**2 * pooled + 2 * number * pooled + drawn) / (number + 1) ** 2
    return np.array(kept)


def kept_limit(size: int) -> float:
    """Return what is left of the variance where samples accumulate for ever: sin(π/√M) / (π/√M)."""
    return float(np.sinc(1 / math.sqrt(size)))


def log_variance(rounds: int, size: int, ddof: int = 0) -> Array:
    """Return E[log variance] of a replaced Gaussian on a line after 1, 2, … fits; the median is close to its exp."""
    from scipy.special import digamma

    step = float(digamma((size - 1) / 2)) + math.log(2 / (size - ddof))
    return np.asarray(step * np.arange(1, rounds + 1))


def excess_risk(arm: Arm, rounds: int, size: int, dims: int, noise: float = 1.0) -> Array | None:
    """Return the excess risk of least squares after 1, 2, … fits; nothing for arms without a closed form.

    With c = noise² dims / (size - dims - 1): replace n c (exact); accumulate c Σ 1/i² (limit c π²/6) and subsample
    (limit c (π²/2 - 2), our derivation) to first order in 1/size.
    """
    step = noise**2 * dims / (size - dims - 1)
    n = np.arange(1, rounds + 1.0)
    if arm == "replace":
        return np.asarray(step * n)
    if arm == "accumulate":
        return np.asarray(step * np.cumsum(1 / n**2))
    if arm == "subsample":
        later = np.where(n > 1, (2 - 1 / np.maximum(n - 1, 1)) / n**2, 0)
        return np.asarray(step * (1 + np.cumsum(later) + 1 - 1 / n))
    return None


def kernel_variance(
    arm: Arm, rounds: int, bandwidth: Bandwidth, size: int, mixing: Mixing | None = None, *, start: float = 1.0
) -> Array | None:
    """Return the variance of a kernel density estimate on a line after 1, 2, … fits, for large samples.

    A fixed width h gives 1 + h² t for replace, 1 + h² (1 + 1/2 + … + 1/t) for accumulate, and for a real share w the
    limit 1 + h²/w. Returns nothing for `verified`.
    """
    mixing = mixing or Mixing()
    if arm == "verified":
        return None
    weight = {"fixed_real": mixing.real_share, "fresh_real": mixing.fresh_weight}.get(arm, 0.0)
    held, fitted = start, []
    for number in range(1, rounds + 1):
        count = float(number * size if arm == "accumulate" else size)
        if weight and number > 1:
            count = size / (weight**2 + (1 - weight) ** 2)
        added = held * factor(bandwidth, count, 1) ** 2 if isinstance(bandwidth, str) else bandwidth**2
        fitted.append(held + added)
        share = 1 / (number + 1) if arm in ("accumulate", "subsample") else 1.0
        held = weight * start + (1 - weight) * fitted[-1] if weight else (1 - share) * held + share * fitted[-1]
    return np.array(fitted)


def fresh_ratio(weight: float = GOLDEN) -> float:
    """Return the long-run squared error of a mean under fresh real data, over that of real data alone (He et al.)."""
    return (2 * weight**2 - 2 * weight + 1) / (2 * weight - weight**2)


def strong_floor(share: float, offset: float) -> float:
    """Return the excess risk that remains with any amount of data of which a share is labelled with an offset.

    Args:
        offset: squared length of the offset (Dohmatob et al., 2024, arXiv:2410.04840).
    """
    return share**2 * offset


def threshold(keep_right: float, keep_wrong: float) -> float:
    """Return the error rate of a generator below which its verified data help: 1 / (1 + ψ/φ) (Feng et al.)."""
    return 1 / (1 + keep_wrong / keep_right)
