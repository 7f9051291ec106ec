from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import pytest
import torch
from torch import Tensor

from regrowth.training.optimizer import Optimizer, clip
from support.training import SHORT, files, trained

Kind = Literal["adamw", "rmsprop"]
SHAPES = [(4, 3), (5,), (2, 2), (3,)]
RATES = [0.1, 0.05, 0.02, 0.3, 0.01, 0.0]


def drawn(seed: int) -> list[Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return [torch.randn(shape, generator=generator) for shape in SHAPES]


def by_torch(kind: Kind, weights: Sequence[Tensor], decay: float) -> torch.optim.Optimizer:
    """Return torch's optimizer with what this project fixed; its RMSProp decays nothing on the side."""
    if kind == "rmsprop":
        return torch.optim.RMSprop(weights, alpha=0.99, eps=1e-8)
    groups = [
        {"params": [weight for weight in weights if weight.ndim == 2], "weight_decay": decay},
        {"params": [weight for weight in weights if weight.ndim == 1], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, betas=(0.9, 0.95), eps=1e-8)


@pytest.mark.parametrize(("kind", "decay"), [("adamw", 0.0), ("adamw", 0.1), ("rmsprop", 0.0), ("rmsprop", 0.1)])
def test_every_step_is_that_of_torch(kind: Kind, decay: float) -> None:
    ours, theirs = drawn(0), [weight.requires_grad_() for weight in drawn(0)]
    optimizer, reference = Optimizer.of(kind, ours, decay), by_torch(kind, theirs, decay)
    for step, rate in enumerate(RATES):
        slopes = drawn(step + 1)
        for weight, slope in zip(theirs, slopes, strict=True):
            weight.grad = slope.clone()
            if kind == "rmsprop" and weight.ndim == 2:
                weight.data.mul_(1 - rate * decay)
        for group in reference.param_groups:
            group["lr"] = rate
        optimizer.update(slopes, rate=rate, steps_before=step)
        reference.step()
        torch.testing.assert_close(ours, [weight.detach() for weight in theirs], rtol=1e-6, atol=1e-7)


def test_rmsprop_keeps_one_tensor_beside_each_weight_and_adamw_two() -> None:
    assert {kind: len(Optimizer.of(kind, drawn(0), 0.0).moments) for kind in ("adamw", "rmsprop")} == {
        "adamw": 2,
        "rmsprop": 1,
    }


def test_a_long_gradient_is_scaled_to_the_limit_and_a_short_one_left_alone() -> None:
    slopes = [torch.tensor([3.0]), torch.tensor([[4.0]])]
    assert float(clip(slopes, 10.0)) == 5.0
    assert [float(slope) for slope in slopes] == [3.0, 4.0]
    assert float(clip(slopes, 1.0)) == 5.0
    assert [float(slope) for slope in slopes] == pytest.approx([0.6, 0.8], rel=1e-6)


def test_processes_clip_by_the_norm_that_they_have_together() -> None:
    slopes = [torch.tensor([3.0])]
    assert float(clip(slopes, 1.0, lambda mine: (mine**2 + 16).sqrt())) == 5.0
    assert float(slopes[0]) == pytest.approx(0.6, rel=1e-6)


@pytest.mark.parametrize("kind", ["adamw", "rmsprop"])
@pytest.mark.parametrize("last", [3, 5])
def test_a_training_that_died_ends_with_the_same_bytes(kind: Kind, last: int, base: Path, tmp_path: Path) -> None:
    class Crash(BaseException):
        pass

    def crash(step: int, _: object) -> None:
        if step == last:
            raise Crash

    settings = SHORT.model_copy(update={"optimizer": kind})
    with pytest.raises(Crash):
        trained(base, tmp_path / "died", settings, on_step=crash)
    trained(base, tmp_path / "died", settings)
    trained(base, tmp_path / "lived", settings)
    assert files(tmp_path / "died" / "out") == files(tmp_path / "lived" / "out")
