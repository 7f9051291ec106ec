"""Small untrained networks, and tokenizers learned from a few sentences."""

from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import torch

from regrowth.core.record import Message
from regrowth.weights.codec import BpeCodec, train_codec
from regrowth.weights.loading import Weights, save
from regrowth.weights.network import Llama, LlamaShape, new_llama

__all__ = ["SHAPE", "a_codec", "a_llama", "saved", "some_weights", "turn"]

SHAPE = LlamaShape(vocabulary=280, width=96, layers=2, heads=6, kv_heads=2, hidden=160, context=256)


@cache
def a_codec() -> BpeCodec:
    """Return a tokenizer of 280 ids."""
    return train_codec([f"Tom has {n} pens and buys {n + 3}. How many pens has he?" for n in range(60)], 280)


def a_llama(seed: int = 1, **changes: Any) -> Llama:
    """Return a network that is far from uniform, as trained ones are."""
    network = new_llama(replace(SHAPE, **changes), a_codec(), seed)
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for weight in network.parameters():
            noise = torch.randn(weight.shape, generator=generator)
            weight.copy_(weight * 6 if weight.ndim > 1 else 1 + noise / 10)
    return network


def some_weights(seed: int = 1, **changes: Any) -> Weights:
    """Return a network with its codec."""
    network = a_llama(seed, **changes)
    return Weights(network, a_codec(), f"seed {seed}", network.shape.context)


def saved(folder: Path, network: Llama) -> Path:
    """Write a network with the codec and return its folder."""
    save(network, a_codec(), folder, lineage={"made by": "a test"})
    return folder


def turn(text: str) -> list[Message]:
    """Return a conversation of one turn."""
    return [Message("user", text)]
