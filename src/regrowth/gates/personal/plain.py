"""The text as a detector reads it: one width, nothing invisible, nothing spelled out; and the way back.

    plain("max (at) example (dot) org").text        "max@example.org"
    plain("４０３\\u200b0 …").text                     "4030 …"
    plain("a&#64;b.org").back(0, 7)                 (0, 11): where it stands in the original

Unlike `regrowth.texts.normalised`, case and line ends stay, and every character knows where it came from.
"""

import bisect
import html
import re
import unicodedata
from typing import NamedTuple

__all__ = ["Plain", "plain"]

_INVISIBLE = "\u00ad\u034f\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufe00-\ufe0f\ufeff\U000e0000-\U000e0fff"
_SPACES = "\u00a0\u1680\u2000-\u200a\u202f\u205f\u3000"
_DASHES = "\u2010-\u2015\u2212\ufe58\ufe63"
_DIGITS = "".join(
    f"{chr(zero)}-{chr(zero + 9)}"
    for zero in (
        0x660, 0x6F0, 0x966, 0x9E6, 0xA66, 0xAE6, 0xB66, 0xBE6, 0xC66, 0xCE6, 0xD66, 0xE50, 0xED0, 0xF20, 0x1040,
        0x17E0, 0x1810, 0x1D7CE, 0x1D7D8, 0x1D7E2, 0x1D7EC, 0x1D7F6,
    )
)  # fmt: skip
_UNUSUAL = re.compile(f"[{_INVISIBLE}{_SPACES}{_DASHES}{_DIGITS}\uff01-\uff5e]")
_GONE, _BLANK, _DASH = (re.compile(f"[{characters}]") for characters in (_INVISIBLE, _SPACES, _DASHES))
_ENTITY = r"(?P<entity>&(?:\#\d{1,7}|\#[xX][0-9a-fA-F]{1,6}|[a-zA-Z]{2,8});)"
_AT = r"(?P<at>\ {0,2}[(\[{<]\ ?(?i:at|ät|@|arroba|arobase)\ ?[)\]}>]\ {0,2})"
_DOT = r"(?P<dot>\ {0,2}[(\[{<]\ ?(?i:dot|punkt|punto|point)\ ?[)\]}>]\ {0,2})"
_SPOKEN = re.compile(
    r"(?<![\w.+-])(?=[a-z])[\w.+-]{1,64}(?P<at>\ at\ )[\w-]{1,63}(?:(?:\ dot\ |\.)[\w-]{1,63}){0,4}?(?P<dot>\ dot\ )"
    r"(?:com|org|net|edu|gov|io|de|uk|fr|es|it|eu|ch|at|info)\b",
    re.VERBOSE,
)
_SPOKEN_DOT = re.compile(" dot ")
_SPELLED = re.compile(f"{_ENTITY}|{_AT}|{_DOT}", re.VERBOSE)
_BRACKETED = re.compile(r"[(\[{<] ?(?:[aA][tT]|[dD][oO][tT]|ät|@|[pP]unkt|arroba|arobase|punto|point) ?[)\]}>]")


class Plain(NamedTuple):
    """Hold a text in its plain form."""

    text: str
    marks: tuple[int, ...] = ()
    """Offsets in the plain text at which a new stretch begins, rising."""
    origins: tuple[int, ...] = ()
    """Where each stretch begins in the original."""

    def back(self, start: int, end: int) -> tuple[int, int]:
        """Return where a span of the plain text, not empty, stands in the original."""
        if not self.marks:
            return start, end
        at = bisect.bisect_right(self.marks, start) - 1
        return self.origins[at] + start - self.marks[at], self._end(end)

    def _end(self, place: int) -> int:
        """Return the end, in the original, of what a span's last character was written as."""
        at = bisect.bisect_left(self.marks, place) - 1
        whole = at + 1 < len(self.marks) and self.marks[at + 1] == place and self._written_out(at)
        return self.origins[at + 1] if whole else self.origins[at] + place - self.marks[at]

    def _written_out(self, at: int) -> bool:
        """Return whether a stretch is one character that the original writes with several."""
        following = at + 1
        return self.marks[following] - self.marks[at] == 1 and self.origins[following] - self.origins[at] > 1


def plain(text: str) -> Plain:
    """Return a text in its plain form. Most texts are plain already, and are returned as they are."""
    found = _replacements(text)
    if not found:
        return Plain(text)
    pieces: list[str] = []
    marks, origins, reached, length = [0], [0], 0, 0
    for start, end, new in found:
        pieces += (text[reached:start], new)
        length += start - reached
        if new:
            marks.append(length)
            origins.append(start)
            length += len(new)
        marks.append(length)
        origins.append(end)
        reached = end
    pieces.append(text[reached:])
    return Plain("".join(pieces), tuple(marks), tuple(origins))


def _replacements(text: str) -> list[tuple[int, int, str]]:
    """Return what stands for something else, in order: where, and what it stands for."""
    found = []
    if not text.isascii():
        found = [(match.start(), match.end(), _usual(match[0])) for match in _UNUSUAL.finditer(text)]
    if "&" in text or _BRACKETED.search(text):
        found += [(match.start(), match.end(), _told(match)) for match in _SPELLED.finditer(text)]
    if " dot " in text:
        for match in _SPOKEN.finditer(text):
            found.append((*match.span("at"), "@"))
            found += [(dot.start(), dot.end(), ".") for dot in _SPOKEN_DOT.finditer(text, match.end("at"), match.end())]
    return sorted(found)


def _usual(character: str) -> str:
    if _GONE.match(character):
        return ""
    if _BLANK.match(character):
        return " "
    if _DASH.match(character):
        return "-"
    digit = unicodedata.decimal(character, None)
    return chr(ord(character) - 0xFEE0) if digit is None else str(digit)


def _told(match: re.Match[str]) -> str:
    if match.lastgroup != "entity":
        return "@" if match.lastgroup == "at" else "."
    told = html.unescape(match[0])
    return told if len(told) == 1 else match[0]
