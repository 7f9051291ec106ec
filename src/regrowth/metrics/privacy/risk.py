"""What an attack on training records finds beyond what it finds on records that nobody trained on.

    risk(Successes(312, 1000), Successes(120, 1000))      # Estimate(value=0.218, low=0.176, high=0.260, n=2000)
    chance(Successes(120, 1000), 1000)                    # what the same reads where nothing leaks: 0 to 0.032

risk = (attack - control) / (1 - control): 0 where the control records are attacked as well, 1 where all others are.
Source: Giomi et al., 2023, Proceedings on Privacy Enhancing Technologies 2023(2), in the form of anonymeter 1.1.0:
both rates are the middles of Wilson's interval, not the shares, and the error is propagated from both half widths.
"""

import math
from typing import NamedTuple

from regrowth.core.errors import DataError
from regrowth.core.protocols import Estimate
from regrowth.metrics.agreement import NORMAL

__all__ = ["Successes", "chance", "risk"]


class Successes(NamedTuple):
    """Hold how often an attack succeeded."""

    hits: float
    """A fraction where it was corrected for the size of the control."""
    of: int

    def __str__(self) -> str:
        """Say it in words."""
        return f"{self.hits:.0f} of {self.of}"


def risk(attack: Successes, control: Successes) -> Estimate:
    """Estimate the risk, cut at 0 and 1.

    Raises:
        DataError: nothing was attacked.
    """
    return _cut(*_residual(attack, control), attack.of + control.of)


def chance(control: Successes, attacks: int) -> Estimate:
    """Return what so many attacks read if training records are attacked as well as control records."""
    alike = Successes(control.hits / max(control.of, 1) * attacks, attacks)
    return _cut(0.0, _residual(alike, control)[1], attacks + control.of)


def _cut(value: float, error: float, n: int) -> Estimate:
    low, middle, high = (min(1.0, max(0.0, one)) for one in (value - error, value, value + error))
    return Estimate(middle, low, high, n)


def _residual(attack: Successes, control: Successes) -> tuple[float, float]:
    (ours, our_error), (theirs, their_error) = _rate(attack), _rate(control)
    rest = 1 - theirs
    return (ours - theirs) / rest, math.hypot(our_error / rest, their_error * (ours - 1) / rest**2)


def _rate(successes: Successes) -> tuple[float, float]:
    """Return the middle of Wilson's interval and half its width; the middle is never 1."""
    hits, n = successes
    if not 0 <= hits <= n or n < 1:
        raise DataError(f"{hits:g} successes of {n} attacks: expected one attack at least, and no more successes.")
    square = NORMAL * NORMAL
    reach = NORMAL / (n + square) * math.sqrt(hits * (n - hits) / n + square / 4)
    return (hits + square / 2) / (n + square), reach
