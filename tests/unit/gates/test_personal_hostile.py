"""Hostile text: nothing falls over, offsets stay within the text, and work grows with the length only."""

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from regrowth.gates.personal import KINDS, Search, hits, shown
from regrowth.gates.personal.plain import plain

ALL = Search(kinds=KINDS)
PIECES = st.sampled_from(
    ["@", ".", "a", "Ä", "1", "0", "+49", "(", ")", "-", "/", " ", "\n", ":", "::", "DE89", "4111", "ghp_", "eyJ",
     "sk-",
     "=", '"', "password", "token", "-----BEGIN PRIVATE KEY-----", "<<<", "P<D", "&#64;", "&amp;", "(at)", " dot ",
     "[at]", "\u200b", "\u00ad", "９", "٣", "𝟗", "\ud83d", "\x00", "Straße", "Street", "rue", "Calle", "born",
     "geb.", "°", "'", "N", "E", "Tel.", "SSN", "é"]
)  # fmt: skip
TEXT = st.text(st.characters(), max_size=80) | st.lists(PIECES, max_size=40).map("".join)


@settings(max_examples=500, deadline=None)
@given(TEXT)
def test_any_text_gives_hits_in_order_within_it(text: str) -> None:
    found = hits(text, ALL)
    ends = [0, *(place for hit in found for place in (hit.start, hit.end)), len(text)]
    assert ends == sorted(ends)
    for hit in found:
        assert 0 <= hit.start < hit.end <= len(text)
        assert 0 <= hit.confidence <= 1
        assert len(shown(hit, text)) < 120


@settings(max_examples=500, deadline=None)
@given(TEXT)
def test_every_character_of_the_plain_text_comes_from_the_original_in_order(text: str) -> None:
    clean = plain(text)
    places = [clean.back(place, place + 1) for place in range(len(clean.text))]
    starts = [start for start, _ in places]
    assert starts == sorted(starts)
    assert all(0 <= start < end <= len(text) for start, end in places)
    if not clean.marks:
        assert clean.text == text


@settings(max_examples=100, deadline=None)
@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=30), st.text(max_size=30))
def test_an_address_is_found_between_any_two_texts(before: str, after: str) -> None:
    text = f"{before} max@posteo.de {after}"
    start = len(before) + 1
    assert any(hit.start <= start < hit.end for hit in hits(text))


NEAR_MATCHES = (
    "a@", "a@b.", "1 ", "1234 5678 ", "1.1.1.1 ", "::", "12:34:", "sk-", "eyJaaaa.", "-----BEGIN PRIVATE KEY-----",
    'password: "', "://a:b", "P<UTO<<<", "Aa Straße ", "1 Aa ", "12 rue A", "geb. am 1.", " at a dot ", "&#64;",
    "\u200b1", "９", "DE89 ", "(030) ", "N 1° 1' ", "x", "1.2345, ", "PuTTY-User-Key-File-2: a ", "max@posteo.de ",
    "born 12. " + 30 * "word ", "date of birth 1 " + 30 * "word ", "Tel. 030 901820 " + 30 * "word ",
    "|--\n| 72120785178", "a;b\n" + "c;72120785178\n", "Calle 1 ° " + 30 * "word ", "key = 12345678 " + 30 * "word ",
)  # fmt: skip


@pytest.mark.parametrize("unit", NEAR_MATCHES)
def test_four_times_the_length_takes_about_four_times_as_long(unit: str) -> None:
    def seconds(length: int) -> float:
        text = (unit * (length // len(unit) + 1))[:length]
        start = time.process_time()
        hits(text, ALL)
        return time.process_time() - start

    # quadratic work would take sixteen times as long; what is too quick to measure is no danger
    assert any(seconds(80_000) < 9 * max(seconds(20_000), 0.01) for _ in range(3))


@pytest.mark.slow
@pytest.mark.parametrize("unit", ["word ", "1234 5678 ", "max@posteo.de "])
def test_a_line_of_ten_million_characters_is_read(unit: str) -> None:
    text = unit * (10_000_000 // len(unit))
    start = time.process_time()
    hits(text, ALL)
    assert time.process_time() - start < 120
