"""Policy-gradient losses and advantages against numbers computed by hand, and their laws."""
# ruff: noqa: N806 -- axes stand in the names of tensors

import math
from collections.abc import Sequence
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from regrowth.core.errors import DataError, SettingsError
from regrowth.training.advantages import group_relative, leave_one_out
from regrowth.training.objectives import Objective, grpo, rloo
from support.views import Entry, Reply, leaves, step_loss

NAN = math.nan


def drawn(advantage: float, ratios: Sequence[float], **under: Sequence[float]) -> Entry:
    """Return a reply by p / old of each token, old being 1/2; other models by their probability."""
    old = torch.full((len(ratios),), 0.5, dtype=torch.float64)
    policy = (old * torch.tensor(ratios, dtype=torch.float64)).log().requires_grad_()
    others = {model: torch.tensor(values, dtype=torch.float64).log() for model, values in under.items()}
    return Entry({"response": Reply(policy, {"old": old.log(), **others})}, {"advantage": advantage})


def loss_of(objective: Objective, entries: Sequence[Entry]) -> tuple[float, dict[str, float]]:
    value, facts = step_loss(objective, entries)
    return float(value.detach()), {name: float(fact) for name, fact in facts.items()}


def slopes(objective: Objective, entries: Sequence[Entry]) -> list[Any]:
    found: tuple[Tensor, ...] = torch.autograd.grad(step_loss(objective, entries)[0], leaves(entries))
    return [slope.tolist() for slope in found]


# Two replies: the better one of two tokens, one of them clipped; the worse one of one token, clipped.
BETTER, WORSE = (2.0, [1.5, 0.5]), (-1.0, [0.6])


@pytest.mark.parametrize(
    ("objective", "value"),
    [
        # Better: -(1.2·2) and -(0.5·2); worse: 0.8·1, for 0.6 < 0.8 and min takes the greater loss.
        (grpo(), ((-2.4 - 1.0) / 2 + 0.8) / 2),
        (grpo(normalise="token"), (-2.4 - 1.0 + 0.8) / 3),
        (grpo(normalise="constant", longest=10), (-2.4 - 1.0 + 0.8) / 20),
        (grpo(0.5, 1.0), ((-3.0 - 1.0) / 2 + 0.6) / 2),
    ],
)
def test_group_relative_policy_optimisation_equals_a_number_computed_by_hand(
    objective: Objective, value: float
) -> None:
    assert loss_of(objective, [drawn(*BETTER), drawn(*WORSE)])[0] == pytest.approx(value, abs=1e-15)


def test_facts_are_means_over_the_tokens_of_the_step() -> None:
    _, facts = loss_of(grpo(), [drawn(*BETTER), drawn(*WORSE)])
    assert facts["clipped"] == pytest.approx(2 / 3, abs=1e-15)
    assert facts["ratio"] == pytest.approx((1.5 + 0.5 + 0.6) / 3, abs=1e-15)
    assert facts["surprisal"] == pytest.approx(-(math.log(0.75) + math.log(0.25) + math.log(0.3)) / 3, abs=1e-15)


def test_a_reply_without_an_advantage_is_never_clipped() -> None:
    assert loss_of(grpo(), [drawn(0.0, [1.5, 0.5])])[1]["clipped"] == 0


def test_the_kl_estimate_equals_a_number_computed_by_hand() -> None:
    entry = drawn(0.0, [1.5, 0.5], reference=[0.375, 0.75])
    # q/p = 1/2 and 3: 1/2 + log 2 - 1 and 3 - log 3 - 1; corrected by 1.5 and 0.5.
    plain = [math.log(2) - 1 / 2, 2 - math.log(3)]
    value, facts = loss_of(grpo(kl_weight=0.1, kl_corrected=False), [entry])
    assert value == pytest.approx(0.1 * sum(plain) / 2, abs=1e-15)
    assert facts["kl"] == pytest.approx(sum(plain) / 2, abs=1e-15)
    corrected = (1.5 * plain[0] + 0.5 * plain[1]) / 2
    assert loss_of(grpo(kl_weight=0.1), [entry])[1]["kl"] == pytest.approx(corrected, abs=1e-15)


