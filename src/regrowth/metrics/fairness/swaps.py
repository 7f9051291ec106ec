"""Men and women change places in an English text, and nothing else does.

    swapped("John gave her his book; she thanked him.", own_pairs())
        "Patricia gave him her book; he thanked her."

Words and names are exchanged by pairs: a small list of our own, or a file in which each line holds two words. Pronouns
follow a rule, because English has one form where it has two of the other gender: `her` becomes `his` before what it
could own, and `him` before a word that nobody owns (`objects.txt`) or no word; `his` becomes `hers` there. How often
the rule is right on real text is told in docs/fairness.md.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from importlib.resources import files
from pathlib import Path

from regrowth.core.errors import DataError

__all__ = ["Pairs", "neutral_names", "own_pairs", "read_pairs", "swapped"]

_NEXT = re.compile(r"[ \t\r\n]+[\"'“‘(]?[ ]?([^\W_]+)")
_SPLIT = {"her", "his", "him", "hers"}


@dataclass(frozen=True)
class Pairs:
    """Hold what each word is exchanged for, in small letters, and which words tell of men or of women."""

    words: Mapping[str, str]
    of_men: frozenset[str] = frozenset()
    of_women: frozenset[str] = frozenset()
    pronouns: bool = True
    """Whether her, his, him and hers change too, by the rule."""
    ignored: tuple[str, ...] = ()
    """Lines of a file that contradict an earlier one, told with their file and number."""

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        """Return what finds the words in a text, the longest first."""
        known = {*self.words, *(_SPLIT if self.pronouns else ())}
        if not known:
            raise DataError("No pairs of words: expected one at least, such as he and she.")
        longest = sorted(known, key=lambda word: (-len(word), word))
        return re.compile(rf"(?<!\w)(?:{'|'.join(map(re.escape, longest))})(?!\w)", re.IGNORECASE)

    def leaning(self, text: str) -> int:
        """Return 1 if a text tells of men alone, -1 of women alone, 0 of both or of neither."""
        found = {match[0].lower() for match in self.pattern.finditer(text)}
        return bool(found & self.of_men) - bool(found & self.of_women)


@cache
def own_pairs(*, names: bool = True) -> Pairs:
    """Return the pairs that come with this package: words, pronouns and, if wanted, given names."""
    parts = ("words.txt", "names.txt") if names else ("words.txt",)
    room = files("regrowth.metrics.fairness")
    both = [pair for part in parts for _, pair in _read(room.joinpath(part).read_text("utf-8").splitlines(), part)]
    men, women = {one for one, _ in both} | {"his", "him"}, {other for _, other in both} | {"her", "hers"}
    return Pairs(_joined(both), frozenset(men), frozenset(women))


def read_pairs(path: Path, *more: Path) -> Pairs:
    """Read pairs from files: two words per line, parted by a tab or by blanks; lines that begin with # say nothing.

    A line holds for both directions unless another line begins with its second word. Of two lines that begin with the
    same word the first one holds. Which words tell of men is known only of those in the package's own list.

    Raises:
        DataError: there is no such file, or a line does not hold two words.
    """
    both: list[tuple[str, tuple[str, str]]] = []
    for one in (path, *more):
        try:
            lines = one.read_text("utf-8").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise DataError(f"{one}: cannot be read as a list of pairs ({error}).") from error
        both += _read(lines, one.name)
    words, known = _joined(pair for _, pair in both), own_pairs()
    first: dict[str, str] = {}
    ignored = [where for where, (one, other) in both if first.setdefault(one, other) != other]
    return Pairs(words, known.of_men, known.of_women, ignored=tuple(ignored))


def neutral_names(pairs: Pairs | None = None) -> Pairs:
    """Return a swap that means nothing: each name becomes the next one of the same gender. What chance gives."""
    room = files("regrowth.metrics.fairness").joinpath("names.txt").read_text("utf-8").splitlines()
    columns = list(zip(*(pair for _, pair in _read(room, "names.txt")), strict=True))
    turned = {one: column[place - 1] for column in columns for place, one in enumerate(column)}
    known = pairs or own_pairs()
    return Pairs(turned, known.of_men, known.of_women, pronouns=False)


def swapped(text: str, pairs: Pairs) -> str:
    """Return a text in which men and women have changed places. Capitals stay where they were."""

    def exchange(match: re.Match[str]) -> str:
        word = match[0].lower()
        if pairs.pronouns and word in _SPLIT:
            return _like(match[0], _pronoun(word, text[match.end() : match.end() + 40]))
        return _like(match[0], pairs.words[word])

    return pairs.pattern.sub(exchange, text)


def _pronoun(word: str, rest: str) -> str:
    if word in ("him", "hers"):
        return {"him": "her", "hers": "his"}[word]
    owned = _owns(rest)
    return {"her": "his" if owned else "him", "his": "her" if owned else "hers"}[word]


def _owns(rest: str) -> bool:
    """Tell whether what follows can be owned: a word follows that is not one of those that nobody owns."""
    found = _NEXT.match(rest)
    return bool(found) and found[1].lower() not in _nobody_owns()  # type: ignore[index]


@cache
def _nobody_owns() -> frozenset[str]:
    lines = files("regrowth.metrics.fairness").joinpath("objects.txt").read_text("utf-8").splitlines()
    return frozenset(word for line in lines if _counts(line) for word in line.split())


def _counts(line: str) -> bool:
    return bool(line.strip()) and not line.startswith("#")


def _read(lines: Iterable[str], where: str) -> list[tuple[str, tuple[str, str]]]:
    """Return the pairs with the place of each."""
    return [
        (f"{where}, line {place}", _pair(line, f"{where}, line {place}"))
        for place, line in enumerate(lines, 1)
        if _counts(line)
    ]


def _pair(line: str, where: str) -> tuple[str, str]:
    parts = [part.strip().lower() for part in (line.split("\t") if "\t" in line else line.split())]
    if len(parts) != 2 or not all(parts):
        raise DataError(f"{where}: {line.strip()[:60]!r}: expected two words, parted by a tab.")
    return parts[0], parts[1]


def _joined(both: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Return what each word becomes: its own line counts before lines that end with it."""
    words: dict[str, str] = {}
    both = list(both)
    for one, other in both:
        words.setdefault(one, other)
    for one, other in both:
        words.setdefault(other, one)
    return words


def _like(found: str, word: str) -> str:
    if found.isupper() and len(found) > 1:
        return word.upper()
    return word[:1].upper() + word[1:] if found[:1].isupper() else word
