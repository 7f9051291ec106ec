"""Are synthetic records closer to the seeds than to real records that the generator never saw?

    found = text_nearness(written, seeds, holdout)
    found.synthetic.closer          # Estimate(value=0.75, …): half of the rows are copies
    found.null.closer               # the same of real records, the hold-out's: about found.even
    found.synthetic.identical       # share of records that are a seed's equal
    found.fires                     # ("closer", "ratio", "identical"): what lies beyond the null

Per synthetic record: d the distance to the nearest seed, h to the nearest record of the hold-out, e to the second
nearest seed. `closer` is the share with d < h, those with d = h counting a half (DCR share); `ratio` the mean of d / e
(NNDR), 1 where both are zero. Definitions as in mostlyai-qa and SDMetrics; distances of tables as in SDMetrics.

A smoke test, and no more: sets that pass it were shown to leak membership strongly (Yao et al., 2025,
arXiv:2505.01524). A change of a few values hides a copy from `identical`, a change of many from `closer`.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from regrowth.core.errors import DataError
from regrowth.core.protocols import Estimate
from regrowth.metrics.intervals import clustered_mean, proportion
from regrowth.metrics.leakage.shingles import Shingles
from regrowth.metrics.leakage.tables import Columns, Space

__all__ = ["Distances", "Nearest", "Nearness", "nearness", "table_nearness", "text_nearness"]

Floats: TypeAlias = npt.NDArray[np.float32]
Distances: TypeAlias = Callable[[int, int], Floats]
"""Returns the distances [queries, records] of some queries, given by their first and last number."""
Embed: TypeAlias = Callable[[Sequence[str]], npt.ArrayLike]
"""Maps texts to vectors, one row each."""

CELLS = 1 << 22
"""Distances that are in memory at a time."""


class Nearest(NamedTuple):
    """Hold how near some records are to the seeds; the unit of `n` is the record."""

    closer: Estimate
    """Share of records nearer to a seed than to any record of the hold-out."""
    ratio: Estimate
    """Mean of the distance to the nearest seed over that to the second nearest; small where single seeds come out."""
    identical: Estimate
    """Share of records at distance 0 of a seed."""


class Nearness(NamedTuple):
    """Hold how near synthetic records are to the seeds, and how near real ones are."""

    synthetic: Nearest
    null: Nearest
    """The same of the hold-out in place of the synthetic records, each left out of the hold-out it is compared with."""
    even: float
    """What `closer` is to be expected where nothing leaks: the seeds' share of all real records."""
    nearest: npt.NDArray[np.int64]
    """The nearest seed of each synthetic record."""
    distances: Floats
    """Its distance."""

    @property
    def fires(self) -> tuple[str, ...]:
        """Return the measures by which the synthetic records are nearer than real ones: their intervals are apart."""
        made, real = self.synthetic, self.null
        told = {
            "closer": made.closer.low > max(self.even, real.closer.high),
            "ratio": made.ratio.high < real.ratio.low,
            "identical": made.identical.low > real.identical.high,
        }
        return tuple(name for name, fired in told.items() if fired)


def text_nearness(
    synthetic: Sequence[str],
    seeds: Sequence[str],
    holdout: Sequence[str],
    *,
    embed: Embed | None = None,
    words: int = 3,
) -> Nearness:
    """Compare texts: by the Jaccard distance of their sets of word shingles, or by the cosine of their embeddings.

    Words are normalised (`regrowth.texts`), so copies in another case or with other quotes are copies.

    Args:
        embed: maps texts to vectors; distance is 1 - cosine, never below 0.
        words: words of a shingle. Three tell sentences apart; short texts are one shingle.

    Raises:
        DataError: fewer than two records of a kind, or not one vector per text.
    """
    if embed is not None:
        parts = [_unit(embed(texts), len(texts)) for texts in (synthetic, seeds, holdout)]
        return nearness(len(synthetic), len(seeds), len(holdout), lambda one, other: _cosine(parts[one], parts[other]))
    sets = [Shingles.of(texts, words) for texts in (synthetic, seeds, holdout)]
    return nearness(len(synthetic), len(seeds), len(holdout), lambda one, other: sets[one].distances(sets[other]))


