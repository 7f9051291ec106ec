"""Texts as vectors, offline: hashed n-grams without any weights, or a static or sentence model from a folder.

    HashedGrams()(["pens and paper", "paper and pens"])     # float32 [2, 512]
    HashedGrams.weighted(texts)                             # what is in every text counts less
    local_model("models/potion-base-8M")                    # model2vec or sentence-transformers

Hashed n-grams see shared words and stems in any language, whatever their order; they know no synonyms.
"""

from collections.abc import Iterable, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from regrowth.core.errors import DataError, MissingExtra
from regrowth.core.record import digest
from regrowth.curation.duplicates.ragged import Array
from regrowth.curation.duplicates.semantic import BATCH, Embedding
from regrowth.curation.duplicates.settings import Near
from regrowth.curation.duplicates.shingles import Shingled, shingled
from regrowth.texts import normalised

__all__ = ["HashedGrams", "local_model"]

BUCKETS = 1 << 18
"""Of n-grams that are weighted alike."""
SIGNS = 2
"""Dimensions that an n-gram is added to or taken from: a sparse random projection (Achlioptas 2003)."""
_WORDS = Near(width=1, reach=1)
_GRAMS = Near(unit="character", width=4, reach=1)


class HashedGrams:
    """Add up a random vector for each word and each run of four characters of a text, each once."""

    def __init__(self, dimensions: int = 512, weights: Array | None = None) -> None:
        """Make an embedding; `weights` are those of `BUCKETS` n-grams."""
        self.dimensions = dimensions
        self.weights = weights
        self.name = f"hashed grams, {dimensions}" + (
            f", {digest(weights.tobytes().hex())}" if weights is not None else ""
        )

    @classmethod
    def weighted(cls, texts: Iterable[str], dimensions: int = 512) -> "HashedGrams":
        """Return an embedding that weights n-grams by how rare they are in these texts.

        Its weight is log((1 + texts) / (1 + texts that have it)).
        """
        counts, number = np.zeros(BUCKETS, np.int64), 0
        for batch in _batches(texts):
            number += len(batch)
            for part in _parts(batch):
                counts += np.bincount(part.shingles.values % BUCKETS, minlength=BUCKETS)
        weights = np.log((1 + number) / (1 + np.minimum(counts, number)))
        return cls(dimensions, weights.astype(np.float32))

    def __call__(self, texts: Sequence[str]) -> Array:
        """Return the vectors of texts."""
        found = np.zeros((len(texts), self.dimensions))
        for part in _parts(texts):
            grams = part.shingles.values.astype(np.uint64)
            weights = np.ones(len(grams)) if self.weights is None else self.weights[grams % BUCKETS].astype(np.float64)
            text_of = np.repeat(np.arange(len(texts)), part.shingles.counts)
            for turn in range(SIGNS):
                mixed = (grams + np.uint64(turn)) * np.uint64(0x9E3779B97F4A7C15)
                places = (mixed >> np.uint64(33)).astype(np.int64) % self.dimensions
                signed = np.where(mixed >> np.uint64(63), weights, -weights)
                flat = np.bincount(text_of * self.dimensions + places, signed, len(texts) * self.dimensions)
                found += flat.reshape(found.shape)
        return found.astype(np.float32)


def _parts(texts: Sequence[str]) -> tuple[Shingled, Shingled]:
    forms = [normalised(text) for text in texts]
    return shingled(forms, _WORDS), shingled(forms, _GRAMS)


def _batches(texts: Iterable[str]) -> Iterable[list[str]]:
    batch: list[str] = []
    for text in texts:
        batch.append(text)
        if len(batch) == BATCH:
            yield batch
            batch = []
    if batch:
        yield batch


def local_model(folder: str | Path) -> Embedding:
    """Return a model2vec or sentence-transformers model from a folder; nothing is fetched.

    Raises:
        DataError: the folder holds neither.
        MissingExtra: the library that reads it is not installed.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise DataError(
            f"{folder}: there is no such folder. Expected one that model2vec or sentence-transformers wrote."
        )
    static = not (folder / "modules.json").exists() and (folder / "model.safetensors").exists()
    library = "model2vec" if static else "sentence-transformers"
    try:
        model = _static(folder) if static else _sentences(folder)
    except ImportError as error:
        raise MissingExtra(f"{folder}: {error}. Install it: pip install {library}") from error
    except (OSError, ValueError, KeyError) as error:
        raise DataError(f"{folder}: no model of {library} ({error}).") from error

    return _Folder(model, f"{library}, {folder.name}")


class _Folder:
    """Hold a model with the name by which an index knows it."""

    def __init__(self, model: Any, name: str) -> None:
        self.name = name
        self._model = model

    def __call__(self, texts: Sequence[str]) -> Array:
        return np.asarray(self._model.encode(list(texts)), np.float32)


def _static(folder: Path) -> Any:
    return import_module("model2vec").StaticModel.from_pretrained(str(folder))


def _sentences(folder: Path) -> Any:
    return import_module("sentence_transformers").SentenceTransformer(str(folder), local_files_only=True)
