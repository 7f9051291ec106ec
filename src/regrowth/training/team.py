"""The processes that train one network: what a step asks of them. Here, a single one; several are in `parallel`.

team.dealt([a, b, c])    [a, c] in the first of two processes; [b, nothing] in the second
team.slopes(loss, trained), team.added({"loss": …})     sums over all of them
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

import torch
from torch import Tensor, nn

from regrowth.training.batches import Pass
from regrowth.training.body import prepare
from regrowth.training.policy import Readout
from regrowth.training.settings import TrainingSettings

__all__ = ["ALONE", "Team"]

T = TypeVar("T")


class Team:
    """One process: it has all passes, all weights and the last word."""

    leads = True
    """Whether this process writes: checkpoints, metrics, the finished weights."""

    def prepare(self, network: nn.Module, settings: TrainingSettings) -> Mapping[str, Tensor]:
        """Set a network up in place; return what this process trains, by name."""
        return prepare(network, settings)

    def inside(self, work: Callable[[], T]) -> T:
        """Do something that reads weights."""
        return work()

    def through(self, read: Readout) -> Readout:
        """Return the same readout with the weights at hand."""
        return read

    def dealt(self, parts: list[Pass]) -> list[Pass]:
        """Return this process's passes."""
        return parts

    def slopes(self, loss: Tensor, trained: Sequence[Tensor]) -> list[Tensor]:
        """Return a pass's gradients, summed over the processes."""
        return list(torch.autograd.grad(loss, trained, allow_unused=True, materialize_grads=True))

    def added(self, figures: dict[str, Tensor]) -> dict[str, Tensor]:
        """Sum figures over the processes."""
        return figures

    def norm(self, norm: Tensor) -> Tensor:
        """Return the Euclidean norm of the whole gradient, given that of this process's part."""
        return norm

    def whole(self, name: str, tensor: Tensor) -> Tensor:
        """Return a tensor shaped like a weight as a whole, given this process's part."""
        return tensor

    def own(self, tensor: Tensor) -> Tensor:
        """Return this process's part of a tensor shaped like a weight."""
        return tensor

    def gathered(self, network: nn.Module) -> nn.Module:
        """Return the network with all its weights in one place, for the process that leads."""
        return network

    def place(self, scratch: Path) -> Path:
        """Return where this process keeps its own files."""
        return scratch

    def agreed(self, step: int) -> None:
        """Raise SettingsError if the processes do not resume at the same step."""


ALONE = Team()
