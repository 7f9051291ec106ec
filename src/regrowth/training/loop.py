"""The one training loop: batches in, weights out, whatever the loss.

A step cuts its batch into passes, adds up the gradients of their shares of the loss, clips and takes one optimizer
step. Dropout is off. Nothing is drawn at random but the order of the data, and that follows from (seed, epoch); so a
training that was killed goes on from its newest checkpoint and ends, on a CPU, with the very same bytes.

    log = train(load("models/tiny"), records, sft, TrainingSettings(steps=200),
                out=Path("weights"), scratch=Path("scratch"), lineage={"data": dataset.fingerprint})
    log.losses[0], log.losses[-1]        # 2.91, 1.07
"""

import copy
import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from regrowth.core.errors import SettingsError
from regrowth.core.files import told
from regrowth.core.record import Record
from regrowth.training import checkpoints
from regrowth.training.batches import Position, batches
from regrowth.training.body import finished, write_beside
from regrowth.training.checkpoints import Checkpoint
from regrowth.training.intake import Task
from regrowth.training.journal import Journal, Look, OnStep, Reader, TrainingLog, read_lines
from regrowth.training.objectives import Objective
from regrowth.training.optimizer import Optimizer, clip
from regrowth.training.private import Mechanism, mechanism, promised, publishable
from regrowth.training.reference import Remember, kept_in
from regrowth.training.rows import Ints, Rows
from regrowth.training.settings import TrainingSettings
from regrowth.training.step import Lens, Spread, gradients, lens, loss_of
from regrowth.training.team import ALONE, Team
from regrowth.weights.codec import Codec
from regrowth.weights.loading import Weights, save

__all__ = ["train", "workers"]


@dataclass
class _Run:
    """What a step changes, and what it reads."""

    network: nn.Module
    look: Lens
    names: list[str]
    optimizer: Optimizer
    rows: Rows
    held_out: Rows | None
    settings: TrainingSettings
    step: int = 0
    steps_before: int = 0
    """Of earlier rounds, whose optimizer goes on."""
    position: Position = field(default_factory=Position)
    looks: list[Look] = field(default_factory=list)
    private: Mechanism | None = None

    @property
    def tensors(self) -> dict[str, Tensor]:
        """Return all tensors that a step changes, by kind and name."""
        kinds = {"weight": self.optimizer.weights, **self.optimizer.moments}
        return {
            f"{kind} {name}": tensor.detach()
            for kind, tensors in kinds.items()
            for name, tensor in zip(self.names, tensors, strict=True)
        }

    def whole(self, kind: str = "") -> dict[str, Tensor]:
        """Return the tensors of a kind, or all; where processes share them, put together."""
        team, chosen = self.look.team, self.tensors.items()
        return {name: team.whole(name.rpartition(" ")[2], tensor) for name, tensor in chosen if name.startswith(kind)}

    @property
    def over(self) -> bool:
        """Return whether nothing is left to do."""
        patience = self.settings.patience
        stale = len(self.looks) - 1 - self.best if self.looks else 0
        return self.step >= self.settings.steps or bool(patience and stale >= patience)

    @property
    def best(self) -> int:
        """Return which look was the best, the first of equals."""
        figures = [look.figures[self.settings.watch] for look in self.looks]
        return figures.index(min(figures) if self.settings.watch == "loss" else max(figures))


