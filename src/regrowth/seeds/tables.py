"""Tables that people bring: CSV, TSV, JSON lines and Parquet, plain or with .gz, read into Arrow with their types.

    read_table(Path("adult.csv.gz"))     age: int64, workclass: string, joined: date32, …

Empty cells of CSV are missing values. Lines that do not fit are told by their number.
"""

import gzip
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv
import pyarrow.json
import pyarrow.parquet

from regrowth.core.errors import DataError

__all__ = ["FORMATS", "read_table"]

FORMATS = (".csv", ".tsv", ".jsonl", ".ndjson", ".parquet")
"""Known ends of names; all but Parquet may be followed by .gz."""
_BLOCK = 1 << 24
"""Bytes of a line of JSON that fit: 16 MiB."""


def read_table(path: Path) -> pa.Table:
    """Read a table from a file.

    Raises:
        DataError: there is no such file, its kind is not known, or it does not hold one table.
    """
    name = path.name.lower()
    packed = name.endswith(".gz")
    suffix = Path(name.removesuffix(".gz")).suffix
    if suffix not in FORMATS or (packed and suffix == ".parquet"):
        raise DataError(f"{path}: expected a table in one of {', '.join(FORMATS)} (.gz too, but for Parquet).")
    try:
        table = _read(path, suffix, packed=packed)
    except FileNotFoundError as error:
        raise DataError(f"{path}: there is no such file.") from error
    except (OSError, EOFError, UnicodeDecodeError, pa.ArrowException) as error:
        raise DataError(f"{path}: cannot be read as {suffix[1:]} ({_first_line(error)}).") from error
    return _checked(table, path)


def _read(path: Path, suffix: str, *, packed: bool) -> pa.Table:
    if suffix == ".parquet":
        return pa.parquet.read_table(path, memory_map=True)
    with gzip.open(path) if packed else path.open("rb") as file:
        if suffix in (".csv", ".tsv"):
            return _csv(file, "\t" if suffix == ".tsv" else ",")
        return pa.json.read_json(file, read_options=pa.json.ReadOptions(block_size=_BLOCK))


def _csv(file: Any, delimiter: str) -> pa.Table:
    return pa.csv.read_csv(
        file,
        parse_options=pa.csv.ParseOptions(delimiter=delimiter, newlines_in_values=True),
        convert_options=pa.csv.ConvertOptions(strings_can_be_null=True, quoted_strings_can_be_null=True),
    )


def _checked(table: pa.Table, path: Path) -> pa.Table:
    twice = sorted({name for name in table.column_names if table.column_names.count(name) > 1})
    if twice:
        raise DataError(f"{path}: two columns are called {twice[0]!r}. Rename one of them.")
    for field in table.schema:
        if pa.types.is_binary(field.type):
            raise DataError(
                f"{path}: the column {field.name!r} holds bytes that are not UTF-8. Convert the file first."
            )
    if not table.num_rows:
        raise DataError(f"{path}: no rows, only the columns {', '.join(table.column_names) or '(none)'}.")
    return table


def _first_line(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0].rstrip(".")
