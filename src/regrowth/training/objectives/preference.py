"""The better of two replies becomes likelier than the worse one: with a reference, or without.

    response   "Tom has 7 pens."     rejected   "Tom has 8 pens."     reward_gap 1.5

What a method watches, and what its facts are in, is a number per reply. With a reference that is its gain: log policy
- log reference of the whole reply, in nats. Without one it is its mean log-probability per token.

Legend: B pairs of a pass, N trained tokens; c the response, r the rejected reply, σ the logistic function.
"""
# ruff: noqa: N802, N803, N806 -- axes stand in the names of tensors

import math
from typing import Literal, TypeAlias

import torch
import torch.nn.functional as F
from torch import Tensor

from regrowth.core.errors import SettingsError
from regrowth.training.objectives.bounds import above_zero, not_below_zero
from regrowth.training.objectives.view import Loss, Objective, View

__all__ = ["Form", "GapForm", "dpo", "orpo", "reward_aware", "simpo", "spin"]

Form: TypeAlias = Literal["sigmoid", "hinge", "ipo"]
"""How far a margin is from being wide enough: without end, until it is, or from both sides."""

GapForm: TypeAlias = Literal["backward_kl", "forward_kl", "squared"]
"""How far the policy's margin is from the one that the rewards ask for."""

PAIR = ("response", "rejected")


def dpo(
    beta: float = 0.1,
    form: Form = "sigmoid",
    length_normalised: bool = False,
    label_smoothing: float = 0.0,
    sft_weight: float = 0.0,
) -> Objective:
    """Return direct preference optimisation and its relatives.

    m = gain_c - gain_r; L = mean over pairs of l(m) + sft_weight · (-log p(c), mean over the step's tokens), and l is
    `sigmoid`  -log σ(beta·m): Rafailov et al., 2023, arXiv:2305.18290, eq. 7
    `hinge`    max(0, 1 - beta·m): Zhao et al., 2023, arXiv:2305.10425, with the reference of Liu et al., 2023,
               arXiv:2309.06657
    `ipo`      (m - 1 / (2·beta))²: Azar et al., 2023, arXiv:2310.12036, eq. 17, where beta is called τ
    `length_normalised` divides each gain by its reply's tokens. The IPO paper and this default do not; TRL's `ipo`
    always does, and TRL's `sigmoid_norm` is `sigmoid` with it. `label_smoothing` = ε is conservative DPO: the label is
    held to be wrong with probability ε, (1 - ε)·l(m) + ε·l(-m): Mitchell, 2023, "A note on DPO with noisy
    preferences". TRL 1.16 knows ε for other losses only; its `sigmoid` ignores it. `sft_weight` is the weight of TRL's
    `sft`. beta = 0.1 is the paper's and TRL's.

    Raises:
        SettingsError: beta is not above 0; ε is not in [0, 0.5), or not for `sigmoid`; sft_weight is below 0.
    """
    above_zero("dpo", beta=beta)
    not_below_zero("dpo", sft_weight=sft_weight)
    if form not in ("sigmoid", "hinge", "ipo"):
        raise SettingsError(f"dpo: form = {form!r}; it is 'sigmoid', 'hinge' or 'ipo'.")
    if not 0 <= label_smoothing < 0.5 or (label_smoothing and form != "sigmoid"):
        raise SettingsError(
            f"dpo: label_smoothing = {label_smoothing:g} with the form {form!r}; it must be in [0, 0.5), and 0 for "
            "every form but 'sigmoid'."
        )

    def loss(view: View) -> Loss:
        chosen_B, rejected_B = (_gains_B(view, side, length_normalised) for side in PAIR)
        margin_B = chosen_B - rejected_B
        lost_B = distance(form, margin_B, beta)
        if label_smoothing:
            lost_B = (1 - label_smoothing) * lost_B + label_smoothing * distance(form, -margin_B, beta)
        return Loss(view.mean(lost_B) + _surprisal(view, sft_weight), _facts(view, chosen_B, rejected_B, "gain"))

    return Objective(
        "dpo",
        loss,
        sides=PAIR,
        parameters={
            "beta": beta,
            "form": form,
            "length_normalised": length_normalised,
            "label_smoothing": label_smoothing,
            "sft_weight": sft_weight,
        },
        models=("reference",),
    )


