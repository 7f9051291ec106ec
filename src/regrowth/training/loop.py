"""The one training loop: batches in, weights out, whatever the loss.

A step cuts its batch into passes, adds up the gradients of their shares of the loss, clips and takes one optimizer
step. Dropout is off. Nothing is drawn at random but the order of the data, and that follows from (seed, epoch); so a
training that was killed goes on from its newest checkpoint and ends, on a CPU, with the very same bytes.

    log = train(load("models/tiny"), records, sft, TrainingSettings(steps=200),
                out=Path("weights"), scratch=Path("scratch"), lineage={"data": dataset.fingerprint})
    log.losses[0], log.losses[-1]        # 2.91, 1.07
"""

import copy
import hashlib
import random
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from regrowth.core.errors import SettingsError
from regrowth.core.files import told
from regrowth.core.record import Record, canonical, digest
from regrowth.training import checkpoints
from regrowth.training.batches import Position, batches
from regrowth.training.body import finished, held, write_beside
from regrowth.training.checkpoints import Checkpoint
from regrowth.training.journal import Journal, Look, OnStep, Reader, TrainingLog, read_lines
from regrowth.training.objectives import STARTING, Objective
from regrowth.training.optimizer import Optimizer, clip
from regrowth.training.policy import vocabulary
from regrowth.training.reference import Remember, beside, kept_in
from regrowth.training.rows import Ints, Rows, tokenize
from regrowth.training.settings import TrainingSettings
from regrowth.training.step import Lens, Spread, gradients, lens, loss_of
from regrowth.training.team import ALONE, Team
from regrowth.weights.loading import Weights, as_it_is, save
from regrowth.weights.template import check_template

__all__ = ["VERSION", "carried_digest", "check_device", "train", "workers"]

VERSION = 2
"""Of the arithmetic; part of the result's name. Raised whenever equal input may give other weights."""

SEEN = 32
"""Records, of the data and of those held out, whose rendering by the chat template is checked."""


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
    models = models or {}
    weights = held(as_it_is(weights), settings)
    seen: list[Record] = []
    rows = _rows(records, weights, objective, seen)
    aside = None if held_out is None else _rows(held_out, weights, objective, seen)
    notes = check_template(weights.codec, seen, accept=accept_template)
    _check(rows, weights, objective, settings, aside)
    _check_models(weights, objective, models)
    identity = _identity(weights, objective, settings, models, (rows, aside), base)
    described = {"objective": objective.to_json(), "settings": settings.to_json()}
    header = {**lineage, **{name: canonical(facts).decode() for name, facts in described.items()}}
    header |= {"template": "; ".join(notes)} if notes else {}
    try:
        scratch.mkdir(parents=True, exist_ok=True)
        recall = remember or kept_in(scratch)
        rows = beside(rows, weights, objective, models, recall, team)
        aside = aside and beside(aside, weights, objective, models, recall, team)
        run = _run(weights, rows, objective, settings, models, aside, team)
        if settings.carry and base is not None:
            _go_on(run, base)
        with Journal(team.place(scratch), _resume(run, scratch, identity)) as journal:
            reader = Reader(journal, on_step, run.look.device)
            _advance(run, reader, lambda: _keep(run, journal, scratch, identity), scratch, stop or (lambda: False))
        log = journal.log(rows, run.looks, run.looks[run.best].step if run.looks else run.step)
        _choose(run, scratch)
        carried = run.whole() if settings.carry else {}
        network = team.gathered(run.network)
        if team.leads:
            if settings.carry:
                checkpoints.write_carried(out, run.steps_before + run.step, carried)
            write_beside(network, settings, out)
            save(finished(network), weights.codec, out, lineage=header)
            log.write(out)
    except OSError as error:
        raise told(error, scratch) from error
    return log


def check_device(device: str) -> None:
    """Raise SettingsError if a device is not there."""
    if device == "cuda" and not torch.cuda.is_available():
        raise SettingsError("device = 'cuda', but torch finds no CUDA device here. Set device = 'cpu'.")


# Before the first step -----------------------------------------------------------------------------------------------


