"""What a program can check of a reply's form: one small function per kind of constraint.

    CHECKS["words_at_most"].broken("one two three", count=2)      "3 words, at most 2"
    CHECKS["lower_case"].broken("all is small")                   ""

A check returns what is wrong in words, or nothing. Words are runs of letters, digits and apostrophes; sentences end at
`.`, `!` or `?` before white space or the end. Neither knows abbreviations: "e.g. this" counts as two sentences.
"""

import json
import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from regrowth.recipes._nemotron.wordings import LANGUAGES

__all__ = ["CHECKS", "Check", "sentences", "words"]

_WORD = re.compile(r"[^\W_]+(?:['’-][^\W_]+)*")
_SENTENCE = re.compile(r"[.!?]+[\"'”’)\]]*(?=\s|$)")
_BULLET = re.compile(r"^[^\S\n]*[*•-]\s+\S", re.MULTILINE)
_HIGHLIGHT = re.compile(r"\*{1,2}(?=[^*\s])[^*\n]+\*{1,2}")
_PLACEHOLDER = re.compile(r"\[[^\[\]]+\]")
_TITLE = re.compile(r"<<[^<>\n]*\w[^<>\n]*>>")
_FENCE = re.compile(r"```(?:json)?\s*(.*?)```", re.DOTALL | re.IGNORECASE)
DIVIDER = "***"
APART = "******"


@dataclass(frozen=True, slots=True)
class Check:
    """Say which values a kind of constraint takes, and how a reply is checked."""

    values: Mapping[str, type]
    broken: Callable[..., str]
    """Called with the reply and the values; returns what is wrong, or nothing."""


def words(text: str) -> list[str]:
    """Return the words of a text."""
    return _WORD.findall(text)


def sentences(text: str) -> int:
    """Return how many sentences a text has; what follows the last full stop counts as one."""
    parts = _SENTENCE.split(text)
    return sum(bool(_WORD.search(part)) for part in parts)


def _at_least(found: int, count: int, what: str) -> str:
    return "" if found >= count else f"{found} {what}, at least {count}"


def _at_most(found: int, count: int, what: str) -> str:
    return "" if found <= count else f"{found} {what}, at most {count}"


def _exactly(found: int, count: int, what: str) -> str:
    return "" if found == count else f"{found} {what}, exactly {count}"


def _paragraphs(text: str, divider: str) -> list[str]:
    parts = text.split(DIVIDER) if divider else re.split(r"\n\s*\n", text)
    return [part.strip() for part in parts if part.strip()]


def _times(word: str, text: str) -> int:
    return len(re.findall(rf"(?<!\w){re.escape(word)}(?!\w)", text, re.IGNORECASE))


def _capitals(text: str) -> int:
    return sum(word.isupper() for word in words(text))


def _letters(text: str, letter: str) -> int:
    return text.casefold().count(letter.casefold())


def _keywords(text: str, words: Sequence[str]) -> str:
    return "; ".join(f"{word!r} is missing" for word in words if not _times(word, text))


def _forbidden(text: str, words: Sequence[str]) -> str:
    return "; ".join(f"holds {word!r}" for word in words if _times(word, text))


def _bare(text: str) -> str:
    """Return a text without what may stand round its beginning and end: white space and quotation marks."""
    return " ".join(text.split()).strip("\"“”'«»").strip()


def _starts(text: str, phrase: str) -> str:
    return "" if _bare(text).casefold().startswith(_bare(phrase).casefold()) else f"begins {text.strip()[:40]!r}"


def _ends(text: str, phrase: str) -> str:
    return "" if _bare(text).casefold().endswith(_bare(phrase).casefold()) else f"ends {text.strip()[-40:]!r}"


def _lower(text: str) -> str:
    found = next((letter for letter in text if letter.isupper()), "")
    return f"holds the capital {found!r}" if found else _some_letter(text)


def _upper(text: str) -> str:
    found = next((letter for letter in text if letter.islower()), "")
    return f"holds the small letter {found!r}" if found else _some_letter(text)


def _some_letter(text: str) -> str:
    return "" if any(map(str.isalpha, text)) else "no letter in it"


def _json(text: str) -> str:
    fenced = _FENCE.fullmatch(text.strip())
    try:
        value = json.loads(fenced[1] if fenced else text)
    except (ValueError, RecursionError) as error:
        return f"no JSON ({error})"
    return "" if isinstance(value, dict | list) else "JSON, but neither an object nor a list"


def _language(text: str, language: str) -> str:
    known = LANGUAGES[language]
    if script := known.get("script"):
        letters = [unicodedata.name(letter, "") for letter in text if letter.isalpha()]
        inside = sum(name.startswith(str(script)) for name in letters)
        return "" if letters and inside > len(letters) / 2 else f"{inside} of {len(letters)} letters are {script}"
    said = Counter(map(str.casefold, words(text)))
    hits = {code: sum(said[word] for word in one["words"]) for code, one in LANGUAGES.items() if "words" in one}
    best = max(hits.values())
    return "" if best and hits[language] == best else f"{hits[language]} words tell {language}, another language {best}"


