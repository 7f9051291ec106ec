"""Low-rank matrices beside the weights, through PEFT; the frozen weights in four bits meanwhile, if asked.

Sources: LoRA (Hu et al., 2021, arXiv:2106.09685), QLoRA (Dettmers et al., 2023, arXiv:2305.14314).

    attach(network.model, Lora(rank=8), seed=0)      # layers.0.self_attn.q_proj gets lora_A [8, C] and lora_B [C, 8]
    write_adapter(network, Lora(rank=8), folder)     # adapter_config.json, adapter_model.safetensors, as PEFT has them
    merged(network)                                  # an ordinary network again
"""
# ruff: noqa: N806 -- axes stand in the names of tensors

import json
import math
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from regrowth.core.errors import SettingsError
from regrowth.core.record import digest
from regrowth.extras import library
from regrowth.training.settings import Lora
from regrowth.weights.heads import RewardNetwork
from regrowth.weights.loading import HfNetwork, Weights

__all__ = ["Nf4Linear", "attach", "merged", "quantised", "write_adapter"]

# I: inputs of a product, O: its outputs.

NAME = "default"
"""PEFT's name for a network's only adapter."""


def attach(trunk: nn.Module, lora: Lora, *, seed: int) -> None:
    """Put matrices beside the products that `lora` names, in place, and freeze everything else.

    At first they add zero. They are in fp32, whatever the products are in; equal seeds make equal ones.

    Args:
        trunk: a network without its head.

    Raises:
        SettingsError: a product is named that the network does not have.
        MissingExtra: PEFT is not installed.
    """
    trunk.requires_grad_(False)
    # On `meta`, PEFT draws nothing from the generator that all threads share.
    library("peft", "LoRA", extra="lora").inject_adapter_in_model(_config(trunk, lora), trunk, low_cpu_mem_usage=True)
    generator = torch.Generator().manual_seed(seed)
    for _, layer in _adapted(trunk):
        device = layer.get_base_layer().weight.device
        inner, outer = (_filled(pair[NAME], device) for pair in (layer.lora_A, layer.lora_B))
        bound = 1 / math.sqrt(inner.weight.shape[1])
        drawn = torch.empty(inner.weight.shape).uniform_(-bound, bound, generator=generator)
        with torch.no_grad():
            inner.weight.copy_(drawn)
            outer.weight.zero_()


def merged(network: nn.Module) -> nn.Module:
    """Return the network without adapters, what they learnt added to its weights, in place.

    Weights that were kept in four bits become what the four bits stand for: that is what the adapters were trained on.
    """
    with torch.no_grad():
        for name, layer in list(_adapted(network)):
            product = layer.get_base_layer()
            product = product.widened() if isinstance(product, Nf4Linear) else product
            product.weight += layer.get_delta_weight(NAME).to(product.weight)
            network.set_submodule(name, product)
        for name, product in list(_small(network)):
            network.set_submodule(name, product.widened())
    for module in network.modules():
        if hasattr(module, "peft_config"):
            del module.peft_config
    return network.requires_grad_(True)


def write_adapter(network: nn.Module, lora: Lora, folder: Path) -> None:
    """Write the adapters alone, as `peft.PeftModel.from_pretrained` reads them beside the base's folder.

    A reward model's head is among them: PEFT calls it a module to save.
    """
    head = isinstance(network, RewardNetwork)
    config = _config(network, lora, modules_to_save=["score"] if head else None)
    config.task_type, config.inference_mode = "SEQ_CLS" if head else "CAUSAL_LM", True
    folder.mkdir(parents=True, exist_ok=True)
    config.save_pretrained(folder)
    path = folder / "adapter_config.json"
    facts = json.loads(path.read_text("utf-8"))
    facts["target_modules"].sort()  # PEFT keeps a set, whose order changes from process to process
    path.write_text(json.dumps(facts, indent=2, sort_keys=True) + "\n", "utf-8")
    save_file(dict(_stored(network)), folder / "adapter_model.safetensors", metadata={"format": "pt"})


def quantised(weights: Weights, device: str) -> Weights:
    """Return the same weights with the products of the trunk in 4-bit NF4, in place; the head stays as it is.

    Everything goes to `device`, product by product.

    Raises:
        MissingExtra: bitsandbytes is not installed.
    """
    library("bitsandbytes", "lora.bits = 4", extra="qlora")
    network = weights.network
    if not any(True for _ in _small(network)):
        for name, module in list(network.named_modules()):
            if type(module) is nn.Linear and name.rpartition(".")[2] not in ("lm_head", "score", "embed_out"):
                network.set_submodule(name, Nf4Linear(module, device))
    return replace(weights, network=network.to(device), digest=digest("nf4", weights.digest))


