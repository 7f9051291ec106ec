"""Can it be told from a model's log-probabilities whether a record was trained on?

    seen, unseen = ([mean_loss(one) for one in part] for part in (logprobs_of_members, logprobs_of_others))
    found = attack(seen, unseen)
    found.auc                        # Estimate: P(a member scores above another record); 0.5 tells nothing
    found.tpr                        # Estimate: share of members found where one other record in 100 is accused
    null(seen)                       # the same of members against members: what chance gives

| score (higher: more likely a member) | reads                                     | source                           |
|--------------------------------------|-------------------------------------------|----------------------------------|
| `mean_loss`                          | log-probabilities                         | Yeom et al., 2018                |
| `least`                              | the least probable tokens alone (Min-K%)  | Shi et al., 2023, 2310.16789     |
| `least_standardised`                 | those, by the spread there (Min-K%++)     | Zhang et al., 2024, 2404.02936   |
| `calibrated`                         | against a model that never saw the record | Watson et al., 2021, 2111.08440  |
| `compressed`                         | against the text's zlib size              | Carlini et al., 2021, 2012.07805 |

Average figures hide the few records that leak: the true positive rate at 1 % false alarms is what counts (Carlini et
al., 2022, 2112.03570). Members and others must come from one distribution, drawn apart by chance: two sets of other
topics or years are told apart without any model, and prove nothing (Zhang et al., 2024, 2409.19798).
"""

import math
import zlib
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from regrowth.core.errors import DataError
from regrowth.core.protocols import Estimate
from regrowth.metrics.agreement import auc
from regrowth.metrics.intervals import proportion

__all__ = [
    "Attack",
    "attack",
    "calibrated",
    "compressed",
    "least",
    "least_standardised",
    "mean_loss",
    "null",
    "shuffled",
]

RESAMPLES = 1000


class Attack(NamedTuple):
    """Hold how well members were told from other records."""

    auc: Estimate
    """With DeLong's interval."""
    tpr: Estimate
    """Share of members above the threshold; its interval bears the doubt about the threshold, too."""
    alarms: float
    """The share of false alarms that was allowed."""


def mean_loss(logprobs: Sequence[float]) -> float:
    """Return the mean log-probability of a record's tokens, in nats: minus its loss.

    Raises:
        DataError: there are no tokens.
    """
    return math.fsum(_some(logprobs)) / len(logprobs)


def least(logprobs: Sequence[float], *, share: float = 0.2) -> float:
    """Return the mean over the least probable tokens, a share of them, one at least.

    Raises:
        DataError: there are no tokens, or the share is not in (0, 1].
    """
    if not 0 < share <= 1:
        raise DataError(f"share = {share}: expected a number above 0, 1 at most.")
    kept = sorted(_some(logprobs))[: max(1, math.floor(share * len(logprobs)))]
    return math.fsum(kept) / len(kept)


def least_standardised(
    logprobs: Sequence[float], means: Sequence[float], deviations: Sequence[float], *, share: float = 0.2
) -> float:
    """Return Min-K%++: like `least`, of log-probabilities in deviations from what the model expected there.

    Args:
        means: Σ p log p over the vocabulary at each token, in nats.
        deviations: the root of Σ p (log p)² minus its square.

    Raises:
        DataError: as `least`, or lists of different length.
    """
    if not len(logprobs) == len(means) == len(deviations):
        raise DataError(f"{len(logprobs)} tokens, {len(means)} means, {len(deviations)} deviations: expected as many.")
    parts = zip(logprobs, means, deviations, strict=True)
    return least([(one - mean) / max(spread, 1e-6) for one, mean, spread in parts], share=share)


def calibrated(logprobs: Sequence[float], reference: Sequence[float]) -> float:
    """Return how much more probable a record is, per token, than under a model that was not trained on it.

    Raises:
        DataError: there are no tokens of one.
    """
    return mean_loss(logprobs) - mean_loss(reference)


def compressed(logprobs: Sequence[float], text: str) -> float:
    """Return the log-probability of a record over the bytes that zlib needs for its text."""
    return math.fsum(_some(logprobs)) / len(zlib.compress(text.encode("utf-8", "surrogatepass")))


