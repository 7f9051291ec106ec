"""Which texts say what an earlier one says: the same letters, nearly the same words, or the same thing.

found = twins(["Tom has 3 pens …", "TOM has 3 pens …", "Ann has …"])
found.twin          array([-1, 0, -1])          # the second falls to the first
found.similarity    array([0., 1., 0.])
found.kind          array([0, 3, 0])            # KINDS[3] == "exact"
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from regrowth.curation.duplicates.engine import Fallen, compared, read
from regrowth.curation.duplicates.ragged import Array
from regrowth.curation.duplicates.semantic import Semantic
from regrowth.curation.duplicates.settings import Near

__all__ = ["KINDS", "Twins", "told", "twins"]

KINDS = ("", "semantic", "near", "exact")
"""How a text is like another."""


class Twins(NamedTuple):
    """Hold to which text each text fell."""

    twin: Array
    """-1: it survived."""
    similarity: Array
    """1 for equal texts, Jaccard's for near ones, the cosine for meanings; 0 for survivors."""
    kind: Array
    """Indices into `KINDS`."""


def twins(texts: Sequence[str], near: Near | None = Near(), semantic: Semantic | None = None) -> Twins:  # noqa: B008
    """Return which texts fall to an earlier one; of texts that are alike the first survives.

    Args:
        near: None compares no words.
        semantic: None compares no meanings.
    """
    return told(compared(read(texts, near or Near(), semantic), (), near, semantic))


def told(fallen: Fallen) -> Twins:
    """Return the likeness of texts as a kind and a similarity."""
    kind = np.ceil(fallen.likeness).astype(np.int64)
    return Twins(fallen.row, fallen.likeness - np.maximum(kind - 1, 0), kind)
