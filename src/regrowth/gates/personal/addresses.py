"""Postal addresses: German, English, French, Spanish (and Italian) streets.

    addresses("wohnt Lange Straße 12a, 04103 Leipzig", …)     0.93: with a postcode and a town
    addresses("the 8 District Court ruled", …)                nothing

A street with a number is enough beside a word that speaks of an address; `Am Markt 3` needs its postcode besides.
"""

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from regrowth.gates.personal.hits import Hit, near
from regrowth.gates.personal.wordlists import any_of, entries

__all__ = ["addresses", "streets_in"]

_UP = "A-ZÄÖÜÁÉÍÓÚÑÈÀÇÊÎÔÂ"
_NAME = rf"[{_UP}][\w'’.\-]{{1,30}}"
_JOINED = r"[ \-](?:(?:am|an|der|sur|de|la|les|del)[ \-])?"
_TOWN = rf"(?:[{_UP}][\w'’\-]{{1,30}}(?:{_JOINED}[{_UP}][\w'’\-]{{1,30}}){{0,3}})"
_LINE = r" ?,? {0,2}(?:\n|\\n)?"
_CODE_TOWN = rf"(?:{_LINE}(?:[A-Z]{{1,2}}-)?(?P<code>\d{{4,5}}) {_TOWN})?"
_HOUSE = r"\d{1,4}(?: ?[a-zA-Z](?!\w))?(?: ?[\-/] ?\d{1,3}[a-z]?)?(?![\w%€$]|[.,:]\d)"

_GERMAN_STREET = (
    rf"[{_UP}][\w.\-]{{0,30}}?(?:{any_of('streets', 'german')}|(?P<weak>{any_of('streets', 'german_weak')}))"
    rf"|(?:[{_UP}](?:[^\W\d]|\.){{1,30}}[ \-]){{1,3}}{any_of('streets', 'german_apart')}"
    rf"|(?P<at>{any_of('streets', 'german_at')}) [{_UP}][\wß]{{2,30}}"
)
_GERMAN = re.compile(rf"(?<!\w)(?:{_GERMAN_STREET}) (?:Nr\. ?)?{_HOUSE}{_CODE_TOWN}")

_COURT = rf"(?:\S{{1,20}} ){{0,2}}{any_of('streets', 'courts')} Court"
_QUARTER = r"(?:[NSEW]\.? |North |South |East |West )?"
_ENGLISH_NAME = r"(?:(?:[A-Z][\w'’.\-]{1,30}|\d{1,3}(?:st|nd|rd|th)|the|of) ){1,4}?"
_FLAT = rf"(?:,? {any_of('streets', 'flats')}\.? ?#?\w{{1,6}})?"
_ZIP = r"(?:[A-Z]{2},? \d{5}(?:-\d{4})?|[A-Z]{1,2}\d[A-Z\d]? ?\d[A-Z]{2})(?!\w)"
_ENGLISH = re.compile(
    rf"(?<![\w.,:$£€\-/])\d{{1,5}}[A-Za-z]? (?!{_COURT}){_QUARTER}{_ENGLISH_NAME}"
    rf"{any_of('streets', 'english')}\b\.?{_FLAT}"
    rf"(?:(?:,? {{0,2}}\n?{_TOWN})??(?P<code>,? {{0,2}}{_ZIP})|,? {{0,2}}{_TOWN})?"
)

