"""Everything that reads what somebody else wrote, as functions of one text.

Each may raise what its documentation says and nothing else: `RegrowthError`, `Rejected`, and `ValueError` where a
parser of answers says so.
"""

import importlib
from collections.abc import Callable, Iterable
from pathlib import Path
from random import Random
from tempfile import mkdtemp
from typing import Any

from fuzz.inputs import as_bytes
from regrowth import gates
from regrowth.core import layouts
from regrowth.core.errors import RegrowthError, Rejected
from regrowth.core.layouts.rows import read_rows
from regrowth.core.record import Record
from regrowth.domains.code.extract import extracted
from regrowth.gates import (
    garbled,
    grounding,
    injection,
    language,
    pairwise,
    questions,
    refusals,
    spans,
    taint,
    traits,
    turns,
)
from regrowth.gates.json_values import parse_json
from regrowth.gates.principled import parse_yes
from regrowth.models import structured
from regrowth.seeds.chunks import chunks
from regrowth.seeds.documents import parse_document
from regrowth.seeds.principles import read_principles
from regrowth.seeds.taxonomy import check_taxonomy
from regrowth.texts import normalised, words

__all__ = ["ALLOWED", "GATES", "PARSERS", "SLOW", "file_readers"]

Target = Callable[[str], object]
ALLOWED: tuple[type[Exception], ...] = (RegrowthError, Rejected)

TOOL = gates.Tool("add", "", {"type": "object", "properties": {"a": {}, "b": {}}}, lambda a, b: a + b)


def _valued(parse: Target) -> Target:
    """Let through the ValueError that a parser of answers promises."""

    def target(text: str) -> object:
        try:
            return parse(text)
        except ValueError as error:
            return str(error)

    return target


def _document(kind: Any) -> Target:
    return lambda text: chunks(parse_document(text, kind), words=20, overlap=5)


def _row(text: str) -> object:
    """Take a text for a row: as JSON if it is, else as the value of each column."""
    try:
        row = parse_json(text)
    except ValueError:
        row = {"prompt": text, "completion": [text], "messages": [{"role": text, "content": text}], text[:20]: 1}
    if not isinstance(row, dict):
        row = {"messages": row}
    record = layouts.from_row(row)
    return [layouts.to_row(record, name) for name in ("record", "messages")]


PARSERS: dict[str, Target] = {
    "layouts.from_row": _row,
    "json_values.parse_json": _valued(parse_json),
    "structured.parse_json": structured.parse_json,
    "tools.parse_call": _valued(lambda text: gates.parse_call(text, [TOOL])),
    "answers.final_number": gates.final_number,
    "answers.final_answer": gates.final_answer,
    "graded.parse_score": gates.parse_score,
    "pairwise.parse_label": pairwise.parse_label,
    "principled.parse_yes": parse_yes,
    "form.refusal": gates.refusal,
    "form.repetition": gates.repetition,
    "spans.numbers": spans.numbers,
    "spans.dates": spans.dates,
    "spans.names": spans.names,
    "spans.quotes": spans.quotes,
    "spans.denials": spans.denials,
    "spans.clauses": spans.clauses,
    "spans.stems": spans.stems,
    "texts.normalised": normalised,
    "texts.words": words,
    "language.language_of": language.language_of,
    "refusals.judged": refusals.judged,
    "garbled.flaws": lambda text: garbled.flaws(text, text[::-1], ending=True),
    "injection.orders": injection.orders,
    "injection.planted": lambda text: injection.followed(text, injection.planted(text, 1)),
    "taint.taints": taint.taints,
    "extract.extracted": lambda text: extracted(text, function="f", prompt="def f(x):\n"),
    "documents.text": _document("text"),
    "documents.markdown": _document("markdown"),
    "documents.html": _document("html"),
}
GATES: dict[str, Callable[[Record], object]] = {
    "not_empty": gates.not_empty,
    "no_refusal": gates.no_refusal,
    "not_repetitive": gates.not_repetitive(),
    "not_cut": gates.not_cut,
    "length": gates.length(at_least=1, at_most=20),
    "matches": gates.matches("a"),
    "valid_json": gates.valid_json({"type": "object", "multipleOf": 0.01, "uniqueItems": True}),
    "exact_answer": gates.exact_answer(),
    "executed_call": gates.executed_call([TOOL]),
    "grounded": grounding.grounded(),
    "self_contained": questions.self_contained,
    "one_question": questions.one_question(),
    "on_topic": questions.on_topic(),
    "answered": questions.answered,
    "not_echoed": questions.not_echoed,
    "of_right_type": questions.of_right_type,
    "not_copied": questions.not_copied,
    "traits": lambda record: [trait(record) for trait in traits.TRAITS.values()],
    "in_language": language.in_language("de", "en"),
    "not_refused": refusals.not_refused(),
    "fitting": refusals.fitting(),
    "not_garbled": garbled.not_garbled(ending=True),
    "well_formed": turns.well_formed,
    "no_orders": injection.no_orders(),
    "untainted": taint.untainted(),
}
SLOW = ("documents.pdf", "files.yaml")
"""Targets of milliseconds per call: they get one input in fifty."""


