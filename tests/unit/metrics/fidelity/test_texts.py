"""Texts: other words, other style, fewer topics are seen; halves of one set are not."""

import random

import numpy as np
import pytest
from scipy.linalg import sqrtm

from regrowth.core.errors import DataError
from regrowth.metrics.fidelity import text_fidelity
from regrowth.metrics.fidelity.vectors import frechet_distance, hashed, mauve, mauve_of, reduced
from regrowth.metrics.fidelity.wording import Wording, divergence, style
from regrowth.metrics.reading import Reading, measures

TOPICS = (
    "ship sea wave harbour sail storm captain deck rope anchor",
    "bread oven flour yeast dough salt butter crust knead bake",
    "court judge law trial jury case verdict appeal lawyer oath",
)


def written(seed: int, count: int = 120, topics: tuple[int, ...] = (0, 1, 2), end: str = ".") -> list[str]:
    rng = random.Random(seed)
    found = []
    for _ in range(count):
        words = [*TOPICS[rng.choice(topics)].split(), "the", "a", "of", "and", "some"]
        sentence = " ".join(rng.choices(words, k=rng.randint(8, 16)))
        found.append(sentence.capitalize() + end)
    return found


def by_name(readings: object) -> dict[tuple[str, str], Reading]:
    return {(one.measure, one.of): one for one in readings}  # type: ignore[attr-defined]


def test_texts_of_one_source_read_alike() -> None:
    found = by_name(text_fidelity(written(0), written(1)))
    assert [name for name, one in found.items() if one.worse] == []
    for one in found.values():
        low, high = measures()[one.measure].bounds
        assert low <= one.estimate.low <= one.estimate.value <= one.estimate.high <= high
        assert one.null is not None


def test_a_lost_topic_is_seen_in_words_vectors_and_topics_but_not_in_style() -> None:
    found = by_name(text_fidelity(written(0), written(1, topics=(0,))))
    seen = {name for name, one in found.items() if one.worse}
    assert seen >= {
        ("js_divergence", "words"),
        ("vocabulary_coverage", ""),
        ("frechet_distance", ""),
        ("mauve", ""),
        ("topic_similarity", ""),
        ("c2st_auc", ""),
    }
    assert ("ks_complement", "punctuation") not in seen
    assert ("ks_complement", "words") not in seen


def test_another_style_is_seen_and_named() -> None:
    found = by_name(text_fidelity(written(0), [text.upper() for text in written(1, end="!!!")]))
    seen = {name for name, one in found.items() if one.worse}
    assert {("ks_complement", "capitals"), ("ks_complement", "punctuation"), ("c2st_auc", "")} <= seen
    assert not {("js_divergence", "words"), ("mauve", ""), ("topic_similarity", "")} & seen


def test_vectors_of_ones_own_are_used() -> None:
    def ships(texts: object) -> np.ndarray:
        return np.array([[text.lower().count(word) for word in ("sea", "oven", "jury")] for text in texts])  # type: ignore[attr-defined]

    found = by_name(text_fidelity(written(0), written(1, topics=(1,)), embed=ships))
    assert found["frechet_distance", ""].worse
    with pytest.raises(DataError, match=r"embed: \(2,\) values for 240 texts"):
        text_fidelity(written(0), written(1), embed=lambda texts: np.zeros(2))


def test_the_order_of_texts_changes_nothing() -> None:
    one, other = written(0), written(1)
    before, after = by_name(text_fidelity(one, other)), by_name(text_fidelity(one[::-1], other[::-1]))
    assert {name: r.estimate.value for name, r in before.items()} == pytest.approx(
        {name: r.estimate.value for name, r in after.items()}
    )


def test_few_texts_are_an_error_that_says_how_many_it_takes() -> None:
    with pytest.raises(DataError, match="3 real and 120 synthetic texts: expected 24 and 12 at least"):
        text_fidelity(written(0, 3), written(1))


