"""Grounding: everything in an answer that can be looked up must stand in the document it was written from. No model.

    document  "Phoenix was charted by Nicolas Louis de Lacaille in 1756. It does not set in Sydney."
    answer    "Nicolas Lacaille charted it in 1756."     passes: the words of the name stand together
    answer    "Nicolas Lacaille charted it in 1765."     refused: number: '1765' is not in the document
    answer    "Johann Bayer charted it."                 refused: name: 'Johann Bayer' is not in the document
    answer    "It sets in Sydney."                       refused: negation: against 'It does not set …'

Source: LAB (arXiv:2403.01081) asks a model alone whether an answer is faithful to its document. What a program can tell
is told here first. How often it is right is measured in docs/grounding.md; it finds no wrong relation between things
that the document does name close together: that is what a judge is for.
"""

import functools
import math
import re
from collections.abc import Callable, Iterable, Sequence
from typing import Literal, NamedTuple, TypeAlias

from regrowth.core.cells import shown
from regrowth.core.errors import Rejected, SettingsError
from regrowth.core.record import Record
from regrowth.gates.naming import named
from regrowth.gates.spans import (
    UNSAID,
    Language,
    Span,
    clauses,
    dates,
    denials,
    folded,
    language_of,
    names,
    numbers,
    plain,
    quotes,
    sentences,
    stems,
    words,
)

__all__ = ["CHECKS", "Check", "Fault", "faults", "grounded", "recall"]

Check: TypeAlias = Literal["number", "date", "name", "quote", "negation", "place", "words"]
CHECKS: tuple[Check, ...] = ("number", "date", "name", "quote", "negation", "place", "words")
"""`place`: a name or number stands in the document, but nowhere near what is asked; `words`: too few are known."""
ALIKE = 0.6
"""Share of a clause's stems that another one must have to speak of the same."""
FAR = 0.5
"""A span is out of place where what stands around it shares less than this part of what the best place shares."""

ELSEWHERE = "stands only where the document speaks of something else"
_IF = re.compile(r"(?:and |or |und |oder )?(?:if|whether|unless|wenn|falls|ob)\b", re.IGNORECASE)
"""A clause that only supposes something denies nothing."""


class Fault(NamedTuple):
    """Say what in an answer its document does not bear out."""

    check: Check
    span: str
    why: str

    def __str__(self) -> str:
        return f"{self.check}: {shown(self.span)} {self.why}"


def grounded(
    *,
    document: str = "context",
    question: str = "question",
    language: Language | None = None,
    at_least: float = 0.6,
    window: int = 2,
    checks: Sequence[Check] = CHECKS,
) -> Callable[[Record], Record]:
    """Refuse an answer that says what its document does not; note the share of its words that the document has.

    Args:
        document: Attribute that holds the document. A record without it passes: there is nothing to hold it to.
        question: Attribute that holds the question; without it the prompt is the question.
        language: Of the answer; told by its small words unless it is given.
        at_least: Share of the words that carry meaning which document and question must have.
        window: Sentences in a row that count as one place; 0 leaves out the check `place`.
        checks: Those that are made.

    Raises:
        SettingsError: a share outside [0, 1], or no such check.
    """
    if not 0 <= at_least <= 1 or window < 0:
        raise SettingsError(f"grounded: at_least={at_least}, window={window}; expected a share, and a count from 0.")
    if unknown := set(checks) - set(CHECKS):
        raise SettingsError(f"grounded: no check {sorted(unknown)[0]!r}. There are {', '.join(CHECKS)}.")
    settings = {"language": language, "at_least": at_least, "window": window, "checks": tuple(checks)}
    return named("grounded", _grounded, document=document, question=question, settings=settings)


def _grounded(record: Record, *, document: str, question: str, settings: dict[str, object]) -> Record:
    source = str(record.attributes.get(document) or "")
    if not source:
        return record
    asked = str(record.attributes.get(question) or record.prompt)
    if found := faults(source, record.response, question=asked, **settings):  # type: ignore[arg-type]
        raise Rejected("grounded", "; ".join(map(str, found[:3])))
    return record.scored(grounded=recall(source, record.response, question=asked))


