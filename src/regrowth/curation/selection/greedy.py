"""Which of n vectors stand for all: facility location and k-centre, both greedy, both in bounded memory.

    found = facilities(unit(embedding), 500)       # found.places, in the order of choice
    found = centres(unit(embedding), 500)

Facility location: F(S) = 1/m · Σ max(0, cosine of witness i and its nearest of S), over m witnesses. It is monotone and
submodular, so for k picks
  `lazy`        F ≥ (1 - 1/e) · best of all sets of k    (Nemhauser, Wolsey and Fisher, 1978; lazy: Minoux, 1978)
  `stochastic`  F ≥ (1 - 1/e - ε) · best, in expectation (Mirzasoleiman et al., 2015, arXiv:1409.7938)
Witnesses are all vectors, or a draw of m where there are more. Then the bounds hold for F over the drawn ones. F of one
set, fixed before, over all lies within √(ln(2/δ) / 2m) of that with probability 1 - δ (Hoeffding; 0.0096 at m = 20,000,
95 %); for the set that was chosen by them it is somewhat lower than it looks to them.
k-centre: the farthest point goes next (Gonzalez, 1985). The largest distance to a centre (Euclidean, on vectors of
length 1) is at most twice the least possible.

With quality: F gives way to (1 - weight) · F + weight · 1/k · Σ quality of S. That is monotone and submodular too, and
the bounds of facility location hold for it. Those of k-centre do not.

Memory: the vectors and those of the witnesses once more; some 100 bytes per vector; tiles of 2 MB; and at most `memory`
bytes for a table of cosines, which is kept where it fits.
"""

import heapq
import math
import random
from typing import Literal, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from regrowth.core.errors import SettingsError
from regrowth.core.record import digest
from regrowth.curation.selection.nearness import ACROSS, DOWN, Floats, Places, tiles

__all__ = ["MEMORY", "WITNESSES", "Method", "Picked", "centres", "facilities", "represented"]

Method: TypeAlias = Literal["lazy", "stochastic"]
Doubles: TypeAlias = npt.NDArray[np.float64]

WITNESSES = 20_000
MEMORY = 256 * 2**20
FIRST, MOST = 16, 256
"""Vectors that are looked at together: for each pick as many as `FIRST`, twice as many each time that is too few."""


class Picked(NamedTuple):
    """Hold the chosen places and what each was worth."""

    places: list[int]
    """In the order of choice."""
    gains: list[float]
    """By how much each raised the objective; for k-centre its distance to the nearest before it, 2 for the first."""
    looks: int
    """Gains (or distances, in batches) that were computed: what it cost."""


class _Facilities:
    """Know how well each witness stands, and what a further place would be worth."""

    def __init__(self, vectors: Floats, witnesses: Places | None, memory: int) -> None:
        self.vectors = vectors
        self.all = witnesses is None
        self.witnesses = vectors if witnesses is None else vectors[np.asarray(witnesses)]
        self.standing = np.zeros(len(self.witnesses), np.float32)
        self.looks = 0
        fits = vectors.shape[0] * self.witnesses.shape[0] * 4 <= memory
        self.table = vectors @ self.witnesses.T if fits else None

    def gains(self, places: npt.NDArray[np.int64]) -> Doubles:
        """Return by how much each place would raise the objective."""
        self.looks += len(places)
        found = np.zeros(len(places))
        for down in tiles(len(places), DOWN):
            rows = None if self.table is None else self.table[places[down]]
            block = self.vectors[places[down]]
            for across in tiles(len(self.witnesses), ACROSS):
                cosines = block @ self.witnesses[across].T if rows is None else rows[:, across]
                np.subtract(cosines, self.standing[across], out=cosines)
                np.maximum(cosines, 0, out=cosines)
                found[down] += cosines.sum(axis=1, dtype=np.float32)
        return found / max(1, len(self.witnesses))

    def first(self) -> Doubles:
        """Return the gains of all places before the first is taken; of a symmetric table only half is computed."""
        if not self.all or self.table is not None:
            return self.gains(np.arange(len(self.vectors)))
        self.looks += len(self.vectors)
        found = np.zeros(len(self.vectors))
        strips = tiles(len(self.vectors), 2 * DOWN)
        for number, down in enumerate(strips):
            for across in strips[number:]:
                cosines = np.maximum(self.vectors[down] @ self.vectors[across].T, 0)
                found[down] += cosines.sum(axis=1)
                if across is not down:
                    found[across] += cosines.sum(axis=0)
        return found / max(1, len(self.vectors))

    def take(self, place: int) -> None:
        """Let the witnesses stand by a further place."""
        row = self.witnesses @ self.vectors[place] if self.table is None else self.table[place]
        np.maximum(self.standing, row, out=self.standing)


