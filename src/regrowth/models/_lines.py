"""A JSONL file, plain or gzipped, that is read once in order and then line by line where asked.

What is kept is where each line begins. The bytes stay in memory up to 64 MiB; a larger plain file stays on disk, a
larger gzipped one is unpacked into an unnamed temporary file.
"""

import gzip
import hashlib
import shutil
import tempfile
import zlib
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple, cast

import orjson

from regrowth.core.errors import DataError

__all__ = ["Line", "Lines"]

IN_MEMORY = 64 * 2**20
"""Bytes of unpacked text that are held in memory."""
BOM = b"\xef\xbb\xbf"


class Line(NamedTuple):
    """One record: the number of its line, 1 …, where it begins, and what it says."""

    number: int
    place: int
    record: dict[str, Any]


class Lines:
    """Read records by line."""

    def __init__(self, path: Path) -> None:
        """Open the file and hash its bytes as they are stored.

        Raises:
            DataError: it cannot be read or unpacked.
        """
        self.path = path
        try:
            with path.open("rb") as file:
                self.sha256 = hashlib.file_digest(file, "sha256").hexdigest()
                file.seek(0)
                packed = file.read(2) == b"\x1f\x8b"
            self._file = _unpacked(path) if packed else _plain(path)
        except (OSError, EOFError, zlib.error) as error:
            why = getattr(error, "strerror", None) or str(error)
            raise DataError(f"{path}: cannot be read ({why}). Expected JSONL, plain or gzipped.") from None

    def __iter__(self) -> Iterator[Line]:
        """Yield the records in order; blank lines count but hold none.

        Raises:
            DataError: a line is not a JSON object; names file and line.
        """
        place = 0
        for number, line in enumerate(_from_start(self._file), 1):
            if line.strip():
                yield Line(number, place, self._record(line, number))
            place += len(line)

    def at(self, place: int) -> dict[str, Any]:
        """Return the record that begins here."""
        self._file.seek(place)
        return cast("dict[str, Any]", orjson.loads(self._file.readline().removeprefix(BOM)))

    def _record(self, line: bytes, number: int) -> dict[str, Any]:
        try:
            record = orjson.loads(line.removeprefix(BOM))
        except orjson.JSONDecodeError as error:
            begin = line[:60].decode("utf-8", "replace").strip()
            raise DataError(
                f"{self.path}: line {number} is not JSON ({error}): {begin!r}. Mend or remove it."
            ) from None
        if not isinstance(record, dict):
            raise DataError(f"{self.path}: line {number} is a JSON {type(record).__name__}, expected an object.")
        return record

    def close(self) -> None:
        """Give the file back."""
        self._file.close()


def _plain(path: Path) -> BinaryIO:
    return path.open("rb") if path.stat().st_size > IN_MEMORY else BytesIO(path.read_bytes())


def _unpacked(path: Path) -> BinaryIO:
    with gzip.open(path) as file:
        begin = file.read(IN_MEMORY + 1)
        if len(begin) <= IN_MEMORY:
            return BytesIO(begin)
        unpacked = tempfile.TemporaryFile()  # noqa: SIM115 - closed by `Lines.close`
        try:
            unpacked.write(begin)
            shutil.copyfileobj(file, unpacked)
        except BaseException:
            unpacked.close()
            raise
        return cast("BinaryIO", unpacked)


def _from_start(file: BinaryIO) -> Iterator[bytes]:
    file.seek(0)
    while line := file.readline():
        yield line
