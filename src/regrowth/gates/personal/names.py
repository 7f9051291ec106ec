"""Names of people: by a model that knows them, or, without one, by what stands in front of them.

    titled("spoke with Frau Dr. Anna Berg")     Hit("name", 20, 29, 0.4): a guess, off unless asked for
    await asked(model, text)                    where the names stand that a language model lists

Any function from a text to spans serves as a model of names: a tagger of one's own needs three lines.
"""

import json
import re
from collections.abc import Callable, Iterable, Iterator
from typing import TypeAlias

from regrowth.core.protocols import Model, Sampling
from regrowth.gates.personal.hits import Hit
from regrowth.gates.prompt_files import fence, load

__all__ = ["Names", "asked", "titled"]

Names: TypeAlias = Callable[[str], Iterable[tuple[int, int]]]
"""Tells where names of people stand in a text: start and end, in characters."""

GREEDY = Sampling(temperature=0.0, max_tokens=512)
_WORD = r"[A-ZÄÖÜÁÉÍÓÚÑÇ][a-zäöüßáéíóúñèàçêîôâ'’]{1,24}(?:-[A-ZÄÖÜ][a-zäöüß]{1,24})?"
_TITLED = re.compile(
    r"(?<!\w)(?:(?:Mr|Mrs|Ms|Dr|Prof|Herrn?|Frau|Monsieur|Madame|Mme|Señora?|Sra?|Don|Doña|Signora?|Sir|Lady)\.? ){1,3}"
    rf"(?P<name>{_WORD}(?: (?:(?:von|van|de|del|da|der|zu|la) ){{0,2}}{_WORD}){{0,3}})"
)


def titled(text: str) -> Iterator[Hit]:
    """Guess names: capitalised words behind a title."""
    for match in _TITLED.finditer(text):
        yield Hit("name", *match.span("name"), 0.55 if " " in match["name"] else 0.5, form="titled")


async def asked(model: Model, text: str, *, seed: int = 0) -> tuple[tuple[int, int], ...]:
    """Return where the names stand that a language model finds in a text; what it makes up stands nowhere.

    Raises:
        CallFailed, ModelUnavailable: the model gave no answer.
    """
    prompt = load("names", "regrowth.gates.personal").render(fence=fence([text]), text=text)
    reply = await model.ask(prompt, GREEDY, seed=seed)
    return tuple(sorted({span for name in _listed(reply) for span in _places(text, name)}))


def _listed(reply: str) -> list[str]:
    start, end = reply.find("["), reply.rfind("]")
    try:
        names = json.loads(reply[start : end + 1]) if start >= 0 else []
    except (ValueError, RecursionError):
        return []
    return [name.strip() for name in names if isinstance(name, str) and len(name.strip()) > 1][:200]


def _places(text: str, name: str) -> Iterator[tuple[int, int]]:
    for match in re.finditer(rf"(?<!\w){re.escape(name)}(?!\w)", text):
        yield match.span()