def _quoted(text: str) -> str:
    bare = text.strip()
    return "" if len(bare) > 2 and bare[0] in '"“' and bare[-1] in '"”' else "not in double quotation marks"


def _postscript(text: str, marker: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    place = next((number for number, line in enumerate(lines) if line.startswith(marker)), 0)
    told = place and any(len(line) > len(marker) for line in lines[place : place + 2])
    return "" if told else f"no postscript that begins {marker!r}"


def _sections(text: str, marker: str, count: int) -> str:
    found = len(re.findall(rf"^[\s#*]*{re.escape(marker)}\s*\d+", text, re.MULTILINE | re.IGNORECASE))
    return _at_least(found, count, f"parts headed {marker!r}")


def _paragraph_begins(text: str, count: int, number: int, word: str) -> str:
    found = _paragraphs(text, "")
    if wrong := _exactly(len(found), count, "paragraphs"):
        return wrong
    first = (words(found[number - 1]) if 1 <= number <= count else [""])[:1]
    return "" if [one.casefold() for one in first] == [word.casefold()] else f"paragraph {number} begins {first}"


def _repeats(text: str, text_to_repeat: str) -> str:
    begins = " ".join(text.split()).casefold().startswith(" ".join(text_to_repeat.split()).casefold())
    return "" if begins else "does not begin with the request itself"


def _two_replies(text: str) -> str:
    parts = [part.strip() for part in text.split(APART)]
    return "" if len(parts) == 2 and all(parts) and parts[0] != parts[1] else f"{len(parts)} parts, not two that differ"


def _one_of(text: str, choices: Sequence[str]) -> str:
    return "" if any(_times(choice, text) for choice in choices) else "none of the answers that are allowed"


def _count(what: str, measure: Callable[[str], int], bound: Callable[[int, int, str], str]) -> Check:
    """Return the check on a number of things in a text."""

    def broken(text: str, count: int) -> str:
        return bound(measure(text), count, what)

    return Check({"count": int}, broken)


def _word_count(bound: Callable[[int, int, str], str]) -> Check:
    def broken(text: str, word: str, count: int) -> str:
        return bound(_times(word, text), count, f"times {word!r}")

    return Check({"word": str, "count": int}, broken)


def _letter_count(bound: Callable[[int, int, str], str]) -> Check:
    def broken(text: str, letter: str, count: int) -> str:
        return bound(_letters(text, letter), count, f"times {letter!r}")

    return Check({"letter": str, "count": int}, broken)


def _number(pattern: re.Pattern[str], text: str) -> int:
    return len(pattern.findall(text))


CHECKS: Mapping[str, Check] = {
    "words_at_least": _count("words", lambda text: len(words(text)), _at_least),
    "words_at_most": _count("words", lambda text: len(words(text)), _at_most),
    "sentences": _count("sentences", sentences, _exactly),
    "sentences_at_least": _count("sentences", sentences, _at_least),
    "sentences_at_most": _count("sentences", sentences, _at_most),
    "paragraphs": _count("paragraphs", lambda text: len(_paragraphs(text, "")), _exactly),
    "divided": _count("paragraphs", lambda text: len(_paragraphs(text, DIVIDER)), _exactly),
    "bullets": _count("bullet points", partial(_number, _BULLET), _exactly),
    "highlights": _count("highlights", partial(_number, _HIGHLIGHT), _at_least),
    "placeholders": _count("placeholders", partial(_number, _PLACEHOLDER), _at_least),
    "capitals_at_least": _count("words in capitals", _capitals, _at_least),
    "capitals_at_most": _count("words in capitals", _capitals, _at_most),
    "word_at_least": _word_count(_at_least),
    "word_at_most": _word_count(_at_most),
    "letter_at_least": _letter_count(_at_least),
    "letter_at_most": _letter_count(_at_most),
    "keywords": Check({"words": list}, _keywords),
    "forbidden": Check({"words": list}, _forbidden),
    "starts_with": Check({"phrase": str}, _starts),
    "ends_with": Check({"phrase": str}, _ends),
    "lower_case": Check({}, _lower),
    "upper_case": Check({}, _upper),
    "json": Check({}, _json),
    "language": Check({"language": str}, _language),
    "no_commas": Check({}, lambda text: "holds a comma" if "," in text else ""),
    "quoted": Check({}, _quoted),
    "title": Check({}, lambda text: "" if _TITLE.search(text) else "no title such as <<title>>"),
    "postscript": Check({"marker": str}, _postscript),
    "sections": Check({"marker": str, "count": int}, _sections),
    "paragraph_begins": Check({"count": int, "number": int, "word": str}, _paragraph_begins),
    "repeats": Check({"text_to_repeat": str}, _repeats),
    "two_replies": Check({}, _two_replies),
    "one_of": Check({"choices": list}, _one_of),
}
"""By the name of the constraint."""
