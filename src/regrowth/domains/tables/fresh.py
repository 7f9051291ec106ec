"""A small network for the rows of one table, before its first step: its tokenizer knows the table's words, and no more.

    untrained(Path("start"), wording.texts(), wording.longest(), seed=0)

A network that knows nothing of other texts learns a table from a few thousand rows faster than one that must unlearn.
Nothing but the words (names, labels, parts of ranges) reaches it, so it may be the start of private training.
"""

from collections.abc import Sequence
from pathlib import Path

__all__ = ["untrained"]

WIDTH = 128
LAYERS = 3
VOCABULARY = 1024
CONTEXTS = (256, 512, 1024, 2048)


def untrained(folder: Path, texts: Sequence[str], longest: str, *, seed: int) -> None:
    """Write an untrained network and its tokenizer into a folder.

    Args:
        longest: the longest row; the context has room for two of it.

    Raises:
        SettingsError: a row is longer than any context here.
        MissingExtra: torch is not installed.
    """
    import regrowth.weights  # noqa: F401 -- first of all: where torch is missing, it says which extra to install
    from regrowth.core.errors import SettingsError
    from regrowth.weights.codec import train_codec
    from regrowth.weights.loading import save
    from regrowth.weights.network import LlamaShape, new_llama

    codec = train_codec([*texts, *texts], VOCABULARY)  # a pair must come twice to become a token
    room = 2 * len(codec.reply(longest)) + 16
    context = next((size for size in CONTEXTS if size >= room), 0)
    if not context:
        raise SettingsError(f"A row takes up to {room // 2:,} tokens, {CONTEXTS[-1] // 2:,} fit. Leave out columns.")
    shape = LlamaShape(
        vocabulary=codec.size, width=WIDTH, layers=LAYERS, heads=4, kv_heads=2, hidden=352, context=context
    )
    network = new_llama(shape, codec, seed)
    for weight in network.parameters():
        if weight.ndim > 1:
            weight.data.mul_(WIDTH**-0.5 / 0.02)  # as the packaged model: at 0.02, attention stays flat for long
    save(network, codec, folder, lineage={})
