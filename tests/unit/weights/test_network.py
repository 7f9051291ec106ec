"""The network itself."""

from dataclasses import replace
from typing import Any

import pytest
import torch

from regrowth.core.errors import SettingsError
from regrowth.weights.network import LlamaShape, new_llama
from support.networks import SHAPE, a_codec, a_llama

IDS = torch.randint(0, 280, (3, 40), generator=torch.Generator().manual_seed(0))


def test_equal_seeds_make_equal_weights() -> None:
    first, second, other = (new_llama(SHAPE, a_codec(), seed) for seed in (1, 1, 2))
    assert all(torch.equal(a, b) for a, b in zip(first.parameters(), second.parameters(), strict=True))
    assert not torch.equal(first.head, other.head)


def test_making_a_network_leaves_the_global_random_numbers_alone() -> None:
    state = torch.get_rng_state()
    new_llama(SHAPE, a_codec(), seed=1)
    assert torch.equal(torch.get_rng_state(), state)


def test_a_position_sees_nothing_after_it() -> None:
    network = a_llama()
    changed = IDS.clone()
    changed[:, 20:] = 7
    assert torch.equal(network(IDS)[:, :20], network(changed)[:, :20])


def test_positions_matter() -> None:
    network = a_llama()
    last = network(IDS)[:, -1]
    swapped = IDS.clone()
    swapped[:, [0, 1]] = IDS[:, [1, 0]]
    assert not torch.allclose(network(swapped)[:, -1], last, atol=1e-4)


def test_every_weight_gets_a_gradient() -> None:
    network = a_llama(tied=False)
    network(IDS).square().mean().backward()
    assert all(weight.grad is not None and weight.grad.abs().sum() > 0 for weight in network.parameters())


def test_an_untied_head_has_weights_of_its_own() -> None:
    tied, untied = (new_llama(replace(SHAPE, tied=tied), a_codec(), 1) for tied in (True, False))
    assert set(untied.state_dict()) - set(tied.state_dict()) == {"lm_head.weight"}


def test_shape_and_codec_must_have_the_same_vocabulary() -> None:
    with pytest.raises(SettingsError, match="shape has 999 ids, the codec 280"):
        new_llama(replace(SHAPE, vocabulary=999), a_codec(), 1)


@pytest.mark.parametrize("wrong", [{"kv_heads": 4}, {"head_width": 15}])
def test_heads_that_do_not_fit_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(SettingsError, match="cannot be built"):
        replace(SHAPE, **wrong)


def test_a_shape_survives_its_config() -> None:
    assert LlamaShape.of(SHAPE.config()) == SHAPE


@pytest.mark.parametrize(
    "change",
    [
        {"model_type": "qwen2"},
        {"rope_scaling": {"rope_type": "llama3", "factor": 8.0}},
        {"rope_parameters": {"rope_type": "linear", "rope_theta": 1e4}},
        {"attention_bias": True},
        {"hidden_act": "gelu"},
    ],
    ids=lambda change: next(iter(change)),
)
def test_what_the_network_does_not_do_is_left_to_transformers(change: dict[str, object]) -> None:
    assert LlamaShape.of({**SHAPE.config(), **change}) is None


def test_an_old_config_says_its_rotary_base_in_another_place() -> None:
    config = {**SHAPE.config(), "rope_theta": 5e5}
    del config["rope_parameters"]
    shape = LlamaShape.of(config)
    assert shape is not None
    assert shape.theta == 5e5
