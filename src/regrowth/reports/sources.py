"""What a comparison reads: a table, or texts, from a file or from a dataset of a run.

| found                                                        | compared as                     |
|--------------------------------------------------------------|---------------------------------|
| the folder of a dataset of a run                             | texts: the responses            |
| rows of a layout that trainers read (`messages`, `prompt` …) | texts: the responses            |
| one column, of two words and more on average                 | texts                           |
| `--text COLUMN`                                              | texts of that column            |
| all else                                                     | a table                         |
"""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TypeAlias

import pyarrow as pa

from regrowth.core import layouts
from regrowth.core.dataset import Dataset
from regrowth.core.errors import DataError
from regrowth.core.record import Record
from regrowth.seeds.tables import read_table

__all__ = ["Side", "read_sides"]

Side: TypeAlias = pa.Table | tuple[str, ...]
"""A table, or texts."""
RECORDS = ({"messages"}, {"conversations"}, {"prompt", "completion"}, {"prompt", "response"}, {"instruction", "output"},
           {"prompt", "chosen"})  # fmt: skip
"""Columns by which rows are known to be records."""

LEAST_WORDS = 2
"""Words on average from which on a lone column holds texts, and not names."""


def read_sides(paths: Sequence[Path], *, text: str | None = None) -> list[Side]:
    """Read what is to be compared; the first decides whether all are read as texts or as tables.

    Raises:
        DataError: something cannot be read, or it is not what the first one is.
    """
    first = _side(paths[0], text)
    return [first, *(_like(first, path, text) for path in paths[1:])]


def _like(first: Side, path: Path, text: str | None) -> Side:
    if not isinstance(first, tuple) and not path.is_dir():
        return read_table(path)
    found = _side(path, text)
    if isinstance(found, tuple) == isinstance(first, tuple):
        return found
    if isinstance(found, tuple):
        raise DataError(f"{path}: texts, but a table was expected, as the first file is one.")
    raise DataError(
        f"{path}: a table of the columns {', '.join(found.column_names)}, but texts were expected, as in the first "
        "file. Name the column that holds them: --text COLUMN."
    )


def _side(path: Path, text: str | None) -> Side:
    if path.is_dir():
        return _responses(Dataset(path), path)
    table = read_table(path)
    if text is not None:
        return _column(table, text, path)
    if any(names <= set(table.column_names) for names in RECORDS):
        return _responses(layouts.read(path), path)
    only = table.column_names[0]
    if table.num_columns == 1 and _is_text(table[only].type):
        texts = _column(table, only, path)
        if sum(len(one.split()) for one in texts) >= LEAST_WORDS * len(texts):
            return texts
    return table


def _responses(records: Iterable[Record], path: Path) -> tuple[str, ...]:
    texts = tuple(record.response for record in records if record.response)
    if not texts:
        raise DataError(f"{path}: no record there has a response; expected texts to compare.")
    return texts


def _column(table: pa.Table, name: str, path: Path) -> tuple[str, ...]:
    if name not in table.column_names:
        raise DataError(f"{path}: no column {name!r}. Columns: {', '.join(table.column_names)}.")
    if not _is_text(table[name].type):
        raise DataError(f"{path}: the column {name!r} holds {table[name].type}; expected texts.")
    texts = tuple(value for value in table[name].to_pylist() if value and value.strip())
    if not texts:
        raise DataError(f"{path}: every text of the column {name!r} is missing or empty.")
    return texts


def _is_text(kind: pa.DataType) -> bool:
    plain = kind.value_type if pa.types.is_dictionary(kind) else kind
    return bool(pa.types.is_string(plain) or pa.types.is_large_string(plain) or pa.types.is_string_view(plain))
