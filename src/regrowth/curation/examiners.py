"""The examinations that need no model, by name: what `regrowth examine` makes, and the lock where a policy asks for it.

EXAMINERS["secrets"](records, Rule())       Examination("secrets", …, findings=(Finding("5f0c…", "1 secret"),))

Those of a judge or of people are made where these are at hand, and come into the manifest by `lock.noted`.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path

from regrowth.core.errors import SettingsError
from regrowth.core.protocols import Gate
from regrowth.core.record import Record
from regrowth.curation.findings import Examination, Finding, asked_of_each
from regrowth.curation.lock import Examiner, Rule
from regrowth.extras import library
from regrowth.gates.garbled import not_garbled
from regrowth.gates.injection import no_orders
from regrowth.gates.personal import KINDS, Kind, Search, counted, hits_in, told
from regrowth.gates.personal.hits import OPTIONAL
from regrowth.gates.taint import untainted
from regrowth.gates.turns import well_formed
from regrowth.texts import spoken

__all__ = ["EXAMINERS", "NEED_FILES"]

BLOCK = 2_000_000
"""Characters of records that are looked at together; memory is about 60 bytes for each, and for those of the seeds."""
SHOWN = 300
"""Characters of a passage that are kept as evidence."""
PERSONAL = tuple(kind for kind in KINDS if kind != "secret" and kind not in OPTIONAL)


def _of_each(records: Iterable[Record], rule: Rule, *, gate: Gate, name: str) -> Examination:
    return asked_of_each(gate, records, name=name)


def _personal(records: Iterable[Record], rule: Rule, *, kinds: tuple[Kind, ...], name: str) -> Examination:
    search, examined, findings = Search(kinds=kinds), 0, []
    for record in records:
        examined += 1
        if found := hits_in(record, search):
            kinds_found = ", ".join(f"{count} {kind}" for kind, count in counted(found).items())
            findings.append(Finding(record.id, kinds_found, {"hits": told(record, found)}))
    return Examination(name, {"kinds": kinds}, examined, tuple(findings))


def _near_duplicates(records: Iterable[Record], rule: Rule) -> Examination:
    library("numpy", "Finding near duplicates", extra="curate")
    from regrowth.curation.duplicates import near_duplicates

    return near_duplicates(records)


def _contamination(records: Iterable[Record], rule: Rule) -> Examination:
    library("numpy", "Decontamination", extra="curate")
    from regrowth.curation.contamination.items import read_items
    from regrowth.curation.contamination.screen import Screen, contamination

    places = _named(rule, "contamination", "benchmarks")
    return contamination(records, Screen.of([read_items(place) for place in places]))


def _named(rule: Rule, name: str, what: str) -> tuple[Path, ...]:
    if not rule.against:
        raise SettingsError(f"[{name}]: names no {what} to compare with. Add against = [FILE, …] to the policy.")
    return rule.against


def _tainted(records: Iterable[Record], rule: Rule) -> Examination:
    return asked_of_each(untainted(allow=rule.allow), records, name="tainted", allow=list(rule.allow))


def _verbatim(records: Iterable[Record], rule: Rule) -> Examination:
    """Find what stands word for word in the texts that data grew from: memorised, copied, or quoted."""
    library("numpy", "Finding passages word for word", extra="curate")
    from regrowth.metrics.leakage.verbatim import verbatim

    seeds = [text for place in _named(rule, "verbatim", "texts") for text in _texts(place)]
    apart = [text for place in rule.apart for text in _texts(place)] or [""]
    examined, findings = 0, []
    for some in _blocks(records, sum(map(len, (*seeds, *apart)))):
        examined += len(some)
        found = verbatim([spoken(record) for record in some], seeds, apart, lengths=(rule.words,))
        for record, passage in zip(some, found.passages, strict=True):
            if passage is not None:
                reason = f"{passage.length} words in a row of text {passage.seed + 1} that the data grew from"
                place = {"words": passage.length, "start": passage.start, "text": passage.seed + 1}
                findings.append(Finding(record.id, reason, {"passage": passage.text[:SHOWN], **place}))
    return Examination("verbatim", {"words": rule.words, "texts": len(seeds)}, examined, tuple(findings))


def _texts(place: Path) -> Iterator[str]:
    """Yield the texts of a file: one for each row of a table, one for a document."""
    from regrowth.curation.contamination.items import read_items
    from regrowth.seeds.documents import SUFFIXES, read_document

    if place.suffix.lower() in SUFFIXES:
        yield read_document(place).text
    else:
        yield from ("\n".join(item.parts) for item in read_items(place).items)


def _blocks(records: Iterable[Record], least: int) -> Iterator[Sequence[Record]]:
    """Yield records together that are about as long as what they are compared with, and no shorter than `BLOCK`.

    Real records beside synthetic ones are what these grew from, so they are not asked.
    """
    block, size = list[Record](), 0
    for record in _grown(records):
        block.append(record)
        size += len(spoken(record))
        if size >= max(least, BLOCK):
            yield block
            block, size = [], 0
    if block:
        yield block


def _grown(records: Iterable[Record]) -> Iterable[Record]:
    everything = list(records)
    return [record for record in everything if record.origin == "synthetic"] or everything


_GATES: Mapping[str, Gate] = {
    "malformed": well_formed,
    "garbled": not_garbled(),
    "orders": no_orders(),
}
EXAMINERS: Mapping[str, Examiner] = {
    "secrets": partial(_personal, kinds=("secret",), name="secrets"),
    "personal": partial(_personal, kinds=PERSONAL, name="personal"),
    **{name: partial(_of_each, gate=gate, name=name) for name, gate in _GATES.items()},
    "near_duplicates": _near_duplicates,
    "tainted": _tainted,
    "contamination": _contamination,
    "verbatim": _verbatim,
}
NEED_FILES: Mapping[str, str] = {"contamination": "--against FILE", "verbatim": "--grown-from FILE"}
"""Those that compare with files, which somebody must name; and how on the command line."""
