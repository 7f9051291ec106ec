"""What sways a judge that says which of two answers is better: place, length, its own hand.

    Choice(there=1, back=-1, lengths=(120, 80), human=1)       the first answer won in both orders; so says the human
        there    who won when the first answer was shown first: 1 the first, -1 the second, 0 a tie
        back     who won when the second answer was shown first, of the same answers: 1 still is the first

    position(choices)        swap_rate, first_place_share
    length(choices)          longer_share, longer_excess, length_slope
    self_preference(choices) own_share, own_excess

People like longer answers, too, and a model's own answers may be the better ones. So the excess over human labels of
the same pairs is what is to blame, not the share.
"""

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from regrowth.core.errors import DataError
from regrowth.core.protocols import Estimate
from regrowth.metrics.agreement import NORMAL
from regrowth.metrics.intervals import clustered_mean, paired_difference, proportion
from regrowth.metrics.reading import Reading
from regrowth.metrics.resampling import DRAWS, Floats, banded

__all__ = ["Choice", "length", "position", "self_preference"]


@dataclass(frozen=True, slots=True)
class Choice:
    """Hold what a judge, and perhaps a human, says of two answers: 1 the first is better, -1 the second, 0 a tie."""

    there: int
    """With the first answer in the first place."""
    back: int | None = None
    """With the first answer in the second place; 1 still means that the first answer is better."""
    lengths: tuple[float, float] | None = None
    human: int | None = None
    own: int = 0
    """1 if the judge wrote the first answer, -1 the second, 0 neither."""
    prompt: Hashable = None
    """What several pairs have in common; such pairs resemble each other, and intervals count prompts."""


def position(choices: Sequence[Choice], *, of: str = "", seed: int = 0) -> list[Reading]:
    """Return how often the verdict changes with the order, and how often the answer in the first place wins.

    Raises:
        DataError: fewer than two pairs were shown in both orders.
    """
    shown = [one for one in choices if one.back is not None]
    if len(shown) < 2:
        raise DataError(f"{len(shown)} pairs were shown in both orders: expected two at least.")
    both = [(one.there, one.back or 0) for one in shown]
    changed = _share([there != back for there, back in both], shown)
    names = [place if one.prompt is None else one.prompt for place, one in enumerate(shown)]
    votes = [
        (float(won > 0), name) for pair, name in zip(both, names, strict=True) for won in (pair[0], -pair[1]) if won
    ]
    readings = [Reading("swap_rate", of, changed)]
    if len({name for _, name in votes}) > 1:
        share = clustered_mean([vote for vote, _ in votes], [name for _, name in votes])
        # Only pairs whose verdict changes can tell of the place; without a leaning each is a coin.
        leaning = np.sort(np.array([there - back for there, back in both], dtype=np.float64)) / 2
        signs = np.random.default_rng(seed).choice((-1.0, 1.0), size=(DRAWS, len(both)))
        null = banded(0.5 + signs @ leaning / len(votes), share.n)
        readings.append(Reading("first_place_share", of, share, null, _ties(2 * len(both) - len(votes), 2 * len(both))))
    return readings


def length(choices: Sequence[Choice], *, of: str = "") -> list[Reading]:
    """Return how often the longer answer wins, how much oftener than with humans, and the slope of the preference.

    The slope is that of a logistic regression on the difference of the logarithms of the lengths: by so many nats the
    odds of winning rise when an answer gets e times as long.

    Raises:
        DataError: fewer than two pairs have answers of different length and a winner.
    """
    told = [one for one in choices if one.lengths is not None and one.lengths[0] != one.lengths[1]]
    decided = [one for one in told if one.there]
    if len(decided) < 2:
        raise DataError(f"{len(decided)} pairs have answers of different length and a winner: expected two at least.")
    won = [one.there * _longer(one) > 0 for one in decided]
    share = _share(won, decided)
    note = _ties(len(told) - len(decided), len(told))
    readings = [Reading("longer_share", of, share, _coin(len(won)), note)]
    apart, first = np.array(sorted((_logs(one), float(one.there > 0)) for one in decided)).T
    slope = _slope(apart, first)
    if slope is not None:
        readings.append(Reading("length_slope", of, slope, _flat(apart)))
    if excess := _excess([(one, _longer(one)) for one in decided]):
        readings.append(Reading("longer_excess", of, *excess))
    return readings


