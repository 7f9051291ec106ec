"""What a round is trained on: all real records, in whole passes until they weigh enough, and the models' own.

mixed(2, real, {1: first, 2: second}, floor=0.2)      # str(): 320 real + 1,280 synthetic (round 1: 640, …)
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from regrowth.core.record import Record

__all__ = ["Mix", "mixed"]


@dataclass(frozen=True, slots=True)
class Mix:
    """What a round is trained on, before it is written."""

    number: int
    real: Sequence[Record]
    repeats: int
    """Passes over the real records."""
    synthetic: Mapping[int, Sequence[Record]]
    """By the round that they were made in."""
    paired: frozenset[str]
    """Ids of the real records whose reply stands in a pair that was made of them."""
    pairs: int
    """Pairs that hold the reply of a real record."""

    def __iter__(self) -> Iterator[Record]:
        yield from (record for record in self.real if record.id not in self.paired)
        for _ in range(self.repeats - 1):
            yield from self.real
        for records in self.synthetic.values():
            yield from records

    @property
    def facts(self) -> dict[str, Any]:
        """Return what manifest and ledger say of it."""
        made = {str(number): len(records) for number, records in self.synthetic.items()}
        share = _share(self._real_replies, sum(made.values()))
        return {"real": len(self.real), "repeats": self.repeats, "paired": self.pairs, "made": made, "share": share}

    @property
    def _real_replies(self) -> int:
        return len(self.real) * self.repeats - len(self.paired) + self.pairs

    def __str__(self) -> str:
        facts = self.facts
        told = ", ".join(f"round {number}: {count:,}" for number, count in facts["made"].items() if count)
        again = f" × {self.repeats}" if self.repeats > 1 else ""
        pairs = f" ({len(self.paired):,} of them in {self.pairs:,} pairs)" if self.paired else ""
        made = sum(facts["made"].values())
        return (
            f"{facts['real']:,} real{again}{pairs} + {made:,} synthetic ({told or 'none'}): {facts['share']:.1%} real"
        )


def mixed(number: int, real: Sequence[Record], made: Mapping[int, Sequence[Record]], floor: float) -> Mix:
    """Return a mix whose share of real replies is above a floor."""
    replies = {record.id: record.response for record in real}
    holding = [
        parent
        for records in made.values()
        for record in records
        if record.rejected
        for parent in record.parents
        if replies.get(parent) == record.response
    ]
    paired = frozenset(holding)
    once = len(real) - len(paired) + len(holding)
    every = once + sum(map(len, made.values()))
    missing = (floor * every - once) / ((1 - floor) * max(1, len(real)))
    repeats = 1 + max(0, math.ceil(missing - 1e-9))
    return Mix(number, real, repeats, made, paired, len(holding))


def _share(real: int, made: int) -> float:
    return real / (real + made) if real + made else 0.0
