"""Which records of a dataset, or of several, say what another one says, and which of them stays.

    found = near_duplicates(first, second)
    found.findings[0].reason        "near duplicate of 5f0c… (83% of word pairs in common), which stays: it is verified"
    found.findings[0].evidence      {"twin": "5f0c…", "kind": "near", "similarity": 0.8333, "why": "it is verified"}
    clusters(found)                 {"5f0c…": ("91ab…", "c07d…")}
    kept, refused = parted(records, found)

Records of one id are one record: they are never duplicates of each other.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TypeAlias

from regrowth.core.record import Json, Record
from regrowth.curation.duplicates.engine import compared, read
from regrowth.curation.duplicates.semantic import Semantic
from regrowth.curation.duplicates.settings import Near
from regrowth.curation.duplicates.standing import Judge, Place, place, standing, why
from regrowth.curation.duplicates.twins import KINDS, told
from regrowth.curation.findings import Examination, Finding
from regrowth.texts import spoken

__all__ = ["Text", "clusters", "finding", "near_duplicates", "ranked", "said", "settings_of"]

Text: TypeAlias = Callable[[Record], str]
"""What of a record is compared."""
GATE = "near_duplicate"


def said(record: Record) -> str:
    """Return all that a record says, turn by turn, its response and the rejected one last."""
    return f"{spoken(record)}\n{record.rejected}" if record.rejected else spoken(record)


def near_duplicates(
    *datasets: Iterable[Record],
    near: Near | None = Near(),  # noqa: B008
    semantic: Semantic | None = None,
    judge: Judge = standing,
    text: Text = said,
) -> Examination:
    """Return the records of these datasets that say what another one says; equal texts are found in any case.

    The result does not depend on the order of the records of a dataset; of several datasets the earlier goes first
    where records are otherwise as good.

    Args:
        near: from when on words are nearly the same; None compares no words.
        semantic: from when on texts mean the same; None compares no meanings.
        judge: who survives: verified > higher score > earlier.
        text: what of a record is compared.
    """
    records, places = ranked(datasets, judge)
    found = told(compared(read([text(one) for one in records], near or Near(), semantic), (), near, semantic))
    findings = [
        finding(record, records[twin].id, KINDS[kind], similarity, why(places[twin], places[number]), near)
        for number, (record, twin, similarity, kind) in enumerate(
            zip(records, found.twin.tolist(), found.similarity.tolist(), found.kind.tolist(), strict=True)
        )
        if twin >= 0
    ]
    return Examination(GATE, settings_of(near, semantic, judge, text), len(records), tuple(findings))


def ranked(datasets: Sequence[Iterable[Record]], judge: Judge) -> tuple[list[Record], list[Place]]:
    """Return the records of all datasets, each id once, best first, with their places."""
    known: dict[str, tuple[Place, Record]] = {}
    for number, records in enumerate(datasets):
        for record in records:
            found = place(record, number, judge)
            if record.id not in known or found < known[record.id][0]:
                known[record.id] = found, record
    order = sorted(known.values(), key=lambda one: one[0])
    return [record for _, record in order], [found for found, _ in order]


def finding(record: Record, twin: str, kind: str, similarity: float, reason: str, near: Near | None) -> Finding:
    """Return that a record is like another one, which stays, and why that does."""
    likeness = {
        "exact": f"the same text as {twin}",
        "near": f"near duplicate of {twin} ({similarity:.0%} of {_shingles(near or Near())} in common)",
        "semantic": f"means the same as {twin} (cosine {similarity:.3f})",
    }[kind]
    evidence: dict[str, Json] = {"twin": twin, "kind": kind, "similarity": round(similarity, 4), "why": reason}
    return Finding(record.id, f"{likeness}, which stays: {reason}", evidence)


def _shingles(near: Near) -> str:
    return "word pairs" if (near.unit, near.width) == ("word", 2) else f"runs of {near.width} {near.unit}s"


def settings_of(near: Near | None, semantic: Semantic | None, judge: Judge, text: Text) -> dict[str, Json]:
    """Return all that shapes a result, as plain JSON data."""
    meaning: dict[str, Json] | None = None
    if semantic:
        meaning = {"embedding": semantic.name, "alike": semantic.alike, "numbers": semantic.numbers}
    words = near.model_dump(mode="json") if near else None
    return {"near": words, "semantic": meaning, "judge": _named(judge), "text": _named(text)}


def _named(function: Callable[..., object]) -> str:
    return str(getattr(function, "__qualname__", type(function).__name__))


def clusters(*found: Examination) -> Mapping[str, tuple[str, ...]]:
    """Return, for each survivor that others fell to, their ids, most similar first."""
    fallen: dict[str, list[tuple[float, str]]] = {}
    for one in found:
        for each in one.findings:
            similarity = each.evidence["similarity"]
            assert isinstance(similarity, float)
            fallen.setdefault(str(each.evidence["twin"]), []).append((-similarity, each.record))
    return {survivor: tuple(record for _, record in sorted(members)) for survivor, members in sorted(fallen.items())}
