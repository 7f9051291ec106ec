"""An interpolated word trigram: fitted in milliseconds, it stands in for a language model where there is none.

    first = NGram.fit(["the cat sat", "the dog sat"])
    first.nll(first.encode(["the cat sat"])).mean()      # nats per word, the end of the text counted as one
    drawn = first.sample(700, np.random.default_rng(0))  # 700 texts as arrays of word numbers; first.decode(drawn)
    second = NGram.fit(drawn, vocabulary=first.vocabulary)

p(w | a b) = .1 p(w) + .3 p(w | b) + .6 p(w | a b), each a share of counts; where a context was never seen, its weight
goes to the next shorter one. Number 0 is the edge of a text, number 1 any word that is not in the vocabulary.
When a text is scored, every word of the vocabulary counts 0.1 more often in p(w), so that nothing is impossible. When
texts are drawn it does not: a word that was not seen is never drawn, which is how words die out.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Self, TypeAlias

import numpy as np
import numpy.typing as npt

from regrowth.core.errors import DataError
from regrowth.metrics.collapse.following import Floats, Following, Numbers, shares
from regrowth.metrics.collapse.nucleus import Nucleus
from regrowth.texts import words

__all__ = ["EDGE", "UNKNOWN", "Documents", "NGram", "Vocabulary"]

Documents: TypeAlias = Sequence[npt.NDArray[np.integer]]
"""Texts as arrays of word numbers, without their edges."""

EDGE, UNKNOWN = 0, 1
LONGEST = 1000
"""Words of a drawn text, at most."""


@dataclass(frozen=True)
class Vocabulary:
    """Number words: those of some texts in alphabetical order, from 2 on."""

    words: tuple[str, ...]

    @classmethod
    def of(cls, texts: Iterable[str]) -> Self:
        """Number the words of some texts."""
        return cls(("", "?", *sorted({word for text in texts for word in words(text)})))

    @classmethod
    def numbered(cls, size: int) -> Self:
        """Return the vocabulary of arrays that hold the numbers 2 … size - 1, whose words nobody needs to know."""
        return cls(("", "?", *map(str, range(2, size))))

    def __len__(self) -> int:
        """Return how many numbers there are, edge and unknown word included."""
        return len(self.words)

    def encode(self, texts: Iterable[str]) -> list[Numbers]:
        """Return texts as numbers."""
        places = {word: place for place, word in enumerate(self.words) if place > UNKNOWN}
        return [np.array([places.get(word, UNKNOWN) for word in words(text)], np.int64) for text in texts]

    def decode(self, documents: Iterable[npt.NDArray[np.integer]]) -> list[str]:
        """Return numbers as texts."""
        return [" ".join(self.words[number] for number in document) for document in documents]


class NGram:
    """Hold the counts of single words, pairs and triples of some texts."""

    def __init__(
        self,
        documents: Documents,
        vocabulary: Vocabulary,
        *,
        weights: tuple[float, float, float] = (0.1, 0.3, 0.6),
        smoothing: float = 0.1,
    ) -> None:
        """Count; `fit` is the same for texts.

        Args:
            weights: of single words, pairs and triples.
            smoothing: what is added to each word's count where texts are scored.

        Raises:
            DataError: no documents, numbers outside of the vocabulary, or weights that do not add up to 1.
        """
        if min(weights) < 0 or abs(sum(weights) - 1) > 1e-9 or weights[0] == 0 or smoothing <= 0:
            raise DataError(
                f"weights {weights}, smoothing {smoothing}: expected weights that add up to 1, the first > 0."
            )
        self.vocabulary, self.weights, self.smoothing = vocabulary, weights, smoothing
        size = len(vocabulary)
        before, last, word = _triples(documents, size)
        self.tokens = len(word)
        self._ones = np.bincount(word, minlength=size)
        self._twos = Following(last, word, size)
        self._threes = Following(before * size + last, word, size)

    @classmethod
    def fit(
        cls,
        documents: Sequence[str] | Documents,
        *,
        vocabulary: Vocabulary | None = None,
        weights: tuple[float, float, float] = (0.1, 0.3, 0.6),
        smoothing: float = 0.1,
    ) -> Self:
        """Fit a model to texts, or to arrays of word numbers.

        Args:
            vocabulary: of the first round's model, without which models cannot be compared; otherwise that of the
                texts. Arrays without one: numbers from 2 to the greatest.

        Raises:
            DataError: as the constructor.
        """
        texts = [one for one in documents if isinstance(one, str)]
        arrays = [np.asarray(one) for one in documents if not isinstance(one, str)]
        if texts:
            vocabulary = vocabulary or Vocabulary.of(texts)
            arrays = list(vocabulary.encode(texts))
        vocabulary = vocabulary or Vocabulary.numbered(
            1 + max((int(one.max()) for one in arrays if len(one)), default=1)
        )
        return cls(arrays, vocabulary, weights=weights, smoothing=smoothing)

    def encode(self, texts: Iterable[str]) -> list[Numbers]:
        """Return texts as numbers."""
        return self.vocabulary.encode(texts)

    def decode(self, documents: Iterable[npt.NDArray[np.integer]]) -> list[str]:
        """Return numbers as texts."""
        return self.vocabulary.decode(documents)

    def nll(self, documents: Documents | npt.NDArray[np.integer]) -> Floats:
        """Return the negative log-probability, in nats, of every word and every end, document after document.

        Raises:
            DataError: no documents, or numbers outside of the vocabulary.
        """
        size = len(self.vocabulary)
        before, last, word = _triples([documents] if isinstance(documents, np.ndarray) else documents, size)
        context = before * size + last
        pairs = self._twos.totals(*self._twos.span(last))
        triples = self._threes.totals(*self._threes.span(context))
        one, two, three = shares(self.weights, pairs > 0, triples > 0)
        found = one * self._scored[word]
        found += two * self._twos.of(last, word) / np.maximum(pairs, 1)
        found += three * self._threes.of(context, word) / np.maximum(triples, 1)
        return np.asarray(-np.log(found))

    def nll_by_document(self, documents: Documents) -> Floats:
        """Return the mean of `nll` over each document, its end included."""
        lengths = np.array([len(one) + 1 for one in documents])
        return np.asarray(np.add.reduceat(self.nll(documents), np.cumsum(lengths) - lengths) / lengths)

    @property
    def _scored(self) -> Floats:
        return np.asarray((self._ones + self.smoothing) / (self.tokens + self.smoothing * len(self._ones)))

    def sample(
        self,
        count: int,
        rng: np.random.Generator,
        temperature: float = 1.0,
        top_p: float = 1.0,
        *,
        longest: int = LONGEST,
    ) -> list[Numbers]:
        """Draw texts, all of them side by side.

        Args:
            temperature: probabilities are raised to its inverse; above 0.
            top_p: the most probable words that hold this share are drawn from, after the temperature; in (0, 1].
            longest: words after which a text is cut.

        Raises:
            DataError: a temperature or share out of range.
        """
        if temperature <= 0 or not 0 < top_p <= 1:
            raise DataError(f"temperature {temperature}, top_p {top_p}: expected above 0, and in (0, 1].")
        plain = temperature == 1 and top_p == 1
        nucleus = None if plain else Nucleus(self._ones, self._twos, self._threes, self.weights, temperature, top_p)
        drawn = np.zeros((count, longest), np.int64)
        before, last = np.zeros(count, np.int64), np.zeros(count, np.int64)
        going = np.arange(count)
        for step in range(longest):
            word = nucleus.draw(before, last, rng) if nucleus else self._drawn(before, last, rng)
            drawn[going, step] = word
            on = word != EDGE
            going, before, last = going[on], last[on], word[on]
            if not len(going):
                break
        lengths = np.where((drawn == EDGE).any(axis=1), (drawn == EDGE).argmax(axis=1), longest)
        return [row[:length].copy() for row, length in zip(drawn, lengths, strict=True)]

    def _drawn(self, before: Numbers, last: Numbers, rng: np.random.Generator) -> Numbers:
        """Draw the next words: first which of the three models says it, then an occurrence of its context."""
        short = self._twos.span(last)
        long = self._threes.span(before * len(self.vocabulary) + last)
        one, two, _ = shares(self.weights, short[1] > short[0], long[1] > long[0])
        which, uniform = rng.random(len(last)), rng.random(len(last))
        single = np.searchsorted(np.cumsum(self._ones), (uniform * self.tokens).astype(np.int64), side="right")
        found = single.astype(np.int64)
        for counts, (starts, stops), chosen in (
            (self._twos, short, (which >= one) & (which < one + two)),
            (self._threes, long, which >= one + two),
        ):
            chosen &= stops > starts
            found[chosen] = counts.draw(starts[chosen], stops[chosen], uniform[chosen])
        return found


def _triples(documents: Documents, size: int) -> tuple[Numbers, Numbers, Numbers]:
    """Return every word and every end of some documents, with the two words before it."""
    if not len(documents):
        raise DataError("no documents: expected at least one text.")
    lengths = np.array([len(one) for one in documents])
    flat = np.concatenate([np.asarray(one, np.int64) for one in documents])
    if len(flat) and (flat.min() <= EDGE or flat.max() >= size):
        wrong = flat.min() if flat.min() <= EDGE else flat.max()
        raise DataError(f"word number {wrong}: expected {UNKNOWN} to {size - 1}, the numbers of the vocabulary.")
    # Each document between two edges in front and one behind.
    starts = np.cumsum(lengths + 3) - (lengths + 3)
    padded = np.full(len(flat) + 3 * len(lengths), EDGE, np.int64)
    inside = np.ones(len(padded), np.bool_)
    for offset in (0, 1):
        inside[starts + offset] = False
    places = np.flatnonzero(inside)
    filled = inside.copy()
    filled[starts + lengths + 2] = False
    padded[filled] = flat
    return padded[places - 2], padded[places - 1], padded[places]
