"""Token by token: networks with a key-value cache, many rows at a time.

    decoder = decoder_of(network, pad=0)
    logits_BV = decoder.start([[2, 7, 3], [2, 9, 9, 3]], room=64)    # reads the prompts
    decoder.keep([1])                                                # row 0 is finished
    logits_BV = decoder.step(torch.tensor([5]))                      # row 1 goes on with token 5

On a CPU, with one thread and 32-bit floats, `LlamaDecoder` gives a row the same bits whatever other rows share its
batch (`regrowth.weights.exact` says how). `HfDecoder` leaves shapes and cache to `transformers`: close, not bit-equal.
"""

# ruff: noqa: N803, N806 -- axes stand in the names of tensors

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from inspect import signature
from itertools import groupby
from typing import Any, Protocol, TypeVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from regrowth.core.errors import SettingsError
from regrowth.weights.cache import Cache
from regrowth.weights.exact import product, rounded
from regrowth.weights.loading import HfNetwork
from regrowth.weights.network import Llama, rotation

__all__ = ["Decoder", "HfDecoder", "LlamaDecoder", "decoder_of"]

# B: rows, R: rows with idle ones, P: prompts read together, T: positions, C: width, H: query heads, K: key-value heads,
# D: width of a head, V: vocabulary, M: rows of a product, N: positions of a reply.

TOGETHER = 8192
"""Tokens read in one pass at most; bounds the memory of a pass."""

Tokens = Sequence[int]
Pair = tuple[Tokens, Tokens]
"""A prompt and a reply to it."""
T = TypeVar("T")


class Decoder(Protocol):
    """Hold one batch of rows that grow by one token at a time. Not for several threads."""

    def start(self, prompts: Sequence[Tokens], room: int) -> Tensor:
        """Read one prompt per row and return the logits [B, V] of the next tokens; no row grows beyond `room`."""

    def step(self, ids_B: Tensor) -> Tensor:
        """Append one token to each row and return the logits [B, V] of the next."""

    def keep(self, rows: Sequence[int]) -> None:
        """Go on with these rows: new row i is old row `rows[i]`."""

    def score(self, pairs: Sequence[Pair]) -> list[list[float]]:
        """Return for each (prompt, reply) the log-probability, in nats, of each token of the reply."""


def decoder_of(network: nn.Module, pad: int) -> Decoder:
    """Return the decoder for a network that `load` returned."""
    if isinstance(network, Llama):
        return LlamaDecoder(network)
    if isinstance(network, HfNetwork):
        return HfDecoder(network, pad)
    raise SettingsError(f"Cannot generate with a {type(network).__name__}; expected a network that `load` returned.")


@dataclass(frozen=True, slots=True)
class _Block:
    """One layer's weights for inference: transposed, fused, each norm's scale multiplied in."""

    qkv: Tensor
    out: Tensor
    gate_up: Tensor
    down: Tensor

    @classmethod
    def of(cls, layer: Any) -> "_Block":
        attention, mlp = layer.self_attn, layer.mlp
        return cls(
            qkv=_fused(attention.q_proj, attention.k_proj, attention.v_proj, norm=layer.input_layernorm),
            out=_fused(attention.o_proj),
            gate_up=_fused(mlp.gate_proj, mlp.up_proj, norm=layer.post_attention_layernorm),
            down=_fused(mlp.down_proj),
        )


