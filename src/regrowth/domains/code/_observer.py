"""What stands beside a candidate in the sandbox: it makes the calls and tells all that a test could see of them.

Its text is sent as it is, so it imports the standard library and nothing else. One call as it is told:
    observed("add", (2, 3), {})      ("returned", 5, "", None)      # value, what was printed, the arguments if changed

Nothing here decides. What it tells is the candidate's word: the host compares.
"""

from collections import abc
from collections.abc import Callable, Iterator, Mapping
from contextlib import redirect_stdout
from copy import deepcopy
from io import StringIO
from itertools import islice
from types import NoneType
from typing import Any, TypeAlias

__all__ = ["Told", "key", "observer", "plain"]

Told: TypeAlias = tuple[str, Any, str, Any]
"""How a call ended (`returned`, `argument`, `iterator`, `range`, `raised`, `unplain`), with what, what it printed, and
the positional arguments afterwards where it changed them."""

SCALARS: tuple[Any, ...] = (int, float, complex, bytes)
COLLECTIONS: tuple[Any, ...] = (list, tuple, set, frozenset)
DEPTH = 60
"""Levels of nesting that still count as plain: far below what Python's own parser takes."""
LONG = 4096
"""Bits of a whole number from which Python refuses to write it in decimal, or soon will."""
LONGEST = 100_000
"""Items taken from an iterator; one that has more is not plain."""
PRINTED = 10_000
"""Characters of what a call printed that are kept."""


def key(value: Any, depth: int = DEPTH) -> str:
    """Return the source text of a plain value: equal for two values only if types and content are the same.

    Raises:
        TypeError: the value is not plain.
    """
    kind = type(value)
    if depth < 0:
        raise TypeError(f"nested more than {DEPTH} levels deep")
    if kind is int and value.bit_length() > LONG:
        return hex(value)
    if kind in (NoneType, bool, int, str, bytes):
        return repr(value)
    if kind is float:
        return repr(value) if value - value == 0 else f"float('{value!r}')"
    if kind is complex:
        return f"complex({key(value.real)}, {key(value.imag)})"
    if kind is dict:
        return "{" + ", ".join(f"{key(name, depth - 1)}: {key(item, depth - 1)}" for name, item in value.items()) + "}"
    if kind in (set, frozenset):
        return f"{kind.__name__}([{', '.join(sorted(key(item, depth - 1) for item in value))}])"
    if kind is list:
        return f"[{', '.join(key(item, depth - 1) for item in value)}]"
    if kind is tuple:
        return f"({''.join(key(item, depth - 1) + ', ' for item in value).rstrip()})"
    raise TypeError(f"a {kind.__name__} is not plain data")


def plain(value: Any, depth: int = DEPTH) -> Any:
    """Return a value with every part of exactly a built-in type: a Counter becomes a dict, a named tuple a tuple.

    Raises:
        TypeError: some part stands for nothing plain.
    """
    if depth < 0:
        raise TypeError(f"nested more than {DEPTH} levels deep")
    if isinstance(value, bool | NoneType):
        return value
    if isinstance(value, str):
        return str.__str__(value)
    for kind in SCALARS:
        if isinstance(value, kind):
            return value if type(value) is kind else kind(value)
    if isinstance(value, dict):
        return {plain(name, depth - 1): plain(item, depth - 1) for name, item in value.items()}
    for kind in COLLECTIONS:
        if isinstance(value, kind):
            return kind(plain(item, depth - 1) for item in value)
    if isinstance(value, abc.KeysView | abc.ValuesView | abc.ItemsView):
        return [plain(item, depth - 1) for item in value]
    raise TypeError(f"a {type(value).__name__} is not plain data")


def observer(namespace: Mapping[str, Any]) -> Callable[[str, tuple[Any, ...], dict[str, Any]], Told]:
    """Return the function that makes one call by name in a namespace and tells what came of it."""

    def observed(name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Told:
        function = namespace.get(name)
        if not callable(function):
            raise NameError(f"the code defines no function {name!r}")
        before, printed = deepcopy(args), StringIO()
        try:
            with redirect_stdout(printed):
                how, value = _named(function(*args, **kwargs), args)
        except _Unplain as error:
            how, value = "unplain", str(error)
        except BaseException as error:
            how, value = "raised", _exception(error)
        return how, value, printed.getvalue()[:PRINTED], _changed(before, args)

    return observed


class _Unplain(Exception):
    """Tell a value that is not plain from an error of the candidate."""


def _named(value: Any, args: tuple[Any, ...]) -> tuple[str, Any]:
    """Return a value as the host can rebuild it: a list that was given back is that list, not its like."""
    for place, argument in enumerate(args):
        if value is argument and isinstance(value, list | dict | set):
            return "argument", place
    if isinstance(value, range):
        return "range", (value.start, value.stop, value.step)
    try:
        if isinstance(value, Iterator):
            items = list(islice(value, LONGEST + 1))
            if len(items) > LONGEST:
                raise TypeError(f"an iterator of more than {LONGEST} items is not plain data")
            return "iterator", plain(items)
        return "returned", plain(value)
    except (TypeError, RecursionError) as error:
        raise _Unplain(str(error)) from error


def _exception(error: BaseException) -> tuple[list[str], str]:
    return [kind.__name__ for kind in type(error).__mro__ if kind is not object], str(error)


def _changed(before: tuple[Any, ...], after: tuple[Any, ...]) -> Any:
    try:
        return None if key(before) == key(after) else plain(after)
    except (TypeError, RecursionError):
        return None
