"""unittest's methods as plain asserts, where a class of tests holds nothing else.

self.assertEqual(add(2, 3), 5)                          assert add(2, 3) == 5
with self.assertRaises(ValueError): half("x")           with pytest.raises(ValueError): half("x")
"""

import ast
from collections.abc import Callable, Sequence

__all__ = ["as_asserts"]

_COMPARED = {
    "Equal": ast.Eq, "Equals": ast.Eq, "ListEqual": ast.Eq, "TupleEqual": ast.Eq, "DictEqual": ast.Eq,
    "SetEqual": ast.Eq, "MultiLineEqual": ast.Eq, "SequenceEqual": ast.Eq, "NotEqual": ast.NotEq, "Is": ast.Is,
    "IsNot": ast.IsNot, "In": ast.In, "NotIn": ast.NotIn, "Less": ast.Lt, "LessEqual": ast.LtE, "Greater": ast.Gt,
    "GreaterEqual": ast.GtE,
}  # fmt: skip


def as_asserts(node: ast.ClassDef) -> list[list[ast.stmt]] | None:
    """Return the body of each test method without its class, or None if the class is needed to run them."""
    bodies = list[list[ast.stmt]]()
    for part in node.body:
        if isinstance(part, ast.Pass) or (isinstance(part, ast.Expr) and isinstance(part.value, ast.Constant)):
            continue
        if not isinstance(part, ast.FunctionDef) or not part.name.startswith("test") or part.decorator_list:
            return None
        if len(part.args.args) != 1:
            return None
        plain = _Plain(part.args.args[0].arg)
        body = [plain.visit(statement) for statement in part.body]
        if plain.stuck or any(plain.uses_self(statement) for statement in body):
            return None
        importing = ast.parse("import pytest").body if plain.raises else []
        bodies.append([ast.fix_missing_locations(statement) for statement in (*importing, *body)])
    return bodies


class _Plain(ast.NodeTransformer):
    def __init__(self, own: str) -> None:
        self.own = own
        self.stuck = False
        self.raises = False

    def uses_self(self, node: ast.stmt) -> bool:
        return any(isinstance(part, ast.Name) and part.id == self.own for part in ast.walk(node))

    def visit_Return(self, node: ast.Return) -> ast.AST:
        self.stuck = True
        return node

    def visit_Expr(self, node: ast.Expr) -> ast.AST:
        self.generic_visit(node)
        name = self._method(node.value)
        if not name.startswith("assert") or not isinstance(node.value, ast.Call):
            return node
        test, used = _test(name.removeprefix("assert"), node.value.args)
        if test is None or len(node.value.args) > used + 1:
            return node
        keywords = {keyword.arg: keyword.value for keyword in node.value.keywords}
        if set(keywords) - {"msg"}:
            return node
        note = node.value.args[used] if len(node.value.args) > used else keywords.get("msg")
        return ast.Assert(test, note)

    def visit_With(self, node: ast.With) -> ast.AST:
        self.generic_visit(node)
        for item in node.items:
            call = item.context_expr
            if self._method(call) in ("assertRaises", "assertRaisesRegex") and isinstance(call, ast.Call):
                pattern = [ast.keyword("match", call.args[1])] if len(call.args) == 2 else []
                item.context_expr = ast.Call(ast.parse("pytest.raises", mode="eval").body, call.args[:1], pattern)
                self.raises = True
                self.stuck |= item.optional_vars is not None
        return node

    def _method(self, node: ast.expr) -> str:
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
            return ""
        return node.func.attr if isinstance(node.func.value, ast.Name) and node.func.value.id == self.own else ""


def _test(name: str, args: Sequence[ast.expr]) -> tuple[ast.expr | None, int]:
    """Return what is asserted, and how many arguments say it."""
    if name in _COMPARED and len(args) >= 2:
        return ast.Compare(args[0], [_COMPARED[name]()], [args[1]]), 2
    made = _MADE.get(name)
    if made is None or len(args) < made[0]:
        return None, 0
    return made[1](args), made[0]


def _none(operation: ast.cmpop) -> Callable[[Sequence[ast.expr]], ast.expr]:
    return lambda args: ast.Compare(args[0], [operation], [ast.Constant(None)])


def _called(name: str, *args: ast.expr) -> ast.expr:
    return ast.Call(ast.Name(name, ast.Load()), list(args), [])


def _near(args: Sequence[ast.expr]) -> ast.expr:
    """Agree to seven places, as assertAlmostEqual does by default."""
    apart = _called("round", _called("abs", ast.BinOp(args[0], ast.Sub(), args[1])), ast.Constant(7))
    return ast.Compare(apart, [ast.Eq()], [ast.Constant(0)])


_MADE: dict[str, tuple[int, Callable[[Sequence[ast.expr]], ast.expr]]] = {
    "True": (1, lambda args: args[0]),
    "False": (1, lambda args: ast.UnaryOp(ast.Not(), args[0])),
    "IsNone": (1, _none(ast.Is())),
    "IsNotNone": (1, _none(ast.IsNot())),
    "IsInstance": (2, lambda args: _called("isinstance", args[0], args[1])),
    "AlmostEqual": (2, _near),
}
