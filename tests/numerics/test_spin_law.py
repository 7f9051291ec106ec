"""SPIN's law: a round solved to its end multiplies log p_data - log p by 1 - 1/strength, up to normalisation.

Forty answers to one prompt, each one token long; the policy is forty logits. No network, no samples: the objective's
loss of every pair (answer of the data, answer of the opponent) counts as often as the pair turns up.

    data       p_data(y)               opponent   p_t(y), the policy that the round starts from
    solved     p_t+1(y) ∝ p_t(y) · (p_data(y) / p_t(y)) ^ (1 / strength)

Legend: K answers, P = K² pairs.
"""
# ruff: noqa: N803, N806 -- axes stand in the names of tensors

from collections.abc import Callable
from itertools import pairwise

import pytest
import torch
from torch import Tensor

from regrowth.training.objectives import Objective, Side, View, spin

ANSWERS = 40
ONE = torch.zeros(1, dtype=torch.long)

Round = Callable[[Tensor, Tensor, float], Tensor]


def distributions() -> tuple[Tensor, Tensor]:
    """Return log p_data and log p_0 [K]."""
    generator = torch.Generator().manual_seed(4)
    data_K, policy_K = torch.randn(2, ANSWERS, dtype=torch.float64, generator=generator).log_softmax(-1)
    return data_K, policy_K


def best_response(data_K: Tensor, opponent_K: Tensor, strength: float) -> Tensor:
    """Return the next policy in closed form."""
    return (opponent_K + (data_K - opponent_K) / strength).log_softmax(-1)


def solved(data_K: Tensor, opponent_K: Tensor, strength: float) -> Tensor:
    """Return the next policy as what a solver makes of our objective."""
    logits_K = opponent_K.clone().requires_grad_()
    optimizer = torch.optim.LBFGS(
        [logits_K],
        max_iter=1000,
        history_size=50,
        tolerance_grad=1e-14,
        tolerance_change=1e-16,
        line_search_fn="strong_wolfe",
    )

    def closure() -> float:
        optimizer.zero_grad()
        loss = population_loss(spin(strength, gold_weight=0.0), logits_K.log_softmax(-1), data_K, opponent_K)
        loss.backward()  # type: ignore[no-untyped-call]
        return float(loss.detach())

    optimizer.step(closure)  # type: ignore[no-untyped-call]
    return logits_K.detach().log_softmax(-1)


def population_loss(objective: Objective, policy_K: Tensor, data_K: Tensor, opponent_K: Tensor) -> Tensor:
    """Return the expected loss over answers of the data and of the opponent."""
    gold_P, fake_P = (index.flatten() for index in torch.meshgrid(*[torch.arange(ANSWERS)] * 2, indexing="ij"))

    def of_pair(gold: Tensor, gold_before: Tensor, fake: Tensor, fake_before: Tensor) -> Tensor:
        response = Side(gold[None], ONE, 1, 1, {"reference": gold_before[None]})
        rejected = Side(fake[None], ONE, 1, 1, {"reference": fake_before[None]})
        return objective.loss(View({"response": response, "rejected": rejected}, 1, 1)).value

    losses_P = torch.vmap(of_pair)(policy_K[gold_P], opponent_K[gold_P], policy_K[fake_P], opponent_K[fake_P])
    return ((data_K[gold_P] + opponent_K[fake_P]).exp() * losses_P).sum()


def play(rounds: int, strength: float, next_round: Round) -> list[Tensor]:
    """Return the error log p_data - log p [K] before the first round and after each, its mean taken off."""
    data_K, policy_K = distributions()
    errors = [data_K - policy_K]
    for _ in range(rounds):
        policy_K = next_round(data_K, policy_K, strength)
        errors.append(data_K - policy_K)
    return [error_K - error_K.mean() for error_K in errors]


def divergences(rounds: int, strength: float) -> list[float]:
    """Return KL(p_data ‖ p) before the first round and after each, in nats."""
    data_K, policy_K = distributions()
    found = [float((data_K.exp() * (data_K - policy_K)).sum())]
    for _ in range(rounds):
        policy_K = best_response(data_K, policy_K, strength)
        found.append(float((data_K.exp() * (data_K - policy_K)).sum()))
    return found


@pytest.mark.parametrize("strength", [0.1, 0.5, 0.8, 1.0, 2.0, 5.0])
def test_a_solver_of_the_objective_finds_the_best_response(strength: float) -> None:
    data_K, policy_K = distributions()
    found_K, expected_K = (play_K(data_K, policy_K, strength) for play_K in (solved, best_response))
    assert float((found_K.exp() - expected_K.exp()).abs().sum() / 2) < 1e-8
    start_K, end_K = play(1, strength, solved)
    torch.testing.assert_close(end_K, (1 - 1 / strength) * start_K, rtol=0, atol=2e-5)


@pytest.mark.parametrize("strength", [0.8, 2.0, 5.0])
def test_every_solved_round_multiplies_the_error_by_the_same_number(strength: float) -> None:
    errors = play(4, strength, solved)
    for before_K, after_K in pairwise(errors):
        torch.testing.assert_close(after_K, (1 - 1 / strength) * before_K, rtol=0, atol=2e-5)


def test_strength_one_is_there_after_one_round() -> None:
    start_K, end_K = play(1, 1.0, solved)
    assert float(start_K.abs().max()) > 1
    assert float(end_K.abs().max()) < 1e-5


def test_strength_five_comes_closer_every_round() -> None:
    found = divergences(30, 5.0)
    assert all(after < before for before, after in pairwise(found))
    assert found[-1] < 1e-4 * found[0]


def test_strength_one_tenth_diverges() -> None:
    errors = play(3, 0.1, best_response)
    for before_K, after_K in pairwise(errors):
        torch.testing.assert_close(after_K, -9 * before_K, rtol=1e-9, atol=0)
    assert min(divergences(4, 0.1)[1:]) > 2 * divergences(0, 0.1)[0]


def test_strength_one_half_goes_round_in_circles() -> None:
    found = divergences(4, 0.5)
    assert found[2] == pytest.approx(found[0], rel=1e-9)
    assert found[3] == pytest.approx(found[1], rel=1e-9)


@pytest.mark.parametrize("strength", [0.1, 1.0, 5.0])
@pytest.mark.parametrize("form", ["logistic", "hinge"])
def test_who_has_become_the_data_stays(strength: float, form: str) -> None:
    data_K, _ = distributions()
    logits_K = data_K.clone().requires_grad_()
    objective = spin(strength, form, gold_weight=0.0)  # type: ignore[arg-type]
    loss = population_loss(objective, logits_K.log_softmax(-1), data_K, data_K)
    (slope_K,) = torch.autograd.grad(loss, logits_K)
    assert float(slope_K.abs().max()) < 1e-15
