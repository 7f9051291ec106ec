"""The one training loop: batches in, weights out, whatever the loss.

A step cuts its batch into passes, adds up the gradients of their shares of the loss, clips and takes one AdamW step
(`optimizer`). Dropout is off. Nothing is drawn at random but the order of the data, and that follows from (seed,
epoch); so a training that was killed goes on from its newest checkpoint and ends, on a CPU, with the very same bytes.

    log = train(load("models/tiny"), records, sft, TrainingSettings(steps=200),
                out=Path("weights"), scratch=Path("scratch"), lineage={"data": dataset.fingerprint})
    log.losses[0], log.losses[-1]        # 2.91, 1.07
"""
# ruff: noqa: N806 -- axes stand in the names of tensors

import math
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TypeAlias

import torch
from torch import Tensor, nn

from regrowth.core.errors import SettingsError
from regrowth.core.files import told
from regrowth.core.record import Record, canonical, digest
from regrowth.training import checkpoints
from regrowth.training.batches import Batch, Pass, Position, Rows, batches, passes, tokenize
from regrowth.training.checkpoints import Checkpoint
from regrowth.training.journal import Journal, TrainingLog, read_lines
from regrowth.training.objectives import Objective, Side, View
from regrowth.training.optimizer import AdamW, clip
from regrowth.training.policy import Policy, policy, vocabulary
from regrowth.training.settings import TrainingSettings
from regrowth.weights.loading import Weights, save

__all__ = ["VERSION", "OnStep", "check_device", "train"]

VERSION = 1
"""Of the arithmetic; part of the result's name. Raised whenever equal input may give other weights."""

PASS_PRICE = {"cpu": 64, "cuda": 1024}
"""What a pass costs besides its positions, in positions: launches, and the weights' and gradients' way to memory."""

KINDS = ("weight", "first moment", "second moment")
"""Of the tensors in a checkpoint, before the names of the weights."""

UNREAD = {"cpu": 1, "cuda": 16}
"""Steps whose figures may wait on the device: reading a number makes a GPU finish all queued work first."""

OnStep: TypeAlias = Callable[[int, dict[str, float]], None]
"""Hears the number of a step and its figures."""

_Shares: TypeAlias = tuple[list[Tensor], dict[str, Tensor]]
_Spread: TypeAlias = Callable[[Callable[[Pass], _Shares], Iterable[Pass]], Iterable[_Shares]]


@dataclass
class _Run:
    """What a step changes, and what it reads."""

    network: nn.Module
    policy: Policy
    names: list[str]
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
    _check_vocabulary(rows, weights.network)
    run = _run(weights, rows, objective, settings)
    identity = digest(VERSION, weights.digest, rows.digest, objective.to_json(), settings.to_json())
    described = {"objective": objective.to_json(), "settings": settings.to_json()}
    header = {**lineage, **{name: canonical(facts).decode() for name, facts in described.items()}}
    try:
        scratch.mkdir(parents=True, exist_ok=True)
        with Journal(scratch, _resume(run, scratch, identity)) as journal:
            reader = _Reader(journal, on_step, run)
            _advance(run, reader, lambda: _keep(run, journal, scratch, identity), stop or (lambda: False))
        log = journal.log(rows)
        save(run.network, weights.codec, out, lineage=header)
        log.write(out)
    except OSError as error:
        raise told(error, scratch) from error
    return log


def check_device(device: str) -> None:
    """Raise SettingsError if a device is not there."""
    if device == "cuda" and not torch.cuda.is_available():
        raise SettingsError("device = 'cuda', but torch finds no CUDA device here. Set device = 'cpu'.")


def _check_vocabulary(rows: Rows, network: nn.Module) -> None:
    if (largest := int(rows.ids.max())) >= (size := vocabulary(network)):
        raise SettingsError(
            f"The tokenizer makes the id {largest}, the network knows ids below {size}. "
            "They do not belong together; load both from one folder."
        )


def _run(weights: Weights, rows: Rows, objective: Objective, settings: TrainingSettings) -> _Run:
    network = weights.network.float().eval()
    trained = {name: weight for name, weight in network.named_parameters() if weight.requires_grad}
    optimizer = AdamW.of(list(trained.values()), settings.weight_decay)
    device = optimizer.weights[0].device
    return _Run(
        network, policy(network), list(trained), optimizer, rows, objective, settings, device, weights.codec.pad
    )


