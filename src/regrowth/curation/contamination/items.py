"""Benchmarks as items: what of a row must not be learned, its answer, and nothing else.

    benchmark = read_items(Path("gsm8k_test.jsonl.gz"))
    benchmark.items[0].parts        ("Janet's ducks lay 16 eggs per day. …", "Janet sells 16 - 3 - 4 = …")
    benchmark.items[0].answer       "Janet sells 16 - 3 - 4 = … #### 18"

Every text of a row is a part of its own, so a question is found without its answer. Names of rows are no parts.
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from regrowth.core.errors import DataError
from regrowth.core.layouts.rows import read_rows
from regrowth.core.record import digest

__all__ = ["Benchmark", "Item", "fingerprint", "read_items", "texts_in"]

NAMES = ("task_id", "id", "name", "idx", "qid", "question_id")
QUESTIONS = ("question", "prompt", "problem", "text", "instruction", "query", "goal", "ctx", "context")
ANSWERS = ("answer", "target", "solution", "canonical_solution", "code", "output", "response", "label")
DEEPEST = 12
"""Lists and objects in each other; what lies deeper is not read."""
_ENDINGS = (".jsonl", ".json", ".csv", ".parquet")


@dataclass(frozen=True, slots=True)
class Item:
    """Hold one item of a benchmark."""

    number: int
    """Its place in the file, from 0."""
    name: str
    """What the file calls it; its number if it does not."""
    parts: tuple[str, ...]
    """All its texts: question, solution, choices, tests."""
    question: str = ""
    answer: str = ""


@dataclass(frozen=True, slots=True)
class Benchmark:
    """Hold the items of a benchmark."""

    name: str
    digest: str
    """Of all its texts."""
    items: tuple[Item, ...]

    @classmethod
    def of(cls, name: str, items: Iterable[Item]) -> "Benchmark":
        """Return a benchmark of items that are at hand."""
        all_of_them = tuple(items)
        return cls(name, digest("benchmark", [[item.name, list(item.parts)] for item in all_of_them]), all_of_them)


def read_items(path: Path, *, columns: Sequence[str] = ()) -> Benchmark:
    """Return the benchmark in a JSONL, JSON, CSV or Parquet file; only the named columns, if any are.

    Raises:
        SettingsError: no such kind of file.
        DataError: a file or row that cannot be read, or a row without any text.
    """
    items = []
    for number, (place, row) in enumerate(read_rows(Path(path))):
        item = _item(number, row, columns)
        if not item.parts:
            raise DataError(f"{path}: {place}: no text in it. Expected an object with a question, say.")
        items.append(item)
    return Benchmark.of(_named(Path(path)), items)


def _named(path: Path) -> str:
    name = path.name.removesuffix(".gz")
    return next((name.removesuffix(ending) for ending in _ENDINGS if name.endswith(ending)), name)


def _item(number: int, row: Any, columns: Sequence[str]) -> Item:
    if not isinstance(row, Mapping):
        return Item(number, str(number), tuple(texts_in(row)))
    wanted = {name: row[name] for name in row if (name in columns if columns else name not in NAMES)}
    name = next((row[one] for one in NAMES if isinstance(row.get(one), str | int)), number)
    question, answer = (
        next((text for one in known if (text := "\n".join(texts_in(row.get(one))))), "")
        for known in (QUESTIONS, ANSWERS)
    )
    parts = dict.fromkeys(text for value in wanted.values() if (text := "\n".join(texts_in(value))).strip())
    return Item(number, str(name), tuple(parts), question, answer)


def texts_in(value: Any) -> Iterator[str]:
    """Yield the texts in a value of JSON, in their order; values of numbers and keys of objects are none."""
    waiting = [(value, 0)]
    while waiting:
        one, depth = waiting.pop()
        if isinstance(one, str):
            yield one
        elif depth < DEEPEST and isinstance(one, Mapping | list | tuple):
            inner = one.values() if isinstance(one, Mapping) else one
            waiting += [(part, depth + 1) for part in reversed(list(inner))]


def fingerprint(text: str) -> str:
    """Return what names a text: 16 hexadecimal digits of its SHA-256."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]
