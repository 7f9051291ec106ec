"""The Vendi score: how many texts as different as can be would be as diverse as these.

    vendi(ngram_kernel(["a b", "a b", "c d"]))      # 1.89: two of the three are the same
    vendi_of_vectors(vectors)                       # the same of embeddings, by the smaller of the two matrices

exp of the entropy of the eigenvalues of K/n, where K says how similar each two items are, 1 to themselves (Friedman and
Dieng 2022, arXiv:2210.02410): 1 where all are alike, n where none has anything in common with another. It grows with
n, so only equal numbers of items can be compared.
"""

from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from regrowth.core.errors import DataError
from regrowth.extras import library
from regrowth.metrics.diversity.grams import Coded

__all__ = ["ngram_kernel", "unit", "vendi", "vendi_of_vectors"]

Floats: TypeAlias = npt.NDArray[np.float64]
LENGTHS = (1, 2, 3, 4)
TOLERANCE = 1e-6


def vendi(kernel: Floats) -> float:
    """Return the Vendi score of items whose similarities are known.

    Args:
        kernel: symmetric, positive semi-definite, 1 on its diagonal.

    Raises:
        DataError: it is not square, has no items, or not 1 on its diagonal.
    """
    if kernel.ndim != 2 or kernel.shape[0] != kernel.shape[1] or not len(kernel):
        raise DataError(f"a kernel of shape {kernel.shape}: expected a square one, a row and a column per item.")
    if not np.allclose(np.diagonal(kernel), 1, atol=TOLERANCE):
        raise DataError("items that are not similar to themselves by 1: expected a kernel with 1 on its diagonal.")
    return _effective(np.linalg.eigvalsh(kernel / len(kernel)))


def vendi_of_vectors(vectors: npt.ArrayLike) -> float:
    """Return the Vendi score of items by the cosines of their vectors.

    Fewer dimensions than items: by the eigenvalues of the dimensions' matrix, which are the same but for zeros.

    Raises:
        DataError: no vectors, or one that is zero or not finite.
    """
    rows = unit(vectors)
    if rows.shape[1] >= len(rows):
        return _effective(np.linalg.eigvalsh(rows @ rows.T / len(rows)))
    return _effective(np.linalg.eigvalsh(rows.T @ rows / len(rows)))


def unit(vectors: npt.ArrayLike) -> Floats:
    """Return vectors of length 1.

    Raises:
        DataError: no vectors, or one that is zero or not finite.
    """
    rows = np.asarray(vectors, np.float64)
    if rows.ndim != 2 or not len(rows):
        raise DataError(f"vectors of shape {rows.shape}: expected one row per item.")
    lengths = np.linalg.norm(rows, axis=1)
    if not np.isfinite(lengths).all() or not lengths.all():
        place = int(np.flatnonzero(~(np.isfinite(lengths) & (lengths > 0)))[0])
        raise DataError(f"the vector of item {place} is zero or not finite: leave the item out, or embed it otherwise.")
    return np.asarray(rows / lengths[:, None])


def ngram_kernel(documents: Sequence[Coded], lengths: Sequence[int] = LENGTHS) -> Floats:
    """Return how similar texts are: the mean cosine of their counts of runs of 1 to 4 words.

    vendi-score takes the same mean, but gives a text that is too short for a run a similarity to itself below 1, where
    the score means nothing; here its mean is over the runs that it is long enough for. Texts without words are all
    alike.

    Raises:
        MissingExtra: scipy is not installed.
    """
    sparse = library("scipy.sparse", "The n-gram kernel", extra="measure")
    texts = [one if len(one) else np.array([-1], np.int64) for one in documents]
    kernel = np.zeros((len(texts), len(texts)))
    for n in lengths:
        counts = _counts(texts, n, sparse)
        kernel += (counts @ counts.T).toarray()
    roots = np.sqrt(np.diagonal(kernel))
    return np.asarray(kernel / np.outer(roots, roots))


def _counts(texts: Sequence[Coded], n: int, sparse: Any) -> Any:
    """Return how often each run occurs in each text, as rows of length 1; zero where a text is too short."""
    runs = (tuple(one[place : place + n].tolist()) for one in texts for place in range(len(one) - n + 1))
    places: dict[tuple[int, ...], int] = {}
    columns = np.array([places.setdefault(run, len(places)) for run in runs], np.int64)
    rows = np.repeat(np.arange(len(texts)), [max(0, len(one) - n + 1) for one in texts])
    shape = (len(texts), max(1, len(places)))
    found = sparse.csr_matrix((np.ones(len(rows)), (rows, columns)), shape=shape)
    found.sum_duplicates()
    squares = np.asarray(found.multiply(found).sum(axis=1)).ravel()
    return sparse.diags(1 / np.sqrt(np.where(squares > 0, squares, 1.0))) @ found


def _effective(values: npt.NDArray[np.floating[Any]]) -> float:
    positive = values[values > 0]
    return float(np.exp(-(positive * np.log(positive)).sum()))
