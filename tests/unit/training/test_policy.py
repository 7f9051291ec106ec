# ruff: noqa: N806 -- axes stand in the names of tensors
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from regrowth.training import policy as readouts
from regrowth.training.batches import Block, passes
from regrowth.training.objectives import sft
from regrowth.training.policy import logits, logprobs, picked, policy, vocabulary
from regrowth.training.rows import tokenize
from regrowth.weights.loading import HfNetwork, load, save
from support.training import SHORT, additions, files, trained

transformers = pytest.importorskip("transformers")


@pytest.fixture(scope="module")
def part(base: Path) -> Block:
    """Twelve padded sums in one pass."""
    rows = tokenize(additions(12), load(base).codec, sft, context=64)
    (part,) = passes(rows, np.arange(12), ("response",), tokens=10**6, price=10**6, pad=0)
    return part.blocks[0]


def the_long_way(network: nn.Module, part: Block) -> Tensor:
    """Make every logit, then look up those that are trained."""
    logits_BTV = network(part.ids_BT)
    logprobs_MV = logits_BTV.log_softmax(-1).flatten(0, 1)
    return torch.stack([logprobs_MV[place, token] for place, token in zip(part.kept_N, part.targets_N, strict=True)])


def foreign(kind: str, **more: Any) -> HfNetwork:
    """A small network of transformers with a head that is not ours."""
    configs: dict[str, Any] = {
        "gpt2": lambda: transformers.GPT2Config(n_embd=16, n_layer=1, n_head=2, n_positions=64, vocab_size=280, **more),
        "granite": lambda: transformers.GraniteConfig(
            hidden_size=16, num_hidden_layers=1, num_attention_heads=2, num_key_value_heads=2,
            intermediate_size=32, vocab_size=280, pad_token_id=0, **more,
        ),
    }  # fmt: skip
    torch.manual_seed(0)
    return HfNetwork(transformers.AutoModelForCausalLM.from_config(configs[kind]()).eval())


def test_logits_are_made_only_where_they_are_read(base: Path, part: Block) -> None:
    network = load(base).network
    assert policy(network)(part).numel() == part.targets_N.numel() < part.ids_BT.numel()
    assert torch.allclose(policy(network)(part), the_long_way(network, part), atol=1e-6)


def test_what_stands_in_the_padding_does_not_matter(base: Path, part: Block) -> None:
    network = load(base).network
    padded = part.ids_BT == 0
    assert padded.any()
    other = Block(part.ids_BT + 9 * padded, part.kept_N, part.targets_N)
    assert torch.equal(policy(network)(other), policy(network)(part))


@pytest.mark.parametrize(("kind", "more"), [("gpt2", {}), ("granite", {"logits_scaling": 4.0})])
def test_networks_of_transformers_give_their_own_logprobs(kind: str, more: dict[str, float], part: Block) -> None:
    network = foreign(kind, **more)
    assert vocabulary(network) == 280
    assert torch.allclose(policy(network)(part), the_long_way(network, part), atol=1e-5)


def test_a_network_of_transformers_trains_and_loads_again(base: Path, tmp_path: Path) -> None:
    network = foreign("gpt2", resid_pdrop=0.5)
    save(network, load(base).codec, tmp_path / "base", lineage={})
    settings = SHORT.model_copy(update={"steps": 25})
    log = trained(tmp_path / "base", tmp_path / "one", settings)
    assert log.losses[-1] < 0.8 * log.losses[0]
    assert isinstance(load(tmp_path / "one" / "out").network, HfNetwork)
    trained(tmp_path / "base", tmp_path / "two", settings)
    assert files(tmp_path / "one" / "out") == files(tmp_path / "two" / "out")


@pytest.mark.parametrize("at_once", [1, 100, 10**6])
@pytest.mark.parametrize("kept", [0, 10**6])
def test_logprobs_and_their_gradients_are_those_of_plain_cross_entropy(
    at_once: int, kept: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(readouts, "AT_ONCE", at_once)
    monkeypatch.setattr(readouts, "KEPT", kept)
    draw = torch.Generator().manual_seed(1)
    x_NC = torch.randn(9, 5, dtype=torch.float64, generator=draw, requires_grad=True)
    head_VC = torch.randn(30, 5, dtype=torch.float64, generator=draw, requires_grad=True)
    targets_N = torch.randint(0, 30, (9,), generator=draw)
    weights_N = torch.randn(9, dtype=torch.float64, generator=draw)
    assert torch.autograd.gradcheck(lambda x, head: logprobs(x, head, targets_N), (x_NC, head_VC))
    ours, plain = logprobs(x_NC, head_VC, targets_N), picked(x_NC @ head_VC.T, targets_N)
    assert torch.allclose(ours, plain, atol=1e-14)
    found, expected = (torch.autograd.grad((one * weights_N).sum(), (x_NC, head_VC)) for one in (ours, plain))
    for left, right in zip(found, expected, strict=True):
        assert torch.allclose(left, right, atol=1e-13)


def test_a_head_is_split_off_only_where_nothing_comes_after_it(part: Block, monkeypatch: pytest.MonkeyPatch) -> None:
    sizes = []
    for kind, more in (("gpt2", {}), ("granite", {"logits_scaling": 4.0})):
        network = foreign(kind, **more)
        head = network.model.get_output_embeddings()
        read = logits(network)
        hook = head.register_forward_hook(lambda _, inputs, output: sizes.append(output[..., 0].numel()))
        read(part)
        hook.remove()
    assert sizes == [part.kept_N.numel(), part.ids_BT.numel()]


def test_logprobs_follow_autocast_and_give_gradients_in_the_weights_own_format() -> None:
    draw = torch.Generator().manual_seed(2)
    x_NC = torch.randn(6, 8, generator=draw, requires_grad=True)
    head_VC = torch.randn(20, 8, generator=draw, requires_grad=True)
    targets_N = torch.arange(6)
    with torch.autocast("cpu", torch.bfloat16):
        rough = logprobs(x_NC, head_VC, targets_N)
    exact = logprobs(x_NC, head_VC, targets_N)
    assert rough.dtype == torch.float32
    assert not torch.equal(rough, exact)
    assert torch.allclose(rough, exact, atol=0.1)
    for left, right in zip(*(torch.autograd.grad(one.sum(), (x_NC, head_VC)) for one in (rough, exact)), strict=True):
        assert left.dtype == torch.float32
        assert torch.allclose(left, right, atol=0.15)
