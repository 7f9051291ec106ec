"""How the writer is asked: the prompt files of this recipe, how replies are drawn, what is taken off a reply.

asked("brief", "open_qa", topic="Rome", form="…")          "Ask: Rome"
bare('Here is the message:\\n\\n"Why is the sky blue?"')     "Why is the sky blue?"
"""

import re
from collections.abc import Mapping
from random import Random

from regrowth.core.cells import shown
from regrowth.core.errors import Rejected
from regrowth.core.protocols import Model, Sampling
from regrowth.core.record import Messages, Record
from regrowth.gates.prompt_files import load
from regrowth.recipes._code.prompts import Style
from regrowth.recipes._nemotron.wordings import KINDS

__all__ = ["SAMPLING", "Style", "asked", "bare", "content_words", "drawn", "kept_words", "written"]

SAMPLING: Mapping[Style, Sampling] = {
    "full": Sampling(temperature=1.0, max_tokens=1024),
    "brief": Sampling(temperature=0.7, max_tokens=64),
}
"""How prompts are drawn: a real model as it is, for a lower temperature writes the same prompts again; the packaged one
below that, for it knows its parts only roughly."""

_LEAD = re.compile(
    r"^(?:(?:(?:sure|certainly|of course|okay|gerne|natürlich)[!.,:]?\s+)?"
    r"(?:here(?:'s| is| are)|this is|hier (?:ist|sind))[^\n:]{0,80}:\s*)?"
    r"(?:(?:rewritten |revised |new )?(?:message|prompt|question|request|task|problem|instruction)\s*:\s+)?",
    re.IGNORECASE,
)
_WORD = re.compile(r"[^\W_]+")
_EMPTY = frozenset(KINDS["empty"]["words"].split())


def asked(style: Style, name: str, **values: str) -> str:
    """Return a prompt of this recipe with those of the values that it takes."""
    prompt = load(f"nemotron/{style}/{name}", "regrowth.recipes")
    return prompt.render(**{key: value for key, value in values.items() if key in prompt.variables})


def drawn(record: Record, style: Style, name: str, number: int = 0) -> str:
    """Draw what is varied under a name; the same for the same attempt at a record, and the same number."""
    return str(Random(record.seed("vary", name, number)).choice(KINDS[style][name]))


async def written(writer: Model, prompt: str | Messages, style: Style, *, seed: int, who: str) -> str:
    """Ask for one text and return it bare.

    Raises:
        Rejected: it was cut at the token limit, refused or is empty; `who` names the gate.
    """
    reply = await writer.generate(prompt, SAMPLING[style], seed=seed)
    if reply.finish != "stop":
        raise Rejected(who, f"the writer's text ended by {reply.finish}: {shown(reply.text)}")
    if not (text := bare(reply.text)):
        raise Rejected(who, "the writer wrote nothing")
    return text


def bare(reply: str) -> str:
    """Return a reply without thoughts, an announcement before it, and quotation marks around all of it."""
    text = reply.rpartition("</think>")[2].strip()
    text = _LEAD.sub("", text, count=1).strip()
    if len(text) > 1 and (text[0], text[-1]) in (('"', '"'), ("“", "”"), ("„", "“"), ("«", "»")):
        inner = text[1:-1]
        text = inner.strip() if text[0] not in inner and text[-1] not in inner else text
    return text


def content_words(text: str) -> list[str]:
    """Return the words of a text that say something, in small letters, each once and in order; numbers too."""
    return list(dict.fromkeys(word for word in _WORD.findall(text.casefold()) if word not in _EMPTY))


def kept_words(before: str, after: str) -> float:
    """Return the share of a text's content words that occur in another one; endings such as a plural's may differ."""
    wanted, there = content_words(before), content_words(after)
    stems = {_stem(word) for word in there}
    return sum(_stem(word) in stems for word in wanted) / len(wanted) if wanted else 1.0


def _stem(word: str) -> str:
    return word[:5] if len(word) > 5 else word.removesuffix("s") if len(word) > 3 else word
