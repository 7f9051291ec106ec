r"""Compare the final answer of a worked solution with the target.

A final answer is marked (the last mark that is followed by one counts), or it is the last number of the text:
    "He gets 11 x 5 = <<11*5=55>>55 liters.\nA: 55"                 55
    "It takes 2/2=<<2/2=1>>1 bolt of white fiber.\n#### 3"          3
    "so the price is \boxed{\$1{,}234.50}"                          1234.5
    "The answer is **7 apples**, because 3 + 4 = 7."                7
    "3 pens and 4 pens make 7 pens."                                7

Numbers are compared as fractions, so 5.0 is 5 and 0.5 is 1/2. A unit, a currency and a per cent sign are read over:
"20 %" is 20, not 1/5. A comma parts thousands and a point decimals; what could be read in two ways ("1,5", "5 or 6",
"9π") is no number, so a doubtful answer is refused rather than guessed at.
Sources: the answer formats of GSM8K (Cobbe et al., 2021, arXiv:2110.14168) and of the MATH data set (`\boxed`).
"""

import re
import unicodedata
from collections.abc import Callable, Iterator
from fractions import Fraction
from typing import Literal, TypeAlias

from regrowth.core.cells import shown
from regrowth.core.errors import Rejected, SettingsError
from regrowth.core.record import Record
from regrowth.gates.naming import named

__all__ = ["AnswerKind", "exact_answer", "final_answer", "final_number"]

AnswerKind: TypeAlias = Literal["auto", "number", "text"]

LONGEST = 400
"""Characters of an answer in which its number must stand; digits of a number, and its largest power of ten."""
END = 10_000
"""Characters at the end of a text in which an unmarked answer must stand."""

_MARK = re.compile(
    r"""
    \#{4} \s*
    | ^ [ \t*_>-]* (?: (?-i:A) | Answer | Antwort ) [*_]* : [*_]* \s*
    | \b (?: answer | result | Antwort | Ergebnis | Lösung ) [*_]*
      (?: \s+ (?: is | equals | ist | lautet ) \b | \s* [:=] ) [*_:]* \s*
    | \\boxed \s* \{ (?P<boxed> (?: [^{}] | \{ (?: [^{}] | \{[^{}]*\} )* \} )* ) \}
    """,
    re.VERBOSE | re.IGNORECASE | re.MULTILINE,
)
_CLAUSE_END = re.compile(r"[.,;!?]\s|\b(?:because|since|weil|denn)\b|\(", re.IGNORECASE)
_NUMBER = re.compile(
    r"""
    (?P<doubt> (?<= [ ]or[ ] ) | (?<= [ ]oder[ ] ) | (?<= \d[-–] ) | (?: √ | \^ | \\sqrt ) [ ]? \{? )?
    (?P<minus> (?<![\w)\]}]) [-−] )? [$€£¥]? (?P<inner> (?<=[$€£¥]) [-−] )?
    (?: (?P<whole> \d{1,9} ) [ ] (?= \d{1,9} / \d ) )?
    (?P<digits> \d (?: [\d.,]* \d )? | (?<! [.\d] ) \. \d+ )
    (?: [ ]? / [ ]? (?P<below> \d{1,9} (?! [\d.,]*\d ) )
      | [eE] (?P<exponent> [-+−]? \d{1,9} )
      | [ ]? [x×*·] [ ]? 10 [ ]? (?: \^ | \*\* ) [ ]? \{? (?P<ten> [-+−]? \d{1,9} )
    )?
    (?P<follows> (?= [ ]? (?: π | √ | \^ | \\pi | \\sqrt ) | [ ](?:or|oder)[ ][-−$€£¥]?\d | [-–]\d ) )?
    """,
    re.VERBOSE,
)
_PLAIN = re.compile(r"(?: \d{1,3}(?:,\d{3})+ | \d+ )(?: \.\d+ )? | \.\d+", re.VERBOSE)
_AROUND = " %.*$€£¥"
"""What may stand around a number that is a whole answer."""

_LATEX = (
    (re.compile(r"<<[^<>]*>>"), ""),
    (re.compile(r"(?<=\d)\\(?=[dt]?frac)"), r" \\"),
    (re.compile(r"\\[dt]?frac\s*\{([^{}]*)\}\s*\{([^{}]*)\}"), r"\1/\2"),
    (re.compile(r"\\(?:text|textbf|mathrm|mathbf|boxed)\s*\{([^{}]*)\}"), r" \1 "),
    (re.compile(r"\{,\}"), ","),
    (re.compile(r"\\[,!;: ]|\\(?:left|right|displaystyle)(?![A-Za-z])"), ""),
    (re.compile(r"\\(?:times|cdot)(?![A-Za-z])"), "×"),
    (re.compile(r"\\([$%])"), r"\1"),
    (re.compile(r"[¼-¾⅐-⅞]"), lambda found: f" {unicodedata.normalize('NFKC', found[0]).replace('⁄', '/')}"),
)


