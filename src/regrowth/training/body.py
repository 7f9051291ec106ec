"""A network made ready for training: what of it is trained, and how its layers are run.

Everything trains in fp32 with dropout off; a GPU computes in bf16 by autocast. Low-rank matrices (`lora`), layers that
are computed again for the gradient, and torch's compiler are set up here, so that the loop knows none of them.
"""

from functools import partial
from pathlib import Path
from typing import Any

from torch import nn
from torch.utils.checkpoint import checkpoint

from regrowth.core.errors import SettingsError
from regrowth.extras import library
from regrowth.training import lora
from regrowth.training.settings import TrainingSettings
from regrowth.weights.heads import RewardNetwork
from regrowth.weights.loading import HfNetwork, Weights

__all__ = ["ADAPTER", "finished", "held", "prepare", "trunk", "write_beside"]

ADAPTER = "adapter"
"""Folder of the adapters, one below the weights: whatever lies beside `config.json` is taken for weights."""


def held(weights: Weights, settings: TrainingSettings) -> Weights:
    """Return the weights as they are held while they are trained: in four bits on `settings.device`, if asked."""
    if settings.lora is None or settings.lora.bits == 16:
        return weights
    return lora.quantised(weights, settings.device)


def prepare(network: nn.Module, settings: TrainingSettings) -> dict[str, nn.Parameter]:
    """Set a network up in place; return what is trained, by name."""
    if settings.lora is None:
        network.float().requires_grad_(True)
    else:
        network.requires_grad_(False)
        lora.attach(trunk(network), settings.lora, seed=settings.seed)
        if isinstance(network, RewardNetwork):
            network.score.float().requires_grad_(True)
    network.eval()
    if settings.recompute:
        _recompute(network)
    if settings.compile:
        trunk(network).compile(dynamic=True)
    return {name: weight for name, weight in network.named_parameters() if weight.requires_grad}


def write_beside(network: nn.Module, settings: TrainingSettings, out: Path) -> None:
    """Write what was trained beside the weights, if anything, into a folder below them."""
    if settings.lora is not None:
        lora.write_adapter(network, settings.lora, out / ADAPTER)


def finished(network: nn.Module) -> nn.Module:
    """Return the network with everything that was trained beside its weights added into them."""
    return lora.merged(network)


def trunk(network: nn.Module) -> nn.Module:
    """Return the layers without their head."""
    if isinstance(network, RewardNetwork):
        return trunk(network.body)
    model: Any = network.model
    layers: nn.Module = model.base_model if isinstance(network, HfNetwork) else model
    return layers


def _recompute(network: nn.Module) -> None:
    layers: Any = trunk(network)
    if hasattr(layers, "recompute"):
        layers.recompute = True
        return
    kind = library("transformers.modeling_layers", "recompute", extra="hf").GradientCheckpointingLayer
    found = [layer for layer in layers.modules() if isinstance(layer, kind)]
    if not found:
        raise SettingsError(f"recompute: transformers cannot recompute the layers of a {type(layers).__name__}.")
    for layer in found:
        # transformers' own switch works in training mode only, where some layers drop activations out.
        layer.forward = partial(checkpoint, layer.forward, use_reentrant=False)
