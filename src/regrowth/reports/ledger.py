"""Refusals of one dataset: how many per gate, and a few records that show why.

A ledger may be long, so only its gates and reasons are read whole; of the records, only the row groups shown.
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

from regrowth.core.dataset import Dataset
from regrowth.reports.blocks import Refusals, RefusedRecord
from regrowth.reports.wording import clipped

__all__ = ["Stop", "refusals", "stops"]

SHOWN = 3
"""Records shown per gate."""
MOST_LETTERS = 2000
"""Characters kept of a text that is shown."""

Stop: TypeAlias = tuple[str, str]
"""Gate and outcome: `rejected` or `failed`."""
Place: TypeAlias = tuple[Path, int]
"""File and row."""


@dataclass(slots=True)
class _Pile:
    """What is known of the records that stopped at one place."""

    count: int = 0
    first: list[Place] = field(default_factory=list)
    kinds: dict[str, Place] = field(default_factory=dict)
    """Where each kind of reason was first met."""

    def add(self, place: Place, reason: str) -> None:
        self.count += 1
        if len(self.first) < SHOWN:
            self.first.append(place)
        if len(self.kinds) < SHOWN:
            # Reasons that differ only in their numbers are of one kind: "312 tokens, limit 256".
            self.kinds.setdefault(re.sub(r"\d+", "0", reason), place)

    def shown(self) -> list[Place]:
        """Return a few places, of different reasons where there are any."""
        chosen = list(dict.fromkeys([*self.kinds.values(), *self.first]))[:SHOWN]
        return sorted(chosen, key=_order)


def stops(dataset: Dataset) -> Mapping[Stop, int]:
    """Return how many records stopped where."""
    return Counter({stop: pile.count for stop, pile in _piles(dataset).items()})


def refusals(datasets: Sequence[Dataset]) -> tuple[Refusals, ...]:
    """Return the refusals of several datasets by gate, the most frequent first."""
    together: dict[Stop, _Pile] = {}
    for dataset in datasets:
        for stop, pile in _piles(dataset).items():
            known = together.setdefault(stop, _Pile())
            known.count += pile.count
            known.first += pile.first
            known.kinds = {**pile.kinds, **known.kinds}
    rows = dict(_rows([place for pile in together.values() for place in pile.shown()]))
    found = [
        Refusals(
            gate=gate,
            count=pile.count,
            failed=outcome == "failed",
            records=tuple(_refused(rows[place]) for place in pile.shown()),
        )
        for (gate, outcome), pile in sorted(together.items())
    ]
    return tuple(sorted(found, key=lambda one: -one.count))


def _piles(dataset: Dataset) -> dict[Stop, _Pile]:
    from regrowth.core import shards  # pyarrow costs 0.2 s that only a report with a ledger need wait for

    piles: dict[Stop, _Pile] = {}
    for shard in dataset.manifest["ledger"]:
        path = dataset.path / shard["file"]
        columns = shards.read_table([path], ["gate", "outcome", "reason"]).to_pydict()
        stopped = zip(columns["gate"], columns["outcome"], columns["reason"], strict=True)
        for row, (gate, outcome, reason) in enumerate(stopped):
            piles.setdefault((gate, outcome), _Pile()).add((path, row), reason)
    return piles


def _rows(places: Sequence[Place]) -> Iterator[tuple[Place, dict[str, Any]]]:
    """Yield rows of ledgers, reading no more than the row groups they stand in."""
    import pyarrow.parquet as pq  # pyarrow costs 0.2 s, see above

    for path in dict.fromkeys(path for path, _ in places):
        wanted = sorted({row for where, row in places if where == path})
        with pq.ParquetFile(path) as file:
            start = 0
            for group in range(file.num_row_groups):
                size = file.metadata.row_group(group).num_rows
                inside = [row for row in wanted if start <= row < start + size]
                if inside:
                    table = file.read_row_group(group, columns=["id", "messages", "response", "reason"])
                    taken = table.take([row - start for row in inside]).to_pylist()
                    yield from zip(((path, row) for row in inside), taken, strict=True)
                start += size


def _refused(row: Mapping[str, Any]) -> RefusedRecord:
    prompt = row["messages"][-1]["content"] if row["messages"] else ""
    texts = {"prompt": prompt, "response": row["response"], "reason": row["reason"]}
    return RefusedRecord(id=row["id"], **{name: clipped(text, MOST_LETTERS) for name, text in texts.items()})


def _order(place: Place) -> tuple[str, int]:
    return str(place[0]), place[1]
