"""Checks that can be read without running them: a call with literal arguments, compared with a literal.

simple("assert add(2, 3) == 5", "add")      Simple(args=(2, 3), kwargs={}, symbol="==", expected=5, …)
"""

import ast
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from regrowth.domains.code._observer import Told, key
from regrowth.domains.code._replay import COMPARISONS, clipped, difference, message, shown, spoken, told
from regrowth.domains.code._syntax import defined, parsed

__all__ = ["Simple", "lifted", "literal_calls", "simple"]

UNREADABLE = (ValueError, TypeError, SyntaxError, MemoryError, RecursionError)
SINGLE = (None, True, False)


@dataclass(frozen=True, slots=True)
class Simple:
    """Hold one check that compares one call with a literal."""

    source: str
    function: str
    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]
    symbol: str
    """How both are compared; nothing if only the truth of the returned value counts."""
    expected: Any
    swapped: bool
    """Whether the call stands on the right."""
    note: str
    """What the check says of its own failure."""

    def decided(self, calls: Mapping[str, Told]) -> str | None:
        """Return what is to be said of a failure, nothing if it passed; None if only a program can tell."""
        outcome = calls.get(key((self.args, dict(self.kwargs))))
        if outcome is None or outcome[0] not in ("returned", "argument", "raised", "unplain", "ended"):
            return None
        how, value, _, after = outcome
        said = told(spoken(self.function, self.args, self.kwargs), outcome)
        if how == "argument":
            value = (after or self.args)[value]
        elif how != "returned":
            return message(self.source, [said])
        try:
            holds = self._holds(value)
        except UNREADABLE:
            return None
        return "" if holds else message(self.source, [self._difference(value), clipped(self.note, 500), said])

    def _holds(self, value: Any) -> bool:
        if not self.symbol:
            return bool(value) is self.expected
        left, right = (self.expected, value) if self.swapped else (value, self.expected)
        return bool(COMPARISONS[self.symbol](left, right))

    def _difference(self, value: Any) -> str:
        if not self.symbol:
            return f"expected something {'true' if self.expected else 'false'}, found {shown(value)}"
        return difference(self.symbol, self.expected, value)


def simple(source: str, function: str) -> Simple | None:
    """Return a check that compares one literal call with a literal; None if it is any other."""
    try:
        (statement,) = parsed(source, "the check").body
        if not isinstance(statement, ast.Assert):
            return None
        note = "" if statement.msg is None else str(ast.literal_eval(statement.msg))
        test, wanted = statement.test, True
        if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
            test, wanted = test.operand, False
        if isinstance(test, ast.Call):
            args, kwargs = _arguments(test, function)
            return Simple(source, function, args, kwargs, "", wanted, False, note)
        if not wanted or not isinstance(test, ast.Compare) or len(test.ops) != 1:
            return None
        sides, swapped = (test.left, test.comparators[0]), not isinstance(test.left, ast.Call)
        called, literal = reversed(sides) if swapped else sides
        symbol, expected = _symbol(test.ops[0]), ast.literal_eval(literal)
        if symbol in ("is", "is not") and not any(expected is one for one in SINGLE):
            return None
        args, kwargs = _arguments(called, function)
        return Simple(source, function, args, kwargs, symbol, expected, swapped, note)
    except UNREADABLE:
        return None


def _symbol(operation: ast.cmpop) -> str:
    return ast.unparse(ast.Compare(ast.Constant(0), [operation], [ast.Constant(0)]))[2:-2]


def _arguments(node: ast.expr, function: str) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Return the literal arguments of a call of the function.

    Raises:
        ValueError: it is no such call.
    """
    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name) or node.func.id != function:
        raise ValueError("not a call of the function")
    args = tuple(ast.literal_eval(argument) for argument in node.args)
    kwargs = {keyword.arg or "": ast.literal_eval(keyword.value) for keyword in node.keywords}
    if "" in kwargs:
        raise ValueError("arguments that are unpacked")
    key((args, kwargs))
    return args, kwargs


def literal_calls(checks: Sequence[str], function: str) -> Iterator[tuple[tuple[Any, ...], dict[str, Any]]]:
    """Yield the arguments of every call in some checks that can be read off the page."""
    for source in checks:
        for node in ast.walk(parsed(source, "the check")):
            try:
                yield _arguments(node, function) if isinstance(node, ast.Call) else _none()
            except UNREADABLE:
                continue


def _none() -> Any:
    raise ValueError


def lifted(source: str, function: str, cases: list[str], name: str) -> str | None:
    """Return a check with its calls replaced by numbered cases, whose source is added to `cases`.

    None if there is no call to replace, or one depends on a name that the check itself binds.
    """
    tree = parsed(source, "the check")
    bound = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load)}
    bound |= {node.arg for node in ast.walk(tree) if isinstance(node, ast.arg)} | defined(tree)
    lifting = _Lifting(function, bound, len(cases), name)
    tree = lifting.visit(tree)
    if lifting.stuck or not lifting.cases:
        return None
    cases += lifting.cases
    return ast.unparse(ast.fix_missing_locations(tree))


class _Lifting(ast.NodeTransformer):
    def __init__(self, function: str, bound: set[str], first: int, name: str) -> None:
        self.function = function
        self.bound = bound
        self.first = first
        self.name = name
        self.cases: list[str] = []
        self.stuck = False

    def visit_Call(self, node: ast.Call) -> ast.AST:
        if not isinstance(node.func, ast.Name) or node.func.id != self.function:
            return self.generic_visit(node)
        names = {part.id for part in ast.walk(node) if isinstance(part, ast.Name)}
        own = {part.arg for part in ast.walk(node) if isinstance(part, ast.arg)}
        self.stuck |= bool(names & self.bound - own)
        self.cases.append(ast.unparse(node))
        number = ast.Constant(self.first + len(self.cases) - 1)
        return ast.Call(ast.Name(self.name, ast.Load()), [number], [])
