"""Diversity: the same numbers as vendi-score and prdc; readings fire for what repeats and not for real texts."""

import json
import random
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from regrowth.core.errors import DataError
from regrowth.metrics.columns import Table, aligned
from regrowth.metrics.diversity import diversity, table_diversity
from regrowth.metrics.diversity.grams import coded, distinct, entropy, overlap
from regrowth.metrics.diversity.neighbours import neighbours
from regrowth.metrics.diversity.resampling import jackknifed
from regrowth.metrics.diversity.tables import row_kernel
from regrowth.metrics.diversity.vendi import ngram_kernel, vendi, vendi_of_vectors
from regrowth.metrics.reading import Reading, measures

GOLDEN = json.loads((Path(__file__).parents[2] / "golden" / "diversity.json").read_text("utf-8"))
WORDS = [f"word{number}" for number in range(400)]


def sentences(seed: int, count: int) -> list[str]:
    """Return texts of 10 to 30 words on one of eight topics each."""
    rng = random.Random(seed)
    found = []
    for _ in range(count):
        topic = rng.randrange(8)
        weights = [1 / (1 + abs(place % 8 - topic) * 4 + place / 40) for place in range(len(WORDS))]
        found.append(" ".join(rng.choices(WORDS, weights, k=rng.randint(10, 30))))
    return found


def told(readings: Sequence[Reading]) -> dict[str, Reading]:
    return {f"{one.measure} {one.of}".strip(): one for one in readings}


# Equal to others


@pytest.mark.parametrize("case", GOLDEN["ngrams"])
def test_the_ngram_score_is_that_of_vendi_score(case: dict[str, Any]) -> None:
    assert vendi(ngram_kernel(coded(case["texts"])[0])) == pytest.approx(case["vendi"], abs=1e-6)


@pytest.mark.parametrize("case", GOLDEN["vectors"])
def test_the_score_of_vectors_is_that_of_vendi_score(case: dict[str, Any]) -> None:
    assert vendi_of_vectors(case["real"]) == pytest.approx(case["vendi"], abs=1e-6)
    assert vendi_of_vectors(case["real"]) == pytest.approx(case["vendi_dual"], abs=1e-6)


@pytest.mark.parametrize("case", GOLDEN["vectors"])
def test_neighbours_are_those_of_prdc(case: dict[str, Any]) -> None:
    real, made = np.array(case["real"]), np.array(case["made"])
    found = neighbours(apart(real, real), apart(real, made), apart(made, made))
    assert found._asdict() == pytest.approx(case["prdc"], abs=1e-6)


