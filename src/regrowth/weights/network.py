"""A small Llama: RMS norm, rotary positions, grouped-query attention, SwiGLU, tied or untied head.

Sources: Touvron et al., 2023, arXiv:2302.13971 (architecture); Ainslie et al., 2023, arXiv:2305.13245 (grouped
queries). Parameter names and `config.json` are those of `transformers.LlamaForCausalLM`, which loads the same folder
and gives the same logits.

One shape (the packaged model's order of size):
    LlamaShape(vocabulary=1000, width=192, layers=6, heads=6, kv_heads=2, hidden=512, context=512)   # 2.3 M weights
"""

# ruff: noqa: N803, N806 -- axes stand in the names of tensors

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from regrowth.core.errors import SettingsError
from regrowth.weights.codec import Codec

__all__ = ["Llama", "LlamaShape", "new_llama", "rotate", "rotation"]

# B: rows of the batch, T: positions, C: width, H: query heads, K: key-value heads, D: width of a head, V: vocabulary.


@dataclass(frozen=True, slots=True, kw_only=True)
class LlamaShape:
    """Say how large a Llama is."""

    vocabulary: int
    width: int
    """Of the residual stream; `heads` divides it."""
    layers: int
    heads: int
    kv_heads: int
    """Heads that keys and values have; divides `heads`."""
    hidden: int
    """Width of the SwiGLU layer."""
    context: int
    """Longest sequence in tokens."""
    head_width: int = 0
    """Even; 0 means `width / heads`."""
    theta: float = 10_000.0
    """Base of the rotary wavelengths."""
    epsilon: float = 1e-5
    """Of the RMS norm."""
    tied: bool = True
    """Whether the head is the embedding."""

    def __post_init__(self) -> None:
        if not self.head_width:
            object.__setattr__(self, "head_width", self.width // self.heads)
        if self.heads % self.kv_heads or self.head_width % 2:
            raise SettingsError(
                f"{self.heads} heads of width {self.head_width} over {self.kv_heads} key-value heads cannot be built. "
                "Expected kv_heads to divide heads, and an even head width."
            )

    @classmethod
    def of(cls, config: Mapping[str, Any]) -> "LlamaShape | None":
        """Read a `config.json`; None if it asks for anything this network does not do."""
        rope = config.get("rope_parameters") or {}
        scaling = config.get("rope_scaling") or rope
        plain = (
            config.get("model_type") == "llama"
            and scaling.get("rope_type", scaling.get("type", "default")) == "default"
            and config.get("hidden_act", "silu") == "silu"
            and not any(config.get(name) for name in ("attention_bias", "mlp_bias", "quantization_config"))
        )
        if not plain:
            return None
        heads = config["num_attention_heads"]
        return cls(
            vocabulary=config["vocab_size"],
            width=config["hidden_size"],
            layers=config["num_hidden_layers"],
            heads=heads,
            kv_heads=config.get("num_key_value_heads") or heads,
            hidden=config["intermediate_size"],
            context=config.get("max_position_embeddings", 2048),
            head_width=config.get("head_dim") or 0,
            theta=float(rope.get("rope_theta") or config.get("rope_theta") or 10_000.0),
            epsilon=config.get("rms_norm_eps", 1e-6),
            tied=config.get("tie_word_embeddings", False),
        )

    def config(self) -> dict[str, Any]:
        """Return the `config.json` that `of` reads, old and new spelling of the rotary base included."""
        return {
            "architectures": ["LlamaForCausalLM"],
            "model_type": "llama",
            "vocab_size": self.vocabulary,
            "hidden_size": self.width,
            "num_hidden_layers": self.layers,
            "num_attention_heads": self.heads,
            "num_key_value_heads": self.kv_heads,
            "intermediate_size": self.hidden,
            "max_position_embeddings": self.context,
            "head_dim": self.head_width,
            "rope_theta": self.theta,
            "rope_parameters": {"rope_type": "default", "rope_theta": self.theta},
            "rms_norm_eps": self.epsilon,
            "tie_word_embeddings": self.tied,
            "hidden_act": "silu",
            "attention_bias": False,
            "mlp_bias": False,
        }


class Llama(nn.Module):
    """Map token ids [B, T] to logits [B, T, V]; position t sees positions 0 … t, so rows are padded on the right."""

    def __init__(self, shape: LlamaShape) -> None:
        super().__init__()
        self.shape = shape
        self.model = _Trunk(shape)
        self.lm_head = None if shape.tied else nn.Linear(shape.width, shape.vocabulary, bias=False)

    @property
    def head(self) -> Tensor:
        """Return the matrix [V, C] that makes logits."""
        return self.model.embed_tokens.weight if self.lm_head is None else self.lm_head.weight

    def forward(self, ids_BT: Tensor) -> Tensor:
        return F.linear(self.model(ids_BT), self.head)


class _Trunk(nn.Module):
    def __init__(self, shape: LlamaShape) -> None:
        super().__init__()
        self.shape = shape
        self.recompute = False
        """Whether a layer's inner values are made again for the gradient instead of kept."""
        # Given a weight, torch draws none: drawing one without memory imports its compiler, a second of CPU time.
        blank_VC = torch.empty(shape.vocabulary, shape.width)
        self.embed_tokens = nn.Embedding(shape.vocabulary, shape.width, _weight=blank_VC)
        self.layers = nn.ModuleList(_Layer(shape) for _ in range(shape.layers))
        self.norm = nn.RMSNorm(shape.width, eps=shape.epsilon)

    def forward(self, ids_BT: Tensor) -> Tensor:
        x_BTC = self.embed_tokens(ids_BT)
        places_T = torch.arange(ids_BT.shape[1], device=ids_BT.device)
        turn = rotation(self.shape, places_T, x_BTC.dtype)
        for layer in self.layers:
            x_BTC = checkpoint(layer, x_BTC, turn, use_reentrant=False) if self.recompute else layer(x_BTC, turn)
        normed: Tensor = self.norm(x_BTC)
        return normed


class _Layer(nn.Module):
    def __init__(self, shape: LlamaShape) -> None:
        super().__init__()
        self.input_layernorm = nn.RMSNorm(shape.width, eps=shape.epsilon)
        self.self_attn = _Attention(shape)
        self.post_attention_layernorm = nn.RMSNorm(shape.width, eps=shape.epsilon)
        self.mlp = _Mlp(shape)

    def forward(self, x_BTC: Tensor, turn: tuple[Tensor, Tensor]) -> Tensor:
        x_BTC = x_BTC + self.self_attn(self.input_layernorm(x_BTC), turn)
        out: Tensor = x_BTC + self.mlp(self.post_attention_layernorm(x_BTC))
        return out


class _Attention(nn.Module):
    def __init__(self, shape: LlamaShape) -> None:
        super().__init__()
        self.shape = shape
        queries, keys = shape.heads * shape.head_width, shape.kv_heads * shape.head_width
        self.q_proj = nn.Linear(shape.width, queries, bias=False)
        self.k_proj = nn.Linear(shape.width, keys, bias=False)
        self.v_proj = nn.Linear(shape.width, keys, bias=False)
        self.o_proj = nn.Linear(queries, shape.width, bias=False)

    def forward(self, x_BTC: Tensor, turn: tuple[Tensor, Tensor]) -> Tensor:
        per_head = (*x_BTC.shape[:2], -1, self.shape.head_width)
        q_BHTD = rotate(self.q_proj(x_BTC).view(per_head).transpose(1, 2), turn)
        k_BKTD = rotate(self.k_proj(x_BTC).view(per_head).transpose(1, 2), turn)
        v_BKTD = self.v_proj(x_BTC).view(per_head).transpose(1, 2)
        grouped = self.shape.heads != self.shape.kv_heads
        mixed_BHTD = F.scaled_dot_product_attention(q_BHTD, k_BKTD, v_BKTD, is_causal=True, enable_gqa=grouped)
        out: Tensor = self.o_proj(mixed_BHTD.transpose(1, 2).flatten(2))
        return out


class _Mlp(nn.Module):
    def __init__(self, shape: LlamaShape) -> None:
        super().__init__()
        self.gate_proj = nn.Linear(shape.width, shape.hidden, bias=False)
        self.up_proj = nn.Linear(shape.width, shape.hidden, bias=False)
        self.down_proj = nn.Linear(shape.hidden, shape.width, bias=False)

    def forward(self, x_BTC: Tensor) -> Tensor:
        out: Tensor = self.down_proj(F.silu(self.gate_proj(x_BTC)) * self.up_proj(x_BTC))
        return out


def rotation(shape: LlamaShape, places_T: Tensor, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    """Return cosine and signed sine [T, D] of the rotary angles at some positions."""
    exponents = torch.arange(0, shape.head_width, 2, device=places_T.device).float() / shape.head_width
    angles_TD = torch.outer(places_T.float(), 1.0 / shape.theta**exponents).repeat(1, 2)
    sine_TD = angles_TD.sin()
    sine_TD[:, : shape.head_width // 2].neg_()
    return angles_TD.cos().to(dtype), sine_TD.to(dtype)


def rotate(x: Tensor, turn: tuple[Tensor, Tensor]) -> Tensor:
    """Turn the heads [..., T, D] of queries or keys by the angles of their positions."""
    cosine_TD, signed_sine_TD = turn
    return torch.addcmul(x * cosine_TD, x.roll(x.shape[-1] // 2, -1), signed_sine_TD)


def new_llama(shape: LlamaShape, codec: Codec, seed: int) -> Llama:
    """Make an untrained network; equal seeds make equal weights.

    Normal weights of deviation 0.02, the two projections that write to the residual stream divided by the root of
    twice the depth (as in GPT-2), norms at one.

    Raises:
        SettingsError: shape and codec differ in their vocabulary.
    """
    if shape.vocabulary != codec.size:
        raise SettingsError(f"The shape has {shape.vocabulary} ids, the codec {codec.size}; both must be equal.")
    with torch.device("meta"):
        network = Llama(shape)
    network.to_empty(device="cpu")
    generator = torch.Generator().manual_seed(seed)
    residual = 0.02 / (2 * shape.layers) ** 0.5
    with torch.no_grad():
        for name, weight in network.named_parameters():
            if weight.ndim == 1:
                weight.fill_(1.0)
            else:
                deep = name.endswith(("o_proj.weight", "down_proj.weight"))
                weight.normal_(0.0, residual if deep else 0.02, generator=generator)
    return network
