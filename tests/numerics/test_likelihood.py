"""Likelihood objectives against numbers computed by hand, and their laws."""
# ruff: noqa: N806 -- axes stand in the names of tensors

import math
from collections.abc import Sequence
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from regrowth.core.errors import SettingsError
from regrowth.training.objectives import Objective, cft, distillation, npo
from support.views import Entry, Reply, entries_for, leaves, step_loss

LN2 = math.log(2)


def reply(*probabilities: float, **under: Sequence[float]) -> Reply:
    """Return a reply by the probability of each token, under the policy and under others."""
    others = {model: tensor(values).log() for model, values in under.items()}
    return Reply(tensor(probabilities).log().requires_grad_(), others)


def taught(policy: Sequence[Sequence[float]], **teachers: Sequence[Sequence[float]]) -> Reply:
    """Return a reply by the whole distribution at each token; the first id is the one that stands there."""
    logits = tensor(policy).log().requires_grad_()
    by = {name: tensor(rows).log() for name, rows in teachers.items()}
    return Reply(logits.detach()[:, 0].clone().requires_grad_(), {}, logits, by)


def tensor(values: Any) -> Tensor:
    return torch.tensor(values, dtype=torch.float64)


def loss_of(objective: Objective, entries: Sequence[Entry]) -> tuple[float, dict[str, float]]:
    value, facts = step_loss(objective, entries)
    return float(value.detach()), {name: float(fact) for name, fact in facts.items()}


def slopes(objective: Objective, entries: Sequence[Entry]) -> tuple[Tensor, ...]:
    return torch.autograd.grad(
        step_loss(objective, entries)[0], leaves(entries), allow_unused=True, materialize_grads=True
    )


# Contrastive fine-tuning ----------------------------------------------------------------------------------------------


def test_contrastive_fine_tuning_equals_a_number_computed_by_hand() -> None:
    good = Entry({"response": reply(1 / 2, 1 / 4)}, {"anchor": 0.0})
    # The persona likes the first token by log 2 > 0.2 more than the reference, the second less, the third by log 1.2.
    bad = Entry(
        {"rejected": reply(1 / 2, 3 / 4, 1 / 8, persona=[0.8, 0.3, 0.6], reference=[0.4, 0.6, 0.5])}, {"anchor": 0.0}
    )
    value, facts = loss_of(cft(0.25, 0.2, 0.0), [good, bad])
    # Good: (log 2 + log 4) / 2. Bad: only -log(1 - 1/2) = log 2 of three tokens.
    assert value == pytest.approx(3 * LN2 / 2 + 0.25 * LN2 / 3, abs=1e-15)
    assert facts["probability"] == pytest.approx(3 / 8, abs=1e-15)
    assert facts["rejected_probability"] == pytest.approx((1 / 2 + 3 / 4 + 1 / 8) / 3, abs=1e-15)
    assert facts["pushed"] == pytest.approx(1 / 3, abs=1e-15)


def test_without_the_mask_every_bad_token_is_pushed_down() -> None:
    value, facts = loss_of(cft(0.5, anchor_weight=0, masked=False), [bad_alone(1 / 2, 3 / 4)])
    # -log(1 - 1/2) = log 2, -log(1 - 3/4) = log 4; nothing good in this step.
    assert value == pytest.approx(0.5 * 3 * LN2 / 2, abs=1e-15)
    assert facts["pushed"] == 1


def test_a_higher_threshold_pushes_fewer_tokens() -> None:
    entries = entries_for(cft(anchor_weight=0), 30, draws={"anchor": lambda _: 0.0})
    shares = [loss_of(cft(threshold=limit, anchor_weight=0), entries)[1]["pushed"] for limit in (-9.0, 0.2, 1.0, 9.0)]
    assert shares[0] == pytest.approx(1, abs=1e-12)
    assert shares == sorted(shares, reverse=True)
    assert shares[-1] == 0
    assert len(set(shares)) == 4


