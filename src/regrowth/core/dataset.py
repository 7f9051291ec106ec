"""The dataset: an immutable, fingerprinted folder of records, with a ledger of those that were refused.

    data/answers/
      part-00000.parquet     accepted records, each with its passport
      ledger-00000.parquet   refused records, each with the gate and the reason
      manifest.json          counts, funnel, cost, sha256 of every shard; written last: where it is, all is

No row vanishes: what went in is in the parts or in the ledger.
"""

import hashlib
import json
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from regrowth.core.errors import DataError
from regrowth.core.files import replace_folder, told
from regrowth.core.record import Record
from regrowth.core.store import FORMAT

if TYPE_CHECKING:
    import pyarrow as pa

    from regrowth.core.shards import ShardWriter

__all__ = ["Dataset", "DatasetWriter", "Entry"]


class Entry(NamedTuple):
    """One row of a dataset or of its ledger."""

    record: Record
    passport: Mapping[str, Any]
    """Where the record came from: seed, draw, effects, gates passed."""
    outcome: str = "accepted"
    """`accepted`, `rejected` (by a gate) or `failed` (a call or the code that made it)."""
    gate: str = ""
    reason: str = ""


class Dataset:
    """Read a finished dataset. Memory stays bounded: rows are streamed, columns are read on demand."""

    def __init__(self, path: Path) -> None:
        """Open a dataset folder.

        Raises:
            DataError: there is no finished dataset there.
        """
        self.path = path
        try:
            self.manifest: Mapping[str, Any] = json.loads((path / "manifest.json").read_text("utf-8"))
        except (OSError, ValueError) as error:
            raise DataError(f"{path}: no finished dataset there ({error}).") from error
        if self.manifest["format"] != FORMAT:
            raise DataError(f"{path}: dataset format {self.manifest['format']}, this version reads {FORMAT}.")

    def __len__(self) -> int:
        return int(self.manifest["count"])

    def __iter__(self) -> Iterator[Record]:
        return (entry.record for entry in self.entries())

    def __repr__(self) -> str:
        return f"Dataset({str(self.path)!r}, {len(self)} records, {self.fingerprint})"

    @property
    def fingerprint(self) -> str:
        """Return the hash of the record ids in their order: 32 hexadecimal digits."""
        return str(self.manifest["fingerprint"])

    @property
    def shortfall(self) -> str:
        """Return why fewer records were accepted than asked for, or nothing."""
        return str(self.manifest["shortfall"])

    def entries(self) -> Iterator[Entry]:
        """Yield accepted records with their passports."""
        return self._read("shards")

    def ledger(self) -> Iterator[Entry]:
        """Yield refused records with gate and reason."""
        return self._read("ledger")

    def _read(self, part: str) -> Iterator[Entry]:
        from regrowth.core import shards  # pyarrow, on first use

        for row in shards.read_rows(self._files(part)):
            verdict = (row.get("outcome", "accepted"), row.get("gate", ""), row.get("reason", ""))
            yield Entry(Record.from_json(row), row["passport"], *verdict)

    def _files(self, part: str) -> list[Path]:
        return [self.path / shard["file"] for shard in self.manifest[part]]

    def columns(self, *names: str) -> "pa.Table":
        """Return columns of the accepted records as an Arrow table."""
        from regrowth.core import shards  # pyarrow, on first use

        return shards.read_table(self._files("shards"), names)

    def check(self) -> None:
        """Compare every shard with its SHA-256.

        Raises:
            DataError: a shard was changed or cut.
        """
        from regrowth.core import shards  # pyarrow, on first use

        for shard in (*self.manifest["shards"], *self.manifest["ledger"]):
            if (found := shards.sha256(self.path / shard["file"])) != shard["sha256"]:
                raise DataError(
                    f"{self.path / shard['file']}: sha256 {found}, the manifest says {shard['sha256']}. "
                    "The file was changed after it was written; run the recipe again to make it anew."
                )

    def export(self, path: str | Path, layout: str = "messages") -> Path:
        """Write the accepted records in a layout that trainers read; see `core.layouts`."""
        from regrowth.core import layouts  # pyarrow, on first use

        layouts.write(self, Path(path), layout)
        return Path(path)

    @classmethod
    def write(cls, path: Path, records: Iterable[Record], **facts: Any) -> "Dataset":
        """Write records as a dataset of their own; `facts` go into the manifest."""
        with DatasetWriter(path) as writer:
            for record in records:
                writer.accept(record, {})
            return writer.publish(**facts)


class DatasetWriter:
    """Write a dataset beside its place, then put it there with one rename."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._scratch = path.with_name(f".{path.name}.unfinished")
        self._ids = hashlib.sha256()
        self._count = self._refused = 0
        self._writers: dict[str, ShardWriter] = {}
        shutil.rmtree(self._scratch, ignore_errors=True)
        try:
            self._scratch.mkdir(parents=True)
        except OSError as error:
            raise told(error, path.parent) from error

    def _add(self, prefix: str, row: Mapping[str, Any]) -> None:
        from regrowth.core import shards  # pyarrow, on first use

        try:
            if prefix not in self._writers:
                schema = shards.RECORDS if prefix == "part" else shards.LEDGER
                self._writers[prefix] = shards.ShardWriter(self._scratch, prefix, schema)
            self._writers[prefix].add(row)
        except OSError as error:
            raise told(error, self.path.parent) from error

    def accept(self, record: Record, passport: Mapping[str, Any]) -> None:
        """Add an accepted record."""
        self._ids.update(record.id.encode())
        self._count += 1
        self._add("part", {**record.to_json(), "passport": passport})

    def refuse(self, entry: Entry) -> None:
        """Add a refused record to the ledger."""
        self._refused += 1
        verdict = {"outcome": entry.outcome, "gate": entry.gate, "reason": entry.reason}
        self._add("ledger", {**entry.record.to_json(), "passport": entry.passport, **verdict})

    def publish(self, *, shortfall: str = "", **facts: Any) -> Dataset:
        """Finish the dataset and put it in its place."""
        manifest = {
            "format": FORMAT,
            "name": self.path.name,
            "fingerprint": self._ids.hexdigest()[:32],
            "count": self._count,
            "refused": self._refused,
            "shortfall": shortfall,
            **facts,
        }
        try:
            for part, prefix in (("shards", "part"), ("ledger", "ledger")):
                manifest[part] = self._writers[prefix].close() if prefix in self._writers else []
            text = json.dumps(manifest, indent=1, sort_keys=True, ensure_ascii=False)
            (self._scratch / "manifest.json").write_text(text + "\n", "utf-8")
            replace_folder(self._scratch, self.path)
        except OSError as error:
            raise told(error, self.path.parent) from error
        return Dataset(self.path)

    def __enter__(self) -> "DatasetWriter":
        return self

    def __exit__(self, *_: object) -> None:
        shutil.rmtree(self._scratch, ignore_errors=True)


def rewritten(dataset: Dataset, forgotten: Sequence[str] | set[str]) -> Dataset:
    """Write a dataset anew without the forgotten records; return it."""
    gone = set(forgotten)

    def stays(entry: Entry) -> bool:
        return entry.record.id not in gone and not gone.intersection(
            (*entry.record.parents, entry.passport.get("seed"))
        )

    with DatasetWriter(dataset.path) as writer:
        for entry in filter(stays, dataset.entries()):
            writer.accept(entry.record, entry.passport)
        for entry in filter(stays, dataset.ledger()):
            writer.refuse(entry)
        kept = ("format", "name", "fingerprint", "count", "refused", "shards", "ledger")
        return writer.publish(**{key: value for key, value in dataset.manifest.items() if key not in kept})
