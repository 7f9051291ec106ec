"""Which language a text is in: by its script, and among languages in Latin letters by their small words.

    language_of("Wie viele Äpfel hat Tom?")       Told("de", 0.99)
    language_of("Сколько яблок у Тома?")          Told("ru", 0.98)
    language_of("3.14")                           Told("und", 0.0)       # undetermined: no letters

    gates=[in_language("de", at_least=0.8)]

Works offline on the standard library: 19 languages in Latin letters by words and endings of our own writing
(`languages.toml`), the others by script and the letters that only one of them has. `by="py3langid"` asks that library
(140 languages; extra `language`). What each is worth on 5 to 50 words is measured in docs/safety.md.
"""

import functools
import math
import re
import tomllib
from collections import Counter
from collections.abc import Callable, Mapping
from importlib.resources import files
from typing import Any, Literal, NamedTuple, TypeAlias

from regrowth.core.errors import Rejected, SettingsError
from regrowth.core.record import Record
from regrowth.extras import library
from regrowth.gates.naming import named

__all__ = ["KNOWN", "UNDETERMINED", "By", "Told", "in_language", "language_of"]

By: TypeAlias = Literal["words", "py3langid"]
UNDETERMINED = "und"
READ = 20_000
"""Characters of a text that are read: its beginning, its middle and its end, a third each."""
LONGEST = 40
"""Letters of a word that are looked at; no small word and no ending needs more."""


class Told(NamedTuple):
    """Hold what language a text is in (ISO 639-1, `und` if that cannot be told) and how sure that is, 0 … 1."""

    code: str
    confidence: float


_SCRIPTS = {
    "el": "\u0370-\u03ff\u1f00-\u1fff",
    "cyrillic": "\u0400-\u052f",
    "hy": "\u0530-\u058f",
    "he": "\u0590-\u05ff",
    "arabic": "\u0600-\u06ff\u0750-\u077f\ufb50-\ufdff\ufe70-\ufefc",
    "hi": "\u0900-\u097f",
    "bn": "\u0980-\u09ff",
    "pa": "\u0a00-\u0a7f",
    "gu": "\u0a80-\u0aff",
    "ta": "\u0b80-\u0bff",
    "te": "\u0c00-\u0c7f",
    "kn": "\u0c80-\u0cff",
    "ml": "\u0d00-\u0d7f",
    "si": "\u0d80-\u0dff",
    "th": "\u0e00-\u0e7f",
    "lo": "\u0e80-\u0eff",
    "my": "\u1000-\u109f",
    "ka": "\u10a0-\u10ff",
    "am": "\u1200-\u137f",
    "km": "\u1780-\u17ff",
    "ko": "\u1100-\u11ff\u3130-\u318f\uac00-\ud7af",
    "ja": "\u3040-\u30ff",
    "han": "\u3400-\u9fff\U00020000-\U0003ffff",
    "latin": "A-Za-z\u00aa\u00ba\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u024f\u1e00-\u1eff",
}
_LETTER = re.compile("|".join(f"(?P<{name}>[{signs}])" for name, signs in _SCRIPTS.items()))
_OF_SCRIPT = {name: re.compile(f"[{signs}]") for name, signs in _SCRIPTS.items()}
_MARKS: Mapping[str, Mapping[str, str]] = {
    "cyrillic": {
        "ru": "ыэё",
        "uk": "іїєґ",
        "be": "ўі",
        "sr": "ђћџјљњ",
        "mk": "ѓќѕјљњ",
        "bg": "ъ",
        "kk": "әғқңөұүһ",
    },
    "arabic": {"ar": "ةىأإ", "fa": "پچژگکی", "ur": "ٹڈڑںےہھ"},
}
"""Letters that few languages of a script have; each that is found speaks for those that have it."""
_DEFAULT = {"cyrillic": "ru", "arabic": "ar"}
_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*")
_TABLE: dict[str, dict[str, str]] = tomllib.loads(files("regrowth.gates").joinpath("languages.toml").read_text("utf-8"))
_LATIN = tuple(_TABLE)
KNOWN = frozenset((*_LATIN, *(set(_SCRIPTS) - {"cyrillic", "arabic", "han", "latin"}), "zh")).union(*_MARKS.values())
"""Codes that `language_of` can give without a library."""
WORD, SIGN = 3.0, 0.6
"""How much a small word and a sign speak for a language, in nats, if no other language has them."""
UNMARKED = 100
"""Characters of Russian or Arabic that may well have none of the letters that mark it."""
CAP = 12.0
"""Nats between the first and the second beyond which more evidence tells nothing."""


def language_of(text: str, *, by: By = "words") -> Told:
    """Return the language of a text and how sure that is; of a mixed text, the one that has most of it.

    Raises:
        MissingExtra: `by` names a library that is not installed.
        SettingsError: `by` is neither.
    """
    if by not in ("words", "py3langid"):
        raise SettingsError(f"language_of: by={by!r}, expected 'words' or 'py3langid'.")
    text = _read(text)
    scripts = Counter[str]()
    for name, pattern in _OF_SCRIPT.items():
        if found := len(pattern.findall(text)):
            scripts[name] = found
    if not scripts:
        return Told(UNDETERMINED, 0.0)
    if by == "py3langid":
        return _by_library(text)
    if scripts["ja"] and scripts["ja"] + scripts["han"] >= scripts["latin"] and 12 * scripts["ja"] >= scripts["han"]:
        return Told("ja", _sure(scripts["ja"] + scripts["han"], scripts))
    (script, count), *_ = _by_weight(scripts)
    if script == "latin":
        told = _latin(text)
        return Told(told.code, told.confidence * min(1.0, 2 * count / sum(scripts.values())))
    if script in _MARKS:
        return _marked(text, script, _sure(count, scripts))
    return Told("zh" if script == "han" else script, _sure(count, scripts))


