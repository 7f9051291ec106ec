"""Preference objectives against TRL 1.16's own trainers: loss and gradients at the parameters, on the same batch."""

import importlib.util
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from regrowth.training.objectives import Objective, View, dpo, kto, orpo, reward_aware, simpo
from support.against_trl import assert_equal, logprobs, tiny, trainer
from support.views import Entry, Reply, found, view_of

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore"),
    pytest.mark.skipif(importlib.util.find_spec("trl") is None, reason="TRL is not installed"),
]

PAIRS = [
    {"prompt": "w0 w1 w2", "chosen": " w3 w4", "rejected": " w5 w6 w7"},
    {"prompt": "w8", "chosen": " w9 w10 w11 w12", "rejected": " w13"},
    {"prompt": "w14 w15", "chosen": " w16", "rejected": " w17 w18"},
]
JUDGED = [
    {"prompt": "w0 w1 w2", "completion": " w3 w4", "label": True},
    {"prompt": "w8", "completion": " w9 w10 w11 w12", "label": False},
    {"prompt": "w14 w15", "completion": " w16", "label": True},
    {"prompt": "w5", "completion": " w6 w7 w19", "label": True},
]
BETA = 0.3


def said(ids: Sequence[int], first: int, policy: Any, reference: Any = None) -> Reply:
    """Return what an objective sees of the ids from place `first` on."""
    under = {} if reference is None else {"reference": logprobs(reference, ids, first).detach()}
    return Reply(logprobs(policy, ids, first), under)


def made_dpo(folder: Path, policy: Any, reference: Any, **how: Any) -> tuple[Any, Any]:
    """Return TRL's trainer and its batch of all pairs."""
    theirs = trainer("DPO", policy, folder, PAIRS, ref_model=reference, beta=BETA, **how)
    return theirs, theirs.data_collator([theirs.train_dataset[number] for number in range(len(PAIRS))])


def entries_of(theirs: Any, policy: Any, reference: Any, gaps: Sequence[float] = (0.0,) * 3) -> list[Entry]:
    """Return the trainer's pairs as our objectives see them."""
    sides = {"response": "chosen_ids", "rejected": "rejected_ids"}
    return [
        Entry(
            {
                side: said(row["prompt_ids"] + row[name], len(row["prompt_ids"]), policy, reference)
                for side, name in sides.items()
            },
            {"reward_gap": gap},
        )
        for row, gap in zip(theirs.train_dataset, gaps, strict=True)
    ]


