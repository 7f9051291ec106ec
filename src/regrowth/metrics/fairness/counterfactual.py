"""What a score makes of a text and of the same text with men and women exchanged.

    found = swap_gap(texts, lambda some: [len(one) for one in some])
        swap_reach   1.00     of the texts say something of men or women (here: the sentences of WinoBias)
        swap_gap     0.46     characters on average, without a sign
        swap_bias    -0.46    (-0.48 to -0.43): what is about women scores higher, women's words being longer

The null of `swap_gap` is what an exchange without meaning reads (a name for another of the same gender), if one is
given: a score that hangs on every word changes with any word. That of `swap_bias` is what the same differences read
when it is drawn by lot which of two texts counts as the one about men.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from regrowth.core.errors import DataError
from regrowth.metrics.fairness.swaps import Pairs, own_pairs, swapped
from regrowth.metrics.intervals import mean, proportion
from regrowth.metrics.reading import Reading
from regrowth.metrics.resampling import DRAWS, banded

__all__ = ["Swap", "gap", "swap_gap", "swaps"]

Scores = Sequence[float]


@dataclass(frozen=True, slots=True)
class Swap:
    """Hold a text that says something of men or women, and its counterpart."""

    text: str
    swap: str
    leaning: int
    """1 if the text tells of men alone, -1 of women alone, else 0."""


def swaps(texts: Sequence[str], pairs: Pairs | None = None) -> list[Swap]:
    """Return the texts that a swap changes, with their counterparts."""
    known = pairs or own_pairs()
    both = ((text, swapped(text, known)) for text in texts)
    return [Swap(text, other, known.leaning(text)) for text, other in both if text != other]


def swap_gap(
    texts: Sequence[str],
    score: Callable[[Sequence[str]], Scores],
    pairs: Pairs | None = None,
    *,
    neutral: Pairs | None = None,
    seed: int = 0,
) -> list[Reading]:
    """Score texts and their counterparts.

    Args:
        score: Takes texts and returns a number for each.
        neutral: An exchange that means nothing, such as `neutral_names()`.

    Raises:
        DataError: fewer than two texts say anything of men or women, or a score is no finite number.
    """
    found = swaps(texts, pairs)
    if len(found) < 2:
        raise DataError(
            f"{len(found)} of {len(texts)} texts say something of men or women: expected two at least. "
            "The lists are English; other languages need a list of pairs of their own."
        )
    before, after = score([one.text for one in found]), score([one.swap for one in found])
    idle = None if neutral is None else swaps([one.text for one in found], neutral)
    aside = (
        [] if not idle else list(zip(score([one.text for one in idle]), score([one.swap for one in idle]), strict=True))
    )
    reach = Reading("swap_reach", "", proportion(len(found), len(texts)))
    return [reach, *gap(found, before, after, neutral=aside, seed=seed)]


def gap(
    found: Sequence[Swap],
    before: Scores,
    after: Scores,
    *,
    neutral: Sequence[tuple[float, float]] = (),
    seed: int = 0,
) -> list[Reading]:
    """Compare scores that were had elsewhere, such as those of a model.

    Args:
        before: A number for each text.
        after: A number for each counterpart.
        neutral: Numbers of texts before and after an exchange that means nothing.

    Raises:
        DataError: not a score for each, fewer than two, or one that is no finite number.
    """
    ours, theirs = np.asarray(before, dtype=np.float64), np.asarray(after, dtype=np.float64)
    if not len(found) == len(ours) == len(theirs) or len(found) < 2:
        raise DataError(f"{len(found)} texts, {len(ours)} and {len(theirs)} scores: expected as many, two at least.")
    if not (np.isfinite(ours).all() and np.isfinite(theirs).all()):
        raise DataError("A score is not a finite number. Leave the text out and say how many were.")
    size = mean(np.abs(ours - theirs))
    null = None
    if len(neutral) > 1:
        null = mean([abs(one - other) for one, other in neutral])
    note = f"null: {len(neutral)} exchanges of names within a gender" if null else ""
    readings = [Reading("swap_gap", "", replace(size, low=max(0.0, size.low)), null, note)]
    signs = np.array([one.leaning for one in found])
    leaning = np.sort(((ours - theirs) * signs)[signs != 0])
    if len(leaning) > 1:
        flips = np.random.default_rng(seed).choice((-1.0, 1.0), size=(DRAWS, len(leaning)))
        estimate = replace(mean(leaning), skipped=int((signs == 0).sum()))
        told = f"{estimate.skipped} texts tell of both, or of neither by the words that are known" * bool(
            estimate.skipped
        )
        readings.append(Reading("swap_bias", "", estimate, banded(flips @ leaning / len(leaning), len(leaning)), told))
    return readings
