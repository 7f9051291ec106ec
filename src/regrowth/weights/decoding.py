"""Token by token: networks with a key-value cache, many rows at a time.

    decoder = decoder_of(network, pad=0)
    logits_BV = decoder.start([[2, 7, 3], [2, 9, 9, 3]], room=64)    # reads the prompts
    decoder.keep([1])                                                # row 0 is finished
    logits_BV = decoder.step(torch.tensor([5]))                      # row 1 goes on with token 5

**Batch invariance.** With `LlamaDecoder` on a CPU, one thread and 32-bit floats, a row's logits are the same *bits*
whatever other rows share the batch: a run that is resumed batches what is left differently, and must still write the
same text. Floating-point sums depend on their order, and libraries choose the order by the shape. So shapes are chosen:

- Products run in blocks of at most 64 rows, of sizes for which MKL's AVX-512 and AVX2 kernels sum alike (`_padded`),
  and against transposed contiguous weights, which also is the fastest layout for few rows.
- A prompt is read at a length that depends on itself alone: its own, rounded up to 32.
- Rows start at position 0; keys beyond a row's end are masked, and the number of keys is a multiple of 32.

`HfDecoder` leaves shapes and caches to `transformers`, and promises closeness, not bits.
"""

# ruff: noqa: N803, N806 -- axes stand in the names of tensors

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from inspect import signature
from itertools import groupby
from typing import Any, Protocol, TypeVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from regrowth.core.errors import SettingsError
from regrowth.weights.loading import HfNetwork
from regrowth.weights.network import Llama, rotation

__all__ = ["Decoder", "HfDecoder", "LlamaDecoder", "decoder_of"]

# B: rows asked for, R: rows with their padding, P: prompts read together, T: positions, L: cached positions,
# C: width, H: query heads, K: key-value heads, G: query heads per key-value head, D: width of a head, V: vocabulary,
# M, N: rows of a product.

