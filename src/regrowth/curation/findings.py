"""What an examination of a dataset found, and what is left without it.

    found = near_duplicates(records)            # Examination("near_duplicate", …, findings=(Finding(…), …))
    kept, refused = parted(records, found)      # refused: entries for the ledger, each with the reason

An examination is a plain value: which gate, with which settings, over how many records, and one finding for each
record that should not stay, with its evidence. Whoever wants the records without them parts them.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from regrowth.core.dataset import Entry
from regrowth.core.errors import Rejected
from regrowth.core.protocols import Gate
from regrowth.core.record import Json, Record

__all__ = ["Examination", "Finding", "asked_of_each", "parted"]


@dataclass(frozen=True, slots=True)
class Finding:
    """Hold what was found in one record."""

    record: str
    """Its id."""
    reason: str
    """In words a person can act on; never the secret itself."""
    evidence: Mapping[str, Json] = field(default_factory=dict)
    """Twin, spans, similarity: whatever shows it."""


@dataclass(frozen=True, slots=True)
class Examination:
    """Hold all that one examination found."""

    gate: str
    settings: Mapping[str, Json]
    """All that shaped it; benchmarks and models by their digest."""
    examined: int
    findings: tuple[Finding, ...] = ()


def asked_of_each(gate: Gate, records: Iterable[Record], *, name: str, **settings: Json) -> Examination:
    """Return what a gate refuses, as an examination. The gate must be an ordinary function: it is not awaited."""
    findings, examined = [], 0
    for record in records:
        examined += 1
        try:
            gate(record)
        except Rejected as refusal:
            findings.append(Finding(record.id, refusal.reason))
    return Examination(name, settings, examined, tuple(findings))


def parted(records: Iterable[Record], *found: Examination) -> tuple[list[Record], list[Entry]]:
    """Part records into those that stay and entries for the ledger; the first finding about a record is its reason."""
    refused = {one.record: (each.gate, one) for each in reversed(found) for one in each.findings}
    kept, entries = [], []
    for record in records:
        if record.id in refused:
            gate, finding = refused[record.id]
            entries.append(Entry(record, {"evidence": dict(finding.evidence)}, "rejected", gate, finding.reason))
        else:
            kept.append(record)
    return kept, entries
