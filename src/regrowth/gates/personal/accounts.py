"""Bank accounts and payment cards.

    ibans("DE75 5121 0800 1245 1261 99")     country, length of that country, MOD 97-10
    cards("4929 1234 …")                     issuer's range and length, Luhn

Numbers that card companies and textbooks print for tests are `example`.
"""

import re
from collections.abc import Iterator

from regrowth.gates.personal.countries import LEFT, RIGHT
from regrowth.gates.personal.digits import luhn, mod97
from regrowth.gates.personal.hits import Hit, compact, doubted, near
from regrowth.gates.personal.wordlists import any_of, entries

__all__ = ["CARDS", "IBAN_LENGTHS", "cards", "ibans", "issuer"]

IBAN_LENGTHS = {
    country: int(length)
    for length, countries in (entry.split(":") for entry in entries("iban", "lengths"))
    for country in countries.split(",")
}
"""Characters of an IBAN by country (register of ISO 13616)."""
_IBAN = re.compile(r"(?<![A-Za-z0-9])(?=([A-Za-z]{2}\d{2}(?:[ \-]?[A-Za-z0-9]){11,30}))", re.ASCII)
"""Looked at without reading on, so that what only looks like the start of one hides no other."""
_IBAN_EXAMPLES = frozenset(entries("iban", "examples"))

_CARD = re.compile(
    rf"{LEFT}(?:\d{{4}}(?P<s>[ \-]?)\d{{4}}(?P=s)\d{{4}}(?P=s)\d{{1,7}}|\d{{4}}([ \-]?)\d{{6}}\2\d{{4,5}}){RIGHT}",
    re.ASCII,
)
_ISSUERS = (
    ("Visa", r"4", (13, 16, 19)),
    ("Mastercard", r"5[1-5]|222[1-9]|22[3-9]|2[3-6]|27[01]|2720", (16,)),
    ("American Express", r"3[47]", (15,)),
    ("Diners Club", r"30[0-5]|3[689]", (14,)),
    ("Discover", r"6011|64[4-9]|65", (16, 19)),
    ("JCB", r"35(?:2[89]|[3-8])", (16, 19)),
    ("UnionPay", r"62", (16, 17, 18, 19)),
    ("Maestro", r"5018|5020|5038|5893|6304|6759|676[1-3]", (12, 13, 14, 15, 16, 18, 19)),
    ("Mir", r"220[0-4]", (16,)),
    ("RuPay", r"60|8[12]|508", (16,)),
)
_RANGES = tuple((name, re.compile(start), lengths) for name, start, lengths in _ISSUERS)
CARDS = {
    "Visa": ("4111111111111111", "4242424242424242", "4012888888881881", "4000056655665556", "4222222222222"),
    "Mastercard": ("5555555555554444", "5105105105105100", "5200828282828210", "2223003122003222", "5454545454545454"),
    "American Express": ("378282246310005", "371449635398431", "378734493671000"),
    "Diners Club": ("30569309025904", "38520000023237", "36227206271667"),
    "Discover": ("6011111111111117", "6011000990139424", "6011981111111113"),
    "JCB": ("3530111333300000", "3566002020360505"),
    "UnionPay": ("6200000000000005", "6205500000000000004"),
    "Maestro": ("6759649826438453", "6304000000000000"),
}
"""Numbers that payment companies give out for tests."""
_CARD_EXAMPLES = frozenset(number for numbers in CARDS.values() for number in numbers)
_CARD_WORDS = any_of("naming", "card")


def ibans(text: str, start: int, end: int) -> Iterator[Hit]:
    """Find IBANs: the length of the country, and the check digits."""
    for match in _IBAN.finditer(text, start, end):
        country = match[1][:2].upper()
        reach = _reach(match[1], IBAN_LENGTHS.get(country, 0))
        after = match.start() + reach
        if reach and not text[after : after + 1].isalnum():
            number = compact(match[1][:reach])
            if number.isascii() and mod97(number):
                example = number in _IBAN_EXAMPLES or re.match("[0T][0E][0S][0T]", number[4:]) is not None
                yield Hit("iban", match.start(), after, 0.98, country, example=example)


def _reach(written: str, wanted: int) -> int:
    """Return how far one must read to have so many letters and digits; 0 where there are not as many."""
    seen = 0
    for place, character in enumerate(written):
        seen += character not in " -"
        if wanted and seen == wanted:
            return place + 1
    return 0


def issuer(number: str) -> str:
    """Return whose card a number would be, by its range and length; nothing if nobody's."""
    return next((name for name, start, lengths in _RANGES if len(number) in lengths and start.match(number)), "")


def cards(text: str, start: int, end: int) -> Iterator[Hit]:
    """Find payment cards: an issuer's range, its length, Luhn."""
    for match in _CARD.finditer(text, start, end):
        number = compact(match[0])
        whose = issuer(number) if luhn(number) else ""
        if not whose:
            continue
        confidence = 0.75 if len(number) >= 14 else 0.35
        if len(number) < len(match[0]):
            confidence += 0.15
        if near(text, match.start(), match.end(), _CARD_WORDS):
            confidence = 0.97
        elif doubted(text, match.start()):
            confidence /= 2
        yield Hit("card", match.start(), match.end(), confidence, form=whose, example=number in _CARD_EXAMPLES)
