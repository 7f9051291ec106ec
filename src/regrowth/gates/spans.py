"""What a text claims that can be looked up: numbers, dates, names, quotations; and its sentences, clauses and stems.

    numbers("It cost 1,200 or two pounds")      [Span("1,200", {1200.0, 1.2}), Span("two", {2.0})]
    dates("on 4 May 1990")                      [Span("4 May 1990", {(1990, 5, 4)})]
    names("It was Johann Bayer.")               ["Johann Bayer"]
    stems("It is located in towns")             ["locat", "town"]

English and German. A number has every value that it may stand for: 1.200 is twelve hundred or one and a fifth.
"""

import functools
import re
import tomllib
import unicodedata
from bisect import bisect_left
from collections.abc import Iterator
from importlib.resources import files
from typing import Literal, NamedTuple, TypeAlias, cast

__all__ = [
    "STOPS", "UNSAID", "Dated", "Language", "Span", "clauses", "dates", "denials", "folded", "language_of", "names",
    "numbers", "patterns", "plain", "quotes", "sentences", "stem", "stems", "words",
]  # fmt: skip

Language: TypeAlias = Literal["en", "de"]
Dated: TypeAlias = tuple[int, int, int]
"""Year, month, day; 0 where a date does not say."""

_FILE = files("regrowth.gates").joinpath("words.toml")
_WORDS = cast("dict[Language, dict[str, str]]", tomllib.loads(_FILE.read_text("utf-8")))
STOPS = {language: frozenset(known["stops"].split()) for language, known in _WORDS.items()}
NEGATORS = {language: re.compile(known["negators"]) for language, known in _WORDS.items()}
_SUFFIXES = {language: tuple(known["suffixes"].split()) for language, known in _WORDS.items()}
COUNTED = {
    **{word: place for known in _WORDS.values() for place, word in enumerate(known["counting"].split(), 1)},
    **dict.fromkeys(("once", "first", "ein", "eine"), 1),
    **dict.fromkeys(("twice", "second"), 2),
    "third": 3,
}
UNSAID = frozenset(("one", "once", "first", "ein", "eine", "eins", "second"))
"""Number words that mostly count nothing: they support a claim, and make none."""
MONTHS = {
    name: place
    for known in _WORDS.values()
    for place, month in enumerate(known["months"].split(), 1)
    for name in (month, month[:3])
}
_MONTH = rf"(?P<month>(?i:{'|'.join(sorted(MONTHS, key=len, reverse=True))}))\.?"
_DATES = tuple(
    re.compile(pattern)
    for pattern in (
        r"\b(?P<year>\d{4})-(?P<number>\d{2})-(?P<day>\d{2})\b",
        rf"\b(?P<day>\d{{1,2}})(?:\.|st|nd|rd|th)? (?:of )?{_MONTH},? (?P<year>\d{{4}})\b",
        rf"\b{_MONTH} (?P<day>\d{{1,2}})(?:st|nd|rd|th)?,? (?P<year>\d{{4}})\b",
        rf"\b(?P<day>\d{{1,2}})(?:\.|st|nd|rd|th)? (?:of )?{_MONTH}(?!\w)",
        rf"\b{_MONTH} (?P<day>\d{{1,2}})(?:st|nd|rd|th)?\b",
        rf"\b{_MONTH},? (?P<year>\d{{4}})\b",
        r"\b(?P<first>(?P<day>\d{1,2}))[./](?P<number>\d{1,2})[./](?P<year>\d{4})\b",
    )
)
_NUMBER = re.compile(r"(?<![\w.,])[-−]?(\d{1,3}(?:[,.'’   ]\d{3})+|\d+)([.,]\d+)?(?![\d])")
_THOUSANDS = re.compile(r"(?<=\d)[,.'’   ](?=\d{3}(?!\d))")
_LISTED = re.compile(r"(?m)^[^\S\n]*(?:\d{1,2}[.)]|[-*•])\s+")
_LINK = re.compile(r"!?\[([^\[\]]*)\]\((?:[^()]|\([^()]*\))*\)")
_MARKUP = re.compile(r"[*_#`|>]+")
_QUOTE = re.compile(r"\"([^\"\n]{4,200})\"|“([^”\n]{4,200})”|„([^“”\n]{4,200})[“”]|«([^»\n]{4,200})»|»([^«\n]{4,200})«")
_END = re.compile(r"(?<=[.!?])[\"”“)']*\s+(?=[\"“„(]?[A-ZÄÖÜ0-9])|\n\s*\n")
_CLAUSE = re.compile(r"[,;:–—]\s+|\s+(?:but|although|whereas|however|aber|obwohl|sondern|jedoch)\s+", re.IGNORECASE)
_WORD = re.compile(r"\w+(?:['’]\w+)*")
_CAPITAL = re.compile(r"[A-ZÄÖÜ]\w*(?:['’-]\w+)*\.?(?=\W|$)")
_LINKS = frozenset(("of", "de", "von", "van", "der", "den", "la", "le", "du", "zu", "the", "del"))
"""Small words inside names: Nicolas Louis de Lacaille."""
_ACTS = frozenset(
    ("has", "had", "is", "was", "does", "did", "lives", "lived", "likes", "wrote", "said", "comes", "came")
)
"""What follows a name that opens a sentence, and seldom another first word."""
_BEFORE_NOUNS = frozenset(_WORDS["de"]["before_nouns"].split())


