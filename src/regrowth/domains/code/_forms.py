"""The forms in which tests are written, read into checks that stand each for itself.

    read_suite("def test_add():\\n    assert add(2, 3) == 5\\n    assert add(-1, 1) == 0", "add").checks
                                                ("assert add(2, 3) == 5", "assert add(-1, 1) == 0")

Statements that depend on each other through a name stay together in one check, in their order.
"""

import ast
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import product
from typing import Any

from regrowth.core.cells import listed, shown
from regrowth.core.errors import DataError
from regrowth.domains.code._syntax import parsed
from regrowth.domains.code._unittests import as_asserts

__all__ = ["Suite", "read_suite"]

IMPORTS = (ast.Import, ast.ImportFrom)
DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
SCOPED = (ast.Return, ast.Yield, ast.YieldFrom, ast.Await, ast.Global, ast.Nonlocal)


@dataclass(frozen=True, slots=True)
class Suite:
    """Hold tests of one function.

    Raises:
        DataError: the setup or a check is not Python.
    """

    function: str
    """Name under test."""
    checks: tuple[str, ...]
    """Python source of each test: statements, usually one assert. Each runs alone, after the setup."""
    setup: str = ""
    """Statements before each of them: imports, helpers, constants."""

    def __post_init__(self) -> None:
        if not self.function.isidentifier():
            raise DataError(f"{shown(self.function)} is no name of a function.")
        for what, source in (("the setup", self.setup), *((f"check {n}", s) for n, s in enumerate(self.checks, 1))):
            parsed(source, what)


def read_suite(text: str, function: str) -> Suite:
    """Read tests of a function: bare asserts, `def test_…()`, unittest classes, or HumanEval's `check(candidate)`.

    Raises:
        DataError: it is not Python, asks for what is not here (a fixture, a second function), or tests something else.
    """
    reading = _Reading(function)
    body = _without_module(parsed(text, "the test").body, function)
    tests = [node for node in body if _is_check(node) or _is_test(node) or _is_test_case(node)]
    loose = [node for node in body if node not in tests and not _is_ending(node)]
    reading.statements(loose)
    shared = set[str]().union(*map(_read, tests))
    reading.setup += [node for node in loose if _bound(node) & shared and node not in reading.setup]
    for node in tests:
        if isinstance(node, ast.ClassDef):
            reading.case(node)
        elif isinstance(node, ast.FunctionDef) and _is_check(node):
            reading.statements([_Renamed(node.args.args[0].arg, function).visit(part) for part in node.body])
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            reading.test(node)
    setup = "\n".join(map(ast.unparse, reading.setup))
    names = {
        node.id for check in reading.checks for node in ast.walk(parsed(check, "a check")) if isinstance(node, ast.Name)
    }
    called = function in names or function in {
        node.id for part in reading.setup for node in ast.walk(part) if isinstance(node, ast.Name)
    }
    if not reading.checks or not called:
        found = f"{len(reading.checks)} checks" if reading.checks else f"no check in {shown(text)}"
        raise DataError(f"Tests of {function!r}: {found}, none of which calls it. Expected asserts on {function}(…).")
    return Suite(function, tuple(reading.checks), setup)


def _is_check(node: ast.stmt) -> bool:
    return isinstance(node, ast.FunctionDef) and node.name == "check" and len(node.args.args) == 1


def _is_test(node: ast.stmt) -> bool:
    return isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test")


def _is_test_case(node: ast.stmt) -> bool:
    if not isinstance(node, ast.ClassDef):
        return False
    return node.name.startswith("Test") or any(ast.unparse(base).endswith("TestCase") for base in node.bases)


def _is_ending(node: ast.stmt) -> bool:
    """Return whether a statement only starts the tests."""
    if isinstance(node, ast.If):
        return "__name__" in ast.unparse(node.test)
    called = isinstance(node, ast.Expr) and isinstance(node.value, ast.Call) and ast.unparse(node.value.func)
    return called in ("check", "unittest.main", "pytest.main") or bool(called and called.startswith("test_"))