@pytest.mark.parametrize("corrected", [True, False])
def test_only_the_corrected_kl_estimate_has_the_gradient_of_the_kl(corrected: bool) -> None:
    """Expected over tokens drawn from the policy itself, at which every ratio is 1."""
    logits_V = torch.tensor([1.0, -0.5, 0.25], dtype=torch.float64, requires_grad=True)
    reference_V = torch.tensor([0.2, 0.5, 0.3], dtype=torch.float64).log()
    policy_V = logits_V.log_softmax(-1)
    exact = (policy_V.exp() * (policy_V - reference_V)).sum()
    objective = grpo(kl_weight=1.0, kl_corrected=corrected)

    def estimate(token: int) -> Tensor:
        under = {"old": policy_V.detach()[token, None], "reference": reference_V[token, None]}
        entry = Entry({"response": Reply(policy_V[token, None], under)}, {"advantage": 0.0})
        return step_loss(objective, [entry])[0]

    expected = torch.stack([policy_V.detach()[token].exp() * estimate(token) for token in range(3)]).sum()
    assert float(expected.detach()) == pytest.approx(float(exact.detach()), abs=1e-15)
    slope_V, exact_V = (torch.autograd.grad(loss, logits_V, retain_graph=True)[0] for loss in (expected, exact))
    assert torch.allclose(slope_V, exact_V, atol=1e-15) is corrected


def test_clipped_tokens_have_no_gradient_and_others_that_of_reinforce() -> None:
    # Better: clipped above; below, the gain still counts: -ρ·A / (2 tokens · 2 replies). Worse: clipped.
    assert slopes(grpo(), [drawn(*BETTER), drawn(*WORSE)]) == [pytest.approx([0.0, -0.25]), [0.0]]
    # The clip guards one side only: a better reply that fell, and a worse one that rose, are pulled back.
    assert slopes(grpo(), [drawn(1.0, [0.5]), drawn(-1.0, [1.5])]) == [pytest.approx([-0.25]), pytest.approx([0.75])]


def test_before_the_first_step_the_gradient_is_reinforce() -> None:
    entries = [drawn(2.0, [1.0, 1.0]), drawn(-1.0, [1.0])]
    assert slopes(grpo(normalise="token"), entries) == [pytest.approx([-2 / 3, -2 / 3]), pytest.approx([1 / 3])]
    assert slopes(rloo(), entries) == [pytest.approx([-1.0, -1.0]), pytest.approx([0.5])]


def test_leave_one_out_clips_the_ratio_of_the_whole_reply() -> None:
    entries = [drawn(2.0, [1.5, 0.5]), drawn(1.0, [1.5, 1.5]), drawn(-1.0, [0.5])]
    value, facts = loss_of(rloo(), entries)
    # ρ = 0.75 is not clipped above; 2.25 is held at 1.2; 0.5 at 0.8.
    assert value == pytest.approx((-1.5 - 1.2 + 0.8) / 3, abs=1e-15)
    assert facts["clipped"] == pytest.approx(2 / 3, abs=1e-15)
    assert facts["ratio"] == pytest.approx((0.75 + 2.25 + 0.5) / 3, abs=1e-15)


@pytest.mark.parametrize("objective", [grpo(kl_weight=0.1), grpo(kl_weight=0.1, kl_corrected=False), rloo()])
@pytest.mark.parametrize("advantage", [1.0, 0.0, -1.0])
@pytest.mark.parametrize("gap", [-1e4, 1e4])
def test_models_far_apart_give_no_nan_in_single_precision(objective: Objective, advantage: float, gap: float) -> None:
    policy = torch.tensor([-1e4 - 1.0], requires_grad=True)
    under = {"old": policy.detach() - gap, "reference": policy.detach() + gap}
    entries = [Entry({"response": Reply(policy, under)}, {"advantage": advantage})]
    value, facts = step_loss(objective, entries)
    (slope,) = torch.autograd.grad(value, policy)
    assert all(torch.isfinite(number) for number in (value, slope, *facts.values()))


