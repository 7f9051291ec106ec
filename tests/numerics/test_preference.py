"""Preference objectives: numbers worked by hand, identities between methods, extremes, settings that cannot be."""
# ruff: noqa: N803, N806 -- axes stand in the names of tensors

import math
from collections.abc import Callable, Mapping

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from regrowth.core.errors import SettingsError
from regrowth.training.objectives import Objective, dpo, kto, orpo, reward_aware, simpo, spin
from regrowth.training.objectives.preference import coin_divergence, log_odds
from support.views import Entry, Reply, entries_for, leaves, pairs, step_loss, view_of

LOG2, LOG3 = math.log(2), math.log(3)


def loss_of(objective: Objective, entries: list[Entry]) -> float:
    return float(step_loss(objective, entries)[0].detach())


def facts_of(objective: Objective, entries: list[Entry]) -> dict[str, float]:
    return {name: float(fact) for name, fact in step_loss(objective, entries)[1].items()}


def reply(*logprobs: float, reference: tuple[float, ...] = ()) -> Reply:
    under = {"reference": torch.tensor(reference, dtype=torch.float64)} if reference else {}
    return Reply(torch.tensor(logprobs, dtype=torch.float64, requires_grad=True), under)


def of_two_lengths() -> list[Entry]:
    """One pair: the response of two tokens gains 3 nats, the rejected reply of one token loses 0.5."""
    chosen = reply(-1.0, -0.5, reference=(-2.0, -2.5))
    rejected = reply(-1.5, reference=(-1.0,))
    return [Entry({"response": chosen, "rejected": rejected}, {"reward_gap": 1.0})]


# Gains: +1 and 0 in the first pair, -1 and +1 in the second. Margins 1 and -2.
TWO = ((-1.0, -2.0, -2.0, -2.0), (-3.0, -1.0, -2.0, -2.0))


def test_dpo_equals_a_number_computed_by_hand() -> None:
    # beta = log 3 makes σ(beta·1) = 3/4 and σ(-beta·2) = 1/10. L = (log 4/3 + log 10) / 2.
    assert loss_of(dpo(LOG3), pairs(*TWO)) == pytest.approx((math.log(4 / 3) + math.log(10)) / 2, abs=1e-15)


def test_dpo_reports_gains_margin_and_accuracy() -> None:
    facts = facts_of(dpo(), pairs(*TWO))
    assert facts == {"accuracy": 0.5, "margin": -0.5, "chosen_gain": 0.0, "rejected_gain": 0.5}


def test_hinge_equals_a_number_computed_by_hand() -> None:
    # max(0, 1 - 0.5·1) = 0.5; max(0, 1 + 0.5·2) = 2.
    assert loss_of(dpo(0.5, "hinge"), pairs(*TWO)) == 1.25


def test_hinge_leaves_a_wide_margin_alone() -> None:
    entries = pairs((-1.0, -5.0, -2.0, -2.0))
    loss, _ = step_loss(dpo(0.5, "hinge"), entries)
    assert float(loss.detach()) == 0
    assert not any(slope.any() for slope in torch.autograd.grad(loss, leaves(entries)))


def test_ipo_equals_a_number_computed_by_hand() -> None:
    # 1 / (2·0.25) = 2: (1 - 2)² = 1, (-2 - 2)² = 16.
    assert loss_of(dpo(0.25, "ipo"), pairs(*TWO)) == 8.5


def test_length_normalisation_divides_each_gain_by_its_own_length() -> None:
    # 3 / 2 + 0.5 / 1 = 2 nats per token; whole replies: 3.5 nats.
    assert loss_of(dpo(0.25, "ipo", length_normalised=True), of_two_lengths()) == 0
    assert loss_of(dpo(0.25, "ipo"), of_two_lengths()) == pytest.approx(1.5**2, abs=1e-15)


def test_label_smoothing_is_dpo_on_labels_that_are_sometimes_swapped() -> None:
    swapped = [(row[1], row[0], row[3], row[2]) for row in TWO]
    kept, turned = (loss_of(dpo(0.7), pairs(*rows)) for rows in (TWO, swapped))
    assert loss_of(dpo(0.7, label_smoothing=0.2), pairs(*TWO)) == pytest.approx(0.8 * kept + 0.2 * turned, abs=1e-15)


