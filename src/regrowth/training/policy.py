"""The policy's log-probabilities at the trained positions, and only there.

Logits of a prompt are never read, so the head never makes them: it is the dearest layer of a small network (a
vocabulary is wide) and the largest tensor of a large one.
"""
# ruff: noqa: N803, N806 -- axes stand in the names of tensors

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from regrowth.training.batches import Pass
from regrowth.weights.loading import HfNetwork
from regrowth.weights.network import Llama

__all__ = ["kept_logits", "logprobs"]

# B: rows of a pass, T: positions, N: trained tokens, C: width of the network, V: vocabulary.


def logprobs(network: nn.Module, part: Pass) -> Tensor:
    """Return log p(target | what stands before it), in nats, of every trained token of a pass [N].

    Computed in fp32 or better, whatever the network computes in.
    """
    logits_NV = kept_logits(network, part.ids_BT, part.kept_N)
    precise = torch.promote_types(logits_NV.dtype, torch.float32)
    return -F.cross_entropy(logits_NV.to(precise), part.targets_N, reduction="none")


def kept_logits(network: nn.Module, ids_BT: Tensor, kept_N: Tensor) -> Tensor:
    """Return the logits [N, V] at positions counted in reading order over B·T."""
    if isinstance(network, Llama):
        x_NC = network.model(ids_BT).flatten(0, 1).index_select(0, kept_N)
        return F.linear(x_NC, network.head)
    head = network.model.get_output_embeddings() if isinstance(network, HfNetwork) else None
    if head is None:
        logits_BTV: Tensor = network(ids_BT)
        return logits_BTV.flatten(0, 1).index_select(0, kept_N)
    return _through_hook(network, head, ids_BT, kept_N)


def _through_hook(network: nn.Module, head: nn.Module, ids_BT: Tensor, kept_N: Tensor) -> Tensor:
    """Thin out what reaches the head; what an architecture does after it (scaling, soft caps) still happens."""

    def thin(_: nn.Module, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        return (inputs[0].flatten(0, 1).index_select(0, kept_N).unsqueeze(0),)

    hook = head.register_forward_pre_hook(thin)
    try:
        logits_1NV: Tensor = network(ids_BT)
    finally:
        hook.remove()
    return logits_1NV.squeeze(0)
