"""A word trigram that is refitted on its own texts: the seconds-long stand-in for a language model.

    play(Language(parted(documents(None))), "replace", Mixing(), rounds=5, size=700, seeds=3, seed=0)

Figures: `real NLL` (nats per word of held-out real documents) and `types` (different words in what was fitted). Texts
are drawn at a temperature and from the most probable words only, if asked: that is a bias, which adds to the noise.
Wrong, for a verifier: less likely per word, under a trigram of the verifier's own real documents, than 95 % of real
documents are.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple, Self

import numpy as np

from regrowth.core.errors import DataError
from regrowth.metrics.collapse.ngram import Documents, NGram, Vocabulary
from regrowth.recipes._collapse.samples import Array, Mask, Rng
from regrowth.recipes._collapse.texts import Corpus

__all__ = ["Language", "LanguageFit", "Texts", "Verifier"]

RIM = 0.95
"""Share of real documents that the verifier holds right."""
LONGEST = 80
"""Words after which a text is cut, as the real ones are."""


@dataclass(frozen=True)
class Texts:
    """Hold documents, as word numbers, per seed."""

    documents: Sequence[Documents]

    @property
    def size(self) -> int:
        """Return how many documents there are per seed."""
        return len(self.documents[0])

    def among(self, others: Sequence[Self], rng: Rng, size: int) -> Self:
        """Draw documents from these and the others together, without replacement."""
        pools = [
            [one for part in (self, *others) for one in part.documents[seed]] for seed in range(len(self.documents))
        ]
        return type(self)([[pool[place] for place in rng.permutation(len(pool))[:size]] for pool in pools])

    def only(self, kept: Mask, size: int) -> Self:
        """Return the first `size` of the documents that were kept."""
        if (fewest := int(kept.sum(1).min())) < size:
            raise DataError(f"The verifier kept {fewest} of {self.size} texts, {size} are needed: raise keep_wrong.")
        chosen = [np.flatnonzero(row)[:size] for row in kept]
        return type(self)([[mine[k] for k in row] for mine, row in zip(self.documents, chosen, strict=True)])


class LanguageFit(NamedTuple):
    """Hold one trigram per seed, and how many different words it was fitted on."""

    models: Sequence[NGram]
    types: Array


class Verifier:
    """Tell wrong documents by a trigram of real ones that the generator never saw."""

    def __init__(self, real: Documents, vocabulary: Vocabulary) -> None:
        """Learn from one half of the documents what is likely, and from the other half what is likely enough."""
        half = len(real) // 2
        self.model = NGram.fit(real[:half], vocabulary=vocabulary)
        self.limit = float(np.quantile(self.model.nll_by_document(real[half:]), RIM))

    def wrong(self, documents: Documents) -> Mask:
        """Tell which documents are less likely per word than nearly all real ones."""
        return np.asarray(self.model.nll_by_document(documents) > self.limit)


@dataclass(frozen=True)
class Language:
    """Draw real documents; fit a word trigram."""

    corpus: Corpus
    temperature: float = 1.0
    top_p: float = 1.0

    @cached_property
    def vocabulary(self) -> Vocabulary:
        """Return the words of the documents to train on; others are one unknown word."""
        return Vocabulary.of(self.corpus.train)

    @cached_property
    def _train(self) -> Documents:
        return self.vocabulary.encode(self.corpus.train)

    @cached_property
    def _held_out(self) -> Documents:
        return self.vocabulary.encode(self.corpus.held_out)

    @cached_property
    def verifier(self) -> Verifier:
        """Return what tells right from wrong."""
        return Verifier(self.vocabulary.encode(self.corpus.verifier), self.vocabulary)

    def real(self, rng: Rng, seeds: int, size: int) -> Texts:
        """Draw real documents, none twice.

        Raises:
            DataError: there are not so many.
        """
        if size > len(self._train):
            raise DataError(f"{size} real documents wanted, {len(self._train)} are there: lower size, or add text.")
        return Texts([[self._train[k] for k in rng.permutation(len(self._train))[:size]] for _ in range(seeds)])

    def fit(self, parts: Sequence[Texts], weights: Sequence[float]) -> LanguageFit:
        """Fit a trigram per seed; where weights differ, on so many documents of each part."""
        alike = len(set(weights)) == 1
        shares = np.ones(len(weights)) if alike else np.asarray(weights) / np.sum(weights)
        models, types = [], []
        for seed in range(len(parts[0].documents)):
            mix = [
                document
                for part, share in zip(parts, shares, strict=True)
                for document in part.documents[seed][: round(share * part.size)]
            ]
            models.append(NGram.fit(mix, vocabulary=self.vocabulary))
            types.append(float(len(np.unique(np.concatenate(mix)))))
        return LanguageFit(models, np.array(types))

    def sample(self, fit: LanguageFit, rng: Rng, size: int) -> Texts:
        """Draw texts."""
        drawn = [one.sample(size, rng, self.temperature, self.top_p, longest=LONGEST) for one in fit.models]
        return Texts(drawn)

    def risk(self, fit: LanguageFit) -> Mapping[str, Array]:
        """Measure the NLL of held-out real documents and the words that are left."""
        nll = np.array([float(one.nll(self._held_out).mean()) for one in fit.models])
        return {"real NLL": nll, "types": fit.types}

    def wrong(self, data: Texts) -> Mask:
        """Tell which texts the verifier holds wrong."""
        return np.stack([self.verifier.wrong(documents) for documents in data.documents])
