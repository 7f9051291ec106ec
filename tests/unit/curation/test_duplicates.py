"""Duplicates: planted ones are found, others are not, and the result hangs on nothing but the texts."""

import random
import re
import time
from collections.abc import Callable, Mapping

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from regrowth.core.layouts.rows import read_rows
from regrowth.curation.duplicates import KINDS, Near, twins
from support.data import shared_data
from support.near_texts import ENGLISH, TEXTS, changed, jaccard, sentences

LOOKALIKES = str.maketrans("aeopc", "аеорс")

TRICKS: Mapping[str, Callable[[str], str]] = {
    "exact": str,
    "upper case": str.upper,
    "spaces": lambda text: "  " + text.replace(" ", "\u00a0\t") + "\n",
    "zero width": lambda text: "\u200b".join(text),
    "curly": lambda text: text.replace("'", "’").replace('"', "”").replace("-", "–"),
    "full width": lambda text: "".join(chr(ord(one) + 0xFEE0) if "!" <= one <= "~" else one for one in text),
}


def kind_of(first: str, second: str, near: Near | None = None) -> str:
    """Return how the second of two texts is like the first; empty if it is not."""
    return KINDS[twins([first, second], near or Near()).kind[1]]


# What is found ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("language", TEXTS)
@pytest.mark.parametrize("trick", TRICKS)
def test_the_same_letters_typed_otherwise_are_equal(language: str, trick: str) -> None:
    assert kind_of(TEXTS[language], TRICKS[trick](TEXTS[language])) == "exact"


def test_letters_of_another_script_do_not_hide_a_copy() -> None:
    assert kind_of(ENGLISH, " ".join(word.translate(LOOKALIKES) for word in ENGLISH.split())) in ("exact", "near")


@pytest.mark.parametrize("language", TEXTS)
@pytest.mark.parametrize("rate", [0.02, 0.05])
def test_a_few_changed_words_do_not_hide_a_copy_in_any_language(language: str, rate: float) -> None:
    rng = random.Random(language)
    for _ in range(20):
        assert kind_of(TEXTS[language], changed(TEXTS[language], rate, rng)) == "near"


@pytest.mark.parametrize("unit", ["word", "character"])
def test_words_taken_out_put_in_and_swapped_do_not_hide_a_copy(unit: str) -> None:
    near = Near() if unit == "word" else Near(unit="character", width=5, reach=8)
    parts = ENGLISH.split()
    for edited in (
        parts[:9] + parts[10:],
        [*parts[:20], "indeed", *parts[20:]],
        [*parts[:4], parts[5], parts[4], *parts[6:]],
    ):
        assert kind_of(ENGLISH, " ".join(edited), near) == "near"


def test_the_similarity_is_counted_not_estimated() -> None:
    rng = random.Random(7)
    for _ in range(50):
        second = changed(ENGLISH, rng.choice((0.02, 0.05, 0.08)), rng)
        found = twins([ENGLISH, second], Near(alike=0.3))
        assert found.similarity[1] == pytest.approx(jaccard(ENGLISH, second))


def test_texts_of_different_languages_and_subjects_are_apart() -> None:
    assert not twins(list(TEXTS.values())).kind.any()


# What is never found ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("2+2", "2+3"),
        ("2+2", "2-2"),
        ("What is 5²?", "What is 52?"),
        ("What is 12 times 7?", "What is 12 times 8?"),
        ("Return the largest number of a list of numbers.", "Return the smallest number of a list of numbers."),
        ("", "."),
        ("👍", "👎"),
        ("请写一个函数，返回列表中的最大值。", "请写一个函数，返回列表中的最小值。"),
    ],
)  # fmt: skip
def test_short_texts_that_differ_are_never_one(first: str, second: str) -> None:
    assert kind_of(first, second) == ""


@given(st.text(max_size=60), st.text(max_size=60))
def test_no_two_short_texts_are_near(first: str, second: str) -> None:
    assert kind_of(first, second) in ("", "exact")


