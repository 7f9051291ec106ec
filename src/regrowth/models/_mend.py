"""A reader of JSON as models write it, one pass, bounded depth.

    {'name': "Ada", "tags": ["a", "b",], born: 1815, "alive": False
What it puts up with: single quotes and Python's words, keys without quotes, trailing and missing commas, comments,
bare line breaks and inner quotes in strings, unknown escapes, closing brackets that never came. What it does not: a
string that never ends, for nobody knows how it would have gone on.
"""

import math
import re
from typing import Any

__all__ = ["DEPTH", "Broken", "read_loosely"]

DEPTH = 100
"""Deepest nesting that is read."""
CONSTANTS: dict[str, Any] = {
    "true": True,
    "True": True,
    "false": False,
    "False": False,
    "null": None,
    "None": None,
    "undefined": None,
    "NaN": None,
    "nan": None,
    "Infinity": None,
    "inf": None,
}
ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f", "\n": ""}
BLANK = re.compile(r"(?:[\s\ufeff]+|//[^\n]*|/\*.*?\*/)*", re.DOTALL)
NUMBER = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?")
WORD = re.compile(r"-?[A-Za-z_$][\w$-]*")
ESCAPE = re.compile(r"\\(?:u([0-9a-fA-F]{4})|x([0-9a-fA-F]{2})|(.))", re.DOTALL)
SURROGATE = re.compile(r"[\ud800-\udfff]")
QUOTES = {'"': re.compile(r'["\\]'), "'": re.compile(r"['\\]"), "\u201c": re.compile(r"[\u201d\\]")}


class Broken(ValueError):
    """Say what could not be read, and where."""

    def __init__(self, what: str, *, cut: bool = False) -> None:
        super().__init__(what)
        self.cut = cut
        """Whether the text ended in the middle of it: what lies inside is then part of something nobody knows."""


def read_loosely(text: str, start: int) -> tuple[Any, int]:
    """Read the value that starts here; return it and where it ends.

    Raises:
        Broken: it cannot be read without guessing.
    """
    reader = _Reader(text)
    reader.at = start
    return reader.value(0), reader.at


class _Reader:
    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0

    def peek(self) -> str:
        """Skip blanks and comments; return the next character, empty at the end."""
        if (found := BLANK.match(self.text, self.at)) is not None:
            self.at = found.end()
        return self.text[self.at : self.at + 1]

    def broken(self, what: str, *, cut: bool = False) -> Broken:
        return Broken(f"{what} at character {self.at} ({self.text[self.at : self.at + 20]!r})", cut=cut)

    def value(self, depth: int) -> Any:
        if depth > DEPTH:
            raise self.broken(f"nesting deeper than {DEPTH}")
        first = self.peek()
        if first == "{":
            return self.mapping(depth)
        if first == "[":
            return self.sequence(depth)
        if first in QUOTES:
            return self.string(",}]")
        return self.scalar()

    def mapping(self, depth: int) -> dict[str, Any]:
        found: dict[str, Any] = {}
        self.at += 1
        while (mark := self.peek()) and mark != "}":
            if mark == ",":
                self.at += 1
                continue
            key = self.key(mark)
            if self.peek() == ":":
                self.at += 1
            elif self.at < len(self.text):
                raise self.broken("no ':' after a key")
            if self.peek():
                found[key] = self.value(depth + 1)
        self.at += 1
        return found

    def key(self, mark: str) -> str:
        if mark in QUOTES:
            return self.string(":")
        name = WORD.match(self.text, self.at) or NUMBER.match(self.text, self.at)
        if name is None:
            raise self.broken("no key")
        self.at = name.end()
        return name.group()

    def sequence(self, depth: int) -> list[Any]:
        found: list[Any] = []
        self.at += 1
        while (mark := self.peek()) and mark != "]":
            if mark == ",":
                self.at += 1
            else:
                found.append(self.value(depth + 1))
        self.at += 1
        return found

    def string(self, followers: str) -> str:
        """Read a string; a quote ends it only where something follows that may follow a string."""
        begin = self.at + 1
        stops = QUOTES[self.text[self.at]]
        self.at = begin
        while (stop := stops.search(self.text, self.at)) is not None:
            self.at = stop.end()
            if stop.group() == "\\":
                self.at += 1
                continue
            end = stop.start()
            follower = self.peek()
            if not follower or follower in followers:
                return _unescaped(self.text[begin:end])
            self.at = end + 1
        self.at = begin - 1
        raise self.broken("a string that never ends", cut=True)

    def scalar(self) -> Any:
        if (number := NUMBER.match(self.text, self.at)) is not None:
            self.at = number.end()
            return self.number(number.group())
        word = WORD.match(self.text, self.at)
        if word is None or word.group().lstrip("-") not in CONSTANTS:
            raise self.broken("no JSON value", cut=word is not None and word.end() == len(self.text))
        self.at = word.end()
        return CONSTANTS[word.group().lstrip("-")]

    def number(self, digits: str) -> int | float:
        try:
            found = int(digits) if digits.lstrip("+-").isdecimal() else float(digits)
        except ValueError:  # Python refuses whole numbers of more than some thousand digits
            raise self.broken("a number too long") from None
        if isinstance(found, float) and not math.isfinite(found):
            raise self.broken("a number too large")
        return found


def _unescaped(text: str) -> str:
    text = ESCAPE.sub(_character, text) if "\\" in text else text
    if SURROGATE.search(text):
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text


def _character(escape: re.Match[str]) -> str:
    code, byte, plain = escape.groups()
    if code or byte:
        return chr(int(code or byte, 16))
    if plain in "\"'\\/":
        return str(plain)
    return ESCAPES.get(plain, f"\\{plain}")
