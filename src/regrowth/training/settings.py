"""The settings of a training. Each reaches the result, or says that it does not."""

import math
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, NonNegativeFloat, NonNegativeInt, PositiveFloat, PositiveInt

from regrowth.core.record import Json

__all__ = ["Lora", "PrivateSettings", "TrainingSettings"]

FLOOR = 0.1
"""Where the cosine ends, as a share of the peak: the last batches of a phase still teach."""


class _Settings(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, use_attribute_docstrings=True)


class Lora(_Settings):
    """Say which small matrices are trained in place of the network's own (Hu et al., 2021, arXiv:2106.09685)."""

    rank: PositiveInt = 16
    """Inner width of the two matrices beside each product."""
    alpha: PositiveFloat = 32.0
    """Their product is added alpha / rank times."""
    targets: tuple[str, ...] = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")
    """Last names of the products that get them."""
    bits: Literal[4, 16] = 16
    """16 leaves the frozen weights as they were loaded; 4 rounds them to NF4 for good, and the adapters learn on those
    (QLoRA; Dettmers et al., 2023, arXiv:2305.14314). 4 works in one process only."""


class TrainingSettings(_Settings):
    """Say how a network is trained."""

    steps: PositiveInt = 300
    """Optimizer steps."""
    tokens_per_batch: PositiveInt = 2048
    """Tokens of one optimizer step, prompt and reply together: so many or a little less, give or take a record."""
    learning_rate: PositiveFloat = 1e-3
    """Its peak. 1e-3 suits a few million weights, 1e-5 a few billion; adapters want about five times as much."""
    warmup: NonNegativeInt = 10
    """Steps over which the learning rate climbs in a straight line."""
    schedule: Literal["constant", "cosine"] = "constant"
    """What follows the warm-up: the peak to the end, or a cosine down to a tenth of it at the last step."""
    optimizer: Literal["adamw", "rmsprop"] = "adamw"
    """RMSProp keeps no mean of the gradients: a third less memory, and what SPIN was published with."""
    weight_decay: NonNegativeFloat = 0.01
    """Decoupled decay of matrices; norms are spared."""
    clip: PositiveFloat = 1.0
    """Largest Euclidean norm of the whole gradient; what is longer is scaled down to it."""
    seed: NonNegativeInt = 0
    """Of the data order: the only thing left to chance."""
    tokens_per_pass: PositiveInt = 4096
    """Positions, padding included, that go through the network at once. Bounds the memory: a step that holds more
    adds up the gradients of several passes (equal up to rounding)."""
    lora: Lora | None = None
    """Train low-rank matrices beside the weights and add them in at the end. None trains all weights."""
    carry: bool = False
    """Begin with the optimizer's state that the base was saved with, if any, and save it: rounds of one training."""
    evaluate_every: NonNegativeInt = 0
    """Steps between looks at the held-out records; 0 never looks, and keeps the last weights."""
    watch: str = "loss"
    """By which figure of the held-out records the best weights are kept: `loss` (lower is better) or a fact of the
    objective, e.g. `accuracy` (higher is better)."""
    patience: NonNegativeInt = 0
    """Looks in a row without a better figure after which the training stops; 0 never stops early."""
    recompute: bool = False
    """Make each layer's inner values again for the gradient instead of keeping them: less memory, a third more work."""
    compile: bool = False
    """Have `torch.compile` fuse the layers, in one process: minutes at the start, faster steps on a GPU; last bits may
    differ."""
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


class PrivateSettings(TrainingSettings):
    """Say how a network is trained with differential privacy (DP-SGD; Abadi et al., 2016, arXiv:1607.00133).

    Two data sets that differ in one record give nearly the same weights: no outcome is more than e^epsilon times as
    likely under one of them, but for a probability of delta. The unit that is protected is the record. The batch is
    not of `tokens_per_batch`: every record takes part in a step by a coin of its own.
    """

    epsilon: PositiveFloat
    """Largest privacy loss of the whole training, in nats. 1 is strong, 8 is common, 100 protects little."""
    delta: float = Field(default=1e-5, gt=0, lt=1)
    """Probability that epsilon does not hold; must be below one by the number of records."""
    records_per_step: PositiveInt = 64
    """Records of a step, on average (Poisson sampling). More of them drown the noise better."""
    clip: PositiveFloat = 1.0
    """Largest Euclidean norm of one record's gradient; what is longer is scaled down to it."""
    accountant: Literal["rdp", "prv"] = "rdp"
    """How the privacy loss adds up: Rényi (an upper bound), or numerically (a tighter one, slower to find)."""
    noise_seed: NonNegativeInt | None = None
    """None: the noise comes from a secret key in the scratch folder, so a training that was killed goes on alike and
    two trainings never are. A number makes it repeatable, and takes the protection from all who know the number."""

    def to_json(self) -> dict[str, Json]:
        """Return every setting that reaches the result, as plain JSON data."""
        return self.model_dump(mode="json", exclude={"checkpoint_every", "threads", "tokens_per_batch"})