def table_nearness(
    synthetic: Columns, seeds: Columns, holdout: Columns, *, ranks: bool = False, categories: Sequence[str] = ()
) -> Nearness:
    """Compare rows of tables with numbers and categories, each column weighing the same.

    A number differs by |a - b| over the range of the real column, 1 at most; a category by 0 or 1; a missing value
    from a present one by 1. The distance is the mean over the columns. The range is that of seeds and hold-out
    together: seen through the seeds' alone, the two would not be alike.

    Args:
        ranks: numbers differ by the share of real values between them instead; for columns with long tails.
        categories: columns of numbers that are names: codes, ids.

    Raises:
        DataError: fewer than two rows of a kind, or columns that differ.
    """
    space = Space.of(synthetic, seeds, holdout, ranks=ranks, categories=categories)
    counts = [len(part) for part in space.parts]
    return nearness(counts[0], counts[1], counts[2], lambda one, other: space.distances(one, other))


def nearness(synthetic: int, seeds: int, holdout: int, between: Callable[[int, int], Distances]) -> Nearness:
    """Compare records of any kind, given their distances.

    Args:
        between: returns the distances between two of the sets 0 synthetic, 1 seeds, 2 hold-out.

    Raises:
        DataError: fewer than two records of a kind.
    """
    if min(synthetic, seeds, holdout) < 2:
        raise DataError(
            f"{synthetic} synthetic records, {seeds} seeds, {holdout} of the hold-out: expected two of each at least."
        )
    nearest, near, second = _two_nearest(between(0, 1), synthetic, seeds)
    far = _two_nearest(between(0, 2), synthetic, holdout)[1]
    found = _summed(near, second, far)
    _, near_0, second_0 = _two_nearest(between(2, 1), holdout, seeds)
    far_0 = _two_nearest(between(2, 2), holdout, holdout, same=True)[1]
    return Nearness(found, _summed(near_0, second_0, far_0), seeds / (seeds + holdout), nearest, near)


def _summed(near: Floats, second: Floats, far: Floats) -> Nearest:
    closer = (near < far) + 0.5 * (near == far)
    ratio = np.divide(near, second, out=np.ones_like(near), where=second > 0)
    alone = range(len(near))
    shares = [clustered_mean(values.tolist(), alone) for values in (closer, ratio)]
    return Nearest(shares[0], shares[1], proportion(int((near == 0).sum()), len(near)))


def _two_nearest(
    distances: Distances, queries: int, records: int, *, same: bool = False
) -> tuple[npt.NDArray[np.int64], Floats, Floats]:
    """Return for each query the number of its nearest record, its distance, and that of the second nearest.

    Args:
        same: queries are the records themselves, and no record is its own neighbour.
    """
    places, first, second = [], [], []
    for start, end in _blocks(queries, records):
        block = distances(start, end)
        if same:
            block[np.arange(end - start), np.arange(start, end)] = np.inf
        place = block.argmin(axis=1)
        rows = np.arange(end - start)
        places.append(place)
        first.append(block[rows, place])
        block[rows, place] = np.inf
        second.append(block.min(axis=1))
    return np.concatenate(places), np.concatenate(first), np.concatenate(second)


def _blocks(queries: int, records: int) -> Iterator[tuple[int, int]]:
    step = max(1, CELLS // records)
    for start in range(0, queries, step):
        yield start, min(queries, start + step)


def _unit(vectors: npt.ArrayLike, count: int) -> Floats:
    matrix = np.asarray(vectors, dtype=np.float32)
    if matrix.ndim != 2 or len(matrix) != count:
        raise DataError(f"embed returned an array of the shape {list(matrix.shape)} for {count} texts.")
    length = np.linalg.norm(matrix, axis=1, keepdims=True)
    unit: Floats = np.divide(matrix, length, out=np.zeros_like(matrix), where=length > 0)
    return unit


def _cosine(one: Floats, other: Floats) -> Distances:
    def distances(start: int, end: int) -> Floats:
        found: Floats = np.clip(1 - one[start:end] @ other.T, 0, 1)
        found[found < 1e-6] = 0  # equal vectors, rounded
        return found

    return distances