def test_label_smoothing_is_content_where_the_label_is_as_sure_as_it_is_right() -> None:
    # σ(beta·m) = 1 - ε at beta = log 3, m = 1, ε = 1/4.
    entries = pairs(TWO[0])
    loss, _ = step_loss(dpo(LOG3, label_smoothing=0.25), entries)
    assert max(float(slope.abs()) for slope in torch.autograd.grad(loss, leaves(entries))) < 1e-15


def test_the_sft_term_is_the_mean_over_the_tokens_of_all_responses() -> None:
    short = {"response": reply(-0.25, reference=(-1.0,)), "rejected": reply(-1.0, reference=(-1.0,))}
    entries = [*of_two_lengths(), Entry(short, {"reward_gap": 1.0})]
    # (1 + 0.5 + 0.25) / 3 tokens.
    for objective, plain in ((dpo(sft_weight=0.6), dpo()), (reward_aware(sft_weight=0.6), reward_aware())):
        assert loss_of(objective, entries) - loss_of(plain, entries) == pytest.approx(0.6 * 1.75 / 3, abs=1e-15)


def test_spin_is_dpo_with_a_gold_term_that_counts_replies() -> None:
    entries = entries_for(dpo(), 4)
    per_reply = -sum(float(entry.replies["response"].logprobs.detach().mean()) for entry in entries) / 4
    expected = loss_of(dpo(2.0), entries) + 0.3 * per_reply
    assert loss_of(spin(2.0, gold_weight=0.3), entries) == pytest.approx(expected, abs=1e-14)
    assert loss_of(spin(2.0, "hinge", gold_weight=0.0), entries) == loss_of(dpo(2.0, "hinge"), entries)


def test_reward_aware_equals_numbers_computed_by_hand() -> None:
    # beta·m = log 3, so σ(a) = 3/4; a gap of 0 asks for σ(b) = 1/2.
    entries = pairs(TWO[0], reward_gap=[0.0])
    backward = 0.5 * math.log(0.5 / 0.75) + 0.5 * math.log(0.5 / 0.25)
    forward = 0.75 * math.log(0.75 / 0.5) + 0.25 * math.log(0.25 / 0.5)
    assert loss_of(reward_aware(LOG3), entries) == pytest.approx(backward, abs=1e-15)
    assert loss_of(reward_aware(LOG3, form="forward_kl"), entries) == pytest.approx(forward, abs=1e-15)
    assert loss_of(reward_aware(LOG3, form="squared"), entries) == pytest.approx(LOG3**2, abs=1e-15)


@pytest.mark.parametrize("form", ["backward_kl", "forward_kl", "squared"])
def test_reward_aware_rests_where_the_margin_is_the_wanted_one(form: str) -> None:
    # beta·m = 0.5·1 and 0.5·-2; scale·gap = 2·0.25 and 2·-0.5.
    objective = reward_aware(0.5, 2.0, form)  # type: ignore[arg-type]
    entries = pairs(*TWO, reward_gap=[0.25, -0.5])
    loss, facts = step_loss(objective, entries)
    assert float(loss.detach()) == 0
    assert max(float(slope.abs()) for slope in torch.autograd.grad(loss, leaves(entries))) < 1e-15
    assert float(facts["wanted_margin"]) == float(facts["margin"]) == -0.5


def soft_label_dpo(entries: list[Entry], beta: float, labels_B: Tensor) -> Tensor:
    """Cross-entropy of DPO's verdict with a label of its own for each pair."""
    view = view_of(entries)
    margin_B = beta * (view.gains_B("response") - view.gains_B("rejected"))
    return -(labels_B * F.logsigmoid(margin_B) + (1 - labels_B) * F.logsigmoid(-margin_B)).mean()


def test_backward_kl_is_dpo_with_the_soft_label_of_the_gap() -> None:
    # L = cross-entropy - entropy of the label; the entropy does not move with the policy.
    beta, scale = 0.7, 1.3
    objective = reward_aware(beta, scale)
    entries = entries_for(objective, 50)
    labels_B = (scale * view_of(entries).columns["reward_gap"]).sigmoid()
    entropy = -(labels_B * labels_B.log() + (1 - labels_B) * (1 - labels_B).log()).mean()
    ours, _ = step_loss(objective, entries)
    soft = soft_label_dpo(entries, beta, labels_B)
    torch.testing.assert_close(ours + entropy, soft, rtol=0, atol=1e-12)
    slopes, expected = (torch.autograd.grad(loss, leaves(entries)) for loss in (ours, soft))
    torch.testing.assert_close(slopes, expected, rtol=0, atol=1e-12)


