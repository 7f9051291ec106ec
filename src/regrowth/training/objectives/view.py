"""What an objective is, and what it sees of one pass.

A step may go through the network in several passes. An objective returns a pass's *share* of the step's loss; shares
add up, because every mean is taken over the counts of the step, which are known before the first pass.

    lengths      B: records of a pass, N: trained tokens of one side, V: ids, A: outputs of a head
    sides        response      "Tom has 7 pens."     the better, or the only, reply
                 rejected      "Tom has 8 pens."     the worse one
                 unrelated     "Lima."               the response of another record
"""
# ruff: noqa: N802, N803, N806, N815 -- axes stand in the names of tensors

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from torch import Tensor

from regrowth.core.errors import SettingsError
from regrowth.core.record import Json

__all__ = ["SIDES", "STARTING", "Loss", "LossFunction", "Objective", "Prelude", "Side", "Trains", "View"]

SIDES = ("response", "rejected", "unrelated")
"""Replies that a record can hold; `unrelated` is made when records become tokens."""

STARTING = ("reference", "old")
"""Names of other models that mean, unless the caller says otherwise, the model that the training starts from."""

Trains: TypeAlias = Literal["reply", "assistant", "everything"]
"""Which tokens are trained: the reply; all that the assistant says; the prompt too, as knowledge."""


@dataclass(frozen=True, slots=True)
class Side:
    """One reply of the records of a pass, as the networks see it."""

    logprobs_N: Tensor
    """Natural log-probability of each trained token given what stands before it. Empty under a head."""
    rows_N: Tensor
    """Which record of the pass each token belongs to: 0 … B - 1, ascending."""
    tokens_in_step: int
    """Trained tokens of this side in the whole step, all its passes together."""
    replies_in_step: int = 0
    """Replies of this side in the whole step; fewer than records, where it may be missing."""
    under: Mapping[str, Tensor] = field(default_factory=dict)
    """The same tokens' log-probabilities under other models [N], by name: `reference`, `persona` …"""
    logits_NV: Tensor | None = None
    """The policy's logits, for objectives with teachers."""
    taught: Mapping[str, Tensor] = field(default_factory=dict)
    """The teachers' logits [N, V], by name."""
    values_NA: Tensor | None = None
    """What the head says at the end of each reply: one row per reply, in the order of `rows_N`."""

    def sums_B(self, records: int, values_N: Tensor | None = None) -> Tensor:
        """Add up values per record; by default the log-probabilities of each whole reply."""
        chosen_N = self.logprobs_N if values_N is None else values_N
        return chosen_N.new_zeros(records).index_add(0, self.rows_N, chosen_N)

    def lengths_B(self, records: int) -> Tensor:
        """Return the trained tokens of each reply."""
        return self.sums_B(records, self.logprobs_N.new_ones(self.rows_N.shape))

    def gains_N(self, model: str = "reference") -> Tensor:
        """Return log policy - log model of each token, in nats."""
        return self.logprobs_N - self.under[model]

    def outputs_BA(self, records: int) -> Tensor:
        """Return the head's outputs by record; zero where this side is missing."""
        assert self.values_NA is not None, "the objective names no head"
        return self.values_NA.new_zeros(records, self.values_NA.shape[1]).index_copy(0, self.rows_N, self.values_NA)


@dataclass(frozen=True, slots=True)
class View:
    """What an objective sees of one pass."""

    sides: Mapping[str, Side]
    """By name."""
    records: int
    """Records of this pass."""
    records_in_step: int
    """Records of the whole step."""
    columns: Mapping[str, Tensor] = field(default_factory=dict)
    """One number per record [B], by name: margins, reward gaps, advantages. NaN: not known."""
    totals: Mapping[str, Tensor] = field(default_factory=dict)
    """What the prelude found out about the whole step."""

    def __getitem__(self, side: str) -> Side:
        return self.sides[side]

    def logprobs_B(self, side: str) -> Tensor:
        """Return the log-probability of each whole reply of a side."""
        return self.sides[side].sums_B(self.records)

    def lengths_B(self, side: str) -> Tensor:
        """Return the trained tokens of each reply of a side."""
        return self.sides[side].lengths_B(self.records)

    def gains_B(self, side: str, model: str = "reference") -> Tensor:
        """Return log policy - log model of each whole reply of a side."""
        return self.sides[side].sums_B(self.records, self.sides[side].gains_N(model))

    def mean(self, values_B: Tensor) -> Tensor:
        """Return this pass's share of a mean over the records of the step."""
        return values_B.sum() / self.records_in_step


