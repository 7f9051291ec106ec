"""What became of the drafts of easy and of hard problems: a gate that only keeps what passes would lose the hard ones.

yields(drafts, dialogues)      # [Yield("easy", drawn=400, right=352, repaired=31), …, Yield("hard", …), …]
"""

from collections.abc import Iterable
from typing import NamedTuple

from regrowth.core.record import Record
from regrowth.metrics.intervals import proportion
from regrowth.reports.blocks import Arm, Measure, Scores

__all__ = ["BANDS", "Yield", "band", "by_difficulty", "yields"]

BANDS = ("easy", "middle", "hard", "none right", "no sound tests")
"""By the share of right drafts of the problem: from two thirds, from one third, above none, none."""


class Yield(NamedTuple):
    """What became of the drafts of the problems of one difficulty."""

    band: str
    drawn: int
    right: int
    """At the first attempt."""
    repaired: int

    @property
    def dropped(self) -> int:
        """Return how many were lost."""
        return self.drawn - self.right - self.repaired


def band(draft: Record) -> str:
    """Return how hard the problem of a draft is, by name."""
    if draft["refused"]:
        return BANDS[4]
    rate = draft["pass_rate"]
    return BANDS[0] if rate >= 2 / 3 else BANDS[1] if rate >= 1 / 3 else BANDS[2] if rate else BANDS[3]


def yields(drafts: Iterable[Record], dialogues: Iterable[Record]) -> list[Yield]:
    """Count drafts and what was kept of them, by difficulty; a difficulty that does not occur is left out."""
    counts = {name: [0, 0, 0] for name in BANDS}
    for one in drafts:
        counts[band(one)][0] += 1
    for one in dialogues:
        counts[band(one)][2 if one["repaired"] else 1] += 1
    return [Yield(name, *found) for name, found in counts.items() if found[0]]


def by_difficulty(found: Iterable[Yield]) -> Scores:
    """Return the table of the yields: how many drafts passed at first, how many in the end."""
    first, last = Measure(name="right at first"), Measure(name="kept after repair")
    arms = tuple(
        Arm(
            name=one.band,
            estimates={
                first.name: proportion(one.right, one.drawn),
                last.name: proportion(one.right + one.repaired, one.drawn),
            },
            note=f"{one.drawn:,} drafts: {one.right:,} right, {one.repaired:,} repaired, {one.dropped:,} dropped",
        )
        for one in found
    )
    note = "By the share of right drafts of a problem: easy from 2/3, middle from 1/3. 95 % Wilson intervals; drafts."
    return Scores(title="Yield by difficulty", measures=(first, last), arms=arms, note=note)