def test_backward_kl_with_one_gap_for_all_is_label_smoothing() -> None:
    entries = entries_for(dpo(), 20)
    smoothing = 0.2
    gap = math.log((1 - smoothing) / smoothing)
    entropy = -(smoothing * math.log(smoothing) + (1 - smoothing) * math.log(1 - smoothing))
    equal = [Entry(entry.replies, {"reward_gap": gap}) for entry in entries]
    smoothed = loss_of(dpo(0.7, label_smoothing=smoothing), entries)
    assert loss_of(reward_aware(0.7), equal) + entropy == pytest.approx(smoothed, abs=1e-12)


def test_backward_kl_with_a_gap_without_end_is_dpo() -> None:
    entries = [Entry(entry.replies, {"reward_gap": 1e4}) for entry in entries_for(dpo(), 20)]
    assert loss_of(reward_aware(0.7), entries) == pytest.approx(loss_of(dpo(0.7), entries), abs=1e-15)


def test_forward_kl_has_the_slope_of_its_closed_form() -> None:
    a, b = torch.randn(2, 100, dtype=torch.float64, generator=torch.Generator().manual_seed(0)) * 3
    a.requires_grad_()
    (slope,) = torch.autograd.grad(coin_divergence(a, b).sum(), a)
    torch.testing.assert_close(slope, a.sigmoid() * (-a).sigmoid() * (a - b), rtol=0, atol=1e-14)


def test_orpo_equals_a_number_computed_by_hand() -> None:
    # Mean token probabilities (geometric): response √(1/2 · 1/8) = 1/4, odds 1/3; rejected 1/3, odds 1/2.
    # Odds ratio 2/3: σ(log 2/3) = 2/5. Likelihood: (log 2 + log 8) / 2 = 2·log 2.
    entries = [Entry({"response": reply(-LOG2, -3 * LOG2), "rejected": reply(-LOG3)})]
    assert loss_of(orpo(0.3), entries) == pytest.approx(2 * LOG2 + 0.3 * math.log(5 / 2), abs=1e-15)
    facts = facts_of(orpo(), entries)
    assert facts["chosen_logprob"] == pytest.approx(-2 * LOG2, abs=1e-15)
    assert facts["accuracy"] == 0


def test_simpo_equals_a_number_computed_by_hand() -> None:
    # Mean log-probabilities -2·log 2 and -log 3: 2·(log 3 - log 4) - log 2 = log(9/16 / 2) = log 9/32; σ = 9/41.
    entries = [Entry({"response": reply(-LOG2, -3 * LOG2), "rejected": reply(-LOG3)})]
    assert loss_of(simpo(2.0, LOG2), entries) == pytest.approx(math.log(41 / 9), abs=1e-15)
    assert loss_of(simpo(2.0, LOG2, sft_weight=0.5), entries) == pytest.approx(math.log(41 / 9) + LOG2, abs=1e-15)


def judged(unrelated: tuple[float, float]) -> list[Entry]:
    """A desirable reply that gained 2 nats and an undesirable one that gained 1; unrelated ones of two tokens each."""
    rows = ((-1.0, -3.0, "response", unrelated[0]), (-2.0, -3.0, "rejected", unrelated[1]))
    return [
        Entry(
            {
                side: reply(policy, reference=(before,)),
                "unrelated": reply(gain - 9.0, -1.0, reference=(-9.0, -1.0)),
            }
        )
        for policy, before, side, gain in rows
    ]


def test_kto_equals_a_number_computed_by_hand() -> None:
    # z = (3 + 0) / 2 = 1.5, so s = 0.5 and 0.5. beta = 2·log 3: σ(-beta·0.5) = 1/4. (1/4 · 1 + 1/4 · 3) / 2.
    entries = judged(unrelated=(3.0, 0.0))
    assert loss_of(kto(2 * LOG3, undesirable_weight=3.0), entries) == pytest.approx(0.5, abs=1e-15)
    expected = {"accuracy": 1.0, "margin": 0.5, "desirable_gain": 2.0, "undesirable_gain": 1.0, "kl": 1.5}
    assert facts_of(kto(), entries) == expected