def apart(one: npt.NDArray[np.float64], other: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    return np.asarray(np.linalg.norm(one[:, None] - other[None, :], axis=2))


# By hand


def test_four_different_texts_five_times_each_are_as_diverse_as_four() -> None:
    texts = [f"{word} {word}x {word}y {word}z" for word in "abcd"] * 5
    assert vendi(ngram_kernel(coded(texts)[0])) == pytest.approx(4)


def test_texts_that_are_too_short_for_a_run_still_count_as_one_each() -> None:
    assert vendi(ngram_kernel(coded(["a", "b c", "d e f g h", "", "…"])[0])) == pytest.approx(1 / (0.2**0.6 * 0.4**0.4))
    assert vendi(ngram_kernel(coded(["a", "b c", "d e f g h", ""])[0])) == pytest.approx(4)


def test_runs_are_counted_within_texts() -> None:
    documents = coded(["a b a b", "b a", "c"])[0]
    assert distinct(documents, 1) == pytest.approx(3 / 7)
    assert distinct(documents, 2) == pytest.approx(2 / 4)  # ab ba ab, ba
    assert entropy(documents, 2) == pytest.approx(1)
    assert overlap(documents, 2) == pytest.approx((1 / 3 + 1) / 2)
    assert np.isnan(distinct(documents, 5))


@settings(max_examples=40, deadline=None)
@given(vectors=st.integers(2, 12), dimensions=st.integers(1, 12), seed=st.integers(0, 999))
def test_both_ways_to_the_score_agree_and_it_lies_between_one_and_n(vectors: int, dimensions: int, seed: int) -> None:
    rows = np.random.default_rng(seed).normal(size=(vectors, dimensions))
    unit = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    score = vendi_of_vectors(rows)
    assert score == pytest.approx(vendi(unit @ unit.T), rel=1e-6)
    assert 1 - 1e-9 <= score <= min(vectors, dimensions) + 1e-9
    assert vendi_of_vectors(np.concatenate([rows, rows])) == pytest.approx(score)


def test_items_that_are_equal_more_than_k_times_are_met_by_themselves() -> None:
    same = np.zeros((9, 9))
    assert neighbours(same, same, same) == (1, 1, 9 / 5, 1)


def test_the_jackknife_gives_the_interval_of_a_mean() -> None:
    values = np.random.default_rng(0).normal(size=400)
    found = jackknifed(lambda places: float(values[places].mean()), 400, bounds=(-9, 9))
    assert found.high - found.value == pytest.approx(2.093 * values.std(ddof=1) / 20, rel=0.35)
    assert jackknifed(lambda _: 0.5, 3, bounds=(0, 1)).low == 0


# Readings


@pytest.fixture(scope="module")
def real() -> list[str]:
    return sentences(0, 300)


def test_other_real_texts_read_as_real_ones(real: list[str]) -> None:
    found = diversity(sentences(1, 150), real)
    assert [one.measure for one in found if one.worse] == []
    assert all(one.null is not None and one.estimate.low <= one.estimate.value <= one.estimate.high for one in found)
    assert {one.measure for one in found} == {
        name for name in measures() if name.startswith(("distinct", "ngram", "self_o", "vendi", "neighbour"))
    }


@pytest.mark.parametrize(
    ("spoil", "measure"),
    [
        (lambda texts: texts[:50] * 3, "vendi"),
        (lambda texts: texts[:50] * 3, "distinct_n 2-grams"),
        (lambda texts: texts[:50] * 3, "ngram_entropy 2-grams"),
        (lambda texts: texts[:50] * 3, "self_overlap 3-grams"),
        (lambda texts: [texts[0].rsplit(" ", place % 9)[0] for place in range(150)], "neighbour_recall"),
        (lambda texts: [texts[0].rsplit(" ", place % 9)[0] for place in range(150)], "neighbour_coverage"),
        (
            lambda texts: [f"unheard{place} of{place} what{place} that{place}" for place in range(150)],
            "neighbour_precision",
        ),
    ],
)
def test_what_repeats_or_misses_kinds_is_told(
    real: list[str], spoil: Callable[[list[str]], list[str]], measure: str
) -> None:
    assert told(diversity(spoil(sentences(1, 150)), real))[measure].worse


def test_the_order_of_texts_does_not_matter(real: list[str]) -> None:
    made = sentences(1, 60)
    mixed = random.Random(0).sample(made, 60), random.Random(1).sample(real, 300)
    assert diversity(made, real) == diversity(*mixed)


def test_vectors_that_are_given_take_the_place_of_runs_of_words(real: list[str]) -> None:
    def lengths(texts: Sequence[str]) -> npt.ArrayLike:
        return [[1.0, len(text) % 7, text.count("1")] for text in texts]

    found = told(diversity(sentences(1, 150), real, embed=lengths))
    assert found["vendi"].estimate.value < 3
    assert "by vectors" in found["vendi"].note


def test_without_real_texts_there_is_no_null_and_nothing_is_compared() -> None:
    found = diversity(sentences(1, 30))
    assert all(one.null is None for one in found)
    assert "neighbour_recall" not in told(found)


def test_more_texts_than_are_looked_at_are_sampled_and_it_is_said() -> None:
    found = told(diversity(sentences(1, 2500)))
    assert found["vendi"].estimate.n == 500
    assert found["vendi"].note.startswith("500 texts")
    assert found["distinct_n 1-grams"].note == "30,000 words"


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (lambda: diversity(["a b"] * 5), "5 texts: expected 20"),
        (lambda: diversity(["a b"] * 30, ["a"] * 30), "30 real ones: expected 20 or more, and 40"),
        (lambda: diversity(["…"] * 30), "without a single word"),
        (lambda: diversity(["a b"] * 30, embed=lambda texts: [[0.0]] * len(texts)), "is zero or not finite"),
        (lambda: diversity(["a b"] * 30, embed=lambda _: [[1.0]]), "1 vectors of 30 texts"),
        (lambda: vendi(np.zeros((2, 3))), "expected a square one"),
        (lambda: vendi(np.zeros((2, 2))), "1 on its diagonal"),
        (lambda: neighbours(np.zeros((3, 3)), np.zeros((3, 3)), np.zeros((3, 3))), "more than k"),
    ],
)
def test_what_cannot_be_read_is_refused(wrong: Callable[[], object], message: str) -> None:
    with pytest.raises(DataError, match=message):
        wrong()


