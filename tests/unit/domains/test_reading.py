"""Reading answers: one word, or `unknown`."""

import pytest

from regrowth.core.errors import Rejected
from regrowth.core.record import Record
from regrowth.domains import DOMAINS

HOME = Record.of("Eva lives in Rome. Tom's friend is Eva. Where does Tom's friend live?", target="Rome")
verify = DOMAINS["reading"].verify


@pytest.mark.parametrize("answer", ["Rome", " Rome\n", "Rome."])
def test_the_word_itself_is_right(answer: str) -> None:
    verify(HOME, answer)


@pytest.mark.parametrize("answer", ["", "Oslo", "unknown", "rome", "Rome..", "Rome or Oslo"])
def test_any_other_word_is_refused_with_what_was_expected(answer: str) -> None:
    with pytest.raises(Rejected) as caught:
        verify(HOME, answer)
    assert caught.value.reason.startswith("answer ")
    assert caught.value.reason.endswith(", expected 'Rome'")