def test_a_pair_counts_as_two_replies_for_kto() -> None:
    apart = judged(unrelated=(3.0, 0.0))
    (first, second), unrelated = apart, reply(-7.5, -1.0, reference=(-9.0, -1.0))
    pair = {"response": first.replies["response"], "rejected": second.replies["rejected"], "unrelated": unrelated}
    assert loss_of(kto(), [Entry(pair)]) == pytest.approx(loss_of(kto(), apart), abs=1e-15)


def test_kto_never_takes_its_zero_below_zero() -> None:
    # s = 2 and -1: 1/10 and 3/4 at beta = log 3.
    entries = judged(unrelated=(-3.0, 1.0))
    assert loss_of(kto(LOG3), entries) == pytest.approx((1 / 10 + 3 / 4) / 2, abs=1e-15)
    assert facts_of(kto(), entries)["kl"] == 0


def test_no_gradient_flows_through_the_zero_of_kto() -> None:
    entries = judged(unrelated=(3.0, 0.0))
    loss, _ = step_loss(kto(), entries)
    unrelated = [entry.replies["unrelated"].logprobs for entry in entries]
    assert all(slope is None for slope in torch.autograd.grad(loss, unrelated, allow_unused=True))


EXTREMES: list[Callable[[], Objective]] = [
    lambda: dpo(label_smoothing=0.1, sft_weight=1.0),
    lambda: dpo(form="hinge"),
    spin,
    reward_aware,
    lambda: reward_aware(form="forward_kl"),
    orpo,
    simpo,
]


@pytest.mark.parametrize("make", EXTREMES)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_certain_and_impossible_replies_have_finite_losses_and_gradients(
    make: Callable[[], Objective], dtype: torch.dtype
) -> None:
    def one(policy: float, before: float) -> Reply:
        under = {"reference": torch.tensor([before], dtype=dtype)}
        return Reply(torch.tensor([policy], dtype=dtype, requires_grad=True), under)

    ends = [(0.0, -1e4), (-1e4, 0.0), (0.0, 0.0), (-1e4, -1e4), (-1e-9, -50.0)]
    entries = [
        Entry({"response": one(chosen, rejected), "rejected": one(rejected, chosen)}, {"reward_gap": gap})
        for chosen, rejected in ends
        for gap in (-1e4, 0.0, 1e4)
    ]
    loss, facts = step_loss(make(), entries)
    values = [loss, *facts.values(), *torch.autograd.grad(loss, leaves(entries))]
    assert all(bool(value.isfinite().all()) for value in values)


@pytest.mark.parametrize("probability", [1e-12, 0.3, 0.5, 0.7, 1 - 1e-9])
def test_log_odds_keep_their_digits_at_both_ends(probability: float) -> None:
    logprob = torch.tensor(
        math.log(probability) if probability < 0.9 else math.log1p(probability - 1), dtype=torch.float64
    )
    expected = math.log(probability) - math.log1p(-probability)
    assert float(log_odds(logprob)) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(
    ("make", "settings", "named"),
    [
        (dpo, {"beta": 0.0}, "beta"),
        (dpo, {"beta": math.nan}, "beta"),
        (dpo, {"form": "exo"}, "exo"),
        (dpo, {"label_smoothing": 0.5}, "label_smoothing"),
        (dpo, {"form": "hinge", "label_smoothing": 0.1}, "label_smoothing"),
        (dpo, {"sft_weight": -1.0}, "sft_weight"),
        (spin, {"strength": -1.0}, "strength"),
        (spin, {"gold_weight": -0.1}, "gold_weight"),
        (spin, {"form": "sigmoid"}, "sigmoid"),
        (reward_aware, {"scale": 0.0}, "scale"),
        (reward_aware, {"form": "kl"}, "kl"),
        (orpo, {"strength": 0.0}, "strength"),
        (simpo, {"margin": -1.0}, "margin"),
        (simpo, {"beta": math.inf}, "beta"),
        (kto, {"desirable_weight": 0.0}, "desirable_weight"),
    ],
)
def test_settings_that_cannot_be_are_refused(
    make: Callable[..., Objective], settings: Mapping[str, object], named: str
) -> None:
    with pytest.raises(SettingsError, match=named):
        make(**settings)


@pytest.mark.parametrize("make", [dpo, spin, reward_aware, orpo, simpo, kto])
def test_each_parameter_names_the_objective(make: Callable[..., Objective]) -> None:
    for name, value in make().parameters.items():
        if not isinstance(value, str):
            other = not value if isinstance(value, bool) else 0.3
            assert make(**{name: other}).to_json() != make().to_json()