# Tables


def table(seed: int, rows: int, jobs: int = 5) -> dict[str, list[object]]:
    rng = random.Random(seed)
    kinds = [rng.randrange(jobs) for _ in range(rows)]
    return {
        "age": [20 + 8 * kind + rng.gauss(0, 3) if rng.random() > 0.1 else None for kind in kinds],
        "job": [f"job {kind}" for kind in kinds],
        "constant": [1.5] * rows,
    }


def two(first: dict[str, list[object]], second: dict[str, list[object]]) -> tuple[Table, Table]:
    real, made = aligned(first, second).tables
    return real, made


def test_rows_are_alike_by_the_mean_of_their_columns() -> None:
    real, made = two({"x": [1.0, 2.0, 3.0, None], "y": [True, False, True, True]}, {"x": [2.0], "y": [True]})
    kernel = row_kernel(made, real)
    # Mean absolute deviation of 1, 2, 3: 2/3.
    assert kernel[0].tolist() == pytest.approx([1, (np.exp(-1.5) + 1) / 2, 0.5, (np.exp(-1.5) + 1) / 2, 0.5])
    assert np.linalg.eigvalsh(kernel).min() > -1e-9


def test_other_real_rows_read_as_real_ones_and_fewer_kinds_do_not() -> None:
    assert not [one for one in table_diversity(*two(table(0, 600), table(1, 300))) if one.worse]
    fewer = told(table_diversity(*two(table(0, 600), table(1, 300, jobs=2))))
    assert fewer["vendi"].worse
    assert fewer["neighbour_coverage"].worse
    copies = {name: values[:20] * 15 for name, values in table(1, 300).items()}
    assert told(table_diversity(*two(table(0, 600), copies)))["vendi"].worse


def test_the_order_of_rows_and_columns_does_not_matter() -> None:
    first, second = table(0, 120), table(1, 60)
    order, other = random.Random(0).sample(range(120), 120), random.Random(1).sample(range(60), 60)
    mixed = [
        {name: [values[place] for place in places] for name, values in rows.items()}
        for rows, places in ((first, order), (second, other))
    ]
    assert table_diversity(*two(first, second)) == table_diversity(*two(mixed[0], mixed[1]))


def test_tables_that_cannot_be_read_are_refused() -> None:
    with pytest.raises(DataError, match="5 rows, 100 real ones: expected 20"):
        table_diversity(*two(table(0, 100), table(1, 5)))
    names: dict[str, list[object]] = {"name": [f"person {place}" for place in range(60)]}
    with pytest.raises(DataError, match="rows cannot be compared"):
        table_diversity(*two(names, names))


def test_a_million_rows_are_sampled() -> None:
    rng = np.random.default_rng(0)
    many = pa.table({"x": rng.normal(size=1_000_000), "kind": rng.integers(0, 2, 1_000_000)})
    real, made = aligned(many, many).tables
    assert table_diversity(real, made)[0].estimate.n == 500
