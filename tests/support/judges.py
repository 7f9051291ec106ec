"""Judges that are known: honest, boasting, swayed by place, length or their own hand."""

import math
import random

from regrowth.metrics.judges.preferences import Choice
from regrowth.metrics.reading import Reading, measures

__all__ = ["named", "sayings", "verdicts"]


def named(readings: list[Reading]) -> dict[str, Reading]:
    """Return readings by measure, each of which is told in the catalogue."""
    assert all(one.measure in measures() for one in readings)
    return {one.measure: one for one in readings}


def sayings(rng: random.Random, n: int, *, sharpened: float = 1.0) -> tuple[list[float], list[bool]]:
    """Draw labels from probabilities, and tell sharpened ones."""
    odds = [rng.gauss(0, 1.5) for _ in range(n)]
    true = [rng.random() < 1 / (1 + math.exp(-one)) for one in odds]
    return [1 / (1 + math.exp(-sharpened * one)) for one in odds], true


def verdicts(rng: random.Random, n: int, *, place: float = 0.0, size: float = 0.0, own: float = 0.0) -> list[Choice]:
    """Draw pairs, people's verdicts, and those of a judge with some leanings."""
    found = []
    for _ in range(n):
        quality, longer, mine = rng.gauss(0, 1), rng.gauss(0, 0.5), rng.choice([1, -1])
        lengths = (200.0, 200.0 * math.exp(-longer))
        liked = quality + size * longer + own * mine

        def say(pull: float, liked: float = liked) -> int:
            return 1 if liked + pull + rng.gauss(0, 0.7) > 0 else -1

        human = 1 if quality + rng.gauss(0, 0.7) > 0 else -1
        found.append(Choice(say(place), say(-place), lengths, human, mine))
    return found