def facilities(
    vectors: Floats,
    count: int,
    *,
    quality: Doubles | None = None,
    weight: float = 0.0,
    method: Method = "lazy",
    epsilon: float = 0.05,
    witnesses: int = WITNESSES,
    seed: int = 0,
    memory: int = MEMORY,
) -> Picked:
    """Choose places by facility location; of equals the first place.

    Args:
        vectors: Of length 1, as `unit` returns them.
        quality: 0 … 1 for each vector.
        weight: Of quality against diversity, 0 … 1.
        epsilon: How much of the bound `stochastic` gives up; it looks at (n/k) · ln(1/ε) drawn vectors per pick.
        witnesses: Most vectors that the objective is measured on; the seed says which.

    Raises:
        SettingsError: a weight or an epsilon out of range, or as many qualities as vectors are not given.
    """
    worth = _worth(vectors, quality, weight)
    if not 0 < epsilon < 1:
        raise SettingsError(f"epsilon = {epsilon}: expected a number between 0 and 1.")
    number, count = len(vectors), min(count, len(vectors))
    rng = random.Random(digest("facilities", seed, number))
    asked = sorted(rng.sample(range(number), witnesses)) if witnesses < number else None
    state = _Facilities(vectors, asked, memory)
    # Both parts lie within 0 … 1 when all is chosen.
    share, worth = 1 - weight, worth * weight / max(1, count)
    if method == "lazy":
        places, gains = _lazy(state, count, share, worth)
    else:
        places, gains = _stochastic(state, count, share, worth, epsilon, rng)
    return Picked(places, gains, state.looks)


def _lazy(state: _Facilities, count: int, share: float, worth: Doubles) -> tuple[list[int], list[float]]:
    """Take the greatest gain; a gain only shrinks, so what was once found too small need not be looked at again."""
    places: list[int] = []
    gains: list[float] = []
    if not count:
        return places, gains
    heap = list(zip((-(share * state.first() + worth)).tolist(), range(len(worth)), strict=True))
    heapq.heapify(heap)
    fresh = True  # nothing was taken since these gains were found
    while len(places) < count:
        size, best = FIRST, heapq.heappop(heap) if fresh else (math.inf, -1)
        looked: list[tuple[float, int]] = []
        while heap and best > heap[0]:
            asked = [heapq.heappop(heap)[1] for _ in range(min(size, len(heap)))]
            where = np.asarray(asked)
            looked += zip((-(share * state.gains(where) + worth[where])).tolist(), asked, strict=True)
            best, size = min(looked), min(2 * size, MOST)
        for one in looked:
            if one != best:
                heapq.heappush(heap, one)
        fresh = False
        places.append(best[1])
        gains.append(-best[0])
        state.take(best[1])
    return places, gains


def _stochastic(
    state: _Facilities, count: int, share: float, worth: Doubles, epsilon: float, rng: random.Random
) -> tuple[list[int], list[float]]:
    """Take the greatest gain of a few that are drawn anew for each pick."""
    left = list(range(len(worth)))
    size = math.ceil(len(worth) / max(1, count) * math.log(1 / epsilon))
    places: list[int] = []
    gains: list[float] = []
    while len(places) < count:
        drawn = sorted(rng.sample(range(len(left)), min(size, len(left))), key=left.__getitem__)
        where = np.asarray([left[slot] for slot in drawn])
        found = share * state.gains(where) + worth[where]
        best = int(found.argmax())
        places.append(int(where[best]))
        gains.append(float(found[best]))
        state.take(places[-1])
        left[drawn[best]] = left[-1]  # the last one moves into the gap
        left.pop()
    return places, gains


