"""Lists out of whatever a model writes instead of one: JSON, numbers, dashes, commas, prose around them.

    listed('Sure! Here they are:\\n1. **Tides** - how the moon pulls\\n2. Harbours\\n\\nTell me if you want more.')
    ("Tides - how the moon pulls", "Harbours")
    listed('{"list": ["Tides", "Harbours"]}')      ("Tides", "Harbours")
    listed("pens, cups, books")                     ("pens", "cups", "books")

No second call to a model turns the reply into a list, as the official pipeline does: what no program can read as a
list is refused, and asked for again with another seed.
"""

import re
from collections.abc import Iterator
from typing import Any

from regrowth.core.errors import DataError
from regrowth.models.structured import parse_json

__all__ = ["SCHEMA", "canonical", "headed", "listed"]

SCHEMA = {
    "type": "object",
    "properties": {"list": {"type": "array", "items": {"type": "string"}}},
    "required": ["list"],
    "additionalProperties": False,
}
"""What servers that constrain decoding are asked for; the outermost value must be an object for some of them."""
DEEPEST = 4
"""Objects and lists inside each other that are looked through for texts."""
_MARKER = re.compile(r"^\s*(?:[-*•–]|\(?\d{1,4}[.):]\)?|\(?[a-z][.)])\s+(?=\S)")
_BOLD = re.compile(r"(\*\*|__)(?P<text>[^*_\n]+)\1")
_LEAD = re.compile(r"^[^\n]{0,200}:\s*$")
_HEAD = re.compile(r"\s*(?::| [-–—]) ")
_QUOTES = "\"'“”‘’«»`"


def listed(text: str, *, inline: bool = True) -> tuple[str, ...]:
    """Return the entries of a list in a text, each different, in order; nothing if there is no list.

    JSON counts first, then marked lines (prose between and around them is dropped), then lines, then, if `inline`, the
    parts of a single line between semicolons or commas.
    """
    answer = text.rpartition("</think>")[2].strip()
    found = _from_json(answer) or _marked(answer) or _unmarked(answer, inline)
    entries = (" ".join(_plain(entry).split()) for entry in found)
    return tuple(dict.fromkeys(entry for entry in entries if entry))


def _from_json(text: str) -> list[str]:
    try:
        value = parse_json(text).value
    except DataError:
        return []
    return list(_texts(value)) if isinstance(value, dict | list) else []


def _texts(value: Any, depth: int = 0) -> Iterator[str]:
    """Yield the texts of a JSON list; of an entry that is an object, its first text."""
    if isinstance(value, str):
        yield value
    elif depth < DEEPEST and isinstance(value, dict):
        inner = next((one for one in value.values() if isinstance(one, list)), None)
        first = next((one for one in value.values() if isinstance(one, str)), None)
        yield from _texts(inner if inner is not None else first, depth + 1)
    elif depth < DEEPEST and isinstance(value, list):
        for one in value:
            yield from _texts(one, depth + 1)


def _marked(text: str) -> list[str]:
    return [_MARKER.sub("", line) for line in text.splitlines() if _MARKER.match(line)]


def _unmarked(text: str, inline: bool) -> list[str]:
    lines = [line for line in text.splitlines() if line.strip() and not _LEAD.match(line) and "```" not in line]
    if len(lines) != 1 or not inline:
        return lines
    after = lines[0].rpartition(": ")[2] if "," in lines[0] or ";" in lines[0] else lines[0]
    return after.split(";") if ";" in after else after.split(",")


def _plain(entry: str) -> str:
    """Return an entry without bold marks, quotation marks round it, and a comma or semicolon after it."""
    bare = _BOLD.sub(lambda match: match["text"], entry).strip().rstrip(",;").strip()
    while len(bare) > 1 and bare[0] in _QUOTES and bare[-1] in _QUOTES:
        bare = bare[1:-1].strip()
    return bare


def headed(entry: str) -> str:
    """Return the name at the head of an entry, without an explanation after a colon or a dash and without a full stop.

    >>> headed("Tides – how the moon pulls the sea")
    'Tides'
    """
    return _plain(_HEAD.split(entry, maxsplit=1)[0].rstrip(".:"))


def canonical(name: str) -> str:
    """Return the words of a name in one order, without case, plural endings and words that say nothing.

    >>> canonical("The tides of the seas")
    'sea tide'
    """
    words = re.findall(r"[^\W_]+", name.casefold())
    told = {word.removesuffix("s") if len(word) > 3 else word for word in words if word not in _EMPTY}
    return " ".join(sorted(told or words))


_EMPTY = frozenset(("a", "an", "and", "for", "in", "of", "on", "the", "to", "der", "die", "das", "und", "von", "für"))