def test_texts_that_are_empty_or_all_the_same_are_read() -> None:
    same = text_fidelity(["yes"] * 40, ["", "yes"] * 20)
    assert all(np.isfinite(one.estimate.value) for one in same)
    text_fidelity(["\ud800 lone"] * 30, ["?!"] * 30)


def test_runs_of_words_stay_within_a_text() -> None:
    wording = Wording.of(["Pens and paper, pens and ink", "", "Paper pens"])
    everything = np.arange(3)
    assert sorted(wording.words.counts(everything).tolist()) == [1, 2, 2, 3]
    assert sorted(wording.runs(2).counts(everything).tolist()) == [1, 1, 2, 2]
    assert sorted(wording.runs(3).counts(everything).tolist()) == [1, 1, 1, 1]
    assert wording.runs(3).text.tolist() == [0, 0, 0, 0]
    assert wording.first().counts(everything).tolist() == [1, 0, 1, 0]
    assert wording.words.counts(np.array([2])).sum() == 2
    assert wording.runs(9).kinds == 0


def test_divergence_is_0_of_equal_shares_and_1_of_nothing_in_common() -> None:
    assert divergence(np.array([1, 2, 3]), np.array([2, 4, 6])) == pytest.approx(0)
    assert divergence(np.array([1, 0]), np.array([0, 9])) == pytest.approx(1)
    assert divergence(np.array([1, 1]), np.array([1, 0])) == pytest.approx(0.311278, abs=1e-6)


def test_style_is_counted() -> None:
    found = style(["One two. Three FOUR!", "", "no end"])
    assert found["words"].tolist() == [4, 0, 2]
    assert found["words per sentence"][0] == 2
    assert found["punctuation"][0] == pytest.approx(2 / 17)
    assert found["capitals"][0] == pytest.approx(6 / 15)
    assert np.isnan(found["capitals"][1])
    assert np.isnan(found["words per sentence"][1])


def test_the_frechet_distance_is_that_of_the_formula() -> None:
    rng = np.random.default_rng(0)
    one, other = rng.normal(0, 1, (90, 4)), rng.normal(0.4, 1.7, (70, 4)) @ rng.normal(0, 1, (4, 4))
    covariances = [np.cov(side, rowvar=False) for side in (one, other)]
    root = np.real(sqrtm(covariances[0] @ covariances[1]))
    expected = ((one.mean(axis=0) - other.mean(axis=0)) ** 2).sum() + np.trace(sum(covariances) - 2 * root)
    assert frechet_distance(one, other) == pytest.approx(expected)
    assert frechet_distance(one, one) == pytest.approx(0, abs=1e-9)
    with pytest.raises(DataError, match="two of each at least"):
        frechet_distance(one[:1], other)


def test_mauve_falls_with_what_is_not_covered() -> None:
    assert mauve_of(np.array([5, 5]), np.array([10, 10])) == pytest.approx(1)
    assert mauve_of(np.array([5, 5]), np.array([9, 1])) > mauve_of(np.array([5, 5]), np.array([10, 0]))
    assert mauve_of(np.array([5, 0]), np.array([0, 5])) < 0.01
    vectors = hashed([*written(0), *written(1), *written(2, topics=(0,))])
    assert mauve(vectors[:120], vectors[120:240]) > mauve(vectors[:120], vectors[240:]) + 0.2


def test_vectors_are_reduced_to_the_directions_that_matter() -> None:
    rng = np.random.default_rng(0)
    points = np.stack([rng.normal(0, 5, 50), rng.normal(0, 1, 50), rng.normal(0, 0.1, 50)], axis=1)
    assert reduced(points, dimensions=0.9).shape[1] == 1
    assert reduced(points, dimensions=0.99).shape[1] == 2
    assert reduced(points, dimensions=2).var(axis=0).sum() == pytest.approx(points[:, :2].var(axis=0).sum(), rel=0.01)
