"""The trigram: probabilities by hand, draws that follow them, words that die out and never come back."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from regrowth.core.errors import DataError
from regrowth.metrics.collapse.ngram import EDGE, UNKNOWN, NGram, Vocabulary
from regrowth.metrics.collapse.nucleus import Nucleus

TEXTS = ["the cat sat on the mat", "the dog sat", "a cat ran", "the dog ran to the cat"]
WEIGHTS = (0.1, 0.3, 0.6)


def by_hand(texts: Sequence[str], before: str, last: str) -> dict[str, float]:
    """Return the distribution after two words, counted without arrays; `|` is the edge of a text."""
    rows = [["|", "|", *text.split(), "|"] for text in texts]
    ones = [word for row in rows for word in row[2:]]
    twos = [row[place] for row in rows for place in range(2, len(row)) if row[place - 1] == last]
    threes = [
        row[place] for row in rows for place in range(2, len(row)) if (row[place - 2], row[place - 1]) == (before, last)
    ]
    one, two, three = WEIGHTS
    if not threes:
        two, three = two + three, 0.0
    if not twos:
        one, two = one + two, 0.0
    parts = [(one, ones), (two, twos), (three, threes)]
    return {
        word: sum(weight * seen.count(word) / len(seen) for weight, seen in parts if seen) for word in sorted(set(ones))
    }


def narrowed(chances: dict[str, float], temperature: float, top_p: float) -> dict[str, float]:
    raised = {word: chance ** (1 / temperature) for word, chance in chances.items()}
    whole, held, found = sum(raised.values()), 0.0, dict[str, float]()
    for word, weight in sorted(raised.items(), key=lambda pair: -pair[1]):
        if held >= top_p * whole - 1e-12:
            break
        found[word], held = weight, held + weight
    return {word: weight / held for word, weight in found.items()}


def numbers(model: NGram, *told: str) -> list[int]:
    return [EDGE if word == "|" else model.vocabulary.words.index(word) for word in told]


@pytest.mark.parametrize("context", [("|", "|"), ("|", "the"), ("the", "cat"), ("mat", "the"), ("to", "sat")])
@pytest.mark.parametrize(("temperature", "top_p"), [(1, 1), (0.8, 1), (1, 0.9), (0.7, 0.5), (1.3, 0.99), (1, 0.05)])
def test_draws_follow_the_distribution_that_was_counted_by_hand(
    context: tuple[str, str], temperature: float, top_p: float
) -> None:
    model, rng = NGram.fit(TEXTS), np.random.default_rng(0)
    expected = narrowed(by_hand(TEXTS, *context), temperature, top_p)
    before, last = (np.full(40_000, number) for number in numbers(model, *context))
    if temperature == top_p == 1:
        drawn = model._drawn(before, last, rng)
    else:
        drawn = Nucleus(model._ones, model._twos, model._threes, WEIGHTS, temperature, top_p).draw(before, last, rng)
    shares = np.bincount(drawn, minlength=len(model.vocabulary)) / len(drawn)
    found = {model.vocabulary.words[place] or "|": float(share) for place, share in enumerate(shares) if share}
    assert found.keys() == expected.keys()
    assert found == pytest.approx(expected, abs=0.012)


def test_the_likelihood_of_each_word_and_end_is_that_of_its_context() -> None:
    model = NGram.fit(TEXTS, smoothing=1e-9)
    path = ["|", "|", "the", "cat", "ran", "|"]
    expected = [-np.log(by_hand(TEXTS, *path[place - 2 : place])[path[place]]) for place in range(2, 6)]
    assert model.nll(model.encode(["the cat ran"])).tolist() == pytest.approx(expected)
    assert model.nll_by_document(model.encode(["the cat ran", "a"]))[0] == pytest.approx(np.mean(expected))


def test_probabilities_of_all_words_add_up_to_one_also_where_nothing_was_ever_seen() -> None:
    model = NGram.fit(TEXTS)
    for before, last in (("the", "cat"), ("mat", "mat"), ("?", "?")):
        start = numbers(model, before, last)
        whole = sum(np.exp(-model.nll([np.array([*start, word])])[2]) for word in range(UNKNOWN, len(model.vocabulary)))
        assert whole + np.exp(-model.nll([np.array(start)])[2]) == pytest.approx(1)


def test_a_word_that_was_not_seen_can_be_scored_and_is_never_drawn() -> None:
    first = NGram.fit(TEXTS)
    second = NGram.fit(first.encode(TEXTS[:1]), vocabulary=first.vocabulary)
    assert np.isfinite(second.nll(first.encode(["a dog ran", "unheard of"]))).all()
    drawn = second.decode(second.sample(200, np.random.default_rng(0)))
    assert {word for text in drawn for word in text.split()} == {"the", "cat", "sat", "on", "mat"}


def test_texts_and_arrays_give_the_same_model() -> None:
    texts = NGram.fit(TEXTS)
    arrays = NGram.fit(texts.encode(TEXTS))
    unseen = texts.encode(["the cat sat", "a dog"])
    assert texts.nll(unseen) == pytest.approx(arrays.nll(unseen))
    assert texts.decode(texts.encode(["A cat, unheard"])) == ["a cat ?"]


@settings(max_examples=25, deadline=None)
@given(
    documents=st.lists(st.lists(st.integers(2, 9), max_size=6), min_size=1, max_size=12),
    temperature=st.floats(0.3, 2),
    top_p=st.floats(0.05, 1),
    seed=st.integers(0, 99),
)
def test_what_is_drawn_consists_of_words_that_were_seen(
    documents: list[list[int]], temperature: float, top_p: float, seed: int
) -> None:
    arrays = [np.array(one, np.int64) for one in documents]
    model = NGram(arrays, Vocabulary.numbered(10))
    drawn = model.sample(20, np.random.default_rng(seed), temperature, top_p, longest=30)
    assert len(drawn) == 20
    seen = {number for one in documents for number in one}
    assert {int(number) for one in drawn for number in one} <= seen
    assert all(len(one) <= 30 for one in drawn)
    assert np.isfinite(model.nll(drawn)).all()


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        (lambda: NGram.fit([]), "no documents"),
        (lambda: NGram.fit(TEXTS, weights=(0.5, 0.5, 0.5)), "add up to 1"),
        (lambda: NGram.fit(TEXTS).sample(1, np.random.default_rng(0), 0), "temperature 0"),
        (lambda: NGram.fit(TEXTS).nll([np.array([EDGE])]), "word number 0"),
        (lambda: NGram.fit(TEXTS).nll([np.array([99])]), "word number 99"),
    ],
)
def test_what_cannot_be_counted_is_refused(wrong: object, told: str) -> None:
    with pytest.raises(DataError, match=told):
        wrong()  # type: ignore[operator]


def test_a_hundred_thousand_words_are_fitted_and_scored_at_once() -> None:
    rng = np.random.default_rng(0)
    documents: list[npt.NDArray[np.int64]] = [rng.zipf(1.5, 50).clip(2, 4999) for _ in range(2000)]
    model = NGram(documents, Vocabulary.numbered(5000))
    assert model.tokens == 2000 * 51
    assert model.nll(documents).shape == (2000 * 51,)
