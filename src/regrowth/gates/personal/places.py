"""Dates of birth and coordinates.

births("geb. am 3. Mai 1984", …)                  a date counts only behind a word that names it
coordinates("GPS 52.520008, 13.404954", …)        from four decimals on; fewer say nothing of a person
"""

import re
from collections.abc import Iterator

from regrowth.gates.personal.digits import date_at
from regrowth.gates.personal.hits import Hit, near
from regrowth.gates.personal.wordlists import any_of, entries

__all__ = ["births", "births_in", "coordinates", "named_in"]

_MONTHS = (
    r"(?:jan|feb|mar|mär|apr|may|mai|jun|jul|aug|sep|oct|okt|nov|dec|dez|ene|abr|ago|set|dic|fév|avr|juin|juil|aoû|déc"
    r"|gen|mag|giu|lug|ott|out)[^\W\d_]{0,7}\.?"
)
_DATE = (
    r"(?:(?P<y>\d{4})[-/.](?P<m>\d{1,2})[-/.](?P<d>\d{1,2})"
    r"|(?P<d2>\d{1,2})[./\-] ?(?P<m2>\d{1,2})[./\-] ?(?P<y2>\d{4}|\d{2})"
    rf"|\d{{1,2}}(?:\.|st|nd|rd|th|º|er)? (?:of |de )?{_MONTHS},?(?: de| of)? \d{{4}}"
    rf"|{_MONTHS} \d{{1,2}}(?:st|nd|rd|th)?,? \d{{4}})(?!\w)"
)
_BETWEEN = r"(?:(?:on|am|den|le|el|il|the|is|was|ist|es|est|em|em dia|día)\W{1,2}){0,2}"
_BIRTH = re.compile(
    rf"(?<![^\W_]){any_of('naming', 'birth')}(?![^\W\d_])(?:</?\w{{1,8}}>|\W){{0,12}}?{_BETWEEN}(?P<date>{_DATE})",
    re.IGNORECASE,
)
_DATED = re.compile(rf"(?<!\w)(?P<date>{_DATE})", re.IGNORECASE)
_NOUNS = any_of("naming", "birth_date")
_NOUN = re.compile(_NOUNS, re.IGNORECASE)
_DATE_SIGN = re.compile(r"[0-9](?:[0-9]{3}|[./-] ?[0-9])")
_BIRTH_SIGNS = entries("naming", "birth_signs")
_DECIMAL = r"\d{1,3}\.\d{4,12}"
_PAIR = re.compile(
    rf"(?<![\w.\-])[-+]?(?P<a>{_DECIMAL})°? ?(?:[NS] ?)?[,;/ ] ?[-+]?(?P<b>{_DECIMAL})(?!\w|\.\d)(?:°? ?[EWO](?!\w))?"
)
_ARC = r"\d{1,3} ?° ?\d{1,2} ?['′’](?: ?\d{1,2}(?:\.\d{1,4})? ?(?:[\"″”]|''))? ?"
_ARCS = re.compile(rf"(?<!\w){_ARC}[NS],? {{0,2}}{_ARC}[EWO](?!\w)")
_PLACED = any_of("naming", "place")


def births_in(lowered: str) -> bool:
    """Return whether a text, given in small letters, may speak of a birth."""
    return _DATE_SIGN.search(lowered) is not None and any(map(lowered.__contains__, _BIRTH_SIGNS))


def named_in(text: str) -> bool:
    """Return whether a text says "date of birth", in any language."""
    return _NOUN.search(text) is not None


def births(text: str, start: int, end: int, *, named: bool) -> Iterator[Hit]:
    """Find dates of birth: a date right behind a word for birth, or, where `named`, near to "date of birth"."""
    found = list(_BIRTH.finditer(text, start, end))
    if named:
        found += [match for match in _DATED.finditer(text, start, end) if near(text, *match.span(), _NOUNS)]
    for match in found:
        day, month, year = (match["d"] or match["d2"], match["m"] or match["m2"], match["y"] or match["y2"])
        if day is None or date_at(day, month, year) or date_at(month, day, year):
            yield Hit("birth_date", *match.span("date"), 0.85)


def coordinates(text: str, start: int, end: int) -> Iterator[Hit]:
    """Find pairs of latitude and longitude, decimal or in degrees, minutes and seconds."""
    for match in _PAIR.finditer(text, start, end):
        if float(match["a"]) <= 90 and float(match["b"]) <= 180:
            fine = min(len(match[part].partition(".")[2]) for part in "ab") >= 5
            named = near(text, match.start(), match.end(), _PLACED)
            yield Hit("coordinates", match.start(), match.end(), 0.9 if named else 0.55 if fine else 0.3)
    for match in _ARCS.finditer(text, start, end):
        named = near(text, match.start(), match.end(), _PLACED)
        yield Hit("coordinates", match.start(), match.end(), 0.85 if named else 0.55)