def final_number(text: str) -> Fraction | None:
    """Return the final number of a text; nothing if there is none, or if it can be read in two ways."""
    for answer in _marked(text):
        clause = _CLAUSE_END.split(answer[:LONGEST], maxsplit=1)[0]
        if said := list(_numbers(clause.rpartition("=")[2])) or list(_numbers(answer[:LONGEST].rpartition("=")[2])):
            return said[0]
    numbers = list(_numbers(text[-END:]))
    return numbers[-1] if numbers else None


def final_answer(text: str) -> str:
    """Return what follows the last mark of an answer; without one, the last line that is not empty."""
    return next(_marked(text), None) or _last_line(text)


def exact_answer(kind: AnswerKind = "auto") -> Callable[[Record], Record]:
    """Accept a response whose final answer is the record's target.

    Both are compared as numbers or as text (case, white space and outer punctuation aside); `auto` takes numbers
    where the target, or the answer marked in it, is nothing but a number.
    """
    if kind not in ("auto", "number", "text"):
        raise SettingsError(f"exact_answer: kind {kind!r}, expected 'auto', 'number' or 'text'.")
    return named("exact_answer", _exact_answer, kind=kind)


def _exact_answer(record: Record, *, kind: AnswerKind) -> Record:
    asked = next(_marked(record.target), None) or record.target.strip()
    target = final_number(record.target) if kind == "number" or (kind == "auto" and _is_number(asked)) else None
    if not asked or (kind == "number" and target is None):
        raise Rejected("exact_answer", f"nothing to compare with: the record's target is {shown(record.target)}")
    if target is None:
        _compare_texts(record.response, asked)
    elif (found := final_number(record.response)) is None:
        raise Rejected("exact_answer", f"no clear number at the end, {record.response.strip()[-80:]!r}")
    elif found != target:
        raise Rejected("exact_answer", f"found {shown(str(found))}, expected {shown(str(target))}")
    return record


def _is_number(answer: str) -> bool:
    plain = _simplified(answer)
    found = list(_NUMBER.finditer(plain))
    around = plain[: found[0].start()] + plain[found[0].end() :] if len(found) == 1 else plain
    return len(found) == 1 and not around.strip(_AROUND)


def _compare_texts(response: str, asked: str) -> None:
    marked = next(_marked(response), None)
    found = [marked] if marked else [_last_line(response), response]
    if _normalised(asked) not in map(_normalised, found):
        raise Rejected("exact_answer", f"found {shown(found[0])}, expected {shown(asked)}")


def _marked(text: str) -> Iterator[str]:
    """Yield what follows each mark, up to the next one or the end of the line; the last comes first."""
    following = len(text)
    for mark in reversed(list(_MARK.finditer(text))):
        said = text[mark.end() : following].partition("\n")[0] if mark["boxed"] is None else mark["boxed"]
        following = mark.start()
        if answer := said.strip():
            yield answer


def _last_line(text: str) -> str:
    return (text.strip().splitlines() or [""])[-1].strip()


def _numbers(text: str) -> Iterator[Fraction | None]:
    return (_number(found) for found in _NUMBER.finditer(_simplified(text)))


def _number(found: re.Match[str]) -> Fraction | None:
    part = found.groupdict()
    doubtful = part["doubt"] is not None or part["follows"] is not None
    if doubtful or len(part["digits"]) > LONGEST or not _PLAIN.fullmatch(part["digits"]):
        return None
    power = int((part["exponent"] or part["ten"] or "0").replace("−", "-"))
    below = int(part["below"] or "1")
    if abs(power) > LONGEST or not below:
        return None
    size = int(part["whole"] or "0") + Fraction(part["digits"].replace(",", "")) * Fraction(10) ** power / below
    return -size if part["minus"] or part["inner"] else size


def _simplified(text: str) -> str:
    for pattern, plain in _LATEX:
        text = pattern.sub(plain, text)
    return text


def _normalised(text: str) -> str:
    words = " ".join(unicodedata.normalize("NFKC", _simplified(text)).casefold().split())
    return words.strip(" .,:;!?'\"`*_$()[]{}“”„‘’") or words