def train(
    weights: Weights,
    records: Iterable[Record] | Rows,
    objective: Objective,
    settings: TrainingSettings,
    *,
    out: Path,
    scratch: Path,
    lineage: Mapping[str, str],
    models: Mapping[str, Weights] | None = None,
    held_out: Iterable[Record] | Rows | None = None,
    base: Path | None = None,
    remember: Remember | None = None,
    accept_template: bool = False,
    on_step: OnStep | None = None,
    stop: Callable[[], bool] | None = None,
    team: Team = ALONE,
) -> TrainingLog:
    """Train the network of `weights` in place and write it to `out`; the same call again resumes from `scratch`.

    Args:
        records: all of them are encoded before the first step; only their token ids are kept.
        scratch: holds checkpoints and `metrics.jsonl`; must survive a crash for the training to resume.
        lineage: where base and data come from; kept in the header of the weights, with objective and settings.
        models: the objective's other models and teachers, by name. A `reference` or `old` that is missing is the model
            that the training starts from, as it is before the first step.
        held_out: records that are looked at every `evaluate_every` steps; the weights of the best look are written.
        base: the folder of `weights`, where `carry` finds the optimizer's state.
        accept_template: train although the chat template writes answers otherwise (see `regrowth.weights.template`).
        remember: keeps other models' log-probabilities (see `reference`); by default `scratch` does.
        stop: asked before every step; once true, a checkpoint is written and KeyboardInterrupt raised.
        team: the processes that train together, each of which calls this (see `parallel`).

    Raises:
        DataError: no record can be trained on.
        SettingsError: the loss is no longer a number, or `scratch` belongs to another training.
        StoreError: the disk is full or refuses to be written.
    """
    task = Task.of(
        *(weights, records, objective, settings),
        models=models or {},
        held_out=held_out,
        base=base,
        accept_template=accept_template,
    )
    identity, promise = task.identity, promised(task.rows, objective, settings, team)
    try:
        scratch.mkdir(parents=True, exist_ok=True)
        task = task.beside(remember or kept_in(scratch), team)
        run = _run(task, team)
        if promise is not None:
            run.private = mechanism(promise, len(task.rows), settings, scratch)
        with Journal(team.place(scratch), _resume(run, scratch, identity)) as journal:
            reader = Reader(journal, on_step, run.look.device)
            _advance(run, reader, lambda: _keep(run, journal, scratch, identity), scratch, stop or (lambda: False))
        log = journal.log(run.rows, run.looks, run.looks[run.best].step if run.looks else run.step)
        _choose(run, scratch)
        _write(run, task.weights.codec, out, task.header(lineage), log)
    except OSError as error:
        raise told(error, scratch) from error
    return log


def _run(task: Task, team: Team) -> _Run:
    """Make networks and optimizer ready; the starting model's copies are taken before anything is put beside it."""
    weights, settings = task.weights, task.settings
    teachers = {name: task.models.get(name) or _frozen(weights) for name in task.objective.teachers}
    trained = team.prepare(weights.network, settings)
    optimizer = Optimizer.of(settings.optimizer, list(trained.values()), settings.weight_decay)
    look = lens(weights, task.objective, settings.tokens_per_pass, teachers, team)
    run = _Run(weights.network, look, list(trained), optimizer, task.rows, task.held_out, settings)
    if settings.carry and task.base is not None:
        _go_on(run, task.base)
    return run


def _go_on(run: _Run, base: Path) -> None:
    """Take over the optimizer's state that lies beside the base, if any."""
    found = checkpoints.carried(base)
    if found is not None:
        run.steps_before, tensors = found
        _fill(run, tensors, only=tuple(run.optimizer.moments))


def _frozen(weights: Weights) -> Weights:
    """Return the starting model as it is now: a teacher that does not move."""
    return replace(weights, network=copy.deepcopy(weights.network).eval())


# The steps -----------------------------------------------------------------------------------------------------------


def _advance(run: _Run, reader: Reader, keep: Callable[[], None], scratch: Path, stop: Callable[[], bool]) -> None:
    settings = run.settings
    if run.private is not None:
        stream = run.private.batches(run.step)
    else:
        stream = batches(run.rows, tokens=settings.tokens_per_batch, seed=settings.seed, start=run.position)
    with workers(settings.threads if run.look.device.type == "cpu" else 1) as spread:
        while not run.over:
            if stop():
                reader.read()
                keep()
                raise KeyboardInterrupt
            batch = next(stream)
            figures = _update(run, batch.records, spread)
            run.step, run.position = run.step + 1, batch.following
            reader.add(run.step, figures, known(run.rows, batch.records, settings.rate_at(run.step)))
            last = run.step == settings.steps
            if settings.evaluate_every and (last or run.step % settings.evaluate_every == 0):
                reader.read()
                reader.tell(_look(run, scratch))
            if run.step % settings.checkpoint_every == 0 and not run.over:
                reader.read()
                keep()
    reader.read()


