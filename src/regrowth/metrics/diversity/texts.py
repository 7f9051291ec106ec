"""All readings of how diverse texts are, beside real texts at an equal number of texts and words.

for reading in diversity(made, real):
    print(reading.measure, reading.of, reading.estimate.value, reading.null, reading.worse)

Half of the real texts stand aside as what the others are held against; so at most half as many of both are looked at.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial

import numpy as np
import numpy.typing as npt

from regrowth.core.errors import DataError
from regrowth.metrics.diversity.grams import Coded, coded, distinct, entropy, overlap
from regrowth.metrics.diversity.neighbours import NEAREST
from regrowth.metrics.diversity.resampling import jackknifed, shortened, shuffled
from regrowth.metrics.diversity.similarities import of_kernel
from regrowth.metrics.diversity.vendi import Floats, ngram_kernel, unit
from regrowth.metrics.reading import Reading, measures
from regrowth.metrics.resampling import middle

__all__ = ["diversity"]

WORDS, TEXTS = 30_000, 500
"""Of each side, at most: of runs of words, and of what is compared text by text."""
REPLICATES = 40
LEAST = 20
"""Texts of each side, below which nothing can be told."""
COUNTED: Mapping[str, Sequence[tuple[int, Callable[[Sequence[Coded], int], float]]]] = {
    "distinct_n": [(n, distinct) for n in (1, 2, 3)],
    "ngram_entropy": [(n, entropy) for n in (1, 2)],
    "self_overlap": [(3, overlap)],
}


def diversity(
    texts: Sequence[str],
    real: Sequence[str] | None = None,
    *,
    embed: Callable[[Sequence[str]], npt.ArrayLike] | None = None,
    seed: int = 0,
) -> Sequence[Reading]:
    """Tell how diverse texts are, and beside real ones how much of them they cover.

    Args:
        real: without, there is no null, and nothing that needs a comparison.
        embed: gives vectors of texts; without, texts are as similar as their runs of 1 to 4 words.

    Raises:
        DataError: fewer than 20 texts, or 40 real ones.
        MissingExtra: scipy is not installed (only without `embed`).
    """
    if len(texts) < LEAST or (real is not None and len(real) < 2 * LEAST):
        found = f"{len(texts)} texts" + (f", {len(real)} real ones" if real is not None else "")
        raise DataError(f"{found}: expected {LEAST} or more, and {2 * LEAST} real ones, half of which stand aside.")
    rng = np.random.default_rng([seed, 6])
    made = shuffled(texts, rng, least=TEXTS, words=2 * WORDS)
    aside = shuffled(real, rng, least=2 * TEXTS, words=4 * WORDS) if real is not None else None
    return [*_counted(made, aside, rng), *_compared(made, aside, embed, rng)]


def _counted(made: list[str], real: list[str] | None, rng: np.random.Generator) -> Iterator[Reading]:
    """Give what is counted in runs of words."""
    mine, people = coded(made, real or [])
    words = min(WORDS, sum(map(len, mine)))
    words = min(words, sum(map(len, people)) // 2) if real is not None else words
    if not words:
        raise DataError("texts without a single word: expected texts in some language.")
    window = shortened(mine, words)
    nulls = [
        shortened((people[place] for place in rng.permutation(len(people))), words)
        for _ in range(REPLICATES if people else 0)
    ]
    for measure, kinds in COUNTED.items():
        for n, count in kinds:
            figure = partial(_of_places, window, count, n)
            told = jackknifed(figure, len(window), bounds=measures()[measure].bounds)
            if np.isnan(told.value):
                continue
            drawn = [count(one, n) for one in nulls]
            null = None if not drawn or np.isnan(drawn).any() else middle(drawn, len(nulls[0]))
            yield Reading(measure, f"{n}-grams", told, null, f"{words:,} words")


def _of_places(
    documents: Sequence[Coded], count: Callable[[Sequence[Coded], int], float], n: int, places: npt.NDArray[np.intp]
) -> float:
    return count([documents[place] for place in places], n)


def _compared(
    made: list[str],
    real: list[str] | None,
    embed: Callable[[Sequence[str]], npt.ArrayLike] | None,
    rng: np.random.Generator,
) -> Iterator[Reading]:
    """Give what is told text by text."""
    size = min(TEXTS, len(made), len(real) // 2 if real is not None else TEXTS)
    chosen = [*made[:size], *(real[: 2 * size] if real is not None else ())]
    by = "vectors" if embed else "runs of 1 to 4 words"
    yield from of_kernel(_kernel(chosen, embed), size, rng, of="", note=f"{size:,} texts, by {by}, k = {NEAREST}")


def _kernel(texts: list[str], embed: Callable[[Sequence[str]], npt.ArrayLike] | None) -> Floats:
    if embed is None:
        return ngram_kernel(coded(texts)[0])
    vectors = unit(embed(texts))
    if len(vectors) != len(texts):
        raise DataError(f"embed gave {len(vectors)} vectors of {len(texts)} texts: expected one of each.")
    return np.asarray(vectors @ vectors.T)
