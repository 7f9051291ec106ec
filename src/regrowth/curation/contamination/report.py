"""What a decontamination came to: per benchmark, with the evidence, and how often the same rule errs.

report.to_json()["benchmarks"]["gsm8k_test"]
{"items": 369, "items found": 12, "documents": 15, "share of documents": {"value": 0.0003, …}, "verbatim": 11, …}
report.lines()          the same for people
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from regrowth.core.protocols import Estimate
from regrowth.core.record import Json
from regrowth.curation.contamination.items import Benchmark
from regrowth.curation.contamination.screen import Hit, Screen
from regrowth.metrics.intervals import proportion
from regrowth.texts import words

__all__ = ["Report", "beside"]

KEPT = 10_000
"""Hits whose evidence is kept; all are counted."""
KINDS = ("verbatim", "near", "rephrased")


@dataclass
class Report:
    """Count what is found, and keep its evidence."""

    screen: Screen
    documents: int = 0
    removed: int = 0
    hits: list[tuple[str, Hit]] = field(default_factory=list)
    """Where (line, row) and what."""
    kinds: Counter[tuple[str, str]] = field(default_factory=Counter)
    """By benchmark and kind; what may stay is of the kind `allowed`."""
    items: dict[str, set[int]] = field(default_factory=dict)
    control: Estimate | None = None
    """Share of clean texts in which the same rule finds something: its false positives."""

    def add(self, places: Iterable[str], found: Sequence[Hit | None]) -> None:
        """Take what was found in some texts."""
        for place, hit in zip(places, found, strict=True):
            self.documents += 1
            if hit is None:
                continue
            self.removed += not hit.allowed
            self.kinds[hit.benchmark, "allowed" if hit.allowed else hit.kind] += 1
            self.items.setdefault(hit.benchmark, set()).add(hit.item)
            if len(self.hits) < KEPT:
                self.hits.append((place, hit))

    def controlled(self, found: Sequence[Hit | None]) -> None:
        """Take what was found in texts that are known to be clean."""
        if found:
            self.control = proportion(sum(hit is not None for hit in found), len(found))

    def to_json(self) -> dict[str, Any]:
        """Return all of it as plain JSON data; no text of a benchmark is in it."""
        return {
            "documents": self.documents,
            "removed": self.removed,
            "benchmarks": {known.name: self._of(known.name, known.items) for known in self.screen.index.benchmarks},
            "control": asdict(self.control) if self.control else None,
            "settings": self.screen.settings,
            "hits": [{"where": place, **hit.to_json()} for place, hit in self.hits],
            "hits left out": sum(self.kinds.values()) - len(self.hits),
        }

    def _of(self, name: str, items: int) -> Mapping[str, Json]:
        counts = {kind: self.kinds[name, kind] for kind in (*KINDS, "allowed")}
        removed = sum(counts[kind] for kind in KINDS)
        share = asdict(proportion(removed, self.documents)) if self.documents else None
        found = len(self.items.get(name, ()))
        return {
            "items": items,
            "items found": found,
            "share of items": found / items if items else 0.0,
            "documents": removed,
            "share of documents": share,
            **counts,
            "candidates verified": self.screen.verified.get(name, 0),
        }

    def lines(self, benchmarks: Iterable[Benchmark] = (), *, most: int = 20) -> Iterator[str]:
        """Yield the report for people; with benchmarks given, their words stand beside the text's."""
        yield f"{self.removed:,} of {self.documents:,} documents hold items of a benchmark."
        for known in self.screen.index.benchmarks:
            counts = [f"{self.kinds[known.name, kind]:,} {kind}" for kind in (*KINDS, "allowed")]
            found = len(self.items.get(known.name, ()))
            yield f"  {known.name}: {found:,} of {known.items:,} items found; documents: {', '.join(counts)}"
            if verified := self.screen.verified.get(known.name):
                yield f"    {verified:,} candidates verified"
        if self.control:
            share, low, high = (f"{one:.2%}" for one in (self.control.value, self.control.low, self.control.high))
            yield f"  control: {share} of {self.control.n:,} clean documents are found, too ({low} to {high})"
        else:
            yield "  control: none given, so the rule's false positives on texts like these are unknown"
        at_hand = {one.name: one for one in benchmarks}
        for place, hit in self.hits[:most]:
            stays = f"; stays: {hit.allowed}" if hit.allowed else ""
            yield f"{place}: {hit.kind}, item {hit.item} of {hit.benchmark} ({hit.why}{stays}) [text {hit.text}]"
            yield f"    text: {' '.join(hit.span.split())}"
            if hit.benchmark in at_hand:
                yield f"    item: {' '.join(beside(hit, at_hand[hit.benchmark]).split())}"
        if (more := sum(self.kinds.values()) - most) > 0:
            yield f"… and {more:,} more; the JSON report holds {len(self.hits):,} of them."


def beside(hit: Hit, benchmark: Benchmark) -> str:
    """Return the part of an item that a hit's passage is most like, clipped to the length of that passage."""
    said = set(words(hit.span))
    parts = benchmark.items[hit.item].parts
    best = max(parts, key=lambda part: len(said & set(words(part))) / (1 + len(said | set(words(part)))), default="")
    return best if len(best) <= 400 else f"{best[:399]}…"