def _written_by_others() -> None:
    """Add what other rooms have, where it is there."""
    if personal := _module("regrowth.gates.personal"):
        PARSERS["personal.hits"] = personal.hits
        GATES["no_personal_data"] = personal.no_personal_data()
        GATES["masked"] = personal.masked()
        GATES["replaced"] = personal.replaced()
    if duplicates := _module("regrowth.curation.duplicates"):
        PARSERS["duplicates.near_duplicates"] = lambda text: duplicates.near_duplicates(_some(text))
    if screen := _module("regrowth.curation.contamination.screen"):
        benchmark = _benchmark()
        if benchmark is not None:
            looked = screen.Screen.of([benchmark])
            PARSERS["contamination.look"] = lambda text: looked.look([text, text[::-1]])


def _module(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError:
        return None


def _some(text: str) -> list[Record]:
    return [Record.of("?", response=one) for one in (text, text + " a", text[1:], text[::-1])]


def _benchmark() -> Any:
    """Return a benchmark of two items, made however that room wants it; nothing if it cannot be made so."""
    items = _module("regrowth.curation.contamination.items")
    try:
        said = "What is the capital of the country in which Mia lives with her two cats and one dog?"
        return items.Benchmark.of("toy", [items.Item(0, "0", (said,))])
    except (AttributeError, TypeError):
        return None


def file_readers(folder: Path | None = None) -> dict[str, Callable[[str, Random], object]]:
    """Return readers of files, as functions of a text that is written to a file as bytes, often broken ones."""
    place = folder or Path(mkdtemp(prefix="regrowth-fuzz-"))

    def reader(name: str, read: Callable[[Path], Iterable[object]]) -> Callable[[str, Random], object]:
        path = place / name
        path.parent.mkdir(parents=True, exist_ok=True)

        def target(text: str, rng: Random) -> object:
            path.write_bytes(as_bytes(rng, text))
            return list(read(path))

        return target

    leaf = "tree/compositional_skills/a/qna.yaml"
    return {
        "files.jsonl": reader("a.jsonl", read_rows),
        "files.jsonl.gz": reader("a.jsonl.gz", read_rows),
        "files.json": reader("a.json", read_rows),
        "files.csv": reader("a.csv", read_rows),
        "files.parquet": reader("a.parquet", read_rows),
        "files.layout": reader("b.jsonl", layouts.read),
        "files.principles": reader("a.toml", read_principles),
        "files.yaml": reader(leaf, lambda _: check_taxonomy(place / "tree")),
        "documents.pdf": reader("a.pdf", lambda path: chunks(parse_document(path.read_bytes(), "pdf"))),
        "documents.bytes": reader("a.md", lambda path: chunks(parse_document(path.read_bytes(), "markdown"))),
        "documents.html.bytes": reader("a.html", lambda path: chunks(parse_document(path.read_bytes(), "html"))),
    }


_written_by_others()
