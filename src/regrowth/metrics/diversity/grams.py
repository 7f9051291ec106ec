"""How much of a text is new, how much is said again: counts of runs of words, at an equal number of words.

    distinct(documents, 2)       # .58: of all pairs of words in a row, the share that is different from all others
    entropy(documents, 2)        # 13.0 bits
    overlap(documents, 3)        # .14: share of a text's triples that another text has as well

distinct-n: Li et al. 2016, arXiv:1510.03055. Overlap is the n-gram precision of a text against all others, the mean
over texts. It is not self-BLEU (Zhu et al. 2018, arXiv:1802.01886), which takes the geometric mean of four such
precisions, clips counts and punishes short texts, and costs a comparison of each text with every other one.
"""

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from regrowth.texts import words

__all__ = ["Coded", "coded", "distinct", "entropy", "overlap"]

Coded: TypeAlias = npt.NDArray[np.int64]
"""The words of a text as numbers."""
_MIX = 0x9E3779B97F4A7C15


def coded(*sets: Sequence[str]) -> list[list[Coded]]:
    """Return the words of several sets of texts as numbers, the same word as the same number in all of them."""
    places: dict[str, int] = {}
    return [
        [np.array([places.setdefault(word, len(places)) for word in words(text)], np.int64) for text in texts]
        for texts in sets
    ]


def distinct(documents: Sequence[Coded], n: int) -> float:
    """Return the share of runs of n words that are different; NaN where no text has n words."""
    runs, _ = _runs(documents, n)
    return len(np.unique(runs)) / len(runs) if len(runs) else np.nan


def entropy(documents: Sequence[Coded], n: int) -> float:
    """Return the entropy of runs of n words in bits, by their shares; NaN where no text has n words."""
    runs, _ = _runs(documents, n)
    share = np.unique(runs, return_counts=True)[1] / max(1, len(runs))
    return float(-(share * np.log2(share)).sum()) if len(runs) else np.nan


def overlap(documents: Sequence[Coded], n: int) -> float:
    """Return the mean share of a text's runs of n words that some other text has; NaN where no text has n words."""
    runs, text_of = _runs(documents, n)
    if not len(runs):
        return np.nan
    kinds, kind_of = np.unique(runs, return_inverse=True)
    pairs = np.unique(kind_of * len(documents) + text_of)
    shared = np.bincount(pairs // len(documents), minlength=len(kinds))[kind_of] > 1
    totals = np.bincount(text_of, minlength=len(documents))
    shares = np.bincount(text_of, shared, len(documents))[totals > 0] / totals[totals > 0]
    return float(shares.mean())


def _runs(documents: Sequence[Coded], n: int) -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.int64]]:
    """Return a number for each run of n words, equal for equal runs, and which text it stands in."""
    if not len(documents):
        return np.zeros(0, np.uint64), np.zeros(0, np.int64)
    lengths = np.array([len(one) for one in documents])
    flat = np.concatenate(documents).astype(np.uint64)
    text_of = np.repeat(np.arange(len(documents)), lengths)
    last = len(flat) - n + 1
    if last < 1:
        return np.zeros(0, np.uint64), np.zeros(0, np.int64)
    found = np.zeros(last, np.uint64)
    for offset in range(n):
        found = (found ^ (flat[offset : offset + last] + np.uint64(1))) * np.uint64(_MIX)
        found ^= found >> np.uint64(29)
    whole = text_of[:last] == text_of[n - 1 :]
    return found[whole], text_of[:last][whole]
