"""The one training loop: batches in, weights out, whatever the loss.

A step cuts its batch into passes, adds up the gradients of their shares of the loss, clips and takes one AdamW step
(Loshchilov and Hutter, 2019, arXiv:1711.05101; betas 0.9 and 0.95). The head is computed at trained positions only.
Dropout is off. Nothing is drawn at random but the order of the data, and that follows from (seed, epoch); so a
training that was killed goes on from its newest checkpoint and ends, on a CPU, with the very same bytes.

    log = train(load("models/tiny"), records, sft, TrainingSettings(steps=200),
                out=Path("weights"), scratch=Path("scratch"), lineage={"data": dataset.fingerprint})
    log.losses[0], log.losses[-1]        # 2.91, 1.07
"""

import json
import math
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from regrowth.core.errors import SettingsError
from regrowth.core.record import Record, canonical, digest
from regrowth.training import checkpoints
from regrowth.training.batches import Batch, Pass, Position, Rows, batches, passes, tokenize
from regrowth.training.checkpoints import Checkpoint
from regrowth.training.journal import Journal, TrainingLog, read_lines
from regrowth.training.objectives import Objective, Side, View
from regrowth.training.settings import TrainingSettings
from regrowth.weights.loading import HfNetwork, Weights, save
from regrowth.weights.network import Llama

__all__ = ["VERSION", "OnStep", "train"]

VERSION = 1
"""Of the arithmetic; part of the result's name. Raised whenever equal input may give other weights."""

UNREAD = {"cpu": 1, "cuda": 16}
"""Steps whose figures wait on the device: reading one number stops a GPU until all queued work is done."""

OnStep: TypeAlias = Callable[[int, dict[str, float]], None]
"""Hears the step's number and its figures."""

# B: rows of a pass, T: positions, N: trained tokens of a pass, C: width of the network, V: vocabulary.


def train(
    weights: Weights,
    records: Iterable[Record],
    objective: Objective,
    settings: TrainingSettings,
    *,
    out: Path,
    scratch: Path,
    lineage: Mapping[str, str],
    on_step: OnStep | None = None,
    stop: Callable[[], bool] | None = None,
) -> TrainingLog:
    """Train the network of `weights` in place and write it to `out`; the same call again resumes from `scratch`.

    Args:
        records: all of them are encoded before the first step; only their token ids are kept.
        scratch: holds checkpoints and `metrics.jsonl`; must survive a crash for the training to resume.
        lineage: where base and data come from; kept in the header of the weights, with objective and settings.
        stop: asked before every step; once true, a checkpoint is written and KeyboardInterrupt raised.

    Raises:
        DataError: no record can be trained on.
        SettingsError: the loss is no longer a number, or `scratch` belongs to another training.
        StoreError: the disk is full or refuses to be written.
    """
    if objective.needs_reference:
        raise SettingsError(f"The objective {objective.name!r} reads reference log-probabilities; this loop has none.")
    rows = tokenize(records, weights.codec, context=weights.context, sides=objective.sides)
    identity = digest(VERSION, weights.digest, rows.digest, objective.to_json(), settings.to_json())
    scratch.mkdir(parents=True, exist_ok=True)
    run = _Run.of(weights, rows, objective, settings)
    with _threads(settings.threads), _evaluating(run.network):
        state, lines = _resumed(run, scratch, identity)
        with Journal(scratch, lines) as journal:
            watch = _Watch(journal, on_step, UNREAD[run.device.type])
            _advance(run, state, watch, _Keeper(scratch, identity, journal, stop))
            log = _log(journal, rows)
    told = {"objective": objective.to_json(), "settings": settings.to_json()}
    save(
        run.network,
        weights.codec,
        out,
        lineage={**lineage, **{name: canonical(facts).decode() for name, facts in told.items()}},
    )
    log.write(out)
    return log
