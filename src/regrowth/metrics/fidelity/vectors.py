"""Texts as points in space: hashed words without any model, the Fréchet distance, MAUVE, groups of like texts.

    vectors = hashed([*real, *synthetic])                 # 64 dimensions
    frechet_distance(vectors[:n], vectors[n:])            # ‖μ - ν‖² + Tr(Σ + Γ - 2 (ΣΓ)^½)
    mauve(vectors[:n], vectors[n:], seed=0)               # Pillutla et al. 2021

MAUVE depends on how the space is cut into groups. mauve-text leaves that to faiss, we to scikit-learn, each with
its own random starts: with the same groups both give the same figure (`mauve_of`), with groups of their own they
differ as two seeds of one of them do.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from regrowth.core.errors import DataError
from regrowth.extras import library

__all__ = ["distinct", "frechet_distance", "grouped", "hashed", "mauve", "mauve_of", "reduced"]

Floats = npt.NDArray[np.float64]
Counts = npt.NDArray[np.int64]
DIMENSIONS = 64
_PURPOSE = "Texts as vectors"
_WORD = r"\w+"
_SCALE = 5
_POINTS = 25
_EXPLAINED = 0.9


def hashed(texts: Sequence[str], *, dimensions: int = DIMENSIONS, seed: int = 0) -> Floats:
    """Return texts as vectors of length 1: hashed words and pairs of words, rare ones weighted up, projected.

    Texts that share no words are at right angles. No model and no dictionary is needed, and no synonym is known.
    """
    text = library("sklearn.feature_extraction.text", _PURPOSE, extra="measure")
    hashes = text.HashingVectorizer(n_features=1 << 16, ngram_range=(1, 2), alternate_sign=False, token_pattern=_WORD)
    weighted = text.TfidfTransformer(sublinear_tf=True).fit_transform(hashes.transform(texts))
    width = min(dimensions, len(texts) - 1)
    if weighted.nnz == 0 or width < 1:
        return np.zeros((len(texts), 1))
    decomposition = library("sklearn.decomposition", _PURPOSE, extra="measure")
    return _unit(decomposition.TruncatedSVD(width, n_iter=3, random_state=seed).fit_transform(weighted))


def _unit(vectors: Floats) -> Floats:
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.where(lengths > 0, lengths, 1.0))


def reduced(vectors: Floats, *, dimensions: int | float) -> Floats:
    """Return vectors in their main directions: so many, or as many as explain that share of the variance."""
    centred = vectors - vectors.mean(axis=0)
    values, directions = np.linalg.eigh(centred.T @ centred)
    values, directions = np.maximum(values[::-1], 0.0), directions[:, ::-1]
    if isinstance(dimensions, float) and values.sum() > 0:
        dimensions = int(np.argmax(np.cumsum(values) / values.sum() >= dimensions)) + 1
    return np.asarray(centred @ directions[:, : int(max(1, dimensions))])


def frechet_distance(one: Floats, other: Floats) -> float:
    """Return the squared Fréchet distance of the normal distributions that two sets of vectors would have.

    Raises:
        DataError: fewer than two vectors, or other dimensions.
    """
    if min(len(one), len(other)) < 2 or one.shape[1] != other.shape[1]:
        raise DataError(
            f"{one.shape} and {other.shape} vectors: expected two of each at least, of the same number of dimensions."
        )
    ours, theirs = (np.atleast_2d(np.cov(vectors, rowvar=False)) for vectors in (one, other))
    values, directions = np.linalg.eigh(ours)
    root = (directions * np.sqrt(np.maximum(values, 0.0))) @ directions.T
    between = np.sqrt(np.maximum(np.linalg.eigvalsh(root @ theirs @ root), 0.0)).sum()
    apart = float(((one.mean(axis=0) - other.mean(axis=0)) ** 2).sum())
    return max(0.0, apart + float(np.trace(ours) + np.trace(theirs) - 2 * between))


def mauve(one: Floats, other: Floats, *, groups: int | None = None, seed: int = 0) -> float:
    """Return MAUVE of two sets of vectors [texts, dimensions].

    Args:
        groups: into which the space is cut; by default a tenth of the smaller set.
    """
    number = groups or max(2, round(min(len(one), len(other)) / 10))
    ours, theirs = grouped(one, other, groups=number, seed=seed)
    return mauve_of(np.bincount(ours, minlength=number), np.bincount(theirs, minlength=number))


def grouped(
    one: Floats, other: Floats, *, groups: int, seed: int = 0, starts: int = 3
) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """Return the group of each vector: k-means of both sets, scaled to length 1, in nine tenths of the variance."""
    cluster = library("sklearn.cluster", _PURPOSE, extra="measure")
    points = reduced(_unit(np.concatenate([one, other])), dimensions=_EXPLAINED)
    labels = cluster.KMeans(min(groups, distinct(points)), n_init=starts, random_state=seed).fit_predict(points)
    return labels[: len(one)], labels[len(one) :]


def distinct(points: Floats) -> int:
    """Return how many points there are, those within a millionth of each other as one."""
    return len(np.unique(np.round(points, 6), axis=0))


def mauve_of(one: Counts, other: Counts) -> float:
    """Return MAUVE of how many texts of each set are in each group.

    For mixtures R of both distributions, the curve of exp(-5 KL(Q|R)) against exp(-5 KL(P|R)); the area below it.
    """
    shares = np.stack([one / one.sum(), other / other.sum()])
    weights = np.linspace(1e-6, 1 - 1e-6, _POINTS)
    mixed = weights[:, None] * shares[0] + (1 - weights[:, None]) * shares[1]
    curve = np.exp(-_SCALE * np.stack([_divergences(side, mixed) for side in (shares[1], shares[0])]))
    x, y = (np.concatenate([[end], axis, [1.0 - end]]) for axis, end in zip(curve, (1.0, 0.0), strict=True))
    return float(_area(x, y) + _area(y, x)) / 2


def _divergences(shares: Floats, mixed: Floats) -> Floats:
    """Return the Kullback-Leibler divergences from each mixture."""
    there = shares > 0
    return np.asarray((shares[there] * np.log(shares[there] / mixed[:, there])).sum(axis=1))


def _area(x: Floats, y: Floats) -> float:
    order = np.lexsort((-y, x))  # the curve falls, where it falls straight down too
    x, y = x[order], y[order]
    return float(((x[1:] - x[:-1]) * (y[1:] + y[:-1])).sum() / 2)
