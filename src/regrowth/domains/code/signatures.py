"""What a Python function takes and gives: from its annotations, its examples, the asserts on it, its defaults.

    source = 'def top(xs, n=1):\\n    \\"\\"\\">>> top([3, 1], 1)\\n    [3]\\"\\"\\"\\n    return sorted(xs)[-n:]'
    str(signature(source, "top"))                   "(xs: list[int], n: int) -> list[int]"
    examples(source, "top")                         [([3, 1], 1)]

The types are those that values have across the wall of the sandbox; `Any` is one that nothing tells.
"""

import ast
import contextlib
import doctest
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Any, TypeAlias

from regrowth.core.cells import listed
from regrowth.core.errors import DataError
from regrowth.domains.code._simple import UNREADABLE, literal_calls, simple
from regrowth.domains.code._syntax import parsed, tree

__all__ = ["ANY", "NONE", "Inputs", "Kind", "Parameter", "Signature", "examples", "joined", "kind_of", "signature"]

Inputs: TypeAlias = tuple[Any, ...]
"""Positional arguments of one call."""


@dataclass(frozen=True, slots=True)
class Kind:
    """Name a type: what Python calls it, and the kinds inside."""

    name: str
    """`None`, `bool`, `int`, `float`, `complex`, `str`, `bytes`, `list`, `tuple` (fixed), `tuple…` (any length),
    `dict`, `set`, `frozenset`, `|` (one of several) or `Any`."""
    parts: tuple["Kind", ...] = ()

    def __str__(self) -> str:
        if self.name == "|":
            return " | ".join(map(str, self.parts))
        if self.name == "tuple…":
            return f"tuple[{self.parts[0]}, ...]"
        return f"{self.name}[{', '.join(map(str, self.parts))}]" if self.parts else self.name


ANY, NONE = Kind("Any"), Kind("None")
_SCALARS = ("bool", "int", "float", "complex", "str", "bytes")
_COLLECTIONS = {"list": "list", "set": "set", "frozenset": "frozenset", "Sequence": "list", "Iterable": "list",
                "Collection": "list", "MutableSequence": "list", "Iterator": "list"}  # fmt: skip
_MAPPINGS = ("dict", "Mapping", "defaultdict", "OrderedDict", "Counter", "MutableMapping")


@dataclass(frozen=True, slots=True)
class Parameter:
    """Name one parameter and what it takes."""

    name: str
    kind: Kind


@dataclass(frozen=True, slots=True)
class Signature:
    """Hold what a function takes and gives."""

    function: str
    parameters: tuple[Parameter, ...]
    """Those that are given by position; with a default only where the examples give them too."""
    returns: Kind = ANY

    def __str__(self) -> str:
        given = ", ".join(f"{parameter.name}: {parameter.kind}" for parameter in self.parameters)
        return f"({given}) -> {self.returns}"


def signature(source: str, function: str, tests: Sequence[str] = (), calls: Sequence[Inputs] = ()) -> Signature:
    """Return what a function takes, annotations first, then what its examples show.

    Args:
        source: the code that defines it; its docstring's examples are read too.
        function: its name.
        tests: sources with calls on literals, such as `assert top([1, 2], 1) == [2]`.
        calls: arguments it was called with.

    Raises:
        DataError: the source is not Python or does not define it.
    """
    node = _definition(source, function)
    given = [*calls, *examples(source, function, tests)]
    arguments = [*node.args.posonlyargs, *node.args.args]
    optional = len(node.args.defaults)
    width = max(map(len, given), default=len(arguments))
    defaults: list[ast.expr | None] = [*[None] * (len(arguments) - optional), *node.args.defaults]
    parameters = []
    for place, (argument, default) in enumerate(zip(arguments, defaults, strict=True)):
        if place >= width and default is not None:
            break
        seen = [kind_of(one[place]) for one in given if len(one) > place]
        shown = joined(seen) if seen else _literal_kind(default)
        told = _annotated(argument.annotation)
        parameters.append(Parameter(argument.arg, shown if told == ANY else _sharpened(told, shown)))
    returned = joined(_results(source, function, tests))
    told = _annotated(node.returns)
    return Signature(function, tuple(parameters), returned if told == ANY else _sharpened(told, returned))


def examples(source: str, function: str, tests: Sequence[str] = ()) -> list[Inputs]:
    """Return the arguments of calls on literals, in the docstring's examples and in tests; each once."""
    shown = [example.source for example in _documented(source)]
    sources = [one for one in (*shown, *tests) if tree(one) is not None]
    found = [args for args, kwargs in literal_calls(sources, function) if not kwargs]
    return list({repr(args): args for args in found}.values())


def kind_of(value: object) -> Kind:
    """Return the kind of a plain value."""
    if value is None:
        return NONE
    if isinstance(value, tuple):
        return Kind("tuple", tuple(map(kind_of, value)))
    if isinstance(value, list | set | frozenset):
        return Kind(type(value).__name__, (joined(map(kind_of, value)),))
    if isinstance(value, dict):
        return Kind("dict", (joined(map(kind_of, value)), joined(map(kind_of, value.values()))))
    return Kind(type(value).__name__) if type(value).__name__ in _SCALARS else ANY


