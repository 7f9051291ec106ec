r"""Compare the final answer of a worked solution with the target.

A final answer is marked (the last mark that has an answer counts), or it is the last number of the text:
    "He gets 11 x 5 = <<11*5=55>>55 liters.\nA: 55"                 55
    "It takes 2/2=<<2/2=1>>1 bolt of white fiber.\n#### 3"          3
    "so the price is \boxed{\$1{,}234.50}"                          1234.5
    "The answer is **7 apples**, because 3 + 4 = 7."                7
    "3 pens and 4 pens make 7 pens."                                7

Numbers are compared as fractions, so 5.0 is 5 and 0.5 is 1/2. A unit, a currency and a per cent sign are read over:
"20 %" is 20, not 1/5. A comma parts thousands (1,234) and a point decimals; other habits are not guessed at.
Sources: the answer formats of GSM8K (Cobbe et al., 2021, arXiv:2110.14168) and of the MATH data set (`\boxed`).
"""

import re
import unicodedata
from collections.abc import Callable, Iterator
from fractions import Fraction

from regrowth.core.errors import Rejected
from regrowth.core.record import Record
from regrowth.gates.naming import named, shown

__all__ = ["exact_answer", "final_answer", "final_number"]

LONGEST_NUMBER = 400
"""Digits of the longest number that is read, and its largest power of ten; what is longer is no answer."""

_MARK = re.compile(
    r"""
    \#{4} (?P<hash>[^\n]*)
    | \\boxed \s* \{ (?P<boxed>(?:[^{}]|\{(?:[^{}]|\{[^{}]*\})*\})*) \}
    | ^ [ \t*_>-]* (?:A|Answer|Antwort) [*_]* : (?P<line>[^\n]*)
    | \b(?:answer|result|Antwort|Ergebnis|Lösung) [*_]* (?: \s+ (?:is|ist|lautet|equals) \b | \s*[:=]) (?P<said>[^\n]*)
    """,
    re.VERBOSE | re.IGNORECASE | re.MULTILINE,
)
_DIGITS = r"(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?|\.\d+"
_NUMBER = re.compile(
    rf"""
    (?P<sign>[-+−–]\s?)? [$€£¥]?\s? (?P<minus>[-−])?
    (?: (?P<whole>\d{{1,9}}) \s+ (?=\d{{1,9}}/\d) )?
    (?P<number>{_DIGITS})
    (?: \s*/\s* (?P<below>{_DIGITS})
      | [eE] (?P<power>[-+−]?\d+)
      | \s* [x×*·] \s* 10 \s* (?:\^|\*\*) \s* \{{? (?P<ten>[-+−]?\d+)
    )?
    """,
    re.VERBOSE,
)
_E = re.compile(r"<<[^<>]*>>")


def final_number(text: str) -> Fraction | None:
    """Return the final number of a text: the one marked as the answer, else the last one."""
    marked = [number for answer in _marked(text) if (number := _first_number(answer)) is not None]
    if marked:
        return marked[-1]
    numbers = list(_numbers(text))
    return numbers[-1] if numbers else None