def faults(
    document: str,
    answer: str,
    *,
    question: str = "",
    language: Language | None = None,
    at_least: float = 0.6,
    window: int = 2,
    checks: Iterable[Check] = CHECKS,
) -> list[Fault]:
    """Return what an answer says and its document does not, check by check."""
    tongue = language or language_of(f"{answer} {question}")
    known = _read(document, question, tongue)
    made: dict[Check, Callable[[], list[Fault]]] = {
        "number": lambda: _missing("number", _claimed(_undated_text(answer, known)), known.numbers),
        "date": lambda: _undated(dates(answer), known.dates),
        "name": lambda: [_absent("name", one) for one in names(answer, tongue) if not _is_named(one, known)],
        "quote": lambda: [
            _absent("quote", one) for one in quotes(answer) if folded(one).strip(" .,") not in known.text
        ],
        "negation": lambda: _denied(answer, known, tongue),
        "place": lambda: _misplaced(answer, known, tongue, window) if window else [],
        "words": lambda: _unknown(answer, known, tongue, at_least),
    }
    return [fault for check in CHECKS if check in set(checks) for fault in made[check]()]


def recall(document: str, answer: str, *, question: str = "", language: Language | None = None) -> float:
    """Return the share of an answer's meaningful words that document or question have; 1 for an answer without any."""
    tongue = language or language_of(f"{answer} {question}")
    said, known = stems(answer, tongue), _read(document, question, tongue)
    return sum(_is_known(one, known) for one in said) / len(said) if said else 1.0


# What the document says ---------------------------------------------------------------------------------------------


class _Known(NamedTuple):
    """What document and question say, read once."""

    text: str
    numbers: frozenset[float]
    dates: frozenset[tuple[int, int, int]]
    sentences: tuple[frozenset[str], ...]
    """The words of each sentence."""
    stems: tuple[frozenset[str], ...]
    """The stems of each sentence of the document."""
    clauses: tuple["_Clause", ...]
    """Of the document."""
    asked: frozenset[str]
    """The stems of the question."""
    initials: frozenset[str]
    """Of the names of two words and more."""


class _Clause(NamedTuple):
    """A clause: its text, its stems, and the stems that it denies."""

    text: str
    stems: frozenset[str]
    denied: tuple[frozenset[str], ...]


@functools.lru_cache(maxsize=256)
def _read(document: str, question: str, language: Language) -> _Known:
    parts, both = sentences(document), f"{document}\n\n{question}"
    return _Known(
        text=folded(both),
        numbers=frozenset(value for span in numbers(both) for value in span.values if isinstance(value, float)),
        dates=frozenset(value for span in dates(both) for value in span.values if isinstance(value, tuple)),
        sentences=tuple(frozenset(words(one)) for one in (*parts, question)),
        stems=tuple(frozenset(stems(one, language)) for one in parts),
        clauses=tuple(_clause(one, language) for one in dict.fromkeys([*parts, *clauses(document)])),
        asked=frozenset(stems(question, language)),
        initials=frozenset("".join(re.findall(r"\b[A-ZÄÖÜ]", name)) for name in names(both, language) if " " in name),
    )


def _clause(text: str, language: Language) -> _Clause:
    return _Clause(text, frozenset(stems(text, language)), tuple(denials(text, language)))


# The checks ---------------------------------------------------------------------------------------------------------


def _claimed(answer: str) -> list[Span]:
    return [one for one in numbers(answer) if one.text not in UNSAID]


def _undated_text(answer: str, known: _Known) -> str:
    """Return an answer without its dates, where these are compared as dates."""
    text = plain(answer)
    for one in dates(text) if known.dates else ():
        text = text.replace(one.text, " ")
    return text


def _missing(check: Check, found: Iterable[Span], known: frozenset[float]) -> list[Fault]:
    return [_absent(check, one.text) for one in found if known.isdisjoint(one.values)]


def _absent(check: Check, span: str) -> Fault:
    return Fault(check, span, "is not in the document")


def _undated(found: Iterable[Span], known: frozenset[tuple[int, int, int]]) -> list[Fault]:
    """Refuse a date whose parts do not stand together; a document without dates leaves it to the numbers."""
    return [
        _absent("date", one.text)
        for one in found
        if known and not any(_agree(said, told) for said in one.values for told in known)  # type: ignore[arg-type]
    ]


