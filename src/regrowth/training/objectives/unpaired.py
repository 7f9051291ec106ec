"""Single replies, each called desirable or not, become likelier or less likely than a moving zero.

    response   "Tom has 7 pens."     desirable 1
    response   "Tom has 8 pens."     desirable 0
    unrelated  "Lima."               only looked at: how far the policy has moved on replies that nobody judged

Legend: B records of a pass, z the estimate of KL(policy ‖ reference), σ the logistic function.
"""
# ruff: noqa: N806 -- axes stand in the names of tensors

from collections.abc import Mapping

from torch import Tensor

from regrowth.training.objectives.bounds import above_zero
from regrowth.training.objectives.view import Loss, Objective, Prelude, View

__all__ = ["kto"]


def kto(beta: float = 0.1, desirable_weight: float = 1.0, undesirable_weight: float = 1.0) -> Objective:
    """Return Kahneman-Tversky optimisation: no pairs, only replies that are desirable or not.

    L = mean over records of w·σ(-beta·s), s = gain - z and w = desirable_weight where the column `desirable` is 1,
    s = z - gain and w = undesirable_weight where it is 0. z = max(0, mean gain of other records' responses to this
    prompt) over the whole step; no gradient flows through it. The paper and TRL take z over what one process computes
    at once, so that it depends on the batch layout; here it does not. Weights: Σ of the desirable ones' should be 1 to
    1.33 times Σ of the others' (eq. 8). Defaults are the paper's and TRL's.

    Facts, means over the step: `kl` is z, `gain` what replies gained on the reference, `margin` is s, all in nats;
    `accuracy` is the share with s > 0.

    Source: Ethayarajh et al., 2024, arXiv:2402.01306, eq. 7.

    Raises:
        SettingsError: a number is not above 0.
    """
    numbers = {"beta": beta, "desirable_weight": desirable_weight, "undesirable_weight": undesirable_weight}
    above_zero("kto", **numbers)

    def loss(view: View) -> Loss:
        gain_B = view.gains_B("response")
        zero = view.totals.get("kl", gain_B.new_zeros(())).clamp(min=0)
        good_B = (view.columns["desirable"] > 0.5).to(gain_B.dtype)
        above_B = (2 * good_B - 1) * (gain_B - zero)
        weight_B = desirable_weight * good_B + undesirable_weight * (1 - good_B)
        seen_B = above_B.detach()
        facts = {
            "accuracy": view.mean((seen_B > 0).to(seen_B.dtype)),
            "margin": view.mean(seen_B),
            "gain": view.mean(gain_B.detach()),
            "kl": view.mean(zero.expand(view.records)),
        }
        return Loss(view.mean(weight_B * (-beta * above_B).sigmoid()), facts)

    return Objective(
        "kto",
        loss,
        parameters=dict(numbers),
        models=("reference",),
        columns={"desirable": None},
        prelude=Prelude(("unrelated",), unrelated_gain),
    )


def unrelated_gain(view: View) -> Mapping[str, Tensor]:
    """Return this pass's share of the mean gain of whole unrelated replies, in nats; it may be below zero."""
    other = view["unrelated"]
    return {"kl": other.gains_N().sum() / max(1, other.replies_in_step)}
