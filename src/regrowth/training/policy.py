"""The policy's log-probabilities at the trained positions, and only there.

Logits of a prompt are never read, so the head never makes them: it is the widest layer of a small network, and its
output the largest tensor of a large one.
"""
# ruff: noqa: N803, N806 -- axes stand in the names of tensors

from collections.abc import Callable
from typing import Any, TypeAlias

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from regrowth.training.batches import Pass
from regrowth.weights.loading import HfNetwork
from regrowth.weights.network import Llama

__all__ = ["Policy", "policy", "vocabulary"]

# B: rows of a pass, T: positions, N: trained tokens, C: width of the network, V: vocabulary.

Policy: TypeAlias = Callable[[Pass], Tensor]
"""Returns log p(target | what stands before it), in nats, of every trained token of a pass [N]."""

_Logits: TypeAlias = Callable[[Tensor, Tensor], Tensor]
"""Maps ids [B, T] and positions [N], counted in reading order over B·T, to logits [N, V]."""


def vocabulary(network: nn.Module) -> int:
    """Return how many ids a network knows."""
    model: Any = network.model
    embedding = model.get_input_embeddings() if isinstance(network, HfNetwork) else model.embed_tokens
    return int(embedding.num_embeddings)


def policy(network: nn.Module) -> Policy:
    """Return a network's log-probabilities as a function of a pass; in fp32 or better, whatever it computes in."""
    logits = _logits(network)

    def logprobs(part: Pass) -> Tensor:
        logits_NV = logits(part.ids_BT, part.kept_N)
        precise = torch.promote_types(logits_NV.dtype, torch.float32)
        return -F.cross_entropy(logits_NV.to(precise), part.targets_N, reduction="none")

    return logprobs


def _logits(network: nn.Module) -> _Logits:
    def everywhere(ids_BT: Tensor, kept_N: Tensor) -> Tensor:
        logits_BTV: Tensor = network(ids_BT)
        return logits_BTV.flatten(0, 1).index_select(0, kept_N)

    if isinstance(network, Llama):
        return lambda ids_BT, kept_N: F.linear(_pick(network.model(ids_BT), kept_N), network.head)
    split = _split(network.model) if isinstance(network, HfNetwork) else None
    if split is not None and _agree(split, everywhere, next(network.parameters()).device):
        return split
    return everywhere


def _split(model: Any) -> _Logits | None:
    """Return a `transformers` model taken apart into body and head, as most of them can be."""
    head, body = model.get_output_embeddings(), model.base_model
    if head is None or body is model:
        return None
    return lambda ids_BT, kept_N: head(_pick(body(input_ids=ids_BT, use_cache=False).last_hidden_state, kept_N))


@torch.no_grad()
def _agree(split: _Logits, whole: _Logits, device: torch.device) -> bool:
    """Try both on two tokens: some architectures scale or cap what comes out of the head."""
    ids_BT, kept_N = torch.tensor([[0, 1]], device=device), torch.tensor([0, 1], device=device)
    return torch.allclose(split(ids_BT, kept_N), whole(ids_BT, kept_N), atol=1e-5)


def _pick(x_BTC: Tensor, kept_N: Tensor) -> Tensor:
    return x_BTC.flatten(0, 1).index_select(0, kept_N)
