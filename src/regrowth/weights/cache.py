"""Keys and values of a batch whose rows grow by one token at a time.

Every row begins at position 0 and ends where it ends; rows that are finished leave, and the last ones move into their
places. Idle rows fill the batch up to a number that a product may have (`regrowth.weights.exact`); they compute, and
nobody reads them.
"""

# ruff: noqa: N803, N806, N815 -- axes stand in the names of tensors

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from regrowth.weights.exact import attention, padded, rounded
from regrowth.weights.network import LlamaShape

__all__ = ["Cache"]

# R: rows, idle ones included, K: key-value heads, L: positions, D: width of a head, M: pairs of row and head,
# G: query heads per key-value head, P: prompts, S: slots, one per layer's key or value of a row, head and position.


@dataclass(frozen=True, slots=True)
class _View:
    """One layer: as slots for writing, and the part in use for reading."""

    slots_SD: Tensor
    k_MDL: Tensor
    v_MLD: Tensor


class Cache:
    """Hold the keys and values of one batch; `memory` of an earlier one is used again where it suffices."""

    def __init__(self, shape: LlamaShape, lengths: Sequence[int], room: int, memory: Tensor) -> None:
        device, dtype = memory.device, memory.dtype
        total, room = padded(len(lengths)), rounded(room)
        size = (shape.layers, 2, total, shape.kv_heads, room, shape.head_width)
        # Zeros, for what is masked must still be a number.
        enough = memory.numel() >= math.prod(size)
        self.memory = memory if enough else torch.zeros(math.prod(size), dtype=dtype, device=device)
        self._all = self.memory[: math.prod(size)].view(size)
        slots = torch.arange(0, 2 * total * shape.kv_heads * room, room, device=device)
        self._first_2RK = slots.view(2, total, shape.kv_heads)
        self.rows, self._longest = len(lengths), max(lengths)
        self.end_R = torch.tensor([*lengths, *[0] * (total - len(lengths))], device=device)
        hidden_RL = torch.arange(room, device=device) >= self.end_R.unsqueeze(1)
        bias_RL = torch.zeros(total, room, dtype=dtype, device=device).masked_fill_(hidden_RL, -torch.inf)
        self._bias_RKL = bias_RL.unsqueeze(1).repeat(1, shape.kv_heads, 1)
        self._look()

    @property
    def idle(self) -> int:
        """Return how many rows only fill the batch up."""
        return len(self.end_R) - self.rows

    def fill(self, layer: int, rows: Sequence[int], k_PKLD: Tensor, v_PKLD: Tensor) -> None:
        """Write the prompts of some rows."""
        length = k_PKLD.shape[2]
        self._all[layer, 0, rows, :, :length] = k_PKLD
        self._all[layer, 1, rows, :, :length] = v_PKLD

    def begin_step(self) -> None:
        """Make place for one more token in every row."""
        if self._longest == self._length:
            self._look()
        slots_2RK = self._first_2RK + self.end_R.unsqueeze(1)
        self._bias_RKL.view(-1).index_fill_(0, slots_2RK[0].view(-1), 0.0)
        self._slots = slots_2RK.view(-1)

    def attend(self, layer: int, q_RND: Tensor, kv_RND: Tensor) -> Tensor:
        """Write one layer's keys and values [R, 2 K, D] of the new token, and let its queries attend [R, H D]."""
        view, (rows, _, width) = self._views[layer], q_RND.shape
        new_2RKD = kv_RND.view(rows, 2, -1, width).transpose(0, 1)
        view.slots_SD.index_copy_(0, self._slots, new_2RKD.reshape(-1, width))
        q_MGD = q_RND.reshape(view.v_MLD.shape[0], -1, width)
        return attention(q_MGD, view.k_MDL, view.v_MLD, self._bias_M1L).view(rows, -1)

    def end_step(self) -> None:
        """Count the new token."""
        self.end_R[: self.rows] += 1
        self._longest += 1

    def keep(self, rows: Sequence[int]) -> None:
        """Go on with these rows: new row i is old row `rows[i]`."""
        if moved := [(new, old) for new, old in enumerate(rows) if new != old]:
            new, old = (list(numbers) for numbers in zip(*moved, strict=True))
            live = self._all[..., : self._longest, :]
            live[:, :, new] = live[:, :, old]
            self._bias_RKL[new] = self._bias_RKL[old]
            self.end_R[new] = self.end_R[old]
        self.rows, total = len(rows), padded(len(rows))
        self.end_R, self._first_2RK = self.end_R[:total], self._first_2RK[:, :total]
        self._longest = int(self.end_R[: self.rows].max())
        self._look()

    def _look(self) -> None:
        """Cut the memory to the rows and positions in use: once in 32 steps, for cutting takes time."""
        total, self._length = len(self.end_R), rounded(self._longest + 1)
        self._bias_M1L = self._bias_RKL[:total].flatten(0, 1)[:, None, : self._length]
        self._views = []
        for layer in self._all:
            k_MLD, v_MLD = layer[:, :total].flatten(1, 2)[:, :, : self._length]
            self._views.append(_View(layer.view(-1, layer.shape[-1]), k_MLD.transpose(1, 2), v_MLD))
