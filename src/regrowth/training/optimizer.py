"""AdamW, with its state in the open.

Source: Loshchilov and Hutter, 2019, arXiv:1711.05101. Betas 0.9 and 0.95; matrices decay, norms do not. One fused
kernel does the arithmetic. The class of the same name in torch is not used: making one imports torch's compiler, a
second of CPU time that nothing here needs.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.optim.adamw import adamw

__all__ = ["AdamW", "clip"]

BETAS = (0.9, 0.95)
EPSILON = 1e-8


@dataclass(frozen=True, slots=True)
class AdamW:
    """Hold weights and the running moments of their gradients, in one order."""

    weights: Sequence[Tensor]
    first: Sequence[Tensor]
    """Running means of the gradients."""
    second: Sequence[Tensor]
    """Running means of their squares."""
    decay: float

    @classmethod
    def of(cls, weights: Sequence[Tensor], decay: float) -> "AdamW":
        """Start with moments of zero."""
        first, second = ([torch.zeros_like(weight.detach()) for weight in weights] for _ in range(2))
        return cls(weights, first, second, decay)

    @torch.no_grad()
    def update(self, gradients: Sequence[Tensor], *, rate: float, steps_before: int) -> None:
        """Take one step at a learning rate, in place."""
        every = list(zip(self.weights, gradients, self.first, self.second, strict=True))
        for matrices in (True, False):
            chosen = [four for four in every if (four[0].ndim >= 2) == matrices]
            if not chosen:
                continue
            weights, slopes, first, second = (list(column) for column in zip(*chosen, strict=True))
            adamw(
                weights,
                slopes,
                first,
                second,
                [],
                [torch.full((), float(steps_before), device=weight.device) for weight in weights],
                fused=True,
                amsgrad=False,
                beta1=BETAS[0],
                beta2=BETAS[1],
                lr=rate,
                weight_decay=self.decay if matrices else 0.0,
                eps=EPSILON,
                maximize=False,
            )


@torch.no_grad()
def clip(gradients: Sequence[Tensor], limit: float) -> Tensor:
    """Scale gradients down, in place, to a Euclidean norm of `limit` at most; return the norm before."""
    norm: Tensor = torch.linalg.vector_norm(torch.stack([torch.linalg.vector_norm(gradient) for gradient in gradients]))
    scale = (limit / (norm + 1e-6)).clamp(max=1.0)
    for gradient in gradients:
        gradient.mul_(scale)
    return norm
