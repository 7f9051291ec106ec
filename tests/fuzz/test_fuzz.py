"""Twenty thousand inputs through every parser, reader and gate; the long run is `python -m fuzz 1000000`."""

import logging
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from fuzz.fuzz import Growth, fuzz, growths, long_lines, texts_of
from regrowth.core.errors import DataError
from regrowth.core.record import Record
from regrowth.gates import injection, language, refusals, turns

INPUTS = 20_000


@pytest.fixture(autouse=True)
def _silence() -> Iterator[None]:
    """Libraries may warn of what they are given here."""
    logging.disable(logging.CRITICAL)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
    logging.disable(logging.NOTSET)


def test_no_input_makes_anything_come_out_but_words(tmp_path: Path) -> None:
    found = fuzz(INPUTS, seed=10_000_000, folder=tmp_path)
    told = [f"{one.target} seed {one.seed}: {one.error} ({one.place})" for one in found.failures]
    assert not told
    assert found.inputs == INPUTS
    assert len(found.slowest) > 60
    assert sum(found.refused.values()) > INPUTS // 10


def test_a_target_that_breaks_is_found_and_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(text: str) -> object:
        if "{" in text:
            raise KeyError("brace")
        raise DataError("told in words")

    monkeypatch.setattr("fuzz.fuzz.texts_of", lambda: {"broken": broken})
    found = fuzz(200, only="broken")
    assert {one.error for one in found.failures} == {"KeyError: 'brace'"}
    assert found.failures[0].place.endswith("broken")
    assert found.refused["broken"] == 200 - len(found.failures)


def test_time_that_grows_with_the_square_is_found() -> None:
    def squared(text: str) -> int:
        return sum(text.count(text[place]) for place in range(0, len(text), 8))

    found = list(growths({"squared": squared, "straight": len}, ["ab "]))
    assert [(one.target, one.unit) for one in found] == [("squared", "ab ")]
    assert isinstance(found[0], Growth)
    assert found[0].ratio > 2.6


def test_what_is_new_here_reads_a_long_line_in_time() -> None:
    new: dict[str, Callable[[str], object]] = {
        "language": language.language_of,
        "refusals": refusals.judged,
        "orders": injection.orders,
        "well_formed": lambda text: list(turns.faults(Record.of(text, response=text))),
    }
    for name, _, seconds, error in long_lines(new, length=500_000, limit=20):
        assert not error, name
        assert seconds < 5, name


@pytest.mark.parametrize(
    ("target", "unit"),
    [
        ("spans.numbers", "\n"),
        ("spans.denials", "not "),
        ("injection.orders", "\n\n"),
        ("gate grounded", "- a: b\n"),
        ("documents.html", "<a "),
        ("documents.html", "<!--x>"),
        ("documents.html", "<?x"),
        ("documents.markdown", "<!--"),
    ],
)
def test_what_once_grew_with_the_square_of_its_input_does_so_no_more(target: str, unit: str) -> None:
    pytest.importorskip("bs4")
    assert not list(growths({target: texts_of()[target]}, [unit]))


@pytest.mark.slow
def test_no_target_grows_faster_than_its_input() -> None:
    found = [f"{one.target} {one.unit!r}: {one.seconds}" for one in growths(texts_of(), ["a", "[", "1,", " ", "A: 1 "])]
    assert not found
