"""Files and `datasets` objects without what is in benchmarks: rows go through as they are, or not at all.

    report = decontaminate_file(Path("train.jsonl"), Path("train.clean.jsonl"), screen)
    clean, report = decontaminated(dataset, screen)         # datasets.Dataset in, datasets.Dataset out

Memory holds a portion of the file at a time. The lines of JSONL and the rows of Parquet that stay are not written
anew: their bytes, columns and types stay as they are.
"""

import gzip
import json
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import IO, Any, TypeVar, cast

from regrowth.core.errors import DataError, SettingsError
from regrowth.core.files import replacing
from regrowth.core.layouts.rows import read_rows
from regrowth.curation.contamination.items import texts_in
from regrowth.curation.contamination.report import Report
from regrowth.curation.contamination.screen import Screen

__all__ = ["control", "decontaminate_file", "decontaminated", "text_of"]

Tell = Callable[[int, int], None]
"""Is told, now and then, how many rows were read and how many of them will not stay."""
T = TypeVar("T")

ROWS_AT_ONCE = 1000
BYTES_AT_ONCE = 8 << 20


def text_of(row: Any, columns: Sequence[str] = ()) -> str:
    """Return all texts of a row, or those in some of its columns, one per line.

    Raises:
        DataError: the row has no such column.
    """
    if columns:
        if not isinstance(row, dict) or (absent := [name for name in columns if name not in row]):
            found = ", ".join(row) if isinstance(row, dict) else type(row).__name__
            raise DataError(f"no column {', '.join(absent) if isinstance(row, dict) else columns[0]} (found: {found}).")
        row = [row[name] for name in columns]
    return "\n".join(texts_in(row))


def decontaminate_file(
    source: Path, target: Path | None, screen: Screen, *, columns: Sequence[str] = (), tell: Tell | None = None
) -> Report:
    """Write a .jsonl, .jsonl.gz or .parquet file without the rows that hold items of benchmarks; report them.

    The target appears under its name when it is whole. Without a target nothing is written.

    Raises:
        SettingsError: another kind of file, or source and target are not of one kind.
        DataError: the file is missing, empty, or has a row that cannot be read.
        StoreError: the folder cannot be written, or the disk is full.
    """
    source = Path(source)
    kind = _kind(source)
    if target is not None and (_kind(Path(target)) == "parquet") != (kind == "parquet"):
        raise SettingsError(f"{target}: {source.name} stays what it is; name a file of the same kind.")
    if target is not None and Path(target).resolve() == source.resolve():
        raise SettingsError(f"{target}: is the file that is read. Name another one.")
    if not source.is_file():
        raise DataError(f"{source}: there is no such file. Check the path.")
    report, work = Report(screen), _rows_of_parquet if kind == "parquet" else _lines_of_json
    try:
        if target is None:
            work(source, None, report, columns, tell)
        else:
            with replacing(Path(target)) as file, _packed(file, Path(target)) as inner:
                work(source, inner, report, columns, tell)
                if not report.documents:
                    raise DataError(f"{source}: holds no rows. Expected at least one.")
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise DataError(f"{source}: cannot be read ({error}). Is it whole?") from error
    return report


@contextmanager
def _packed(file: IO[bytes], target: Path) -> Iterator[IO[bytes]]:
    if target.suffix.lower() != ".gz":
        yield file
        return
    with gzip.GzipFile(filename="", mode="wb", compresslevel=6, fileobj=file, mtime=0) as packed:
        yield cast("IO[bytes]", packed)


def _kind(path: Path) -> str:
    for ending in (".jsonl", ".jsonl.gz", ".parquet"):
        if path.name.lower().endswith(ending):
            return ending.removeprefix(".")
    raise SettingsError(f"{path}: expected a file .jsonl, .jsonl.gz or .parquet.")


def _judged(report: Report, places: Sequence[str], texts: Sequence[str], tell: Tell | None) -> list[bool]:
    """Return which of some texts may stay."""
    screen = report.screen
    found = screen.look(texts)
    report.add(places, found)
    if tell:
        tell(report.documents, report.removed)
    return [hit is None or bool(hit.allowed) for hit in found]