_FRENCH = re.compile(
    rf"(?<![\w.,])\d{{1,4}}(?: ?(?:bis|ter|quater))?,? {any_of('streets', 'french')} "
    rf"(?:{any_of('streets', 'french_of')} ?)?{_NAME}(?: (?:de |du |des |la )?{_NAME}){{0,4}}{_CODE_TOWN}"
)
_SPANISH = re.compile(
    rf"(?<!\w){any_of('streets', 'spanish')} ?(?:{any_of('streets', 'spanish_of')} )?{_NAME}"
    rf"(?: (?:(?:de|del|la|y|da) )?{_NAME}){{0,4}}"
    rf",? (?:n\.?[ºo°] ?)?{_HOUSE}(?:, ?\d{{1,2}}\.?[ºª°]\.? ?[A-Z]?)?{_CODE_TOWN}"
)
_TOWN_CODE = rf"(?:(?:[A-Z]{{1,2}}-)?\d{{5}} {_TOWN}|{_TOWN}, \d{{5}}(?!\d))"
_BY_CODE = re.compile(
    rf"(?<!\w)[{_UP}][\w'’.\-]{{1,30}}(?: (?:(?:de|del|la|der|den|von) )?{_NAME}){{0,4}},? (?:n\.?[ºo°] ?)?{_HOUSE}"
    rf"(?: (?:Piso|Puerta|Apt\.) \d{{1,3}}){{0,2}}{_LINE}(?P<code>{_TOWN_CODE})"
)
_BY_ZIP = re.compile(
    rf"(?<![\w.,:$£€\-/])\d{{1,5}}[A-Za-z]? (?:[A-Z][\w'’.\-]{{1,30}} ){{0,3}}[A-Z][\w'’.\-]{{1,30}}{_FLAT}"
    rf"{_LINE}(?P<code>{_TOWN}{_LINE}{_ZIP})"
)
_FRENCH_BY_CODE = re.compile(
    rf"(?<!\w){any_of('streets', 'french')} (?:{any_of('streets', 'french_of')} ?)?{_NAME}"
    rf"(?: (?:de |du |des |la )?{_NAME}){{0,4}}"
    rf"{_LINE}(?P<code>\d{{5}} {_TOWN})"
)
_CODE_SIGN = re.compile(r"[0-9](?:[0-9]{4}|[A-Z]{2}(?!\w))")
_BOX = re.compile(r"(?<!\w)(?:P\. ?O\.|PO|Post Office) Box \d{1,6}(?!\w)")
_SPECIMEN = re.compile(rf"\b(?:{any_of('streets', 'specimen')}|Main St(?:reet|\.)?\b)")
_WORDS = any_of("naming", "address")


class _Form(NamedTuple):
    pattern: re.Pattern[str]
    country: str
    alone: float
    start: re.Pattern[str]
    """What every address of the form holds, quick to look for."""
    signs: tuple[str, ...] = ()
    """One of these, in small letters, is in it too."""


_NAME_NUMBER = re.compile(rf"[{_UP}][\w'’.\-]{{0,40}},? (?:(?:Nr|n)\.? ?[ºo°]? ?)?[0-9]")
_NUMBER_RUE = re.compile(
    r"[0-9](?: ?(?:bis|ter|quater))?,? (?:rue|ave?|bou|bd|pla|all|che|imp|qua|cou|rou|squ|pas|fau|[A-Z])"
)
_FORMS = (
    _Form(_GERMAN, "DE", 0.7, _NAME_NUMBER, entries("streets", "german_signs")),
    _Form(_FRENCH, "FR", 0.7, _NUMBER_RUE),
    _Form(_SPANISH, "", 0.65, _NAME_NUMBER, entries("streets", "spanish_signs")),
    _Form(_BOX, "", 0.4, re.compile("Box [0-9]")),
    _Form(_ENGLISH, "", 0.65, re.compile(r"[0-9][A-Za-z]? (?:[A-Z]|\d{1,3}[snrt][tdh])")),
    _Form(_BY_CODE, "", 0.65, _CODE_SIGN),
    _Form(_FRENCH_BY_CODE, "FR", 0.65, _CODE_SIGN),
    _Form(_BY_ZIP, "", 0.65, _CODE_SIGN),
)


def streets_in(text: str, lowered: str) -> list[int]:
    """Return of which forms there may be addresses in a text, given as it is and in small letters."""
    begun = {start: start.search(text) is not None for start in {form.start for form in _FORMS}}
    return [
        place
        for place, form in enumerate(_FORMS)
        if begun[form.start] and (not form.signs or any(map(lowered.__contains__, form.signs)))
    ]


def addresses(text: str, start: int, end: int, forms: Iterable[int]) -> Iterator[Hit]:
    """Find addresses of some forms in a part of a text."""
    for place in forms:
        form = _FORMS[place]
        for match in form.pattern.finditer(text, start, end):
            confidence = _sure(text, match, form.alone)
            example = _SPECIMEN.search(match[0]) is not None
            yield Hit("address", match.start(), match.end(), confidence, form.country, example=example)


def _sure(text: str, match: re.Match[str], alone: float) -> float:
    groups = match.groupdict()
    if groups.get("code"):
        return 0.93
    if near(text, match.start(), match.end(), _WORDS):
        return round(alone + 0.2, 2)
    return 0.3 if groups.get("weak") or groups.get("at") else alone
