"""Types of a function's parameters and result, as Python writes them, for languages that want them said.

    parse_signature("(n: int, words: list[str] | None) -> dict[str, float]")
    str(inferred([[1, 2.5], []]))            "list[list[float]]"
    str(signature_of([[3, ["a"]]], [True]))  "(a: int, b: list[str]) -> bool"

A type is a name and what it holds: `any` where nothing is known (an empty list holds `any`), `mixed` where several
kinds stand side by side. A tuple of any length is a list here.
"""

import ast
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Any, Literal, TypeAlias

from regrowth.core.errors import DataError

__all__ = [
    "ANY",
    "MIXED",
    "Blurs",
    "Signature",
    "Type",
    "inferred",
    "parse_signature",
    "parse_type",
    "shaped",
    "signature_of",
]


@dataclass(frozen=True, slots=True)
class Type:
    """Hold a type: its kind, and the types of what it holds."""

    kind: str
    """none, bool, int, float, str, bytes, complex, list, tuple, dict, set, optional, any or mixed."""
    of: tuple["Type", ...] = ()

    def __str__(self) -> str:
        if self.kind == "optional":
            return f"{self.of[0]} | None"
        name = {"none": "None", "any": "Any", "mixed": "object"}.get(self.kind, self.kind)
        return f"{name}[{', '.join(map(str, self.of))}]" if self.of else name


Blurs: TypeAlias = frozenset[Literal["words", "vectors", "from 0", "from 1", "false is none"]]

ANY, MIXED = Type("any"), Type("mixed")
_NONE, _BOOL, _INT, _FLOAT = Type("none"), Type("bool"), Type("int"), Type("float")

_NAMES = {
    **dict.fromkeys(("none", "bool", "int", "float", "str", "bytes", "complex", "set", "tuple", "any"), ""),
    **dict.fromkeys(("list", "sequence", "iterable", "iterator", "collection", "mutablesequence", "generator"), "list"),
    **dict.fromkeys(("dict", "mapping", "mutablemapping", "defaultdict", "ordereddict", "counter"), "dict"),
    "frozenset": "set",
    "object": "mixed",
    "number": "float",
}


@dataclass(frozen=True, slots=True)
class Signature:
    """Hold the types of a function's parameters, in their order, and of its result."""

    parameters: tuple[Type, ...]
    returns: Type = ANY

    def __str__(self) -> str:
        named = (f"{_letter(at)}: {kind}" for at, kind in enumerate(self.parameters))
        return f"({', '.join(named)}) -> {self.returns}"


def _letter(at: int) -> str:
    return chr(ord("a") + at) if at < 26 else f"a{at}"


def parse_signature(text: str) -> Signature:
    """Return a signature written as `(a: int, b: list[str]) -> bool`; what has no type is `any`.

    Raises:
        DataError: it is none.
    """
    try:
        function = ast.parse(f"def f{text.strip().removesuffix(':')}: ...").body[0]
    except (SyntaxError, ValueError, RecursionError) as error:
        raise DataError(f"Not a signature: {text[:80]!r}. Expected '(a: int, b: list[str]) -> bool'.") from error
    if not isinstance(function, ast.FunctionDef):
        raise DataError(f"Not a signature: {text[:80]!r}. Expected '(a: int, b: list[str]) -> bool'.")
    parameters = (*function.args.posonlyargs, *function.args.args)
    return Signature(tuple(_type(one.annotation) for one in parameters), _type(function.returns))


def parse_type(text: str) -> Type:
    """Return a type written as a Python annotation; names that are not known are `any`.

    Raises:
        DataError: it is no expression.
    """
    try:
        return _type(ast.parse(text.strip(), mode="eval").body)
    except (SyntaxError, ValueError, RecursionError) as error:
        raise DataError(f"Not a type: {text[:80]!r}. Expected an annotation as 'list[int]'.") from error


def _type(node: ast.expr | None) -> Type:
    if isinstance(node, ast.Constant):
        return parse_type(node.value) if isinstance(node.value, str) else _NONE if node.value is None else ANY
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
        return reduce(_joined, (_type(node.left), _type(node.right)))
    if isinstance(node, ast.Subscript):
        inner = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
        return _generic(_name(node.value), inner)
    name = _NAMES.get(_name(node).lower())
    return ANY if name is None else _filled(Type(name or _name(node).lower()))


def _name(node: ast.expr | None) -> str:
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def _generic(name: str, inner: Sequence[ast.expr]) -> Type:
    if name.lower() == "union":
        return reduce(_joined, map(_type, inner))
    if name.lower() == "optional":
        return _joined(_type(inner[0]), _NONE)
    if any(isinstance(one, ast.Constant) and one.value is ... for one in inner):
        return Type("list", (_type(inner[0]),))
    kind = _NAMES.get(name.lower())
    if kind is None:
        return ANY
    held = tuple(map(_type, inner))
    return _filled(Type(kind or name.lower(), (*held, _INT) if name.lower() == "counter" else held))


def _filled(kind: Type) -> Type:
    """Return a container's type with all that it needs to say of its contents."""
    count = {"list": 1, "set": 1, "dict": 2}.get(kind.kind)
    return kind if count is None else Type(kind.kind, (*kind.of, ANY, ANY)[:count])


