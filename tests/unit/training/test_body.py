# ruff: noqa: N806 -- axes stand in the names of tensors
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from regrowth.core.errors import SettingsError
from regrowth.extras import library
from regrowth.training import body
from regrowth.training.settings import TrainingSettings
from regrowth.weights.foreign import HfNetwork
from regrowth.weights.heads import with_head
from regrowth.weights.loading import Weights
from support.networks import a_codec, a_llama, some_weights
from support.training import SHORT, trained

IDS_BT = torch.arange(60).reshape(2, 30) * 7 % 280


def foreign(kind: str, **settings: Any) -> HfNetwork:
    """Return an untrained network of transformers whose layers would drop out a half in training mode."""
    transformers = library("transformers", "a test", extra="hf")
    torch.manual_seed(2)
    config = getattr(transformers, f"{kind}Config")(vocab_size=280, **settings)
    return HfNetwork(transformers.AutoModelForCausalLM.from_config(config)).eval()


def gpt2() -> HfNetwork:
    drops = dict.fromkeys(("resid_pdrop", "embd_pdrop", "attn_pdrop"), 0.5)
    return foreign("GPT2", n_embd=16, n_layer=2, n_head=2, n_positions=64, **drops)


def opt() -> HfNetwork:
    """Its layers ask for their own mode, not for that of a part, before they drop out."""
    shape = {"hidden_size": 16, "word_embed_proj_dim": 16, "num_hidden_layers": 2, "ffn_dim": 24}
    return foreign("OPT", **shape, num_attention_heads=2, max_position_embeddings=64, dropout=0.5)


def judge() -> nn.Module:
    return with_head(some_weights(), ("reward",), seed=1).network


def slopes(network: nn.Module, trained: dict[str, nn.Parameter]) -> list[Tensor]:
    ends_N = torch.tensor([10, 59])
    out = network(IDS_BT, ends_N) if hasattr(network, "score") else network(IDS_BT)
    loss = (out * torch.linspace(-1, 1, out.shape[-1])).square().mean() + out.mean()
    return list(torch.autograd.grad(loss, list(trained.values())))


@pytest.mark.parametrize("make", [a_llama, gpt2, opt, judge])
def test_layers_computed_again_give_the_same_gradients_and_are_computed_again(make: Any) -> None:
    found = []
    calls = 0

    def count(*_: object) -> None:
        nonlocal calls
        calls += 1

    for recompute in (False, True):
        network = make()
        trained = body.prepare(network, TrainingSettings(recompute=recompute))
        calls = 0
        for name, module in network.named_modules():
            if name.endswith(("mlp.up_proj", "mlp.c_fc", "fc1")):
                module.register_forward_hook(count)
        found.append((slopes(network, trained), calls))
    (kept, once), (again, twice) = found
    torch.testing.assert_close(again, kept, rtol=1e-5, atol=1e-7)
    assert twice == 2 * once > 0


@pytest.mark.parametrize("make", [a_llama, gpt2, opt])
def test_layers_computed_again_change_nothing_that_is_saved(make: Any) -> None:
    network, plain = make(), make()
    body.prepare(network, TrainingSettings(recompute=True))
    saved, expected = body.finished(network).state_dict(), plain.state_dict()
    assert saved.keys() == expected.keys()
    assert all(torch.equal(saved[name], expected[name]) for name in expected)


def test_a_network_whose_layers_cannot_be_computed_again_is_refused() -> None:
    class Other(nn.Module):
        base_model = nn.Linear(2, 2)

    network = HfNetwork(Other())
    with pytest.raises(SettingsError, match="cannot recompute the layers of a Linear"):
        body.prepare(network, TrainingSettings(recompute=True))


def test_everything_is_trained_in_full_precision_without_dropout() -> None:
    network = gpt2().to(torch.bfloat16).train()
    trained = body.prepare(network, TrainingSettings())
    assert trained.keys() == dict(network.named_parameters()).keys()
    assert {weight.dtype for weight in trained.values()} == {torch.float32}
    assert not any(module.training for module in network.modules())


def test_weights_are_held_as_they_are_unless_four_bits_are_asked_for() -> None:
    weights = Weights(a_llama(), a_codec(), "some", 256)
    assert body.held(weights, TrainingSettings()) is weights


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:.*torch.jit:DeprecationWarning")  # torch's compiler calls what torch calls old
@pytest.mark.parametrize("more", [{}, {"threads": 2}, {"recompute": True}])
def test_compiled_layers_train_to_the_same_losses(more: dict[str, Any], base: Path, tmp_path: Path) -> None:
    plain = trained(base, tmp_path / "plain")
    compiled = trained(base, tmp_path / "compiled", SHORT.model_copy(update={"compile": True, **more}))
    assert compiled.losses == pytest.approx(plain.losses, rel=1e-4)
    names = [set((tmp_path / name / "out").iterdir()) for name in ("plain", "compiled")]
    assert {path.name for path in names[0]} == {path.name for path in names[1]}
