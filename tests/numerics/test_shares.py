"""Laws of every objective: shares add up however records are spread over passes, and gradients are the slopes."""

import math
from collections.abc import Mapping

import pytest
import torch
from torch import Tensor

from regrowth.training.objectives import (
    Objective,
    attributes,
    bradley_terry,
    cft,
    distillation,
    dpo,
    grpo,
    kto,
    npo,
    orpo,
    reward_aware,
    rloo,
    sft,
    simpo,
    spin,
    verdict,
)
from regrowth.training.objectives.reward import ATTRIBUTES
from support.views import Draw, entries_for, found, leaves, step_loss, view_of

RECORDS = 7
LAYOUTS = {
    "one record per pass": [[number] for number in range(RECORDS)],
    "two passes": [[0, 1, 3, 4], [2, 5, 6]],
    "nothing in one pass": [[0, 1, 2, 3, 4, 5, 6], []],
    "records without the optional sides apart": [[2, 5], [6, 0], [4, 3, 1]],
    "one pass, another order": [[6, 2, 0, 5, 3, 1, 4]],
}


def sometimes(generator: torch.Generator) -> float:
    """Draw a number from 0 to 4, or nothing."""
    known, number = torch.rand(2, generator=generator).tolist()
    return 4 * number if known < 0.6 else math.nan


def coin(generator: torch.Generator) -> float:
    """Draw 0 or 1."""
    return float(torch.randint(2, (), generator=generator))


CASES: list[tuple[Objective, Mapping[str, Draw]]] = [
    (sft, {}),
    (dpo(), {}),
    (dpo(0.7, length_normalised=True, label_smoothing=0.1, sft_weight=0.3), {}),
    (dpo(0.7, "hinge"), {}),
    (dpo(0.7, "ipo", length_normalised=True), {}),
    (spin(), {}),
    (spin(2.0, "hinge", gold_weight=0.0), {}),
    (reward_aware(sft_weight=0.1), {}),
    (reward_aware(0.5, 2.0, "forward_kl"), {}),
    (reward_aware(0.5, 2.0, "squared"), {}),
    (orpo(), {}),
    (simpo(sft_weight=0.5), {}),
    (kto(0.5, 1.5, 0.7), {}),
    (cft(), {"anchor": coin}),
    (cft(2.0, -0.3, anchor_weight=0.0), {"anchor": coin}),
    (cft(masked=False), {"anchor": coin}),
    (npo(), {}),
    (npo(2.0), {}),
    (distillation(), {}),
    (distillation("reverse", 3.0), {}),
    (bradley_terry(), {}),
    (bradley_terry(0.3, margin=True, scaled=True), {"margin": sometimes, "strength": sometimes}),
    (attributes(), dict.fromkeys(ATTRIBUTES, sometimes)),
    (verdict(), {"label": coin}),
    (grpo(), {}),
    (grpo(0.3, 0.5, kl_weight=0.5), {}),
    (grpo(kl_weight=2.0, normalise="token", kl_corrected=False), {}),
    (grpo(kl_weight=0.1, normalise="constant", longest=7), {}),
    (rloo(), {}),
    (rloo(0.9, 3.0), {}),
]
"""Every objective, with how its columns are drawn; a column that is not named is drawn from a normal distribution."""


def name(case: tuple[Objective, Mapping[str, Draw]]) -> str:
    """Return what tells cases apart."""
    objective, _ = case
    return "-".join([objective.name, *(str(value) for value in objective.parameters.values())])


@pytest.mark.parametrize("case", CASES, ids=name)
@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS.keys())
def test_shares_add_up_to_the_step(case: tuple[Objective, Mapping[str, Draw]], layout: list[list[int]]) -> None:
    objective, draws = case
    entries = entries_for(objective, RECORDS, draws=draws)
    whole, facts = step_loss(objective, entries)
    parts, facts_of_parts = step_loss(objective, entries, layout)
    torch.testing.assert_close(parts, whole, rtol=1e-12, atol=1e-13)
    torch.testing.assert_close(facts_of_parts, facts, rtol=1e-12, atol=1e-13)
    trained = leaves(entries)
    slopes, expected = (torch.autograd.grad(loss, trained, materialize_grads=True) for loss in (parts, whole))
    assert any(bool(slope.any()) for slope in expected)
    torch.testing.assert_close(slopes, expected, rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("case", CASES, ids=name)
def test_gradients_equal_finite_differences(case: tuple[Objective, Mapping[str, Draw]]) -> None:
    objective, draws = case
    entries = entries_for(objective, RECORDS, seed=1, draws=draws)
    # A prelude has no gradient: what it found stays as it is while the leaves move.
    totals = found(objective, entries)

    def value(*_: Tensor) -> Tensor:
        return objective.loss(view_of(entries, entries, totals, objective.sides)).value

    assert torch.autograd.gradcheck(value, tuple(leaves(entries)))


@pytest.mark.parametrize("case", CASES, ids=name)
def test_no_gradient_flows_through_facts(case: tuple[Objective, Mapping[str, Draw]]) -> None:
    objective, draws = case
    _, facts = step_loss(objective, entries_for(objective, RECORDS, draws=draws))
    assert facts
    assert not any(fact.requires_grad or fact.dim() for fact in facts.values())
