"""One optimizer step's worth of looking: what an objective sees of the records of a batch.

A batch is cut into passes. Each gives its share of the step's loss and gradients; the shares add up, whichever way
the batch was cut and whoever computed them.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import partial
from typing import TypeAlias

import torch
from torch import Tensor

from regrowth.training.batches import Pass, passes
from regrowth.training.objectives.view import Loss, Objective, Side, View
from regrowth.training.policy import Readout, logits, picked, policy, readout, values
from regrowth.training.rows import Ints, Rows
from regrowth.training.team import ALONE, Team
from regrowth.weights.loading import Weights

__all__ = ["Lens", "Shares", "Spread", "gradients", "lens", "loss_of"]

PASS_PRICE = {"cpu": 64, "cuda": 1024}
"""What a pass costs besides its positions, in positions: launches, and the weights' and gradients' way to memory."""

Shares: TypeAlias = tuple[list[Tensor], dict[str, Tensor]]
"""Gradients and figures."""
Spread: TypeAlias = Callable[[Callable[[Pass], Shares], Iterable[Pass]], Iterable[Shares]]
"""A `map` that may share its work out."""


@dataclass(frozen=True)
class Lens:
    """See rows as an objective wants to see them, through a network and its teachers."""

    objective: Objective
    read: Readout
    teachers: Mapping[str, Readout]
    device: torch.device
    pad: int
    tokens_per_pass: int
    team: Team = ALONE

    def passes(self, rows: Rows, records: Ints, sides: Sequence[str]) -> list[Pass]:
        """Cut records into passes; return those of this process."""
        price = PASS_PRICE[self.device.type]
        whole = bool(self.objective.head)
        parts = passes(rows, records, sides, tokens=self.tokens_per_pass, price=price, pad=self.pad, whole=whole)
        return self.team.dealt(parts)

    def view(self, part: Pass, sides: Sequence[str], step: "Counts", totals: Mapping[str, Tensor]) -> View:
        """Send a pass through the networks and sort what comes out by side."""
        part = part.to(self.device)
        with precision(self.device):
            outputs = readout(part, self.read)
            with torch.no_grad():
                taught = {name: readout(part, read) for name, read in self.teachers.items()}
        seen: dict[str, Tensor] = {"rows_N": part.rows_N}
        if self.objective.head:
            seen |= {"values_NA": outputs, "logprobs_N": outputs.new_empty(len(outputs), 0)}
        elif self.teachers:
            seen |= {"logits_NV": outputs, "logprobs_N": picked(outputs, readout(part, lambda block: block.targets_N))}
        else:
            seen |= {"logprobs_N": outputs}
        cut = [_by_side(group, part.counts) for group in (seen, part.under, taught)]
        made = {
            side: Side(**own, tokens_in_step=step.tokens[side], replies_in_step=step.replies[side], under=u, taught=t)
            for side, own, u, t in zip(sides, *cut, strict=True)
        }
        return View(made, part.records, step.records, part.columns, totals)


def _by_side(tensors: Mapping[str, Tensor], counts: Sequence[int]) -> list[dict[str, Tensor]]:
    """Cut tensors along N into the sides that stand beside each other there."""
    pieces = {name: torch.split(tensor, list(counts)) for name, tensor in tensors.items()}
    return [{name: cut[place] for name, cut in pieces.items()} for place in range(len(counts))]


@dataclass(frozen=True, slots=True)
class Counts:
    """What means are taken over: known of a whole step before its first pass."""

    tokens: Mapping[str, int]
    replies: Mapping[str, int]
    records: int

    @classmethod
    def of(cls, rows: Rows, records: Ints) -> "Counts":
        """Count trained tokens and replies by side."""
        tokens = rows.counts[records].sum(axis=0).tolist()
        replies = (rows.sizes[records] > 0).sum(axis=0).tolist()
        return cls(
            dict(zip(rows.sides, tokens, strict=True)), dict(zip(rows.sides, replies, strict=True)), len(records)
        )


def lens(
    weights: Weights,
    objective: Objective,
    tokens_per_pass: int,
    teachers: Mapping[str, Weights],
    team: Team = ALONE,
) -> Lens:
    """Choose what is read off the network for an objective.

    Raises:
        SettingsError: it trains a head, and the network has none.
    """
    network = weights.network
    how = values if objective.head else logits if teachers else policy
    read = team.through(team.inside(lambda: how(network)))
    taught = {name: logits(teacher.network) for name, teacher in teachers.items()}
    return Lens(objective, read, taught, next(network.parameters()).device, weights.codec.pad, tokens_per_pass, team)


def gradients(look: Lens, rows: Rows, records: Ints, trained: Sequence[Tensor], spread: Spread = map) -> Shares:
    """Return a step's gradients and figures, added up over its passes."""
    counts = Counts.of(rows, records)
    totals = _totals(look, rows, records, counts)
    work = partial(_share, look, trained, counts, totals)
    # Shares come back in the order of the passes, whichever thread was faster: a sum in another order rounds otherwise.
    shares = iter(spread(work, look.passes(rows, records, look.objective.sides)))
    slopes, figures = next(shares)
    for more, others in shares:
        torch._foreach_add_(slopes, more)
        figures = {name: value + others[name] for name, value in figures.items()}
    return slopes, look.team.added(figures)


@torch.no_grad()
def loss_of(look: Lens, rows: Rows, records: Ints) -> dict[str, Tensor]:
    """Return the figures of a step without a gradient."""
    counts = Counts.of(rows, records)
    totals = _totals(look, rows, records, counts)
    figures: dict[str, Tensor] = {}
    for part in look.passes(rows, records, look.objective.sides):
        found = _told(look.objective.loss(look.view(part, look.objective.sides, counts, totals)))
        figures = {name: value + figures.get(name, 0.0) for name, value in found.items()}
    return look.team.added(figures)


def precision(device: torch.device) -> AbstractContextManager[object]:
    """Compute in bf16 on a GPU, in what the weights are in elsewhere."""
    return torch.autocast("cuda", torch.bfloat16) if device.type == "cuda" else nullcontext()


@torch.no_grad()
def _totals(look: Lens, rows: Rows, records: Ints, counts: Counts) -> Mapping[str, Tensor]:
    """Return what the objective must know of the whole step first."""
    prelude = look.objective.prelude
    if prelude is None:
        return {}
    totals: dict[str, Tensor] = {}
    for part in look.passes(rows, records, prelude.sides):
        for name, share in prelude.totals(look.view(part, prelude.sides, counts, {})).items():
            totals[name] = totals[name] + share if name in totals else share
    return look.team.added(totals)


def _share(look: Lens, trained: Sequence[Tensor], counts: Counts, totals: Mapping[str, Tensor], part: Pass) -> Shares:
    """Return one pass's share of a step's gradients and figures."""
    loss = look.objective.loss(look.view(part, look.objective.sides, counts, totals))
    return look.team.slopes(loss.value, trained), _told(loss)


def _told(loss: Loss) -> dict[str, Tensor]:
    return {name: value.detach() for name, value in {"loss": loss.value, **loss.facts}.items()}
