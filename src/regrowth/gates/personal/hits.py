"""What a detector says: a kind and a place, never the text itself.

    Hit(kind="phone", start=12, end=25, confidence=0.9, country="DE", form="national")
    shown(hit, text)      "phone (DE national) at 12–25: 03…45"
    shown(secret, text)   "secret (github token) at 4–44"

`confidence` is a rank, not a probability: each rule has one for a match that stands alone and one for a match with a
word beside it that names it ("Steuer-ID"); a word that speaks for something else ("ISBN") halves it.
"""

import functools
import re
from collections.abc import Callable, Iterator
from typing import Literal, NamedTuple, TypeAlias

from regrowth.gates.personal.headings import heading
from regrowth.gates.personal.wordlists import any_of

__all__ = ["KINDS", "OPTIONAL", "THRESHOLD", "Hit", "Kind", "Rule", "compact", "doubted", "near", "shown"]

Kind: TypeAlias = Literal[
    "email", "phone", "iban", "card", "national_id", "passport", "ip", "mac", "address", "birth_date", "coordinates",
    "secret", "name", "handle",
]  # fmt: skip
KINDS: tuple[Kind, ...] = (
    "secret", "email", "phone", "iban", "card", "national_id", "passport", "ip", "mac", "address", "birth_date",
    "coordinates", "name", "handle",
)  # fmt: skip
OPTIONAL: frozenset[Kind] = frozenset(("name", "handle"))
"""Looked for only when asked for: without a model a name is a guess, and a handle is rarely private."""
THRESHOLD = 0.5
"""Confidence from which a candidate counts, unless its kind has another."""
BEFORE, AFTER = 56, 28
"""Characters in front of a candidate and behind it that may name it."""

_DOUBT = re.compile(rf"\b{any_of('naming', 'other')}\b", re.IGNORECASE)


class Hit(NamedTuple):
    """Say what kind of personal datum or secret stands where in a text."""

    kind: Kind
    start: int
    """Offset in the original text, in characters; `end` is the first that is not part of it."""
    end: int
    confidence: float
    """0 … 1."""
    country: str = ""
    """Two letters, where the form tells the country."""
    form: str = ""
    """Which of its forms: `Steuer-ID`, `github token`, `private`."""
    example: bool = False
    """Whether it is reserved for documentation and tests, so that it belongs to nobody."""

    @property
    def name(self) -> str:
        """Return kind and form in words."""
        form = " ".join(part for part in (self.country, self.form) if part)
        return f"{self.kind} ({form})" if form else self.kind


class Rule(NamedTuple):
    """Say how one form of a number is recognised."""

    kind: Kind
    country: str
    form: str
    shape: str
    """Regular expression of the characters, separators included."""
    check: Callable[[str], bool]
    """Tells the right from the wrong, given letters (in capitals) and digits only."""
    model: str
    """How to make up another: 9 a digit, A a letter, [HM] one of these, {yymmdd} a date; see `making`."""
    alone: float
    """Confidence without a word that names it."""
    named: float
    words: str
    """Words that name it, as a regular expression."""
    example: str = "$^"
    """Regular expression of what is known to belong to nobody."""


def compact(text: str) -> str:
    """Return the letters, in capitals, and the digits of a text."""
    return "".join(character for character in text if character.isalnum()).upper()


@functools.lru_cache(maxsize=512)
def _naming(words: str) -> re.Pattern[str]:
    return re.compile(rf"(?<![^\W_])(?:{words})(?![^\W\d_])", re.IGNORECASE)


def near(text: str, start: int, end: int, words: str) -> bool:
    """Return whether a word that names a candidate stands just before or behind it, or over its column."""
    if not words:
        return False
    naming = _naming(words)
    return bool(
        naming.search(text[max(0, start - BEFORE) : start])
        or naming.search(text[end : end + AFTER].split("\n")[0])
        or naming.search(heading(text, start))
    )


def doubted(text: str, start: int) -> bool:
    """Return whether the words before a candidate say that it is another kind of number."""
    return bool(_DOUBT.search(text[max(0, start - 24) : start]))


def judged(text: str, rule: Rule, start: int, end: int) -> Iterator[Hit]:
    """Give the hit of a rule, if its check holds for what stands there."""
    value = compact(text[start:end])
    example = re.fullmatch(rule.example, value) is not None
    if not example and not rule.check(value):
        return
    if near(text, start, end, rule.words):
        confidence = rule.named
    else:
        confidence = rule.alone / 2 if doubted(text, start) else rule.alone
    yield Hit(rule.kind, start, end, confidence, rule.country, rule.form, example)


def shown(hit: Hit, text: str) -> str:
    """Say what was found and where, with its first and last two characters at most; of a secret with none."""
    said = f"{hit.name} at {hit.start}–{hit.end}"
    value = text[hit.start : hit.end]
    if hit.kind == "secret" or len(value) < 8:
        return said
    return f"{said}: {value[:2]}…{value[-2:]}"