def represented(vectors: Floats, places: Places) -> float:
    """Return F over all vectors: the mean cosine, 0 at least, of a vector and its nearest of the chosen."""
    if not len(vectors) or not len(places):
        return 0.0
    total = 0.0
    chosen = vectors[np.asarray(places)]
    for down in tiles(len(vectors), DOWN):
        standing = np.zeros(len(vectors[down]), np.float32)
        for across in tiles(len(chosen), ACROSS):
            np.maximum(standing, (vectors[down] @ chosen[across].T).max(axis=1), out=standing)
        total += float(standing.sum(dtype=np.float64))
    return total / len(vectors)


def centres(vectors: Floats, count: int, *, quality: Doubles | None = None, weight: float = 0.0) -> Picked:
    """Choose places by k-centre: first the one nearest to the mean, then always the farthest; of equals the first.

    With quality, (1 - weight) · distance / 2 + weight · quality is what the next place is the greatest of.

    A vector's distance is computed only when an old one says that it could be next: distances only shrink.

    Raises:
        SettingsError: the weight is out of range, or as many qualities as vectors are not given.
    """
    worth = _worth(vectors, quality, weight) * weight
    count, looks = min(count, len(vectors)), 0
    if not count:
        return Picked([], [], 0)
    mean = vectors.mean(axis=0, dtype=np.float64).astype(np.float32)
    start = (1 - weight) * (vectors @ mean).astype(np.float64) / max(1e-12, float(np.linalg.norm(mean))) + worth
    places, gains = [int(start.argmax())], [2.0]
    near = np.full(len(vectors), -1, np.float32)
    """Greatest cosine with the centres that a vector was compared with: so many of the first."""
    compared = np.zeros(len(vectors), np.int64)
    taken = np.empty((count, vectors.shape[1]), np.float32)
    taken[0] = vectors[places[0]]
    heap = list(zip((-((1 - weight) + worth)).tolist(), range(len(vectors)), strict=True))
    heapq.heapify(heap)
    chosen = {places[0]}
    while len(places) < count:
        size = FIRST
        while True:
            asked = [heapq.heappop(heap)[1] for _ in range(min(size, len(heap)))]
            stale = np.asarray([place for place in asked if place not in chosen], dtype=np.int64)
            since = int(compared[stale].min()) if len(stale) else len(places)
            if since < len(places):
                looks += len(stale) * (len(places) - since)
                for across in tiles(len(places) - since, ACROSS):
                    cosines = vectors[stale] @ taken[since : len(places)][across].T
                    near[stale] = np.maximum(near[stale], cosines.max(axis=1))
                compared[stale] = len(places)
            values = (1 - weight) * _distance(near[stale]) / 2 + worth[stale]
            for value, place in zip(values.tolist(), stale.tolist(), strict=True):
                heapq.heappush(heap, (-value, place))
            if compared[heap[0][1]] == len(places):
                break
            size = min(2 * size, MOST)
        place = heapq.heappop(heap)[1]
        gains.append(float(_distance(near[place : place + 1])[0]))
        taken[len(places)] = vectors[place]
        places.append(place)
        chosen.add(place)
    return Picked(places, gains, looks)


def _distance(cosines: Floats) -> Doubles:
    return np.sqrt(np.maximum(0, 2 - 2 * cosines.astype(np.float64)))


def _worth(vectors: Floats, quality: Doubles | None, weight: float) -> Doubles:
    if not 0 <= weight <= 1:
        raise SettingsError(f"weight = {weight}: expected 0 (diversity alone) to 1 (quality alone).")
    if quality is None:
        if weight:
            raise SettingsError(f"weight = {weight}, but no quality is given: give scores, or set it to 0.")
        return np.zeros(len(vectors))
    if quality.shape != (len(vectors),) or not np.isfinite(quality).all():
        raise SettingsError(
            f"quality of shape {quality.shape} for {len(vectors)} vectors: expected a finite number each."
        )
    return quality.astype(np.float64)
