"""Laws of one round, without rounds: strong collapse, the switch of verification, tails and truncation.

strong_collapse(0.1, 5000, seeds=30, seed=0)        about 0.006: above the floor p² ‖Δ‖² = 0.005
verified_accuracy(0.55, 0.9, 0.3, seed=0)           0.71; unfiltered 0.31
tail_error(1000)                                    of a learner by heart, Zipf exponent 1.5
"""

import numpy as np

from regrowth.recipes._collapse.samples import Array

__all__ = ["bayes_accuracy", "generator", "strong_collapse", "tail_error", "truncated", "verified_accuracy", "zipf"]

RANKS = 2_000_000


def strong_collapse(
    share: float, size: int, *, seeds: int, seed: int, dims: int = 20, offset: float = 0.5, noise: float = 0.5
) -> Array:
    """Return the excess risk of least squares where a share of the labels comes from an offset teacher, per seed.

    Args:
        offset: squared length of the teacher's offset.
    """
    rng = np.random.default_rng([seed, size, round(share * 1e6)])
    found = []
    for _ in range(seeds):
        apart = rng.standard_normal(dims)
        apart *= np.sqrt(offset) / np.linalg.norm(apart)
        inputs = rng.standard_normal((size, dims))
        offsets = np.where(rng.random(size) < share, inputs @ apart, 0)  # the truth is 0, without loss of generality
        fitted = np.linalg.lstsq(inputs, offsets + noise * rng.standard_normal(size), rcond=None)[0]
        found.append((fitted**2).sum())
    return np.array(found)


def verified_accuracy(
    error: float,
    keep_right: float,
    keep_wrong: float,
    *,
    seeds: int = 10,
    seed: int = 0,
    dims: int = 50,
    size: int = 20_000,
    gap: float = 0.6,
) -> Array:
    """Return the accuracy on real data of a linear classifier trained on verified labels, per seed.

    Two Gaussians at ±`gap` on the first axis; a share `error` of the labels is wrong; the verifier keeps right
    ones with probability `keep_right`, wrong ones with `keep_wrong`. Accuracy is computed, not sampled.
    """
    rng = np.random.default_rng([seed, round(error * 1e6), round(keep_right * 1e6), round(keep_wrong * 1e6)])
    found = []
    for _ in range(seeds):
        truth = rng.choice([-1.0, 1.0], size)
        points = rng.standard_normal((size, dims))
        points[:, 0] += gap * truth
        wrong = rng.random(size) < error
        kept = rng.random(size) < np.where(wrong, keep_wrong, keep_right)
        weights = (points[kept] * np.where(wrong, -truth, truth)[kept, None]).mean(0)
        found.append(_phi(gap * weights[0] / np.linalg.norm(weights)))
    return np.array(found)


def bayes_accuracy(gap: float = 0.6) -> float:
    """Return the best possible accuracy of `verified_accuracy`."""
    return _phi(gap)


def _phi(z: float) -> float:
    from scipy.stats import norm

    return float(norm.cdf(z))


def zipf(exponent: float, ranks: int = RANKS) -> Array:
    """Return the masses of so many ranks."""
    masses = np.arange(1, ranks + 1) ** -exponent
    return np.asarray(masses / masses.sum())


def truncated(masses: Array, rank: int) -> Array:
    """Return the masses of a generator that never says anything beyond a rank."""
    held = np.where(np.arange(1, len(masses) + 1) <= rank, masses, 0)
    return np.asarray(held / held.sum())


def generator(masses: Array, size: int, *, seed: int) -> Array:
    """Return the masses of a generator that learned so many draws by heart."""
    return np.asarray(np.random.default_rng([seed, size]).multinomial(size, masses) / size)


def tail_error(size: int, masses: Array, drawn: Array | None = None) -> float:
    """Return the expected mass of what a learner by heart has not seen after so many draws.

    Args:
        drawn: masses of what it learns from; nothing: those of the truth.
    """
    drawn = masses if drawn is None else drawn
    return float((masses * np.exp(size * np.log1p(-np.minimum(drawn, 1 - 1e-12)))).sum())