BLOCK = 64
"""Rows of a product at most."""
STRIDE = 32
"""Sequences are padded to multiples of it."""
SPAN = 256
"""Keys whose values are summed in one product."""
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
        self._embedding_VC = network.model.embed_tokens.weight.detach()
        self._head_CV = (network.head * network.model.norm.weight * shape.width**0.5).t().contiguous()
        self._device, self._dtype = self._embedding_VC.device, self._embedding_VC.dtype
        self._floor = torch.tensor((shape.width * shape.epsilon) ** 0.5, dtype=self._dtype, device=self._device)
        places = torch.arange(_up(shape.context), device=self._device)
        self._turn_T21D = torch.stack(rotation(shape, places, self._dtype), 1).unsqueeze(2)
        self._memory = torch.empty(0, dtype=self._dtype, device=self._device)

    @torch.inference_mode()
    def start(self, prompts: Sequence[Tokens], room: int) -> Tensor:
        self._allocate(prompts, _padded(len(prompts)), _up(room))
        rows_of: dict[Tokens, list[int]] = {}
        for row, prompt in enumerate(prompts):
            rows_of.setdefault(tuple(prompt), []).append(row)
        last_BC = self._embedding_VC.new_empty(self._rows, self._shape.width)
        for group in _groups(rows_of, len):
            x_PTC = self._read(group, [rows_of[prompt] for prompt in group])
            for x_TC, prompt in zip(x_PTC, group, strict=True):
                last_BC[rows_of[prompt]] = x_TC[len(prompt) - 1]
        return self._logits(last_BC)

    @torch.inference_mode()
    def step(self, ids_B: Tensor) -> Tensor:
        shape, idle = self._shape, len(self._end_R) - self._rows
        if self._longest == self._views.length:
            self._views = self._look()
        slots_2RK = self._slot_2RK + self._end_R.unsqueeze(1)
        self._bias_RKL.view(-1).index_fill_(0, slots_2RK[0].view(-1), 0.0)
        slots = slots_2RK.view(-1)

        def attend(layer: int, heads_RND: Tensor) -> Tensor:
            view = self._views.layers[layer]
            new_2RKD = heads_RND[:, shape.heads :].unflatten(1, (2, -1)).transpose(0, 1)
            view.memory_SD.index_copy_(0, slots, new_2RKD.reshape(-1, shape.head_width))
            q_MGD = heads_RND[:, : shape.heads].reshape(len(view.v_MLD), -1, shape.head_width)
            return _attention(q_MGD, view.k_MDL, view.v_MLD, self._views.bias_M1L).view(len(heads_RND), -1)

        x_RC = F.embedding(F.pad(ids_B, (0, idle)) if idle else ids_B, self._embedding_VC)
        x_RC = self._through(x_RC, self._turn_T21D[self._end_R], attend)
        self._end_R[: self._rows] += 1
        self._longest += 1
        logits_RV = self._logits(x_RC)
        return logits_RV[: self._rows] if idle else logits_RV

    @torch.inference_mode()
    def keep(self, rows: Sequence[int]) -> None:
        if moved := [(new, old) for new, old in enumerate(rows) if new != old]:
            new, old = (list(numbers) for numbers in zip(*moved, strict=True))
            live = self._cache[..., : self._longest, :]
            live[:, :, new] = live[:, :, old]
            self._bias_RKL[new] = self._bias_RKL[old]
            self._end_R[new] = self._end_R[old]
        self._rows, padded = len(rows), _padded(len(rows))
        self._end_R, self._slot_2RK = self._end_R[:padded], self._slot_2RK[:, :padded]
        self._longest = int(self._end_R[: self._rows].max())
        self._views = self._look()

    @torch.inference_mode()
    def score(self, pairs: Sequence[Pair]) -> list[list[float]]:
        scores: dict[Pair, list[float]] = {}
        for group in _groups(dict.fromkeys(map(_frozen, pairs)), _length):
            x_PTC = self._read([(*prompt, *reply) for prompt, reply in group])
            for x_TC, (prompt, reply) in zip(x_PTC, group, strict=True):
                logits_NV = self._logits(x_TC[len(prompt) - 1 :][: len(reply)])
                scores[prompt, reply] = _logprobs(logits_NV, reply)
        return [scores[_frozen(pair)] for pair in pairs]

    def _allocate(self, prompts: Sequence[Tokens], padded: int, room: int) -> None:
        shape = self._shape
        size = (shape.layers, 2, padded, shape.kv_heads, room, shape.head_width)
        if self._memory.numel() < math.prod(size):
            self._memory = torch.zeros(math.prod(size), dtype=self._dtype, device=self._device)
        self._cache = self._memory[: math.prod(size)].view(size)
        slots = torch.arange(0, 2 * padded * shape.kv_heads * room, room, device=self._device)
        self._slot_2RK = slots.view(2, padded, shape.kv_heads)
        self._rows, self._longest = len(prompts), max(map(len, prompts))
        ends = [*map(len, prompts), *[0] * (padded - len(prompts))]
        self._end_R = torch.tensor(ends, device=self._device)
        hidden_RL = torch.arange(room, device=self._device) >= self._end_R.unsqueeze(1)
        bias_RL = torch.zeros(padded, room, dtype=self._dtype, device=self._device).masked_fill_(hidden_RL, -torch.inf)
        self._bias_RKL = bias_RL.unsqueeze(1).repeat(1, shape.kv_heads, 1)
        self._views = self._look()

    def _look(self) -> "_Views":
        """Cut the cache to the rows and positions in use."""
        padded, length = len(self._end_R), _up(self._longest + 1)
        layers = []
        for cache in self._cache:
            k_MLD, v_MLD = cache[:, :padded].flatten(1, 2)[:, :, :length]
            layers.append(_View(cache.view(-1, self._shape.head_width), k_MLD.transpose(1, 2), v_MLD))
        return _Views(length, self._bias_RKL[:padded].flatten(0, 1)[:, None, :length], layers)

    def _read(self, group: Sequence[Tokens], rows_P: Sequence[Sequence[int]] = ()) -> Tensor:
        """Return the last layer [P, T, C] over sequences of one padded length; remember their keys for some rows."""
        shape, length = self._shape, _up(len(group[0]))
        ids_PT = torch.tensor([[*ids, *[0] * (length - len(ids))] for ids in group], device=self._device)
        rows = [row for rows in rows_P for row in rows]
        source = [number for number, rows in enumerate(rows_P) for _ in rows]

        def attend(layer: int, heads_MND: Tensor) -> Tensor:
            heads_PNTD = heads_MND.view(len(group), length, -1, shape.head_width).transpose(1, 2)
            q, k, v = torch.split(heads_PNTD, [shape.heads, shape.kv_heads, shape.kv_heads], 1)
            if rows:
                self._cache[layer, 0, rows, :, :length] = k[source]
                self._cache[layer, 1, rows, :, :length] = v[source]
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
            heads_MND = _product(self._normed(x_MC), block.qkv).view(len(x_MC), -1, 2 * half)
            turned = heads_MND[:, :turning]
            torch.addcmul(turned * cosine_M1D, turned.roll(half, -1), signed_sine_M1D, out=turned)
            x_MC = _product(attend(number, heads_MND), block.out).add_(x_MC)
            gate, up = _product(self._normed(x_MC), block.gate_up).chunk(2, -1)
            x_MC = _product(F.silu(gate).mul_(up), block.down).add_(x_MC)
        return x_MC

    def _normed(self, x_MC: Tensor) -> Tensor:
        """Divide each row by its length; the root of the width is part of the weights that come next."""
        length_M1 = torch.linalg.vector_norm(x_MC, dim=-1, keepdim=True)
        return x_MC / torch.hypot(length_M1, self._floor)

    def _logits(self, x_MC: Tensor) -> Tensor:
        return _product(self._normed(x_MC), self._head_CV).float()


