"""The one training loop: batches in, weights out, whatever the loss.

A step cuts its batch into passes, adds up the gradients of their shares of the loss, clips and takes one AdamW step
(Loshchilov and Hutter, 2019, arXiv:1711.05101; betas 0.9 and 0.95). Dropout is off. Nothing is drawn at random but
the order of the data, and that follows from (seed, epoch); so a training that was killed goes on from its newest
checkpoint and ends, on a CPU, with the very same bytes.

    log = train(load("models/tiny"), records, sft, TrainingSettings(steps=200),
                out=Path("weights"), scratch=Path("scratch"), lineage={"data": dataset.fingerprint})
    log.losses[0], log.losses[-1]        # 2.91, 1.07
"""
# ruff: noqa: N806 -- axes stand in the names of tensors

import math
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

import torch
from torch import Tensor, nn
from torch.optim import AdamW

from regrowth.core.errors import SettingsError
from regrowth.core.record import Record, canonical, digest
from regrowth.training import checkpoints
from regrowth.training.batches import Batch, Pass, Position, Rows, batches, passes, tokenize
from regrowth.training.checkpoints import Checkpoint
from regrowth.training.journal import Journal, TrainingLog, read_lines
from regrowth.training.objectives import Objective, Side, View
from regrowth.training.policy import logprobs
from regrowth.training.settings import TrainingSettings
from regrowth.weights.loading import Weights, save

__all__ = ["VERSION", "OnStep", "train"]

VERSION = 1
"""Of the arithmetic; part of the result's name. Raised whenever equal input may give other weights."""

PASS_PRICE = {"cpu": 64, "cuda": 1024}
"""What a pass costs besides its positions, in positions: launches, and the weights' and gradients' way to memory."""

UNREAD = {"cpu": 1, "cuda": 16}
"""Steps whose figures may wait on the device: reading a number makes a GPU finish all queued work first."""

OnStep: TypeAlias = Callable[[int, dict[str, float]], None]
"""Hears the number of a step and its figures."""


@dataclass
class _Run:
    """What a step changes, and what it reads."""

    network: nn.Module
    optimizer: AdamW
    rows: Rows
    objective: Objective
    settings: TrainingSettings
    device: torch.device
    pad: int
    step: int = 0
    position: Position = field(default_factory=Position)


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
    run = _run(weights, rows, objective, settings)
    identity = digest(VERSION, weights.digest, rows.digest, objective.to_json(), settings.to_json())
    scratch.mkdir(parents=True, exist_ok=True)
    with _threads(settings.threads), Journal(scratch, _resume(run, scratch, identity)) as journal:
        reader = _Reader(journal, on_step, run)
        _advance(run, reader, lambda: _keep(run, journal, scratch, identity), stop or (lambda: False))
    told = {"objective": objective.to_json(), "settings": settings.to_json()}
    header = {**lineage, **{name: canonical(facts).decode() for name, facts in told.items()}}
    save(run.network, weights.codec, out, lineage=header)
    log = journal.log(rows)
    log.write(out)
    return log


def _run(weights: Weights, rows: Rows, objective: Objective, settings: TrainingSettings) -> _Run:
    network = weights.network.float().eval()
    trained = [weight for weight in network.parameters() if weight.requires_grad]
    groups = [
        {"params": [weight for weight in trained if weight.ndim >= 2], "weight_decay": settings.weight_decay},
        {"params": [weight for weight in trained if weight.ndim < 2], "weight_decay": 0.0},
    ]
    optimizer = AdamW(groups, lr=settings.learning_rate, betas=(0.9, 0.95), fused=True)
    return _Run(network, optimizer, rows, objective, settings, trained[0].device, weights.codec.pad)


# The steps -----------------------------------------------------------------------------------------------------------


def _advance(run: _Run, reader: "_Reader", keep: Callable[[], None], stop: Callable[[], bool]) -> None:
    settings = run.settings
    for batch in batches(run.rows, tokens=settings.tokens_per_batch, seed=settings.seed, start=run.position):
        if run.step == settings.steps:
            break
        if stop():
            reader.read()
            keep()
            raise KeyboardInterrupt
        figures = _update(run, batch)
        run.step, run.position = run.step + 1, batch.following
        reader.add(figures, batch)
        if run.step % settings.checkpoint_every == 0 and run.step < settings.steps:
            reader.read()
            keep()
    reader.read()