def swapped(batch: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return a batch whose rejected replies are the chosen ones: TRL puts one half after the other."""
    return {name: torch.cat(tensor.chunk(2)[::-1]) for name, tensor in batch.items()}


FORMS: list[tuple[Mapping[str, Any], Objective, float]] = [
    ({"loss_type": ["sigmoid"]}, dpo(BETA), 0.0),
    ({"loss_type": ["hinge"]}, dpo(BETA, "hinge"), 0.0),
    ({"loss_type": ["ipo"]}, dpo(BETA, "ipo", length_normalised=True), 0.0),
    ({"loss_type": ["sigmoid_norm"]}, dpo(BETA, length_normalised=True), 0.0),
    ({"loss_type": ["sigmoid", "sft"], "loss_weights": [1.0, 0.4]}, dpo(BETA, sft_weight=0.4), 0.0),
    ({"loss_type": ["exo_pair"], "label_smoothing": 0.1}, reward_aware(BETA, form="forward_kl"), math.log(9)),
    ({"loss_type": ["exo_pair"], "label_smoothing": 1e-3}, reward_aware(BETA, form="forward_kl"), math.log(999)),
]


@pytest.mark.parametrize(("how", "objective", "gap"), FORMS, ids=[f"{how['loss_type']}" for how, _, _ in FORMS])
def test_losses_of_pairs_are_trl_s(tmp_path: Path, how: Mapping[str, Any], objective: Objective, gap: float) -> None:
    policy, reference = tiny(0), tiny(1)
    theirs, batch = made_dpo(tmp_path, policy, reference, **how)
    ours = objective.loss(view_of(entries_of(theirs, policy, reference, [gap] * 3)))
    assert_equal(policy, theirs.compute_loss(policy, batch), ours)
    told = theirs._metrics["eval"]
    plain = dpo().loss(view_of(entries_of(theirs, policy, reference)))
    assert BETA * float(plain.facts["margin"]) == pytest.approx(told["rewards/margins"][0], rel=1e-5)
    assert float(ours.facts["accuracy"]) == pytest.approx(told["rewards/accuracies"][0])


def test_label_smoothing_is_trl_s_loss_of_both_orders(tmp_path: Path) -> None:
    policy, reference = tiny(0), tiny(1)
    theirs, batch = made_dpo(tmp_path, policy, reference)
    both = 0.8 * theirs.compute_loss(policy, batch) + 0.2 * theirs.compute_loss(policy, swapped(batch))
    ours = dpo(BETA, label_smoothing=0.2).loss(view_of(entries_of(theirs, policy, reference)))
    assert_equal(policy, both, ours)


def test_trl_s_sigmoid_ignores_label_smoothing(tmp_path: Path) -> None:
    policy, reference = tiny(0), tiny(1)
    theirs, batch = made_dpo(tmp_path, policy, reference, label_smoothing=0.2)
    ours = dpo(BETA).loss(view_of(entries_of(theirs, policy, reference)))
    assert_equal(policy, theirs.compute_loss(policy, batch), ours)


def test_backward_kl_is_trl_s_loss_of_each_pair_in_both_orders(tmp_path: Path) -> None:
    policy, reference = tiny(0), tiny(1)
    theirs, _ = made_dpo(tmp_path, policy, reference)
    gaps, scale = [0.5, -1.0, 2.0], 1.3
    losses = []
    for number, gap in enumerate(gaps):
        batch, sure = theirs.data_collator([theirs.train_dataset[number]]), 1 / (1 + math.exp(-scale * gap))
        right, wrong = theirs.compute_loss(policy, batch), theirs.compute_loss(policy, swapped(batch))
        losses.append(sure * (right + math.log(sure)) + (1 - sure) * (wrong + math.log(1 - sure)))
    ours = reward_aware(BETA, scale).loss(view_of(entries_of(theirs, policy, reference, gaps)))
    assert_equal(policy, torch.stack(losses).mean(), ours)


@pytest.mark.parametrize(("reference_seed", "clamped"), [(1, False), (3, True)])
def test_kto_is_trl_s(tmp_path: Path, reference_seed: int, clamped: bool) -> None:
    policy, reference = tiny(0), tiny(reference_seed)
    weights = {"desirable_weight": 1.5, "undesirable_weight": 0.7}
    theirs = trainer(
        "KTO", policy, tmp_path, JUDGED, ref_model=reference, beta=BETA, per_device_train_batch_size=4, **weights
    )
    batch = theirs.data_collator([theirs.train_dataset[number] for number in range(len(JUDGED))])
    entries = [
        Entry(
            {
                side: said(row["prompt_ids"] + row[name], len(row["prompt_ids"]), policy, reference)
                for side, name in {
                    "response" if row["label"] else "rejected": "completion_ids",
                    "unrelated": "KL_completion_ids",
                }.items()
            }
        )
        for row in theirs.train_dataset
    ]
    objective = kto(BETA, **weights)
    totals = found(objective, entries)
    ours = objective.loss(view_of(entries, None, totals))
    assert_equal(policy, theirs.compute_loss(policy, batch), ours)
    assert bool(totals["kl"] < 0) == clamped
    assert float(ours.facts["kl"]) == pytest.approx(theirs._metrics["eval"]["kl"][0], rel=1e-5)


def made_without_reference(kind: str, folder: Path, policy: Any, **how: Any) -> tuple[Any, Any]:
    """Return one of TRL's experimental trainers and its batch of all pairs."""
    theirs = trainer(kind, policy, folder, PAIRS, remove_unused_columns=False, **how)
    return theirs, theirs.data_collator([theirs.train_dataset[number] for number in range(len(PAIRS))])


def view_without_reference(theirs: Any, policy: Any) -> View:
    """Return the trainer's pairs as our objectives see them."""

    def reply(row: Mapping[str, Any], name: str) -> Reply:
        return said(row[f"{name}_input_ids"], row[f"{name}_labels"].count(-100), policy)

    sides = {"response": "chosen", "rejected": "rejected"}
    return view_of([Entry({side: reply(row, sides[side]) for side in sides}) for row in theirs.train_dataset])


@pytest.mark.parametrize("sft_weight", [0.0, 0.6])
def test_simpo_is_trl_s(tmp_path: Path, sft_weight: float) -> None:
    policy = tiny(0)
    how = {"loss_type": "simpo", "simpo_gamma": 0.8, "cpo_alpha": sft_weight, "beta": 2.0}
    theirs, batch = made_without_reference("CPO", tmp_path, policy, **how)
    ours = simpo(2.0, 0.8, sft_weight).loss(view_without_reference(theirs, policy))
    assert_equal(policy, theirs.compute_loss(policy, batch), ours, 1e-10)


def test_orpo_is_trl_s_but_for_the_prompt(tmp_path: Path) -> None:
    policy = tiny(0)
    theirs, batch = made_without_reference("ORPO", tmp_path, policy, beta=0.5)
    *_, of_prompts_too = theirs.concatenated_forward(policy, batch)
    of_replies = -view_without_reference(theirs, policy)["response"].logprobs_N.mean()
    theirs_of_replies = theirs.compute_loss(policy, batch) - of_prompts_too + of_replies
    # TRL rounds the odds to float32.
    assert_equal(policy, theirs_of_replies, orpo(0.5).loss(view_without_reference(theirs, policy)), 1e-6)
