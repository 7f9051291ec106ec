"""The taint of a row: that it stands on a document in which something was hidden, or that nobody vouches for.

    taints(document)                     ["hidden: comment", "speaks to a model: override"]
    tainted(record, taints(document))    attributes {"tainted": ["hidden: comment", …]}
    gates=[untainted()]                  refuses it; untainted(allow=["hidden: comment"]) lets that one through

The taint is an attribute, so it is part of the record's identity, every record derived from it keeps it, and it stands
in parts, ledgers and reports. It says where a row comes from, not that anything is wrong with it.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence

from regrowth.core.errors import Rejected
from regrowth.core.record import Record
from regrowth.gates.injection import orders
from regrowth.gates.naming import named
from regrowth.seeds.documents import Document

__all__ = ["TAINT", "UNTRUSTED", "count_taints", "tainted", "taints", "untainted"]

TAINT = "tainted"
"""The attribute: a list of reasons, sorted."""
UNTRUSTED = "source nobody vouches for"


def taints(document: Document | str, *, trusted: bool = True) -> list[str]:
    """Return why rows from a document are tainted: what was hidden in it, what in it speaks to a model, its source.

    A text is searched for hidden and open orders; a `Document` brings besides what its reader took out of it.
    """
    text = document if isinstance(document, str) else document.text
    found = {f"speaks to a model: {order.kind}" for order in orders(text)}
    found.update(f"hidden: {order.where}" for order in orders(text) if order.where)
    if isinstance(document, Document):
        found.update(f"hidden: {kind}" for kind in document.taint)
    return sorted(found | (set() if trusted else {UNTRUSTED}))


def tainted(record: Record, reasons: Iterable[str]) -> Record:
    """Return a record with these reasons beside those it has; the same record if there are none to add."""
    before = _reasons(record)
    after = sorted({*before, *reasons})
    return record if after == before else record.derive(origin=record.origin, attributes={TAINT: after})


def _reasons(record: Record) -> list[str]:
    found = record.attributes.get(TAINT) or []
    return sorted(map(str, found)) if isinstance(found, Sequence) and not isinstance(found, str) else [str(found)]


def untainted(*, allow: Iterable[str] = ()) -> Callable[[Record], Record]:
    """Refuse a record that is tainted for any reason but those allowed."""
    return named("untainted", _untainted, allow=frozenset(allow))


def _untainted(record: Record, *, allow: frozenset[str]) -> Record:
    if left := [reason for reason in _reasons(record) if reason not in allow]:
        raise Rejected("untainted", f"comes from a tainted document ({'; '.join(left)[:500]})")
    return record


def count_taints(records: Iterable[Record]) -> Mapping[str, int]:
    """Return how many records are tainted for each reason, the commonest first."""
    return dict(Counter(reason for record in records for reason in _reasons(record)).most_common())
