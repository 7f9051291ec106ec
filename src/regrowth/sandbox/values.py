"""Plain values across the wall of the sandbox: a lossless encoding, and an equality that no object can overrule.

    encode((1, 2.5, {"a"}))                       {"tuple": [1, 2.5, {"set": ["a"]}]}
    decode({"dict": [[1, "one"]]})                {1: "one"}
    same(1, True), same([1], (1,)), same(1, 1.0)  False, False, True

Plain are None, bool, int, float, str, list, tuple, dict, set, frozenset, complex and bytes of exactly these types: a
subclass brings its own `==`, and with it its own idea of what is right.
"""

import json
import math
from collections.abc import Hashable
from typing import Any, cast

from regrowth.core.errors import DataError
from regrowth.core.record import Json
from regrowth.sandbox.drivers.python import DEEPEST, NotPlain, decoded, encoded

__all__ = ["decode", "encode", "read", "same", "shown"]


def encode(value: object) -> Json:
    """Return a plain value as a tagged JSON tree; equal values of equal order give the same tree.

    Raises:
        DataError: the value holds something that is not plain, or is too deep or too large.
    """
    try:
        return cast("Json", encoded(value))
    except NotPlain as error:
        raise DataError(
            f"Not a plain value: {error}. Expected None, bool, int, float, str, list, tuple, dict, set, frozenset, "
            "complex or bytes, of exactly these types."
        ) from None


def decode(tree: Json) -> object:
    """Return the value that a tree encodes.

    Raises:
        DataError: it encodes none.
    """
    try:
        return decoded(tree)
    except NotPlain as error:
        raise DataError(f"Not the encoding of a plain value: {error}.") from None


def read(line: str) -> Any:
    """Return the JSON tree in a line that somebody untrusted wrote.

    Raises:
        DataError: it is not JSON, or nested too deeply.
    """
    try:
        return json.loads(line, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise DataError(f"Not JSON: {str(error)[:DEEPEST]}") from None


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not a JSON value")


def same(expected: object, found: object, *, tolerance: float = 0.0, loose: bool = False) -> bool:
    """Return whether two plain values are equal.

    Types must agree, but an int equals the float of its value; True is not 1, a tuple no list; nan equals nan.

    Args:
        expected: what should have come out.
        found: what came out.
        tolerance: the most by which two floats may differ, as a share of the larger one or, below 1, absolutely.
            Members of sets and keys of dicts must agree exactly.
        loose: forgive what other languages cannot tell apart: tuple and list, set and frozenset, a number and its
            text as a key, a value None and none at all (in a dict, at a list's end), an empty list and an empty dict.

    Raises:
        DataError: one of them is not plain, or nested deeper than 100.
    """
    return _Equality(tolerance, loose).holds(expected, found, 0)


_NUMBERS = (int, float)
_SHORT = 10**309
"""Below it, a number has a text that Python will write; above there are no floats."""
_SCALARS = (bool, str, bytes, type(None))


class _Equality:
    def __init__(self, tolerance: float, loose: bool) -> None:
        self.tolerance = tolerance
        self.loose = loose

    def holds(self, expected: Any, found: Any, depth: int) -> bool:
        kinds = _plain_kind(expected, depth), _plain_kind(found, depth)
        if all(kind in _NUMBERS for kind in kinds):
            return self.close(expected, found)
        if kinds == (complex, complex):
            return self.close(expected.real, found.real) and self.close(expected.imag, found.imag)
        if self.loose and all(kind in (list, tuple, dict) for kind in kinds) and not expected and not found:
            return True
        if kinds[0] is not kinds[1] and not (self.loose and set(kinds) in ({list, tuple}, {set, frozenset})):
            return False
        if kinds[0] in _SCALARS:
            return bool(expected == found)
        if kinds[0] in (set, frozenset):
            return {self.key(one, depth) for one in expected} == {self.key(one, depth) for one in found}
        if kinds[0] is dict:
            return self.entries_agree(expected, found, depth)
        left, right = (_without_tail(one) if self.loose else one for one in (expected, found))
        return len(left) == len(right) and all(
            self.holds(one, other, depth + 1) for one, other in zip(left, right, strict=True)
        )

    def close(self, expected: float, found: float) -> bool:
        if expected == found or (expected != expected and found != found):
            return True
        if not self.tolerance:
            return False
        try:
            return math.isclose(expected, found, rel_tol=self.tolerance, abs_tol=self.tolerance)
        except OverflowError:
            return False

    def entries_agree(self, expected: Any, found: Any, depth: int) -> bool:
        left, right = (
            {self.key(key, depth): one for key, one in entries.items() if one is not None or not self.loose}
            for entries in (expected, found)
        )
        return left.keys() == right.keys() and all(self.holds(one, right[key], depth + 1) for key, one in left.items())

    def key(self, value: Any, depth: int) -> Hashable:
        """Return what tells members of sets and keys of dicts apart: equal exactly if the values are the same."""
        kind = _plain_kind(value, depth)
        if kind in (tuple, frozenset):
            keys = (self.key(one, depth + 1) for one in value)
            return kind.__name__, tuple(keys) if kind is tuple else frozenset(keys)
        if kind is complex:
            return "complex", self.key(value.real, depth), self.key(value.imag, depth)
        if kind not in _NUMBERS:
            return "" if kind is str else kind.__name__, value
        if value != value:
            return "nan", None
        if self.loose:
            whole = value == value // 1
            return "", repr(value) if not whole else str(int(value)) if abs(value) < _SHORT else hex(int(value))
        return "number", value


def _plain_kind(value: object, depth: int) -> type:
    kind = type(value)
    if kind not in (*_NUMBERS, *_SCALARS, complex, list, tuple, dict, set, frozenset):
        raise DataError(f"Cannot compare a {kind.__name__}: only plain values of exactly the builtin types.")
    if depth > DEEPEST:
        raise DataError(f"Cannot compare values nested deeper than {DEEPEST}.")
    return kind


def _without_tail(values: list[Any] | tuple[Any, ...]) -> list[Any] | tuple[Any, ...]:
    end = len(values)
    while end and values[end - 1] is None:
        end -= 1
    return values[:end]


def shown(value: object, longest: int = 200) -> str:
    """Return a value as Python writes it, cut where it is long, for people and models to read."""
    try:
        text = repr(value)
    except ValueError:  # an int of more digits than Python writes
        text = f"a number too long to write ({type(value).__name__})"
    return text if len(text) <= longest else f"{text[:longest]} …"
