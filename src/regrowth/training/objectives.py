"""What a training minimises: one pure function per method.

An objective sees the policy's log-probabilities of the trained tokens, padding-free, and returns its share of the
step's loss. A step may go through the network in several passes; their shares add up to the loss of the whole step,
because every mean is taken over the counts of the *step*, which are known before the first pass.

A further method is one more function. Unlikelihood of the worse answers (Welleck et al., 2019, arXiv:1908.04319):

    def unlikelihood(view: View) -> Loss:
        bad = view["rejected"]
        unlikely_N = torch.log1p(-bad.logprobs_N.exp().clamp(max=1 - 1e-6))
        return Loss(-unlikely_N.sum() / bad.tokens_in_step)

    train(weights, records, Objective("unlikelihood", unlikelihood, sides=("rejected",)), ...)
"""
# ruff: noqa: N802, N815 -- axes stand in the names of tensors

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from torch import Tensor

from regrowth.core.errors import SettingsError
from regrowth.core.record import Json

__all__ = ["Loss", "LossFunction", "Objective", "Side", "View", "sft"]

SIDES = ("response", "rejected")
"""Replies that a record can hold."""

# B: records of a pass, N: trained tokens of one side of a pass.


@dataclass(frozen=True, slots=True)
class Side:
    """One reply of every record of a pass, as the policy sees it."""

    logprobs_N: Tensor
    """Natural log-probability of each trained token given what stands before it."""
    rows_N: Tensor
    """Which record of the pass each token belongs to: 0 … B - 1, ascending."""
    tokens_in_step: int
    """Trained tokens of this side in the whole step, all its passes together."""

    def sums_B(self, records: int) -> Tensor:
        """Return the log-probability of each whole reply."""
        return self.logprobs_N.new_zeros(records).index_add(0, self.rows_N, self.logprobs_N)


@dataclass(frozen=True, slots=True)
class View:
    """What an objective sees of one pass."""

    sides: Mapping[str, Side]
    """By the name of the record's field: `response`, `rejected`."""
    records: int
    """Records of this pass."""
    records_in_step: int
    """Records of the whole step."""

    def __getitem__(self, side: str) -> Side:
        return self.sides[side]


@dataclass(frozen=True, slots=True)
class Loss:
    """One pass's share of the step's loss. All shares, of the value and of each fact, are added up."""

    value: Tensor
    """Scalar, in nats."""
    facts: Mapping[str, Tensor] = field(default_factory=dict)
    """Scalars worth watching; no gradient flows through them."""


LossFunction: TypeAlias = Callable[[View], Loss]


@dataclass(frozen=True, slots=True)
class Objective:
    """Name a loss and say what it reads of a record."""

    name: str
    """Reaches the key of the effect: another loss has another name, or other parameters."""
    loss: LossFunction
    sides: tuple[str, ...] = ("response",)
    """Replies that go through the network. A record that lacks one is skipped and reported."""
    parameters: Mapping[str, Json] = field(default_factory=dict)
    """What shapes the loss besides its name, e.g. `{"beta": 0.1}`."""
    needs_reference: bool = False
    """Whether the loss reads log-probabilities of the model that the training starts from."""

    def __post_init__(self) -> None:
        if unknown := [side for side in self.sides if side not in SIDES]:
            raise SettingsError(f"The objective {self.name!r} reads {unknown[0]!r} of a record; it has {SIDES}.")

    def to_json(self) -> dict[str, Json]:
        """Return what names the objective as plain JSON data."""
        return {"name": self.name, "parameters": dict(self.parameters), "sides": list(self.sides)}


def negative_log_likelihood(view: View) -> Loss:
    """Return the mean negative log-likelihood per reply token of the step.

    L = -1/N Σ_n log p(token_n | prompt and reply before it); N counts the reply tokens of the whole step, each
    reply's end token included. Maximum likelihood; no source needed.
    """
    reply = view["response"]
    probability = reply.logprobs_N.detach().exp().sum() / reply.tokens_in_step
    return Loss(-reply.logprobs_N.sum() / reply.tokens_in_step, {"probability": probability})


sft = Objective("sft", negative_log_likelihood)
"""Supervised fine-tuning: every token of the reply counts the same, the prompt not at all."""
