"""Numbers and hostile text as people read them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from regrowth.core.protocols import Estimate
from regrowth.reports import wording


@pytest.mark.parametrize(
    ("hidden", "shown"),
    [
        ("a\u202eb", "a⟨U+202E⟩b"),
        ("bell\x07", "bell⟨U+0007⟩"),
        ("\x00", "⟨U+0000⟩"),
        ("zero\u200bwidth", "zero⟨U+200B⟩width"),
        ("tag\U000e0041", "tag⟨U+E0041⟩"),
        ("selector\U000e0101", "selector⟨U+E0101⟩"),
        ("filler\u3164", "filler⟨U+3164⟩"),
        ("surrogate\ud800", "surrogate⟨U+D800⟩"),
    ],
)
def test_nothing_hides_in_a_text(hidden: str, shown: str) -> None:
    assert wording.visible(hidden) == shown


@pytest.mark.parametrize("text", ["two\nlines\tand a tab", "naïve café", "👩‍🌾 ❤️", "می‌خواهم", "数学", "x² ≤ √2"])
def test_what_people_write_stays_as_it_is(text: str) -> None:
    assert wording.visible(text) == text


@given(st.text(alphabet=st.characters()))
def test_a_visible_text_is_visible_and_can_be_encoded(text: str) -> None:
    shown = wording.visible(text)
    assert wording.visible(shown) == shown
    shown.encode("utf-8")


@pytest.mark.parametrize(
    ("quantity", "read"),
    [
        (0.0, "0"), (12.0, "12"), (1234567.0, "1,234,567"), (0.01234, "0.0123"), (12.345, "12.3"), (-0.5, "−0.500"),
        (1e-7, "1.00e−07"), (123456.7, "1.23e+05"), (float("nan"), "–"),
    ],
)  # fmt: skip
def test_numbers_keep_three_digits(quantity: float, read: str) -> None:
    assert wording.number(quantity) == read


@pytest.mark.parametrize(
    ("seconds", "read"),
    [(0, "0.0 s"), (9.94, "9.9 s"), (59.4, "59 s"), (59.6, "1 min 0 s"), (3599.6, "1 h 0 min"), (90061, "25 h 1 min")],
)
def test_times_keep_the_two_units_that_matter(seconds: float, read: str) -> None:
    assert wording.duration(seconds).replace(wording.THIN, " ") == read


def test_shares_differences_and_intervals_read_as_in_a_paper() -> None:
    estimate = Estimate(0.131, -0.004, 0.25, 800)
    read = (
        wording.share(0.4713), wording.gap(0.131, "share"), wording.gap(-0.02, "share"), wording.gap(0.0, "share"),
        wording.spread(estimate, "share"), wording.interval(estimate, "share"), wording.interval(estimate, "number"),
    )  # fmt: skip
    assert [one.replace(wording.THIN, " ") for one in read] == [
        "47.1 %", "+13.1 points", "−2.0 points", "±0.0 points", "−0.4 to +25.0", "−0.4 to 25.0 %", "−0.00400 to 0.250",
    ]  # fmt: skip


def test_money_shows_fractions_of_a_cent_when_it_is_little() -> None:
    assert [wording.money(amount) for amount in (0, 0.0042, 12.5)] == ["0.00", "0.0042", "12.50"]
    assert wording.money(3, "EUR") == f"3.00{wording.THIN}EUR"


def test_a_long_text_says_how_much_was_cut() -> None:
    assert wording.clipped("abcdef", 6) == "abcdef"
    assert wording.clipped("abc def", 4) == "abc … (3 more characters)"