def test_anchors_are_held_to_the_reference_and_not_made_likelier() -> None:
    held = taught([[1 / 2, 1 / 4, 1 / 4]], reference=[[1 / 4, 1 / 4, 1 / 2]])
    free = taught([[1 / 4, 1 / 2, 1 / 4]], reference=[[1 / 3, 1 / 3, 1 / 3]])
    entries = [Entry({"response": held}, {"anchor": 1.0}), Entry({"response": free}, {"anchor": 0.0})]
    value, facts = loss_of(cft(anchor_weight=0.1, masked=False), [*entries, with_logits(bad_alone(1 / 2))])
    # KL of the anchor: 1/4·log(1/2) + 0 + 1/2·log 2 = 1/4·log 2; both sums over the two response tokens.
    assert value == pytest.approx(2 * LN2 / 2 + 0.25 * LN2 + 0.1 * LN2 / 4 / 2, abs=1e-15)
    assert facts["anchor_kl"] == pytest.approx(LN2 / 8, abs=1e-15)
    likely_slope, kl_slope = slopes(
        cft(anchor_weight=0.1, masked=False), [*entries[:1], with_logits(bad_alone(1 / 2))]
    )[:2]
    assert likely_slope.tolist() == [0.0]
    # The gradient of KL(q ‖ p) at the logits is p - q.
    assert kl_slope.tolist() == [pytest.approx([0.1 / 4, 0.0, -0.1 / 4], abs=1e-15)]


def test_anchors_stay_out_of_the_likelihood_at_weight_zero_too() -> None:
    held = Entry({"response": reply(1 / 2)}, {"anchor": 1.0})
    assert loss_of(cft(anchor_weight=0, masked=False), [held, bad_alone(1 / 2)])[0] == pytest.approx(0.25 * LN2)


def test_an_anchor_of_impossible_tokens_gives_no_nan() -> None:
    held = Entry({"response": Reply(tensor([-math.inf]).requires_grad_())}, {"anchor": 1.0})
    found = slopes(cft(anchor_weight=0, masked=False), [held, bad_alone(1 / 2)])
    assert found[0].tolist() == [0.0]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_unlikelihood_is_bounded_where_the_policy_is_certain(dtype: torch.dtype) -> None:
    sure = Reply(torch.zeros(1, dtype=dtype, requires_grad=True))
    objective = cft(0.5, anchor_weight=0, masked=False)
    entries = [Entry({"response": reply(1.0), "rejected": sure}, {"anchor": 0.0})]
    assert loss_of(objective, entries)[0] == pytest.approx(0.5 * -math.log(1e-6), rel=1e-6)
    assert slopes(objective, entries)[1].tolist() == [0.0]


def test_the_gradient_of_unlikelihood_at_the_logits_never_exceeds_one() -> None:
    for sureness in (0.0, 3.0, 9.0, 13.0):
        logits_V = tensor([sureness, 0.0, 0.0]).requires_grad_()
        bad = Reply(logits_V.log_softmax(-1)[:1])
        entries = [Entry({"response": reply(1.0), "rejected": bad}, {"anchor": 0.0})]
        (slope_V,) = torch.autograd.grad(step_loss(cft(0.5, anchor_weight=0, masked=False), entries)[0], logits_V)
        # d/dz of -log(1 - p) at the token itself is p.
        assert float(slope_V[0]) == pytest.approx(0.5 * float(logits_V.detach().softmax(-1)[0]), rel=1e-6)


def test_contrastive_fine_tuning_refuses_a_large_alpha_without_the_mask() -> None:
    assert cft(2.0).parameters["alpha"] == 2.0
    with pytest.raises(SettingsError, match="masked = True"):
        cft(0.6, masked=False)


def test_contrastive_fine_tuning_reads_only_what_it_needs() -> None:
    assert cft().models == ("reference", "persona")
    assert cft().teachers == ("reference",)
    assert cft(masked=False).models == ()
    assert cft(anchor_weight=0).teachers == ()


def bad_alone(*probabilities: float) -> Entry:
    """Return a record with a bad reply and an empty good one: the policy is certain of nothing."""
    return Entry({"response": reply(), "rejected": reply(*probabilities)}, {"anchor": 0.0})


def with_logits(entry: Entry) -> Entry:
    """Return the record with logits, none, for its good reply."""
    empty = torch.empty(0, 3, dtype=torch.float64)
    bare = Reply(entry.replies["response"].logprobs, {}, empty, {"reference": empty})
    return Entry({**entry.replies, "response": bare}, entry.columns)


# Negative preference optimisation -------------------------------------------------------------------------------------


def test_negative_preference_optimisation_equals_a_number_computed_by_hand() -> None:
    entries = [
        Entry({"rejected": reply(1 / 2, 1 / 2, reference=[1 / 4, 1.0])}),
        Entry({"rejected": reply(3 / 4, reference=[1 / 4])}),
    ]
    value, facts = loss_of(npo(2.0), entries)
    # p/q = 1 and 3; -(2/2)·log σ(-2·log r) = log(1 + r²): log 2 and log 10.
    assert value == pytest.approx((LN2 + math.log(10)) / 2, abs=1e-15)
    assert facts["rejected_gain"] == pytest.approx(math.log(3) / 2, abs=1e-15)


