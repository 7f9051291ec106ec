"""How texts are worded: their words, runs of words and first words as numbers, and their style in figures.

    Wording.of(["Pens and paper.", "Paper and pens!"]).runs(2)     # the six runs of two words, of which text each is
    style(["Pens and PAPER."])    {"words": [3.], "capitals": [.5], "punctuation": [.067], …}

Words are runs of letters and digits, lower case. Texts without any word have no runs and no first word.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

__all__ = ["Runs", "Wording", "divergence", "style"]

_WORD = re.compile(r"\w+(?:['’]\w+)*")
_END = re.compile(r"[.!?…。！？]+|\n+")
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Runs:
    """Hold runs of words as numbers from 0 on, text by text."""

    places: npt.NDArray[np.intp]
    text: npt.NDArray[np.intp]
    """Of each run, the number of its text."""
    kinds: int

    def counts(self, texts: npt.NDArray[np.intp]) -> npt.NDArray[np.int64]:
        """Return how often each kind of run occurs in some of the texts."""
        chosen = np.zeros(int(max(self.text.max(initial=-1), texts.max(initial=-1))) + 1, np.bool_)
        chosen[texts] = True
        return np.bincount(self.places[chosen[self.text]], minlength=self.kinds)


@dataclass(frozen=True)
class Wording:
    """Hold the words of texts as numbers."""

    words: Runs

    @classmethod
    def of(cls, texts: Sequence[str]) -> "Wording":
        """Read texts."""
        known: dict[str, int] = {}
        found = [[known.setdefault(word, len(known)) for word in _WORD.findall(text.lower())] for text in texts]
        flat = np.fromiter((place for words in found for place in words), np.intp)
        return cls(Runs(flat, np.repeat(np.arange(len(texts)), [len(words) for words in found]), len(known)))

    def runs(self, length: int) -> Runs:
        """Return the runs of so many words within texts."""
        text, places, kinds = self.words.text, self.words.places, self.words.kinds
        starts = np.arange(len(text))
        for step in range(1, length):
            going = starts + step < len(text)
            going[going] = text[starts[going]] == text[starts[going] + step]
            starts = starts[going]
            longer = places[going] * self.words.kinds + self.words.places[starts + step]
            known, places = np.unique(longer, return_inverse=True)
            kinds = len(known)
        return Runs(places, text[starts], kinds)

    def first(self) -> Runs:
        """Return the first word of each text."""
        starts = np.flatnonzero(np.diff(self.words.text, prepend=-1))
        return Runs(self.words.places[starts], self.words.text[starts], self.words.kinds)


def divergence(one: npt.NDArray[np.int64], other: npt.NDArray[np.int64]) -> float:
    """Return the Jensen-Shannon divergence of two tables of counts, in bits; 1 where either is empty."""
    if not one.sum() or not other.sum():
        return 0.0 if not one.sum() and not other.sum() else 1.0
    shares = np.stack([one / one.sum(), other / other.sum()])
    middle = shares.mean(axis=0)
    ratios = np.divide(shares, middle, out=np.ones_like(shares), where=shares > 0)
    return float(max(0.0, (shares * np.log2(ratios)).sum() / 2))


def style(texts: Sequence[str]) -> Mapping[str, Floats]:
    """Return figures of style by name, one of each text; those of texts without words are NaN."""
    words = [_WORD.findall(text) for text in texts]
    sentences = [sum(1 for part in _END.split(text) if part.strip()) for text in texts]

    def share(fits: Callable[[str], bool], among: Callable[[str], bool]) -> Floats:
        counts = [(sum(map(fits, text)), sum(map(among, text))) for text in texts]
        return np.array([one / of if of else np.nan for one, of in counts])

    lengths = np.array([len(found) for found in words], np.float64)
    with np.errstate(invalid="ignore", divide="ignore"):
        return {
            "characters": np.array([len(text) for text in texts], np.float64),
            "words": lengths,
            "characters per word": np.array([sum(map(len, found)) for found in words]) / lengths,
            "words per sentence": np.where(lengths > 0, lengths / np.maximum(1, sentences), np.nan),
            "punctuation": share(_is_mark, lambda sign: not sign.isspace()),
            "capitals": share(str.isupper, str.isalpha),
            "digits": share(str.isdigit, lambda sign: not sign.isspace()),
        }


def _is_mark(sign: str) -> bool:
    return not (sign.isalnum() or sign.isspace())
