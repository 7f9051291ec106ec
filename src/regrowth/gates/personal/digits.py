"""Check digits that many numbers share, and dates inside of numbers.

    luhn("4111111111111111")    True: ISO/IEC 7812-1
    mod97("DE89370400440532013000")    True: ISO 13616
    verhoeff("234123412346")    True: Aadhaar

Each takes letters in capitals and digits only.
"""

import datetime
from collections.abc import Sequence

__all__ = ["LETTERS", "always", "date_at", "iso_11_10", "luhn", "mod97", "mrz_digit", "verhoeff", "weighted"]

LETTERS = {character: 10 + place for place, character in enumerate("ABCDEFGHIJKLMNOPQRSTUVWXYZ")}
_VALUES = {**{str(digit): digit for digit in range(10)}, **LETTERS, "<": 0}
_TURNED = str.maketrans("0123456789", "0246813579")
"""Luhn: every second digit doubled, nine cast out."""


def weighted(digits: str, weights: Sequence[int]) -> int:
    """Return the sum of digits times weights."""
    return sum(int(digit) * weight for digit, weight in zip(digits, weights, strict=False))


def luhn(number: str) -> bool:
    """Check a number by Luhn's formula (ISO/IEC 7812-1)."""
    turned = number[-2::-2].translate(_TURNED)
    return number.isdigit() and sum(map(int, number[::-2] + turned)) % 10 == 0


def mod97(account: str) -> bool:
    """Check an IBAN (ISO 7064 MOD 97-10)."""
    return int("".join(str(_VALUES[character]) for character in account[4:] + account[:4])) % 97 == 1


_TIMES = (
    "0123456789", "1234067895", "2340178956", "3401289567", "4012395678",
    "5987604321", "6598710432", "7659821043", "8765932104", "9876543210",
)  # fmt: skip
_TURNS = (
    "0123456789",
    "1576283094",
    "5803796142",
    "8916043527",
    "9453126870",
    "4286573901",
    "2793806415",
    "7046913258",
)


def verhoeff(number: str) -> bool:
    """Check a number by Verhoeff's scheme (dihedral group of order ten)."""
    state = 0
    for place, digit in enumerate(reversed(number)):
        state = int(_TIMES[state][int(_TURNS[place % 8][int(digit)])])
    return state == 0


def iso_11_10(number: str) -> bool:
    """Check a number by ISO 7064 MOD 11,10."""
    state = 10
    for digit in number[:-1]:
        state = ((int(digit) + state) % 10 or 10) * 2 % 11
    return (state + int(number[-1])) % 10 == 1


def mrz_digit(field: str) -> str:
    """Return the check digit of a field of a travel document (ICAO 9303): weights 7, 3, 1."""
    return str(sum(_VALUES[character] * (7, 3, 1)[place % 3] for place, character in enumerate(field)) % 10)


def date_at(day: str, month: str, year: str) -> bool:
    """Return whether these digits are a date; a year of two digits may be of any century."""
    full = int(year) if len(year) == 4 else 2000 + int(year)
    try:
        datetime.date(full, int(month), int(day))
    except ValueError:
        return False
    return 1850 <= full <= 2100


def always(number: str) -> bool:
    """Hold for every number but those of one digit: its shape is all there is."""
    return len(set(number)) > 1
