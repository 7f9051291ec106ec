"""What a training begins with: rows out of records, and the checks that all of it belongs together.

Everything that can be wrong with what was asked for is told here, before the first step and before the first file.
"""

import hashlib
import random
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

import torch

from regrowth.core.errors import DataError, SettingsError
from regrowth.core.record import Record, canonical, digest
from regrowth.training import checkpoints
from regrowth.training.body import held
from regrowth.training.objectives import STARTING, Objective
from regrowth.training.policy import vocabulary
from regrowth.training.reference import Remember, beside
from regrowth.training.rows import Rows, tokenize
from regrowth.training.settings import TrainingSettings
from regrowth.training.team import Team
from regrowth.weights.loading import Weights, as_it_is
from regrowth.weights.template import check_template

__all__ = ["VERSION", "Task", "carried_digest", "check_device"]

VERSION = 2
"""Of the arithmetic; part of the result's name. Raised whenever equal input may give other weights."""

SEEN = 32
"""Records, of the data and of those held out, whose rendering by the chat template is checked."""


@dataclass(frozen=True)
class Task:
    """Hold all that reaches the result of a training."""

    weights: Weights
    rows: Rows
    held_out: Rows | None
    objective: Objective
    settings: TrainingSettings
    models: Mapping[str, Weights]
    base: Path | None
    """The folder of the weights, where `carry` finds the optimizer's state."""
    notes: tuple[str, ...]
    """What has to be known about the chat template."""

    @classmethod
    def of(
        cls,
        weights: Weights,
        records: Iterable[Record] | Rows,
        objective: Objective,
        settings: TrainingSettings,
        *,
        models: Mapping[str, Weights],
        held_out: Iterable[Record] | Rows | None,
        base: Path | None,
        accept_template: bool,
    ) -> Self:
        """Take in what was asked for.

        Raises:
            DataError: no record can be trained on.
            SettingsError: something does not belong together.
        """
        weights, seen = held(as_it_is(weights), settings), list[Record]()
        rows = _rows(records, weights, objective, seen)
        try:
            aside = None if held_out is None else _rows(held_out, weights, objective, seen)
        except DataError as error:
            raise DataError(f"Of the held-out records: {error}") from error
        notes = check_template(weights.codec, seen, accept=accept_template)
        _check(rows, weights, objective, settings, aside)
        _check_models(weights, objective, models)
        return cls(weights, rows, aside, objective, settings, models, base, notes)

    @property
    def identity(self) -> str:
        """Name the training: equal tasks resume from each other's checkpoints and end with equal weights."""
        others = {name: model.digest for name, model in self.models.items()}
        data = [part.digest if part else "" for part in (self.rows, self.held_out)]
        state = carried_digest(self.base) if self.settings.carry and self.base is not None else ""
        how = (self.objective.to_json(), self.settings.to_json())
        return digest(VERSION, self.weights.digest, data, *how, others, state)

    def header(self, lineage: Mapping[str, str]) -> dict[str, str]:
        """Return what the header of the trained weights says of where they come from."""
        how = {"objective": self.objective.to_json(), "settings": self.settings.to_json()}
        told = {**lineage, **{name: canonical(facts).decode() for name, facts in how.items()}}
        return told | ({"template": "; ".join(self.notes)} if self.notes else {})

    def beside(self, recall: Remember, team: Team) -> Self:
        """Return the task with other models' log-probabilities beside its rows."""
        what = (self.weights, self.objective, self.models, recall, team)
        rows = beside(self.rows, *what)
        return replace(self, rows=rows, held_out=self.held_out and beside(self.held_out, *what))


def check_device(device: str) -> None:
    """Raise SettingsError if a device is not there."""
    if device == "cuda" and not torch.cuda.is_available():
        raise SettingsError("device = 'cuda', but torch finds no CUDA device here. Set device = 'cpu'.")


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


def carried_digest(base: Path) -> str:
    """Name the optimizer's state beside some weights."""
    path = base / checkpoints.CARRIED
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.exists() else ""
