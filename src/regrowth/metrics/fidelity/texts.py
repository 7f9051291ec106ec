"""All readings of synthetic texts beside the real ones: length and style, words, meaning as far as vectors tell.

    for reading in text_fidelity(real, synthetic):
        print(reading.measure, reading.of, reading.estimate.value, reading.null, reading.worse)

Word counts, Fréchet distances and MAUVE depend on how many texts are compared, and read worse for few. So each set is
read at one size, half of the real texts: real halves against as many synthetic ones for the figure, real halves
against the other real halves for the null, `ROUNDS` times each, dealt anew. The interval is the middle of these
figures plus and minus 1.96 of their deviations; of halves, that is the error of the whole (Shao and Wu 1989).
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias
from zlib import crc32

import numpy as np
import numpy.typing as npt

from regrowth.core.errors import DataError
from regrowth.core.protocols import Estimate
from regrowth.extras import library
from regrowth.metrics.agreement import NORMAL
from regrowth.metrics.columns import Column
from regrowth.metrics.fidelity.classifiers import classified
from regrowth.metrics.fidelity.counts import tv_complement
from regrowth.metrics.fidelity.numbers import ks_complement, mean_difference
from regrowth.metrics.fidelity.vectors import distinct, frechet_distance, grouped, hashed, mauve_of, reduced
from regrowth.metrics.fidelity.wording import Runs, Wording, divergence, style
from regrowth.metrics.reading import Reading, measures

__all__ = ["Embed", "text_fidelity"]

Embed: TypeAlias = Callable[[Sequence[str]], npt.NDArray[Any]]
"""Texts in, one vector each out."""
SAMPLE = 2_000
"""Texts of each side of a comparison, at most; twice as many real ones are read."""
ROUNDS = 12
_LEAST = 24
_TOPICS = 20
_RUNS = ("words", "runs of two words", "runs of three words")
Places: TypeAlias = npt.NDArray[np.intp]
Floats: TypeAlias = npt.NDArray[np.float64]


def text_fidelity(
    real: Sequence[str], synthetic: Sequence[str], *, embed: Embed | None = None, seed: int = 0
) -> Sequence[Reading]:
    """Compare synthetic texts with the real ones they were made from.

    Args:
        embed: gives the vectors of texts; by default hashed words, which need no model and know no synonyms.

    Raises:
        DataError: fewer than 24 real texts or 12 synthetic ones, or vectors that do not fit.
        MissingExtra: scikit-learn is not installed.
    """
    if len(real) < _LEAST or len(synthetic) < _LEAST // 2:
        raise DataError(
            f"{len(real)} real and {len(synthetic)} synthetic texts: expected {_LEAST} and {_LEAST // 2} at least; "
            "halves of fewer real texts say nothing about each other."
        )
    rng = np.random.default_rng(seed)
    size = min(SAMPLE, len(real) // 2, len(synthetic))
    real, synthetic = _ordered(real), _ordered(synthetic)
    chosen = [real[place] for place in rng.permutation(len(real))[: 2 * size + len(real) % 2]]
    made = [synthetic[place] for place in rng.permutation(len(synthetic))[: max(size, SAMPLE)]]
    texts = [*chosen, *made]
    deals = _Deals.of(len(chosen), len(made), size, rng)
    figures = style(texts)
    vectors = _vectors(texts, embed, seed)
    found = [*_styled(figures, len(chosen), rng), *_worded(texts, deals), *_placed(vectors, deals, seed)]
    found.append(_topics(vectors, len(chosen), seed, rng))
    features = np.concatenate([np.stack([*figures.values()], axis=1), vectors], axis=1).astype(np.float32)
    sides = [features[: len(chosen)][:SAMPLE], features[len(chosen) :]]
    found.append(Reading("c2st_auc", "", *classified(*sides, seed=seed)))
    return found


def _ordered(texts: Sequence[str]) -> Sequence[str]:
    """Return texts in an order that depends on nothing but themselves, so that whatever is drawn does not either."""
    return sorted(texts, key=lambda text: (crc32(text.encode("utf-8", "surrogatepass")), text))


@dataclass(frozen=True)
class _Deals:
    """Hold which texts are compared with which, in each round."""

    rounds: tuple[tuple[Places, Places, Places], ...]
    """Real, other real, synthetic."""

    @classmethod
    def of(cls, real: int, synthetic: int, size: int, rng: np.random.Generator) -> "_Deals":
        rounds = []
        for _ in range(ROUNDS):
            order = rng.permutation(real)
            rounds.append((order[:size], order[size : 2 * size], real + rng.permutation(synthetic)[:size]))
        return cls(tuple(rounds))

    def reading(self, measure: str, of: str, apart: Callable[[Places, Places], float]) -> Reading:
        """Read both sides of each round."""
        size = len(self.rounds[0][0])
        between = np.array([apart(one, made) for one, _, made in self.rounds])
        within = np.array([apart(one, other) for one, other, _ in self.rounds])
        most = measures()[measure].bounds[1]
        estimate, null = (_spread(drawn, size, most) for drawn in (between, within))
        return Reading(measure, of, estimate, null, f"{size:,} texts of each")


def _spread(drawn: Floats, size: int, most: float) -> Estimate:
    value, reach = float(drawn.mean()), NORMAL * float(drawn.std(ddof=1))
    return Estimate(value, max(0.0, value - reach), min(most, value + reach), size)


def _vectors(texts: Sequence[str], embed: Embed | None, seed: int) -> Floats:
    if embed is None:
        return hashed(texts, seed=seed)
    vectors = np.asarray(embed(texts), np.float64)
    if vectors.ndim != 2 or len(vectors) != len(texts) or not np.isfinite(vectors).all():
        raise DataError(f"embed: {vectors.shape} values for {len(texts)} texts; expected one finite vector each.")
    return vectors


def _styled(figures: Any, real: int, rng: np.random.Generator) -> Iterator[Reading]:
    for name, values in figures.items():
        columns = Column(name, "number", values[:real]), Column(name, "number", values[real:])
        ours, theirs = (np.sort(column.present) for column in columns)
        if not len(ours) or not len(theirs):
            continue
        yield Reading("ks_complement", name, *ks_complement(ours, theirs, rng))
        if moved := mean_difference(ours, theirs):
            yield Reading("mean_difference", name, *moved)


def _worded(texts: Sequence[str], deals: _Deals) -> Iterator[Reading]:
    wording = Wording.of(texts)

    def apart(runs: Runs) -> Callable[[Places, Places], float]:
        return lambda one, other: divergence(runs.counts(one), runs.counts(other))

    def known(one: Places, other: Places) -> float:
        mine, their = wording.words.counts(one), wording.words.counts(other)
        return float(mine[their > 0].sum() / max(1, mine.sum()))

    for length, name in enumerate(_RUNS, 1):
        yield deals.reading("js_divergence", name, apart(wording.runs(length)))
    yield deals.reading("js_divergence", "first words", apart(wording.first()))
    yield deals.reading("vocabulary_coverage", "", known)


def _placed(vectors: Floats, deals: _Deals, seed: int) -> Iterator[Reading]:
    real, size = min(deals.rounds[0][2]), len(deals.rounds[0][0])
    small = reduced(vectors, dimensions=max(1, min(vectors.shape[1], 64, size // 4)))
    yield deals.reading("frechet_distance", "", lambda one, other: frechet_distance(small[one], small[other]))
    number = max(2, round(size / 10))
    groups = np.concatenate(grouped(vectors[:real], vectors[real:], groups=number, seed=seed, starts=1))

    def alike(one: Places, other: Places) -> float:
        return mauve_of(*(np.bincount(groups[side], minlength=number) for side in (one, other)))

    yield deals.reading("mauve", "", alike)


def _topics(vectors: Floats, real: int, seed: int, rng: np.random.Generator) -> Reading:
    cluster = library("sklearn.cluster", "Topics of texts", extra="measure")
    number = min(_TOPICS, max(2, real // 10), distinct(vectors[:real]))
    model = cluster.KMeans(number, n_init=3, random_state=seed).fit(vectors[:real])
    ours, theirs = (np.bincount(model.predict(part), minlength=number) for part in (vectors[:real], vectors[real:]))
    return Reading("topic_similarity", "", *tv_complement(ours, theirs, rng))
