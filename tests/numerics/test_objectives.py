"""Objectives against numbers computed by hand, finite differences and the plain padded computation."""
# ruff: noqa: N806 -- axes stand in the names of tensors

import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from regrowth.training.objectives import Side, View, sft
from regrowth.training.rows import tokenize
from regrowth.training.step import gradients, lens
from regrowth.weights.loading import Weights, load
from support.training import additions, make_base


def view(logprobs: list[list[float]], tokens_in_step: int) -> View:
    """A pass of replies with given log-probabilities per token."""
    flat_N = torch.tensor([value for reply in logprobs for value in reply], dtype=torch.float64)
    rows_N = torch.tensor([row for row, reply in enumerate(logprobs) for _ in reply])
    return View({"response": Side(flat_N, rows_N, tokens_in_step)}, len(logprobs), len(logprobs))


@pytest.fixture(scope="module")
def double(tmp_path_factory: pytest.TempPathFactory) -> Weights:
    weights = load(make_base(tmp_path_factory.mktemp("base")))
    weights.network.double()
    return weights


def step(weights: Weights, count: int, *, tokens_per_pass: int = 10**6) -> tuple[float, list[Tensor]]:
    """The loss and the gradients of a step over some sums, all passes added up."""
    rows = tokenize(additions(count), weights.codec, sft, context=64)
    look = lens(weights, sft, tokens_per_pass, {})
    slopes, figures = gradients(look, rows, np.arange(count), list(weights.network.parameters()))
    return float(figures["loss"]), slopes


def test_sft_equals_a_number_computed_by_hand() -> None:
    loss = sft.loss(view([[math.log(1 / 2), math.log(1 / 4)], [math.log(1 / 8)]], tokens_in_step=3))
    assert float(loss.value) == pytest.approx((1 + 2 + 3) * math.log(2) / 3, abs=1e-15)
    assert float(loss.facts["probability"]) == pytest.approx((1 / 2 + 1 / 4 + 1 / 8) / 3, abs=1e-15)


def test_the_shares_of_passes_add_up_to_the_step() -> None:
    first, second = [[-0.5, -1.5], [-2.0]], [[-3.0, -0.25, -0.125]]
    whole = float(sft.loss(view(first + second, 6)).value)
    assert sum(float(sft.loss(view(part, 6)).value) for part in (first, second)) == pytest.approx(whole, abs=1e-15)


def test_replies_have_the_sums_of_their_tokens() -> None:
    side = view([[-0.5, -1.5], [-2.0], [-3.0, -0.25, -0.125]], 6)["response"]
    assert side.sums_B(3).tolist() == [-2.0, -2.0, -3.375]


def test_the_gradient_at_the_logits_is_softmax_minus_one_hot_over_the_step() -> None:
    logits_NV = torch.randn(4, 7, dtype=torch.float64, generator=torch.Generator().manual_seed(0), requires_grad=True)
    targets_N = torch.tensor([0, 6, 3, 3])
    logprobs_N = -F.cross_entropy(logits_NV, targets_N, reduction="none")
    loss = sft.loss(View({"response": Side(logprobs_N, torch.zeros(4, dtype=torch.long), 10)}, 1, 3)).value
    (slope_NV,) = torch.autograd.grad(loss, logits_NV)
    expected_NV = (logits_NV.softmax(-1) - F.one_hot(targets_N, 7)) / 10
    assert torch.allclose(slope_NV, expected_NV, atol=1e-15)


def test_the_gradient_through_the_network_equals_finite_differences(double: Weights) -> None:
    parameters = list(double.network.parameters())
    _, slopes = step(double, 5)
    generator = torch.Generator().manual_seed(3)
    ways = [torch.randn(weight.shape, dtype=torch.float64, generator=generator) for weight in parameters]
    width, ends = 1e-5, []
    for sign in (1, -2):
        torch._foreach_add_([weight.data for weight in parameters], ways, alpha=sign * width)
        ends.append(step(double, 5)[0])
    torch._foreach_add_([weight.data for weight in parameters], ways, alpha=width)
    along = sum(float((slope * way).sum()) for slope, way in zip(slopes, ways, strict=True))
    assert (ends[0] - ends[1]) / (2 * width) == pytest.approx(along, rel=1e-6)


def test_passes_and_padding_do_not_change_loss_or_gradient(double: Weights) -> None:
    (one, one_way), (many, other_way) = step(double, 12), step(double, 12, tokens_per_pass=20)
    assert many == pytest.approx(one, rel=1e-12)
    for left, right in zip(one_way, other_way, strict=True):
        assert torch.allclose(left, right, rtol=1e-9, atol=1e-13)


def test_the_loss_equals_the_plain_padded_computation(double: Weights) -> None:
    rows = [(double.codec.prompt(record.messages), double.codec.reply(record.response)) for record in additions(12)]
    width = max(len(prompt) + len(reply) for prompt, reply in rows)
    ids_BT = torch.tensor([[*prompt, *reply, *[0] * (width - len(prompt) - len(reply))] for prompt, reply in rows])
    labels_BT = torch.tensor(
        [[-100] * len(prompt) + list(reply) + [-100] * (width - len(prompt) - len(reply)) for prompt, reply in rows]
    )
    logits_BTV = double.network(ids_BT)
    plain = F.cross_entropy(logits_BTV[:, :-1].flatten(0, 1), labels_BT[:, 1:].flatten(), ignore_index=-100)
    slopes = torch.autograd.grad(plain, list(double.network.parameters()))
    loss, found = step(double, 12)
    assert loss == pytest.approx(float(plain.detach()), rel=1e-12)
    for left, right in zip(found, slopes, strict=True):
        assert torch.allclose(left, right, rtol=1e-9, atol=1e-13)