class Span(NamedTuple):
    """A piece of text and all that it may stand for."""

    text: str
    values: frozenset[float] | frozenset[Dated]


def patterns(name: str) -> str:
    """Return the words of a list in both languages as one pattern: alternatives, longest first."""
    found = [word for known in _WORDS.values() for word in known[name].split()]
    return "|".join(sorted(found, key=len, reverse=True))


@functools.lru_cache(maxsize=4096)
def plain(text: str) -> str:
    """Return a text without markup and in one spelling of characters; list markers go too."""
    text = unicodedata.normalize("NFKC", _LINK.sub(r"\1", text)).replace("−", "-").replace("’", "'").replace("‘", "'")
    return _MARKUP.sub("", _LISTED.sub("\n\n", text))


def folded(text: str) -> str:
    """Return a text in small letters, without accents, single spaces between its words."""
    bare = unicodedata.normalize("NFKD", plain(text).casefold())
    return " ".join("".join(sign for sign in bare if not unicodedata.combining(sign)).split())


def words(text: str) -> list[str]:
    """Return the words of a text, folded; a possessive ending is left out."""
    return [word.removesuffix("'s") for word in _WORD.findall(folded(text))]


def language_of(text: str) -> Language:
    """Return which of the two languages has more of its small words in a text; English where neither has."""
    found = plain(text).casefold().split()
    return "de" if sum(word in STOPS["de"] for word in found) > sum(word in STOPS["en"] for word in found) else "en"


@functools.lru_cache(maxsize=65536)
def stem(word: str, language: Language = "en") -> str:
    """Return a word without its ending: lightly, for comparing words of one text with those of another."""
    for suffix in _SUFFIXES[language]:
        if word.endswith(suffix) and len(word) - len(suffix) >= 3:
            return word[: -len(suffix)]
    return word


def stems(text: str, language: Language = "en") -> list[str]:
    """Return the stems of the words that carry meaning, numbers included."""
    stops = _folded_stops(language)
    return [_counted(word) or stem(word, language) for word in words(_THOUSANDS.sub("", text)) if word not in stops]


def _counted(word: str) -> str:
    """Return a number word in digits; nothing for any other, and for those that mostly count nothing."""
    return str(COUNTED[word]) if word in COUNTED and word not in UNSAID else ""


@functools.lru_cache(maxsize=2)
def _folded_stops(language: Language) -> frozenset[str]:
    return frozenset(folded(word) for word in STOPS[language])


def sentences(text: str) -> list[str]:
    """Return the sentences of a text, without markup."""
    return [" ".join(one.split()) for one in _END.split(plain(text)) if one.strip()]


def clauses(text: str) -> list[str]:
    """Return the clauses of a text: its sentences, parted at commas and at words of contrast."""
    return [part for sentence in sentences(text) for part in _CLAUSE.split(sentence) if part.strip()]


def denials(text: str, language: Language = "en") -> list[frozenset[str]]:
    """Return the stems that each *not* of a clause denies: the next three; in German the two before it too."""
    said, stops = _THOUSANDS.sub("", folded(text)), _folded_stops(language)
    words_said = [(match.start(), match[0].removesuffix("'s")) for match in _WORD.finditer(said)]
    carrying = [(place, _counted(word) or stem(word, language)) for place, word in words_said if word not in stops]
    places, bare = [place for place, _ in carrying], [word for _, word in carrying]
    found = []
    for match in NEGATORS[language].finditer(said):
        first, following = bisect_left(places, match.start()), bisect_left(places, match.end())
        before = bare[max(0, first - 2) : first] if language == "de" else []
        found.append(frozenset([*before, *bare[following : following + 3]]))
    return [one for one in found if one]