def _read(text: str) -> str:
    if len(text) <= READ:
        return text
    third, middle = READ // 3, len(text) // 2
    return f"{text[:third]} {text[middle : middle + third]} {text[-third:]}"


def _by_weight(scripts: Counter[str]) -> list[tuple[str, int]]:
    """Return scripts by how much they say: a character of those that write words in one or two says more."""
    weights = {"han": 3, "ja": 2, "ko": 2}
    return sorted(scripts.items(), key=lambda one: one[1] * weights.get(one[0], 1), reverse=True)


def _sure(count: int, scripts: Counter[str]) -> float:
    return count / (sum(scripts.values()) + 0.25)


def _marked(text: str, script: str, sure: float) -> Told:
    """Tell the languages of one script apart by the letters that few of them have."""
    marks = _MARKS[script]
    found = Counter(text.lower())
    scores = {code: sum(found[sign] for sign in signs) for code, signs in marks.items()}
    best = max(scores, key=lambda code: scores[code])
    rest = sum(found[sign] for sign in set("".join(marks.values())) - set(marks[best]))
    if not scores[best]:
        # The commonest language of the script, as long as the text is too short to show a letter of its own.
        return Told(_DEFAULT[script], sure * (0.75 if len(text) < UNMARKED else 0.25))
    return Told(best, sure * scores[best] / (scores[best] + rest))


@functools.lru_cache(maxsize=1)
def _evidence() -> tuple[dict[str, dict[str, float]], list[tuple[str, str, dict[str, float]]]]:
    """Return for each small word and each sign how much it speaks for which language: less, the more have it."""
    words, signs = dict[str, list[str]](), dict[str, list[str]]()
    for code, known in _TABLE.items():
        for word in dict.fromkeys(known["words"].split()):
            words.setdefault(word, []).append(code)
        for sign in dict.fromkeys(known["signs"].split()):
            signs.setdefault(sign, []).append(code)
    by_word = {word: dict.fromkeys(codes, WORD / len(codes) ** 0.5) for word, codes in words.items()}
    by_sign = [(sign.strip("^$"), sign, dict.fromkeys(codes, SIGN / len(codes))) for sign, codes in signs.items()]
    return by_word, by_sign


def _latin(text: str) -> Told:
    scores = dict.fromkeys(_LATIN, 0.0)
    said = Counter(word.replace("’", "'") for word in _WORD.findall(text.lower()))
    total = sum(said.values())
    for word, count in said.items():
        for code, weight in _word_evidence(word[:LONGEST]).items():
            scores[code] += weight * count
    first, second = sorted(scores.values(), reverse=True)[:2]
    if first <= 0 or not total:
        return Told(UNDETERMINED, 0.0)
    best = max(scores, key=lambda code: scores[code])
    # What no list knows gives no certainty: a text in an unlisted language has few of anybody's small words.
    usual = min(1.0, first / total)
    return Told(best, usual / (1 + math.exp(-min(CAP, first - second))))


@functools.lru_cache(maxsize=65_536)
def _word_evidence(word: str) -> Mapping[str, float]:
    by_word, by_sign = _evidence()
    found = Counter[str](by_word.get(word, {}))
    for bare, sign, codes in by_sign:
        if bare in word and _stands(word, bare, sign):
            for code, weight in codes.items():
                found[code] += weight  # type: ignore[assignment]
    return found


def _stands(word: str, bare: str, sign: str) -> bool:
    if sign[0] == "^":
        return word.startswith(bare)
    return word.endswith(bare) if sign[-1] in "$^" else True


def _by_library(text: str) -> Told:
    reader: Any = _library()
    code, share = reader.classify(text.encode("utf-8", "replace").decode())
    return Told(str(code), float(share))


@functools.lru_cache(maxsize=1)
def _library() -> Any:
    module = library("py3langid.langid", "Telling languages by a library", extra="language")
    return module.LanguageIdentifier.from_model_file(module.MODEL_FILE, norm_probs=True)


def in_language(*codes: str, at_least: float = 0.5, by: By = "words") -> Callable[[Record], Record]:
    """Accept a response in one of these languages, told with a confidence of at least `at_least`.

    A response without letters (a number, a formula) has no language, and passes.

    Raises:
        SettingsError: no language, one that cannot be told, or a confidence outside 0 … 1.
    """
    if not codes or not 0 <= at_least <= 1:
        raise SettingsError(
            f"in_language: codes={codes}, at_least={at_least}: expected a code and a share from 0 to 1."
        )
    if by == "words" and (unknown := sorted(set(codes) - KNOWN)):
        raise SettingsError(f"in_language: {unknown} cannot be told by words. Known: {', '.join(sorted(KNOWN))}.")
    return named("in_language", _in_language, codes=tuple(codes), at_least=at_least, by=by)


def _in_language(record: Record, *, codes: tuple[str, ...], at_least: float, by: By) -> Record:
    told = language_of(record.response, by=by)
    if told.code == UNDETERMINED and not told.confidence and not _LETTER.search(_read(record.response)):
        return record
    wanted = " or ".join(codes)
    if told.code not in codes:
        raise Rejected("in_language", f"reads like {told.code!r} ({told.confidence:.2f}), expected {wanted}")
    if told.confidence < at_least:
        raise Rejected("in_language", f"{told.code!r} with confidence {told.confidence:.2f}, at least {at_least:g}")
    return record
