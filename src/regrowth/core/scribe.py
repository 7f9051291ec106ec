"""What became of each attempt, written down in order: records, ledger, lineage, funnel and cost.

One line of the funnel as the manifest keeps it:
    {"arithmetic 2": {"wanted": 60, "attempted": 48, "made": 192, "accepted": 60, "failed": 0, "rejected": {…: 132}}}
"""

import sqlite3
from collections.abc import Sequence
from typing import Any, NamedTuple

from regrowth.core.dataset import DatasetWriter, Entry
from regrowth.core.planning import Attempt, Planner, Tally
from regrowth.core.protocols import Cost
from regrowth.core.record import Record, digest
from regrowth.core.store import Store, Trace

__all__ = ["Outcome", "Scribe"]

PATIENCE = 20
"""Attempts that may break before anything was made; then the run stops, instead of filling the ledger."""


class Outcome(NamedTuple):
    """What became of one record of an attempt."""

    entry: Entry
    error: Exception | None = None


class Scribe:
    """Write down what became of each attempt, in order."""

    def __init__(self, writer: DatasetWriter, store: Store, planner: Planner, gates: list[str]) -> None:
        self.writer, self.store, self.planner, self.gates = writer, store, planner, gates
        self.cost = Cost()
        self._novelty = _Novelty()
        self._made = 0
        self._broken = 0

    def settle(self, attempt: Attempt, outcomes: Sequence[Outcome], noted: Trace) -> None:
        """Take what one attempt made: count it, write it, link it to what it was made from."""
        tally = self.planner.settle(attempt)
        self.cost += noted.cost
        for outcome in outcomes:
            entry = self._counted(outcome.entry, attempt, tally)
            passport = {
                **entry.passport,
                "seed": attempt.seed.id,
                "draw": attempt.seed.attempt,
                "stratum": attempt.stratum,
                "effects": sorted(set(noted.effects)),
            }
            self._write(entry._replace(passport=passport), tally)
            if outcome.error is not None:
                self._lose_patience(outcome.error)

    def _counted(self, entry: Entry, attempt: Attempt, tally: Tally) -> Entry:
        """Refuse what would not count towards the wanted records: one too many, or one that is there already."""
        if entry.outcome != "accepted" or tally.wanted is None:
            return entry
        if tally.full:
            reason = f"stratum {attempt.stratum!r} already has its {tally.wanted} records"
            return entry._replace(outcome="rejected", gate="quota", reason=reason)
        if twin := self._novelty.twin_of(entry.record):
            return entry._replace(outcome="rejected", gate="duplicate", reason=f"says the same as {twin}")
        return entry

    def _write(self, entry: Entry, tally: Tally) -> None:
        broke_before_made = entry.outcome == "failed" and entry.gate == "work"
        tally.made += not broke_before_made
        self._made += not broke_before_made
        if entry.outcome == "accepted":
            tally.accepted += 1
            self.writer.accept(entry.record, entry.passport)
        else:
            tally.failed += entry.outcome == "failed"
            tally.rejected[entry.gate] += entry.outcome == "rejected"
            self.writer.refuse(entry)
        parents = {*entry.record.parents, entry.passport["seed"]} - {entry.record.id}
        self.store.link(entry.record.id, sorted(parents), entry.passport["effects"])

    def _lose_patience(self, error: Exception) -> None:
        self._broken += 1
        if self._broken >= PATIENCE and not self._made:
            error.add_note(
                f"The first {PATIENCE} attempts all failed, so the run was stopped; this is the last of them."
            )
            raise error

    def close(self) -> None:
        """Let go of what was kept on the disk for the while."""
        self._novelty.close()

    def facts(self) -> dict[str, Any]:
        """Return what the manifest keeps: the funnel and the cost."""
        cost = {
            "prompt_tokens": self.cost.prompt_tokens,
            "completion_tokens": self.cost.completion_tokens,
            "money": self.cost.money,
            "calls": self.cost.calls,
        }
        strata = {name: tally.to_json() for name, tally in self.planner.tallies.items()}
        return {"funnel": {"gates": self.gates, "strata": strata}, "cost": cost}


class _Novelty:
    """Know what was accepted, on disk, so that the memory does not grow with the dataset."""

    def __init__(self) -> None:
        self._seen = sqlite3.connect("")  # a temporary file that vanishes with the connection
        self._seen.execute("create table seen(said text primary key, id text) without rowid")

    def twin_of(self, record: Record) -> str:
        """Return the id of an accepted record that says the same, or nothing and remember this one."""
        said = digest(record.messages, record.response, record.rejected)
        found = self._seen.execute("select id from seen where said=?", (said,)).fetchone()
        if found is None:
            self._seen.execute("insert into seen values(?,?)", (said, record.id))
        return "" if found is None else str(found[0])

    def close(self) -> None:
        self._seen.close()