def _lines_of_json(
    source: Path, file: IO[bytes] | None, report: Report, columns: Sequence[str], tell: Tell | None
) -> None:
    opened = gzip.open if source.suffix.lower() == ".gz" else Path.open
    with opened(source, "rb") as lines:
        numbered = ((number, line) for number, line in enumerate(lines, 1) if line.strip())
        for some in _portions(numbered):
            places = [f"line {number}" for number, _ in some]
            texts = [_text(source, number, line, columns) for number, line in some]
            stays = _judged(report, places, texts, tell)
            if file:
                file.writelines(_ended(line) for (_, line), good in zip(some, stays, strict=True) if good)


def _ended(line: bytes) -> bytes:
    return line if line.endswith(b"\n") else line + b"\n"


def _portions(lines: Iterable[tuple[int, bytes]]) -> Iterator[list[tuple[int, bytes]]]:
    portion, size = list[tuple[int, bytes]](), 0
    for number, line in lines:
        portion.append((number, line))
        size += len(line)
        if len(portion) >= ROWS_AT_ONCE or size >= BYTES_AT_ONCE:
            yield portion
            portion, size = [], 0
    if portion:
        yield portion


def _text(source: Path, number: int, line: bytes, columns: Sequence[str]) -> str:
    try:
        return text_of(json.loads(line.decode("utf-8-sig" if number == 1 else "utf-8")), columns)
    except DataError as error:
        raise DataError(f"{source}: line {number}: {error}") from error
    except (ValueError, RecursionError) as error:
        raise DataError(f"{source}: line {number} cannot be read: {error}. Expected JSON in UTF-8.") from error


def _rows_of_parquet(
    source: Path, file: IO[bytes] | None, report: Report, columns: Sequence[str], tell: Tell | None
) -> None:
    import pyarrow as pa  # 0.2 s that no other kind of file waits for
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(source) as table:
            writer = pq.ParquetWriter(file, table.schema_arrow, compression="zstd") if file else None
            for batch in table.iter_batches(batch_size=ROWS_AT_ONCE):
                places = [f"row {report.documents + number}" for number in range(1, len(batch) + 1)]
                texts = [text_of(row, columns) for row in batch.to_pylist()]
                stays = _judged(report, places, texts, tell)
                if writer:
                    writer.write_batch(batch.filter(pa.array(stays, pa.bool_())))
            if writer:
                writer.close()
    except pa.ArrowException as error:
        raise DataError(f"{source}: cannot be read ({error}). Is it whole, and Parquet?") from error
    except DataError as error:
        raise DataError(f"{source}: {error}") from error


def decontaminated(dataset: T, screen: Screen, *, columns: Sequence[str] = ()) -> tuple[T, Report]:
    """Return a `datasets.Dataset` or `DatasetDict` without the rows that hold items of benchmarks, and the report.

    Raises:
        SettingsError: it is neither.
        DataError: a row has not the named columns.
    """
    import datasets

    report = Report(screen)
    if isinstance(dataset, datasets.DatasetDict):
        parts = {name: _selected(one, report, columns, f"{name}, ") for name, one in dataset.items()}
        return cast("T", datasets.DatasetDict(parts)), report
    if not isinstance(dataset, datasets.Dataset):
        raise SettingsError(f"expected a datasets.Dataset or DatasetDict, found {type(dataset).__name__}.")
    return cast("T", _selected(dataset, report, columns, "")), report


def _selected(dataset: Any, report: Report, columns: Sequence[str], prefix: str) -> Any:
    kept, begin = list[int](), 0
    while begin < len(dataset):
        table = dataset[begin : begin + ROWS_AT_ONCE]
        rows = [dict(zip(table, cells, strict=True)) for cells in zip(*table.values(), strict=True)]
        places = [f"{prefix}row {begin + number}" for number in range(1, len(rows) + 1)]
        stays = _judged(report, places, [text_of(row, columns) for row in rows], None)
        kept += [begin + number for number, good in enumerate(stays) if good]
        begin += len(rows)
    return dataset.select(kept)


def control(path: Path, report: Report, *, columns: Sequence[str] = (), most: int = 20_000) -> None:
    """Ask the same rule of a file of texts that are known to be clean; its finds are false positives.

    Raises:
        DataError: the file cannot be read.
    """
    rows = islice(read_rows(Path(path)), most)
    found = []
    while texts := [text_of(row, columns) for _, row in islice(rows, ROWS_AT_ONCE)]:
        found += report.screen.look(texts)
    report.controlled(found)