@dataclass(frozen=True, slots=True)
class Loss:
    """One pass's share of the step's loss. All shares, of the value and of each fact, are added up."""

    value: Tensor
    """Scalar, in nats."""
    facts: Mapping[str, Tensor] = field(default_factory=dict)
    """Scalars worth watching; no gradient flows through them."""


LossFunction: TypeAlias = Callable[[View], Loss]


@dataclass(frozen=True, slots=True)
class Prelude:
    """What must be known of a whole step before its first loss: computed without gradients."""

    sides: tuple[str, ...]
    """Replies it reads."""
    totals: Callable[[View], Mapping[str, Tensor]]
    """Returns one pass's share of each total."""


@dataclass(frozen=True, slots=True)
class Objective:
    """Name a loss and say what it reads."""

    name: str
    """Reaches the key of the effect: another loss has another name, or other parameters."""
    loss: LossFunction
    sides: tuple[str, ...] = ("response",)
    """Replies that go through the network with a gradient."""
    optional: tuple[str, ...] = ()
    """Those of them that a record may lack. One that lacks any other is skipped and reported."""
    parameters: Mapping[str, Json] = field(default_factory=dict)
    """What shapes the loss besides its name, e.g. `{"beta": 0.1}`."""
    models: tuple[str, ...] = ()
    """Other models whose log-probabilities it reads, computed once, before the first step."""
    teachers: tuple[str, ...] = ()
    """Other models whose logits it reads, computed with every pass."""
    columns: Mapping[str, float | None] = field(default_factory=dict)
    """Numbers it reads of a record's scores or attributes, and what stands for one that is missing; None: the record
    is skipped and reported."""
    head: tuple[str, ...] = ()
    """Outputs of the head that it trains in place of the language model's: `("reward",)`, five attributes …"""
    trains: Trains = "reply"
    """Which tokens are trained."""
    prelude: Prelude | None = None
    """What it must know of the whole step, if anything."""

    def __post_init__(self) -> None:
        if unknown := [side for side in self.every_side if side not in SIDES]:
            raise SettingsError(f"The objective {self.name!r} reads {unknown[0]!r} of a record; it has {SIDES}.")
        if self.head and (self.models or self.teachers):
            raise SettingsError(f"The objective {self.name!r} trains a head; no other model can be read beside it.")
        if self.trains != "reply" and self.sides != ("response",):
            raise SettingsError(f"The objective {self.name!r} trains more than the reply, so it has one side only.")

    @property
    def every_side(self) -> tuple[str, ...]:
        """Return the sides of loss and prelude, each once."""
        return tuple(dict.fromkeys((*self.sides, *(self.prelude.sides if self.prelude else ()))))

    def to_json(self) -> dict[str, Json]:
        """Return what names the objective as plain JSON data."""
        known = {
            name: "nan" if value is not None and math.isnan(value) else value for name, value in self.columns.items()
        }
        more: dict[str, Json] = {
            "optional": list(self.optional),
            "models": list(self.models),
            "teachers": list(self.teachers),
            "columns": known,
            "head": list(self.head),
            "prelude": list(self.prelude.sides) if self.prelude else [],
        }
        return {
            "name": self.name,
            "parameters": dict(self.parameters),
            "sides": list(self.sides),
            "trains": self.trains,
            **{name: value for name, value in more.items() if value},
        }
