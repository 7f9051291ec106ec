"""Rewards from a head on the end of each reply: which of two is better, how good one is, whether it is true.

    response   "Tom has 7 pens."     rejected   "Tom has 8 pens."     margin 1.0, strength 2
    response   "Tom has 7 pens."     helpfulness 3, correctness 4, coherence NaN (nobody judged it)
    response   "Tom has 8 pens."     label 0

Legend: B records of a pass, A outputs of the head, r what the head says of one reply.
"""
# ruff: noqa: N806 -- axes stand in the names of tensors

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from regrowth.core.errors import SettingsError
from regrowth.training.objectives.view import Loss, Objective, View

__all__ = ["ATTRIBUTES", "attributes", "bradley_terry", "verdict"]

ATTRIBUTES = ("helpfulness", "correctness", "coherence", "complexity", "verbosity")
"""Of HelpSteer2, each from 0 to 4."""


def bradley_terry(centring: float = 0.01, margin: bool = False, scaled: bool = False) -> Objective:
    """Return the Bradley-Terry loss of a scalar reward.

    L = mean over records of s·(-log σ(r_c - r_r - m)) + centring·(r_c + r_r)². m is the column `margin`, how much
    better the response has to be; s is |column `strength`|, how sure the judgement is. Missing or NaN: m = 0, s = 1.
    Only differences matter to the first term; the second keeps rewards around zero.

    Sources: margin: Touvron et al., 2023, arXiv:2307.09288, section 3.2.2. Centring: Eisenstein et al., 2023,
    arXiv:2312.09244; 0.01 is TRL's advice for `center_rewards_coefficient`. Strength: `scaled_bt` of
    HelpSteer2-Preference, Wang et al., 2024, arXiv:2410.01257; it does not scale the centring.

    Raises:
        SettingsError: centring is negative or not finite.
    """
    if not 0 <= centring < math.inf:
        raise SettingsError(f"bradley_terry: centring = {centring:g}; it must be finite and not below 0.")

    def loss(view: View) -> Loss:
        chosen_B, rejected_B = (_outputs(view, side)[:, 0] for side in ("response", "rejected"))
        gap_B = chosen_B - rejected_B
        needed_B = view.columns["margin"].nan_to_num(0.0) if margin else torch.zeros_like(gap_B)
        worth_B = view.columns["strength"].abs().nan_to_num(1.0) if scaled else torch.ones_like(gap_B)
        lost_B = -worth_B * F.logsigmoid(gap_B - needed_B)
        seen_B = gap_B.detach()
        facts = {
            "accuracy": view.mean((seen_B > 0).to(seen_B.dtype)),
            "margin": view.mean(seen_B),
            "chosen_reward": view.mean(chosen_B.detach()),
            "rejected_reward": view.mean(rejected_B.detach()),
        }
        return Loss(view.mean(lost_B + centring * (chosen_B + rejected_B) ** 2), facts)

    return Objective(
        "bradley_terry",
        loss,
        sides=("response", "rejected"),
        parameters={"centring": centring, "margin": margin, "scaled": scaled},
        columns={name: known for name, known, read in (("margin", 0.0, margin), ("strength", 1.0, scaled)) if read},
        head=("reward",),
    )


def attributes(names: tuple[str, ...] = ATTRIBUTES) -> Objective:
    """Return the regression of several attributes at once, whichever of them are labelled.

    L = mean over records of 1/|K| Σ_{a in K} (r_a - column a)², K the attributes of that record that are not NaN. One
    without any label adds nothing, yet counts in the mean; such records are best left out before. The fact `error`
    is the mean distance |r_a - column a|, taken alike.

    Source: Wang et al., 2024, arXiv:2406.08673 (HelpSteer2): squared error with missing labels masked.

    Raises:
        SettingsError: no attribute is named, or one is named twice.
    """
    if not names or len(set(names)) < len(names):
        raise SettingsError(f"attributes: names = {list(names)}; it must name attributes, each once.")

    def loss(view: View) -> Loss:
        said_BA, labels_BA = _outputs(view, "response"), torch.stack([view.columns[name] for name in names], dim=1)
        known_BA = ~labels_BA.isnan()
        share_BA = known_BA.to(said_BA.dtype) / known_BA.sum(1, keepdim=True).clamp(min=1)
        error_BA = torch.where(known_BA, said_BA - labels_BA.nan_to_num(0.0), 0.0)
        off_B = (share_BA * error_BA.detach().abs()).sum(1)
        return Loss(view.mean((share_BA * error_BA**2).sum(1)), {"error": view.mean(off_B)})

    return Objective("attributes", loss, columns=dict.fromkeys(names, math.nan), head=names)


def verdict(name: str = "true") -> Objective:
    """Return the logistic loss of a yes-or-no judgement, as a judge of truth learns it.

    L = mean over records of -y·log σ(r) - (1 - y)·log σ(-r), y the column `label`: 1 yes, 0 no; what lies between is
    a probability. The fact `accuracy` counts r > 0 as yes, and y > ½.
    """

    def loss(view: View) -> Loss:
        logit_B, label_B = _outputs(view, "response")[:, 0], view.columns["label"]
        right_B = (logit_B > 0) == (label_B > 0.5)
        lost_B = F.softplus(logit_B) - label_B * logit_B
        return Loss(view.mean(lost_B), {"accuracy": view.mean(right_B.to(logit_B.dtype))})

    return Objective("verdict", loss, columns={"label": None}, head=(name,))


def _outputs(view: View, side: str) -> Tensor:
    return view[side].outputs_BA(view.records)
