"""The last door before a training: what a dataset's manifest says it was examined for, and what that came to.

    permit(dataset)         ""                                       all that its policy asks for was made and passed
    permit(dataset)         "Ada Lovelace: invented people [answers: personal: 2 of 50, allowed 0]"
    permit(dataset)         DataError: … personal: 2 of 50, allowed 0 …
    permit([record, …])     "nobody: records in memory, not examined"

`curation.lock` examines and writes the verdicts; this only reads them, so that nothing that trains on a dataset, from
whichever side it is called, trains on one that did not pass.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from regrowth.core.dataset import Dataset
from regrowth.core.errors import DataError
from regrowth.core.record import Record

if TYPE_CHECKING:
    from regrowth.weights.loading import Weights

__all__ = ["UNSEEN", "Verdict", "lacking", "permit", "refused", "signatures", "unexamined", "verdicts_of"]

UNSEEN = "nobody: records in memory, not examined"
"""Stands in the header of weights whose records came from no dataset: whoever calls so decides so."""
SHOWN = 3
"""Records that a refusal names."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """Hold what one examination of one dataset came to."""

    gate: str
    examined: int
    found: int
    allowed: int
    settings: Mapping[str, Any] = field(default_factory=dict)
    records: tuple[str, ...] = ()
    """Ids of the first records with a finding."""

    @property
    def passed(self) -> bool:
        """Return whether no more was found than is allowed."""
        return self.found <= self.allowed

    def __str__(self) -> str:
        return f"{self.gate}: {self.found:,} of {self.examined:,}, allowed {self.allowed:,}"


def verdicts_of(dataset: Dataset) -> list[Verdict]:
    """Return the verdicts in a dataset's manifest that are about its present content."""
    told = dataset.manifest.get("verdicts", {})
    if told.get("fingerprint") != dataset.fingerprint:
        return []
    return [Verdict(**{**one, "records": tuple(one["records"])}) for one in told["gates"].values()]


def lacking(dataset: Dataset, mandatory: Iterable[str]) -> list[str]:
    """Return in words which mandatory examinations were not made, then which found too much."""
    known, asked = {one.gate: one for one in verdicts_of(dataset)}, list(mandatory)
    failed = [str(known[name]) for name in asked if name in known and not known[name].passed]
    return [f"{name}: not examined" for name in asked if name not in known] + failed


def refused(dataset: Dataset, wrong: Sequence[str]) -> DataError:
    """Return the error for a dataset that something is wrong with, and nobody signed for."""
    some = [record for one in verdicts_of(dataset) if str(one) in wrong for record in one.records][:SHOWN]
    return DataError(
        f"{dataset.path} may not be trained on or exported: {'; '.join(wrong)}."
        + (f" Records: {', '.join(one[:12] for one in some)} …" if some else "")
        + f"\nSee all of it: regrowth examine {dataset.path}. Then take these records out or mask them, allow more "
        'in the policy (docs/lock.md), or sign for it: --override "your name: your reason".'
    )


def permit(records: Iterable[Record], override: str = "") -> str:
    """Let records be trained on; return what was signed for, which belongs into the header of the weights.

    Of a dataset, its manifest must say that it was examined, that the verdicts are about its present content, and that
    all that was mandatory passed, or who signed for it. Records in memory have no manifest: `UNSEEN` stands for them.

    Args:
        override: who signs here and now, and why.

    Raises:
        DataError: a dataset was not examined or did not pass, and nobody signed; or its files were changed.
    """
    if not isinstance(records, Dataset):
        return override or UNSEEN
    records.check()
    verdicts = records.manifest.get("verdicts", {})
    current = verdicts.get("fingerprint") == records.fingerprint and "mandatory" in verdicts
    wrong = lacking(records, verdicts["mandatory"]) if current else ["not examined"]
    if not wrong:
        return ""
    if signed := (verdicts.get("override", "") if current else "") or override:
        return str(signed)
    raise refused(records, wrong)


def signatures(base: "Weights", words: str) -> dict[str, str]:
    """Return for a header what was signed for when the base was trained, and now; each once, nothing if nothing was."""
    signed = dict.fromkeys(line for one in (base.header.get("override", ""), words) for line in one.splitlines())
    return {"override": "\n".join(signed)} if signed else {}


def unexamined(path: Path) -> DataError:
    """Return the error for a file of records, which has no place for verdicts."""
    return DataError(
        f"{path}: expected the folder of a dataset that was examined; a file holds no verdicts. Make one of it: "
        f"regrowth examine JOB.toml --admit FOLDER, and name that folder as the job's `data`."
    )