def joined(kinds: Iterable[Kind]) -> Kind:
    """Return the narrowest kind that holds all of some kinds; `Any` if there are none."""
    return reduce(_joined, kinds, ANY)


def _joined(one: Kind, other: Kind) -> Kind:
    """Return the kind of values that are of one of two kinds, like ones merged."""
    choices = list(one.parts if one.name == "|" else (one,))
    for kind in other.parts if other.name == "|" else (other,):
        for place, choice in enumerate(choices):
            merged = _merged(choice, kind)
            if merged is not None:
                choices[place] = merged
                break
        else:
            choices.append(kind)
    return choices[0] if len(choices) == 1 else Kind("|", tuple(sorted(choices, key=lambda kind: kind == NONE)))


def _merged(one: Kind, other: Kind) -> Kind | None:
    """Return the kind of values of both kinds where that is one kind; neither is a choice of several."""
    if one == other or other == ANY:
        return one
    if one == ANY:
        return other
    if {one.name, other.name} == {"int", "float"}:
        return Kind("float")
    if one.name == other.name and len(one.parts) == len(other.parts):
        return Kind(one.name, tuple(map(_joined, one.parts, other.parts)))
    if {one.name, other.name} <= {"tuple", "tuple…"}:
        return Kind("tuple…", (joined((*one.parts, *other.parts)),))
    return None


def _sharpened(told: Kind, shown: Kind) -> Kind:
    """Return an annotated kind with what it leaves open filled in by what the examples show."""
    if told == ANY:
        return shown
    if told.name == shown.name and len(told.parts) == len(shown.parts) and told.name != "|":
        return Kind(told.name, tuple(map(_sharpened, told.parts, shown.parts)))
    if told.name in ("list", "set", "frozenset", "tuple", "dict") and shown.name == told.name and not told.parts:
        return shown
    return told


def _definition(source: str, function: str) -> ast.FunctionDef | ast.AsyncFunctionDef:
    module = parsed(source, "the code")
    kinds = ast.FunctionDef | ast.AsyncFunctionDef
    found = [node for node in module.body if isinstance(node, kinds)]
    for node in reversed(found):
        if node.name == function:
            return node
    raise DataError(f"the code defines no function {function!r} (found: {listed(node.name for node in found)}).")


def _annotated(node: ast.expr | None) -> Kind:
    """Return what an annotation says; `Any` for what cannot be told across the wall of the sandbox."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        inner = tree(node.value)
        node = inner.body[0].value if inner and inner.body and isinstance(inner.body[0], ast.Expr) else None
    if node is None:
        return ANY
    if isinstance(node, ast.Constant) and node.value is None:
        return NONE
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
        return _union((node.left, node.right))
    if not isinstance(node, ast.Subscript):
        return _plain_annotation(_last(node))
    parts = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
    return _generic(_last(node.value), parts)


def _last(node: ast.expr) -> str:
    return ast.unparse(node).rpartition(".")[2]


def _plain_annotation(name: str) -> Kind:
    if name in _SCALARS:
        return Kind(name)
    if name.lower() in _COLLECTIONS or name in _COLLECTIONS:
        return Kind(_COLLECTIONS.get(name, name.lower()), (ANY,))
    if name == "Dict" or name in _MAPPINGS:
        return Kind("dict", (ANY, ANY))
    return Kind("tuple…", (ANY,)) if name in ("tuple", "Tuple") else ANY


def _generic(name: str, parts: Sequence[ast.expr]) -> Kind:
    if name == "Optional":
        return _joined(_annotated(parts[0]), NONE)
    if name == "Union":
        return _union(parts)
    kinds = tuple(map(_annotated, parts))
    if name in ("tuple", "Tuple"):
        open_ended = len(parts) == 2 and ast.unparse(parts[1]) == "..."
        return Kind("tuple…", kinds[:1]) if open_ended else Kind("tuple", kinds)
    bare = _plain_annotation(name)
    return Kind(bare.name, kinds) if len(kinds) == len(bare.parts) else bare


def _union(parts: Sequence[ast.expr]) -> Kind:
    kinds = [_annotated(part) for part in parts]
    return ANY if ANY in kinds else reduce(_joined, kinds)


def _literal_kind(node: ast.expr | None) -> Kind:
    try:
        return ANY if node is None else kind_of(ast.literal_eval(node))
    except UNREADABLE:
        return ANY


def _documented(source: str) -> Iterator[doctest.Example]:
    """Yield the examples in the docstrings of functions."""
    module = tree(source)
    nodes = ast.walk(module) if module else ()
    functions = [node for node in nodes if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    for text in filter(None, map(ast.get_docstring, functions)):
        with contextlib.suppress(ValueError):  # prompts that are not indented alike, and other near misses of a format
            yield from doctest.DocTestParser().get_examples(text)


def _results(source: str, function: str, tests: Sequence[str]) -> list[Kind]:
    checks = [simple(test, function) for test in tests]
    kinds = [kind_of(check.expected) for check in checks if check and check.symbol in ("==", "is")]
    wanted = (example for example in _documented(source) if example.source.strip().startswith(f"{function}("))
    for example in wanted:
        with contextlib.suppress(*UNREADABLE):
            kinds.append(kind_of(ast.literal_eval(example.want.strip())))
    return kinds