class Nf4Linear(nn.Linear):
    """A frozen product in 4-bit NF4 with doubly quantised scales, widened whenever it is used.

    bitsandbytes packs and unpacks; its own layer is not used, because on some CPUs it computes in bf16.
    """

    def __init__(self, product: nn.Linear, device: str | torch.device) -> None:
        nn.Module.__init__(self)
        four_bits: Any = library("bitsandbytes.functional", "lora.bits = 4", extra="qlora")
        self.out_features, self.in_features = product.weight.shape
        packed, self.state = four_bits.quantize_4bit(
            product.weight.detach().to(device), quant_type="nf4", compress_statistics=True
        )
        self.weight = nn.Parameter(packed, requires_grad=False)
        self.bias = product.bias
        self._widen = four_bits.dequantize_4bit

    def widened(self) -> nn.Linear:
        """Return an ordinary product with what the four bits stand for."""
        product = nn.Linear(self.in_features, self.out_features, bias=False, device="meta")
        product.weight, product.bias = nn.Parameter(self.wide()), self.bias
        return product

    def wide(self) -> Tensor:
        """Return what the four bits stand for [O, I]."""
        weight_OI: Tensor = self._widen(self.weight.data, self.state)
        return weight_OI

    def forward(self, x: Tensor) -> Tensor:
        product: Tensor = _Product.apply(x, self)  # type: ignore[no-untyped-call]
        return product if self.bias is None else product + self.bias


class _Product(torch.autograd.Function):
    """x · Wᵀ with a W that is widened again for the gradient instead of kept."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, layer: Nf4Linear) -> Tensor:
        ctx.layer, ctx.computed_in = layer, x.dtype
        return F.linear(x, layer.wide().to(x.dtype))

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, slopes: Tensor) -> tuple[Tensor, None]:
        return (slopes @ ctx.layer.wide().to(slopes.dtype)).to(ctx.computed_in), None


def _config(network: nn.Module, lora: Lora, modules_to_save: list[str] | None = None) -> Any:
    inner = ((name, getattr(module, "base_layer", module)) for name, module in network.named_modules())
    known = {name.rpartition(".")[2]: type(module).__name__ for name, module in inner if _is_product(module)}
    if unknown := [name for name in lora.targets if name not in known]:
        raise SettingsError(
            f"lora.targets names {unknown[0]!r}; the products of this network are {', '.join(sorted(known))}."
        )
    turned = any(known[name] == "Conv1D" for name in lora.targets)
    return library("peft", "LoRA", extra="lora").LoraConfig(
        r=lora.rank,
        lora_alpha=lora.alpha,
        target_modules=list(lora.targets),
        modules_to_save=modules_to_save,
        fan_in_fan_out=turned,
    )


def _is_product(module: nn.Module) -> bool:
    """Tell whether a module is a product with a matrix; GPT-2 keeps its matrices turned, in layers of its own."""
    return isinstance(module, nn.Linear) or type(module).__name__ == "Conv1D"


def _filled(product: nn.Linear, device: torch.device) -> nn.Linear:
    """Give a matrix on `meta` memory."""
    return product.to_empty(device=device).to(torch.float32)


def _adapted(network: nn.Module) -> Iterator[tuple[str, Any]]:
    return ((name, module) for name, module in network.named_modules() if hasattr(module, "lora_A"))


def _small(network: nn.Module) -> Iterator[tuple[str, Nf4Linear]]:
    return ((name, module) for name, module in network.named_modules() if isinstance(module, Nf4Linear))


def _stored(network: nn.Module) -> Iterator[tuple[str, Tensor]]:
    """Yield adapters, and a head, under PEFT's names."""
    module = network.model if isinstance(network, HfNetwork) else network
    tensors = module.state_dict()
    stored = network.stored if isinstance(network, RewardNetwork) else {name: name for name in tensors}
    for name, tensor in tensors.items():
        if ".lora_" in name or (network is module and name.startswith("score.")):
            yield f"base_model.model.{stored[name].replace(f'.{NAME}.', '.')}", tensor.detach().cpu().contiguous()
