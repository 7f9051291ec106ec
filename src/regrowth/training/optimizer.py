"""AdamW and RMSProp, with their state in the open.

Sources: Loshchilov and Hutter, 2019, arXiv:1711.05101 (betas 0.9 and 0.95); Tieleman and Hinton, 2012 (alpha 0.99).
Matrices decay, decoupled from the gradient under both; norms do not. torch's own kernels do the arithmetic. Its
classes are not used: making one imports torch's compiler, a second of CPU time that nothing here needs.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor
from torch.optim.adamw import adamw
from torch.optim.rmsprop import rmsprop

__all__ = ["Optimizer", "clip"]

BETAS = (0.9, 0.95)
ALPHA = 0.99
EPSILON = 1e-8
STATES = {"adamw": ("first moment", "second moment"), "rmsprop": ("second moment",)}


@dataclass(frozen=True, slots=True)
class Optimizer:
    """Hold weights and the running moments of their gradients, in one order."""

    kind: Literal["adamw", "rmsprop"]
    weights: Sequence[Tensor]
    moments: Mapping[str, Sequence[Tensor]]
    """Running means: of the gradients (`first moment`), of their squares (`second moment`)."""
    decay: float

    @classmethod
    def of(cls, kind: Literal["adamw", "rmsprop"], weights: Sequence[Tensor], decay: float) -> "Optimizer":
        """Start with moments of zero."""
        moments = {name: [torch.zeros_like(weight.detach()) for weight in weights] for name in STATES[kind]}
        return cls(kind, weights, moments, decay)

    @torch.no_grad()
    def update(self, gradients: Sequence[Tensor], *, rate: float, steps_before: int) -> None:
        """Take one step at a learning rate, in place."""
        matrices = [weight.ndim >= 2 for weight in self.weights]
        for kind in (True, False):
            places = [place for place, matrix in enumerate(matrices) if matrix == kind]
            if places:
                step = _adamw if self.kind == "adamw" else _rmsprop
                moments = {name: [every[place] for place in places] for name, every in self.moments.items()}
                weights, slopes = ([every[place] for place in places] for every in (self.weights, gradients))
                step(weights, slopes, moments, rate, self.decay if kind else 0.0, steps_before)


def _adamw(
    weights: list[Tensor],
    slopes: list[Tensor],
    moments: Mapping[str, list[Tensor]],
    rate: float,
    decay: float,
    steps_before: int,
) -> None:
    adamw(
        weights,
        slopes,
        moments["first moment"],
        moments["second moment"],
        [],
        _steps(weights, steps_before),
        fused=True,
        amsgrad=False,
        beta1=BETAS[0],
        beta2=BETAS[1],
        lr=rate,
        weight_decay=decay,
        eps=EPSILON,
        maximize=False,
    )


def _rmsprop(
    weights: list[Tensor],
    slopes: list[Tensor],
    moments: Mapping[str, list[Tensor]],
    rate: float,
    decay: float,
    steps_before: int,
) -> None:
    torch._foreach_mul_(weights, 1 - rate * decay)
    rmsprop(
        weights,
        slopes,
        moments["second moment"],
        [],
        [],
        _steps(weights, steps_before),
        foreach=True,
        lr=rate,
        alpha=ALPHA,
        eps=EPSILON,
        weight_decay=0.0,
        momentum=0.0,
        centered=False,
    )


def _steps(weights: Sequence[Tensor], steps_before: int) -> list[Tensor]:
    return [torch.full((), float(steps_before), device=weight.device) for weight in weights]


@torch.no_grad()
def clip(gradients: Sequence[Tensor], limit: float, whole: Callable[[Tensor], Tensor] = lambda norm: norm) -> Tensor:
    """Scale gradients down, in place, to a Euclidean norm of `limit` at most; return the norm before.

    Args:
        whole: returns the norm of all processes' gradients, given that of these.
    """
    norms = torch.stack([torch.linalg.vector_norm(gradient) for gradient in gradients])
    norm = whole(torch.linalg.vector_norm(norms))
    scale = (limit / (norm + 1e-6)).clamp(max=1.0)
    for gradient in gradients:
        gradient.mul_(scale)
    return norm
