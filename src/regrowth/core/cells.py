"""Checked access to the cells of a row that somebody else wrote: each error says what was found and what is expected.

text({"prompt": 3}, "prompt")     DataError: column 'prompt' holds a number: '3', expected text.
"""

from collections.abc import Iterable, Mapping
from typing import Any, TypeAlias

from regrowth.core.errors import DataError
from regrowth.core.record import Message, canonical

__all__ = ["described", "flag", "listed", "number_or_text", "plain", "shown", "text", "turns"]

Row: TypeAlias = Mapping[str, Any]

SHOWN = 80
"""Characters of a value that an error shows."""

_KINDS = {str: "text", dict: "an object", list: "a list", bool: "a truth value", int: "a number", float: "a number"}
_FLAGS = {"true": True, "1": True, "false": False, "0": False}


def shown(value: str) -> str:
    """Return how a text begins, in quotes."""
    return repr(value[:SHOWN]) + ("…" if len(value) > SHOWN else "")


def described(value: object) -> str:
    """Say what a value is: its kind and how it begins."""
    if value is None:
        return "null"
    kind = _KINDS.get(type(value), f"a {type(value).__name__}")
    return f"{kind}: {shown(value if isinstance(value, str) else repr(value))}"


def listed(names: Iterable[object]) -> str:
    """Return names in quotes, with commas."""
    return ", ".join(f"'{name}'" for name in names) or "none"


def text(row: Row, name: str, *, optional: bool = False) -> str:
    """Return the text in a column; nothing if the column is optional and absent or null."""
    value = row.get(name)
    if value is None and optional:
        return ""
    if not isinstance(value, str):
        raise DataError(f"column '{name}' holds {described(value)}, expected text.")
    return value


def number_or_text(row: Row, name: str) -> str:
    """Return the text in an optional column, or its number as text."""
    value = row.get(name)
    if isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    return text(row, name, optional=True)


def flag(row: Row, name: str) -> bool:
    """Return the truth value in a column: true or false, 1 or 0, also as text."""
    value = _FLAGS.get(str(row.get(name)).lower())
    if value is None:
        raise DataError(f"column '{name}' holds {described(row.get(name))}, expected true or false.")
    return value


def turns(row: Row, name: str, *, keys: tuple[str, str] = ("role", "content"), least: int = 1) -> tuple[Message, ...]:
    """Return the conversation in a column: a list of objects with a text under each of two keys, and nothing else."""
    value = row.get(name)
    if not isinstance(value, list) or len(value) < least:
        raise DataError(f"column '{name}' holds {described(value)}, expected a list of turns.")
    return tuple(_turn(turn, f"column '{name}', turn {number}", keys) for number, turn in enumerate(value, 1))


def _turn(turn: object, where: str, keys: tuple[str, str]) -> Message:
    if not isinstance(turn, dict) or not all(isinstance(turn.get(key), str) for key in keys):
        raise DataError(f"{where}: found {described(turn)}, expected text under '{keys[0]}' and '{keys[1]}'.")
    if more := [key for key, value in turn.items() if key not in keys and value is not None]:
        raise DataError(f"{where}: a record cannot hold {listed(more)}. Take it out of the file first.")
    return Message(turn[keys[0]], turn[keys[1]])


def plain(attributes: dict[str, Any]) -> dict[str, Any]:
    """Return attributes after a check that each is plain JSON data."""
    for name, value in attributes.items():
        try:
            canonical(value)
        except (TypeError, ValueError, RecursionError) as error:
            raise DataError(f"column '{name}' is not plain JSON data ({error}). Convert it to text first.") from error
    return attributes
