"""Gates on questions that a model wrote about a document or for a task, and on the pair with its answer. No model.

    self_contained        "What does the passage say about him?"            refused: points at the text: 'the passage'
    one_question(…)       "Who? And when?"                                  refused: 2 questions
    on_topic(…)           "How deep is the Nile?" on a text about birds     refused: asks about 'Nile', …
    of_right_type         "When was it?" – "In Rome."                       refused: names no time
    not_echoed            "Who is Eva's friend?" – "Eva"                    refused: says nothing that the question …
    answered              "The text does not say."                          refused: says that it cannot be answered

The first three judge the attribute `question` (or the prompt), the others the response to it. English and German.
"""

import re
from collections.abc import Callable, Sequence

from regrowth.core.cells import shown
from regrowth.core.errors import Rejected, SettingsError
from regrowth.core.record import Record
from regrowth.gates.naming import named
from regrowth.gates.spans import Language, dates, folded, language_of, names, numbers, patterns, stems, words

__all__ = [
    "answered",
    "asked",
    "not_copied",
    "not_echoed",
    "of_right_type",
    "on_topic",
    "one_question",
    "self_contained",
]

_TEXT = f"(?:{patterns('texts')})"
_POINTERS = re.compile(
    rf"\b(?:in|from|by|of|on|to|per|does|do|did|is|as|what|with) (?:the|this|that) "
    rf"(?:(?:given|provided|above|following|same) )?{_TEXT}\b"
    rf"|\bthis {_TEXT}\b|\b(?:given|provided|above|following|preceding|attached) {_TEXT}\b"
    rf"|\baccording to (?:the|this) {_TEXT}\b|\b(?:the|these) (?:above|following)\b"
    r"|\b(?:mentioned|stated|described|listed|discussed|shown|given) (?:above|below|here)\b"
    rf"|\b(?:laut|nach|gemass) (?:dem |diesem |der |dieser )?{_TEXT}\b"
    rf"|\b(?:im|in dem|in der|in diesem|in dieser|dieser|dieses|diesem|des|dem|der|das) "
    rf"(?:(?:obigen|folgenden|gegebenen|vorliegenden) )?{_TEXT}\b"
    r"|\b(?:oben|unten|hier) (?:genannt|erwahnt|beschrieben|angegeben)\w*"
    r"|\b(?:obig|vorstehend|nachfolgend)e[nmrs]?\b"
)
_UNANSWERED = re.compile(
    r"\[?unanswerable\]?|^unknown\.?$|^unbekannt\.?$"
    r"|\b(?:text|document|passage|context|information|article)s? (?:provided )?"
    r"(?:does not|do not|doesn't|don't) (?:say|tell|mention|contain|specify|state|provide|give|include)"
    r"|\b(?:is|are|was) not (?:mentioned|specified|stated|given|provided|known)\b(?: in (?:the|this))?"
    r"|\b(?:cannot|can not|can't) be (?:answered|determined|inferred)"
    r"|\b(?:geht|lasst sich|wird|ist|sind) .{0,40}(?:nicht (?:hervor|beantwort\w*|genannt|erwahnt|angegeben))"
    r"|\b(?:text|dokument|abschnitt) (?:sagt|nennt|erwahnt|enthalt) .{0,30}(?:nicht|kein)"
)
_TIMES = re.compile(rf"\b(?:{patterns('times')})\b")
_COUNTS = re.compile(rf"\b(?:{patterns('counts')})\b")
LONG = 6
"""Words from which on an answer that was shown before counts as copied; shorter ones may agree by chance."""


def asked(record: Record) -> str:
    """Return the question of a record: its attribute `question`, or else the prompt."""
    return str(record.attributes.get("question") or record.prompt)


def self_contained(record: Record) -> Record:
    """Refuse a question that points at a text its reader does not have."""
    if found := _POINTERS.search(folded(asked(record))):
        raise Rejected("self_contained", f"points at the text: {shown(found[0])}")
    return record


def one_question(*, at_least: int = 3, at_most: int = 60) -> Callable[[Record], Record]:
    """Accept one question, or one request, of so many words.

    Raises:
        SettingsError: no length lies between the ends.
    """
    if not 1 <= at_least <= at_most:
        raise SettingsError(f"one_question: nothing has at least {at_least} and at most {at_most} words.")
    return named("one_question", _one_question, at_least=at_least, at_most=at_most)


def _one_question(record: Record, *, at_least: int, at_most: int) -> Record:
    question = asked(record).strip()
    marks, count = question.count("?"), len(question.split())
    if marks > 1:
        raise Rejected("one_question", f"{marks} questions: {shown(question)}")
    if not at_least <= count <= at_most:
        raise Rejected("one_question", f"{count} words, expected {at_least} to {at_most}: {shown(question)}")
    return record


