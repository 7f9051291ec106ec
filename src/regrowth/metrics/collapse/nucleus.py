"""Drawing with a temperature and from the most probable words only, without listing all words of every context.

Words that never followed a context's last word keep the order of p(w) in every context and share one factor; only the
few that did follow it are looked at one by one. So a draw costs as many steps as its last word has followers.
"""

import numpy as np

from regrowth.metrics.collapse.following import Floats, Following, Mask, Numbers, shares

__all__ = ["Nucleus"]


class Nucleus:
    """Draw next words from the most probable ones."""

    def __init__(
        self,
        ones: Numbers,
        twos: Following,
        threes: Following,
        weights: tuple[float, float, float],
        temperature: float,
        top_p: float,
    ) -> None:
        """Take the counts of single words, pairs and triples."""
        self.twos, self.threes, self.weights = twos, threes, weights
        self.power, self.top_p = 1 / temperature, top_p
        self.share = ones / ones.sum()
        self.order = np.argsort(-self.share, kind="stable")
        self.rank = np.empty(len(ones), np.int64)
        self.rank[self.order] = np.arange(len(ones))
        self.known = int((ones > 0).sum())
        self.raised = self.share[self.order] ** self.power
        """Of each single word, the most frequent first; so are the sums before it."""
        self.sums = np.concatenate(([0.0], np.cumsum(self.raised)))

    def draw(self, before: Numbers, last: Numbers, rng: np.random.Generator) -> Numbers:
        """Draw one word after each context."""
        context = before * len(self.share) + last
        starts, stops = self.twos.span(last)
        pairs, triples = self.twos.totals(starts, stops), self.threes.totals(*self.threes.span(context))
        one, two, three = shares(self.weights, pairs > 0, triples > 0)
        many = stops - starts
        row = np.repeat(np.arange(len(last)), many)
        place = np.arange(len(row)) + np.repeat(starts - (np.cumsum(many) - many), many)
        word = self.twos.words[place]
        chance = one[row] * self.share[word] + two[row] * self.twos.counts[place] / pairs[row]
        chance += three[row] * self.threes.of(context[row], word) / np.maximum(triples, 1)[row]
        weight, scale = chance**self.power, one**self.power
        first = np.full(len(last), self.known)
        if self.top_p < 1:
            first, kept = self._cut(row, self.rank[word], weight, scale)
            weight = np.where(kept, weight, 0.0)
        held = np.bincount(row, weight, len(last))
        rest = self._rest(row, self.rank[word], first, scale)
        follows = rng.random(len(last)) * (held + rest) < held
        sums = np.concatenate(([0.0], np.cumsum(weight)))
        ends = np.cumsum(many)
        wanted = sums[ends - many] + rng.random(len(last)) * held
        # Rounding must not step over the last follower of a row.
        places = np.clip(
            np.searchsorted(sums[1:], wanted, side="right"), ends - many, np.maximum(ends - 1, ends - many)
        )
        found = np.zeros(len(last), np.int64)
        found[follows] = word[places[follows]]
        self._others(found, np.flatnonzero(~follows), first, last, rng)
        return found

    def _rest(self, row: Numbers, rank: Numbers, first: Numbers, scale: Floats) -> Floats:
        """Return what the words weigh that did not follow, the `first` most frequent of all."""
        taken = np.bincount(row, np.where(rank < first[row], self.raised[rank], 0.0), len(scale))
        rest = self.sums[first] - taken
        return np.asarray(scale * np.where(rest > 1e-12 * self.sums[first], rest, 0.0))

    def _cut(self, row: Numbers, rank: Numbers, weight: Floats, scale: Floats) -> tuple[Numbers, Mask]:
        """Return how many of the most frequent words are in the nucleus of each row, and which followers are."""
        rows = len(scale)
        whole = np.bincount(row, weight, rows) + self._rest(row, rank, np.full(rows, self.known), scale)
        wanted = self.top_p * whole
        low, high = np.zeros(rows, np.int64), np.full(rows, self.known)
        while (low < high).any():  # the fewest of the most frequent words with which enough is held
            middle = (low + high) // 2
            enough = self._mass(row, rank, weight, scale, middle) >= wanted
            low, high = np.where(enough, low, middle + 1), np.where(enough, middle, high)
        return self._between(row, rank, weight, scale, np.minimum(low, self.known), wanted)

    def _least(self, scale: Floats, first: Numbers) -> Floats:
        """Return what the last of the `first` most frequent words weighs; infinite of none."""
        return np.asarray(np.where(first > 0, scale * self.raised[np.maximum(first - 1, 0)], np.inf))

    def _mass(self, row: Numbers, rank: Numbers, weight: Floats, scale: Floats, first: Numbers) -> Floats:
        """Return what all words weigh together that weigh as much as the last of the `first` most frequent ones."""
        heavy = np.where(weight >= self._least(scale, first)[row], weight, 0.0)
        return np.asarray(np.bincount(row, heavy, len(scale)) + self._rest(row, rank, first, scale))

    def _between(
        self, row: Numbers, rank: Numbers, weight: Floats, scale: Floats, first: Numbers, wanted: Floats
    ) -> tuple[Numbers, Mask]:
        """Leave out of a nucleus what it does not need: its lightest followers, or its last frequent word."""
        fewer = np.maximum(first - 1, 0)
        upper, lower = self._least(scale, fewer)[row], self._least(scale, first)[row]
        kept = weight >= upper
        missing = wanted - self._mass(row, rank, weight, scale, fewer)
        between = np.flatnonzero((weight >= lower) & ~kept)
        between = between[np.lexsort((-weight[between], row[between]))]
        rows = row[between]
        sums = np.cumsum(weight[between])
        opens = np.searchsorted(rows, rows, side="left")
        earlier = sums - weight[between] - np.where(opens > 0, sums[opens - 1], 0.0)
        needed = earlier < missing[rows]
        kept[between[needed]] = True
        brought = np.bincount(rows, np.where(needed, weight[between], 0.0), len(scale))
        return np.where(brought >= missing, fewer, first), kept

    def _others(self, found: Numbers, rows: Numbers, first: Numbers, last: Numbers, rng: np.random.Generator) -> None:
        """Draw from the most frequent words those that did not follow; what did follow is drawn again."""
        while len(rows):
            wanted = rng.random(len(rows)) * self.sums[first[rows]]
            place = np.searchsorted(self.sums[1:], wanted, side="right")
            word = self.order[np.minimum(place, first[rows] - 1)]
            found[rows] = word
            rows = rows[self.twos.of(last[rows], word) > 0]
