"""Plain Python values as source of another language.

    literal([1, None, "a$b"], "perl")                             [1, undef, "a\\$b"]
    literal({"a": [True]}, "lua")                                 {["a"] = {true}}
    literal([], "cpp", parse_type("list[str]"))                   std::vector<std::string>{}
    literal([[1, 2], [3]], "bash")                                $'1 2\\n3'

What a language cannot hold exactly (an integer of 70 bits in Java) is refused, never rounded. All text is ASCII.
"""

import math
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from regrowth.core.errors import DataError, RegrowthError, SettingsError
from regrowth.sandbox.notations import ARGUMENTS, NOTATIONS, Notation, escaper, octal_bytes
from regrowth.sandbox.signatures import ANY, MIXED, Type, inferred
from regrowth.sandbox.values import encode
from regrowth.sandbox.words import bash_word

__all__ = ["argument", "literal"]


def literal(value: object, language: str, kind: Type | None = None) -> str:
    """Return an expression of a language for a plain value.

    Args:
        value: what the expression stands for.
        language: one of `LANGUAGES`, but SQL.
        kind: its type; inferred if not given. Matters for empty containers, for None, and for 3 where 3.0 is meant.

    Raises:
        DataError: the value is not plain, or the language has no such value; says why.
        SettingsError: no such language.
    """
    encode(value)
    with _refusing_the_huge():
        if language == "python":
            return _python(value)
        if language == "bash":
            return _bash_quoted(bash_word(value))
        if language in NOTATIONS:
            return _written(value, kind or inferred(value), NOTATIONS[language])
    raise SettingsError(f"No literals in {language!r}. Choose one of {', '.join(('python', 'bash', *NOTATIONS))}.")


def argument(value: object, language: str, kind: Type) -> str:
    """Return an expression for a value that a driver converts to whatever the called function takes.

    Raises:
        DataError: as `literal`.
    """
    if language not in ARGUMENTS:
        return literal(value, language, kind)
    with _refusing_the_huge():
        return _written(value, MIXED if language == "go" else kind, ARGUMENTS[language])


@contextmanager
def _refusing_the_huge() -> Iterator[None]:
    try:
        yield
    except RegrowthError:
        raise
    except ValueError as error:  # Python writes no integer of more than 4300 digits
        raise DataError(f"Too large to be written: {error}") from None


def _python(value: Any) -> str:
    """Return the source of a value; `repr` alone would write nan, a name that stands for nothing."""
    kind = type(value)
    if kind is dict:
        return "{" + ", ".join(f"{_python(key)}: {_python(one)}" for key, one in value.items()) + "}"
    if kind is float and not math.isfinite(value):
        return f'float("{value}")'
    if kind not in (list, tuple, set, frozenset) or not value:
        return repr(value)
    parts = list(map(_python, value))
    if kind in (set, frozenset):
        members = "{" + ", ".join(sorted(parts)) + "}"
        return members if kind is set else f"frozenset({members})"
    if kind is tuple:
        return f"({', '.join(parts)}{',' if len(parts) == 1 else ''})"
    return f"[{', '.join(parts)}]"


def _written(value: Any, kind: Type, how: Notation) -> str:
    if kind.kind == "optional":
        return how.none if value is None else how.some.format(_written(value, kind.of[0], how))
    if value is None:
        return how.none
    if type(value) is bool:
        return how.truth[value]
    if type(value) in (int, float):
        return _number(value, kind, how)
    if type(value) is str:
        return how.text(value)
    if type(value) is dict and how.mapping is not None:
        return _mapping(value, kind, how)
    if type(value) in (list, tuple):
        return _sequence(value, kind, how)
    if type(value) in (set, frozenset) and how.set_:
        return how.set_.format(", ".join(sorted(_members(sorted(value, key=repr), kind, how))))
    raise DataError(f"{how.name} has no literal for a {type(value).__name__}.")


def _sequence(value: list[Any] | tuple[Any, ...], kind: Type, how: Notation) -> str:
    if kind.kind not in ("list", "tuple", "set", "mixed", "any"):
        kind = inferred(value)  # the type is wrong about it: the value counts
    parts = _members(value, kind, how)
    if type(value) is tuple and how.tuple_ is not None and kind.kind != "list":
        return how.tuple_(parts)
    return how.sequence(parts, list(value), kind)


def _number(value: int | float, kind: Type, how: Notation) -> str:
    if type(value) is float or kind.kind == "float":
        return _real(value, how)
    if how.bits and not -(1 << (how.bits - 1)) <= value < 1 << (how.bits - 1):
        raise DataError(f"{how.name} has no integer {str(value)[:40]}: at most {how.bits} bits with the sign.")
    return how.number(int(value))


def _real(value: float, how: Notation) -> str:
    try:
        value = float(value)
    except OverflowError:
        raise DataError(f"{how.name} has no floating-point number of this size.") from None
    if math.isfinite(value):
        return how.real(value)
    return how.special[0 if math.isnan(value) else 1 if value > 0 else 2]


def _members(values: Iterable[Any], kind: Type, how: Notation) -> list[str]:
    held = list(values)
    fixed = kind.kind == "tuple" and len(kind.of) == len(held)
    other = MIXED if kind == MIXED else ANY
    kinds = kind.of if fixed else ((kind.of[0] if len(kind.of) == 1 else other),) * len(held)
    return [
        _written(one, inner if inner != ANY else inferred(one), how) for one, inner in zip(held, kinds, strict=True)
    ]


def _mapping(value: dict[Any, Any], kind: Type, how: Notation) -> str:
    other = MIXED if kind == MIXED else ANY
    key_kind, value_kind = kind.of if kind.kind == "dict" else (other, other)
    if any(type(key) not in (str, int, float, bool) for key in value):
        raise DataError(f"{how.name}: keys must be text or numbers, found {inferred(next(iter(value)))}.")
    keys = [str(key) if how.text_keys else key for key in value]
    entries = zip(
        _members(keys, Type("list", (ANY if how.text_keys else key_kind,)), how),
        _members(value.values(), Type("list", (value_kind,)), how),
        strict=True,
    )
    assert how.mapping is not None
    return how.mapping(list(entries), kind)


def _bash_quoted(word: str) -> str:
    if re.fullmatch(r"[A-Za-z0-9_./:=@%+,-]+", word):
        return f'"{word}"'
    return "$" + escaper("'", "'\\", octal_bytes)(word)