def inferred(value: object) -> Type:
    """Return the type of a plain value."""
    if isinstance(value, list):
        return Type("list", (_all(value),))
    if isinstance(value, set | frozenset):
        return Type("set", (_all(value),))
    if isinstance(value, tuple):
        return Type("tuple", tuple(inferred(one) for one in value))
    if isinstance(value, dict):
        return Type("dict", (_all(value), _all(value.values())))
    return _NONE if value is None else Type(type(value).__name__)


def signature_of(inputs: Sequence[Sequence[object]], results: Sequence[object] = ()) -> Signature:
    """Return the signature that calls and their results show."""
    width = max(map(len, inputs), default=0)
    columns = ([given[at] for given in inputs if at < len(given)] for at in range(width))
    return Signature(tuple(map(_all, columns)), _all(results))


def _all(values: Iterable[object]) -> Type:
    return reduce(_joined, map(inferred, values), ANY)


def _joined(one: Type, other: Type) -> Type:
    """Return the narrowest type that holds both."""
    if one == other or other == ANY:
        return one
    if one == ANY:
        return other
    if "optional" in (one.kind, other.kind) or _NONE in (one, other):
        parts = [part.of[0] if part.kind == "optional" else part for part in (one, other) if part != _NONE]
        return Type("optional", (reduce(_joined, parts),))
    if {one.kind, other.kind} == {"int", "float"}:
        return _FLOAT
    if {one.kind, other.kind} == {"list", "tuple"} or (
        one.kind == other.kind == "tuple" and len(one.of) != len(other.of)
    ):
        return Type("list", (reduce(_joined, (*one.of, *other.of), ANY),))
    if one.kind != other.kind or not one.of or not other.of:
        return MIXED
    return Type(one.kind, tuple(map(_joined, one.of, other.of)))


def shaped(value: Any, kind: Type, *, blurs: Blurs = frozenset()) -> Any:
    """Return a value of another language as the Python value that a type says it stands for; as it is if it cannot.

    Args:
        value: what the other language gave.
        kind: what it should be.
        blurs: what cannot be told apart there: `words`, that texts, numbers and truth values differ by their use
            alone, as in Perl; `vectors`, that one value is a list of length one, as in R; `from 0` and `from 1`, that
            a list is a dict with these keys, as in PHP and Lua; `false is none`, as in Racket.
    """
    if kind.kind in ("optional", "none") and value is False and "false is none" in blurs and kind.of != (_BOOL,):
        return None
    if kind.kind == "optional":
        return None if value is None else shaped(value, kind.of[0], blurs=blurs)
    if kind.kind in ("list", "set", "tuple"):
        return _sequence(value, kind, blurs)
    if kind.kind == "dict":
        return _mapping(value, kind, blurs)
    if kind.kind == "float" and type(value) is int:
        return float(value) if abs(value) < 1 << 1000 else value
    if kind.kind == "int" and type(value) is float and value == value // 1:
        return int(value)
    return _scalar(value, kind.kind) if "words" in blurs else value


def _sequence(value: Any, kind: Type, blurs: Blurs) -> Any:
    if value == {} or (value is None and "vectors" in blurs):
        value = []
    if "vectors" in blurs and type(value) in (bool, int, float, str):
        value = [value]
    if type(value) not in (list, tuple, set, frozenset):
        return value
    fixed = kind.kind == "tuple" and len(kind.of) == len(value)
    inner = kind.of if fixed else (reduce(_joined, kind.of, ANY),) * len(value)
    made = [shaped(one, held, blurs=blurs) for one, held in zip(value, inner, strict=True)]
    if kind.kind == "list":
        return made
    try:
        return tuple(made) if kind.kind == "tuple" else set(made)
    except TypeError:
        return value


def _mapping(value: Any, kind: Type, blurs: Blurs) -> Any:
    if type(value) is list and (not value or blurs & {"from 0", "from 1"}):
        value = {at: one for at, one in enumerate(value, int("from 1" in blurs)) if one is not None}
    if type(value) is not dict:
        return value
    return {_key(key, kind.of[0]): shaped(one, kind.of[1], blurs=blurs) for key, one in value.items()}


def _key(key: Any, kind: Type) -> Any:
    return _scalar(key, kind.kind) if type(key) is str and kind.kind in ("int", "float", "bool") else key


def _scalar(value: Any, kind: str) -> Any:
    """Return what a word stands for where a type is wanted; the word itself if it is none."""
    if kind == "bool" and type(value) is str:
        return {"1": True, "true": True, "0": False, "": False, "false": False}.get(value.lower(), value)
    if kind == "bool" and type(value) is int and value in (0, 1):
        return value == 1
    if kind == "bool" and value is None:
        return False
    if kind == "str" and type(value) in (int, float) and abs(value) < 1 << 64:
        return str(value)
    if kind in ("int", "float") and type(value) is str:
        try:
            number = float(value)
            return (
                int(value) if kind == "int" and value.lstrip("+-").isdecimal() else number if kind == "float" else value
            )
        except ValueError:
            return value
    return value