def _update(run: _Run, records: Ints, spread: Spread) -> dict[str, Tensor]:
    """Take one optimizer step; its figures stay on the device."""
    what = (run.look, run.rows, records, run.optimizer.weights, spread)
    private = run.private
    slopes, figures = gradients(*what) if private is None else private.gradients(*what, step=run.step)
    # What was clipped record by record is not clipped again: an endless limit only measures.
    figures["gradient_norm"] = clip(slopes, run.settings.clip if private is None else math.inf, run.look.team.norm)
    run.optimizer.update(slopes, rate=run.settings.rate_at(run.step + 1), steps_before=run.steps_before + run.step)
    return figures


def known(rows: Rows, records: Ints, rate: float) -> dict[str, float]:
    """Return what is known of a step without looking at the network."""
    tokens, trained = int(rows.lengths[records].sum()), int(rows.counts[records].sum())
    return {"learning_rate": rate, "tokens": tokens, "trained": trained}


def _look(run: _Run, scratch: Path) -> Look:
    """Look at the held-out records; keep the weights if they were never better."""
    assert run.held_out is not None
    figures = loss_of(run.look, run.held_out, np.arange(len(run.held_out)))
    look = Look(run.step, {name: float(value) for name, value in figures.items()})
    if run.settings.watch not in look.figures:
        raise SettingsError(f"watch = {run.settings.watch!r}, but the objective tells {', '.join(look.figures)}.")
    run.looks.append(look)
    if run.looks[run.best] is look:
        best = run.whole("weight ")
        if run.look.team.leads:
            checkpoints.write_best(scratch, best)
    return look


def _choose(run: _Run, scratch: Path) -> None:
    """Set the network to the weights of the best look."""
    if run.looks and run.looks[run.best].step != run.step:
        _fill(run, checkpoints.best(scratch), only="weight ")


def _write(run: _Run, codec: Codec, out: Path, header: Mapping[str, str], log: TrainingLog) -> None:
    """Write what was trained; of several processes, the one that leads does."""
    team, settings = run.look.team, run.settings
    if run.private is not None:
        header, log = {**header, **run.private.header}, publishable(log)
    carried = run.whole() if settings.carry else {}
    network = team.gathered(run.network)
    if team.leads:
        if settings.carry:
            checkpoints.write_carried(out, run.steps_before + run.step, carried)
        write_beside(network, settings, out)
        save(finished(network), codec, out, lineage=header)
        log.write(out)


@contextmanager
def workers(count: int) -> Iterator[Spread]:
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


# What survives -------------------------------------------------------------------------------------------------------


def _resume(run: _Run, scratch: Path, identity: str) -> list[str]:
    """Set the run to its newest usable checkpoint, if there is one; return the journal's lines up to there."""
    for checkpoint in checkpoints.stored(scratch, identity):
        lines = read_lines(scratch, checkpoint.step)
        if lines is not None:
            _fill(run, checkpoint.tensors)
            run.step, run.position = checkpoint.step, Position(*checkpoint.facts["position"])
            run.looks = [Look(step, figures) for step, figures in checkpoint.facts["looks"]]
            break
    else:
        lines = []
    run.look.team.agreed(run.step)
    return lines or []


def _keep(run: _Run, journal: Journal, scratch: Path, identity: str) -> None:
    journal.force()
    facts = {"position": list(run.position), "looks": [list(look) for look in run.looks]}
    tensors = {name: tensor.contiguous() for name, tensor in run.whole().items()}
    if run.look.team.leads:
        checkpoints.write(scratch, identity, Checkpoint(run.step, facts, tensors))


@torch.no_grad()
def _fill(run: _Run, tensors: Mapping[str, Tensor], only: str | tuple[str, ...] = "") -> None:
    for name, tensor in run.tensors.items():
        if name.startswith(only):
            own = run.look.team.own(tensors[name]) if name in tensors else None
            if own is None or own.shape != tensor.shape:
                raise SettingsError(f"The stored state has no {name!r} of the shape {list(tensor.shape)}.")
            tensor.copy_(own)