def _update(run: _Run, batch: Batch) -> dict[str, Tensor]:
    """Take one optimizer step; its figures stay on the device."""
    run.optimizer.zero_grad(set_to_none=True)
    price = PASS_PRICE[run.device.type]
    parts = passes(run.rows, batch, tokens=run.settings.tokens_per_pass, price=price, pad=run.pad)
    tokens = [sum(part.counts[side] for part in parts) for side in range(len(run.rows.sides))]
    figures: dict[str, Tensor] = {}
    for part in parts:
        with _precision(run.device):
            view = _view(run, part.to(run.device), tokens, len(batch.records))
            loss = run.objective.loss(view)
        torch.autograd.backward(loss.value)
        for name, share in {"loss": loss.value, **loss.facts}.items():
            figures[name] = figures.get(name, 0.0) + share.detach()
    weights = [weight for group in run.optimizer.param_groups for weight in group["params"]]
    figures["gradient_norm"] = nn.utils.clip_grad_norm_(weights, run.settings.clip)
    for group in run.optimizer.param_groups:
        group["lr"] = run.settings.rate_at(run.step + 1)
    run.optimizer.step()
    return figures


def _view(run: _Run, part: Pass, tokens: list[int], records: int) -> View:
    policy_N = torch.split(logprobs(run.network, part), list(part.counts))
    rows_N = torch.split(part.rows_N, list(part.counts))
    sides = map(Side, policy_N, rows_N, tokens)
    return View(dict(zip(run.rows.sides, sides, strict=True)), part.records, records)


def _precision(device: torch.device) -> AbstractContextManager[object]:
    return torch.autocast("cuda", torch.bfloat16) if device.type == "cuda" else nullcontext()


@contextmanager
def _threads(count: int) -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


# What it says --------------------------------------------------------------------------------------------------------


class _Reader:
    """Bring figures from the device to the journal and to whoever listens, several steps at once on a GPU."""

    def __init__(self, journal: Journal, on_step: OnStep | None, run: _Run) -> None:
        self._journal = journal
        self._on_step = on_step
        self._run = run
        self._unread: list[tuple[int, dict[str, Tensor], dict[str, float]]] = []
        self._since = time.perf_counter()

    def add(self, figures: dict[str, Tensor], batch: Batch) -> None:
        """Note a step just taken."""
        rows = self._run.rows
        tokens = rows.lengths[batch.records].sum()
        prompts = rows.prompts.reshape(len(rows), -1)[batch.records].sum()
        known = {"tokens": int(tokens), "trained": int(tokens - prompts)}
        rate = self._run.settings.rate_at(self._run.step)
        self._unread.append((self._run.step, figures, {"learning_rate": rate, **known}))
        if len(self._unread) >= UNREAD[self._run.device.type]:
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


def _check_finite(step: int, facts: Mapping[str, float]) -> None:
    if not (math.isfinite(facts["loss"]) and math.isfinite(facts["gradient_norm"])):
        raise SettingsError(
            f"Step {step}: the loss is {facts['loss']}, its gradient {facts['gradient_norm']}, at a learning rate of "
            f"{facts['learning_rate']:g}. Training diverged; lower learning_rate or clip, or lengthen warmup. "
            "The last checkpoint is kept."
        )


# What survives -------------------------------------------------------------------------------------------------------


def _resume(run: _Run, scratch: Path, identity: str) -> list[str]:
    """Set the run to its newest usable checkpoint, if there is one; return the journal's lines up to there."""
    for checkpoint in checkpoints.stored(scratch, identity):
        lines = read_lines(scratch, checkpoint.step)
        if lines is not None:
            _restore(run, checkpoint)
            return lines
    return []


def _keep(run: _Run, journal: Journal, scratch: Path, identity: str) -> None:
    journal.force()
    tensors = {}
    for name, weight in _named(run):
        tensors[f"weight {name}"] = weight.detach().contiguous()
        tensors |= {f"{key} {name}": value.contiguous() for key, value in run.optimizer.state[weight].items()}
    checkpoints.write(scratch, identity, Checkpoint(run.step, {"position": list(run.position)}, tensors))


@torch.no_grad()
def _restore(run: _Run, checkpoint: Checkpoint) -> None:
    kinds: dict[str, dict[str, Tensor]] = {}
    for label, tensor in checkpoint.tensors.items():
        kind, _, name = label.partition(" ")
        kinds.setdefault(name, {})[kind] = tensor.to(run.device)
    for name, weight in _named(run):
        weight.copy_(kinds[name].pop("weight"))
        run.optimizer.state[weight] = kinds[name]
    run.step, run.position = checkpoint.step, Position(*checkpoint.facts["position"])


def _named(run: _Run) -> Iterator[tuple[str, nn.Parameter]]:
    return ((name, weight) for name, weight in run.network.named_parameters() if weight.requires_grad)
