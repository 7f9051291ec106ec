"""Gates on the length of a reply.

length(at_least=20, at_most=200, unit="words")     refused: 240 words, at most 200
not_cut                                            refused: the response was cut at the token limit
"""

from collections.abc import Callable
from typing import Literal, TypeAlias

from regrowth.core.errors import Rejected, SettingsError
from regrowth.core.record import Record
from regrowth.gates.naming import named

__all__ = ["Unit", "length", "not_cut"]

Unit: TypeAlias = Literal["characters", "words"]


def length(*, at_least: int = 0, at_most: int | None = None, unit: Unit = "characters") -> Callable[[Record], Record]:
    """Accept a response of a length, both ends included; words are what white space parts.

    Raises:
        SettingsError: no such unit, or no length lies between the ends.
    """
    if unit not in ("characters", "words"):
        raise SettingsError(f"length: unit {unit!r}, expected 'characters' or 'words'.")
    if at_least < 0 or (at_most is not None and at_most < at_least):
        raise SettingsError(f"length: nothing is at least {at_least} and at most {at_most} {unit} long.")
    return named("length", _length, at_least=at_least, at_most=at_most, unit=unit)


def _length(record: Record, *, at_least: int, at_most: int | None, unit: Unit) -> Record:
    count = len(record.response) if unit == "characters" else len(record.response.split())
    if count < at_least:
        raise Rejected("length", f"{count} {unit}, at least {at_least}")
    if at_most is not None and count > at_most:
        raise Rejected("length", f"{count} {unit}, at most {at_most}")
    return record


def not_cut(record: Record) -> Record:
    """Refuse a response that was cut at the token limit: its attribute `finish` is `length`.

    A record without that attribute was not written by a model that could be cut, and passes.
    """
    if record.attributes.get("finish") == "length":
        raise Rejected("not_cut", "the response was cut at the token limit; raise max_tokens or ask for less")
    return record
