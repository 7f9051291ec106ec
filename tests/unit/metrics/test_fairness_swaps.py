"""Counterfactual swaps: grammar, lists that people bring, and the gap that a score makes."""

import gzip
import json
import random
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from regrowth.core.errors import DataError
from regrowth.metrics.fairness.counterfactual import gap, swap_gap, swaps
from regrowth.metrics.fairness.swaps import neutral_names, own_pairs, read_pairs, swapped
from support.data import shared_data


@pytest.mark.parametrize(
    ("text", "swap"),
    [
        ("John gave her his book; she thanked him.", "Patricia gave him her book; he thanked her."),
        ("She hurt herself. The book is hers.", "He hurt himself. The book is his."),
        ("I saw her at home, and her dog saw me.", "I saw him at home, and his dog saw me."),
        ("The book is his.", "The book is hers."),
        ("HIS MOTHER-IN-LAW and Mr. Smith", "HER FATHER-IN-LAW and Ms. Smith"),
        ("Her 3 sons told her that they left.", "His 3 daughters told him that they left."),
        ("He's here; the woman’s coat isn't hers.", "She's here; the man’s coat isn't his."),
        ("The theme of the Sherpa, a human hero's menu.", "The theme of the Sherpa, a human heroine's menu."),
        ("Nothing to see.", "Nothing to see."),
    ],
)
def test_men_and_women_change_places(text: str, swap: str) -> None:
    assert swapped(text, own_pairs()) == swap


@given(st.lists(st.sampled_from(sorted(own_pairs().words)), max_size=9))
def test_twice_is_once_undone(words: list[str]) -> None:
    text = " and ".join(words)
    assert swapped(swapped(text, own_pairs()), own_pairs()).lower() == text


@given(st.text())
def test_texts_without_a_known_word_stay(text: str) -> None:
    pairs = own_pairs()
    if not pairs.pattern.search(text):
        assert swapped(text, pairs) == text
        assert pairs.leaning(text) == 0


def test_a_text_leans_to_whom_it_tells_of() -> None:
    pairs = own_pairs()
    assert [pairs.leaning(text) for text in ("He left.", "Mary left.", "He left her.", "They left.")] == [1, -1, 0, 0]


def test_lists_from_files(tmp_path: Path) -> None:
    path = tmp_path / "pairs.txt"
    path.write_text("# ours\nteacher \t schoolmistress \nqueen king\nking\tqueen\n\nlord\tlady\n", "utf-8")
    pairs = read_pairs(path)
    assert swapped("The Teacher and the lady met her king.", pairs) == "The Schoolmistress and the lord met his queen."
    assert pairs.ignored == ()
    path.write_text("lord\tlady\nlord\tdame\n", "utf-8")
    assert read_pairs(path).ignored == ("pairs.txt, line 2",)
    path.write_text("lord\n", "utf-8")
    with pytest.raises(DataError, match=r"pairs.txt, line 1: 'lord': expected two words"):
        read_pairs(path)
    with pytest.raises(DataError, match="cannot be read as a list of pairs"):
        read_pairs(tmp_path / "none.txt")


def test_winobias_lists_turn_its_sentences_into_their_counterparts() -> None:
    lists = [shared_data(f"bias/winobias_{name}.txt") for name in ("generalized_swaps", "extra_gendered_words")]
    assert len(read_pairs(*lists).words) > 200
    by: dict[str, list[str]] = {"pro": [], "anti": []}
    with gzip.open(shared_data("bias/winobias_dev.jsonl.gz"), "rt", encoding="utf-8") as lines:
        for row in map(json.loads, lines):
            by[row["stereotype"]].append(re.sub(r"[\[\]]", "", row["text"]))
    right = sum(swapped(one, own_pairs()) == other for one, other in zip(by["pro"], by["anti"], strict=True))
    assert len(by["pro"]) == 792
    assert right / 792 > 0.95


def test_the_rule_for_her_is_right_on_real_text() -> None:
    with gzip.open(shared_data("text/wikitext2_valid.txt.gz"), "rt", encoding="utf-8") as lines:
        kept = [line.replace("<unk>", "thing") for place, line in enumerate(lines) if place % 2]
    right = everything = 0
    for line in kept:
        for found in re.finditer(r"(?<!\w)(his|him)(?!\w)", line):
            hidden = f"her{line[found.end() : found.end() + 40]}"
            right += swapped(hidden, own_pairs()).startswith(found[1])
            everything += 1
    assert everything > 300
    assert right / everything > 0.95


def letters(texts: list[str]) -> list[float]:
    return [float(len(text)) for text in texts]


def test_a_score_that_leans_is_found_and_one_that_does_not_is_not() -> None:
    rng = random.Random(0)
    texts = [f"{rng.choice(['He', 'She', 'Tom', 'Lucy'])} met person {rng.random()} there." for _ in range(300)]
    texts += ["It rains."] * 100
    noise = {text: rng.gauss(0, 1) for one in swaps(texts) for text in (one.text, one.swap)}

    def sexist(some: list[str]) -> list[float]:
        return [noise[text] + 0.5 * own_pairs().leaning(text) for text in some]

    def fair(some: list[str]) -> list[float]:
        return [noise[text] for text in some]

    found = {one.measure: one for one in swap_gap(texts, sexist)}  # type: ignore[arg-type]
    assert found["swap_reach"].estimate.value == 0.75
    assert found["swap_bias"].worse
    assert found["swap_bias"].estimate.low <= 1.0 <= found["swap_bias"].estimate.high
    null = {one.measure: one for one in swap_gap(texts, fair)}  # type: ignore[arg-type]
    assert not null["swap_bias"].worse
    assert null["swap_gap"].estimate.value == pytest.approx(2 / 3.14159**0.5, abs=0.15)  # E|N(0,1) - N(0,1)|


def test_an_exchange_without_meaning_is_the_null() -> None:
    texts = [f"{name} came and saw and won." for name in ("James", "Mary", "Tom", "Lucy", "Robert", "Susan", "Kevin")]
    found = {one.measure: one for one in swap_gap(texts, letters, neutral=neutral_names())}  # type: ignore[arg-type]
    assert found["swap_gap"].null is not None
    assert found["swap_gap"].note == "null: 7 exchanges of names within a gender"
    assert not found["swap_gap"].worse


def test_what_cannot_be_scored_is_told() -> None:
    with pytest.raises(DataError, match="0 of 2 texts say something of men or women"):
        swap_gap(["It rains.", "It pours."], letters)  # type: ignore[arg-type]
    found = swaps(["He left.", "She left."])
    with pytest.raises(DataError, match="not a finite number"):
        gap(found, [1.0, float("nan")], [1.0, 2.0])
    with pytest.raises(DataError, match="2 texts, 1 and 2 scores"):
        gap(found, [1.0], [1.0, 2.0])


def test_the_order_of_texts_does_not_matter() -> None:
    rng = random.Random(1)
    texts = [f"{rng.choice(['He', 'She'])} counted {rng.randrange(10**6)} sheep." for _ in range(40)]
    first = swap_gap(texts, letters)  # type: ignore[arg-type]
    second = swap_gap(rng.sample(texts, 40), letters)  # type: ignore[arg-type]
    assert first == second
