"""Group-relative policy gradients: replies that did better than their siblings become likelier.

    prompt "3 + 4 ?"    response "7"    reward 1, its siblings 0, 0, 1    advantage +0.87 (`training.advantages`)

Replies were drawn from `old`, which is the model that the training starts from unless the caller names another. The
ratio p / old is held below e²⁰, where float32 would soon overflow; the reference is looked at through the same window.

Legend: B records of a pass, N their trained tokens, p the policy, q the reference, A an advantage.
"""
# ruff: noqa: N806 -- axes stand in the names of tensors

import math
from typing import Literal, TypeAlias

import torch
from torch import Tensor

from regrowth.core.errors import SettingsError
from regrowth.core.record import Json
from regrowth.training.objectives.view import Loss, Objective, View

__all__ = ["Normalise", "grpo", "rloo"]

Normalise: TypeAlias = Literal["sequence", "token", "constant"]
"""What a token counts: the same share of its reply, the same in all replies, or one share of a fixed length."""

FURTHEST = 20.0
"""Nats between two models at which a ratio stops growing."""


def grpo(
    clip_low: float = 0.2,
    clip_high: float = 0.2,
    kl_weight: float = 0.0,
    normalise: Normalise = "sequence",
    longest: int | None = None,
    kl_corrected: bool = True,
) -> Objective:
    """Return group-relative policy optimisation with the ratio p / old clipped per token.

    L = Σ_n w_n·(-min(ρ_n·A, clip(ρ_n, 1 - clip_low, 1 + clip_high)·A) + kl_weight·κ_n), ρ = p/old, A the column
    `advantage` of the token's record, κ = q/p - log(q/p) - 1, times ρ if corrected. w_n, by `normalise`:
    `sequence`  1 / (replies of the step · tokens of this reply): Shao et al., 2024, arXiv:2402.03300, eq. 3
    `token`     1 / (tokens of the step): DAPO, Yu et al., 2025, arXiv:2503.14476, eq. 8
    `constant`  1 / (replies of the step · longest): Dr. GRPO, Liu et al., 2025, arXiv:2503.20783
    TRL calls them grpo; dapo, or bnpo where a step is one pass; dr_grpo. The GRPO paper's kl_weight is 0.04, TRL's 0;
    DAPO raises clip_high to 0.28. Facts are means over the step's tokens; `kl` is κ, and `surprisal`, -log p of what
    was drawn, estimates the entropy as long as p is near old.

    Args:
        longest: tokens that a reply may have; `constant` needs it.
        kl_corrected: with the factor ρ the gradient is that of KL(p ‖ q), without bias: DeepSeek-AI, 2025,
            arXiv:2512.02556, and TRL's default. False is the GRPO paper; TRL: `use_bias_correction_kl`.

    Raises:
        SettingsError: clip_low is not in [0, 1), another number is negative, or `constant` lacks `longest`.
    """
    _check("grpo", clip_low, clip_high)
    if not 0 <= kl_weight < math.inf:
        raise SettingsError(f"grpo: kl_weight = {kl_weight:g}; it must be finite and not below 0.")
    if normalise not in ("sequence", "token", "constant"):
        raise SettingsError(f"grpo: normalise = {normalise!r}; it is 'sequence', 'token' or 'constant'.")
    if normalise == "constant" and (longest is None or longest < 1):
        raise SettingsError(f"grpo: normalise = 'constant' divides by a length, but longest = {longest}. Set it.")

    def loss(view: View) -> Loss:
        reply = view["response"]
        advantage_N = view.columns["advantage"].index_select(0, reply.rows_N)
        gain_N = reply.gains_N("old")
        lost_N = -clipped(gain_N, advantage_N, clip_low, clip_high) * advantage_N
        facts = _facts(view, gain_N, advantage_N, clip_low, clip_high, reply.tokens_in_step)
        if kl_weight > 0:
            kl_N = estimated_kl(-reply.gains_N("reference"))
            kl_N = kl_N * gain_N.clamp(max=FURTHEST).exp() if kl_corrected else kl_N
            lost_N, facts["kl"] = lost_N + kl_weight * kl_N, kl_N.detach().sum() / reply.tokens_in_step
        return Loss((lost_N / _counts(view, normalise, longest)).sum(), facts)

    parameters: dict[str, Json] = {"clip_low": clip_low, "clip_high": clip_high, "normalise": normalise}
    parameters |= {"longest": longest} if normalise == "constant" else {}
    parameters |= {"kl_weight": kl_weight, "kl_corrected": kl_corrected} if kl_weight > 0 else {}
    models = ("old", "reference") if kl_weight > 0 else ("old",)
    return Objective("grpo", loss, parameters=parameters, models=models, columns={"advantage": None})


