"""All readings of one round's writing beside the real texts it should keep alive, at an equal number of words.

for reading in collapse(made, real, heldout=heldout):
    print(reading.measure, reading.estimate.value, reading.null, reading.worse)

The null of what is counted is of real texts: others than those whose rare words are looked for, and the same ones drawn
anew with replacement. A model lies between the two: it knows more of its training data than fresh texts do, and no more
than these themselves. That makes the null wide; who has the texts of several rounds is told more, and sooner, by
`collapse.monitor`. What needs a model is read by a word trigram.
"""

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from regrowth.core.errors import DataError
from regrowth.core.protocols import Estimate
from regrowth.metrics.collapse.ngram import Documents, NGram
from regrowth.metrics.collapse.null import Null
from regrowth.metrics.collapse.signs import Reference, Signs, window
from regrowth.metrics.diversity.resampling import jackknifed, shortened, shuffled
from regrowth.metrics.intervals import mean, paired_difference, proportion
from regrowth.metrics.reading import Reading, measures
from regrowth.metrics.resampling import middle

__all__ = ["collapse", "nll_readings"]

Values: TypeAlias = Sequence[float] | npt.NDArray[np.float64]
WORDS, READ = 30_000, 200_000
"""Compared, and read of each side, at most."""
RIGHT_TAIL = 0.95
"""A sample is in the right tail that is less likely than this share of the real texts."""
REPLICATES, LEAST = 40, 20


def collapse(
    texts: Sequence[str],
    real: Sequence[str],
    *,
    heldout: Sequence[str] | None = None,
    slices: Mapping[str, Sequence[str]] | None = None,
    seed: int = 0,
) -> Sequence[Reading]:
    """Tell what a round's writing has lost.

    Args:
        texts: what a model wrote.
        real: what people wrote, and the first model was trained on.
        heldout: real texts that no model was trained on; without, a fifth of the real ones is put aside.
        slices: held-out real texts by name of a group, of which the NLL is read besides: the rare ones lose first.

    Raises:
        DataError: fewer than 20 texts of a kind, or no words.
    """
    if min(len(texts), len(real)) < LEAST:
        raise DataError(f"{len(texts)} texts, {len(real)} real ones: expected {LEAST} or more of each.")
    rng = np.random.default_rng([seed, 8])
    made, people = (shuffled(one, rng, least=LEAST, words=READ) for one in (texts, real))
    aside = list(heldout) if heldout else people[: max(2, len(people) // 5)]
    kept = people if heldout else people[len(aside) :]
    return [*_signs(made, kept, seed), *_by_trigram(made, kept, aside, slices or {}, rng)]


def nll_readings(
    samples: Values | None = None,
    real: Values | None = None,
    *,
    now: Values | None = None,
    first: Values | None = None,
    own: Values | None = None,
    of: str = "",
) -> list[Reading]:
    """Read negative log-likelihoods that models gave, one number per text, in nats per word or token.

    Args:
        samples: of what the round's model wrote, under the frozen first model.
        real: of real texts, under that first model.
        now: of held-out real texts under the round's model.
        first: of the same texts, in the same order, under the first model.
        own: of what the round's model wrote, under itself.
    """
    found = []
    if samples is not None and real is not None:
        limit = float(np.quantile(np.asarray(real), RIGHT_TAIL))
        found.append(Reading("sample_nll", of, _difference(samples, real), note="under the first model"))
        beyond = (np.asarray(samples) > limit).astype(np.float64)
        tail = jackknifed(lambda places: float(beyond[places].mean()), len(beyond), bounds=(0, 1))
        found.append(Reading("sample_right_tail", of, tail, proportion(_beyond(len(real)), len(real))))
    if now is not None and first is not None:
        found.append(Reading("real_nll_change", of, paired_difference(list(now), list(first))))
    if now is not None and own is not None:
        found.append(Reading("nll_gap", of, _difference(now, own), note="held-out real texts less its own"))
    return found


def _beyond(count: int) -> int:
    """Return how many real texts of a number are in their own right tail."""
    return round((1 - RIGHT_TAIL) * count)


def _difference(one: Values, other: Values) -> Estimate:
    """Estimate the difference of two means of independent texts."""
    first, second = mean(one), mean(other)
    gap = first.value - second.value
    reach = float(np.hypot(first.high - first.value, second.high - second.value))
    return Estimate(gap, gap - reach, gap + reach, min(first.n, second.n))


def _signs(made: list[str], real: list[str], seed: int) -> Iterator[Reading]:
    """Give what is counted in words: beside one half of the real texts, as the other half is."""
    reference = Reference.of(real[::2])
    documents, others = reference.encode(made), reference.encode(real[1::2])
    budget = min(WORDS, reference.tokens, sum(map(len, documents)), sum(map(len, others)) // 2)
    if not budget:
        raise DataError("texts without a single word: expected texts in some language.")
    chosen, rng = shortened(documents, budget), np.random.default_rng([seed, 9])
    fresh = [reference.signs(window(others, budget, rng)) for _ in range(REPLICATES)]
    again = Null(reference, budget, seed=seed, replicates=REPLICATES).signs(1)
    drawn = np.concatenate([np.array(fresh), again])
    for place, name in enumerate(Signs._fields):
        told = jackknifed(partial(_sign, reference, chosen, place), len(chosen), bounds=measures()[name].bounds)
        yield Reading(name, "", told, middle(drawn[:, place].tolist(), len(others)), f"{budget:,} words")


def _sign(reference: Reference, documents: Documents, place: int, left: npt.NDArray[np.intp]) -> float:
    return reference.signs(np.concatenate([documents[one] for one in left]))[place]


def _by_trigram(
    made: list[str], real: list[str], aside: list[str], slices: Mapping[str, Sequence[str]], rng: np.random.Generator
) -> Iterator[Reading]:
    """Give what a word trigram reads: one fitted to the real texts, one to as many words of what was made."""
    first = NGram.fit(real)
    people, written, unseen = (first.encode(texts) for texts in (real, made, aside))
    words = min(first.tokens - len(real), WORDS, sum(map(len, written)))
    learned = shortened(written, words)

    def fitted(places: npt.NDArray[np.intp]) -> NGram:
        return NGram([learned[place] for place in places], first.vocabulary)

    again = []
    for _ in range(REPLICATES):
        drawn = (people[place] for place in rng.integers(len(people), size=4 * len(people)))
        again.append(float(NGram(shortened(drawn, words), first.vocabulary).nll_by_document(unseen).mean()))
    told = jackknifed(
        lambda places: float(fitted(places).nll_by_document(unseen).mean()), len(learned), bounds=(0.0, np.inf)
    )
    yield Reading("real_nll", "", told, middle(again, len(unseen)), f"trigram of {words:,} words")
    now = fitted(np.arange(len(learned)))
    cost = now.nll_by_document(unseen)
    before, own = first.nll_by_document(unseen), now.nll_by_document(written)
    yield from nll_readings(first.nll_by_document(written), before, now=cost, first=before, own=own)
    for name, texts in slices.items():
        part = first.encode(texts)
        yield from nll_readings(now=now.nll_by_document(part), first=first.nll_by_document(part), of=name)