class LlamaDecoder:
    """Decode with our own Llama, from a fused copy of its weights."""

    @torch.no_grad()
    def __init__(self, network: Llama) -> None:
        self._shape = shape = network.shape
        self._blocks = [_Block.of(layer) for layer in network.model.layers]
        self._embedding_VC = network.model.embed_tokens.weight.detach().clone()  # training may go on with the network
        self._head_CV = (network.head * network.model.norm.weight * shape.width**0.5).t().contiguous()
        self._device, self._dtype = self._embedding_VC.device, self._embedding_VC.dtype
        self._floor = torch.tensor((shape.width * shape.epsilon) ** 0.5, dtype=self._dtype, device=self._device)
        places = torch.arange(rounded(shape.context), device=self._device)
        self._turn_T21D = torch.stack(rotation(shape, places, self._dtype), 1).unsqueeze(2)
        self._cache = Cache(shape, [0], 1, self._embedding_VC.new_empty(0))

    @torch.inference_mode()
    def start(self, prompts: Sequence[Tokens], room: int) -> Tensor:
        self._cache = Cache(self._shape, [len(prompt) for prompt in prompts], room, self._cache.memory)
        rows_of: dict[Tokens, list[int]] = {}
        for row, prompt in enumerate(prompts):
            rows_of.setdefault(tuple(prompt), []).append(row)
        last_BC = self._embedding_VC.new_empty(len(prompts), self._shape.width)
        for group in _groups(rows_of, len):
            x_PTC = self._read(group, [rows_of[prompt] for prompt in group])
            for x_TC, prompt in zip(x_PTC, group, strict=True):
                last_BC[rows_of[prompt]] = x_TC[len(prompt) - 1]
        return self._logits(last_BC)

    @torch.inference_mode()
    def step(self, ids_B: Tensor) -> Tensor:
        cache, heads = self._cache, self._shape.heads
        ids_R = F.pad(ids_B, (0, cache.idle)) if cache.idle else ids_B
        cache.begin_step()
        x_RC = self._through(
            F.embedding(ids_R, self._embedding_VC),
            self._turn_T21D[cache.end_R],
            lambda layer, heads_RND: cache.attend(layer, heads_RND[:, :heads], heads_RND[:, heads:]),
        )
        cache.end_step()
        return self._logits(x_RC)[: len(ids_B)]

    @torch.inference_mode()
    def keep(self, rows: Sequence[int]) -> None:
        self._cache.keep(rows)

    @torch.inference_mode()
    def score(self, pairs: Sequence[Pair]) -> list[list[float]]:
        scores: dict[Pair, list[float]] = {}
        for group in _groups(dict.fromkeys(map(_frozen, pairs)), _length):
            x_PTC = self._read([(*prompt, *reply) for prompt, reply in group])
            for x_TC, (prompt, reply) in zip(x_PTC, group, strict=True):
                logits_NV = self._logits(x_TC[len(prompt) - 1 :][: len(reply)])
                scores[prompt, reply] = _logprobs(logits_NV, reply)
        return [scores[_frozen(pair)] for pair in pairs]

    def _read(self, group: Sequence[Tokens], rows_P: Sequence[Sequence[int]] = ()) -> Tensor:
        """Return the last layer [P, T, C] over sequences of one padded length; remember their keys for some rows."""
        shape, length = self._shape, rounded(len(group[0]))
        ids_PT = torch.tensor([[*ids, *[0] * (length - len(ids))] for ids in group], device=self._device)
        rows = [row for rows in rows_P for row in rows]
        source = [number for number, rows in enumerate(rows_P) for _ in rows]

        def attend(layer: int, heads_MND: Tensor) -> Tensor:
            heads_PNTD = heads_MND.view(len(group), length, -1, shape.head_width).transpose(1, 2)
            q, k, v = torch.split(heads_PNTD, [shape.heads, shape.kv_heads, shape.kv_heads], 1)
            if rows:
                self._cache.fill(layer, rows, k[source], v[source])
            mixed_PHTD = F.scaled_dot_product_attention(q, k, v, is_causal=True, enable_gqa=True)
            return mixed_PHTD.transpose(1, 2).reshape(len(group) * length, -1)

        turn_M21D = self._turn_T21D[:length].repeat(len(group), 1, 1, 1)
        x_MC = self._through(F.embedding(ids_PT.view(-1), self._embedding_VC), turn_M21D, attend)
        return x_MC.view(len(group), length, -1)

    def _through(self, x_MC: Tensor, turn_M21D: Tensor, attend: Callable[[int, Tensor], Tensor]) -> Tensor:
        """Run the layers; `attend` mixes the turned heads [M, H + 2 K, D] of one layer over the positions."""
        cosine_M1D, signed_sine_M1D = turn_M21D.unbind(1)
        turning, half = self._shape.heads + self._shape.kv_heads, self._shape.head_width // 2
        for number, block in enumerate(self._blocks):
            heads_MND = product(self._normed(x_MC), block.qkv).view(x_MC.shape[0], -1, 2 * half)
            turned = heads_MND[:, :turning]
            torch.addcmul(turned * cosine_M1D, turned.roll(half, -1), signed_sine_M1D, out=turned)
            x_MC = product(attend(number, heads_MND), block.out).add_(x_MC)
            gate, up = product(self._normed(x_MC), block.gate_up).chunk(2, -1)
            x_MC = product(F.silu(gate).mul_(up), block.down).add_(x_MC)
        return x_MC

    def _normed(self, x_MC: Tensor) -> Tensor:
        """Divide each row by its length; the root of the width is part of the weights that come next."""
        length_M1 = torch.linalg.vector_norm(x_MC, dim=-1, keepdim=True)
        return x_MC / torch.hypot(length_M1, self._floor)

    def _logits(self, x_MC: Tensor) -> Tensor:
        return product(self._normed(x_MC), self._head_CV).float()


