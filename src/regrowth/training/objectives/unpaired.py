"""Single replies, each called desirable or not, become likelier or less likely than a moving zero.

    response   "Tom has 7 pens."     desirable
    rejected   "Tom has 8 pens."     undesirable, of the same record or of another
    unrelated  "Lima."               only looked at: how far the policy has moved on replies that nobody judged

Legend: B records of a pass, z the estimate of KL(policy ‖ reference), σ the logistic function.
"""
# ruff: noqa: N806 -- axes stand in the names of tensors

from collections.abc import Mapping

import torch
from torch import Tensor

from regrowth.training.objectives.bounds import above_zero
from regrowth.training.objectives.view import Loss, Objective, Prelude, View

__all__ = ["kto"]


def kto(beta: float = 0.1, desirable_weight: float = 1.0, undesirable_weight: float = 1.0) -> Objective:
    """Return Kahneman-Tversky optimisation: no pairs, only replies that are desirable or not.

    L = mean over replies of w·σ(-beta·s): s = gain - z and w = desirable_weight for a response, s = z - gain and w =
    undesirable_weight for a rejected reply; a record holds the one, the other, or both. z = max(0, mean gain of other
    records' replies to this prompt) over the whole step; no gradient flows through it. The paper and TRL take z over
    what one process computes at once, so that it depends on the batch layout; here it does not. Weights: Σ of the
    desirable ones' should be 1 to 1.33 times Σ of the others' (eq. 8). Defaults are the paper's and TRL's.

    Facts: `kl` is z, `desirable_gain` and `undesirable_gain` what replies of either kind gained on the reference,
    `margin` is s, all means over the step in nats; `accuracy` is the share of replies with s > 0.

    Source: Ethayarajh et al., 2024, arXiv:2402.01306, eq. 7.

    Raises:
        SettingsError: a number is not above 0.
    """
    numbers = {"beta": beta, "desirable_weight": desirable_weight, "undesirable_weight": undesirable_weight}
    above_zero("kto", **numbers)
    kinds = (("response", "desirable", 1, desirable_weight), ("rejected", "undesirable", -1, undesirable_weight))

    def loss(view: View) -> Loss:
        gains = [view.gains_B(side) for side, *_ in kinds]
        zero = view.totals.get("kl", gains[0].new_zeros(())).clamp(min=0)
        replies = sum(view[side].replies_in_step for side, *_ in kinds)
        shares, facts = [], {"kl": zero * view.records / view.records_in_step}
        for gain_B, (side, kind, sign, weight) in zip(gains, kinds, strict=True):
            there_B = (view.lengths_B(side) > 0).to(gain_B.dtype)
            above_B = sign * (gain_B - zero)
            shares.append((there_B * weight * (-beta * above_B).sigmoid()).sum() / replies)
            seen_B = there_B * above_B.detach()
            facts[f"{kind}_gain"] = gain_B.detach().sum() / max(1, view[side].replies_in_step)
            facts["margin"] = facts.get("margin", 0.0) + seen_B.sum() / replies
            facts["accuracy"] = facts.get("accuracy", 0.0) + (seen_B > 0).to(gain_B.dtype).sum() / replies
        return Loss(torch.stack(shares).sum(), facts)

    return Objective(
        "kto",
        loss,
        sides=("response", "rejected"),
        optional=("response", "rejected"),
        parameters=dict(numbers),
        models=("reference",),
        prelude=Prelude(("unrelated",), unrelated_gain),
    )


def unrelated_gain(view: View) -> Mapping[str, Tensor]:
    """Return this pass's share of the mean gain of whole unrelated replies, in nats; it may be below zero."""
    other = view["unrelated"]
    return {"kl": other.gains_N().sum() / max(1, other.replies_in_step)}
