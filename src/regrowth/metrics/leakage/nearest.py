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

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from regrowth.core.errors import DataError
from regrowth.core.protocols import Estimate
from regrowth.metrics.columns import Table
from regrowth.metrics.intervals import clustered_mean, proportion
from regrowth.metrics.leakage.tables import Distances, Floats, Places, Space
from regrowth.metrics.leakage.texts import Embed, text_distances

__all__ = [
    "Nearest",
    "Nearness",
    "nearness",
    "repeats",
    "space_nearness",
    "table_nearness",
    "text_nearness",
    "text_repeats",
]

CELLS = 1 << 16
"""Distances that are in memory at a time: few, so that they stay near the processor."""


class Nearest(NamedTuple):
    """Hold how near some records are to the seeds; the unit of `n` is the nearest record: a cluster of those asked."""

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
    asked: Places
    """Which synthetic records were compared: all, or those of the sample."""
    nearest: npt.NDArray[np.int64]
    """The nearest seed of each of them."""
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
    limit: int | None = None,
    seed: int = 0,
) -> Nearness:
    """Compare texts: by the Jaccard distance of their sets of word shingles, or by the cosine of their embeddings.

    Words are normalised (`regrowth.texts`), so copies in another case or with other quotes are copies.

    Args:
        embed: maps texts to vectors; distance is 1 - cosine, never below 0.
        words: words of a shingle. Three tell sentences apart; short texts are one shingle.
        limit: as in `nearness`.

    Raises:
        DataError: fewer than two records of a kind, or not one vector per text.
    """
    between = text_distances((synthetic, seeds, holdout), embed, words)
    return nearness(len(synthetic), len(seeds), len(holdout), between, limit=limit, seed=seed)


def table_nearness(
    synthetic: Table,
    seeds: Table,
    holdout: Table,
    *,
    ranks: bool = False,
    limit: int | None = None,
    seed: int = 0,
) -> Nearness:
    """Compare rows of aligned tables, each column weighing the same; see `regrowth.metrics.leakage.tables`.

    The range of a column of numbers is that of seeds and hold-out together: seen through the seeds' alone, the two
    would not be alike.

    Args:
        ranks: numbers differ by the share of real values between them instead; for columns with long tails.
        limit: as in `nearness`.

    Raises:
        DataError: fewer than two rows of a kind, or nothing but identifiers.
    """
    space = Space.of((synthetic, seeds, holdout), scale=(1, 2), ranks=ranks)
    return space_nearness(space, (0, 1, 2), limit=limit, seed=seed)


def space_nearness(space: Space, sets: tuple[int, int, int], *, limit: int | None = None, seed: int = 0) -> Nearness:
    """Compare rows of a space; `sets` names its tables of synthetic rows, of seeds and of the hold-out."""
    sizes = [len(space.parts[place]) for place in sets]

    def between(one: int, other: int) -> Distances:
        return space.distances(sets[one], sets[other])

    return nearness(sizes[0], sizes[1], sizes[2], between, limit=limit, seed=seed)


def nearness(
    synthetic: int,
    seeds: int,
    holdout: int,
    between: Callable[[int, int], Distances],
    *,
    limit: int | None = None,
    seed: int = 0,
) -> Nearness:
    """Compare records of any kind, given their distances.

    Intervals are clustered by the nearest record: records that share it are near or far together.

    Args:
        between: returns the distances between two of the sets 0 synthetic, 1 seeds, 2 hold-out.
        limit: how many synthetic and how many hold-out records are compared at most, drawn at random; always with all
            seeds and all of the hold-out. The intervals are those of the sample.

    Raises:
        DataError: fewer than two records of a kind.
    """
    if min(synthetic, seeds, holdout) < 2:
        raise DataError(
            f"{synthetic} synthetic records, {seeds} seeds, {holdout} of the hold-out: expected two of each at least."
        )
    asked, held = _drawn(synthetic, limit, seed), _drawn(holdout, limit, seed + 1)
    near, far = _two_nearest(between(0, 1), asked, seeds), _two_nearest(between(0, 2), asked, holdout)
    near_0, far_0 = _two_nearest(between(2, 1), held, seeds), _two_nearest(between(2, 2), held, holdout, same=True)
    return Nearness(
        _summed(near, far), _summed(near_0, far_0), seeds / (seeds + holdout), asked, near.places, near.first
    )