def spin(strength: float = 1.0, form: Literal["logistic", "hinge"] = "logistic", gold_weight: float = 0.1) -> Objective:
    """Return self-play fine-tuning: tell the gold response from what the model said itself at the round's start.

    L = mean over pairs of l(strength·(gain_c - gain_r)) + gold_weight · (-log p(c) / |c|), l(z) = -log σ(z) or
    max(0, 1 - z). The rejected reply is the reference's own. The second term keeps the gold likely; the paper has none,
    so gold_weight = 0 is its objective. Here it is a mean over replies: a short gold counts as much as a long one.

    strength, λ in the paper, is how small the round's step is: a round solved to its end multiplies log p_gold - log p
    by 1 - 1/strength. 1 hits in one round, above 1 comes closer every round; 0.5 and below never arrive. The authors'
    code uses 0.1, and stops early.

    Source: Chen et al., 2024, arXiv:2401.01335, algorithm 1; the law follows from its best response.

    Raises:
        SettingsError: strength is not above 0, gold_weight is below 0, or the form is unknown.
    """
    above_zero("spin", strength=strength)
    not_below_zero("spin", gold_weight=gold_weight)
    if form not in ("logistic", "hinge"):
        raise SettingsError(f"spin: form = {form!r}; it is 'logistic' or 'hinge'.")
    link: Form = "hinge" if form == "hinge" else "sigmoid"

    def loss(view: View) -> Loss:
        chosen_B, rejected_B = (_gains_B(view, side) for side in PAIR)
        lost_B = distance(link, chosen_B - rejected_B, strength)
        if gold_weight:
            lost_B = lost_B - gold_weight * _mean_logprobs_B(view, "response")
        return Loss(view.mean(lost_B), _facts(view, chosen_B, rejected_B, "gain"))

    parameters = {"strength": strength, "form": form, "gold_weight": gold_weight}
    return Objective("spin", loss, sides=PAIR, parameters=parameters, models=("reference",))


def reward_aware(
    beta: float = 0.2, scale: float = 1.0, form: GapForm = "backward_kl", sft_weight: float = 0.0
) -> Objective:
    """Return reward-aware preference optimisation (Nemotron-4's RPO): the margin follows the gap of the rewards.

    a = beta·(gain_c - gain_r), b = scale·reward_gap, scale called η; L = mean over pairs of d + sft_weight · (-log
    p(c), mean over the step's tokens), and d is
    `backward_kl`  KL(σ(b) ‖ σ(a)) of two coins; dL/da = σ(a) - σ(b): DPO whose label is right with probability σ(b)
    `forward_kl`   KL(σ(a) ‖ σ(b)); TRL's `exo_pair` with smoothing ε is this with b = log((1 - ε)/ε) for all pairs
    `squared`      (a - b)²
    Each is least where a = b, so that a small gap asks for a small margin. The fact `wanted_margin` is b / beta, which
    `margin` should come to. A pair without a `reward_gap` is skipped. NeMo-Aligner's SFT term is a sum over a reply's
    tokens: its weight times the mean length is ours.

    Sources: Sun et al., 2025, arXiv:2502.00203; Adler et al., 2024, arXiv:2406.11704, section 3.3; forms and defaults:
    NeMo-Aligner's `rpo_bwd_kl`, `rpo_fwd_kl`, `rpo_sq`. Not the RPO of arXiv:2404.19733, which is `dpo(sft_weight=…)`.

    Raises:
        SettingsError: beta or scale is not above 0, sft_weight is below 0, or the form is unknown.
    """
    above_zero("reward_aware", beta=beta, scale=scale)
    not_below_zero("reward_aware", sft_weight=sft_weight)
    if form not in ("backward_kl", "forward_kl", "squared"):
        raise SettingsError(f"reward_aware: form = {form!r}; it is 'backward_kl', 'forward_kl' or 'squared'.")

    def loss(view: View) -> Loss:
        chosen_B, rejected_B = (_gains_B(view, side) for side in PAIR)
        asked_B = scale * view.columns["reward_gap"]
        lost_B = gap_distance(form, beta * (chosen_B - rejected_B), asked_B)
        facts = _facts(view, chosen_B, rejected_B, "gain") | {"wanted_margin": view.mean(asked_B) / beta}
        return Loss(view.mean(lost_B) + _surprisal(view, sft_weight), facts)

    return Objective(
        "reward_aware",
        loss,
        sides=PAIR,
        parameters={"beta": beta, "scale": scale, "form": form, "sft_weight": sft_weight},
        models=("reference",),
        columns={"reward_gap": None},
    )


