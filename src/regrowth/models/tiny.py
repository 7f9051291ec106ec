"""The embedded model: a small Llama of our own, trained by this repository, shipped in the package.

    backend = tiny_backend()
    answer = await backend.answer([Message("user", "Tom has 3 pens and buys 4. How many?")], Sampling(), seeds=[1])

Needs the extra `train`.
"""

from pathlib import Path
from typing import TYPE_CHECKING

from regrowth.core.errors import MissingExtra

if TYPE_CHECKING:
    from regrowth.models.torch import TorchBackend

__all__ = ["TINY", "tiny_backend"]

TINY = Path(__file__).parent / "tiny_weights"
"""Its folder: config, safetensors, tokenizer and model card."""


def tiny_backend() -> "TorchBackend":
    """Load the embedded model.

    Raises:
        MissingExtra: torch is not installed.
    """
    try:
        from regrowth.models.torch import TorchBackend  # optional extra
    except ImportError as error:
        raise MissingExtra(
            f"The embedded model runs in this process, and that failed to start: {error}. "
            "Install the extra: pip install 'regrowth[train]'"
        ) from error
    return TorchBackend(TINY)
