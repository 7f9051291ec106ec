"""Draw the next token, each row from its own stream of random numbers.

A row's stream hangs on its seed alone: number t is a hash of (seed, t), the SplitMix64 generator read as a counter
(Steele, Lea, Flood, 2014, doi:10.1145/2660193.2660195). So a sample does not depend on which rows share its batch,
nor on their order. The token is where the cumulative distribution passes the number.

    rules = Rules.of([Sampling(temperature=0.7), Sampling(temperature=0)])
    ids_B = draw(logits_BV, rules, uniforms([11, 12], count=64)[:, 0])
"""

# ruff: noqa: N803, N806, N815 -- axes stand in the names of tensors

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from regrowth.core.protocols import Sampling

__all__ = ["Rules", "draw", "uniforms"]

# B: rows, T: tokens of the reply, V: vocabulary.

GOLDEN = 0x9E3779B97F4A7C15
WORD = 2**64 - 1


@dataclass(frozen=True, slots=True)
class Rules:
    """Hold how each row is drawn, as columns."""

    temperature_B1: Tensor | None
    """None: all are 1."""
    top_p_B: Tensor | None
    """None: all are 1."""
    greedy_B: Tensor | None
    """None: no row is."""
    all_greedy: bool

    @classmethod
    def of(cls, samplings: Sequence[Sampling], device: str | torch.device = "cpu") -> "Rules":
        """Collect the rules of the rows."""
        greedy = [sampling.temperature == 0 for sampling in samplings]
        heat = [sampling.temperature or 1.0 for sampling in samplings]
        top_p = [sampling.top_p for sampling in samplings]
        return cls(
            temperature_B1=torch.tensor(heat, device=device).unsqueeze(1) if any(t != 1 for t in heat) else None,
            top_p_B=torch.tensor(top_p, device=device) if any(p < 1 for p in top_p) else None,
            greedy_B=torch.tensor(greedy, device=device) if any(greedy) else None,
            all_greedy=all(greedy),
        )

    def take(self, rows: Sequence[int]) -> "Rules":
        """Return the rules of some rows."""
        columns = (self.temperature_B1, self.top_p_B, self.greedy_B)
        heat, top_p, greedy = (None if column is None else column[list(rows)] for column in columns)
        return Rules(heat, top_p, greedy, self.all_greedy)


def uniforms(seeds: Sequence[int], count: int) -> Tensor:
    """Return numbers [B, T] in [0, 1), 52 random bits each, from one stream per seed."""
    start_B1 = _mixed(np.array([seed & WORD for seed in seeds], dtype=np.uint64))[:, None]
    steps_T = np.arange(1, count + 1, dtype=np.uint64) * np.uint64(GOLDEN)
    bits_BT = _mixed(start_B1 + steps_T) >> np.uint64(12)
    return torch.from_numpy(bits_BT.astype(np.float64) * 2.0**-52)


def draw(logits_BV: Tensor, rules: Rules, uniform_B: Tensor) -> Tensor:
    """Return one token per row; V itself (no token) where the logits are not numbers."""
    if rules.all_greedy:
        return logits_BV.argmax(-1)
    scaled_BV = logits_BV if rules.temperature_B1 is None else logits_BV / rules.temperature_B1
    mass_BV = scaled_BV.softmax(-1)
    if rules.top_p_B is not None:
        some = (rules.top_p_B < 1).nonzero().squeeze(1)
        mass_BV[some] = _nucleus(mass_BV[some], rules.top_p_B[some])
    cumulative_BV = mass_BV.cumsum(-1, dtype=torch.float64)
    passed_B1 = uniform_B.unsqueeze(1) * cumulative_BV[:, -1:]
    ids_B = torch.searchsorted(cumulative_BV, passed_B1, right=True).squeeze(1)
    return ids_B if rules.greedy_B is None else torch.where(rules.greedy_B, logits_BV.argmax(-1), ids_B)


def _nucleus(mass_BV: Tensor, top_p_B: Tensor) -> Tensor:
    """Keep the most probable tokens until their mass reaches top-p; always at least one."""
    sorted_BV, order_BV = mass_BV.sort(dim=-1, descending=True, stable=True)
    before_BV = sorted_BV.cumsum(-1, dtype=torch.float64) - sorted_BV
    kept_BV = sorted_BV.masked_fill(before_BV >= top_p_B.unsqueeze(1), 0.0)
    return torch.zeros_like(mass_BV).scatter_(1, order_BV, kept_BV)


def _mixed(words: "np.typing.NDArray[np.uint64]") -> "np.typing.NDArray[np.uint64]":
    """Hash 64-bit words: the finalizer of SplitMix64."""
    words = (words ^ (words >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    words = (words ^ (words >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return words ^ (words >> np.uint64(31))
