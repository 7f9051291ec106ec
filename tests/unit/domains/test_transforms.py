"""Transforms: the final list exactly, alone or after the list that leads to it."""

import pytest

from regrowth.core.errors import Rejected
from regrowth.core.record import Record
from regrowth.domains import DOMAINS

LETTERS = Record.of("Sort, then drop the first: k b f a", target="a b f k\nb f k")
verify = DOMAINS["transforms"].verify


@pytest.mark.parametrize("answer", ["a b f k\nb f k", "b f k", " a b f k \n b f k \n"])
def test_the_final_list_is_right_with_and_without_the_way_to_it(answer: str) -> None:
    verify(LETTERS, answer)


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ("", "0 lines, expected 2, or the final list alone"),
        ("a b f k", "line 1 is 'a b f k', expected 'b f k'"),
        ("a b k f\nb f k", "line 1 is 'a b k f', expected 'a b f k'"),
        ("a b f k\nb  f k", "line 2 is 'b  f k', expected 'b f k'"),
        ("k b f a\na b f k\nb f k", "3 lines, expected 2, or the final list alone"),
    ],
)
def test_a_wrong_list_is_refused_with_the_exact_reason(answer: str, reason: str) -> None:
    with pytest.raises(Rejected) as caught:
        verify(LETTERS, answer)
    assert (caught.value.gate, caught.value.reason) == ("transforms", reason)
