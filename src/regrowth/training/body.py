"""A network made ready for training: what of it is trained, and how its layers are run.

Everything trains in fp32 with dropout off; a GPU computes in bf16 by autocast. Low-rank matrices (`lora`), layers that
are computed again for the gradient, and torch's compiler are set up here, so that the loop knows none of them.
"""

from typing import Any

from torch import nn

from regrowth.training import lora
from regrowth.training.settings import TrainingSettings
from regrowth.weights.heads import RewardNetwork
from regrowth.weights.loading import HfNetwork

__all__ = ["finished", "prepare"]


def prepare(network: nn.Module, settings: TrainingSettings) -> dict[str, nn.Parameter]:
    """Set a network up in place; return what is trained, by name."""
    if settings.lora is None:
        network.float()
    else:
        lora.attach(network, settings.lora, seed=settings.seed)
    network.eval()
    if settings.recompute:
        _recompute(network)
    if settings.compile:
        _trunk(network).compile(dynamic=True)
    return {name: weight for name, weight in network.named_parameters() if weight.requires_grad}


def finished(network: nn.Module) -> nn.Module:
    """Return the network with everything that was trained beside its weights added into them."""
    return lora.merged(network)


def _trunk(network: nn.Module) -> nn.Module:
    """Return the layers without their head."""
    if isinstance(network, RewardNetwork):
        return _trunk(network.body)
    model: Any = network.model
    trunk: nn.Module = model.base_model if isinstance(network, HfNetwork) else model
    return trunk


def _recompute(network: nn.Module) -> None:
    trunk: Any = _trunk(network)
    if hasattr(trunk, "recompute"):
        trunk.recompute = True
        return
    trunk.gradient_checkpointing_enable({"use_reentrant": False})
    for layer in trunk.modules():
        # transformers recomputes only what is in training mode; its parts stay as they are, without dropout.
        if getattr(layer, "gradient_checkpointing", False):
            layer.training = True
