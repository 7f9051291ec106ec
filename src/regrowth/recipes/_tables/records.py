"""Rows of a table as records, so that lineage, ledger and lock know them.

{"age": 41, "job": "a"}  →  prompt "Row of adult.csv", response "age is 41, job is a", attributes {"row": …}
"""

import datetime
import decimal
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

from regrowth.core.dataset import Dataset
from regrowth.core.errors import DataError, Rejected
from regrowth.core.files import replacing
from regrowth.core.record import Message, Origin, Record, digest
from regrowth.domains.tables import Refused
from regrowth.metrics.columns import Kind, aligned
from regrowth.recipes._tables.settings import Settings
from regrowth.run import Run
from regrowth.seeds.tables import read_table

__all__ = ["Parts", "deliver", "export", "parts", "record_of"]

GATES = ("ranges", "order", "dependencies", "combinations", "uniqueness")


@dataclass(frozen=True)
class Parts:
    """Hold the real rows."""

    known: pa.Table
    """Those to learn from."""
    aside: pa.Table | None
    """Those that no generator sees."""
    data: Dataset
    """Those to learn from, as records."""
    source: Record
    """Stands for all of them: parent of what was learnt from them."""
    kinds: Mapping[str, Kind]
    """Of the columns, in the whole table: numbers that number all rows have gaps in a part of it."""


def parts(run: Run, settings: Settings) -> Parts:
    """Read the table, part it by chance, and write both parts as datasets of the run; forgotten rows are left out.

    Raises:
        DataError: the file is no table, a column to leave out is not there, or too few rows are left.
    """
    table = read_table(settings.path)
    if unknown := sorted(set(settings.real.leave_out) - set(table.column_names)):
        raise DataError(
            f"real.leave_out: {settings.path} has no column {unknown[0]!r}: {', '.join(table.column_names)}."
        )
    table = table.drop_columns(list(settings.real.leave_out))
    (whole,), _ = aligned(table, kinds=settings.real.kinds)
    order = np.random.default_rng(int(digest("holdout", settings.seed), 16)).permutation(table.num_rows)
    cut = round(settings.real.holdout * table.num_rows)
    last = None if settings.real.most is None else cut + settings.real.most
    written = {
        name: _kept(run, name, table, np.sort(places), settings.path.name)
        for name, places in (("aside", order[:cut]), ("real", order[cut:last]))
        if len(places)
    }
    if "real" not in written or not written["real"][0].num_rows:
        raise DataError(f"{settings.path}: {table.num_rows} rows, and none is left to learn from.")
    known, data = written["real"]
    said = {"rows": len(data), "data": data.fingerprint, "how": settings.how, "seed": settings.seed}
    source = Record(
        messages=(Message("user", f"Learn {settings.path.name}"),),
        attributes=said,
        origin="synthetic",
        parents=tuple(record.id for record in data),
    )
    run.store.link(source.id, source.parents, ())
    aside = written["aside"][0] if "aside" in written else None
    return Parts(known, aside, data, source, {name: column.kind for name, column in whole.columns.items()})


def _kept(run: Run, name: str, table: pa.Table, places: Any, file: str) -> tuple[pa.Table, Dataset]:
    chosen = table.take(places)
    records = [record_of(row, file, number=int(place)) for row, place in zip(chosen.to_pylist(), places, strict=True)]
    stays = [not run.store.is_forgotten(record.id) for record in records]
    return chosen.filter(pa.array(stays)), run.write(name, records)


def record_of(
    row: Mapping[str, object], file: str, *, number: int, origin: Origin = "real", parents: tuple[str, ...] = ()
) -> Record:
    """Return a row as a record; `number` tells rows of equal values apart."""
    plain = {name: _plain(value) for name, value in row.items()}
    said = ", ".join(f"{name} is {'missing' if value is None else value}" for name, value in plain.items())
    return Record(
        messages=(Message("user", f"Row of {file}"),),
        response=said,
        attributes={"row": plain, "number": number},
        origin=origin,
        parents=parents,
    )


def _plain(value: object) -> object:
    if isinstance(value, datetime.date | datetime.time):
        return value.isoformat()
    if isinstance(value, datetime.timedelta | decimal.Decimal):
        return str(value)
    return None if isinstance(value, float) and value != value else value


async def deliver(
    run: Run,
    table: pa.Table,
    refused: Iterable[Refused],
    file: str,
    source: Record,
    parents: Mapping[int, tuple[str, ...]],
) -> Dataset:
    """Write the synthetic rows as a dataset, what was refused on the way into its ledger.

    Args:
        source: the real rows together: parent of all that were learnt from them.
        parents: of a row, by its number, where it has others.
    """
    made = [
        record_of(row, file, number=number, origin="synthetic", parents=parents.get(number, (source.id,)))
        for number, row in enumerate(table.to_pylist())
    ]
    verdicts: dict[str, Refused] = {}
    for number, one in enumerate(refused, start=len(made)):
        record = record_of(one.row, file, number=number, origin="synthetic", parents=(source.id,))
        verdicts[record.id] = one
        made.append(record)
    gates = [_gate(name, verdicts) for name in GATES]
    return await run.agrow(made, lambda record: record, name="synthetic", gates=gates)


def _gate(name: str, verdicts: Mapping[str, Refused]) -> Any:
    def gate(record: Record) -> Record:
        if (found := verdicts.get(record.id)) is not None and found.gate == name:
            raise Rejected(name, found.reason)
        return record

    gate.__name__ = name
    return gate


def export(folder: Path, table: pa.Table, kind: str) -> Path:
    """Write the synthetic table as a file of the run folder."""
    path = folder / f"synthetic.{kind}"
    with replacing(path) as file:
        (pa.csv.write_csv if kind == "csv" else pa.parquet.write_table)(table, file)
    return path
