"""Rows of the benchmark of collapse: an expected number, ours with its interval, and whether the two agree.

row("M = 32, replace, t = 100", 0.0418, values_over_seeds)      met([…])[0]["met"]
"""

import itertools
import math
import resource
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import t as student

from regrowth.metrics.intervals import across_seeds
from regrowth.recipes.collapse import Course, Outcome, Settings, collapse
from regrowth.run import open_run

WORK = Path(__file__).parent / ".work" / "collapse"
WRONG = 0.01
"""Chance that a table has a row that misses though all is right."""


@dataclass(frozen=True)
class Row:
    """One expected number beside ours."""

    what: str
    expected: float
    source: str
    """`theory`, `first order` (theory for large samples), or `measured` (the method sheet's own simulation)."""
    value: float
    error: float
    """Standard error."""
    n: int

    def interval(self, rows: int) -> tuple[float, float]:
        """Return the interval that holds the expected number with 99 % for a whole table of so many rows."""
        if self.error == 0:
            return self.value, self.value
        quantile = _quantile(1 - WRONG / rows, self.n)
        wider = math.sqrt(2) if self.source == "measured" else 1.0
        reach = quantile * self.error * wider + (0.5 * _digits(self.expected) if self.source == "measured" else 0)
        return self.value - reach, self.value + reach


def _quantile(level: float, n: int) -> float:
    return float(student.ppf((1 + level) / 2, n - 1))


def _digits(number: float) -> float:
    """Return the last digit that a printed number has."""
    text = f"{number:.10f}".rstrip("0")
    return float(10.0 ** -len(text.partition(".")[2]))


def row(what: str, expected: float, values: Sequence[float], source: str = "theory", error: float | None = None) -> Row:
    """Return a row; without `error` the standard error is taken from the values, one per seed."""
    numbers = np.asarray(values, float)
    spread = float(numbers.std(ddof=1) / math.sqrt(len(numbers))) if error is None else error
    return Row(what, float(expected), source, float(numbers.mean()), spread, len(numbers))


def met(rows: Sequence[Row]) -> list[dict[str, Any]]:
    """Return rows as plain data, each with its interval and whether it is met."""
    found = []
    for one in rows:
        low, high = one.interval(len(rows))
        plain = one.interval(1)
        found.append(
            {
                **asdict(one),
                "low": low,
                "high": high,
                "met": low - 1e-12 <= one.expected <= high + 1e-12,
                "met at 99 % alone": plain[0] - 1e-12 <= one.expected <= plain[1] + 1e-12,
            }
        )
    return found


def outcome(name: str, **settings: Any) -> Outcome:
    """Run the recipe in a folder of its own; what was done before is remembered."""
    with open_run(WORK / name) as run:
        return run.wait(collapse(run, Settings.model_validate(settings)))


def courses(name: str, **settings: Any) -> Mapping[str, Course]:
    """Return the courses of every arm."""
    return outcome(name, **settings).courses


def summary(found: Mapping[str, Course]) -> dict[str, Any]:
    """Return every figure of every arm by round, with its interval over the seeds."""
    told: dict[str, Any] = {}
    for arm, course in found.items():
        for figure in course.figures:
            points = [course.estimate(figure, number) for number in course.rounds]
            told.setdefault(figure, {})[arm] = {
                "rounds": list(course.rounds),
                **{end: [getattr(one, end) for one in points] for end in ("value", "low", "high")},
                "n": points[0].n,
            }
    return told


def ordered(found: Mapping[str, Course], order: Sequence[str], figure: str, number: int) -> list[dict[str, Any]]:
    """Return paired differences of neighbours in an order that should fall, over the seeds."""
    gaps = []
    for first, second in itertools.pairwise(order):
        one = across_seeds((found[first].at(figure, number) - found[second].at(figure, number)).tolist())
        gaps.append({"gap": f"{first} − {second}", "round": number, **asdict(one), "met": one.low > 0})
    return gaps


def timed(make: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    begun = time.process_time()
    found = make()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {**found, "CPU seconds": round(time.process_time() - begun, 1), "peak MB": round(peak)}
