"""Say what is wrong with a text as text: it repeats itself, echoes the prompt, is broken in its letters, or is no text.

    flaws("FÃ¼r alle")                          (Flaw("mojibake", 1.0, 0.0),)
    flaws("a line\\n" * 9)                       (Flaw("repeated lines", 0.89, 0.3), …)

    gates=[not_garbled()]                       # each refusal names the flaw, what was found and what is allowed
    gates=[not_garbled(symbols=0.8, ending=True)]

Rules of the kind that Gopher (Rae et al., 2021, arXiv:2112.11446, table A1) and C4 (Raffel et al., 2020, section 2.2)
apply to web pages; the limits are ours, set where real replies, sums, code and documents pass (docs/safety.md).
`not_repetitive` (`gates.form`) is the rule `compression` alone.
"""

import math
import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from itertools import groupby
from typing import NamedTuple

from regrowth.core.errors import Rejected, SettingsError
from regrowth.core.record import Record
from regrowth.gates.form import repetition
from regrowth.gates.naming import named
from regrowth.texts import words

__all__ = ["LIMITS", "Flaw", "flaws", "not_garbled"]

LIMITS: Mapping[str, float] = {
    "compression": 4.5,
    "lines": 0.5,
    "phrases": 0.5,
    "spans": 0.6,
    "run": 24,
    "symbols": 0.6,
    "mojibake": 0,
    "controls": 0,
    "jumble": 0.15,
    "echo": 0.9,
}
"""Beyond which a text is refused: times, shares of the text, or counts. Infinity switches a rule off."""
TOLD = {
    "compression": "compresses many times",
    "lines": "repeated lines",
    "phrases": "one phrase all over",
    "spans": "repeated stretches of ten words",
    "run": "one character in a row",
    "symbols": "more symbols than letters",
    "mojibake": "mojibake",
    "controls": "control characters",
    "jumble": "jumbled words",
    "echo": "echoes the prompt",
}
FEWEST_LINES, FEWEST_WORDS, FEWEST_SIGNS = 4, 30, 30
"""Lines, words and characters below which a share of them means nothing."""
PHRASE, SPAN = (2, 3, 4), 10
"""Words of a phrase and of a stretch."""
FEWEST_TOKENS = 8
_RULE = frozenset("-=_*#.~·•─━═ \t\n+|")
"""What people draw lines with: many in a row mean nothing."""
_MOJIBAKE = re.compile(
    # UTF-8 that was read as Latin-1 or Windows-1252, and the sign that stands for what could not be read
    "Ã[\u0080-\u00bf\u0152\u0153\u0160\u0161\u0178\u017d\u017e\u0192\u02c6\u02dc\u2013-\u203a\u20ac\u2122]"
    "|Â[\u00a0-\u00bf]|â€[\u0080-\u00bf\u0153\u0160-\u017e\u02dc\u2013-\u203a\u2122]|[ÐÑ][\u0080-\u00bf]{1,2}[ÐÑ]|\ufffd"
)
_CONTROLS = re.compile("[\x00-\x08\x0b\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff\ue000-\uf8ff]")
_FENCED = re.compile(r"```.*?(?:```|\Z)", re.DOTALL)
_JUMBLED = re.compile(
    r"[a-zß-öø-ÿ][A-ZÀ-ÖØ-Þ]|[^\W\d_]{2}\d|(?<!\d)\d[A-Za-z]{3}|[^\W\d_][?!;:\"(){}\[\]@%$&*+=<>|\\^~][^\W\d_]"
)
_LINK = re.compile(r"[@/\\.]\w|_|::")
_CODE = re.compile(
    r"^\s*(?:(?:def|class|for|if|elif|else|while|return|import|from|const|let|var|function|try|print|public|local|my)\b"
    r"|[\w.\[\]]+ ?[-+*/|]?=[^=]|[})\]]+[;,]?$|[\w.]+\(.*\)[;,]?$|#|//)"
)
_ENDS = frozenset(".!?…。！？।؟:\"'”’»)]}*`>|%°€$")


class Flaw(NamedTuple):
    """Hold what is wrong with a text, how much of it, and how much is allowed."""

    kind: str
    """A key of `LIMITS`, or `ending`."""
    value: float
    limit: float

    def __str__(self) -> str:
        if self.kind == "ending":
            return "stops in the middle of a sentence"
        return f"{TOLD[self.kind]} ({self.value:.2f}, at most {self.limit:g})"


def flaws(text: str, prompt: str = "", *, ending: bool = False, **limits: float) -> tuple[Flaw, ...]:
    """Return all that is wrong with a text; nothing if it is clean. Takes time in proportion to its length.

    Args:
        prompt: What was asked, to find a reply that only repeats it.
        ending: Whether a text that stops in the middle of a sentence is wrong.
        limits: Other limits than `LIMITS`, by name.

    Raises:
        SettingsError: there is no limit of that name.
    """
    allowed = _allowed(limits)
    found = [Flaw(kind, value, allowed[kind]) for kind, value in _measured(text, prompt) if value > allowed[kind]]
    if ending and _unfinished(text):
        found.append(Flaw("ending", 1.0, 0.0))
    return tuple(found)


