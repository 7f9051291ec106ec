"""Ask a judge model which of two replies is better by one criterion, in both orders.

    found = await compared(judge, record.messages, first, second, criterion="The reply is kind.")
    found.margin        #  1.4   log-odds that the first is preferred, mean of both orders
    found.consistent    # True   both orders prefer the same reply

A judge that says `A` whatever it reads (position bias) has a margin of 0, and is not consistent:
    first_order  2.0     the first stood at A
    second_order -2.0    the first stood at B

Source of reading both orders: SALMON (Sun et al., 2024, arXiv:2310.05910, section 3.2).
"""

import math
import re
from dataclasses import dataclass
from typing import Literal, TypeAlias

from regrowth.core.errors import CallFailed, ModelUnavailable
from regrowth.core.protocols import Model, Sampling
from regrowth.core.record import Messages, conversation
from regrowth.gates.prompt_files import fence, load

__all__ = ["LABELS", "Comparison", "Style", "compared", "comparing_prompt", "parse_label"]

Style: TypeAlias = Literal["full", "brief"]
"""`full` for models that follow instructions; `brief` for a small one that was taught this very prompt."""

LABELS = ("A", "B")
GREEDY = Sampling(temperature=0.0, max_tokens=256)

_NAMED = re.compile(
    r"(?i:better|answer|prefer\w*|choice|reply|verdict)[\"'*_\s]*(?:is|[:=])?[\"'*_\s\[(]*([AB])\b(?!\s(?:or|and|/)\s)"
)
_BARE = re.compile(r"[*_\s\[(\"']*([AB])[*_\s\])\"']*\.?")


@dataclass(frozen=True, slots=True)
class Comparison:
    """Hold what a judge makes of two replies, as log-odds that the first is preferred."""

    margin: float
    """Mean of both orders; without log-probabilities 1, 0 or -1 (or halves, where one order gave no verdict)."""
    first_order: float
    """With the first reply at A."""
    second_order: float
    """With the first reply at B."""

    @property
    def consistent(self) -> bool:
        """Return whether both orders prefer the same reply."""
        return self.first_order * self.second_order > 0


async def compared(
    judge: Model,
    messages: str | Messages,
    first: str,
    second: str,
    *,
    criterion: str,
    style: Style = "full",
    seed: int = 0,
) -> Comparison:
    """Compare two replies to one conversation by a criterion, in both orders.

    Args:
        seed: of the greedy reply that is read where log-probabilities cannot be had.

    Raises:
        CallFailed, ModelUnavailable: the judge can neither measure nor reply.
    """
    there = await _leaning(judge, comparing_prompt(messages, first, second, criterion=criterion, style=style), seed)
    back = await _leaning(judge, comparing_prompt(messages, second, first, criterion=criterion, style=style), seed)
    return Comparison((there - back) / 2, there, -back)


def comparing_prompt(
    messages: str | Messages, first: str, second: str, *, criterion: str, style: Style = "full"
) -> str:
    """Return what the judge is shown: the first reply as A, the second as B.

    The full prompt fences the texts off from each other; the brief one writes each in a single line.
    """
    turns = conversation(messages)
    if style == "brief":
        asked = _line("\n".join(turn.content for turn in turns))
        return load("compare_brief").render(
            criterion=_line(criterion), conversation=asked, first=_line(first), second=_line(second)
        )
    told = "\n\n".join(f"{turn.role}: {turn.content}" for turn in turns)
    line = fence((criterion, told, first, second))
    return load("compare").render(criterion=criterion, fence=line, conversation=told, first=first, second=second)


def _line(text: str) -> str:
    """Return a text in one line: a line break in it could begin what looks like the other reply."""
    return " ".join(text.split())


async def _leaning(judge: Model, prompt: str, seed: int) -> float:
    """Return log p(A) - log p(B); 1, -1 or 0 from a reply where the judge does not tell log-probabilities."""
    try:
        odds = [math.fsum(await judge.logprobs(prompt, label)) for label in LABELS]
    except (CallFailed, ModelUnavailable):
        # Failures are not remembered: a server that never told is asked again in a replay, and may be gone by then.
        label = parse_label(await judge.ask(prompt, GREEDY, seed=seed))
        return {"A": 1.0, "B": -1.0, None: 0.0}[label]
    return odds[0] - odds[1]


def parse_label(verdict: str) -> Literal["A", "B"] | None:
    """Return the label that a verdict ends on; nothing if there is none."""
    last_line = (verdict.strip().splitlines() or [""])[-1]
    found = next(reversed(list(_NAMED.finditer(last_line))), None) or _BARE.fullmatch(last_line)
    if found is None:
        return None
    return "A" if found[1] == "A" else "B"