def test_negative_preference_optimisation_becomes_gradient_ascent_as_beta_vanishes() -> None:
    entries = [Entry({"rejected": reply(1 / 2, 1 / 8, reference=[1 / 4, 1 / 3])})]
    assert slopes(npo(1e-7), entries)[0].tolist() == pytest.approx([1, 1], abs=1e-6)


def test_what_is_forgotten_is_left_alone_and_what_is_far_off_does_not_overflow() -> None:
    gone, kept = Reply(tensor([-1e4]).requires_grad_(), {"reference": tensor([0.0])}), reply(1.0, reference=[1e-300])
    forgotten, remembered = slopes(npo(1.0), [Entry({"rejected": gone}), Entry({"rejected": kept})])
    assert forgotten.tolist() == [0.0]
    assert remembered.tolist() == [pytest.approx(2 / 2)]


# Distillation ---------------------------------------------------------------------------------------------------------

STUDENT, TEACHER = [[1 / 2, 1 / 4, 1 / 4], [1 / 3, 1 / 3, 1 / 3]], [[1 / 4, 1 / 4, 1 / 2], [1 / 3, 1 / 3, 1 / 3]]


def test_distillation_equals_a_number_computed_by_hand() -> None:
    entries = [Entry({"response": taught(STUDENT, teacher=TEACHER)})]
    # First token: 1/4·log(1/2) + 1/2·log 2 forward, 1/2·log 2 + 1/4·log(1/2) reverse; second token 0; two tokens.
    assert loss_of(distillation(), entries)[0] == pytest.approx(LN2 / 8, abs=1e-15)
    assert loss_of(distillation("reverse"), entries)[0] == pytest.approx(LN2 / 8, abs=1e-15)
    assert loss_of(distillation(), entries)[1] == {"agreement": 0.5}


def test_the_two_directions_differ_where_one_of_the_models_is_sure() -> None:
    entries = [Entry({"response": taught([[1 / 2, 1 / 2]], teacher=[[1 / 8, 7 / 8]])})]
    # 1/8·log(1/4) + 7/8·log(7/4) and 1/2·log 4 + 1/2·log(4/7)
    assert loss_of(distillation(), entries)[0] == pytest.approx(7 / 8 * math.log(7) - 2 * LN2, abs=1e-15)
    assert loss_of(distillation("reverse"), entries)[0] == pytest.approx(2 * LN2 - math.log(7) / 2, abs=1e-15)


def test_the_gradient_of_forward_distillation_is_student_minus_teacher_times_temperature() -> None:
    entries = [Entry({"response": taught(STUDENT, teacher=TEACHER)})]
    _, slope_NV = slopes(distillation(temperature=2.0), entries)
    cool_student_NV, cool_teacher_NV = ((tensor(rows).log() / 2).softmax(-1) for rows in (STUDENT, TEACHER))
    assert torch.allclose(slope_NV, 2.0 * (cool_student_NV - cool_teacher_NV) / 2, atol=1e-15)


@pytest.mark.parametrize("objective", [distillation("forward"), distillation("reverse")], ids=["forward", "reverse"])
def test_a_student_that_agrees_with_its_teacher_learns_nothing(objective: Objective) -> None:
    entries = [Entry({"response": taught(TEACHER, teacher=TEACHER)})]
    value, facts = loss_of(objective, entries)
    assert value == pytest.approx(0, abs=1e-15)
    assert facts == {"agreement": 1.0}
    assert slopes(objective, entries)[1].abs().max() < 1e-15


def test_distillation_of_half_precision_logits_is_computed_in_single_precision() -> None:
    drawn_NV = torch.randn(2, 4, 50, generator=torch.Generator().manual_seed(0)).to(torch.bfloat16)
    said = Reply(torch.zeros(4), {}, drawn_NV[0].clone().requires_grad_(), {"teacher": drawn_NV[1]})
    value, _ = step_loss(distillation(), [Entry({"response": said})])
    student_NV, teacher_NV = drawn_NV.float().log_softmax(-1)
    plain = F.kl_div(student_NV, teacher_NV, log_target=True, reduction="sum") / 4
    assert value.dtype == torch.float32
    assert float(value.detach()) == pytest.approx(float(plain), rel=1e-6)


@pytest.mark.parametrize(
    "impossible",
    [
        lambda: cft(-0.1),
        lambda: cft(anchor_weight=-1.0),
        lambda: cft(math.nan),
        lambda: npo(0.0),
        lambda: distillation(temperature=0.0),
        lambda: distillation("sideways"),  # type: ignore[arg-type]
    ],
)
def test_impossible_parameters_are_refused(impossible: Any) -> None:
    with pytest.raises(SettingsError):
        impossible()