# The steps -----------------------------------------------------------------------------------------------------------


def _advance(run: _Run, reader: "_Reader", keep: Callable[[], None], stop: Callable[[], bool]) -> None:
    settings = run.settings
    stream = batches(run.rows, tokens=settings.tokens_per_batch, seed=settings.seed, start=run.position)
    with _workers(settings.threads if run.device.type == "cpu" else 1) as spread:
        for batch in islice(stream, settings.steps - run.step):
            if stop():
                reader.read()
                keep()
                raise KeyboardInterrupt
            figures = _update(run, batch, spread)
            run.step, run.position = run.step + 1, batch.following
            reader.add(figures, batch)
            if run.step % settings.checkpoint_every == 0 and run.step < settings.steps:
                reader.read()
                keep()
    reader.read()


def _update(run: _Run, batch: Batch, spread: _Spread) -> dict[str, Tensor]:
    """Take one optimizer step; its figures stay on the device."""
    price = PASS_PRICE[run.device.type]
    parts = passes(run.rows, batch, tokens=run.settings.tokens_per_pass, price=price, pad=run.pad)
    tokens = [sum(part.counts[side] for part in parts) for side in range(len(run.rows.sides))]
    # Shares come back in the order of the passes, whichever thread was faster: a sum in another order rounds otherwise.
    shares = iter(spread(partial(_share, run, tokens, len(batch.records)), parts))
    gradients, figures = next(shares)
    for more, others in shares:
        torch._foreach_add_(gradients, more)
        figures = {name: value + others[name] for name, value in figures.items()}
    figures["gradient_norm"] = clip(gradients, run.settings.clip)
    run.optimizer.update(gradients, rate=run.settings.rate_at(run.step + 1), steps_before=run.step)
    return figures


def _share(run: _Run, tokens: list[int], records: int, part: Pass) -> _Shares:
    """Return one pass's share of the step's gradients and figures."""
    with _precision(run.device):
        part = part.to(run.device)
        policy_N = torch.split(run.policy(part), list(part.counts))
        rows_N = torch.split(part.rows_N, list(part.counts))
        sides = dict(zip(run.rows.sides, map(Side, policy_N, rows_N, tokens), strict=True))
        loss = run.objective.loss(View(sides, part.records, records))
    gradients = torch.autograd.grad(loss.value, run.optimizer.weights, allow_unused=True, materialize_grads=True)
    return list(gradients), {name: value.detach() for name, value in {"loss": loss.value, **loss.facts}.items()}


def _precision(device: torch.device) -> AbstractContextManager[object]:
    return torch.autocast("cuda", torch.bfloat16) if device.type == "cuda" else nullcontext()


@contextmanager
def _workers(count: int) -> Iterator[_Spread]:
    """Give a `map` that spreads passes over threads, each of which computes alone.

    Passes are the unit, not the loops inside an operation: those of a small network are too short to share, and a pass
    that is computed by one thread rounds alike however many there are.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        if count == 1:
            yield map
        else:
            with ThreadPoolExecutor(count, "training") as pool:
                yield pool.map
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
    tensors: dict[str, Tensor] = {}
    for name, *three in zip(run.names, *_state(run), strict=True):
        tensors |= {f"{kind} {name}": tensor.contiguous() for kind, tensor in zip(KINDS, three, strict=True)}
    checkpoints.write(scratch, identity, Checkpoint(run.step, {"position": list(run.position)}, tensors))


def _restore(run: _Run, checkpoint: Checkpoint) -> None:
    for name, *three in zip(run.names, *_state(run), strict=True):
        for kind, tensor in zip(KINDS, three, strict=True):
            tensor.copy_(checkpoint.tensors[f"{kind} {name}"])
    run.step, run.position = checkpoint.step, Position(*checkpoint.facts["position"])


def _state(run: _Run) -> tuple[Sequence[Tensor], ...]:
    """Return all tensors that a step changes."""
    return [weight.detach() for weight in run.optimizer.weights], run.optimizer.first, run.optimizer.second
