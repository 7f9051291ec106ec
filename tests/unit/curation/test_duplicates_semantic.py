"""Texts that mean the same: by the vectors of any embedding, and by one that needs no weights."""

import random
import sys
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from regrowth.core.errors import DataError, MissingExtra, SettingsError
from regrowth.core.record import Record
from regrowth.curation.duplicates import KINDS, HashedGrams, Semantic, local_model, near_duplicates, twins
from regrowth.curation.duplicates.ragged import Array
from regrowth.curation.duplicates.semantic import neighbours
from support.near_texts import ENGLISH, TEXTS, changed

SUBJECTS = {"cat": 0, "kitten": 0, "dog": 1, "puppy": 1}


def by_subject(texts: Sequence[str]) -> Array:
    """Embed a text by the animal that it names."""
    return np.stack([np.eye(4)[next((SUBJECTS[one] for one in text.split() if one in SUBJECTS), 3)] for text in texts])


def test_texts_of_one_meaning_are_found_by_their_vectors() -> None:
    texts = ["a cat sleeps", "dog barks", "the kitten is asleep", "a puppy makes noise", "A CAT sleeps"]
    found = twins(texts, semantic=Semantic(by_subject))
    assert found.twin.tolist() == [-1, -1, 0, 1, 0]
    assert [KINDS[one] for one in found.kind] == ["", "", "semantic", "semantic", "exact"]
    assert not twins(texts).kind[:4].any()


def test_texts_whose_numbers_differ_mean_different_things_unless_said_otherwise() -> None:
    texts = ["a cat has 3 mice", "the kitten caught 4 mice"]
    assert twins(texts, semantic=Semantic(by_subject)).twin.tolist() == [-1, -1]
    assert twins(texts, semantic=Semantic(by_subject, numbers=False)).twin.tolist() == [-1, 0]


def test_a_near_twin_goes_before_one_of_the_same_meaning() -> None:
    texts = [
        f"{ENGLISH} cat",
        f"kitten {TEXTS['de']}",
        changed(f"kitten {TEXTS['de']}", 0.02, random.Random(1)) + " cat",
    ]
    found = near_duplicates(
        [Record.of(text, number=at).scored(reward=-at) for at, text in enumerate(texts)],
        semantic=Semantic(by_subject),
    )
    assert [one.evidence["kind"] for one in found.findings] == ["semantic", "semantic"]
    assert "cosine 1.000" in found.findings[0].reason


def test_every_pair_is_compared_whatever_the_block() -> None:
    rng = np.random.default_rng(3)
    vectors = rng.standard_normal((5000, 8)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    found = neighbours(vectors, vectors, 0.95, same=True)
    cosines = np.tril(vectors.astype(np.float64) @ vectors.astype(np.float64).T, -1)
    assert set(zip(found.later.tolist(), found.earlier.tolist(), strict=True)) == set(
        zip(*(part.tolist() for part in np.nonzero(cosines >= 0.95)), strict=True)
    )
    half = neighbours(vectors[2500:], vectors[:2500], 0.95, same=False)
    assert len(half.later) == np.count_nonzero(cosines[2500:, :2500] >= 0.95)


@pytest.mark.parametrize("language", TEXTS)
def test_hashed_grams_see_shared_words_in_any_order_and_language(language: str) -> None:
    text, others = TEXTS[language], [other for name, other in TEXTS.items() if name != language]
    parts = text.split() if " " in text else [text[at : at + 12] for at in range(0, len(text), 12)]
    turned = (" " if " " in text else "").join([*parts[len(parts) // 2 :], *parts[: len(parts) // 2]])
    vectors = HashedGrams()([text, turned, *others]).astype(np.float64)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    cosines = vectors @ vectors[0]
    assert cosines[1] > 0.9
    assert (cosines[2:] < 0.3).all()


def test_hashed_grams_are_the_same_for_a_text_whatever_stands_beside_it() -> None:
    texts = list(TEXTS.values())
    for embedding in (HashedGrams(), HashedGrams.weighted(texts, dimensions=64)):
        together = embedding(texts)
        assert together.dtype == np.float32
        assert np.array_equal(together, np.concatenate([embedding([text]) for text in texts]))
        assert not embedding([""]).any()


def test_weights_let_what_is_in_every_text_count_less() -> None:
    frame = "please answer the following question carefully and explain every step of it"
    texts = [f"{frame} {word} {word}s" for word in ("apple", "river", "engine", "winter", "mountain", "poem")]

    def cosine(embedding: HashedGrams) -> float:
        one, two = embedding(texts[:2])
        return float(one @ two / np.linalg.norm(one) / np.linalg.norm(two))

    assert cosine(HashedGrams()) > 0.7
    assert cosine(HashedGrams.weighted(texts)) < 0.3
    assert HashedGrams.weighted(texts).name != HashedGrams().name == HashedGrams().name


@pytest.mark.parametrize("wrong", [np.zeros((1, 3)), np.zeros(2), np.full((2, 3), np.nan)])
def test_an_embedding_that_returns_something_else_is_told_so(wrong: Array) -> None:
    with pytest.raises(DataError, match="one vector for each text"):
        twins(["one", "two"], semantic=Semantic(lambda texts: wrong))


def test_a_cosine_that_no_pair_or_every_pair_has_is_refused() -> None:
    with pytest.raises(SettingsError, match="cosine"):
        Semantic(by_subject, alike=0)


def test_a_local_model_is_read_from_its_folder_or_the_reason_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Model:
        @staticmethod
        def from_pretrained(path: str) -> "Model":
            assert path == str(tmp_path)
            return Model()

        def encode(self, texts: list[str]) -> list[list[float]]:
            return [[float(len(text)), 1.0] for text in texts]

    with pytest.raises(DataError, match="no such folder"):
        local_model(tmp_path / "absent")
    (tmp_path / "model.safetensors").write_bytes(b"")
    monkeypatch.setitem(sys.modules, "model2vec", None)
    with pytest.raises(MissingExtra, match="pip install model2vec"):
        local_model(tmp_path)
    monkeypatch.setitem(sys.modules, "model2vec", SimpleNamespace(StaticModel=Model))
    embedding = local_model(tmp_path)
    assert embedding(["ab", "abc"]).tolist() == [[2.0, 1.0], [3.0, 1.0]]
    assert Semantic(embedding).name == f"model2vec, {tmp_path.name}"
    (tmp_path / "modules.json").write_text("[]", "utf-8")
    monkeypatch.setitem(sys.modules, "sentence_transformers", None)
    with pytest.raises(MissingExtra, match="pip install sentence-transformers"):
        local_model(tmp_path)
