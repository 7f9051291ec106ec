"""Rows in and out of files: JSON lines, JSON lists, CSV and Parquet. Streamed, and written whole or not at all.

    read_rows(Path("seeds.jsonl"))      ("line 1", {"prompt": "2+2?"}), ("line 2", …), …
    write_rows(rows, Path("out.parquet"), {"prompt": "text", "completion": "text"})

pyarrow is imported on first use of a Parquet file: it costs 0.2 s that no other file need wait for.
"""

import csv
import gzip
import io
import json
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import IO, Any, TypeAlias, cast

from regrowth.core.cells import shown
from regrowth.core.errors import DataError, SettingsError
from regrowth.core.files import replacing

__all__ = ["read_rows", "write_rows"]

Rows: TypeAlias = Iterable[Mapping[str, Any]]
Placed: TypeAlias = Iterator[tuple[str, Any]]
Stream: TypeAlias = io.BufferedIOBase

ROWS_AT_ONCE = 500
"""Rows held in memory between a Parquet file and its reader or writer."""
CHARACTERS_AT_ONCE = 1 << 16
"""What a JSON list is read in; doubled while a single row is longer."""
LONGEST_TOKEN = 16
"""No number, literal or escape that a window's end cuts needs a longer look back."""


def read_rows(path: Path) -> Placed:
    """Yield each row of a file with its place in words (`line 17`, `row 3`).

    Raises:
        SettingsError: no such kind of file.
        DataError: at once if the file is not there; later on the row that cannot be read, or if there is none.
    """
    reader = _by_suffix(path, _READERS)
    if not path.is_file():
        raise DataError(f"{path}: {'is a folder' if path.is_dir() else 'there is no such file'}. Check the path.")
    return _guarded(path, reader)


def _guarded(path: Path, reader: Callable[[Path], Placed]) -> Placed:
    last = ""
    try:
        for last, row in reader(path):
            yield last, row
    except DataError as error:
        raise DataError(f"{path}: {error}") from error
    except (OSError, EOFError, zlib.error, csv.Error, ValueError, RecursionError) as error:
        after = f" after {last}" if last else ""
        raise DataError(f"{path}: cannot be read{after} ({error}). Is it whole, and what its name says?") from error
    if not last:
        raise DataError(f"{path}: holds no rows. Expected at least one.")


def _by_suffix(path: Path, known: Mapping[str, Any]) -> Any:
    for suffix, action in known.items():
        if path.name.lower().endswith(suffix):
            return action
    raise SettingsError(f"{path}: unknown kind of file. Its name must end with one of: {', '.join(known)}.")


@contextmanager
def _opened(path: Path) -> Iterator[IO[bytes]]:
    with path.open("rb") as file:
        yield cast("IO[bytes]", gzip.GzipFile(fileobj=file)) if path.suffix.lower() == ".gz" else file


def _read_lines(path: Path) -> Placed:
    with _opened(path) as file:
        for number, line in enumerate(file, 1):
            if line.strip():
                yield f"line {number}", _parsed(number, line)


def _parsed(number: int, line: bytes) -> Any:
    try:
        text = line.decode("utf-8-sig" if number == 1 else "utf-8").strip()
    except UnicodeDecodeError as error:
        found = f"byte 0x{line[error.start]:02x} at position {error.start + 1}"
        raise DataError(f"line {number} is not UTF-8 ({found}). Save the file as UTF-8.") from error
    try:
        return json.loads(text, parse_constant=_no_constant)
    except json.JSONDecodeError as error:
        why = f"{error.msg} at character {error.pos + 1}"
        raise DataError(_not_json(f"line {number}", why, text)) from error
    except (ValueError, RecursionError) as error:
        raise DataError(_not_json(f"line {number}", str(error), text)) from error


def _not_json(place: str, why: str, text: str) -> str:
    return f"{place} is not JSON: {why}, found {shown(text)}. Expected one object per row."


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not a JSON value")


def _read_list(path: Path) -> Placed:
    with _opened(path) as file:
        window = _Window(io.TextIOWrapper(file, "utf-8-sig"))
        if (opening := window.take()) != "[":
            raise DataError(f"found {shown(opening + window.text)}, expected a list of objects: [{{…}}, {{…}}].")
        number, separator = 0, ","
        if window.peek() == "]":
            return
        while separator == ",":
            number += 1
            try:
                yield f"row {number}", window.value()
            except ValueError as error:
                raise DataError(_not_json(f"row {number}", str(error), window.text)) from error
            separator = window.take()
        if separator != "]":
            raise DataError(f"row {number} is followed by {shown(separator + window.text)}, expected ',' or ']'.")


