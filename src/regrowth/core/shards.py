"""Records as Parquet shards.

Apart from `dataset` because importing pyarrow costs 0.2 s and 50 MB that a first call need not wait for.
"""

import hashlib
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import orjson

# Arrow's own allocators keep 25 MB that they once held; the system's gives it back. Whoever chose one keeps it.
os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")

import pyarrow as pa
import pyarrow.parquet as pq

__all__ = ["ROWS_PER_GROUP", "ROWS_PER_SHARD", "ShardWriter", "read_rows", "read_table", "sha256"]

ROWS_PER_GROUP = 500
"""Rows held in memory before they are written."""
ROWS_PER_SHARD = 50_000

_MESSAGES = pa.list_(pa.struct([("role", pa.string()), ("content", pa.string())]))
_FIELDS = [
    ("id", pa.string()),
    ("messages", _MESSAGES),
    ("response", pa.string()),
    ("rejected", pa.string()),
    ("target", pa.string()),
    ("attributes", pa.string()),
    ("origin", pa.string()),
    ("parents", pa.list_(pa.string())),
    ("scores", pa.string()),
    ("draw", pa.int32()),
    ("passport", pa.string()),
]
_JSON = ("attributes", "scores", "passport")
RECORDS = pa.schema(_FIELDS)
LEDGER = pa.schema([*_FIELDS, ("outcome", pa.string()), ("gate", pa.string()), ("reason", pa.string())])


class ShardWriter:
    """Write rows to `PREFIX-00000.parquet` and on, a group at a time."""

    def __init__(self, folder: Path, prefix: str, schema: pa.Schema) -> None:
        self.folder, self.prefix, self.schema = folder, prefix, schema
        self.shards: list[dict[str, Any]] = []
        self._rows: list[Mapping[str, Any]] = []
        self._writer: pq.ParquetWriter | None = None
        self._in_shard = 0

    def add(self, row: Mapping[str, Any]) -> None:
        """Take one row: `Record.to_json` with its passport."""
        coded = {name: orjson.dumps(row[name], option=orjson.OPT_SORT_KEYS).decode() for name in _JSON}
        self._rows.append({**row, **coded})
        if len(self._rows) >= ROWS_PER_GROUP:
            self._write_group()

    def _write_group(self) -> None:
        if self._writer is None:
            name = f"{self.prefix}-{len(self.shards):05}.parquet"
            self.shards.append({"file": name})
            self._writer = pq.ParquetWriter(self.folder / name, self.schema, compression="zstd")
        self._writer.write_table(pa.Table.from_pylist(self._rows, schema=self.schema))
        self._in_shard += len(self._rows)
        self._rows = []
        if self._in_shard >= ROWS_PER_SHARD:
            self._close_shard()

    def _close_shard(self) -> None:
        if self._writer is not None:
            self._writer.close()
            last = self.shards[-1]
            last.update(rows=self._in_shard, sha256=sha256(self.folder / last["file"]))
        self._writer, self._in_shard = None, 0

    def close(self) -> list[dict[str, Any]]:
        """Write what is left; return file, rows and sha256 of every shard."""
        if self._rows:
            self._write_group()
        self._close_shard()
        return self.shards


def read_rows(paths: Sequence[Path]) -> Iterator[dict[str, Any]]:
    """Yield rows in order, a group in memory at a time."""
    for path in paths:
        with pq.ParquetFile(path, pre_buffer=False) as file:
            for batch in file.iter_batches(batch_size=ROWS_PER_GROUP, use_threads=False):
                for row in batch.to_pylist():
                    for name in _JSON:
                        row[name] = orjson.loads(row[name])
                    yield row


def read_table(paths: Sequence[Path], columns: Sequence[str]) -> pa.Table:
    """Return columns of all shards as one Arrow table."""
    if not paths:
        return RECORDS.empty_table().select(list(columns))
    return pa.concat_tables([pq.read_table(path, columns=list(columns)) for path in paths])


def sha256(path: Path) -> str:
    """Return the SHA-256 of a file, in hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