def text_repeats(
    synthetic: Sequence[str],
    seeds: Sequence[str],
    *,
    embed: Embed | None = None,
    words: int = 3,
    limit: int | None = None,
    seed: int = 0,
) -> tuple[Estimate, Estimate]:
    """Return `repeats` of texts, compared as in `text_nearness`."""
    between = text_distances((synthetic, seeds), embed, words)
    return repeats(len(synthetic), len(seeds), between, limit=limit, seed=seed)


def repeats(
    synthetic: int,
    seeds: int,
    between: Callable[[int, int], Distances],
    *,
    limit: int | None = None,
    seed: int = 0,
) -> tuple[Estimate, Estimate]:
    """Return the ratio of nearest distances of synthetic records, and of the seeds, each without itself.

    What can be said without a hold-out: a fresh real record lies to the seeds as each seed lies to the others.

    Raises:
        DataError: fewer than two synthetic records, or than three seeds.
    """
    if synthetic < 2 or seeds < 3:
        raise DataError(f"{synthetic} synthetic records and {seeds} seeds: expected two and three at least.")
    made = _two_nearest(between(0, 1), _drawn(synthetic, limit, seed), seeds)
    real = _two_nearest(between(1, 1), _drawn(seeds, limit, seed + 1), seeds, same=True)
    return _ratio(made), _ratio(real)


class _Two(NamedTuple):
    """Hold, for each query, its nearest record, its distance, and that of the second nearest."""

    places: npt.NDArray[np.int64]
    first: Floats
    second: Floats


def _summed(near: _Two, far: _Two) -> Nearest:
    closer = (near.first < far.first) + 0.5 * (near.first == far.first)
    owners = np.where(near.first <= far.first, near.places, -1 - far.places)
    share = _clustered(closer, owners, near.first == far.first)
    return Nearest(share, _ratio(near), proportion(int((near.first == 0).sum()), len(near.first)))


def _ratio(near: _Two) -> Estimate:
    ratio = np.divide(near.first, near.second, out=np.ones_like(near.first), where=near.second > 0)
    return _clustered(ratio, near.places, near.first == near.second)


def _clustered(
    values: npt.NDArray[np.floating], owners: npt.NDArray[np.int64], tied: npt.NDArray[np.bool_]
) -> Estimate:
    """Return the mean of values that hang on the record that is nearest; those of ties hang on none."""
    clusters = [
        (int(tie), place if tie else owner) for place, (owner, tie) in enumerate(zip(owners, tied, strict=True))
    ]
    if len(set(clusters)) < 2:
        return Estimate(float(values.mean()), 0.0, 1.0, 1)  # all hang on one record: nothing is said of others
    return clustered_mean(values.tolist(), clusters)


def _drawn(count: int, limit: int | None, seed: int) -> Places:
    if limit is None or count <= limit:
        return np.arange(count)
    return np.sort(np.random.default_rng(seed).choice(count, limit, replace=False))


def _two_nearest(distances: Distances, queries: Places, records: int, *, same: bool = False) -> _Two:
    """Search among all records.

    Args:
        same: queries are places among the records themselves, and no record is its own neighbour.
    """
    places, first, second = [], [], []
    step = max(1, CELLS // records)
    for start in range(0, len(queries), step):
        asked = queries[start : start + step]
        block, rows = distances(asked), np.arange(len(asked))
        if same:
            block[rows, asked] = np.inf
        place = block.argmin(axis=1)
        places.append(place)
        first.append(block[rows, place])
        block[rows, place] = np.inf
        second.append(block.min(axis=1))
    return _Two(np.concatenate(places), np.concatenate(first), np.concatenate(second))