def _agree(said: tuple[int, int, int], told: tuple[int, int, int]) -> bool:
    return all(not one or one == other for one, other in zip(said, told, strict=True))


def _is_named(name: str, known: _Known) -> bool:
    """Return whether the words of a name stand in one sentence, or its letters begin the words of a name there."""
    parts = {part.removesuffix("s") for part in words(name)}
    if any({word.removesuffix("s") for word in one} >= parts for one in known.sentences):
        return True
    letters = name.replace(".", "")
    return letters.isupper() and letters in known.initials


def _denied(answer: str, known: _Known, language: Language) -> list[Fault]:
    """Compare each clause with the clauses of the document that speak of the same: what one denies, the other does."""
    found = []
    for said in (_clause(one, language) for one in dict.fromkeys(clauses(answer))):
        if len(said.stems) < 2 or _IF.match(said.text):
            continue
        shares = [(len(said.stems & other.stems) / len(said.stems), other) for other in known.clauses]
        best = max((share for share, _ in shares), default=0.0)
        near = [other for share, other in shares if share >= max(ALIKE, best - 0.15)]
        if near and all(_contradicts(said, other) or _contradicts(other, said) for other in near):
            found.append(Fault("negation", said.text, f"against {shown(near[0].text)} in the document"))
    return found


def _contradicts(one: _Clause, other: _Clause) -> bool:
    """Return whether a clause says what the other denies."""
    return any(
        len(denied & one.stems) >= ALIKE * len(denied) and not any(denied & own for own in one.denied)
        for denied in other.denied
    )


def _misplaced(answer: str, known: _Known, language: Language, window: int) -> list[Fault]:
    """Refuse a name, a number or a short answer that stands only where the document speaks of something else."""
    places, found = _places(known.stems, window), list[Fault]()
    for sentence in dict.fromkeys(sentences(answer)):
        said = frozenset(stems(sentence, language))
        spans = [*names(sentence, language), *(one.text for one in _claimed(sentence)), *_bare(sentence)]
        for span in dict.fromkeys(spans):
            own = frozenset(stems(span, language))
            about = (known.asked | said) - own
            holding = [place for place in places if own <= place]
            if own and not own <= known.asked and _far(about, holding, places):
                found.append(Fault("place", span, ELSEWHERE))
    said = frozenset(stems(answer, language)) - known.asked
    best = max((len(said & place) for place in places), default=0)
    holding = [place for place in places if len(said & place) >= 0.8 * best] if best else []
    if not found and len(sentences(answer)) == 1 and _far(known.asked, holding, places):
        found.append(Fault("place", answer, ELSEWHERE))
    return found


def _far(about: frozenset[str], here: Sequence[frozenset[str]], places: Sequence[frozenset[str]]) -> bool:
    """Return whether places share much less with what is spoken of than the best place; rare words count more."""
    if not here or not about:
        return False
    weights = {word: math.log1p(len(places) / (1 + sum(word in place for place in places))) for word in about}
    shared = [sum(weights[word] for word in about & place) for place in places]
    nearest = max(sum(weights[word] for word in about & place) for place in here)
    return max(shared) > 0 and nearest < FAR * max(shared)


def _bare(answer: str) -> list[str]:
    """Return an answer of one or two words: it is all span."""
    return [answer.strip(" .")] if 1 <= len(answer.split()) <= 2 else []


@functools.lru_cache(maxsize=256)
def _places(parts: tuple[frozenset[str], ...], window: int) -> tuple[frozenset[str], ...]:
    last = max(1, len(parts) - window + 1)
    return tuple(frozenset[str]().union(*parts[at : at + window]) for at in range(last))


def _unknown(answer: str, known: _Known, language: Language, at_least: float) -> list[Fault]:
    said = stems(answer, language)
    missing = [one for one in said if not _is_known(one, known)]
    share = 1 - len(missing) / len(said) if said else 1.0
    if share >= at_least:
        return []
    return [
        Fault(
            "words",
            ", ".join(dict.fromkeys(missing[:6])),
            f"not in the document; {share:.0%} known, wanted {at_least:.0%}",
        )
    ]


def _is_known(one: str, known: _Known) -> bool:
    return one in known.asked or any(one in part for part in known.stems)
