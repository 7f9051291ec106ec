"""Passages word for word: found exactly, with their place; boilerplate is none."""

import random
import time
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from regrowth.core.errors import DataError
from regrowth.metrics.leakage.verbatim import verbatim

ROWS = st.lists(st.lists(st.sampled_from("abc"), max_size=12).map(" ".join), min_size=1, max_size=4)


def longest(record: Sequence[str], seeds: Sequence[Sequence[str]], holdout: Sequence[Sequence[str]]) -> int:
    """By trying all: the longest run in a seed that is longer than what the hold-out has from there on."""

    def reach(start: int, others: Sequence[Sequence[str]]) -> int:
        best = 0
        for other in others:
            for place in range(len(other)):
                length = 0
                while record[start + length : start + length + 1] == other[place + length : place + length + 1] != []:
                    length += 1
                best = max(best, length)
        return best

    pairs = [(reach(start, seeds), reach(start, holdout)) for start in range(len(record))]
    return max((one for one, other in pairs if one > other), default=0)


@settings(max_examples=150, deadline=None)
@given(ROWS, ROWS, ROWS)
def test_the_longest_passage_is_the_one_that_trying_all_finds(
    synthetic: list[str], seeds: list[str], holdout: list[str]
) -> None:
    found = verbatim(synthetic, seeds, holdout, lengths=(1, 3), tokens=str.split)
    kept, held = ([one.split() for one in part] for part in (seeds, holdout))
    for record, passage in zip(synthetic, found.passages, strict=True):
        words = record.split()
        assert (passage.length if passage else 0) == longest(words, kept, held)
        if passage:
            said = passage.text.split()
            assert words[passage.start : passage.start + passage.length] == said
            assert kept[passage.seed][passage.seed_start : passage.seed_start + passage.length] == said


@settings(max_examples=100, deadline=None)
@given(ROWS, ROWS)
def test_the_null_leaves_each_record_out_of_its_own_holdout(seeds: list[str], holdout: list[str]) -> None:
    found = verbatim(["a"], seeds, holdout, lengths=(2,), tokens=str.split)
    kept, held = ([one.split() for one in part] for part in (seeds, holdout))

    def leaks(number: int) -> bool:
        others = held[:number] + held[number + 1 :]
        for start in range(len(held[number]) - 1):
            window = held[number][start : start + 2]
            there, elsewhere = (
                any(window == one[place : place + 2] for one in part for place in range(len(one) - 1))
                for part in (kept, others)
            )
            if there and not elsewhere:
                return True
        return False

    assert found.null[2].value == sum(map(leaks, range(len(held)))) / len(held)


def tale(seed: int, words: int = 120) -> list[str]:
    dice = random.Random(seed)
    return [f"w{dice.randrange(3000)}" for _ in range(words)]


def test_fifty_words_of_a_seed_are_found_with_their_place() -> None:
    seeds = [tale(number) for number in range(20)]
    record = [*tale(90, 30), *seeds[7][40:95], *tale(91, 30)]
    found = verbatim([" ".join(record), " ".join(tale(92))], [" ".join(one) for one in seeds], [" ".join(tale(93))])
    passage = found.passages[0]
    assert passage is not None
    assert passage == (55, 30, 7, 40, " ".join(seeds[7][40:95]))
    assert found.passages[1] is None
    assert [found.shares[length].value for length in (10, 25, 50)] == [0.5, 0.5, 0.5]
    assert all(found.null[length].value == 0 for length in (10, 25, 50))


def test_case_quotes_and_invisible_characters_hide_nothing() -> None:
    seed = "The quick “brown” fox jumps over the lazy dog and runs away"
    record = "THE QUICK 'BROWN' FOX\u200b JUMPS OVER THE LAZY DOG, AND RUNS AWAY."
    assert verbatim([record], [seed], ["x"]).shares[10].value == 1


def test_what_the_holdout_shares_is_boilerplate() -> None:
    notice = " ".join(tale(1, 60))
    seeds, holdout = [f"{notice} alpha", f"{notice} beta"], [f"gamma {notice}"]
    found = verbatim([notice], seeds, holdout)
    assert found.shares[50].value == 0
    assert found.passages == (None,)
    assert verbatim([notice], seeds, ["gamma"]).shares[50].value == 1


def test_matches_end_where_records_end() -> None:
    found = verbatim(["a b c d"], ["a b", "c d"], ["x"], lengths=(2,), tokens=str.split)
    passage = found.passages[0]
    assert passage is not None
    assert passage.length == 2


def test_what_cannot_be_compared_is_told() -> None:
    for synthetic, seeds, holdout, lengths in (
        ([], ["a"], ["a"], [1]),
        (["a"], [], ["a"], [1]),
        (["a"], ["a"], ["a"], [0]),
    ):
        with pytest.raises(DataError, match="one of each"):
            verbatim(synthetic, seeds, holdout, lengths=lengths)


def test_long_and_repetitive_texts_take_no_quadratic_time() -> None:
    def seconds(size: int) -> float:
        start = time.process_time()
        line = "ha " * size + "\u200b" * size + "\ud800"
        found = verbatim([line], [line, "x"], ["ha ha"], lengths=(50,))
        assert found.shares[50].value == 1
        return time.process_time() - start

    seconds(1_000)
    assert seconds(160_000) < 30 * seconds(20_000) + 1
