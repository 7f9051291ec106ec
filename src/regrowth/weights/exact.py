"""Products whose rows do not depend on each other, to the last bit.

A floating-point sum depends on its order, and libraries choose the order by the shape of the whole product. A run that
is resumed batches what is left in another way than the undisturbed run, and must still write the same text. So the
shapes are chosen here such that, on a CPU, one thread and 32-bit floats, a row comes out the same in any company:

- Products run in blocks of at most 64 rows, of sizes whose rows all go through the same kernel, against weights that
  lie transposed ([in, out], contiguous), which also is the fastest layout for few rows.
- Sequences are padded to multiples of 32, and sums over keys run in spans of 256: what is masked adds exact zeros.

Measured, not promised by the library: MKL 2024.2 with AVX-512 and with AVX2 (tests/unit/weights/test_decoding.py).
"""

# ruff: noqa: N803, N806 -- axes stand in the names of tensors

from collections.abc import Iterator
from contextlib import contextmanager

import torch
import torch.nn.functional as F
from torch import Tensor

__all__ = ["attention", "padded", "product", "rounded", "with_threads"]

# M: rows of a product, or pairs of row and head, C: in, N: out, G: queries, L: keys, D: width of a head.

BLOCK = 64
"""Rows of a product at most."""
STRIDE = 32
"""Sequences are padded to multiples of it."""
SPAN = 256
"""Keys whose values are summed in one product."""


def padded(rows: int) -> int:
    """Return the next number of rows that a product may have.

    AVX-512 needs two at least; AVX2 works in sixes and sums a remainder of one to three in another order.
    """
    even = rows + rows % 2
    return max(4, even + 2 if even % BLOCK % 6 == 2 else even)


def rounded(length: int) -> int:
    """Return the length that a sequence is padded to."""
    return -(-length // STRIDE) * STRIDE


def product(x_MC: Tensor, w_CN: Tensor) -> Tensor:
    """Multiply in blocks of rows; any number of rows will do."""
    rows = x_MC.shape[0]  # four times as fast as len()
    if x_MC.is_cuda or (rows <= BLOCK and rows == padded(rows)):
        return x_MC @ w_CN
    out_MN = x_MC.new_empty(rows, w_CN.shape[1])
    for block, out in zip(torch.split(x_MC, BLOCK), torch.split(out_MN, BLOCK), strict=True):
        missing = padded(len(block)) - len(block)
        if missing:
            out.copy_((F.pad(block, (0, 0, 0, missing)) @ w_CN)[: len(block)])
        else:
            torch.mm(block, w_CN, out=out)
    return out_MN


def attention(q_MGD: Tensor, k_MDL: Tensor, v_MLD: Tensor, bias_M1L: Tensor) -> Tensor:
    """Mix values [M, G, D] by softmax attention; the bias hides keys."""
    shares_MGL = torch.baddbmm(bias_M1L, q_MGD, k_MDL, alpha=q_MGD.shape[-1] ** -0.5).softmax(-1)
    mixed_MGD = torch.bmm(shares_MGL[:, :, :SPAN], v_MLD[:, :SPAN])
    for begin in range(SPAN, v_MLD.shape[1], SPAN):
        span = slice(begin, begin + SPAN)
        mixed_MGD.baddbmm_(shares_MGL[:, :, span], v_MLD[:, span])
    return mixed_MGD


@contextmanager
def with_threads(count: int) -> Iterator[None]:
    """Let torch compute with so many threads, in the whole process, and then as before."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)