def orpo(strength: float = 0.1) -> Objective:
    """Return odds-ratio preference optimisation: fine-tuning that penalises the rejected reply; no reference.

    L = (-log p(c), mean over the step's tokens) + strength · mean over pairs of -log σ(o_c - o_r), where o is the log
    odds log(q / (1 - q)) of q, the geometric mean of a reply's token probabilities. strength is λ in the paper, `beta`
    in TRL, 0.1 in both. TRL takes the first mean over prompt and reply; here prompts are not trained.

    Source: Hong et al., 2024, arXiv:2403.07691, eq. 4 to 7.

    Raises:
        SettingsError: strength is not above 0.
    """
    above_zero("orpo", strength=strength)

    def loss(view: View) -> Loss:
        chosen_B, rejected_B = (_mean_logprobs_B(view, side) for side in PAIR)
        lost_B = -F.logsigmoid(log_odds(chosen_B) - log_odds(rejected_B))
        return Loss(_surprisal(view, 1.0) + strength * view.mean(lost_B), _facts(view, chosen_B, rejected_B, "logprob"))

    return Objective("orpo", loss, sides=PAIR, parameters={"strength": strength})


def simpo(beta: float = 2.0, margin: float = 1.0, sft_weight: float = 0.0) -> Objective:
    """Return simple preference optimisation: mean log-probabilities, a margin to keep, no reference.

    L = mean over pairs of -log σ(beta·(log p(c)/|c| - log p(r)/|r|) - margin) + sft_weight · (-log p(c), mean over
    the step's tokens). margin is γ in the paper. The authors' README starts at beta 2 to 2.5 and γ / beta = 0.5, and
    finds larger betas, 10, sometimes better; its last term is CPO-SimPO's. TRL: `CPOTrainer` with `simpo`, where
    `cpo_alpha` is sft_weight and 1 by default.

    Source: Meng et al., 2024, arXiv:2405.14734, eq. 6.

    Raises:
        SettingsError: beta is not above 0; margin or sft_weight is below 0.
    """
    above_zero("simpo", beta=beta)
    not_below_zero("simpo", margin=margin, sft_weight=sft_weight)

    def loss(view: View) -> Loss:
        chosen_B, rejected_B = (_mean_logprobs_B(view, side) for side in PAIR)
        lost_B = -F.logsigmoid(beta * (chosen_B - rejected_B) - margin)
        return Loss(view.mean(lost_B) + _surprisal(view, sft_weight), _facts(view, chosen_B, rejected_B, "logprob"))

    parameters = {"beta": beta, "margin": margin, "sft_weight": sft_weight}
    return Objective("simpo", loss, sides=PAIR, parameters=parameters)


def distance(form: Form, margin: Tensor, beta: float) -> Tensor:
    """Return what a margin costs."""
    if form == "hinge":
        return F.relu(1 - beta * margin)
    if form == "ipo":
        return (margin - 1 / (2 * beta)) ** 2
    return -F.logsigmoid(beta * margin)


def gap_distance(form: GapForm, a: Tensor, b: Tensor) -> Tensor:
    """Return how far the policy's margin a is from the wanted one b, both in logits."""
    if form == "squared":
        return (a - b) ** 2
    return coin_divergence(b, a) if form == "backward_kl" else coin_divergence(a, b)


def coin_divergence(a: Tensor, b: Tensor) -> Tensor:
    """Return KL(σ(a) ‖ σ(b)) of two coins, given their logits."""
    heads = a.sigmoid() * (F.logsigmoid(a) - F.logsigmoid(b))
    return heads + (-a).sigmoid() * (F.logsigmoid(-a) - F.logsigmoid(-b))


def log_odds(logprob: Tensor) -> Tensor:
    """Return log(q / (1 - q)) from log q; q counts as one rounding below 1 where it is closer."""
    held = logprob.clamp(max=-torch.finfo(logprob.dtype).eps)
    # Either way of writing log(1 - q) loses its digits at one end of (0, 1).
    complement = torch.where(held > -math.log(2), torch.log(-torch.expm1(held)), torch.log1p(-held.exp()))
    return logprob - complement


def _gains_B(view: View, side: str, length_normalised: bool = False) -> Tensor:
    gains_B = view.gains_B(side)
    return gains_B / view.lengths_B(side) if length_normalised else gains_B


def _mean_logprobs_B(view: View, side: str) -> Tensor:
    return view.logprobs_B(side) / view.lengths_B(side)


def _surprisal(view: View, weight: float) -> Tensor | float:
    """Return this pass's share of the response's mean negative log-likelihood per token, weighted."""
    reply = view["response"]
    return -weight * reply.logprobs_N.sum() / reply.tokens_in_step if weight else 0.0


def _facts(view: View, chosen_B: Tensor, rejected_B: Tensor, unit: str) -> dict[str, Tensor]:
    chosen_B, rejected_B = chosen_B.detach(), rejected_B.detach()
    return {
        "accuracy": view.mean((chosen_B > rejected_B).to(chosen_B.dtype)),
        "margin": view.mean(chosen_B - rejected_B),
        f"chosen_{unit}": view.mean(chosen_B),
        f"rejected_{unit}": view.mean(rejected_B),
    }