def on_topic(
    *, at_least: float = 0.5, sources: Sequence[str] = ("context", "topic"), language: Language | None = None
) -> Callable[[Record], Record]:
    """Accept a question whose words, names and numbers stand in what it is about.

    Args:
        at_least: Share of its meaningful words that must.
        sources: Attributes that hold what it is about; a record with none of them passes.
        language: Of the question; told by its small words unless it is given.

    Raises:
        SettingsError: a share outside [0, 1].
    """
    if not 0 <= at_least <= 1:
        raise SettingsError(f"on_topic: at_least={at_least}, expected a share from 0 to 1.")
    return named("on_topic", _on_topic, at_least=at_least, sources=tuple(sources), language=language)


def _on_topic(record: Record, *, at_least: float, sources: tuple[str, ...], language: Language | None) -> Record:
    about = "\n\n".join(str(record.attributes[name]) for name in sources if record.attributes.get(name))
    question = asked(record)
    if not about:
        return record
    tongue = language or language_of(about)
    known, told = set(stems(about, tongue)), set(words(about))
    # A request opens with a capital too: *Name Eva's pet.*
    missing = [one for one in names(question, tongue) if not told.issuperset(words(one)[question.startswith(one) :])]
    missing += [one.text for one in numbers(question, counted=False) if one.text.lstrip("-") not in told]
    if missing and record.attributes.get("context"):
        raise Rejected("on_topic", f"asks about {shown(missing[0])}, which the document does not name")
    said = stems(question, tongue)
    share = sum(one in known for one in said) / len(said) if said else 1.0
    if share < at_least:
        raise Rejected(
            "on_topic", f"{share:.0%} of its words are in what it is about, wanted {at_least:.0%}: {shown(question)}"
        )
    return record


def answered(record: Record) -> Record:
    """Refuse an empty answer, and one that says that there is none."""
    if not record.response.strip():
        raise Rejected("answered", "the answer is empty")
    if found := _UNANSWERED.search(folded(record.response)):
        raise Rejected("answered", f"says that it cannot be answered: {shown(found[0])}")
    return record


def not_echoed(record: Record) -> Record:
    """Refuse an answer of which the question already has every word, unless it was offered as a choice."""
    question, answer = words(asked(record)), words(record.response)
    if answer and set(answer) <= set(question) and not {"or", "oder"} & set(question):
        raise Rejected("not_echoed", f"{shown(record.response)} says nothing that the question does not")
    return record


def of_right_type(record: Record) -> Record:
    """Refuse an answer that cannot be one: no time to when, no number to how many, no word to who."""
    question, answer = folded(asked(record)), record.response
    said = folded(answer)
    counted = bool(numbers(answer) or dates(answer))
    if re.search(r"\b(?:how many|how much|how old|wie viele?|wieviele?|wie alt)\b", question):
        if not counted and not _COUNTS.search(said):
            raise Rejected("of_right_type", f"asks how many, and {shown(answer)} has no number")
    elif re.match(r"(?:.*, )?(?:when|wann|in (?:what|which|welchem) (?:year|jahr))\b", question):
        if not counted and not _TIMES.search(said):
            raise Rejected("of_right_type", f"asks when, and {shown(answer)} names no time")
        if len(said.split()) <= 2 and counted and not _is_time(said):
            raise Rejected("of_right_type", f"asks when, and {shown(answer)} is a bare number")
    elif re.match(r"(?:who|whom|wer|wen|wem)\b", question) and not re.search(r"[^\W\d]{2,}", said):
        raise Rejected("of_right_type", f"asks who, and {shown(answer)} names nobody")
    return record


def _is_time(said: str) -> bool:
    return bool(_TIMES.search(said) or dates(said) or re.search(r"\b(?:1\d|20)\d\d\b|\d[:.h]\d?", said))


def not_copied(record: Record) -> Record:
    """Refuse a pair that repeats an example it was shown: the attribute `shown` holds [question, answer] pairs."""
    question, answer = _bare(asked(record)), _bare(record.response)
    for example in record.attributes.get("shown") or ():
        if question == _bare(example[0]):
            raise Rejected("not_copied", f"the question is that of an example: {shown(example[0])}")
        if len(answer.split()) >= LONG and answer == _bare(example[1]):
            raise Rejected("not_copied", f"the answer is that of an example: {shown(example[1])}")
    return record


def _bare(text: str) -> str:
    return " ".join(words(text))
