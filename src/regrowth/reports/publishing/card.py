"""The dataset card: README.md with the header that the Hub reads, and what a person must know before using the data.

---
license: cc-by-4.0
tags: ["synthetic", …]
---
# Census, synthetic
**Look before use.** …
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from regrowth import __version__
from regrowth.reports import wording
from regrowth.reports.blocks import Report
from regrowth.reports.compared import Judgement, Readings
from regrowth.reports.publishing.about import NOT_STATED, About, Origin
from regrowth.reports.publishing.manifest import Input

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["Column", "Data", "card", "columns_of", "limits"]

SIZES = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M"),
         (10_000_000, "1M<n<10M"), (100_000_000, "10M<n<100M"), (1_000_000_000, "100M<n<1B"))  # fmt: skip
SPECIAL = str.maketrans({character: "\\" + character for character in "\\`*_{}[]<>|#"})


@dataclass(frozen=True)
class Column:
    """Describe one column of the data."""

    name: str
    kind: str
    """Text, Integer, Float, Boolean, Date or DateTime, as schema.org calls them."""


@dataclass(frozen=True)
class Data:
    """Say which data a card is about."""

    files: Sequence[Input]
    """By their names: the card is to lie beside them."""
    rows: int
    columns: Sequence[Column] = ()
    modality: str = "tabular"
    """`tabular` or `text`."""
    synthetic: bool = True
    real: Sequence[Input] = ()
    """What it was made from and compared with."""
    command: str = ""


def columns_of(schema: "pa.Schema") -> tuple[Column, ...]:
    """Return the columns of an Arrow schema; what is nested is described as text."""
    return tuple(Column(name, _kind(str(schema.field(name).type))) for name in schema.names)


def _kind(arrow: str) -> str:
    starts = {"int": "Integer", "uint": "Integer", "float": "Float", "double": "Float", "decimal": "Float",
              "bool": "Boolean", "date": "Date", "timestamp": "DateTime"}  # fmt: skip
    return next((kind for start, kind in starts.items() if arrow.startswith(start)), "Text")


def card(data: Data, about: About, report: Report) -> str:
    """Return the card as Markdown."""
    verdict = next((block for block in report.blocks if isinstance(block, Judgement)), None)
    name = about.name or (data.files[0].name if data.files else report.title)
    kind = "Synthetic data" if data.synthetic else "Data"
    parts = [
        _header(data, about, name),
        f"# {_plain(name)}",
        _plain(about.description)
        or f"{kind}: {data.rows:,} records{f' of {len(data.columns)} columns' if data.modality == 'tabular' else ''}.",
        *(_verdict(verdict) if verdict else []),
        "## Where they come from",
        _origins("Seed", about.seeds or [Origin(name=one.name) for one in data.real]),
        _origins("Teacher", about.teachers),
        f"Licence of these data: {_plain(about.licence) or NOT_STATED}. "
        "What seeds and teachers demand holds for what was made from them.",
        "## Intended use",
        _listed(about.uses) or f"{NOT_STATED.capitalize()}.",
        *(["Not meant for:", _listed(about.misuses)] if about.misuses else []),
        "## Limits",
        _listed(limits(about, verdict)),
        f"Personal or sensitive information: {_plain(about.personal) or NOT_STATED}.",
        *_measured(report),
        "## Files",
        _files(data),
        _last(data),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def limits(about: About, verdict: Judgement | None) -> list[str]:
    """Return the limits that were stated, and those that were found."""
    found = [reason.text for reason in verdict.reasons if reason.level != "good"] if verdict else []
    unmeasured = [] if verdict else ["These data were not compared with real ones; regrowth compare does that."]
    return [*about.limits, *found, *unmeasured]


def _header(data: Data, about: About, name: str) -> str:
    size = next((said for most, said in SIZES if data.rows < most), "n>1B")
    tags = [*(["synthetic"] if data.synthetic else []), data.modality, "regrowth"]
    lines = {
        "pretty_name": name,
        "license": about.licence.lower() or "unknown",
        "language": list(about.languages),
        "size_categories": [size],
        "tags": tags,
        "configs": [
            {"config_name": "default", "data_files": [{"split": "train", "path": [one.name for one in data.files]}]}
        ],
    }
    # JSON is YAML, and nothing in a JSON string can end the header.
    written = [f"{key}: {json.dumps(value, ensure_ascii=True)}" for key, value in lines.items() if value]
    return "\n".join(["---", *written, "---"])


def _verdict(verdict: Judgement) -> list[str]:
    reasons = [f"{reason.level}: {reason.text}" for reason in verdict.reasons]
    return [f"**{_plain(verdict.text)}**", _listed(reasons)]


def _origins(what: str, origins: Sequence[Origin]) -> str:
    if not origins:
        return f"{what}s: {NOT_STATED}."
    rows = [f"| {_plain(one.name)} | {_plain(one.terms)} | {_plain(one.url)} |" for one in origins]
    return "\n".join([f"| {what} | Licence | Where |", "|---|---|---|", *rows])


def _measured(report: Report) -> list[str]:
    """Return tables of the numbers of the whole; those of single columns stand in the report."""
    parts = []
    for block in report.blocks:
        rows = []
        for measure in block.measures if isinstance(block, Readings) else ():
            rows += [
                f"| {_plain(measure.title)} | {wording.number(one.estimate.value)} "
                f"({wording.interval(one.estimate, 'number')}) "
                f"| {wording.interval(one.null, 'number') if one.null else '–'} | {one.estimate.n:,} |"
                for one in measure.readings
                if not one.of
            ]
        if rows:
            head = ["| Measure | Value (95 % interval) | Real data | n |", "|---|---|---|---|"]
            parts += [f"## {_plain(block.title)}", "\n".join([*head, *rows])]  # type: ignore[union-attr]
    return parts


def _files(data: Data) -> str:
    rows = [f"| {_plain(one.name)} | {one.bytes:,} | `{one.sha256}` |" for one in data.files]
    return "\n".join(["| File | Bytes | SHA-256 |", "|---|---|---|", *rows])


def _last(data: Data) -> str:
    made = f"Written by regrowth {__version__}. All figures: report.html and report.json."
    return f"{made}\n\n```sh\n{data.command}\n```" if data.command else made


def _listed(texts: Sequence[str]) -> str:
    return "\n".join(f"- {_plain(text)}" for text in texts)


def _plain(text: str) -> str:
    """Return a text in one line that Markdown takes as it stands."""
    return " ".join(wording.visible(text).split()).translate(SPECIAL)
