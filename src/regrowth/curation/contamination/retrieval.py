"""Which items a text may be a rephrasing of: the nearest by vectors, of which a verifier says the last word.

    embed = piece_vectors([item.question for item in items])     # offline; or any model's `encode`
    nearest = Nearest([item.question for item in items], embed)
    nearest.of(["Verify if two values are closer than a limit …"], most=20)      # [[(0, 0.61), (57, 0.22), …]]

The vectors that come with this file count pieces of words: `hasCloseElements`, `has_close_elements` and "has close
elements" are one thing to them, and rare pieces weigh more. They need no model and no network.
"""

import math
import re
import zlib
from collections import Counter
from collections.abc import Callable, Sequence
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

__all__ = ["Embed", "Nearest", "Vectors", "best", "piece_vectors"]

Vectors: TypeAlias = npt.NDArray[np.float32]
Embed: TypeAlias = Callable[[Sequence[str]], Vectors]
"""Texts to one vector each, of any length but zero; unit length is not expected."""

SIZE = 2048
LONGEST = 20_000
"""Characters of a text that are read; a rephrased item is shorter."""
_PIECE = re.compile(r"[A-Z]?[a-z]+|[A-Z]+|\d+(?:\.\d+)?|[^\W\d_]+")


def piece_vectors(texts: Sequence[str], *, size: int = SIZE) -> Embed:
    """Return an embedding by pieces of words, weighed by how few of these texts hold them."""
    holders = np.zeros(size)
    for text in texts:
        holders[list({_place(piece, size) for piece in _pieces(text)})] += 1
    least = max(0.01, 1 / max(1, len(texts)))  # of a few texts, pieces that all of them hold still count
    weights = (np.log((1 + len(texts)) / (1 + holders)) + least).astype(np.float32)

    def embed(some: Sequence[str]) -> Vectors:
        vectors = np.zeros((len(some), size), np.float32)
        for row, text in zip(vectors, some, strict=True):
            for piece, count in Counter(_pieces(text)).items():
                row[_place(piece, size)] += 1 + math.log(count)
        return vectors * weights

    return embed


def _pieces(text: str) -> list[str]:
    return [piece.lower() for piece in _PIECE.findall(text[:LONGEST])]


def _place(piece: str, size: int) -> int:
    return zlib.crc32(piece.encode("utf-8", "surrogatepass")) % size


class Nearest:
    """Find the nearest of some texts by the cosine of their vectors."""

    def __init__(self, texts: Sequence[str], embed: Embed) -> None:
        self._embed = embed
        self._known = _unit(embed(texts))

    def cosines(self, texts: Sequence[str]) -> Vectors:
        """Return one row per text, with its cosine to each of the known ones."""
        if not texts or not len(self._known):
            return np.zeros((len(texts), len(self._known)), np.float32)
        found: Vectors = _unit(self._embed(texts)) @ self._known.T
        return found

    def of(self, texts: Sequence[str], *, most: int, floor: float = 0.0) -> list[list[tuple[int, float]]]:
        """Return, for each text, at most so many of the known ones, the nearest first, none below the floor."""
        table = self.cosines(texts)
        return [[(place, float(row[place])) for place in best(row, most, floor)] for row in table]


def best(cosines: npt.NDArray[np.float32], most: int, floor: float) -> list[int]:
    """Return the places of the largest cosines, the largest first, none below the floor."""
    most = min(most, len(cosines))
    places = np.argpartition(-cosines, most - 1)[:most].tolist() if most else []
    ranked = sorted(places, key=lambda place: (-float(cosines[place]), place))
    return [place for place in ranked if cosines[place] >= floor]


def _unit(vectors: Vectors) -> Vectors:
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    unit: Vectors = vectors / np.maximum(lengths, np.float32(1e-9))
    return unit
