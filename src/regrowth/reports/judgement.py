"""Good, look or stop: one verdict over all readings, with its reasons, by the thresholds of `judgement.toml`.

    judged({"privacy": [Reading("dcr_share", "", Estimate(0.75, …), null=Estimate(0.5, …))]}, missing=())
        level     stop
        text      "Stop. Real records can be told from these data."
        reasons   ("Records nearer to training data: 0.75 (0.73 to 0.77), real data 0.48 to 0.52.",)

Three rules, in this order. Privacy beats fidelity: a leak is a stop, however real the data look. A difference counts
only beyond the null, and only by its size: what 50,000 rows make visible need not matter. What was not measured is
never good: without a hold-out, or with too few rows, the verdict is at most look.
"""

import math
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, NamedTuple

from regrowth.metrics.reading import Measure, Reading, measures
from regrowth.reports import wording
from regrowth.reports.compared import Judgement, Reason
from regrowth.reports.fields import Level

__all__ = ["Family", "Limits", "Rules", "excess", "gap", "judged", "level", "rules"]

RANKS: Mapping[Level, int] = {"good": 0, "look": 1, "stop": 2}
LEAST_FAR = 2
"""Columns that must be far off before a measure of columns asks for a stop."""
MOST_NAMED = 3
"""Columns that a reason names."""


@dataclass(frozen=True)
class Family:
    """Say from where on the readings of one family ask for a look, or for a stop."""

    title: str
    look: float
    stop: float
    one_is_enough: bool
    stop_says: str
    look_says: str
    good_says: str


class Limits(NamedTuple):
    """Say from where on one measure asks for a look, or for a stop: how far beyond the null, in its own units."""

    look: float
    stop: float
    below: Level = "stop"
    """The most that a reading below the null may ask for, where only the other side is a leak."""


class Rules(NamedTuple):
    """Hold all thresholds; the families in the order of their weight."""

    families: Mapping[str, Family]
    measures: Mapping[str, Limits]
    """Of measures whose size is judged in their own units."""
    least_rows: int
    parts: float
    """Share of the columns of one measure that must be far off before the whole is."""


@cache
def rules() -> Rules:
    """Return the thresholds of `judgement.toml`."""
    read: dict[str, Any] = tomllib.loads(files("regrowth.reports").joinpath("judgement.toml").read_text("utf-8"))
    families = {name: Family(**facts) for name, facts in read["families"].items()}
    own = {name: Limits(**facts) for name, facts in read["measures"].items()}
    return Rules(families, own, read["least_rows"], read["parts"]["stop"])


def gap(reading: Reading) -> float:
    """Return how far beyond the null even the better end of the interval lies, in units of the measure; 0 within."""
    if not reading.worse or reading.null is None:
        return 0.0
    return max(reading.null.low - reading.estimate.high, reading.estimate.low - reading.null.high)


def excess(reading: Reading) -> float:
    """Return how far beyond the null a reading lies: 0 within it or at its edge, 1 at the worst possible value.

    Of measures without a worst value on that side, 1 minus the ratio of the edge of the null to the reading.
    """
    size = gap(reading)
    if not size or reading.null is None:
        return 0.0
    worst, edge = _worst_value(reading)
    room = abs(worst - edge) if math.isfinite(worst) else max(size, abs(edge + size))
    return min(1.0, size / room) if room > 0 else 1.0


def _worst_value(reading: Reading) -> tuple[float, float]:
    """Return the worst value of a measure on the side on which the reading left the null, and the null's edge."""
    assert reading.null is not None
    low, high = measures()[reading.measure].bounds
    return (low, reading.null.low) if _too_low(reading) else (high, reading.null.high)


def level(reading: Reading, family: Family) -> Level:
    """Return what one reading asks for; what has no worst value and no limit of its own cannot ask for a stop."""
    if not reading.worse:
        return "good"
    own = rules().measures.get(reading.measure)
    if own is not None:
        size, limits = gap(reading), own
    else:
        bounded = math.isfinite(_worst_value(reading)[0])
        size, limits = excess(reading), Limits(family.look, family.stop if bounded else math.inf)
    found: Level = "stop" if size >= limits.stop else "look" if size >= limits.look else "good"
    return min(found, limits.below, key=RANKS.__getitem__) if _too_low(reading) else found


