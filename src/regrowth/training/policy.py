"""What is read off a network: log-probabilities, logits or a head's values, and only where something is trained.

Logits of a prompt are never read, so the head never makes them: it is the widest layer of a small network, and its
output the largest tensor of a large one.
"""
# ruff: noqa: N803, N806 -- axes stand in the names of tensors

from collections.abc import Callable
from typing import Any, NamedTuple, TypeAlias

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from regrowth.core.errors import SettingsError
from regrowth.training.batches import Block, Pass
from regrowth.weights.heads import RewardNetwork
from regrowth.weights.loading import HfNetwork
from regrowth.weights.network import Llama

__all__ = ["Readout", "logits", "logprobs", "picked", "policy", "readout", "values", "vocabulary"]

# B: rows of a block, T: positions, N: outputs, C: width of the network, V: vocabulary.

Readout: TypeAlias = Callable[[Block], Tensor]
"""Returns what is read of each kept position of a block [N, …]."""

AT_ONCE = 1 << 24
"""Logits that are made at a time."""
KEPT = 1 << 28
"""Log-probabilities that a block may keep for the gradient (a gibibyte); where it has more, they are made again."""


def vocabulary(network: nn.Module) -> int:
    """Return how many ids a network knows."""
    body: Any = network.body if isinstance(network, RewardNetwork) else network
    embedding = body.model.get_input_embeddings() if isinstance(body, HfNetwork) else body.model.embed_tokens
    return int(embedding.num_embeddings)


def readout(part: Pass, read: Readout) -> Tensor:
    """Read all blocks of a pass; bring what was read into the order of its sides."""
    blocks = [read(block) for block in part.blocks]
    whole = blocks[0] if len(blocks) == 1 else torch.cat(blocks)
    return whole if part.order_N is None else whole.index_select(0, part.order_N)


def policy(network: nn.Module) -> Readout:
    """Read log p(target | what stands before it), in nats; in fp32 or better, whatever the network computes in."""
    parts = _taken_apart(network)
    if parts is None or parts.matrix is None:
        scores = logits(network)
        return lambda block: picked(scores(block), block.targets_N)
    body, matrix = parts.body, parts.matrix
    return lambda block: logprobs(_kept(body(block.ids_BT), block), matrix(), block.targets_N)


def logits(network: nn.Module) -> Readout:
    """Read logits [N, V], in fp32 or better."""
    parts = _taken_apart(network)
    if parts is None:
        return lambda block: _precise(_kept(network(block.ids_BT), block))
    body, head = parts.body, parts.head
    return lambda block: _precise(head(_kept(body(block.ids_BT), block)))


def values(network: nn.Module) -> Readout:
    """Read a head's outputs [N, A].

    Raises:
        SettingsError: the network has no head.
    """
    if not isinstance(network, RewardNetwork):
        raise SettingsError(
            f"The objective trains a head, and these weights (a {type(network).__name__}) have none. "
            "Put one on: regrowth.weights.heads.with_head(weights, names)."
        )
    return lambda block: _precise(network.values(block.ids_BT, block.kept_N))


def picked(logits_NV: Tensor, targets_N: Tensor) -> Tensor:
    """Return the targets' log-probabilities."""
    return -F.cross_entropy(logits_NV, targets_N, reduction="none")


def _precise(x: Tensor) -> Tensor:
    return x.to(torch.promote_types(x.dtype, torch.float32))


def _kept(x_BTC: Tensor, block: Block) -> Tensor:
    return x_BTC.flatten(0, 1).index_select(0, block.kept_N)


class _Parts(NamedTuple):
    """A network that is no more than a body and a head."""

    body: Callable[[Tensor], Tensor]
    """Maps ids [B, T] to the last layer's output [B, T, C]."""
    head: Callable[[Tensor], Tensor]
    """Maps [N, C] to logits [N, V]."""
    matrix: Callable[[], Tensor] | None
    """The head's weights [V, C], where it is a product with them and nothing else."""


