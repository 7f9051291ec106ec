"""Telephone numbers: international, and as people write them at home in the large countries.

    phones("+49 (0)170 1234567")        country by its code, as many digits as that country has
    phones("Tel.: 030/901820")          a national form, surer with a word that names it
    phones("the total is 4915123456")   nothing: no form, no word

Numbers that regulators keep for films and manuals (Ofcom, Bundesnetzagentur, Arcep, ACMA, 555-01xx) are `example`.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

from regrowth.gates.personal.headings import heading
from regrowth.gates.personal.hits import Hit, compact, doubted, near
from regrowth.gates.personal.wordlists import any_of, entries

__all__ = ["CODES", "WORDS", "phones", "significant"]

CODES = {
    code: (country, int(least), int(most))
    for code, country, least, most in (entry.split(".") for entry in entries("phones", "codes"))
}
"""Country calling codes: country, least and most digits of a national number (ITU-T E.164 and national plans)."""

WORDS = any_of("naming", "phone")
_LEFT = r"(?<![\w+.,/$€£*^<%])(?<!\d[-(])(?<![\d\s)>]=)(?<!>>)"
_RIGHT = r"(?!\w)(?![.,/\-]\d)(?! ?[€%$=*+])"
_ABROAD = re.compile(r"(?<![\w+])\(?(?:\+ ?|00 ?(?=[1-9]))(?:\(0\)|[ ./\-]{0,2}[()]?\d){7,17}\)?", re.ASCII)
_IN_FRONT = re.compile(
    rf"{any_of('naming', 'phone_in_front')}\.?(?: ?(?:number|nummer|nr|no|numero|n[ºo°])\.?)?"
    r"(?: (?:is|ist|es|est|at|unter|:))?(?:</?\w{1,8}>|[\s:\"'=(|>?\]]){0,12}$",
    re.IGNORECASE,
)
"""What stands right in front of a number of no known form."""
_TOLL_FREE = re.compile(r"1?8(?:00|88|77|66|55|44|33)\d{7}|0?80[0-9]\d{6,9}")
_YEARS = re.compile(r"\(?(?:1\d|20)\d\d ?[-/] ?(?:1\d|20)\d\d\)?")
_NEXT = re.compile(r"[ ./\-()]*\d+\)?$", re.ASCII)


class _Form(NamedTuple):
    country: str
    pattern: re.Pattern[str]
    alone: float


def _form(country: str, pattern: str, alone: float) -> _Form:
    return _Form(country, re.compile(f"{_LEFT}(?:{pattern}){_RIGHT}", re.ASCII), alone)


_HOME = (
    _form("DE", r"01[567]\d(?:[ /\-]?\d){7,9}", 0.6),
    _form("US", r"(?:1[ .\-])?(?:\([2-9]\d\d\) ?|[2-9]\d\d[ .\-])[2-9]\d\d[ .\-]\d{4}", 0.7),
    _form("FR", r"0[1-9](?P<s>[ .\-])\d\d(?:(?P=s)\d\d){3}", 0.8),
    _form("FR", r"0[67]\d{8}", 0.4),
    _form("GB", r"\(?0(?:20|11\d|1\d1|1\d{3}|7\d{3}|800|845|870)\)?[ \-]\d{3,4}[ \-]?\d{3,4}", 0.7),
    _form("GB", r"07\d{9}", 0.6),
    _form("DE", r"\(?0[1-9]\d{1,4}\)?(?: ?/ ?| - | )\d{2,8}(?:[ \-]\d{1,6}){0,4}", 0.6),
    _form("DE", r"\(0 ?[1-9][\d ]{1,5}\) ?\d{2,4}(?:[ \-]\d{1,4}){0,3}", 0.7),
    _form("", r"0\d{1,4}-\d{1,4}-\d{3,6}", 0.65),
    _form("", r"0\d{1,4}-\d{5,8}", 0.55),
    _form("AU", r"\(?0[2-478]\)?[ \-]\d{4}[ \-]\d{4}|04\d\d[ \-]\d{3}[ \-]\d{3}", 0.7),
    _form("", r"0[1-9]\d{7,10}", 0.2),
    _form("", r"0[1-9]\d{1,3}(?:[ .]\d{2,4}){2,4}", 0.6),
    _form("", r"0[1-9] \d{6,10}", 0.5),
    _form("", r"[1-9]\d\d[ .\-]\d{3}[ .\-]\d{4}", 0.3),
    _form("BR", r"\(\d\d\) ?9? ?\d{4}-\d{4}", 0.8),
    _form("BR", r"\d\d 9\d{4}-\d{4}", 0.6),
    _form("ES", r"[679]\d\d(?: \d{3} \d{3}|(?: \d\d){3}|[.\-]\d{3}[.\-]\d{3})", 0.35),
    _form("CN", r"1[3-9]\d(?P<s>[ \-])\d{4}(?P=s)\d{4}", 0.65),
    _form("CN", r"1[3-9]\d{9}", 0.3),
    _form("IN", r"[6-9]\d{4}[ \-]?\d{5}", 0.3),
    _form("RU", r"8[ \-]?\(\d{3}\)[ \-]?\d{3}[ \-]?\d\d[ \-]?\d\d", 0.8),
    _form("", r"\(?\d{2,4}\)?(?:[ .\-/]?\d){5,10}", 0.0),
)
"""By country; a form that several countries share names none. Near the end: what needs a word that names it."""
_ANY = re.compile(
    f"{_LEFT}(?=[(0-9])(?:"
    + "|".join(
        re.sub(r"\(\?P<s>(.*?)\)", r"\1", form.pattern.pattern.removeprefix(_LEFT).removesuffix(_RIGHT)).replace(
            "(?P=s)", r"[ .\-]"
        )
        for form in _HOME
    )
    + f"){_RIGHT}",
    re.ASCII,
)
"""Finds whatever a form does: where it finds nothing none does."""
_EXAMPLES = re.compile(f"0?{any_of('phones', 'examples')}")


def phones(text: str, start: int, end: int) -> Iterator[Hit]:
    """Find telephone numbers in a part of a text."""
    if text.find("+", start, end) >= 0 or text.find("00", start, end) >= 0:
        for match in _ABROAD.finditer(text, start, end):
            yield from _abroad(text, match.start(), match.end())
    if _ANY.search(text, start, end):
        for form in _HOME:
            for match in form.pattern.finditer(text, start, end):
                yield from _at_home(text, form, match)


def _abroad(text: str, start: int, end: int) -> Iterator[Hit]:
    """Give the longest run of groups that is a number of the country with this code."""
    while end - start > 8:
        digits = re.sub(r"\(0\)|\D", "", text[start:end])
        digits = digits[2:] if digits.startswith("00") else digits
        code = _code(digits)
        country, least, most = CODES.get(code, ("", 99, 99))
        national = digits[len(code) :].removeprefix("0")
        if least <= len(national) <= most and not text[end : end + 1].isalnum():
            plus = "+" in text[start : start + 3]
            confidence = 0.95 if plus or near(text, start, end, WORDS) else 0.55
            yield Hit("phone", start, end, confidence, country, "international", bool(_EXAMPLES.fullmatch(national)))
            return
        if len(national) <= most or not (last := _NEXT.search(text, max(start, end - 24), end)):
            return
        end = max(last.start(), start)


def _code(digits: str) -> str:
    return next((digits[:size] for size in (1, 2, 3) if digits[:size] in CODES), "")


def _at_home(text: str, form: _Form, match: re.Match[str]) -> Iterator[Hit]:
    digits = compact(match[0])
    if not (7 if form.alone == 0 else 8) <= len(digits) <= 13 or len(set(digits)) < 3 or _YEARS.fullmatch(match[0]):
        return
    confidence = form.alone
    if confidence == 0:
        confidence = 0.7 if _named(text, match.start()) else 0
    elif len(digits) == 8 and match[0].count("-") == 2:
        confidence = 0.1  # 02-12-2009
    elif near(text, match.start(), match.end(), WORDS):
        confidence = max(0.7, min(0.93, confidence + 0.35))
    elif doubted(text, match.start()):
        confidence /= 2
    if confidence > 0:
        free = _TOLL_FREE.fullmatch(digits) is not None
        kind = "toll-free" if free else "national"
        example = bool(_EXAMPLES.fullmatch(digits))
        yield Hit(
            "phone", match.start(), match.end(), min(confidence, 0.45 if free else 1), form.country, kind, example
        )


def _named(text: str, start: int) -> bool:
    """Return whether a word for telephone stands right in front, or over the column."""
    return bool(_IN_FRONT.search(text[max(0, start - 60) : start]) or _IN_FRONT.search(heading(text, start)))


def significant(number: str) -> str:
    """Return the digits that a number has at home and abroad: without country code, without the leading nought."""
    digits = re.sub(r"\(0\)|\D", "", number)
    if number.lstrip("( ").startswith(("+", "00")):
        digits = digits.removeprefix("00")
        digits = digits[len(_code(digits)) :]
    return digits.lstrip("0")