def rloo(clip_low: float = 0.2, clip_high: float = 0.2) -> Objective:
    """Return REINFORCE with a leave-one-out baseline, the ratio p / old clipped per reply.

    L = mean over records of -min(ρ·A, clip(ρ, 1 - clip_low, 1 + clip_high)·A), ρ = p/old of the whole reply, A the
    column `advantage`. On the first step after drawing ρ = 1, and the gradient is REINFORCE's. KL to the reference
    is part of the reward here: see `advantages.leave_one_out`. Facts `clipped` and `ratio` are means over replies.

    Source: Ahmadian et al., 2024, arXiv:2402.14740; the clip, on several steps per draw, is TRL's.

    Raises:
        SettingsError: clip_low is not in [0, 1), or clip_high is negative.
    """
    _check("rloo", clip_low, clip_high)

    def loss(view: View) -> Loss:
        gain_B, advantage_B = view.gains_B("response", "old"), view.columns["advantage"]
        lost_B = -clipped(gain_B, advantage_B, clip_low, clip_high) * advantage_B
        return Loss(view.mean(lost_B), _facts(view, gain_B, advantage_B, clip_low, clip_high, view.records_in_step))

    parameters: dict[str, Json] = {"clip_low": clip_low, "clip_high": clip_high}
    return Objective("rloo", loss, parameters=parameters, models=("old",), columns={"advantage": None})


def clipped(gain: Tensor, advantage: Tensor, low: float, high: float) -> Tensor:
    """Return the ratio that min(ρ·A, clip(ρ)·A) takes, ρ = exp(gain): clipped only on the side that A pushes to."""
    down = gain.clamp(math.log1p(-low), FURTHEST)
    return torch.where(advantage < 0, down, gain.clamp(max=math.log1p(high))).exp()


def estimated_kl(gain: Tensor) -> Tensor:
    """Return the k3 estimate of KL(p ‖ q) per token from log q - log p: e^gain - gain - 1, never below zero."""
    held = gain.clamp(max=FURTHEST)
    return torch.expm1(held) - held


def _counts(view: View, normalise: Normalise, longest: int | None) -> Tensor | int:
    """Return what each token is divided by [N], or one number for all."""
    reply = view["response"]
    if normalise == "token":
        return reply.tokens_in_step
    if longest is not None and normalise == "constant":
        return view.records_in_step * longest
    return view.records_in_step * view.lengths_B("response").index_select(0, reply.rows_N)


def _facts(view: View, gain: Tensor, advantage: Tensor, low: float, high: float, count: int) -> dict[str, Tensor]:
    """Return the shares of what is watched; `count` gains make up the step."""
    ratio = gain.detach().clamp(max=FURTHEST).exp()
    outside = torch.where(advantage < 0, ratio < 1 - low, (ratio > 1 + high) & (advantage > 0))
    reply = view["response"]
    return {
        "clipped": outside.to(ratio.dtype).sum() / count,
        "ratio": ratio.sum() / count,
        "surprisal": -reply.logprobs_N.detach().sum() / reply.tokens_in_step,
    }


def _check(objective: str, low: float, high: float) -> None:
    if not (0 <= low < 1 and 0 <= high < math.inf):
        raise SettingsError(
            f"{objective}: clip_low = {low:g}, clip_high = {high:g}; the ratio is held between 1 - clip_low > 0 and "
            "1 + clip_high >= 1."
        )