def _taken_apart(network: nn.Module) -> _Parts | None:
    if isinstance(network, Llama):
        plain = network.lm_head is None or type(network.lm_head) is nn.Linear
        head = network.lm_head or (lambda x_NC: F.linear(x_NC, network.head))
        return _Parts(network.model, head, (lambda: network.head) if plain else None)
    if not isinstance(network, HfNetwork):
        return None
    model: Any = network.model
    head, base = model.get_output_embeddings(), model.base_model
    if head is None or base is model:
        return None
    plain = type(head) is nn.Linear and head.bias is None
    matrix = (lambda: head.weight) if plain else None
    parts = _Parts(lambda ids_BT: base(input_ids=ids_BT, use_cache=False).last_hidden_state, head, matrix)
    return parts if _agree(parts, network) else None


@torch.no_grad()
def _agree(parts: _Parts, network: HfNetwork) -> bool:
    """Try both on two tokens: some architectures scale or cap what comes out of the head."""
    ids_BT = torch.tensor([[0, 1]], device=next(network.parameters()).device)
    return torch.allclose(parts.head(parts.body(ids_BT)), network(ids_BT), atol=1e-5)


def logprobs(x_NC: Tensor, head_VC: Tensor, targets_N: Tensor) -> Tensor:
    """Return log softmax(x · headᵀ) at the targets, in fp32 or better.

    The gradient is taken in place, over the log-probabilities' own memory: one tensor [N, V] instead of three.
    """
    picked_N: Tensor = _Logprobs.apply(x_NC, head_VC, targets_N)  # type: ignore[no-untyped-call]
    return picked_N


class _Logprobs(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x_NC: Tensor, head_VC: Tensor, targets_N: Tensor) -> Tensor:
        ctx.save_for_backward(x_NC, head_VC, targets_N)
        ctx.rows = max(1, AT_ONCE // len(head_VC))
        ctx.made = []
        keeps = any(ctx.needs_input_grad) and len(targets_N) * len(head_VC) <= KEPT
        picked = []
        for x, targets in zip(torch.split(x_NC, ctx.rows), torch.split(targets_N, ctx.rows), strict=True):
            logprobs_NV, ctx.computed_in = _log_softmax(x, head_VC)
            picked.append(logprobs_NV.gather(1, targets[:, None]).squeeze(1))
            ctx.made += [logprobs_NV] if keeps else []
        return torch.cat(picked)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, slopes_N: Tensor) -> tuple[Tensor, Tensor | None, None]:
        x_NC, head_VC, targets_N = ctx.saved_tensors
        head, of_x = head_VC.to(ctx.computed_in), []
        of_head = torch.zeros_like(head_VC) if ctx.needs_input_grad[1] else None
        made, ctx.made = iter(ctx.made), []
        columns = [torch.split(tensor, ctx.rows) for tensor in (x_NC, targets_N, slopes_N)]
        for x, targets, slopes in zip(*columns, strict=True):
            logprobs_NV = next(made, None)
            if logprobs_NV is None:
                logprobs_NV = _log_softmax(x, head_VC)[0]
            slopes_NV = logprobs_NV.exp_().mul_(-slopes[:, None])
            slopes_NV = slopes_NV.scatter_add_(1, targets[:, None], slopes[:, None]).to(ctx.computed_in)
            of_x.append((slopes_NV @ head).to(x.dtype))
            if of_head is not None:
                of_head += slopes_NV.T @ x.to(ctx.computed_in)
        return torch.cat(of_x), of_head, None


def _log_softmax(x_NC: Tensor, head_VC: Tensor) -> tuple[Tensor, torch.dtype]:
    """Return log-probabilities [N, V] in fp32 or better, and the format that the product was computed in."""
    logits_NV = F.linear(x_NC, head_VC)
    return F.log_softmax(_precise(logits_NV), dim=-1), logits_NV.dtype
