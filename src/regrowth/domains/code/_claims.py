"""What a check claims, read off the page: which calls, which values, and which program would pass by knowing nothing.

asserting(read_suite("assert f(2) == 4\\nassert f(2) == f(2)\\nassert isinstance(f(3), int)", "f"))
# ("assert f(2) == 4",): the others hold for nearly every program
"""

import ast
from collections import Counter
from collections.abc import Iterator

from regrowth.domains.code._forms import Suite

__all__ = ["asserting", "stubs"]

VAGUE = {"isinstance", "issubclass", "callable", "hasattr", "type", "bool", "str", "repr", "id"}
"""Calls whose truth says next to nothing of a value."""
UNREADABLE = (ValueError, TypeError, SyntaxError, RecursionError, MemoryError)


def asserting(suite: Suite) -> tuple[str, ...]:
    """Return the checks that assert the value of a call, one per call: `assert f(2) == f(2)` and its like do not."""
    kept: dict[str, str] = {}
    for check in suite.checks:
        if _asserts(check, suite.function):
            kept.setdefault(_calls(check, suite.function), check)
    return tuple(kept.values())


def _calls(check: str, function: str) -> str:
    """Name the calls of a check, whatever else it says."""
    return " ".join(ast.unparse(node) for node in _nodes(check) if _is_call(node, {function}))


def _nodes(check: str) -> Iterator[ast.AST]:
    try:
        yield from ast.walk(ast.parse(check))
    except UNREADABLE:
        return


def _is_call(node: ast.AST, names: set[str]) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in names


def _asserts(check: str, function: str) -> bool:
    nodes = list(_nodes(check))
    tests = [node.test for node in nodes if isinstance(node, ast.Assert)]
    called = any(_is_call(node, {function}) for node in nodes)
    if not tests:  # `with pytest.raises(…):`, `if …: raise`
        return called and any(isinstance(node, ast.With | ast.Raise) for node in nodes)
    return called and any(_says(test, function) for test in tests)


def _says(test: ast.expr, function: str) -> bool:
    """Return whether the truth of an expression depends on a value."""
    if isinstance(test, ast.BoolOp):
        parts = [_says(value, function) for value in test.values]
        return any(parts) if isinstance(test.op, ast.And) else all(parts)
    if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
        return _says(test.operand, function)
    if isinstance(test, ast.Constant) or _is_call(test, VAGUE):
        return False
    if isinstance(test, ast.Compare):
        sides = [test.left, *test.comparators]
        if len({ast.dump(side) for side in sides}) < len(sides):
            return False
        if isinstance(test.ops[0], ast.NotEq | ast.IsNot | ast.NotIn) or any(
            _is_call(side, {"type"}) for side in sides
        ):
            return False
    return True


def stubs(suite: Suite) -> dict[str, str]:
    """Return functions that know nothing of the problem, by what they return: None, the first argument, a constant.

    The constant is the value that the suite expects most often.
    """
    expected = Counter(value for check in suite.checks if (value := _expected(check)) is not None)
    bodies = {"None": "None", "its first argument": "next(iter([*args, *kwargs.values()]), None)"}
    if expected:
        constant = expected.most_common(1)[0][0]
        bodies[constant] = constant
    return {name: f"def {suite.function}(*args, **kwargs):\n    return {body}\n" for name, body in bodies.items()}


def _expected(check: str) -> str | None:
    """Return the literal that a check compares with, as source; True or False for a bare claim."""
    found = next((node.test for node in _nodes(check) if isinstance(node, ast.Assert)), None)
    if isinstance(found, ast.Call):
        return "True"
    if isinstance(found, ast.UnaryOp) and isinstance(found.op, ast.Not):
        return "False"
    if isinstance(found, ast.Compare) and len(found.ops) == 1 and isinstance(found.ops[0], ast.Eq | ast.Is):
        for side in (found.comparators[0], found.left):
            try:
                return repr(ast.literal_eval(side))
            except UNREADABLE:
                continue
    return None
