"""Rows are drawn for slots, judged, and drawn again until every slot holds one that breaks nothing.

    drawing = Drawing(rules, {"sex": array([0, 1])}, 2)
    drawing.offer(0, {"sex": 0.0, "age": 17.0})         Broken("ranges", "age is 17, …"): slot 0 stays open
    drawing.open                                        [0, 1]

What a slot is given (a sex, a class) stays with it, so shares that were asked for are exact however much is refused.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from regrowth.core.errors import Shortfall
from regrowth.domains.tables.constraints import Broken, Rules, row_at
from regrowth.domains.tables.schema import Rows

__all__ = ["Drawing", "Generator", "Refused", "fill"]

DRAWS = 50
"""Rounds of drawing anew, at most."""


class Generator(Protocol):
    """Draws rows."""

    def draw(self, given: Rows, count: int, rng: np.random.Generator) -> Mapping[str, npt.NDArray[Any]]:
        """Return values for each column; those of the columns that are given as they are."""


class Refused(NamedTuple):
    """Hold one row that was refused, as a person reads it."""

    row: Mapping[str, str]
    gate: str
    reason: str


@dataclass
class Drawing:
    """Hold which slots are filled, and what was refused on the way."""

    rules: Rules
    given: Rows
    count: int
    filled: dict[int, Mapping[str, float]] = field(default_factory=dict)
    refused: list[Refused] = field(default_factory=list)

    @property
    def open(self) -> list[int]:
        """Return the slots that are to be filled yet."""
        return [slot for slot in range(self.count) if slot not in self.filled]

    def offer(self, slot: int, row: Mapping[str, float]) -> Broken | None:
        """Put a row into a slot, unless it breaks a constraint: that is returned."""
        broken = self.rules.broken(row)
        if broken is None:
            self.filled[slot] = row
        else:
            self.refused.append(Refused(self.shown(row), *broken))
        return broken

    def shown(self, row: Mapping[str, float]) -> dict[str, str]:
        """Return a row as a person reads it."""
        return {name: self.rules.schema.shapes[name].shown(value) for name, value in row.items()}

    def rows(self) -> dict[str, npt.NDArray[Any]]:
        """Return the columns of all slots."""
        shapes = self.rules.schema.shapes
        slots = [self.filled[slot] for slot in range(self.count)]
        return {
            shape.name: np.array([slot[shape.name] for slot in slots], np.float64 if shape.counted else np.int32)
            for shape in shapes.values()
            if shape.kind != "identifier"
        }

    def shortfall(self) -> Shortfall:
        """Return the error that says which constraint ate the rows that are missing."""
        most = Counter(one.gate for one in self.refused).most_common(1)
        eaten = f" Most were refused by {most[0][0]}: {most[0][1]:,}." if most else ""
        return Shortfall(
            f"{len(self.filled):,} of {self.count:,} rows after {len(self.refused) + len(self.filled):,} drawn.{eaten} "
            "Loosen the constraints, or the conditions that go against them."
        )


def fill(drawing: Drawing, generator: Generator, rng: np.random.Generator) -> None:
    """Draw until every slot is filled.

    Raises:
        Shortfall: some stay open, however often they are drawn anew.
    """
    for _ in range(DRAWS):
        slots = drawing.open
        if not slots:
            return
        given = {name: values[slots] for name, values in drawing.given.items()}
        rows = generator.draw(given, len(slots), rng)
        for place, slot in enumerate(slots):
            drawing.offer(slot, row_at(rows, place))
    if drawing.open:
        raise drawing.shortfall()