def _allowed(limits: Mapping[str, float]) -> dict[str, float]:
    if unknown := sorted(limits.keys() - LIMITS.keys()):
        raise SettingsError(f"No rule is called {unknown[0]!r}. There are: {', '.join(LIMITS)}.")
    if any(math.isnan(limit) for limit in limits.values()):
        raise SettingsError("A limit is not a number; infinity switches a rule off.")
    return {**LIMITS, **limits}


def _measured(text: str, prompt: str) -> Iterator[tuple[str, float]]:
    said = words(text)
    yield "compression", repetition(text)
    yield "lines", _repeated_lines(text)
    yield "phrases", max(_top_share(said, length) for length in PHRASE)
    yield "spans", _repeated_spans(said)
    yield "run", _longest_run(text)
    yield "symbols", _symbols(text)
    yield "mojibake", len(_MOJIBAKE.findall(text))
    yield "controls", len(_CONTROLS.findall(text))
    yield "jumble", _jumble(text)
    yield "echo", _echo(said, words(prompt)) if prompt else 0.0


def _repeated_lines(text: str) -> float:
    """Return the share of characters in lines that stood before; short ones are rules and brackets."""
    lines = [line.strip() for line in text.splitlines() if len(line.strip()) > 3]
    total = sum(map(len, lines))
    if len(lines) < FEWEST_LINES:
        return 0.0
    return sum(len(line) * (count - 1) for line, count in Counter(lines).items()) / total


def _top_share(said: list[str], length: int) -> float:
    """Return the share of the words that the commonest run of so many words makes up."""
    if len(said) < FEWEST_WORDS:
        return 0.0
    counts = Counter(zip(*(said[start:] for start in range(length)), strict=False))
    (_, count), *_ = counts.most_common(1)
    return min(1.0, count * length / len(said)) if count > 2 else 0.0


def _repeated_spans(said: list[str]) -> float:
    """Return the share of stretches of ten words that stood before."""
    spans = Counter(hash(span) for span in zip(*(said[start:] for start in range(SPAN)), strict=False))
    total = sum(spans.values())
    return 1 - len(spans) / total if total >= FEWEST_WORDS - SPAN else 0.0


def _longest_run(text: str) -> int:
    return max((sum(1 for _ in run) for sign, run in groupby(text) if sign not in _RULE), default=0)


def _symbols(text: str) -> float:
    """Return the share of visible characters that are neither letters nor digits nor parts of letters."""
    visible = Counter(text)
    total = sum(count for sign, count in visible.items() if not sign.isspace())
    if total < FEWEST_SIGNS:
        return 0.0
    wordy = sum(count for sign, count in visible.items() if unicodedata.category(sign)[0] in "LNM")
    return 1 - wordy / total


def _jumble(text: str) -> float:
    """Return the share of words that change case, digits or signs inside, code and addresses left out."""
    lines = [line for line in _FENCED.sub(" ", text).splitlines() if line.strip()]
    tokens = [token for line in lines if not _CODE.match(line) for token in line.split() if not _LINK.search(token)]
    if len(tokens) < FEWEST_TOKENS:
        return 0.0
    return sum(_JUMBLED.search(token[:100]) is not None for token in tokens) / len(tokens)


def _echo(said: list[str], asked: list[str]) -> float:
    """Return the share of a reply's runs of eight words that the prompt has too."""
    size = 8
    runs = list(zip(*(said[start:] for start in range(size)), strict=False))
    if len(runs) < size:
        return float(len(said) >= size and said == asked)
    known = set(zip(*(asked[start:] for start in range(size)), strict=False))
    return sum(run in known for run in runs) / len(runs)


def _unfinished(text: str) -> bool:
    """Return whether a text of several words ends in a word or a comma."""
    end = text.rstrip()
    return len(end.split(maxsplit=FEWEST_TOKENS)) >= FEWEST_TOKENS and end[-1] not in _ENDS


def not_garbled(*, ending: bool = False, echo: float = LIMITS["echo"], **limits: float) -> Callable[[Record], Record]:
    """Refuse a response with a flaw; the reason names each, with what was found and what is allowed.

    Args:
        ending: Whether to refuse one that stops in the middle of a sentence.
        echo: Share of runs of eight words that the prompt may have too; infinity where copying is asked for.
        limits: Others of `LIMITS`, by name.

    Raises:
        SettingsError: there is no limit of that name.
    """
    allowed = _allowed({"echo": echo, **limits})
    return named("not_garbled", _not_garbled, ending=ending, limits=allowed)


def _not_garbled(record: Record, *, ending: bool, limits: Mapping[str, float]) -> Record:
    if found := flaws(record.response, record.prompt, ending=ending, **limits):
        raise Rejected("not_garbled", "; ".join(map(str, found)))
    return record
