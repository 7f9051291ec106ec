"""One training as a settings file: the same for one process, for several, and for the recipe `fine_tune`.

model = "tiny"                       # or hf:org/name, or a folder
data = "pairs.jsonl"
out = "weights"
objective = "dpo"
parameters = { beta = 0.1 }

[training]
steps = 200
learning_rate = 3e-4

With `epsilon` in [training] the training is private (`PrivateSettings`):

[training]
steps = 150
epsilon = 8
delta = 1e-5
"""

import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from pydantic import Field, ValidationError, field_validator

import regrowth
from regrowth.core import layouts
from regrowth.core.dataset import Dataset
from regrowth.core.errors import DataError, SettingsError
from regrowth.core.record import Record, digest
from regrowth.core.settings import Frozen
from regrowth.training.settings import PrivateSettings, TrainingSettings

__all__ = ["Job", "place", "read_job", "records_of"]

PRIVATE = frozenset(PrivateSettings.model_fields) - frozenset(TrainingSettings.model_fields)
"""Settings that only a private training has."""


class Job(Frozen):
    """Say what is trained on what, and how."""

    model: str = "tiny"
    """The weights to start from: `tiny`, `hf:org/name` or a folder."""
    data: Path
    """.jsonl, .json, .csv or .parquet file of records, or the folder of a dataset."""
    held_out: Path | None = None
    """The same of records to look at every `training.evaluate_every` steps; the weights of the best look are kept."""
    layout: str | None = None
    """Layout of both files; the first row tells it if none is named."""
    columns: Mapping[str, str] = Field(default_factory=dict)
    """Which of the files' columns to take for one of the layout's: `{prompt = "question"}`."""
    objective: str = "sft"
    """What is minimised; docs/objectives.md lists all."""
    parameters: Mapping[str, bool | int | float | str | tuple[str, ...]] = Field(default_factory=dict)
    """Of the objective: `{beta = 0.1}`."""
    models: Mapping[str, str] = Field(default_factory=dict)
    """The objective's other models: `{teacher = "./teacher"}`. A reference that is not named is `model` itself."""
    training: TrainingSettings | PrivateSettings = TrainingSettings()
    """Steps, learning rate, LoRA and the rest; with `epsilon` and `delta`, differential privacy besides."""
    accept_template: bool = False
    """Train although the model's chat template writes answers otherwise than they are trained."""
    out: Path | None = None
    """New folder that the trained weights are copied to; they are in the run in any case."""

    @field_validator("training", mode="before")
    @classmethod
    def _told_apart(cls, values: Any) -> Any:
        """Read settings as private ones where one of them is only theirs, so that errors speak of one kind alone."""
        if not isinstance(values, Mapping):
            return values
        private = PRIVATE.intersection(values)
        return (PrivateSettings if private else TrainingSettings).model_validate(values)


def read_job(file: Path) -> Job:
    """Read a job from a TOML file.

    Raises:
        DataError: the file cannot be read.
        SettingsError: it names something that there is not, or lacks something that must be.
    """
    try:
        values = tomllib.loads(file.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise DataError(f"{file}: not a TOML file that can be read ({error}).") from error
    try:
        return Job.model_validate(values)
    except ValidationError as error:
        problems = "; ".join(f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors())
        raise SettingsError(f"{file}: {problems}") from None


def records_of(path: Path, job: Job) -> tuple[Iterable[Record], str]:
    """Return the records of a file or a dataset, and what names them.

    Raises:
        DataError: it cannot be read.
    """
    if path.is_dir():
        dataset = Dataset(path)
        return dataset, dataset.fingerprint
    records = list(layouts.read(path, layout=job.layout, columns=job.columns))
    return records, digest("records", [record.id for record in records])


def place(model: str) -> str:
    """Return the folder, or the hub's name, that a model's name means."""
    packaged = Path(regrowth.__file__).parent / "models" / "tiny_weights"
    return str(packaged) if model == "tiny" else model.removeprefix("hf:")
