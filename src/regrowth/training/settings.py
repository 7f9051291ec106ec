"""The settings of a training: twelve fields, each of which reaches the result or says that it does not."""

import math
from typing import Literal

from pydantic import BaseModel, ConfigDict, NonNegativeFloat, NonNegativeInt, PositiveFloat, PositiveInt

from regrowth.core.record import Json

__all__ = ["TrainingSettings"]

FLOOR = 0.1
"""Where the cosine ends, as a share of the peak: the last batches of a phase still teach."""


class TrainingSettings(BaseModel):
    """Say how a network is trained."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, use_attribute_docstrings=True)

    steps: PositiveInt = 300
    """Optimizer steps."""
    tokens_per_batch: PositiveInt = 2048
    """Tokens of one optimizer step, prompt and reply together: so many or a little less, give or take a record."""
    learning_rate: PositiveFloat = 1e-3
    """Its peak. 1e-3 suits a few million weights, 1e-5 a few billion."""
    warmup: NonNegativeInt = 10
    """Steps over which the learning rate climbs in a straight line."""
    schedule: Literal["constant", "cosine"] = "constant"
    """What follows the warm-up: the peak to the end, or a cosine down to a tenth of it at the last step."""
    weight_decay: NonNegativeFloat = 0.01
    """Decoupled decay of matrices; norms are spared."""
    clip: PositiveFloat = 1.0
    """Largest Euclidean norm of the whole gradient; what is longer is scaled down to it."""
    seed: NonNegativeInt = 0
    """Of the data order: the only thing left to chance."""
    tokens_per_pass: PositiveInt = 4096
    """Positions, padding included, that go through the network at once. Bounds the memory: a step that holds more
    adds up the gradients of several passes (equal up to rounding)."""
    checkpoint_every: PositiveInt = 50
    """Steps between checkpoints. Does not reach the result."""
    threads: PositiveInt = 2
    """CPU threads, one pass each; a thread holds gradients of its own. Does not reach the result."""
    device: Literal["cpu", "cuda"] = "cpu"
    """`cpu` computes in fp32, `cuda` in bf16 with fp32 weights. Read by `fit`; `train` stays where the network is."""

    def to_json(self) -> dict[str, Json]:
        """Return every setting that reaches the result, as plain JSON data."""
        return self.model_dump(mode="json", exclude={"checkpoint_every", "threads"})

    def rate_at(self, step: int) -> float:
        """Return the learning rate of a step, counted from 1."""
        rise = min(1.0, step / self.warmup) if self.warmup else 1.0
        return self.learning_rate * rise * self._fall(step)

    def _fall(self, step: int) -> float:
        if self.schedule == "constant" or step <= self.warmup:
            return 1.0
        share = (step - self.warmup) / max(1, self.steps - self.warmup)
        return FLOOR + (1 - FLOOR) * (1 + math.cos(math.pi * min(1.0, share))) / 2
