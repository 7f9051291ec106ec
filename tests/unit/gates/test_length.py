"""Gates on length."""

import pytest

from regrowth.core.errors import Rejected, SettingsError
from regrowth.core.record import Record
from regrowth.gates import length, not_cut

FIVE = Record.of("?", response="one two three four five")


@pytest.mark.parametrize(
    ("at_least", "at_most", "unit"),
    [(5, 5, "words"), (0, None, "words"), (23, 23, "characters"), (0, 24, "characters")],
)
def test_both_ends_are_included(at_least: int, at_most: int | None, unit: str) -> None:
    gate = length(at_least=at_least, at_most=at_most, unit=unit)  # type: ignore[arg-type]
    assert gate(FIVE) is FIVE


def test_the_refusal_says_how_long_and_how_long_it_may_be() -> None:
    with pytest.raises(Rejected, match="length: 5 words, at most 4"):
        length(at_most=4, unit="words")(FIVE)
    with pytest.raises(Rejected, match="length: 23 characters, at least 24"):
        length(at_least=24)(FIVE)


@pytest.mark.parametrize("ends", [(-1, None), (5, 4)])
def test_ends_between_which_nothing_lies_are_refused(ends: tuple[int, int | None]) -> None:
    with pytest.raises(SettingsError, match="nothing is at least"):
        length(at_least=ends[0], at_most=ends[1])


def test_an_unknown_unit_is_refused() -> None:
    with pytest.raises(SettingsError, match="expected 'characters' or 'words'"):
        length(unit="tokens")  # type: ignore[arg-type]


def test_a_cut_response_is_refused_and_one_that_no_model_cut_is_not() -> None:
    with pytest.raises(Rejected, match="not_cut: the response was cut at the token limit"):
        not_cut(Record.of("?", response="and th", finish="length"))
    for record in (Record.of("?", response="done", finish="stop"), FIVE):
        assert not_cut(record) is record
