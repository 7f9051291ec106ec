"""Ask a judge model whether a reply keeps a principle, once as "does it keep it?", once as "does it break it?".

    found = await adherence(judge, record, principle)
    found.margin         #  2.1    log-odds that the reply keeps it: half of (keeps - breaks)
    found.keeps          #  3.0    log p(yes) - log p(no), asked whether the reply keeps the principle
    found.breaks         # -1.2    the same, asked whether it breaks it
    found.consistent     # True    both questions tell the same

    gates=[principled(judge, packaged("general"), at_least=0.5)]

A judge that says yes to everything answers both questions with yes: its margin is near 0 and it is not consistent, so
its verdict refuses the record. One that does not tell log-probabilities is read: yes is 1, no is -1.
"""

import math
import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from regrowth.core.errors import CallFailed, ModelUnavailable, Rejected, SettingsError
from regrowth.core.protocols import Model, Sampling
from regrowth.core.record import Record
from regrowth.gates.naming import named
from regrowth.gates.prompt_files import fence, load
from regrowth.seeds.principles import Principle

__all__ = ["Adherence", "Tongue", "adherence", "judging_prompts", "parse_yes", "principled"]

Tongue: TypeAlias = Literal["en", "de"]
"""In which language the judge is asked; principles and replies may be in any."""
WORDS: dict[Tongue, tuple[str, str]] = {"en": ("Yes", "No"), "de": ("Ja", "Nein")}
GREEDY = Sampling(temperature=0.0, max_tokens=256)
MISSING = -30.0
"""Log-probability that stands for a word that the judge cannot say at all."""
_YES_OR_NO = re.compile(r"\b(yes|no|ja|nein)\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Adherence:
    """Hold what a judge makes of a reply under a principle, as log-odds."""

    keeps: float
    """That it keeps it, asked so."""
    breaks: float
    """That it breaks it, asked so."""

    @property
    def margin(self) -> float:
        """Return the log-odds that it keeps it, from both questions; -1 … 1 where replies were read."""
        return (self.keeps - self.breaks) / 2

    @property
    def consistent(self) -> bool:
        """Return whether both questions tell the same."""
        return self.keeps * self.breaks < 0


async def adherence(
    judge: Model, record: Record, principle: Principle, *, language: Tongue = "en", seed: int = 0
) -> Adherence:
    """Ask a judge whether the response of a record keeps a principle, in both ways.

    Args:
        seed: of the greedy replies that are read where log-probabilities cannot be had.

    Raises:
        CallFailed, ModelUnavailable: the judge can neither measure nor reply.
    """
    keeping, breaking = judging_prompts(record, principle, language)
    keeps = await _yes(judge, keeping, WORDS[language], seed)
    return Adherence(keeps, await _yes(judge, breaking, WORDS[language], seed))


def judging_prompts(record: Record, principle: Principle, language: Tongue = "en") -> tuple[str, str]:
    """Return what the judge is shown: whether the reply keeps the principle, and whether it breaks it."""
    told = "\n\n".join(f"{turn.role}: {turn.content}" for turn in record.messages)
    line = fence((principle.text, principle.negation, told, record.response))
    shared = {"principle": principle.text, "fence": line, "conversation": told, "reply": record.response}
    ending = "" if language == "en" else f"_{language}"
    return (
        load(f"keeps{ending}").render(**shared),
        load(f"breaks{ending}").render(opposite=principle.negation, **shared),
    )


async def _yes(judge: Model, prompt: str, words: tuple[str, str], seed: int) -> float:
    """Return log p(yes) - log p(no); 1, -1 or 0 from a reply where the judge does not tell log-probabilities."""
    try:
        yes, no = [math.fsum(await judge.logprobs(prompt, word)) for word in words]
    except (CallFailed, ModelUnavailable):
        # As in `pairwise`: failures are not remembered, so a server that never told is asked again in a replay.
        return {True: 1.0, False: -1.0, None: 0.0}[parse_yes(await judge.ask(prompt, GREEDY, seed=seed))]
    return max(yes, MISSING) - max(no, MISSING)


def parse_yes(verdict: str) -> bool | None:
    """Return whether a verdict begins with yes; failing that, whether its last line does; nothing if it is neither."""
    lines = [line for line in (verdict.strip().splitlines() or [""]) if line.strip()]
    for line in (lines[:1], lines[-1:]):
        said = {found.lower() in ("yes", "ja") for found in _YES_OR_NO.findall(line[0][:2000] if line else "")}
        if len(said) == 1:
            return said.pop()
    return None


def principled(
    judge: Model,
    principles: Principle | Sequence[Principle],
    *,
    at_least: float = 0.0,
    language: Tongue = "en",
    name: str = "principled",
) -> Callable[[Record], Awaitable[Record]]:
    """Accept a response that keeps every principle by at least this margin, and note the smallest as the score `name`.

    A principle about which the judge contradicts itself refuses the record: silence is no consent.

    Raises:
        SettingsError: no principles, a margin below 0 or not finite, or no such language.
    """
    given = (principles,) if isinstance(principles, Principle) else tuple(principles)
    if not given or not 0 <= at_least < math.inf or language not in WORDS:
        raise SettingsError(
            f"principled: {len(given)} principles, at_least={at_least}, language={language!r}: expected one or more, "
            f"a margin of 0 or more, and one of {', '.join(WORDS)}."
        )
    return named(name, _principled, judge=judge, principles=given, at_least=at_least, language=language, name=name)


async def _principled(
    record: Record, *, judge: Model, principles: tuple[Principle, ...], at_least: float, language: Tongue, name: str
) -> Record:
    least = math.inf
    for principle in principles:
        seed = record.seed("principle", principle.id)
        found = await adherence(judge, record, principle, language=language, seed=seed)
        if not found.consistent:
            raise Rejected(
                name,
                f"{principle.id}: the judge contradicts itself "
                f"(keeps it {found.keeps:+.2f}, breaks it {found.breaks:+.2f})",
            )
        if found.margin < at_least or found.margin <= 0:
            raise Rejected(name, f"{principle.id}: margin {found.margin:+.2f}, at least {at_least:g}")
        least = min(least, found.margin)
    return record.scored(**{name: least})
