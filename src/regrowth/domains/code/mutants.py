"""Mutants: copies of a program with one small bug each. Tests that are worth something tell them from the original.

    found = mutants("def top(xs):\\n    return max(xs) if len(xs) > 0 else 0\\n")
    found[0].operator, found[0].line          # "return dropped", 2
    [mutant.operator for mutant in found]     # …, "comparison boundary", "constant", "condition negated", …

Each mutant differs from the original by one application of one operator, compiles, and has a syntax tree of its own.
Idea: DeMillo, Lipton and Sayward, 1978, "Hints on test data selection". Annotations, docstrings and what only stands
under `if __name__ == "__main__"` are left alone: no call could show the difference.
"""

import ast
import random
import warnings
from collections.abc import Callable, Iterator, Sequence
from itertools import zip_longest
from typing import Any, NamedTuple, TypeAlias

from regrowth.core.errors import DataError
from regrowth.domains.code._syntax import parsed

__all__ = ["OPERATORS", "Mutant", "mutants"]


class Mutant(NamedTuple):
    """A program with one bug."""

    operator: str
    line: int
    """In the original; 1 is the first."""
    code: str


Change: TypeAlias = Callable[[Any], Iterator[ast.AST]]
"""Yields what may stand in the place of a node; never changes the node itself."""

Swaps: TypeAlias = dict[type[ast.cmpop], type[ast.cmpop]]
BOUNDARIES: Swaps = {ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt}
OPPOSITES: Swaps = {
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Lt: ast.GtE,
    ast.GtE: ast.Lt,
    ast.Gt: ast.LtE,
    ast.LtE: ast.Gt,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
}
ARITHMETIC: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Add,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult,
    ast.Mod: ast.FloorDiv,
    ast.Pow: ast.Mult,
    ast.BitAnd: ast.BitOr,
    ast.BitOr: ast.BitAnd,
    ast.BitXor: ast.BitOr,
    ast.LShift: ast.RShift,
    ast.RShift: ast.LShift,
}
TWINS = {"min": "max", "max": "min", "any": "all", "all": "any", "append": "extend", "lower": "upper", "upper": "lower"}


def mutants(code: str, *, limit: int | None = None, seed: int = 0) -> tuple[Mutant, ...]:
    """Return the mutants of a program in the order of its lines, or `limit` of them, drawn from each operator in turn.

    Raises:
        DataError: it does not parse, or is nested too deeply.
    """
    tree = parsed(code, "the program")
    found: dict[str, Mutant] = {}
    try:
        original = ast.unparse(tree)
        for mutant in _all(tree):
            if mutant.code != original and mutant.code not in found and _compiles(mutant.code):
                found[mutant.code] = mutant
    except (RecursionError, ValueError) as error:  # nested too deeply, or numbers too long, to be written down
        raise DataError(f"the program cannot be changed: {error}.") from error
    made = list(found.values())
    chosen = made if limit is None or len(made) <= limit else _in_turn(made, random.Random(seed))[:limit]
    return tuple(sorted(chosen, key=lambda mutant: (mutant.line, made.index(mutant))))


def _in_turn(made: Sequence[Mutant], rng: random.Random) -> list[Mutant]:
    """Return all mutants in a random order that takes each operator in turn: a third of all are constants."""
    queues: dict[str, list[Mutant]] = {}
    for mutant in rng.sample(made, len(made)):
        queues.setdefault(mutant.operator, []).append(mutant)
    return [mutant for turn in zip_longest(*queues.values()) for mutant in turn if mutant is not None]


def _compiles(code: str) -> bool:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            compile(code, "mutant", "exec", dont_inherit=True)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return True


class _Place(NamedTuple):
    """Where a node hangs in its tree."""

    parent: ast.AST
    field: str
    at: int | None
    """In a list of nodes; None if the field holds one."""

    def put(self, node: ast.AST) -> None:
        if self.at is None:
            setattr(self.parent, self.field, node)
        else:
            getattr(self.parent, self.field)[self.at] = node