def attack(members: Sequence[float], others: Sequence[float], *, alarms: float = 0.01, seed: int = 0) -> Attack:
    """Say how well a score tells members from other records.

    The threshold is the least one that accuses a share `alarms` of the others at most. The interval of the rate is the
    union of Wilson's, which holds for a threshold known beforehand, and of the percentiles of 1,000 resamples of both.

    Raises:
        DataError: fewer than two members, too few others for one false alarm, or a score that is no number.
    """
    if len(others) * alarms < 1 or not alarms < 1:
        raise DataError(
            f"{len(others)} records that are no members: a share of {alarms:g} of them is less than one. "
            f"Expected {math.ceil(1 / alarms) if alarms > 0 else 'some'} at least."
        )
    ours, theirs = (np.sort(np.asarray(part, dtype=np.float64)) for part in (members, others))
    if not (np.isfinite(ours).all() and np.isfinite(theirs).all()):
        raise DataError("A score is not a finite number. Leave the record out and say how many were.")
    told = auc(theirs.tolist(), ours.tolist())
    dice = np.random.default_rng(seed)
    resampled = ((np.sort(dice.choice(part, len(part))) for part in (ours, theirs)) for _ in range(RESAMPLES))
    drawn = [_rate(one, other, alarms) for one, other in resampled]
    low, high = map(float, np.percentile(drawn, [2.5, 97.5]))
    rate = _rate(ours, theirs, alarms)
    wilson = proportion(round(rate * len(ours)), len(ours))
    return Attack(told, Estimate(rate, min(low, wilson.low), max(high, wilson.high), len(ours) + len(theirs)), alarms)


def null(scores: Sequence[float], *, alarms: float = 0.01, seed: int = 0) -> Attack:
    """Return what chance gives: one random half of the records against the other half.

    Raises:
        DataError: as `attack`.
    """
    order = np.random.default_rng(seed).permutation(len(scores))
    half = len(scores) // 2
    one, other = ([scores[place] for place in part] for part in (order[:half], order[half:]))
    return attack(one, other, alarms=alarms, seed=seed)


def shuffled(
    members: Sequence[float], others: Sequence[float], *, alarms: float = 0.01, draws: int = 400, seed: int = 0
) -> Attack:
    """Return what the attack reads when who is a member is drawn by lot: the median and the middle 95 % of the draws.

    Raises:
        DataError: too few others for one false alarm.
    """
    if len(others) * alarms < 1:
        raise DataError(f"{len(others)} records that are no members: a share of {alarms:g} of them is less than one.")
    scores = np.sort(np.concatenate([members, others]).astype(np.float64))
    # With ties, the mean of the first and the last place that a score could have.
    ranks = (np.searchsorted(scores, scores, side="left") + np.searchsorted(scores, scores, side="right") + 1) / 2
    m, n, dice = len(members), len(others), np.random.default_rng(seed)
    told, rates = np.empty(draws), np.empty(draws)
    for draw in range(draws):
        chosen = np.zeros(m + n, np.bool_)
        chosen[dice.permutation(m + n)[:m]] = True
        told[draw] = (ranks[chosen].sum() - m * (m + 1) / 2) / (m * n)
        rates[draw] = _rate(scores[chosen], scores[~chosen], alarms)
    (auc_0, auc_low, auc_high), (tpr, low, high) = (
        np.percentile(one, [50, 2.5, 97.5]).tolist() for one in (told, rates)
    )
    return Attack(Estimate(auc_0, auc_low, auc_high, m + n), Estimate(tpr, low, high, m + n), alarms)


def _rate(ours: npt.NDArray[np.float64], theirs: npt.NDArray[np.float64], alarms: float) -> float:
    """Return the share of ours above the threshold; both in ascending order."""
    allowed = math.floor(alarms * len(theirs) + 1e-9)
    threshold = theirs[len(theirs) - allowed - 1]
    return float(len(ours) - np.searchsorted(ours, threshold, side="right")) / len(ours)


def _some(logprobs: Sequence[float]) -> Sequence[float]:
    if not len(logprobs):
        raise DataError("A record without tokens has no score. Leave it out and say how many were.")
    return logprobs