def _fused(*layers: Any, norm: Any = None) -> Tensor:
    """Return the weights of linear layers side by side, [in, out], with the scale of the norm before them."""
    weight = torch.cat([layer.weight for layer in layers])
    if norm is not None:
        weight = weight * (norm.weight * weight.shape[1] ** 0.5)
    return weight.detach().t().contiguous()


def _groups(sequences: Iterable[T], length: Callable[[T], int], together: int = TOGETHER) -> Iterator[list[T]]:
    """Yield sequences of equal padded length together, as many as hold `together` tokens (two at least)."""
    for padded, same in groupby(sorted(sequences, key=length), key=lambda one: rounded(length(one))):
        group, size = list(same), max(2, together // padded)
        yield from (group[begin : begin + size] for begin in range(0, len(group), size))


def _frozen(pair: Pair) -> Pair:
    return tuple(pair[0]), tuple(pair[1])


def _length(pair: Pair) -> int:
    return len(pair[0]) + len(pair[1])


def _logprobs(logits_NV: Tensor, ids: Tokens) -> list[float]:
    ids_N1 = torch.tensor(ids, device=logits_NV.device).unsqueeze(1)
    logprobs: list[float] = logits_NV.float().log_softmax(-1).gather(1, ids_N1).squeeze(1).tolist()
    return logprobs


class HfDecoder:
    """Decode with any causal language model of `transformers`, through its own cache; prompts padded on the left."""

    def __init__(self, network: HfNetwork, pad: int) -> None:
        self._model, self._pad = network.model, pad
        taken = signature(network.model.forward).parameters
        if "past_key_values" not in taken:
            raise SettingsError(
                f"{type(self._model).__name__} keeps no keys and values that finished rows could leave (found: "
                f"{', '.join(taken)}). Serve it with an OpenAI-compatible server, and name it openai:model@address."
            )
        self._takes_places = "position_ids" in taken

    @torch.inference_mode()
    def start(self, prompts: Sequence[Tokens], room: int) -> Tensor:
        ids_BT, self._seen_BT = self._padded(prompts)
        self._cache: Any = None
        return self._forward(ids_BT)

    @torch.inference_mode()
    def step(self, ids_B: Tensor) -> Tensor:
        self._seen_BT = F.pad(self._seen_BT, (0, 1), value=1)
        return self._forward(ids_B.unsqueeze(1))

    @torch.inference_mode()
    def keep(self, rows: Sequence[int]) -> None:
        chosen = torch.tensor(rows, device=self._model.device)
        self._seen_BT = self._seen_BT[chosen]
        self._cache.batch_select_indices(chosen)

    @torch.inference_mode()
    def score(self, pairs: Sequence[Pair]) -> list[list[float]]:
        scores: dict[Pair, list[float]] = {}
        for group in _groups(dict.fromkeys(map(_frozen, pairs)), _length, together=1024):
            ids, seen = self._padded([(*prompt, *reply) for prompt, reply in group])
            logits_PTV = self._call(ids, seen, use_cache=False).logits
            for logits_TV, (prompt, reply) in zip(logits_PTV, group, strict=True):
                scores[prompt, reply] = _logprobs(logits_TV[-len(reply) - 1 : -1], reply)
        return [scores[_frozen(pair)] for pair in pairs]

    def _forward(self, ids_BT: Tensor) -> Tensor:
        out = self._call(ids_BT, self._seen_BT, past_key_values=self._cache, use_cache=True)
        self._cache = out.past_key_values
        logits: Tensor = out.logits[:, -1].float()
        return logits

    def _call(self, ids_BT: Tensor, seen_BT: Tensor, **settings: Any) -> Any:
        if self._takes_places:
            places_BT = (seen_BT.cumsum(1) - 1).clamp_(min=0)
            settings["position_ids"] = places_BT[:, -ids_BT.shape[1] :]
        return self._model(input_ids=ids_BT, attention_mask=seen_BT, **settings)

    def _padded(self, sequences: Sequence[Tokens]) -> tuple[Tensor, Tensor]:
        longest = max(map(len, sequences))
        ids = [[*[self._pad] * (longest - len(one)), *one] for one in sequences]
        seen = [[0] * (longest - len(one)) + [1] * len(one) for one in sequences]
        return torch.tensor(ids, device=self._model.device), torch.tensor(seen, device=self._model.device)
