"""Which texts mean the same: their vectors point the same way.

    semantic = Semantic(HashedGrams(), alike=0.9)
    semantic = Semantic(local_model("models/potion-base-8M"), alike=0.85)

Every vector is compared with every other, in blocks: exact, and its memory stays small; work grows with the square of
the number of texts (50,000 texts of 256 dimensions: about 3 * 10**11 multiplications).
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from regrowth.core.errors import DataError, SettingsError
from regrowth.curation.duplicates.greedy import SEMANTIC, Edges, joined
from regrowth.curation.duplicates.ragged import Array

__all__ = ["Embedding", "Semantic", "embedded", "neighbours"]

Embedding: TypeAlias = Callable[[Sequence[str]], Array]
"""Texts → their vectors, float32, one row each. May have a `name`, by which an index on disk knows it."""

BATCH = 1024
"""Texts that an embedding is given at once."""
BLOCK = 2048
"""Vectors that are compared with as many others at once."""
SLACK = 1e-4
"""What a product of matrices in single precision may be off; closer pairs are multiplied again in double precision."""


@dataclass(frozen=True, slots=True)
class Semantic:
    """Say when two texts mean the same."""

    embedding: Embedding
    alike: float = 0.9
    """Cosine of their vectors from which on they do, above 0 up to 1. Depends on the embedding."""
    numbers: bool = True
    """Whether texts whose numbers differ mean different things."""

    def __post_init__(self) -> None:
        """Refuse a similarity that says nothing."""
        if not 0 < self.alike <= 1:
            raise SettingsError(f"alike={self.alike}: expected a cosine above 0 up to 1.")

    @property
    def name(self) -> str:
        """Return the name of the embedding: its own, or that of its function."""
        return str(
            getattr(self.embedding, "name", getattr(self.embedding, "__qualname__", type(self.embedding).__name__))
        )


def embedded(texts: Sequence[str], embedding: Embedding) -> Array:
    """Return the vectors of texts, of length 1; a text without any direction has zeros.

    Raises:
        DataError: the embedding returned something else than one finite vector for each text.
    """
    found = []
    for start in range(0, len(texts), BATCH):
        part = texts[start : start + BATCH]
        vectors = np.asarray(embedding(part), np.float32)
        if vectors.ndim != 2 or len(vectors) != len(part) or not np.isfinite(vectors).all():
            raise DataError(
                f"The embedding returned an array of shape {vectors.shape} for {len(part)} texts, or numbers that are "
                "not finite. Expected one vector for each text."
            )
        length = np.linalg.norm(vectors, axis=1, keepdims=True)
        found.append(vectors / np.where(length > 0, length, 1))
    return np.concatenate(found) if found else np.zeros((0, 0), np.float32)


def neighbours(later: Array, earlier: Array, alike: float, *, same: bool) -> Edges:
    """Return the pairs of vectors whose cosine is at least this.

    Args:
        same: whether both are the same texts; then each pair is found once, and none with itself.
    """
    return joined(*_neighbours(later, earlier, alike, same))


def _neighbours(later: Array, earlier: Array, alike: float, same: bool) -> Iterator[Edges]:
    for start in range(0, len(later), BLOCK):
        rows = later[start : start + BLOCK]
        for other in range(0, min(start + 1, len(earlier)) if same else len(earlier), BLOCK):
            columns = np.asarray(earlier[other : other + BLOCK])
            one, two = np.nonzero(rows @ columns.T >= alike - SLACK)
            if same and start == other:
                one, two = one[one > two], two[one > two]
            # the same sum whatever the block, so that a result does not depend on where a text stood
            cosines = np.minimum(np.einsum("ij,ij->i", rows[one], columns[two], dtype=np.float64), 1.0)
            near = cosines >= alike
            yield Edges(one[near] + start, two[near] + other, SEMANTIC + cosines[near])