@dataclass(frozen=True, slots=True)
class _View:
    """One layer's cache: as slots for writing, and the part in use for reading."""

    memory_SD: Tensor
    k_MDL: Tensor
    v_MLD: Tensor


@dataclass(frozen=True, slots=True)
class _Views:
    length: int
    bias_M1L: Tensor
    layers: list[_View]


def _fused(*layers: Any, norm: Any = None) -> Tensor:
    """Return the weights of linear layers side by side, [in, out], with the scale of the norm before them."""
    weight = torch.cat([layer.weight for layer in layers])
    if norm is not None:
        weight = weight * (norm.weight * weight.shape[1] ** 0.5)
    return weight.detach().t().contiguous()


def _product(x_MC: Tensor, w_CN: Tensor) -> Tensor:
    """Multiply in blocks of rows, whose sums do not depend on the other rows."""
    rows = len(x_MC)
    if x_MC.is_cuda or rows <= BLOCK and rows == _padded(rows):
        return x_MC @ w_CN
    out_MN = x_MC.new_empty(rows, w_CN.shape[1])
    for block, out in zip(torch.split(x_MC, BLOCK), torch.split(out_MN, BLOCK), strict=True):
        missing = _padded(len(block)) - len(block)
        if missing:
            out.copy_((F.pad(block, (0, 0, 0, missing)) @ w_CN)[: len(block)])
        else:
            torch.mm(block, w_CN, out=out)
    return out_MN


def _attention(q_MGD: Tensor, k_MDL: Tensor, v_MLD: Tensor, bias_M1L: Tensor) -> Tensor:
    """Mix values by softmax attention; sums over the keys run in spans of fixed length."""
    shares_MGL = torch.baddbmm(bias_M1L, q_MGD, k_MDL, alpha=q_MGD.shape[-1] ** -0.5).softmax(-1)
    mixed_MGD = torch.bmm(shares_MGL[:, :, :SPAN], v_MLD[:, :SPAN])
    for begin in range(SPAN, v_MLD.shape[1], SPAN):
        span = slice(begin, begin + SPAN)
        mixed_MGD.baddbmm_(shares_MGL[:, :, span], v_MLD[:, span])
    return mixed_MGD


def _padded(rows: int) -> int:
    """Return the next number of rows at which every row is summed by MKL's main kernels.

    AVX-512 needs two rows; AVX2 works in sixes and sums a remainder of one to three in another order.
    """
    even = rows + rows % 2
    return max(4, even + 2 if even % BLOCK % 6 == 2 else even)


def _up(length: int) -> int:
    return -(-length // STRIDE) * STRIDE


def _groups(sequences: Iterable[T], length: Callable[[T], int], together: int = TOGETHER) -> Iterator[list[T]]:
    """Yield sequences of equal padded length together, as many as hold `together` tokens (two at least)."""
    for padded, same in groupby(sorted(sequences, key=length), key=lambda one: _up(length(one))):
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
        self._takes_places = "position_ids" in signature(network.model.forward).parameters

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