def _all(tree: ast.Module) -> Iterator[Mutant]:
    """Put every change into its place, render the tree, and put the node back."""
    for node, place in list(_places(tree)):
        for kind, operator, change in OPERATORS:
            if not isinstance(node, kind):
                continue
            for other in change(node):
                place.put(ast.copy_location(other, node))
                ast.fix_missing_locations(place.parent)
                code = ast.unparse(tree)
                place.put(node)
                yield Mutant(operator, getattr(node, "lineno", 1), code)


UNTOUCHED = {"annotation", "returns", "ctx", "op", "ops", "decorator_list", "type_comment", "format_spec"}


def _places(node: ast.AST) -> Iterator[tuple[ast.AST, _Place]]:
    for name, value in ast.iter_fields(node):
        if name in UNTOUCHED or isinstance(node, ast.JoinedStr | ast.Import | ast.ImportFrom | ast.Global):
            continue
        if isinstance(value, ast.AST):
            yield value, _Place(node, name, None)
            yield from _places(value)
        elif isinstance(value, list):
            for index, child in enumerate(value):
                if isinstance(child, ast.AST) and not _left_alone(child):
                    yield child, _Place(node, name, index)
                    yield from _places(child)


def _left_alone(node: ast.AST) -> bool:
    """Return whether a statement is a bare string (a docstring, a remark) or the part for the command line."""
    if isinstance(node, ast.Expr):
        return isinstance(node.value, ast.Constant)
    return isinstance(node, ast.If) and "__name__" in ast.unparse(node.test)


# Operators ----------------------------------------------------------------------------------------------------------


def _compared(table: Swaps) -> Change:
    def change(node: ast.Compare) -> Iterator[ast.AST]:
        for index, op in enumerate(node.ops):
            if type(op) in table:
                ops = [*node.ops[:index], table[type(op)](), *node.ops[index + 1 :]]
                yield ast.Compare(node.left, ops, node.comparators)

    return change


def _computed(node: ast.BinOp) -> Iterator[ast.AST]:
    if type(node.op) in ARITHMETIC and not isinstance(node.left, ast.JoinedStr):
        yield ast.BinOp(node.left, ARITHMETIC[type(node.op)](), node.right)


def _accumulated(node: ast.AugAssign) -> Iterator[ast.AST]:
    if type(node.op) in ARITHMETIC:
        yield ast.AugAssign(node.target, ARITHMETIC[type(node.op)](), node.value)


def _constant(node: ast.Constant) -> Iterator[ast.AST]:
    if isinstance(node.value, bool):
        yield ast.Constant(not node.value)
    elif isinstance(node.value, int | float):
        yield from (ast.Constant(node.value + step) for step in (1, -1))


def _text(node: ast.Constant) -> Iterator[ast.AST]:
    if isinstance(node.value, str):
        yield ast.Constant("" if node.value else "x")


def _joined(node: ast.BoolOp) -> Iterator[ast.AST]:
    yield ast.BoolOp(ast.Or() if isinstance(node.op, ast.And) else ast.And(), node.values)


def _moved(node: ast.expr, step: int) -> ast.expr:
    """Return an expression plus or minus one, as a person would write it."""
    if isinstance(node, ast.Constant) and isinstance(node.value, int):
        return ast.Constant(node.value + step)
    return ast.BinOp(node, ast.Add() if step > 0 else ast.Sub(), ast.Constant(1))


def _indexed(node: ast.Subscript) -> Iterator[ast.AST]:
    part = node.slice
    if isinstance(part, ast.Slice):
        lower, upper, step = part.lower, part.upper, part.step
        starts = [_moved(lower, 1), _moved(lower, -1)] if lower else [ast.Constant(1)]
        ends = [_moved(upper, -1), _moved(upper, 1)] if upper else [ast.Constant(-1)]
        for start in starts:
            yield ast.Subscript(node.value, ast.Slice(start, upper, step), node.ctx)
        for end in ends:
            yield ast.Subscript(node.value, ast.Slice(lower, end, step), node.ctx)
    elif isinstance(part, ast.Name) or (isinstance(part, ast.BinOp) and not isinstance(part.right, ast.Constant)):
        yield from (ast.Subscript(node.value, _moved(part, way), node.ctx) for way in (1, -1))


