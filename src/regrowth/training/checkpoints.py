"""Checkpoints: one safetensors file each, the tensors in it and the rest as JSON in its header.

    scratch/
      checkpoint-00000100.safetensors    weights, optimizer state; header: step, place in the data, what is trained
      checkpoint-00000150.safetensors    the newest two are kept, so a damaged one costs one interval, not the run
      best.safetensors                   weights of the best look at held-out records, if there are any
      metrics.jsonl                      one line per step (see `journal`)

A file gets its name by one rename after it was forced to the disk: where the name is, the whole checkpoint is.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor

from regrowth.core.errors import DataError, SettingsError, StoreError
from regrowth.core.files import sync, told
from regrowth.core.record import Json

__all__ = ["CARRIED", "Checkpoint", "best", "carried", "stored", "write", "write_best", "write_carried"]

KEPT = 2
BEST = "best.safetensors"
CARRIED = Path("optimizer") / "state.safetensors"
"""In a folder of its own: whatever lies beside `config.json` is taken for weights."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """One moment of a training."""

    step: int
    """Optimizer steps taken."""
    facts: Mapping[str, Any]
    """Plain JSON data."""
    tensors: Mapping[str, Tensor]


def write(folder: Path, identity: str, checkpoint: Checkpoint) -> None:
    """Store a checkpoint and drop all but the newest two.

    Raises:
        StoreError: the folder cannot be written.
    """
    draft, final = folder / ".checkpoint.unfinished", folder / f"checkpoint-{checkpoint.step:08d}.safetensors"
    header: dict[str, Json] = {"identity": identity, "step": checkpoint.step, **checkpoint.facts}
    try:
        save_file(dict(checkpoint.tensors), draft, metadata={"state": json.dumps(header)})
        sync(draft)
        draft.replace(final)
        sync(folder)
        for old in _files(folder)[KEPT:]:
            old.unlink()
    except OSError as error:
        raise told(error, folder) from error
    except SafetensorError as error:
        raise StoreError(f"{folder}: the checkpoint of step {checkpoint.step} cannot be written ({error}).") from error


def stored(folder: Path, identity: str) -> Iterator[Checkpoint]:
    """Yield the readable checkpoints of a training, newest first.

    Raises:
        SettingsError: a checkpoint belongs to another training.
    """
    for path in _files(folder):
        try:
            with safe_open(path, "pt") as file:
                header = json.loads((file.metadata() or {})["state"])
                found = header.pop("identity")
                tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a dict)
        except (SafetensorError, OSError, KeyError, ValueError):
            continue
        if found != identity:
            raise SettingsError(
                f"{path} belongs to another training ({found}, this one is {identity}): other weights, records, "
                "objective or settings. Choose an empty scratch folder, or delete the checkpoints."
            )
        yield Checkpoint(header.pop("step"), header, tensors)


def write_best(folder: Path, tensors: Mapping[str, Tensor]) -> None:
    """Keep the best weights so far."""
    draft = folder / ".best.unfinished"
    save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, draft)
    sync(draft)
    draft.replace(folder / BEST)
    sync(folder)


def best(folder: Path) -> Mapping[str, Tensor]:
    """Read the best weights."""
    return load_file(folder / BEST)


def write_carried(out: Path, steps: int, tensors: Mapping[str, Tensor]) -> None:
    """Put the optimizer's state beside finished weights, for the round that goes on from them."""
    place = out / CARRIED
    place.parent.mkdir(parents=True, exist_ok=True)
    save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, place, metadata={"steps": str(steps)})


def carried(folder: Path) -> tuple[int, Mapping[str, Tensor]] | None:
    """Read the optimizer's state beside some weights: steps taken and tensors; None if there is none.

    Raises:
        DataError: it is damaged.
    """
    if not (folder / CARRIED).exists():
        return None
    try:
        with safe_open(folder / CARRIED, "pt") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a dict)
            return int((file.metadata() or {})["steps"]), tensors
    except (SafetensorError, OSError, KeyError, ValueError) as error:
        raise DataError(f"{folder / CARRIED} is damaged ({error}). Delete it to start with a new optimizer.") from error


def _files(folder: Path) -> list[Path]:
    return sorted(folder.glob("checkpoint-*.safetensors"), reverse=True)