class _Window:
    """Hold as much of a JSON text as its next value needs."""

    def __init__(self, file: IO[str]) -> None:
        self.text = ""
        self._file = file
        self._decoder = json.JSONDecoder(parse_constant=_no_constant)

    def _more(self) -> bool:
        chunk = self._file.read(max(CHARACTERS_AT_ONCE, len(self.text)))
        self.text += chunk
        return bool(chunk)

    def peek(self) -> str:
        """Return the next character that is no white space, or nothing at the end."""
        self.text = self.text.lstrip(" \t\r\n")
        while not self.text and self._more():
            self.text = self.text.lstrip(" \t\r\n")
        return self.text[:1]

    def take(self) -> str:
        """Return the next character that is no white space, and go past it."""
        character = self.peek()
        self.text = self.text[1:]
        return character

    def value(self) -> Any:
        """Return the next value, and go past it. Only more text shows whether a value is broken or just cut."""
        self.peek()
        while True:
            try:
                value, end = self._decoder.raw_decode(self.text)
            except json.JSONDecodeError as error:
                cut = error.pos >= len(self.text) - LONGEST_TOKEN or error.msg.startswith("Unterminated string")
                if not (cut and self._more()):
                    raise
            else:
                self.text = self.text[end:]
                return value


def _read_table(path: Path) -> Placed:
    with _opened(path) as file:
        reader = csv.reader(io.TextIOWrapper(file, "utf-8-sig", newline=""), strict=True)
        heading = next(reader, [])
        if len(set(heading)) < len(heading):
            raise DataError(f"line 1 names a column twice: {', '.join(heading)}.")
        for cells in reader:
            if len(cells) not in (0, len(heading)):
                raise DataError(f"line {reader.line_num} has {len(cells)} cells, the heading has {len(heading)}.")
            if cells:
                yield f"line {reader.line_num}", dict(zip(heading, cells, strict=True))


def _read_parquet(path: Path) -> Placed:
    import pyarrow.parquet as pq  # see the module docstring

    with pq.ParquetFile(path) as file:
        rows = (row for batch in file.iter_batches(batch_size=ROWS_AT_ONCE) for row in batch.to_pylist())
        for number, row in enumerate(rows, 1):
            yield f"row {number}", row


_READERS = {
    ".jsonl": _read_lines,
    ".jsonl.gz": _read_lines,
    ".json": _read_list,
    ".json.gz": _read_list,
    ".csv": _read_table,
    ".csv.gz": _read_table,
    ".parquet": _read_parquet,
}


def write_rows(rows: Rows, path: Path, columns: Mapping[str, str]) -> int:
    """Write rows beside their place, force them to the disk, then put them there; return how many there were.

    `columns` gives the kind of each column: `text`, `turns` (role, content), `pieces` (from, value), `flag`, `number`.

    Raises:
        SettingsError: no such kind of file.
        DataError: no rows, or a text that is not Unicode.
        StoreError: the folder cannot be written, or the disk is full.
    """
    write = _by_suffix(path, _WRITERS)
    try:
        with replacing(path) as file:
            count = int(write(rows, file, columns))
            if not count:
                raise DataError(f"{path}: no records to write, so no file was made.")
    except UnicodeEncodeError as error:
        raise DataError(f"{path}: {_no_character(error)}") from error
    return count


def _no_character(error: UnicodeEncodeError) -> str:
    found = error.object[error.start]
    before = error.object[max(0, error.start - 40) : error.start]
    return (
        f"a text holds {found!r} after {before!r}: half of a surrogate pair, which is no character and fits in no "
        "file. Replace it first, for instance with text.encode('utf-8', 'replace').decode()."
    )


def _write_lines(rows: Rows, file: Stream, _: Mapping[str, str]) -> int:
    count = 0
    for row in rows:
        file.write(json.dumps(row, ensure_ascii=False, allow_nan=False).encode() + b"\n")
        count += 1
    return count


def _write_packed(rows: Rows, file: Stream, columns: Mapping[str, str]) -> int:
    """Compress without name and time, so that equal rows give equal bytes."""
    with gzip.GzipFile(filename="", mode="wb", compresslevel=6, fileobj=file, mtime=0) as packed:
        return _write_lines(rows, packed, columns)


def _write_parquet(rows: Rows, file: Stream, columns: Mapping[str, str]) -> int:
    import pyarrow as pa  # see the module docstring
    import pyarrow.parquet as pq

    def pairs(*names: str) -> Any:
        return pa.list_(pa.struct([(name, pa.string()) for name in names]))

    arrow = {
        "text": pa.string(),
        "turns": pairs("role", "content"),
        "pieces": pairs("from", "value"),
        "flag": pa.bool_(),
        "number": pa.int64(),
    }
    schema = pa.schema([(name, arrow[kind]) for name, kind in columns.items()])
    count, rest = 0, iter(rows)
    with pq.ParquetWriter(file, schema, compression="zstd") as writer:
        while group := list(islice(rest, ROWS_AT_ONCE)):
            writer.write_table(pa.Table.from_pylist(group, schema=schema))
            count += len(group)
    return count


_WRITERS = {".jsonl": _write_lines, ".jsonl.gz": _write_packed, ".parquet": _write_parquet}