PROBLEM = (
    "A baker sells {} loaves of bread in the morning and {} in the afternoon. Each loaf costs {} dollars, the flour "
    "for a day costs {} dollars and the oven costs nothing. How much does she earn on that day after she has paid for "
    "all of her flour, if two more customers come before she closes the shop in the evening?"
)


def test_a_template_with_other_numbers_is_another_problem() -> None:
    first, second = PROBLEM.format(24, 18, 3, 20), PROBLEM.format(35, 12, 4, 28)
    assert kind_of(first, second) == ""
    assert kind_of(first, PROBLEM.format(24, 18, 3, 21)) == ""
    assert kind_of(first, PROBLEM.format(18, 24, 3, 20)) == ""
    assert kind_of(first, second, Near(numbers="free")) == "near"
    assert kind_of(first, first.replace("A baker", "One farmer")) == "near"


def test_one_number_among_other_changes_in_a_long_text_is_an_edit() -> None:
    long = f"{ENGLISH} {ENGLISH[::-1]} In 1987 they built 3 more."
    edited = long.replace("1987", "1988").replace("harbour", "port").replace("small grey", "thick old")
    assert kind_of(long, edited) == "near"
    assert kind_of(long, edited, Near(numbers="equal")) == ""


def test_two_questions_about_one_document_are_two() -> None:
    document = " ".join((ENGLISH, TEXTS["de"]))
    first = f"{document} What did the keeper write into his book? He wrote down how many nets there were."
    second = f"{document} Whom had he made a promise to, and why? His daughter, since she feared each autumn storm."
    assert jaccard(first, second) > 0.6
    assert kind_of(first, second) == ""
    assert kind_of(first, second, Near(passage=0)) == "near"
    assert kind_of(first, document) == "near"  # only one of them says something of its own


def test_texts_without_anything_visible_are_like_no_other() -> None:
    assert not twins(["", "", "\u200b", " \n"]).kind.any()


def test_no_real_task_is_lost_to_another_one() -> None:
    rows = [row for _, row in read_rows(shared_data("code/mbpp.jsonl.gz"))]
    texts = [row["text"] for row in rows if isinstance(row, dict)]
    found = twins(texts)
    near = [(texts[at], found.similarity[at]) for at in range(len(texts)) if KINDS[found.kind[at]] == "near"]
    # one task is there twice, the second time with `by using regex` at its end
    assert len(near) <= 1
    assert all("literals string" in text and similarity > 0.8 for text, similarity in near)


def test_real_problems_with_other_numbers_stay() -> None:
    rng, texts = random.Random(3), list[str]()
    for _, row in read_rows(shared_data("reasoning/gsm8k_test.jsonl.gz")):
        assert isinstance(row, dict)
        texts.append(row["question"])
        texts.append(re.sub(r"\d+", lambda one: str(int(one[0]) + rng.randint(1, 9)), row["question"]))
    different = list(dict.fromkeys(texts))
    assert len(different) > 700
    assert twins(different).kind.astype(bool).mean() < 0.02


# Hostile texts ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("megabytes", [1, pytest.param(10, marks=pytest.mark.slow)])
def test_a_line_of_ten_megabytes_passes(megabytes: int) -> None:
    rng = random.Random(2)
    long = sentences(rng, megabytes * 150_000, [f"w{at:05}" for at in range(20_000)])
    assert len(long) > megabytes * 10**6
    start = time.process_time()
    found = twins([long, long[:-100], "x" * megabytes * 10**6, "\u200b" * 10**6, ENGLISH])
    assert found.twin.tolist() == [-1, 0, -1, -1, -1]
    assert time.process_time() - start < 60


@given(st.lists(st.text(st.characters(), max_size=400), max_size=12))
@settings(deadline=None)
def test_no_text_breaks_it(texts: list[str]) -> None:
    found = twins(texts + [text + "\ud800" for text in texts], Near(short=0))
    assert len(found.twin) == 2 * len(texts)


def test_lone_surrogates_and_nulls_are_texts_like_others() -> None:
    assert kind_of(f"{ENGLISH}\ud800", f"{ENGLISH.upper()}\ud800") == "exact"
    assert kind_of(ENGLISH.replace(" ", " \x00\udfff "), ENGLISH.replace(" ", " \x00 ")) == "near"
