"""What a training says about itself: a line per step while it runs, a log without a clock when it is done.

    scratch/metrics.jsonl    {"step": 7, "loss": 2.31, "tokens": 4011, …, "tokens_per_second": 21450.0}
    out/training.json        {"losses": [2.9, …], "tokens": 1203345, "trained": 411200, "records": 800, "skipped": []}

Seconds differ between equal trainings, so they stay in the scratch folder.
"""

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from regrowth.core.errors import DataError
from regrowth.training.batches import Rows, Skipped

__all__ = ["Journal", "TrainingLog", "read_lines", "read_log"]

LOG = "training.json"


@dataclass(frozen=True, slots=True)
class TrainingLog:
    """Sum up a finished training."""

    losses: tuple[float, ...]
    """Of every step, in nats per the objective's unit."""
    tokens: int
    """Prompt and reply tokens that went through the network, padding not counted."""
    trained: int
    """Those of them whose probability entered the loss."""
    records: int
    """Distinct records that were trained on."""
    skipped: tuple[Skipped, ...]
    """Records that could not be trained on."""

    def write(self, folder: Path) -> None:
        """Write `training.json`."""
        plain = {**asdict(self), "skipped": [skip._asdict() for skip in self.skipped]}
        (folder / LOG).write_text(json.dumps(plain, indent=1) + "\n", "utf-8")


def read_log(folder: Path) -> TrainingLog:
    """Read the log of trained weights.

    Raises:
        DataError: the folder holds none.
    """
    try:
        plain = json.loads((folder / LOG).read_text("utf-8"))
        plain["losses"] = tuple(plain["losses"])
        plain["skipped"] = tuple(Skipped(**skip) for skip in plain["skipped"])
        return TrainingLog(**plain)
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise DataError(f"{folder / LOG}: no training log there ({error}). Was this folder made by `fit`?") from error


class Journal:
    """Append one line per step to `metrics.jsonl`. Opened at a step, it forgets the lines of later ones."""

    def __init__(self, folder: Path, lines: list[str]) -> None:
        """Begin with the lines that `read_lines` returned for a checkpoint."""
        self.path = folder / "metrics.jsonl"
        draft = folder / ".metrics.unfinished"
        draft.write_text("".join(lines), "utf-8")
        draft.replace(self.path)
        self._file = self.path.open("a", encoding="utf-8")
        self._losses: list[float] = []
        self._tokens = self._trained = 0
        for line in lines:
            self._count(json.loads(line))

    def _count(self, facts: Mapping[str, Any]) -> None:
        self._losses.append(facts["loss"])
        self._tokens += facts["tokens"]
        self._trained += facts["trained"]

    def add(self, facts: Mapping[str, Any]) -> None:
        """Append a line."""
        self._count(facts)
        self._file.write(json.dumps(facts) + "\n")
        self._file.flush()

    def log(self, rows: Rows) -> TrainingLog:
        """Return the log of the steps so far."""
        return TrainingLog(tuple(self._losses), self._tokens, self._trained, len(rows), rows.skipped)

    def force(self) -> None:
        """Force what was written to the disk: a checkpoint is only as good as the lines before it."""
        os.fsync(self._file.fileno())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()


def read_lines(folder: Path, steps: int) -> list[str] | None:
    """Return the lines of the first steps; None if one is missing, as after somebody deleted the file."""
    try:
        lines = (folder / "metrics.jsonl").read_text("utf-8").splitlines(keepends=True)[:steps]
        whole = [json.loads(line)["step"] for line in lines] == list(range(1, steps + 1))
    except (OSError, ValueError, KeyError, TypeError):
        return None if steps else []
    return lines if whole else None
