"""Readings of one round's writing: they fire for what is lost, not for other real texts."""

import random
from collections.abc import Callable

import numpy as np
import pytest

from regrowth.core.errors import DataError
from regrowth.metrics.collapse import collapse, nll_readings
from regrowth.metrics.reading import Reading, measures


def texts(seed: int, words: int = 1000, count: int = 300) -> list[str]:
    """Return texts of 30 words, of which every other goes with the one before; of the most frequent `words` only."""
    rng = np.random.default_rng(seed)
    chance = 1 / np.arange(1, words + 1)
    first = rng.choice(words, (count, 15), p=chance / chance.sum())
    second = (first * 7 + rng.integers(0, 2, first.shape)) % 1000
    return [
        " ".join(f"w{one} v{other}" for one, other in zip(*row, strict=True)) for row in zip(first, second, strict=True)
    ]


REAL = texts(0)


def told(made: list[str], **settings: object) -> dict[str, Reading]:
    found = collapse(made, REAL, **settings)  # type: ignore[arg-type]
    return {f"{one.measure} {one.of}".strip(): one for one in found}


def test_other_real_texts_and_the_same_ones_drawn_again_have_lost_nothing() -> None:
    rng = np.random.default_rng(0)
    for made in (texts(1), [REAL[place] for place in rng.integers(len(REAL), size=300)]):
        found = told(made)
        assert [name for name, one in found.items() if one.worse] == []
        assert found.keys() == {
            "rare_types", "types", "tail_mass", "simpson", "word_cost",
            "real_nll", "sample_nll", "sample_right_tail", "real_nll_change", "nll_gap",
        }  # fmt: skip


@pytest.mark.parametrize("sign", ["rare_types", "types", "tail_mass", "word_cost", "real_nll"])
def test_what_keeps_to_the_frequent_has_lost_its_tail(sign: str) -> None:
    assert told(texts(1, words=40))[sign].worse


def test_what_nobody_would_write_is_in_the_right_tail() -> None:
    rng = np.random.default_rng(0)
    babble = [" ".join(f"w{word}" for word in rng.integers(500, 1000, 30)) for _ in range(100)]
    assert told(babble, heldout=texts(2, count=100))["sample_right_tail"].worse
    assert told(babble)["sample_nll"].estimate.low > 0


def test_groups_of_real_texts_are_read_for_themselves() -> None:
    pairs = [f"w{number} v{number * 7 % 1000}" for number in range(100, 700)]
    rare, common = [" ".join(pairs[place::40]) for place in range(40)], texts(3, words=30, count=40)
    found = told(texts(1, words=30), slices={"rare": rare, "common": common})
    assert found["real_nll_change rare"].estimate.low > found["real_nll_change common"].estimate.high


def test_the_order_of_texts_does_not_matter() -> None:
    made = texts(1, count=60)
    assert collapse(made, REAL) == collapse(random.Random(0).sample(made, 60), random.Random(1).sample(REAL, 300))


def test_the_numbers_of_models_are_read_as_they_are() -> None:
    found = nll_readings([1.0, 5.0, 3.0] * 20, [2.0, 2.5] * 20, now=[3.0, 4.0], first=[2.0, 3.5], own=[1.0, 1.2])
    read = {one.measure: one.estimate.value for one in found}
    assert read == pytest.approx(
        {"sample_nll": 0.75, "sample_right_tail": 2 / 3, "real_nll_change": 0.75, "nll_gap": 2.4}
    )
    assert found[1].worse
    assert nll_readings() == []


def test_every_reading_has_its_measure_and_a_sentence() -> None:
    assert all(measures()[one.measure].says.endswith(".") for one in collapse(texts(1, count=40), REAL))


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (lambda: collapse(["a"] * 5, REAL), "5 texts, 300 real ones"),
        (lambda: collapse(["…"] * 30, REAL), "without a single word"),
        (lambda: collapse(REAL, ["…"] * 30), "without a single word"),
    ],
)
def test_what_cannot_be_read_is_refused(wrong: Callable[[], object], message: str) -> None:
    with pytest.raises(DataError, match=message):
        wrong()
