"""Likelihood of single replies: raise it, lower it, or follow a teacher's.

    good       "Tom has 7 pens."          response, p goes up
    bad        "Tom has 8 pens."          rejected, p goes down where it is bad: at the 8
    anchor     "Lima lies in Peru."       response of a record whose `anchor` is 1: p stays what it was

Legend: n a trained token, N their number in the step, V the vocabulary, p the policy, q another model.
"""
# ruff: noqa: N802, N803, N806 -- axes stand in the names of tensors

import math
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from regrowth.core.errors import SettingsError
from regrowth.training.objectives.bounds import above_zero, not_below_zero
from regrowth.training.objectives.view import Loss, Objective, Side, Trains, View

__all__ = ["cft", "distillation", "npo", "sft", "supervised"]

CERTAIN = math.log1p(-1e-6)
"""Log-probability above which unlikelihood no longer grows: -log(1 - p) has no end at p = 1."""


def negative_log_likelihood(view: View) -> Loss:
    """Return the mean negative log-likelihood per trained token of the step.

    L = -1/N Σ_n log p(token_n | what stands before it); N counts the trained tokens of the whole step, each reply's
    end token included. Maximum likelihood; no source needed.
    """
    reply = view["response"]
    probability = reply.logprobs_N.detach().exp().sum() / reply.tokens_in_step
    return Loss(-reply.logprobs_N.sum() / reply.tokens_in_step, {"probability": probability})


def supervised(trains: Trains = "reply") -> Objective:
    """Return supervised fine-tuning: every trained token counts the same.

    Args:
        trains: `reply` masks the whole prompt, `assistant` trains what the assistant said before too, `everything`
            trains each token, the user's too: how knowledge is taught.
    """
    return Objective("sft", negative_log_likelihood, trains=trains)


sft = supervised()
"""Supervised fine-tuning on the reply alone."""


def cft(alpha: float = 0.25, threshold: float = 0.2, anchor_weight: float = 0.05, masked: bool = True) -> Objective:
    """Return contrastive fine-tuning: good replies up, a bad persona's replies down, all else as it was.

    L = -1/N₊ Σ_good log p + α/N₋ Σ_bad m·(-log(1 - p)) + κ/N₊ Σ_anchor KL(q ‖ p), q the reference. m is 1 where the
    persona likes the token clearly better than the reference, log persona - log q > threshold, else 0: bad replies
    consist of good words too. N₋ counts all bad tokens of the step, N₊ all tokens on the response side: good ones and
    anchors, which are replies of records whose column `anchor` is 1; they have no part in the first sum. A record may
    hold one reply only. Above p = 1 - 10⁻⁶ a bad token has no gradient.

    Unlikelihood: Welleck et al., 2019, arXiv:1908.04319. Persona-made bad replies: US 2025/0371044 A1; neither
    code nor figures are published, so mask, anchor and defaults are our own. Without the mask, α = 0.25 and few good
    replies, most answers of a toy model turned into garbage; with it a third.

    Args:
        alpha: weight of the bad replies. 0.1 to 0.25 is sound.
        anchor_weight: κ; 0 reads no teacher.
        masked: False lowers every bad token, and reads neither persona nor reference log-probabilities.

    Raises:
        SettingsError: a weight is negative, or alpha exceeds 0.5 without the mask.
    """
    not_below_zero("cft", alpha=alpha, anchor_weight=anchor_weight)
    if alpha > 0.5 and not masked:
        raise SettingsError(
            f"cft: alpha = {alpha:g} without a mask; above 0.5 it forbids the good words that bad replies share with "
            "good ones. Set masked = True or lower alpha."
        )

    def loss(view: View) -> Loss:
        good, bad = view["response"], view["rejected"]
        goods, bads = max(good.tokens_in_step, 1), max(bad.tokens_in_step, 1)
        anchored_N = (view.columns["anchor"] == 1).index_select(0, good.rows_N)
        pushed_N = torch.ones_like(bad.rows_N, dtype=torch.bool)
        if masked:
            pushed_N = bad.under["persona"] - bad.under["reference"] > threshold
        likely = -good.logprobs_N.masked_fill(anchored_N, 0).sum() / goods
        unlikely = unlikelihood_N(bad.logprobs_N.masked_fill(~pushed_N, -math.inf)).sum() / bads
        value = likely + alpha * unlikely
        facts = {
            "probability": good.logprobs_N.detach().exp().masked_fill(anchored_N, 0).sum() / goods,
            "rejected_probability": bad.logprobs_N.detach().exp().sum() / bads,
            "pushed": pushed_N.to(bad.logprobs_N.dtype).sum() / bads,
        }
        if anchor_weight > 0:
            kl = _divergence_N(_taught(good, "reference")[anchored_N], _logits(good)[anchored_N]).sum() / goods
            value, facts["anchor_kl"] = value + anchor_weight * kl, kl.detach()
        return Loss(value, facts)

    return Objective(
        "cft",
        loss,
        sides=("response", "rejected"),
        optional=("response", "rejected"),
        parameters={"alpha": alpha, "threshold": threshold, "anchor_weight": anchor_weight, "masked": masked},
        models=("reference", "persona") if masked else (),
        teachers=("reference",) if anchor_weight > 0 else (),
        columns={"anchor": 0.0},
    )