def numbers(text: str, *, counted: bool = True) -> list[Span]:
    """Return the numbers of a text, each with the values it may have; with `counted`, number words to twelve too."""
    found = [Span(match[0], _values(match[1], match[2] or "")) for match in _NUMBER.finditer(plain(text))]
    if counted:
        said = (word for word in _WORD.findall(plain(text).casefold()) if word in COUNTED)
        found += [Span(word, frozenset((float(COUNTED[word]),))) for word in said]
    return found


def _values(whole: str, rest: str) -> frozenset[float]:
    """Return what digits may mean: separators part thousands or the decimals."""
    digits = re.sub(r"\D", "", whole)
    values = {float(digits + (f".{rest[1:]}" if rest else ""))}
    if not rest and (parts := re.split(r"[.,]", whole))[1:] and len(parts) == 2:
        values.add(float(".".join(parts)))
    if rest and len(rest) == 4:
        values.add(float(digits + rest[1:]))
    return frozenset(values)


def dates(text: str) -> list[Span]:
    """Return the dates of a text that name at least two of day, month and year."""
    text, found = plain(text), list[Span]()
    taken: set[int] = set()
    for pattern in _DATES:
        for match in pattern.finditer(text):
            if taken.isdisjoint(range(*match.span())):
                taken.update(range(*match.span()))
                found.append(Span(match[0], frozenset(_read(match.groupdict()))))
    return found


def _read(part: dict[str, str | None]) -> Iterator[Dated]:
    year, day = int(part.get("year") or 0), int(part.get("day") or 0)
    if name := part.get("month"):
        yield year, MONTHS[name.casefold()], day
    else:
        number = int(part.get("number") or 0)
        yield year, number, day
        if "first" in part and number <= 12 >= day:  # 04.05.1990: which of both is the month, the text does not say
            yield year, day, number


def quotes(text: str) -> list[str]:
    """Return what a text puts between quotation marks, from four characters on."""
    marked = unicodedata.normalize("NFKC", _LINK.sub(r"\1", text))
    return [next(filter(None, match.groups())) for match in _QUOTE.finditer(marked)]


def names(text: str, language: Language = "en") -> list[str]:
    """Return the names of a text: spans of capitalised words that are no sentence's ordinary first word.

    A first word counts where another capital follows it, where it is written so elsewhere in the text, and where it
    owns something or does what one name does: *Mia's teacher*, *Mia has*. German writes every noun with a capital, so
    there a single word counts only if nothing stands before it that a noun has (an article, a numeral, an adjective):
    *in Rom*, but not *in der Stadt*.
    """
    spans = [span for sentence in sentences(text) for span in _spans(sentence)]
    inner = {span.split()[0] for span, first, _ in spans if not first}
    found = []
    for span, first, before in spans:
        alone = " " not in span
        if first and alone and span not in inner and not before.startswith("->"):
            continue
        if (
            language == "de"
            and alone
            and (first or before in _BEFORE_NOUNS or before.endswith(("e", "en", "er", "es")))
        ):
            continue
        found.append(span)
    return found


def _spans(sentence: str) -> Iterator[tuple[str, bool, str]]:
    """Yield runs of capitalised words, whether each opens the sentence, and the word before.

    For one that opens it and acts as a name does, `->` stands in place of the word before.
    """
    parts = re.sub(r"([/()\[\]])", r" \1 ", sentence).split()
    at = 0
    while at < len(parts):
        end = _run(parts, at)
        if end > at:
            span = " ".join(parts[at:end]).strip(".,;:!?\"'“”„()[]")
            opening = at == 0 or parts[at - 1].endswith((":", '"', "“"))
            trimmed = _without_stop(span) if opening else span
            if trimmed and any(sign.isalpha() for sign in trimmed) and trimmed.casefold() != "i":
                acts = opening and (span.endswith("'s") or "".join(parts[end : end + 1]) in _ACTS)
                yield trimmed, opening and trimmed == span, "->" if acts else parts[at - 1].casefold() if at else ""
        at = max(end, at + 1)


def _run(parts: list[str], at: int) -> int:
    """Return where the capitalised words that begin here end."""
    end = last = at
    while end < len(parts):
        word = parts[end].lstrip("\"'“„([")
        if _CAPITAL.match(word):
            last = end + 1
            if parts[end][-1] in ",;:!?)":
                break
        elif last == at or word not in _LINKS:
            break
        end += 1
    return last


def _without_stop(span: str) -> str:
    """Return a span without an ordinary first word: *The Southern Birds*, *Tell of Eva*."""
    first, _, rest = span.partition(" ")
    if rest.partition(" ")[0] in _LINKS:
        return rest.partition(" ")[2]
    return rest if first.casefold() in STOPS["en"] | STOPS["de"] else span
