"""Check digits: numbers that offices publish are right, and with any one digit changed they are wrong."""

import random
import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from regrowth.gates.personal import checks, digits
from regrowth.gates.personal.countries import any_shape, rules, shapes
from regrowth.gates.personal.hits import compact
from regrowth.gates.personal.making import filled

PUBLISHED = {
    "luhn": ("4111111111111111", "378282246310005", "046454286"),
    "mod97": ("DE89370400440532013000", "GB82WEST12345698765432", "FR1420041010050500013M02606"),
    "verhoeff": ("2363", "234123412346", "999999990019"),
    "german_tax": ("86095742719", "47036892816", "65929970489"),
    "german_pension": ("65170839J003", "15070649C103"),
    "german_health": ("A123456780",),
    "german_card": ("T220001293", "L01X00T471"),
    "nhs": ("9434765919", "9876543210"),
    "nir": ("295109912611193", "253072B07300470"),
    "dni": ("12345678Z", "X1234567L", "Y1234567X"),
    "codice_fiscale": ("RSSMRA85T10A562S", "RSSMRA80A01H501U"),
    "pesel": ("44051401359", "02070803628"),
    "bsn": ("111222333", "123456782"),
    "belgian": ("85073003328", "93051822361"),
    "personnummer": ("8112289874", "198112289874"),
    "nif": ("123456789",),
    "cpf": ("12345678909", "11144477735", "52998224725"),
    "cnpj": ("11222333000181", "11444777000161"),
    "aadhaar": ("234123412346",),
    "resident": ("11010519491231002X",),
    "japanese": ("123456789018",),
    "curp": ("BOXW310820HNERXN09", "HEGG560427MVZRRL04"),
    "tfn": ("123456782", "876543210"),
    "au_medicare": ("212345670",),
    "ahv": ("7569217076985",),
    "austrian": ("1237010180",),
    "finnish": ("131052308T",),
    "tckn": ("10000000146",),
    "snils": ("11223344595",),
    "south_african": ("8001015009087",),
}


@pytest.mark.parametrize(("name", "number"), [(name, number) for name, those in PUBLISHED.items() for number in those])
def test_published_numbers_are_right_and_one_wrong_digit_is_told(name: str, number: str) -> None:
    check = getattr(checks, name, None) or getattr(digits, name)
    assert check(number)
    last = max(place for place, character in enumerate(number) if character.isdigit())
    for digit in "0123456789":
        changed = number[:last] + digit + number[last + 1 :]
        assert check(changed) == (digit == number[last]), changed


def test_an_mrz_has_the_check_digits_of_the_standard() -> None:
    fields = ("L898902C3", "740812", "120415", "ZE184226B<<<<<")
    assert "".join(map(digits.mrz_digit, fields)) == "6291"


def test_numbers_that_are_given_to_nobody() -> None:
    assert not checks.ssn("000123456")
    assert not checks.ssn("666123456")
    assert not checks.ssn("123006789")
    assert not checks.ssn("900701234")
    assert checks.itin("900701234")
    assert not checks.itin("900101234")
    assert checks.nino("AB123456C")
    assert not checks.nino("GB123456C")
    assert not checks.pan("ABCDE0000F")
    assert not digits.date_at("31", "02", "1990")


@pytest.mark.parametrize("rule", rules(), ids=lambda rule: f"{rule.country} {rule.form}")
def test_every_row_of_the_table_makes_numbers_that_its_own_check_accepts(rule: Any) -> None:
    draw = random.Random(7)
    fresh = next(value for value in (filled(rule.model, draw) for _ in range(20_000)) if rule.check(compact(value)))
    assert compact(fresh)
    assert 0 <= rule.alone < rule.named <= 1


@pytest.mark.parametrize("shape", shapes(), ids=lambda shape: shape.rules[0].form)
def test_the_one_pattern_finds_what_any_shape_finds(shape: Any) -> None:
    draw = random.Random(8)
    for rule in shape.rules:
        for _ in range(20):
            text = f"is {filled(rule.model, draw)}, and"
            if shape.pattern.search(text):
                assert any_shape().search(text)


@settings(max_examples=200, deadline=None)
@given(st.text("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ", min_size=1, max_size=24))
def test_no_check_falls_over_what_its_shape_lets_through(text: str) -> None:
    for rule in rules():
        if re.fullmatch(rule.shape, text):
            assert rule.check(compact(text)) in (True, False)