def self_preference(choices: Sequence[Choice], *, of: str = "") -> list[Reading]:
    """Return how often a judge prefers the answer it wrote, and how much oftener than humans do on the same pairs.

    Raises:
        DataError: fewer than two pairs hold an answer of its own and have a winner.
    """
    mine = [(one, one.own) for one in choices if one.own and one.there]
    if len(mine) < 2:
        raise DataError(f"{len(mine)} pairs hold an answer of the judge's own and a winner: expected two at least.")
    share = _share([one.there == side for one, side in mine], [one for one, _ in mine])
    readings = [Reading("own_share", of, share, _coin(len(mine)))]
    if excess := _excess(mine):
        readings.append(Reading("own_excess", of, *excess))
    return readings


def _excess(sided: Sequence[tuple[Choice, int]]) -> tuple[Estimate, Estimate, str] | None:
    """Compare judge and human on the pairs that both decide: how often each prefers one side."""
    both = [(one, side) for one, side in sided if one.human]
    if len(both) < 2:
        return None
    ours, theirs = [float(one.there == side) for one, side in both], [float(one.human == side) for one, side in both]
    gaps = [mine - other for mine, other in zip(ours, theirs, strict=True)]
    reach = NORMAL * math.sqrt(sum(map(abs, gaps))) / len(both)
    note = f"on {len(both)} pairs that human and judge decide"
    names = [one.prompt for one, _ in both]
    found = paired_difference(ours, theirs) if None in names or len({*names}) < 2 else clustered_mean(gaps, names)
    bounded = replace(found, low=max(-1.0, found.low), high=min(1.0, found.high))
    return bounded, Estimate(0.0, -reach, reach, len(both)), note


def _share(flags: Sequence[bool], pairs: Sequence[Choice]) -> Estimate:
    """Estimate a share; pairs of one prompt count as one."""
    names = [one.prompt for one in pairs]
    if None in names or len({*names}) < 2:
        return proportion(sum(flags), len(flags))
    return clustered_mean([float(one) for one in flags], names)


def _longer(one: Choice) -> int:
    assert one.lengths is not None
    return 1 if one.lengths[0] > one.lengths[1] else -1


def _logs(one: Choice) -> float:
    assert one.lengths is not None
    return math.log((1 + one.lengths[0]) / (1 + one.lengths[1]))


def _coin(n: int) -> Estimate:
    reach = NORMAL * math.sqrt(0.25 / n)
    return Estimate(0.5, max(0.0, 0.5 - reach), min(1.0, 0.5 + reach), n)


def _flat(apart: Floats) -> Estimate:
    reach = NORMAL / math.sqrt(0.25 * float(apart @ apart))
    return Estimate(0.0, -reach, reach, len(apart))


def _slope(apart: Floats, won: Floats) -> Estimate | None:
    """Return the slope of a logistic regression without an intercept; nothing where it has no finite one."""
    rising = (apart > 0) == (won > 0)
    if rising.all() or not rising.any():
        return None  # length parts the winners from the losers, so that the steeper the better
    slope = 0.0
    for _ in range(100):
        said = 1 / (1 + np.exp(-np.clip(slope * apart, -500, 500)))
        bend = float((apart**2 * said * (1 - said)).sum())
        if bend < 1e-9 or abs(slope) > 1e3:
            return None
        step = float(apart @ (won - said)) / bend
        slope += max(-5.0, min(5.0, step))
        if abs(step) < 1e-12:
            break
    reach = NORMAL / math.sqrt(bend)
    return Estimate(slope, slope - reach, slope + reach, len(apart))


def _ties(count: int, n: int) -> str:
    return f"{count} of {n} verdicts without a winner left out" * bool(count)
