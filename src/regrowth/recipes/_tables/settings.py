"""The settings of `tables`."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import Field, NonNegativeInt, PositiveFloat, PositiveInt, model_validator

from regrowth.core.settings import Frozen
from regrowth.metrics.columns import Kind

__all__ = ["Model", "Privacy", "Real", "Settings"]


class Model(Frozen):
    """Say which language model writes rows as texts, and how it learns to."""

    name: str = "fresh"
    """`fresh` is a small new network whose tokenizer knows the table's words; or any model with weights here."""
    steps: PositiveInt = 600
    """Training steps."""
    tokens_per_batch: PositiveInt = 4096
    """Tokens of one step."""
    learning_rate: PositiveFloat = 2e-3
    """Its peak; falls along a cosine."""
    lessons: PositiveInt = 4
    """Texts made of each row, each asking for other columns; 1 in private training."""
    order: Literal["table", "random"] = "table"
    """In which order an answer names its columns."""
    temperature: PositiveFloat = 1.0
    """1 draws rows as they were learnt."""
    draws: PositiveInt = 20
    """Rounds of asking again for rows that were refused."""
    records_per_step: PositiveInt = 128
    """Of private training."""
    threads: PositiveInt = 2
    """CPU threads. Does not reach the result."""


class Real(Frozen):
    """Say what of the real table is learnt from."""

    leave_out: tuple[str, ...] = ()
    """Columns that are not made."""
    kinds: Mapping[str, Kind] = {}
    """Of columns that would be taken for something else."""
    holdout: float = Field(default=0.2, ge=0, lt=1)
    """Share of the rows that the generator never sees: what privacy is measured against."""
    most: PositiveInt | None = None
    """Rows to learn from, at most."""


class Privacy(Frozen):
    """Say what is promised to each real row."""

    epsilon: PositiveFloat | None = None
    """Privacy loss, with `private` and `text`; nothing promises nothing."""
    delta: float = Field(default=1e-6, gt=0, lt=1)
    """Probability that `epsilon` does not hold."""
    domain: Mapping[str, tuple[Any, ...]] = {}
    """Bounds of numbers and labels of categories as they are publicly known."""
    noise_seed: NonNegativeInt | None = None
    """Makes the noise repeatable, and takes the protection from all who know the number."""


class Settings(Frozen):
    """Say which table, how many rows, and how they are made."""

    path: Path
    """The real table: CSV, TSV, JSONL or Parquet."""
    rows: PositiveInt = 500
    """Synthetic rows wanted."""
    how: Literal["trees", "private", "text"] = "trees"
    """`trees`: column by column; `private`: noisy counts, a promise to each row; `text`: a language model."""
    conditions: Mapping[str, Any] = {}
    """By column: a value, shares of values (met exactly), or two bounds of a number."""
    constraints: tuple[Mapping[str, Any], ...] = ()
    """What every row must keep: `{"kind": "range", "column": "age", "low": 18, "high": 65}`, and so on."""
    find: bool = False
    """Keep what holds in all real rows, too: ranges, dependencies, numbers that never exceed others."""
    real: Real = Real()
    """What is learnt from."""
    leaf: PositiveInt = 20
    """Of `trees`: real rows that share what a value is drawn from, at least. More copy less."""
    promise: Privacy = Privacy()
    """What is promised to each real row."""
    model: Model = Model()
    """Of `text`."""
    format: Literal["csv", "parquet"] = "csv"
    """Of the file beside the dataset."""
    seed: NonNegativeInt = 0

    @model_validator(mode="after")
    def _goes_together(self) -> Self:
        promised = self.promise.epsilon is not None
        if self.how != "text" and (self.how == "private") != promised:
            raise ValueError("how=private needs promise.epsilon, and how=trees cannot keep one")
        if promised and self.find:
            raise ValueError("find reads constraints off the real rows, which breaks the promise: declare them")
        if promised and self.how == "text" and self.model.lessons > 1:
            raise ValueError("the promise of a text model is made to each lesson: set model.lessons=1")
        return self
