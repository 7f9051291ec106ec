"""Dialogues of several turns, in which one model plays both roles: the assistant greedily, the person in three manners.

    user        Tom has 3 pens. Tom buys 4 more. How many pens?
    assistant   First 3 + 4 = 7. So 7.
    user        And with 9 pens?                          # manner: normal; drawn once per dialogue
    assistant   First 9 + 4 = 13. So 13.

Source: Nemotron-4 340B (arXiv:2406.11704), section 3.2. Departs from it in two points: a turn out of its role is
refused (a person who answers, an assistant who asks), and what is refused is counted by reason. Openings of pure
politeness are taken off a person's turn, as there. A clarifying question alone is no answer here: it is refused, too.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import partial
from random import Random

from pydantic import NonNegativeInt, PositiveInt

from regrowth.core.cells import shown
from regrowth.core.dataset import Dataset
from regrowth.core.errors import Rejected
from regrowth.core.protocols import Model
from regrowth.core.record import Message, Messages, Record
from regrowth.core.settings import Frozen
from regrowth.gates.prompt_files import fence
from regrowth.recipes._nemotron.asking import SAMPLING, Style, asked, content_words, written
from regrowth.recipes._nemotron.wordings import KINDS
from regrowth.run import Run

__all__ = [
    "MANNERS",
    "DialogueSettings",
    "dialogues",
    "impolite",
    "manner_of",
    "next_turn",
    "out_of_role",
    "unanswered",
]

MANNERS = ("normal", "complex", "critical")
"""How a person asks on; the files of prompts say what each means."""
GATE = "role_play"
_ROLE = re.compile(r"(?:^|\n)\s*\**(?:user|human|person|assist[ae]nt|ai|nutzer|mensch)\**\s*:", re.IGNORECASE)
_OWN_ROLE = re.compile(r"\s*\**(?:user|human|person|nutzer|mensch)\**\s*:\s*\**\s*", re.IGNORECASE)
_POLITE = re.compile(
    r"\s*(?:(?:many |vielen |besten )?(?:thanks?|thank you|danke)\b[^.!?\n]*"
    r"|(?:(?:oh|ah),? )?(?:wow|great|perfect|excellent|awesome|wonderful|nice|good|super|toll|prima|wunderbar)"
    r"(?: (?:answer|question|point|explanation|summary|list|idea|job|work|antwort|erklärung|idee))?"
    r"|(?:that|this|it|das)(?:'s| is| was| sounds| ist| war| klingt)(?: \w+){0,2} "
    r"(?:great|helpful|interesting|good|useful|clear|perfect|hilfreich|gut|interessant|klar)\b[^.!?\n]*"
    r"|i (?:really )?appreciate\b[^.!?\n]*)[.!]+(?:\s+|$)",
    re.IGNORECASE,
)
_HELPING = re.compile(
    r"(?:sure|certainly|of course|absolutely|gladly|here(?:'s| is| are)|as an ai|i(?:'d| would) be (?:happy|glad)|"
    r"i(?:'m| am) (?:happy|glad) to|i apologi[sz]e|let me (?:help|explain)|natürlich|gerne|hier (?:ist|sind))\b",
    re.IGNORECASE,
)
ALIKE = 0.9
"""Share of common content words from which one turn says the same as another."""


class DialogueSettings(Frozen):
    """Say how dialogues are played."""

    style: Style = "brief"
    turns: PositiveInt = 3
    """Turns of the person; a prompt that has as many already is only answered."""
    seed: NonNegativeInt = 0


async def dialogues(
    run: Run,
    writer: Model,
    prompts: Iterable[Record],
    settings: DialogueSettings,
    solve: Callable[[Record], str] | None = None,
) -> Dataset:
    """Return dialogues: messages up to the person's last turn, and the response to it.

    A prompt's constraint goes on only where it is a lasting one. Without a lasting one the attribute is set to nothing,
    for `obeyed` would judge a later answer by it.

    Args:
        solve: As in `prompts`: gives the target of the last turn, or refuses the dialogue.
    """
    work = partial(dialogue, settings=settings, solve=solve)
    return await run.agrow(list(prompts), work, writer, name="dialogues")


async def dialogue(
    prompt: Record, writer: Model, *, settings: DialogueSettings, solve: Callable[[Record], str] | None
) -> Record:
    """Play one dialogue: every turn is an effect.

    Raises:
        Rejected: a turn is out of its role, cut or empty.
    """
    manner, turns = manner_of(prompt, settings.seed), list(prompt.messages)
    while True:
        reply = await _answer(prompt, writer, turns, settings.style)
        if sum(turn.role == "user" for turn in turns) >= settings.turns:
            break
        turns.append(Message("assistant", reply))
        turns.append(await next_turn(prompt, writer, turns, settings.style, manner))
    further = len(turns) > len(prompt.messages)
    kept = prompt.attributes.get("constraint") if prompt.attributes.get("lasting") or not further else None
    made = prompt.derive(
        prompt=turns,
        response=reply,
        attributes={"manner": manner, "turns": settings.turns, "constraint": kept},
    )
    return made if solve is None else replace(made, target=solve(made), _id="")


async def _answer(prompt: Record, writer: Model, turns: Messages, style: Style) -> str:
    """Return the assistant's most probable reply."""
    greedy = replace(SAMPLING[style], temperature=0.0)
    reply = await writer.generate(turns, greedy, seed=prompt.seed("assistant", len(turns)))
    text = reply.text.rpartition("</think>")[2].strip()
    if reply.finish != "stop" or not text:
        raise Rejected(GATE, f"the assistant's turn {len(turns)} ended by {reply.finish}: {shown(text)}")
    if why := unanswered(text, turns[-1].content):
        raise Rejected(GATE, why)
    return text


