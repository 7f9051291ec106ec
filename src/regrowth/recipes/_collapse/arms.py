"""What a round is trained on: of what was made in earlier rounds, and of the real data, how much.

| arm          | round t is fitted on                                                                             |
|--------------|--------------------------------------------------------------------------------------------------|
| `replace`    | the samples of round t - 1 alone                                                                 |
| `accumulate` | the real data and the samples of all rounds, each with the same weight                           |
| `subsample`  | as many as there were real data, drawn from all of these without replacement                     |
| `fixed_real` | the first real data with weight `real_share`, the samples of round t - 1 with the rest           |
| `fresh_real` | new real data with weight `fresh_weight`, the samples of round t - 1 with the rest               |
| `verified`   | those samples of round t - 1 that a verifier kept, as many as there were real data               |

Round 1 is fitted on real data in every arm. Sources: replace, accumulate (Gerstgrasser et al., 2024, arXiv:2404.01413),
subsample (Kazdan et al., 2024, arXiv:2410.16713), a fixed real share (Shumailov et al., 2024), fresh real data with the
golden weight (He et al., 2025, arXiv:2502.18049), verification (Feng et al., 2024, arXiv:2406.07515).
"""

import math
from typing import Literal, TypeAlias

from pydantic import Field

from regrowth.core.settings import Frozen

__all__ = ["ARMS", "GOLDEN", "TITLES", "Arm", "Mixing"]

Arm: TypeAlias = Literal["replace", "accumulate", "subsample", "fixed_real", "fresh_real", "verified"]
TITLES: dict[Arm, str] = {
    "replace": "replace",
    "accumulate": "accumulate",
    "subsample": "subsample",
    "fixed_real": "fixed real",
    "fresh_real": "fresh real",
    "verified": "verified",
}
"""What reports call them."""
ARMS: tuple[Arm, ...] = tuple(TITLES)
GOLDEN = (math.sqrt(5) - 1) / 2
"""0.618: the weight of fresh real data at which the error in the long run is least."""


class Mixing(Frozen):
    """Say how much of what an arm mixes."""

    real_share: float = Field(default=0.1, gt=0, lt=1)
    """Weight of the first real data in `fixed_real`."""
    fresh_weight: float = Field(default=GOLDEN, gt=0, le=1)
    """Weight of each round's new real data in `fresh_real`."""
    keep_right: float = Field(default=0.9, gt=0, le=1)
    """φ: probability that the verifier keeps a right sample."""
    keep_wrong: float = Field(default=0.3, ge=0, le=1)
    """ψ: probability that it keeps a wrong one."""
