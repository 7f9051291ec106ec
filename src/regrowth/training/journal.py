"""What a training says about itself: a line per step while it runs, a log without a clock when it is done.

    scratch/metrics.jsonl    {"step": 7, "loss": 2.31, "tokens": 4011, …, "tokens_per_second": 21450.0}
    out/training.json        {"losses": [2.9, …], "tokens": 1203345, "trained": 411200, "records": 800, "skipped": []}

Seconds differ between equal trainings, so they stay in the scratch folder.
"""
# ruff: noqa: N806 -- axes stand in the names of tensors

import json
import math
import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self, TypeAlias

import torch
from torch import Tensor

from regrowth.core.errors import DataError, SettingsError
from regrowth.training.rows import Rows, Skipped

__all__ = ["Journal", "Look", "OnStep", "Reader", "TrainingLog", "read_lines", "read_log"]

LOG = "training.json"

UNREAD = {"cpu": 1, "cuda": 16}
"""Steps whose figures may wait on the device: reading a number makes a GPU finish all queued work first."""


OnStep: TypeAlias = Callable[[int, dict[str, float]], None]
"""Hears the number of a step and its figures; a look at held-out records tells its figures as `held-out loss` …"""


class Look(NamedTuple):
    """What was seen of the held-out records after a step."""

    step: int
    figures: Mapping[str, float]


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
    held_out: tuple[Look, ...] = ()
    """What was seen of the held-out records."""
    chosen: int = 0
    """The step whose weights were written: the best look's, or the last."""

    def write(self, folder: Path) -> None:
        """Write `training.json`."""
        lists = {name: [one._asdict() for one in getattr(self, name)] for name in ("skipped", "held_out")}
        plain = {**asdict(self), **lists}
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
        plain["held_out"] = tuple(Look(**look) for look in plain["held_out"])
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

    def log(self, rows: Rows, looks: Sequence[Look], chosen: int) -> TrainingLog:
        """Return the log of the steps so far."""
        counts = (self._tokens, self._trained, len(rows))
        return TrainingLog(tuple(self._losses), *counts, rows.skipped, tuple(looks), chosen)

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


class Reader:
    """Bring figures from the device to the journal and to whoever listens, several steps at once on a GPU."""

    def __init__(self, journal: Journal, on_step: OnStep | None, device: torch.device) -> None:
        self._journal = journal
        self._on_step = on_step
        self._patience = UNREAD[device.type]
        self._unread: list[tuple[int, dict[str, Tensor], dict[str, float]]] = []
        self._since = time.perf_counter()

    def add(self, step: int, figures: dict[str, Tensor], known: dict[str, float]) -> None:
        """Note a step just taken: what the network said, and what was known without it."""
        self._unread.append((step, figures, known))
        if len(self._unread) >= self._patience:
            self.read()

    def read(self) -> None:
        """Read all that is unread.

        Raises:
            SettingsError: the loss or its gradient is no longer a number.
        """
        unread, self._unread = self._unread, []
        if not unread:
            return
        names = list(unread[0][1])
        values_SF = torch.stack([torch.stack([figures[name] for name in names]) for _, figures, _ in unread]).tolist()
        since, self._since = self._since, time.perf_counter()
        speed = sum(known["tokens"] for _, _, known in unread) / (self._since - since)
        for (step, _, known), values in zip(unread, values_SF, strict=True):
            facts = {**dict(zip(names, values, strict=True)), **known}
            _check_finite(step, facts)
            facts["tokens_per_second"] = round(speed, 1)
            self._journal.add({"step": step, **facts})
            if self._on_step is not None:
                self._on_step(step, facts)

    def tell(self, look: Look) -> None:
        """Pass a look at held-out records on to whoever listens."""
        if self._on_step is not None:
            self._on_step(look.step, {f"held-out {name}": value for name, value in look.figures.items()})


def _check_finite(step: int, facts: Mapping[str, float]) -> None:
    if not (math.isfinite(facts["loss"]) and math.isfinite(facts["gradient_norm"])):
        raise SettingsError(
            f"Step {step}: the loss is {facts['loss']}, its gradient {facts['gradient_norm']}, at a learning rate of "
            f"{facts['learning_rate']:g}. Training diverged; lower learning_rate or clip, or lengthen warmup. "
            "The last checkpoint is kept."
        )
