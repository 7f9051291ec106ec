"""Traits: what is measured of a reply, in both languages that they know."""

import pytest

from regrowth.core.record import Record
from regrowth.gates.traits import TRAITS


@pytest.mark.parametrize(
    ("trait", "more", "less"),
    [
        ("kind", "Gladly. It is 7. Thank you.", "It is 7."),
        ("kind", "It is 7.", "It is 7, you fool."),
        ("kind", "Gerne. Es sind 7.", "Es sind 7."),
        ("concise", "7", "It is 7."),
        ("steps", "1. Add 3.\n2. Add 4.\nSo 7.", "7"),
        ("certain", "It is 7.", "Maybe it is 7."),
        ("certain", "Es sind 7.", "Es sind vielleicht 7."),
        ("asking", "It is 7. Anything else?", "It is 7."),
        ("unpraised", "It is 7.", "It is 7. This is a very good answer."),
        ("answering", "It is 7.", "I cannot help with that."),
        ("calm", "It is 7.", "IT IS SEVEN!"),
        ("unrepeated", "a b c d e f", "a b c d a b c d a b c d"),
    ],
)
def test_more_is_more(trait: str, more: str, less: str) -> None:
    first, second = (TRAITS[trait](Record.of("3 + 4?", response=text)) for text in (more, less))
    assert first > second


def test_every_trait_takes_an_empty_reply() -> None:
    for name, trait in TRAITS.items():
        assert trait(Record.of("3 + 4?")) <= 0, name