def test_the_reference_is_read_only_where_kl_has_a_weight() -> None:
    assert grpo().models == ("old",)
    assert grpo(kl_weight=0.1).models == ("old", "reference")
    assert grpo().columns == rloo().columns == {"advantage": None}


@pytest.mark.parametrize(
    "impossible",
    [
        lambda: grpo(1.0),
        lambda: grpo(clip_high=-0.1),
        lambda: grpo(kl_weight=-1.0),
        lambda: grpo(normalise="batch"),  # type: ignore[arg-type]
        lambda: grpo(normalise="constant"),
        lambda: rloo(-0.1),
    ],
)
def test_impossible_parameters_are_refused(impossible: Any) -> None:
    with pytest.raises(SettingsError):
        impossible()


# Advantages -----------------------------------------------------------------------------------------------------------

GROUPS = st.lists(st.lists(st.floats(-100, 100), max_size=6), max_size=4)


def test_group_relative_advantages_equal_numbers_computed_by_hand() -> None:
    # Mean 2, sum of squares 2, standard deviation 1 with n - 1.
    found = group_relative([[1.0, 2.0, 3.0], [5.0], [4.0, 4.0], []], epsilon=0.0)
    assert found.values == [[-1.0, 0.0, 1.0], [0.0], [0.0, 0.0], []]
    assert (found.alone, found.constant, found.unknown) == (1, 1, 0)
    assert group_relative([[1.0, 2.0, 3.0]], epsilon=1.0).values == [[-0.5, 0.0, 0.5]]
    assert group_relative([[1.0, 2.0, 6.0]], scale=False).values == [[-2.0, -1.0, 3.0]]


def test_leave_one_out_advantages_equal_numbers_computed_by_hand() -> None:
    # 1 - (2 + 6)/2, 2 - (1 + 6)/2, 6 - (1 + 2)/2
    found = leave_one_out([[1.0, 2.0, 6.0], [5.0], [4.0, 4.0]])
    assert found.values == [[-3.0, -1.5, 4.5], [0.0], [0.0, 0.0]]
    assert (found.alone, found.constant, found.unknown) == (1, 1, 0)


def test_kl_is_taken_off_the_reward_before_replies_are_compared() -> None:
    assert leave_one_out([[1.0, 1.0]], kl=[[2.0, 4.0]], kl_weight=0.5).values == [[1.0, -1.0]]
    assert leave_one_out([[1.0, 2.0]], kl=[[2.0, 4.0]], kl_weight=0.5).constant == 1


@pytest.mark.parametrize("compare", [group_relative, leave_one_out])
def test_an_unknown_reward_enters_no_mean(compare: Any) -> None:
    found = compare([[1.0, NAN, 3.0], [NAN, 2.0]])
    known = compare([[1.0, 3.0], [2.0]])
    assert found.values == [[known.values[0][0], 0.0, known.values[0][1]], [0.0, 0.0]]
    assert (found.unknown, found.alone) == (2, 1)


@given(GROUPS, st.booleans())
def test_advantages_of_a_group_add_up_to_nothing(rewards: list[list[float]], scale: bool) -> None:
    for found in (group_relative(rewards, scale), leave_one_out(rewards)):
        assert [len(group) for group in found.values] == [len(group) for group in rewards]
        assert all(sum(group) == pytest.approx(0, abs=1e-8) for group in found.values)


@given(GROUPS)
def test_leave_one_out_is_the_centred_reward_stretched_by_n_over_n_minus_one(rewards: list[list[float]]) -> None:
    centred, baseline = group_relative(rewards, scale=False).values, leave_one_out(rewards).values
    for group, plain in zip(baseline, centred, strict=True):
        stretch = len(group) / max(len(group) - 1, 1)
        assert group == pytest.approx([stretch * value for value in plain], abs=1e-9)


def test_infinite_rewards_and_kl_of_another_shape_are_refused() -> None:
    with pytest.raises(DataError, match="Group 1 has an infinite reward"):
        group_relative([[1.0], [math.inf, 0.0]])
    with pytest.raises(DataError, match="one number per reply"):
        leave_one_out([[1.0, 2.0]], kl=[[0.0]])