class _Renamed(ast.NodeTransformer):
    """Call the function under test by its name."""

    def __init__(self, name: str, function: str, module: bool = False) -> None:
        self.name = name
        self.function = function
        self.module = module

    def visit_Name(self, node: ast.Name) -> ast.AST:
        return ast.Name(self.function, node.ctx) if node.id == self.name and not self.module else node

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        self.generic_visit(node)
        if self.module and node.attr == self.function and ast.unparse(node.value) == self.name:
            return ast.Name(self.function, node.ctx)
        return node


def _without_module(body: Iterable[ast.stmt], function: str) -> list[ast.stmt]:
    """Return statements without the import of the module under test: its function is there already."""
    kept = list[ast.stmt]()
    modules = list[str]()
    for node in body:
        if isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] not in sys.stdlib_module_names:
            names = {alias.name for alias in node.names}
            if names & {function, "*"}:
                if further := sorted(names - {function, "*"}):
                    raise DataError(
                        f"line {node.lineno} imports {listed(further)} beside {function!r}, which is tested."
                    )
                renamed = [alias.asname for alias in node.names if alias.asname]
                kept += [ast.parse(f"{name} = {function}").body[0] for name in renamed]
                continue
        if isinstance(node, ast.Import) and node.names[0].name.partition(".")[0] not in sys.stdlib_module_names:
            modules.append(node.names[0].asname or node.names[0].name)
        kept.append(node)
    for name in modules:
        before = [ast.unparse(node) for node in kept]
        kept = [_Renamed(name, function, module=True).visit(node) for node in kept]
        if before != [ast.unparse(node) for node in kept]:
            kept = [node for node in kept if not (isinstance(node, ast.Import) and _bound(node) == {name})]
    return kept


@dataclass(slots=True)
class _Reading:
    function: str
    setup: list[ast.stmt] = field(default_factory=list)
    checks: list[str] = field(default_factory=list)

    def statements(self, body: Sequence[ast.stmt]) -> None:
        """Take statements apart into checks; what tests nothing goes to the setup."""
        imports = [node for node in body if isinstance(node, IMPORTS)]
        helpers = _helpers(body)
        self.setup += [*imports, *helpers]
        for group in _groups([node for node in body if node not in imports and node not in helpers]):
            if _vacuous(group):
                continue
            if any(self._tests(node) for node in group):
                self.checks.append("\n".join(map(ast.unparse, group)))
            else:
                self.setup += group

    def _tests(self, node: ast.stmt) -> bool:
        parts = list(ast.walk(node))
        return any(isinstance(part, ast.Assert) for part in parts) or any(
            isinstance(part, ast.Name) and part.id == self.function for part in parts
        )

    def test(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        """Take a test function: apart if it can be, whole otherwise, once per set of parameters."""
        if isinstance(node, ast.AsyncFunctionDef):
            raise DataError(f"line {node.lineno}: {node.name} is an async test, which nothing here runs.")
        given = _parameters(node)
        named = {argument.arg for argument in (*node.args.args, *node.args.kwonlyargs)}
        if given is None or any(set(one) != named for one in given):
            raise DataError(
                f"line {node.lineno}: {node.name} takes {listed(sorted(named))}, which are not all given by a list in "
                "pytest.mark.parametrize. Fixtures are not known here."
            )
        if given == [{}] and not any(isinstance(part, SCOPED) for part in ast.walk(node)):
            self.statements(node.body)
            return
        node.decorator_list = []
        self.setup.append(node)
        for one in given:
            arguments = ", ".join(f"{name}={source}" for name, source in one.items())
            self.checks.append(f"{node.name}({arguments})")

    def case(self, node: ast.ClassDef) -> None:
        """Take a class of tests: as plain asserts where it holds nothing else, otherwise method by method."""
        methods = [part for part in node.body if isinstance(part, ast.FunctionDef) and part.name.startswith("test")]
        plain = as_asserts(node)
        if plain is not None:
            for body in plain:
                self.statements(body)
            return
        self.setup.append(node)
        prepared = {part.name for part in node.body if isinstance(part, ast.FunctionDef)} & {"setUpClass"}
        first = f"{node.name}.setUpClass()\n" if prepared else ""
        debug = any(ast.unparse(base).endswith("TestCase") for base in node.bases)
        for method in methods:
            run = f"{node.name}({method.name!r}).debug()" if debug else f"{node.name}().{method.name}()"
            self.checks.append(first + run)


def _vacuous(group: Sequence[ast.stmt]) -> bool:
    """Return whether statements test and prepare nothing: `assert True`, a docstring, `pass`."""
    return all(
        isinstance(node, ast.Pass)
        or (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant))
        or (isinstance(node, ast.Assert) and isinstance(node.test, ast.Constant) and bool(node.test.value))
        for node in group
    )