async def next_turn(prompt: Record, writer: Model, turns: Messages, style: Style, manner: str) -> Message:
    """Return the person's next turn, written by the model in a manner, without politeness before it.

    Raises:
        Rejected: it is out of its role, cut or empty.
    """
    told = "\n".join(turn.content if style == "brief" else f"{_named(turn.role)}: {turn.content}" for turn in turns)
    values = {"manner": KINDS[style]["manner"][manner], "conversation": told, "fence": fence([told])}
    request = asked(style, "follow_up", **values)
    seed = prompt.seed("user", len(turns))
    text = impolite(_OWN_ROLE.sub("", await written(writer, request, style, seed=seed, who=GATE), count=1))
    if why := out_of_role(text, turns):
        raise Rejected(GATE, why)
    return Message("user", text)


def _named(role: str) -> str:
    return "Assistant" if role == "assistant" else "Person"


def manner_of(prompt: Record, seed: int = 0) -> str:
    """Draw the manner of a person: `normal`, `complex` or `critical`, the same for all turns of a dialogue."""
    return Random(prompt.seed("manner", seed)).choice(MANNERS)


def impolite(turn: str) -> str:
    """Return a turn without thanks and praise before what it asks.

    >>> impolite("Thank you for the explanation! That is very helpful. Why is it so?")
    'Why is it so?'
    """
    while match := _POLITE.match(turn):
        turn = turn[match.end() :]
    return turn.strip()


def out_of_role(turn: str, turns: Sequence[Message]) -> str:
    """Return why a turn is none of the person, in words; nothing if it may be one."""
    last = turns[-1].content
    if not turn:
        return "the person's turn is nothing but politeness"
    if _ROLE.search(turn):
        return f"the person speaks for both: {shown(turn)}"
    if _HELPING.match(turn) or (turn.split()[:2] == last.split()[:2] and len(turn.split()) > 1):
        return f"the person answers: {shown(turn)}"
    if any(_alike(turn, one.content) for one in turns):
        return f"the person repeats what was said: {shown(turn)}"
    return ""


def unanswered(reply: str, last: str) -> str:
    """Return why a reply is none of the assistant, in words; nothing if it may be one."""
    if _ROLE.search(reply):
        return f"the assistant speaks for both: {shown(reply)}"
    if reply.casefold() == last.casefold():
        return f"the assistant repeats the question: {shown(reply)}"
    if reply.endswith("?") and not re.search(r"[.!:\n]\s", reply):
        return f"the assistant asks: {shown(reply)}"
    return ""


def _alike(one: str, other: str) -> bool:
    """Return whether two turns say the same: equal, or nearly the same content words, with equal numbers."""
    first, second = set(content_words(one)), set(content_words(other))
    numbers = {word for word in first ^ second if word.isdigit()}
    shared = len(first & second) / max(1, len(first | second))
    return one.casefold() == other.casefold() or (len(first) > 3 and not numbers and shared >= ALIKE)