def _too_low(reading: Reading) -> bool:
    return reading.null is not None and reading.estimate.high < reading.null.low


def judged(found: Mapping[str, Sequence[Reading]], missing: Sequence[Reason] = ()) -> Judgement:
    """Return the verdict over readings by family: `privacy`, `fidelity`, `diversity`, `fairness`.

    Args:
        missing: what was not measured, or could not be, and what that asks for.
    """
    known = rules()
    reasons: list[Reason] = []
    heads: list[tuple[Level, str]] = []
    open_ = {reason.section for reason in missing}
    for name, family in known.families.items():
        if not found.get(name):
            continue
        own = _reasons(name, family, found[name], known.parts)
        worst = _highest([one.level for one in own])
        if own or name not in open_:  # what was measured in part is not called good
            said = {"stop": family.stop_says, "look": family.look_says, "good": family.good_says}[worst]
            heads.append((worst, said))
            reasons += own or [Reason(level="good", text=family.good_says, section=name)]
    reasons = sorted([*reasons, *missing], key=lambda one: -RANKS[one.level])
    verdict = _highest([one.level for one in reasons]) if reasons else "look"
    return Judgement(level=verdict, text=_sentence(verdict, heads), reasons=tuple(reasons))


def _highest(levels: Sequence[Level]) -> Level:
    return "stop" if "stop" in levels else "look" if "look" in levels else "good"


def _sentence(verdict: Level, heads: Sequence[tuple[Level, str]]) -> str:
    first = {"stop": "Stop.", "look": "Look before use.", "good": "Good."}[verdict]
    said = [text for worst, text in heads if worst == verdict]
    if verdict == "good":
        return " ".join([first, *said])
    return f"{first} {said[0]}" if said else f"{first} Not everything was measured that has to be."


def _reasons(name: str, family: Family, readings: Sequence[Reading], parts: float) -> list[Reason]:
    """Return one reason per measure of which a reading asks for more than good; those of the whole first."""
    found: list[tuple[bool, Reason]] = []
    for measure in dict.fromkeys(reading.measure for reading in readings):
        own = [reading for reading in readings if reading.measure == measure]
        odd = [reading for reading in own if level(reading, family) != "good"]
        if odd:
            worst = _worst(own, family, parts)
            reason = Reason(level=worst, text=_told(measures()[measure], own, odd), section=name)
            found.append((all(one.of for one in odd), reason))
    return [reason for _, reason in sorted(found, key=lambda one: one[0])]


def _worst(own: Sequence[Reading], family: Family, parts: float) -> Level:
    """Return what one measure asks for: its reading of the whole, or enough of its parts, decide on a stop."""
    far = [reading for reading in own if level(reading, family) == "stop"]
    whole = any(not reading.of for reading in far)
    of_parts = [reading for reading in own if reading.of]
    many = len(far) >= max(LEAST_FAR, parts * len(of_parts))
    return "stop" if far and (family.one_is_enough or whole or many) else "look"


def _told(measure: Measure, own: Sequence[Reading], odd: Sequence[Reading]) -> str:
    whole = next((reading for reading in odd if not reading.of), None)
    if whole is not None:
        return f"{measure.title}: {_numbers(whole)}."
    ranked = sorted(odd, key=lambda reading: -excess(reading))
    named = "; ".join(f"{reading.of} {_numbers(reading)}" for reading in ranked[:MOST_NAMED])
    more = f"; {len(ranked) - MOST_NAMED} more" if len(ranked) > MOST_NAMED else ""
    return f"{measure.title}: {len(odd)} of {len(own)} differ from real data. {named}{more}."


def _numbers(reading: Reading) -> str:
    said = f"{wording.number(reading.estimate.value)} ({wording.interval(reading.estimate, 'number')})"
    return f"{said}, real data {wording.interval(reading.null, 'number')}" if reading.null else said