def _helpers(body: Sequence[ast.stmt]) -> list[ast.stmt]:
    """Return the definitions that depend on no name which other statements bind, so that any check may share them."""
    others = set[str]().union(*(_bound(node) for node in body if not isinstance(node, IMPORTS + DEFINITIONS)))
    helpers = [node for node in body if isinstance(node, DEFINITIONS)]
    while stuck := [node for node in helpers if _read(node) & others]:
        helpers = [node for node in helpers if node not in stuck]
        others |= {name for node in stuck for name in _bound(node)}
    return list(helpers)


def _groups(body: Sequence[ast.stmt]) -> list[list[ast.stmt]]:
    """Return statements in groups that share no name which one of them bound."""
    groups: list[list[ast.stmt]] = []
    holder: dict[str, list[ast.stmt]] = {}
    for node in body:
        group: list[ast.stmt] = []
        for earlier in (holder[name] for name in _read(node) if name in holder):
            if earlier is not group:
                group = _joined(groups, holder, earlier, group)
        if not any(group is one for one in groups):
            groups.append(group)
        group.append(node)
        holder.update(dict.fromkeys(_bound(node), group))
    order = {id(node): place for place, node in enumerate(body)}
    return [sorted(group, key=lambda node: order[id(node)]) for group in groups if group]


def _joined(
    groups: list[list[ast.stmt]], holder: dict[str, list[ast.stmt]], kept: list[ast.stmt], other: list[ast.stmt]
) -> list[ast.stmt]:
    if any(other is one for one in groups):
        groups[:] = [one for one in groups if one is not other]
    kept += other
    holder.update({name: kept for name, group in holder.items() if group is other})
    return kept


def _read(node: ast.stmt) -> set[str]:
    """Return the names of others that a statement reads, those included that it changes (`x += 1`, `x[0] = 1`)."""
    names = {part.id for part in ast.walk(node) if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Load)}
    if isinstance(node, DEFINITIONS):
        own = {part.arg for part in ast.walk(node) if isinstance(part, ast.arg)}
        return names - own - _stored(node)
    changed = isinstance(node, ast.AugAssign) and isinstance(node.target, ast.Name)
    return names | (_stored(node) if changed else set())


def _bound(node: ast.stmt) -> set[str]:
    if isinstance(node, DEFINITIONS):
        return {node.name}
    aliases = node.names if isinstance(node, IMPORTS) else []
    return _stored(node) | {alias.asname or alias.name for alias in aliases}


def _stored(node: ast.stmt) -> set[str]:
    return {part.id for part in ast.walk(node) if isinstance(part, ast.Name) and not isinstance(part.ctx, ast.Load)}


def _parameters(node: ast.FunctionDef) -> list[dict[str, str]] | None:
    """Return the arguments of each run of a test as source, as its decorators list them."""
    lists = list[list[dict[str, str]]]()
    for decorator in node.decorator_list:
        if not isinstance(decorator, ast.Call) or not ast.unparse(decorator.func).endswith("parametrize"):
            continue
        if len(decorator.args) < 2 or not isinstance(decorator.args[1], ast.List | ast.Tuple):
            return None
        names = _names(decorator.args[0])
        rows: list[Any] = [_row(row, len(names)) for row in decorator.args[1].elts]
        if any(row is None for row in rows):
            return None
        lists.append([dict(zip(names, map(ast.unparse, row), strict=True)) for row in rows])
    return [{name: source for one in row for name, source in one.items()} for row in product(*lists)]


def _names(node: ast.expr) -> list[str]:
    try:
        value = ast.literal_eval(node)
    except ValueError:
        return []
    return [name.strip() for name in value.split(",")] if isinstance(value, str) else list(value)


def _row(node: ast.expr, width: int) -> list[ast.expr] | None:
    if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("pytest.param"):
        return node.args if len(node.args) == width else None
    if width == 1:
        return [node]
    return node.elts if isinstance(node, ast.Tuple | ast.List) and len(node.elts) == width else None
