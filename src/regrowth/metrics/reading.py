"""One measure read off data: its number with the interval, beside what real data of the same size read.

    Reading("ks_complement", "age", Estimate(0.81, 0.79, 0.83, 2000), null=Estimate(0.98, 0.97, 0.99, 2000))
        .worse        True: below all that real data read, and higher is better

What a measure means stands in the `measures.toml` of its package, once: title, direction, bounds, a sentence for
people who never heard of it, and where it is from.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Literal, TypeAlias

from regrowth.core.protocols import Estimate

__all__ = ["Better", "Measure", "Reading", "measures"]

Better: TypeAlias = Literal["higher", "lower", "middle", "neither"]
"""`middle`: both too low and too high are bad, as with the share of rows nearer to training data than to others."""


@dataclass(frozen=True)
class Measure:
    """Say what a measure means."""

    name: str
    title: str
    better: Better
    bounds: tuple[float, float]
    """Least and greatest possible value; infinite where there is none."""
    says: str
    """What it tells, in a sentence for people who never heard of it."""
    source: str = ""
    """Paper or tool whose definition it is, and the differences."""


@dataclass(frozen=True)
class Reading:
    """Hold one number with its interval and its null."""

    measure: str
    of: str
    """A column, a pair of columns (`age × income`), a group; empty: the whole."""
    estimate: Estimate
    null: Estimate | None = None
    """What real data against real data of the same sizes read: the median, and the middle 95 %."""
    note: str = ""

    @property
    def worse(self) -> bool:
        """Tell whether even the better end of the interval is worse than all that real data read."""
        if self.null is None:
            return False
        low, high = self.estimate.high < self.null.low, self.estimate.low > self.null.high
        better = measures()[self.measure].better
        return (low and better in ("higher", "middle")) or (high and better in ("lower", "middle"))


@cache
def measures() -> Mapping[str, Measure]:
    """Return all measures by name."""
    found: dict[str, Measure] = {}
    for place in sorted(files("regrowth.metrics").iterdir(), key=lambda one: one.name):
        catalogue = place / "measures.toml"
        if place.is_dir() and catalogue.is_file():
            for name, facts in tomllib.loads(catalogue.read_text("utf-8")).items():
                low, high = facts.pop("bounds")
                found[name] = Measure(name=name, bounds=(float(low), float(high)), **facts)
    return found
