"""Difficulty from pass rates: how many of k replies to a problem were right says what there is to learn from it.

    found = judged(run.dataset("answers-1"))         # {problem id: Solved(passed=3, drawn=4), …}
    problems = noted(problems, found)                # scores: pass_rate 0.75, drawn 4
    teachable(problems)                              # without those always or never solved
    balanced(problems, 200, {"hard": 2, "middle": 1, "easy": 1})
    hardest(problems, 200)                           # the lowest rate above none first

Where the rates come from: `execution_feedback` and `translate_code` write the attribute `pass_rate`;
`rejection_sampling` keeps right replies in a dataset and wrong ones in its ledger: `judged`; the replies of
`policy_optimization` carry the score `judged`: `rewarded`. A rate of few replies is coarse: of problems that a model
solves half the time, one in sixteen shows 0 of 4.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple, TypeAlias

from regrowth.core.dataset import Dataset
from regrowth.core.record import Json, Record
from regrowth.curation.selection.choosing import Pick, Selection, at_hand, examined, ordered, wanting
from regrowth.curation.selection.quotas import Shares, Short, by_quota

__all__ = [
    "BANDS",
    "Rate",
    "Solved",
    "balanced",
    "band",
    "hardest",
    "judged",
    "noted",
    "pass_rate",
    "rewarded",
    "teachable",
]

Rate: TypeAlias = Callable[[Record], float | None]
"""Tells the pass rate of a record, 0 … 1, or None where it is not known."""

BANDS = ("never", "hard", "middle", "easy", "always")
"""Solved in none of the draws, in less than a third, in less than two thirds, in less than all, in all."""
UNKNOWN = "unknown"
PASSED_BEFORE = ("duplicate", "quota")
"""Refusals of records that passed every gate: the same reply again, or one too many."""


class Solved(NamedTuple):
    """Count the replies to one problem."""

    passed: int = 0
    drawn: int = 0

    @property
    def rate(self) -> float:
        """Return the share that passed."""
        return self.passed / self.drawn

    def plus(self, passed: bool) -> "Solved":
        """Return the count with one more reply."""
        return Solved(self.passed + passed, self.drawn + 1)


def judged(data: Dataset, *, gate: str = "verified") -> dict[str, Solved]:
    """Count the replies of a grown dataset and its ledger, by the id of the problem they were drawn to.

    Args:
        gate: The one whose refusal means that a reply is wrong. What other gates refused and what broke does not count.
    """
    found: dict[str, Solved] = {}
    for entry in (*data.entries(), *data.ledger()):
        passed = entry.outcome == "accepted" or entry.gate in PASSED_BEFORE
        if entry.record.parents and (passed or (entry.outcome == "rejected" and entry.gate == gate)):
            problem = entry.record.parents[-1]
            found[problem] = found.get(problem, Solved()).plus(passed)
    return found


def rewarded(replies: Iterable[Record], *, least: float = 1.0, score: str = "judged") -> dict[str, Solved]:
    """Count scored replies, by the id of the problem they were drawn to; one without the score does not count."""
    found: dict[str, Solved] = {}
    for reply in replies:
        if reply.parents and score in reply.scores:
            problem = reply.parents[-1]
            found[problem] = found.get(problem, Solved()).plus(reply.scores[score] >= least)
    return found


def noted(records: Iterable[Record], found: Mapping[str, Solved]) -> list[Record]:
    """Return problems, or replies to them, with the scores `pass_rate` and `drawn`; others as they are."""
    made = []
    for record in records:
        one = found.get(record.id) or (found.get(record.parents[-1]) if record.parents else None)
        made.append(record.scored(pass_rate=one.rate, drawn=float(one.drawn)) if one and one.drawn else record)
    return made


def pass_rate(record: Record) -> float | None:
    """Return the pass rate of a record, from its scores or else its attributes; None if it is no number from 0 to 1."""
    found = record.scores.get("pass_rate", record.attributes.get("pass_rate"))
    known = isinstance(found, int | float) and not isinstance(found, bool) and 0 <= found <= 1
    return float(found) if known else None  # type: ignore[arg-type]


def band(rate: float | None) -> str:
    """Return how hard a problem with this pass rate is, by name."""
    if rate is None:
        return UNKNOWN
    return BANDS[0] if rate <= 0 else BANDS[4] if rate >= 1 else BANDS[1 + (rate >= 1 / 3) + (rate >= 2 / 3)]


def teachable(
    records: Iterable[Record], *, rate: Rate = pass_rate, above: float = 0.0, below: float = 1.0
) -> Selection:
    """Choose what is solved sometimes: pass rates strictly between two bounds. Unknown ones are left out."""
    pool = at_hand(records)

    def reason(record: Record) -> str:
        found = rate(record)
        if found is None:
            return "its pass rate is not known"
        if above < found < below:
            return ""
        return f"solved in {found:.0%} of the draws: {'too seldom' if found <= above else 'too often'} to learn from"

    chosen = [record for record in pool if not reason(record)]
    settings: dict[str, Json] = {"above": above, "below": below}
    return Selection(tuple(chosen), examined("teachable", settings, pool, chosen, reason))


def balanced(
    records: Iterable[Record],
    count: int,
    wanted: Shares = "equal",
    *,
    rate: Rate = pass_rate,
    bands: Callable[[float | None], str] = band,
    seed: int = 0,
    short: Short = "leave",
    pick: Pick | None = None,
) -> Selection:
    """Choose records by shares of the bands of difficulty; see `by_quota`. A band that is not named is not wanted."""
    return by_quota(
        records, count, {"difficulty": wanted}, seed=seed, short=short, pick=pick, read=lambda one, _: bands(rate(one))
    )


def hardest(
    records: Iterable[Record], count: int, *, rate: Rate = pass_rate, never: bool = False, seed: int = 0
) -> Selection:
    """Choose the lowest pass rates, hardest first; of equals by chance.

    Args:
        never: Whether problems that were never solved are taken, too. Many of them are wrong or cannot be solved.
    """
    pool = at_hand(records)
    rates = {record.id: found for record in pool if (found := rate(record)) is not None and (found or never)}
    in_turn = ordered((record for record in pool if record.id in rates), "hardest", seed=seed)
    chosen = sorted(in_turn, key=lambda record: rates[record.id])[: wanting(count)]

    def reason(record: Record) -> str:
        if record.id in rates:
            return f"solved in {rates[record.id]:.0%} of the draws: {count:,} that are as hard or harder were wanted"
        return "its pass rate is not known" if rate(record) is None else "never solved"

    return Selection(
        tuple(chosen), examined("hardest", {"count": count, "never": never, "seed": seed}, pool, chosen, reason)
    )
