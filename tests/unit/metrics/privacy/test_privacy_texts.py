"""Privacy of texts: what fires, what does not, what is missing without a hold-out."""

import random

import pytest

from regrowth.core.errors import DataError
from regrowth.metrics.privacy import text_privacy


def tales(count: int, seed: int) -> list[str]:
    dice = random.Random(seed)
    vocabulary = [f"word{number}" for number in range(200)]
    return [" ".join(dice.choices(vocabulary, k=40)) for _ in range(count)]


REAL, HELD, FRESH = (tales(200, seed) for seed in (1, 2, 3))


def test_copies_fire_everywhere_and_fresh_texts_nowhere() -> None:
    copied, clean = (text_privacy(REAL, made, HELD) for made in (REAL[:100] + FRESH[100:], FRESH))
    worse = {(reading.measure, reading.of) for reading in copied if reading.worse}
    passages = {("verbatim_share", f"{length} words") for length in (10, 25)}
    assert worse == {("dcr_share", ""), ("nndr", ""), ("identical_share", "")} | passages
    assert not [reading for reading in clean if reading.worse]


def test_a_copied_passage_is_found_in_another_text() -> None:
    made = [f"{text} {one[:120]}" for text, one in zip(FRESH, REAL, strict=True)]
    worse = {(reading.measure, reading.of) for reading in text_privacy(REAL, made, HELD) if reading.worse}
    assert ("verbatim_share", "10 words") in worse
    assert ("identical_share", "") not in worse


def test_copies_in_another_case_are_identical() -> None:
    said = {reading.measure: reading for reading in text_privacy(REAL, [text.upper() for text in REAL], HELD)}
    assert said["identical_share"].estimate.value == 1


def test_vectors_may_be_compared_instead() -> None:
    def embed(texts: object) -> list[list[float]]:
        return [[text.count(f"word{number} ") for number in range(200)] for text in texts]  # type: ignore[attr-defined]

    worse = {
        reading.measure for reading in text_privacy(REAL, REAL[:100] + FRESH[100:], HELD, embed=embed) if reading.worse
    }
    assert "dcr_share" in worse


def test_without_a_hold_out_only_repetition_is_told_and_why() -> None:
    copied, clean = (text_privacy(REAL, made) for made in (REAL[:100] + FRESH[100:], FRESH))
    assert [(reading.measure, reading.worse) for reading in copied] == [("identical_share", True), ("nndr", True)]
    assert not [reading for reading in clean if reading.worse]
    assert "splitting" in copied[0].note
    assert text_privacy([*REAL, *REAL], REAL)[0].null == text_privacy([*REAL, *REAL], FRESH)[0].null
    assert text_privacy([*REAL, *REAL], FRESH)[0].null.value == 1  # type: ignore[union-attr]


def test_the_order_of_texts_does_not_matter() -> None:
    made = REAL[:100] + FRESH[100:]
    for limit in (2000, 50):
        ones, others = (
            text_privacy(*parts, limit=limit) for parts in ((REAL, made, HELD), (REAL[::-1], made[::-1], HELD[::-1]))
        )
        assert ones == others
        assert f"{min(limit, 200)} of 200" in ones[0].note


def test_too_few_texts_are_told() -> None:
    with pytest.raises(DataError, match="2 synthetic"):
        text_privacy(REAL, ["a", "b"], HELD)
