"""Checkpoints: one safetensors file each, the tensors in it and the rest as JSON in its header.

    scratch/
      checkpoint-00000100.safetensors    weights, optimizer state; header: step, place in the data, what is trained
      checkpoint-00000150.safetensors    the newest two are kept, so a damaged one costs one interval, not the run
      metrics.jsonl                      one line per step (see `journal`)

A file gets its name by one rename after it was forced to the disk: where the name is, the whole checkpoint is.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from regrowth.core.errors import SettingsError, StoreError
from regrowth.core.files import sync, told
from regrowth.core.record import Json

__all__ = ["Checkpoint", "stored", "write"]

KEPT = 2


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


def _files(folder: Path) -> list[Path]:
    return sorted(folder.glob("checkpoint-*.safetensors"), reverse=True)
