"""What two texts have in common is asked of their normalised form: the same letters, however they were typed.

    normalised("Ｔhe  “Ｃafé”\\u200b")     →  'the "café"'
    words("Ｔhe Ｃafé’s 12 €")              →  ["the", "café's", "12"]
    spoken(record)                       →  "What is 2 + 2?\\n4"

Used wherever texts are compared: duplicates, contamination, leakage. Evidence shows the text as it is.
"""

import re
import unicodedata
from collections.abc import Iterator

from regrowth.core.record import Record

__all__ = ["normalised", "spoken", "words"]

_LOOKALIKES = str.maketrans(
    # letters of other scripts that are drawn like Latin ones
    "АВЕЅІЈКМНОРСТУХаеѕіјорсухΑΒΕΖΗΙΚΜΝΟΡΤΥΧο",
    "ABESIJKMHOPCTYXaesijopcyxABEZHIKMNOPTYXo",
)
_PUNCTUATION = str.maketrans("‘’‚‛′“”„‟″«»‐‑‒–—−", "'''''" + 7 * '"' + "------")
_INVISIBLE = re.compile(
    r"[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f"
    r"\u3164\ufe00-\ufe0f\ufeff\uffa0\U000e0000-\U000e0fff]"
)
_LATIN, _GREEK_OR_CYRILLIC = re.compile(r"[A-Za-z]"), re.compile(r"[\u0370-\u04ff]")
_RUN = re.compile(r"\w+")
_RAISED = re.compile("[⁰¹²³⁴⁵⁶⁷⁸⁹]+")
# Vowel signs and the like are no letters to `re`, and stand inside of words.
_MARKS = "".join(chr(code) for code in range(0x300, 0x1B00) if unicodedata.category(chr(code)) in ("Mn", "Mc"))
_LETTERS = rf"[^\W_](?:[^\W_]|[{_MARKS}])*+"
_WORD = re.compile(
    # scripts that are written without spaces: each character is a word
    r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\U00020000-\U0003ffff]"
    rf"|{_LETTERS}(?:'{_LETTERS})*+"
)


def normalised(text: str) -> str:
    """Return a text in its normalised form: one width, one case, one kind of quote, one space, nothing invisible.

    Letters of other scripts that are drawn like Latin ones become Latin in a word that has Latin letters besides.
    """
    if not text.isascii():
        text = _RAISED.sub(r"^\g<0>", text)  # 5² is not 52
        text = _INVISIBLE.sub("", unicodedata.normalize("NFKC", text)).translate(_PUNCTUATION)
        if _GREEK_OR_CYRILLIC.search(text):
            text = _RUN.sub(lambda run: _unmixed(run[0]), text)
    return " ".join(text.casefold().split())


def _unmixed(run: str) -> str:
    mixed = _GREEK_OR_CYRILLIC.search(run) and _LATIN.search(run)
    return run.translate(_LOOKALIKES) if mixed else run


def words(text: str) -> list[str]:
    """Return the words of a text, normalised, without punctuation; where no spaces are written, its characters."""
    return _WORD.findall(normalised(text))


def spoken(record: Record) -> str:
    """Return all that a record says, turn by turn, its response last."""
    return "\n".join(part for part in _parts(record) if part)


def _parts(record: Record) -> Iterator[str]:
    for message in record.messages:
        yield message.content
    yield record.response