def _rows(part: Iterable[Record] | Rows, weights: Weights, objective: Objective, seen: list[Record]) -> Rows:
    if isinstance(part, Rows):
        return part
    return tokenize(_noted(part, seen), weights.codec, objective, context=weights.context)


def _noted(records: Iterable[Record], seen: list[Record]) -> Iterator[Record]:
    """Pass records on and keep a few of them, drawn evenly, for a closer look; memory holds no more."""
    dice = random.Random(0)
    for number, record in enumerate(records):
        if number < SEEN:
            seen.append(record)
        elif (place := dice.randrange(number + 1)) < SEEN:
            seen[place - SEEN] = record
        yield record


def _check(rows: Rows, weights: Weights, objective: Objective, settings: TrainingSettings, aside: Rows | None) -> None:
    if (largest := int(rows.ids.max())) >= (size := vocabulary(weights.network)):
        raise SettingsError(
            f"The tokenizer makes the id {largest}, the network knows ids below {size}. "
            "They do not belong together; load both from one folder."
        )
    if rows.sides != objective.every_side or missing_columns(rows, objective):
        raise SettingsError(
            f"The rows hold {rows.sides} and {sorted(rows.columns)}, the objective {objective.name!r} reads "
            f"{objective.every_side} and {sorted(objective.columns)}. Make the rows for this objective."
        )
    if bool(settings.evaluate_every) != (aside is not None):
        raise SettingsError(
            "evaluate_every and held-out records belong together: "
            f"evaluate_every = {settings.evaluate_every}, {len(aside or ())} held-out records."
        )


def _check_models(weights: Weights, objective: Objective, models: Mapping[str, Weights]) -> None:
    asked = dict.fromkeys((*objective.models, *objective.teachers))
    if missing := [name for name in asked if name not in models and name not in STARTING]:
        raise SettingsError(f"The objective {objective.name!r} reads the model {missing[0]!r}; name it in `models`.")
    if unknown := [name for name in models if name not in asked]:
        read = ", ".join(asked) or "no other model"
        raise SettingsError(f"models names {unknown[0]!r}; the objective {objective.name!r} reads {read}.")
    for name in set(objective.teachers) & set(models):
        if (found := vocabulary(models[name].network)) != (wanted := vocabulary(weights.network)):
            raise SettingsError(
                f"The {name} knows {found} ids, the model that is trained {wanted}. Logits can only be followed where "
                "both have one tokenizer."
            )


def missing_columns(rows: Rows, objective: Objective) -> set[str]:
    """Return the columns that an objective reads and the rows lack."""
    return set(objective.columns) - set(rows.columns)


def _identity(
    weights: Weights,
    objective: Objective,
    settings: TrainingSettings,
    models: Mapping[str, Weights],
    parts: Sequence[Rows | None],
    base: Path | None,
) -> str:
    others = {name: model.digest for name, model in models.items()}
    data = [part.digest if part else "" for part in parts]
    state = carried_digest(base) if settings.carry and base is not None else ""
    return digest(VERSION, weights.digest, data, objective.to_json(), settings.to_json(), others, state)


def carried_digest(base: Path) -> str:
    """Name the optimizer's state beside some weights."""
    path = base / checkpoints.CARRIED
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.exists() else ""


def _run(
    weights: Weights,
    rows: Rows,
    objective: Objective,
    settings: TrainingSettings,
    models: Mapping[str, Weights],
    held_out: Rows | None,
    team: Team,
) -> _Run:
    teachers = {name: models.get(name) or _frozen(weights) for name in objective.teachers}
    trained = team.prepare(weights.network, settings)
    optimizer = Optimizer.of(settings.optimizer, list(trained.values()), settings.weight_decay)
    look = lens(weights, objective, settings.tokens_per_pass, teachers, team)
    return _Run(weights.network, look, list(trained), optimizer, rows, held_out, settings)


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
    slopes, figures = gradients(run.look, run.rows, records, run.optimizer.weights, spread)
    figures["gradient_norm"] = clip(slopes, run.settings.clip, run.look.team.norm)
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