def unlikelihood_N(logprobs_N: Tensor) -> Tensor:
    """Return -log(1 - p) of tokens, in nats; constant above p = 1 - 10⁻⁶."""
    return -torch.log(-torch.expm1(logprobs_N.clamp(max=CERTAIN)))


def npo(beta: float = 0.1) -> Objective:
    """Return negative preference optimisation: unlearn replies without falling apart.

    L = -2/β · mean over records of log σ(-β·log(p/q)), q the reference, log-probabilities of whole replies. Its
    gradient is that of log p, weighted by 2·p^β/(p^β + q^β): what is forgotten is left alone; β → 0 is gradient ascent.
    It only forgets: mix in what is to be kept.

    Source: Zhang et al., 2024, arXiv:2404.05868, eq. 3 and section 3; β = 0.1 as for DPO.

    Raises:
        SettingsError: beta is not above zero.
    """
    above_zero("npo", beta=beta)

    def loss(view: View) -> Loss:
        gain_B = view.gains_B("rejected")
        value = view.mean(F.logsigmoid(-beta * gain_B)) * (-2 / beta)
        return Loss(value, {"rejected_gain": view.mean(gain_B.detach())})

    return Objective("npo", loss, sides=("rejected",), parameters={"beta": beta}, models=("reference",))


def distillation(direction: Literal["forward", "reverse"] = "forward", temperature: float = 1.0) -> Objective:
    """Return distillation: the policy takes over a teacher's whole distribution at every trained token.

    forward L = T²/N Σ_n KL(q ‖ p): p covers all that the teacher might say. reverse L = T²/N Σ_n KL(p ‖ q): p keeps
    to what the teacher finds likely. Both distributions are softmax(logits / T); the factor T² keeps the size of the
    gradient whatever the temperature. Teacher and policy share one vocabulary.

    Sources: Hinton et al., 2015, arXiv:1503.02531, section 2 (forward, T²); Gu et al., 2023, arXiv:2306.08543
    (reverse). At T = 1 the two are TRL's GKD with beta 0 and 1 on given replies; TRL has no factor T².

    Raises:
        SettingsError: the direction is unknown, or the temperature is not above zero.
    """
    above_zero("distillation", temperature=temperature)
    if direction not in ("forward", "reverse"):
        raise SettingsError(f"distillation: direction = {direction!r}; it is 'forward' or 'reverse'.")

    def loss(view: View) -> Loss:
        reply = view["response"]
        student_NV, teacher_NV = _logits(reply) / temperature, _taught(reply, "teacher") / temperature
        pair = (teacher_NV, student_NV) if direction == "forward" else (student_NV, teacher_NV)
        value = _divergence_N(*pair).sum() * (temperature**2 / reply.tokens_in_step)
        agrees_N = student_NV.detach().argmax(-1) == teacher_NV.argmax(-1)
        return Loss(value, {"agreement": agrees_N.to(student_NV.dtype).sum() / reply.tokens_in_step})

    parameters = {"direction": direction, "temperature": temperature}
    return Objective("distillation", loss, parameters=parameters, teachers=("teacher",))


def _divergence_N(true_NV: Tensor, other_NV: Tensor) -> Tensor:
    """Return KL(true ‖ other) per token, in nats, of two rows of logits."""
    true_NV, other_NV = true_NV.log_softmax(-1), other_NV.log_softmax(-1)
    return (true_NV.exp() * (true_NV - other_NV)).sum(-1)


def _logits(side: Side) -> Tensor:
    assert side.logits_NV is not None, "the objective names no teacher"
    return _precise(side.logits_NV)


def _taught(side: Side, teacher: str) -> Tensor:
    return _precise(side.taught[teacher])


def _precise(logits_NV: Tensor) -> Tensor:
    return logits_NV.to(torch.promote_types(logits_NV.dtype, torch.float32))
