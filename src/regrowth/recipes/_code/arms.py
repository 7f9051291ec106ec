"""What execution feedback is compared with: what each control accepts, in equal numbers, and how much of it is right.

mixes({"verified": dialogues, "unverified": drafts, …}, real, seed=0)      # as many of each, the real data in all
"""

import random
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence

from regrowth.core.errors import Rejected
from regrowth.core.protocols import Estimate
from regrowth.core.record import Record
from regrowth.metrics.intervals import proportion
from regrowth.reports.blocks import Arm, Measure, Scores
from regrowth.run import Run

__all__ = ["accepted", "distinct", "mixes", "precision"]

Judge = Callable[[Record], Awaitable[Record]]
PRECISION = Measure(name="precision")


def distinct(records: Iterable[Record]) -> list[Record]:
    """Return the first of all records that say the same: models repeat themselves."""
    return list({(one.messages, one.response): one for one in reversed(list(records))}.values())[::-1]


def mixes(kept: Mapping[str, Sequence[Record]], real: Sequence[Record], *, seed: int) -> dict[str, list[Record]]:
    """Return what each arm trains on: the real data, and as many of its own as the poorest arm has.

    An arm that accepted nothing trains on nothing of its own, so it is left out.
    """
    own = {arm: found for arm, records in kept.items() if (found := distinct(records))}
    count = min(map(len, own.values()), default=0)
    return {arm: [*real, *random.Random(f"{seed} {arm}").sample(records, count)] for arm, records in own.items()}


async def precision(run: Run, kept: Mapping[str, Sequence[Record]], truth: Judge) -> dict[str, Estimate]:
    """Return the share of right programs among what each arm accepted, by tests that no arm has seen."""
    found = {}
    for arm, records in kept.items():
        right = await run.aeach(list(records), lambda record: _right(record, truth), name=f"precision of {arm}")
        if right:
            found[arm] = proportion(sum(right), len(right))
    return found


async def _right(record: Record, truth: Judge) -> int:
    try:
        await truth(record)
    except Rejected:
        return 0
    return 1


def accepted(found: Mapping[str, Estimate], result: str) -> Scores:
    """Return the table of what each arm accepted."""
    arms = tuple(
        Arm(name=arm, role="result" if arm == result else "control", estimates={PRECISION.name: one})
        for arm, one in found.items()
    )
    note = "Share of right programs among those each arm accepted, by hidden tests. 95 % Wilson intervals."
    return Scores(title="How much of what was accepted is right", measures=(PRECISION,), arms=arms, note=note)