def _returned(node: ast.Return) -> Iterator[ast.AST]:
    if node.value is not None and not (isinstance(node.value, ast.Constant) and node.value.value is None):
        yield ast.Return(ast.Constant(None))


def _negated(node: ast.expr) -> ast.expr:
    bare = node.operand if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not) else None
    return bare or ast.UnaryOp(ast.Not(), node)


def _tested(node: ast.If | ast.While | ast.IfExp) -> Iterator[ast.AST]:
    held = {name: value for name, value in ast.iter_fields(node) if name != "test"}
    yield type(node)(test=_negated(node.test), **held)


def _sifted(node: ast.comprehension) -> Iterator[ast.AST]:
    for index, test in enumerate(node.ifs):
        tests = [*node.ifs[:index], _negated(test), *node.ifs[index + 1 :]]
        yield ast.comprehension(node.target, node.iter, tests, node.is_async)
        yield ast.comprehension(node.target, node.iter, [*node.ifs[:index], *node.ifs[index + 1 :]], node.is_async)


def _left(node: ast.Break | ast.Continue) -> Iterator[ast.AST]:
    yield ast.Continue() if isinstance(node, ast.Break) else ast.Break()


def _counted(node: ast.Call) -> Iterator[ast.AST]:
    if isinstance(node.func, ast.Name) and node.func.id == "range":
        for index, bound in enumerate(node.args[:2]):
            for way in (1, -1):
                args = [*node.args[:index], _moved(bound, way), *node.args[index + 1 :]]
                yield ast.Call(node.func, args, node.keywords)


def _preset(node: ast.arguments) -> Iterator[ast.AST]:
    for field in ("defaults", "kw_defaults"):
        values: list[ast.expr | None] = getattr(node, field)
        for index, value in enumerate(values):
            if value is not None:
                none = isinstance(value, ast.Constant) and value.value is None
                changed = [*values[:index], ast.Constant(0 if none else None), *values[index + 1 :]]
                yield ast.arguments(**{**dict(ast.iter_fields(node)), field: changed})


def _named(node: ast.Call) -> Iterator[ast.AST]:
    if isinstance(node.func, ast.Name) and node.func.id in TWINS:
        yield ast.Call(ast.Name(TWINS[node.func.id], ast.Load()), node.args, node.keywords)
    if isinstance(node.func, ast.Attribute) and node.func.attr in TWINS:
        yield ast.Call(ast.Attribute(node.func.value, TWINS[node.func.attr], ast.Load()), node.args, node.keywords)


def _signed(node: ast.UnaryOp) -> Iterator[ast.AST]:
    yield node.operand


def _dropped(node: ast.AST) -> Iterator[ast.AST]:
    yield ast.Pass()


OPERATORS: Sequence[tuple[Any, str, Change]] = (
    (ast.Compare, "comparison boundary", _compared(BOUNDARIES)),
    (ast.Compare, "comparison negated", _compared(OPPOSITES)),
    (ast.BinOp, "arithmetic", _computed),
    (ast.AugAssign, "arithmetic", _accumulated),
    (ast.Constant, "constant", _constant),
    (ast.Constant, "string", _text),
    (ast.BoolOp, "and, or", _joined),
    (ast.Subscript, "index", _indexed),
    (ast.Return, "return dropped", _returned),
    ((ast.If, ast.While, ast.IfExp), "condition negated", _tested),
    (ast.comprehension, "condition negated", _sifted),
    ((ast.Break, ast.Continue), "break, continue", _left),
    (ast.Call, "range", _counted),
    (ast.arguments, "default", _preset),
    (ast.Call, "function", _named),
    (ast.UnaryOp, "sign dropped", _signed),
    ((ast.AugAssign, ast.Expr), "statement dropped", _dropped),
)
"""The kind of node, the name of the operator, and what it puts in the node's place."""
