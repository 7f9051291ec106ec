"""Gates on the form of a reply: empty, refused, looping, not JSON, not of a pattern.

    not_empty         " \\n"                                        refused: the response is empty
    no_refusal        "I'm sorry, but I can't help with that."      refused: opens like a refusal
    not_repetitive    "the bus at the terminal. the bus at …"       refused: compresses 7.2 times
    valid_json()      '{"a": 1,}'                                   refused: Illegal trailing comma …

How often `no_refusal` and `not_repetitive` are right on real replies is measured in docs/gates.md.
"""

import functools
import re
import tomllib
import zlib
from collections.abc import Callable, Mapping
from importlib.resources import files
from typing import Any

from regrowth.core.cells import shown
from regrowth.core.errors import Rejected, SettingsError
from regrowth.core.record import Record
from regrowth.gates.json_values import checked_schema, fault, parse_json
from regrowth.gates.naming import named

__all__ = ["matches", "no_refusal", "not_empty", "not_repetitive", "refusal", "repetition", "valid_json"]

OPENING = 200
"""Characters of a reply in which a refusal would stand."""
LEADS = 4
"""Most leads ("I'm sorry, but", "as an AI,") in front of a refusal."""
WINDOW = 1000
"""Characters that are compressed at once, so that a loop shows at the end of a long text too; they overlap by half."""
MOST_REPETITIVE = 4.5
"""What people write compresses less than this in any window (test code 4.4, prose below 3); loops 5 to 60 times."""


def not_empty(record: Record) -> Record:
    """Refuse a response without one visible character."""
    if not any(character.isprintable() and not character.isspace() for character in record.response):
        raise Rejected("not_empty", "the response is empty")
    return record


def no_refusal(record: Record) -> Record:
    """Refuse a response that opens like a refusal, in English or German, or that the server marked as one."""
    if record.attributes.get("finish") == "refused":
        raise Rejected("no_refusal", "the server marked the response as refused")
    if found := refusal(record.response):
        raise Rejected("no_refusal", f"opens like a refusal: {shown(found)}")
    return record


def refusal(text: str) -> str:
    """Return the words with which a text refuses; nothing if it does not."""
    opening = " ".join(text[: 2 * OPENING].lower().replace("’", "'").split())[:OPENING]
    found = next((match for pattern in _refusals() if (match := pattern.search(opening))), None)
    return found[0] if found else ""


@functools.lru_cache(maxsize=1)
def _refusals() -> tuple[re.Pattern[str], ...]:
    phrases = tomllib.loads(files("regrowth.gates").joinpath("refusals.toml").read_text("utf-8"))
    return tuple(_opening_with(**language) for language in phrases.values())


def _opening_with(*, leads: list[str], refusals: list[str]) -> re.Pattern[str]:
    return re.compile(rf"(?:^|(?<=[.!?:] ))(?:{'|'.join(leads)}){{0,{LEADS}}}(?:{'|'.join(refusals)})")


def not_repetitive(*, at_most: float = MOST_REPETITIVE) -> Callable[[Record], Record]:
    """Refuse a response that goes round in circles: some part of it compresses more than `at_most` times."""
    if at_most <= 1:
        raise SettingsError(f"not_repetitive: at_most={at_most}, expected more than 1: no text compresses less.")
    return named("not_repetitive", _not_repetitive, at_most=at_most)


def _not_repetitive(record: Record, *, at_most: float) -> Record:
    if (found := repetition(record.response)) > at_most:
        raise Rejected("not_repetitive", f"part of it compresses {found:.1f} times, at most {at_most:g} are usual")
    return record


def repetition(text: str) -> float:
    """Return how many times the most repetitive window of a text compresses (zlib); 0 for no text."""
    last = max(len(text) - WINDOW // 2, 1)
    windows = (text[start : start + WINDOW].encode("utf-8", "surrogatepass") for start in range(0, last, WINDOW // 2))
    return max(len(window) / len(zlib.compress(window, 6)) for window in windows)


def matches(pattern: str, *, name: str = "matches") -> Callable[[Record], Record]:
    """Accept a response in which a regular expression is found; `name` tells several such gates apart."""
    try:
        re.compile(pattern)
    except re.error as error:
        raise SettingsError(f"matches: {pattern!r} is no regular expression ({error}).") from error
    return named(name, _matches, pattern=pattern, name=name)


def _matches(record: Record, *, pattern: str, name: str) -> Record:
    if not re.search(pattern, record.response):
        raise Rejected(name, f"{shown(record.response)} does not match {pattern!r}")
    return record


def valid_json(schema: Mapping[str, Any] | None = None) -> Callable[[Record], Record]:
    """Accept a response that is one JSON value and nothing else, and that fits the schema, if there is one.

    Raises:
        SettingsError: the schema is no JSON schema (draft 2020-12).
    """
    return named("valid_json", _valid_json, schema="" if schema is None else checked_schema(schema))


def _valid_json(record: Record, *, schema: str) -> Record:
    try:
        value = parse_json(record.response)
    except ValueError as error:
        raise Rejected("valid_json", f"{shown(record.response)} is not JSON: {error}") from error
    if schema and (wrong := fault(value, schema)):
        raise Rejected("valid_json", wrong)
    return record
