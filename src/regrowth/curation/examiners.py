"""The examinations that need no model, by name: what `regrowth examine` makes, and the lock where a policy asks for it.

EXAMINERS["secrets"](records, Rule())       Examination("secrets", …, findings=(Finding("5f0c…", "1 secret"),))

Those of a judge or of people are made where these are at hand, and come into the manifest by `lock.noted`.
"""

from collections.abc import Iterable, Mapping
from functools import partial

from regrowth.core.protocols import Gate
from regrowth.core.record import Record
from regrowth.curation.findings import Examination, Finding, asked_of_each
from regrowth.curation.lock import Examiner, Rule
from regrowth.extras import library
from regrowth.gates.garbled import not_garbled
from regrowth.gates.injection import no_orders
from regrowth.gates.personal import KINDS, Kind, Search, counted, hits_in, told
from regrowth.gates.personal.hits import OPTIONAL
from regrowth.gates.turns import well_formed

__all__ = ["EXAMINERS", "NEED_BENCHMARKS"]

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

    return contamination(records, Screen.of([read_items(place) for place in rule.against]))


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
    "contamination": _contamination,
}
NEED_BENCHMARKS: frozenset[str] = frozenset(("contamination",))
"""Those that compare with benchmarks, which somebody must name."""
