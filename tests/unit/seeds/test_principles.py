"""Principles: what is read, and what is refused with the place."""

from pathlib import Path

import pytest

from regrowth.core.errors import DataError
from regrowth.gates.traits import TRAITS
from regrowth.seeds.principles import packaged, read_principles, tagged

GOOD = '[[principle]]\nid = "short"\ntext = "Be short."\nnegation = "Be long."\n'


@pytest.mark.parametrize("name", ["manners", "general"])
def test_those_packaged_have_two_sides_and_verifiers_that_exist(name: str) -> None:
    found = packaged(name)
    assert len(found) >= 6
    assert all(not one.verifier or one.verifier in TRAITS for one in found)
    assert len({one.said(negated=side) for one in found for side in (True, False)}) == 2 * len(found)
    assert tagged(found, "train")
    assert tagged(found, "intervention")


def test_a_file_of_yours(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(GOOD)
    (one,) = read_principles(path)
    assert (one.id, one.said(negated=False), one.said(negated=True)) == ("short", "Be short.", "Be long.")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('[[principle]]\nid = "short"\ntext = "Be short."\n', "short.negation: Field required"),
        ('[[principle]]\nid = "x"\ntext = "A b."\nnegation = "a B."\n', "text and negation of 'x' are the same"),
        (GOOD * 2, "two principles are called 'short'"),
        ("principle = []", "at least 1 item"),
        ("", "Field required"),
        ("[[principle", "not TOML"),
        (GOOD + 'colour = "red"\n', "short.colour: Extra inputs"),
        (GOOD + "weight = 0\n", "short.weight: Input should be greater than 0"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(tmp_path: Path, text: str, told: str) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(text)
    with pytest.raises(DataError) as error:
        read_principles(path)
    assert told in str(error.value)
    assert str(path) in str(error.value)


def test_no_such_file(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="cannot be read"):
        read_principles(tmp_path / "none.toml")
    with pytest.raises(DataError, match="There are: general, manners"):
        packaged("none")
