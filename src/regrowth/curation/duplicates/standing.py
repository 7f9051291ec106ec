"""Which of two records that say the same survives: the verified one, else the better one, else the earlier one.

    standing(record)    Standing(verified=True, score=0.9)

Earlier is: of an earlier dataset; real rather than synthetic; with fewer ancestors; and, so that nothing depends on the
order of records, with the smaller id.
"""

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple, TypeAlias

from regrowth.core.record import Record

__all__ = ["Judge", "Place", "Standing", "place", "standing", "why"]

VERIFIED = ("verified", "passed", "correct", "right")
"""Scores or attributes that say so when they are 1 or true."""
SCORES = ("reward", "score", "grade", "quality", "helpfulness")
"""Scores or attributes that say how good a record is; the first that it has."""


class Standing(NamedTuple):
    """Say how much a record is worth beside one that says the same."""

    verified: bool = False
    score: float = -math.inf
    """More is better; without any, it stands below all."""


Judge: TypeAlias = Callable[[Record], Standing]


class Place(NamedTuple):
    """Hold where a record stands among others: the smaller survives."""

    unverified: bool
    minus_score: float
    dataset: int
    synthetic: bool
    ancestors: int
    record: str


def standing(record: Record) -> Standing:
    """Return how a record stands by its own scores and attributes; the scores are asked first."""
    known = {**record.attributes, **record.scores}
    verified = any(known.get(name) in (True, 1) for name in VERIFIED)
    scores = [float(known[name]) for name in SCORES if isinstance(known.get(name), int | float)]
    return Standing(verified, scores[0] if scores else -math.inf)


def place(record: Record, dataset: int, judge: Judge) -> Place:
    """Return where a record of a dataset stands."""
    verified, score = judge(record)
    score = -math.inf if math.isnan(score) else score
    return Place(not verified, -score, dataset, record.origin != "real", len(record.parents), record.id)


_REASONS = ("it is verified", "its score is higher", "its dataset came first", "it is real", "it has fewer ancestors")


def why(survivor: Place, other: Place, reasons: Sequence[str] = _REASONS) -> str:
    """Return in words why one of two survived."""
    unequal = (number for number, pair in enumerate(zip(survivor, other, strict=True)) if pair[0] != pair[1])
    first = next(unequal, len(reasons))
    return reasons[first] if first < len(reasons) else "of two equals the one with the smaller id"
