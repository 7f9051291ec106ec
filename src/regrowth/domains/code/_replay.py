"""What stands beside the tests in the sandbox: the tests run as they are, and what they test is a record of calls.

Its text follows that of `_observer` in one program, without the import between them; the candidate's code is not there.
A call that nobody made yet is asked for, and the check that made it is tried again once its outcome is known:
    decide(0)       ("open", "", [((2, 3), {})])
    decide(0)       ("failed", "assert add(2, 3) == 5\\n  expected 5, found -1\\n  add(2, 3) returned -1", [])
"""

import ast
import builtins
import operator
import random
import sys
from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from typing import Any, TypeAlias

from regrowth.domains.code._observer import Told, key
from regrowth.domains.code._stand_ins import Placeholder, holds_placeholder, pytest_module

__all__ = ["CASE", "COMPARISONS", "Verdict", "clipped", "deciding", "difference", "message", "shown", "spoken", "told"]

Verdict: TypeAlias = tuple[str, str, list[Any]]
"""`passed`, `failed`, `open` (calls are missing), `opaque` (a call's input is not plain) or `broken` (the setup
raised), a message, and the calls that are missing."""

MOST = 256
"""Calls that one attempt at a check may ask for."""
SHOWN = 200
"""Characters of a value in a message."""
CALLS_SHOWN = 2
COMPARE = "_regrowth_compare"
HOLDS = "_regrowth_holds"
CASE = "_regrowth_case"
COMPARISONS: Mapping[str, Callable[[Any, Any], Any]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "is": operator.is_,
    "is not": operator.is_not,
    "in": lambda left, right: left in right,
    "not in": lambda left, right: left not in right,
}


class _Unknown(BaseException):
    """End a check whose next step depends on a call that was not made."""


class _Opaque(BaseException):
    """End a check that calls with something that is not plain data."""


class _Ended(BaseException):
    """End a check whose call never came to an end, or to nothing plain."""


def clipped(text: str, limit: int = SHOWN) -> str:
    """Return a text, or how it begins."""
    return text if len(text) <= limit else f"{text[:limit]}…"


def shown(value: Any) -> str:
    """Return how a message shows a value."""
    try:
        return clipped(repr(value))
    except BaseException:
        return f"a {type(value).__name__}"


def spoken(function: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> str:
    """Return a call as one would write it."""
    parts = [*map(shown, args), *(f"{name}={shown(value)}" for name, value in kwargs.items())]
    return f"{function}({', '.join(parts)})"


def told(call: str, outcome: Told) -> str:
    """Say in words how a call ended."""
    how, value, _, _ = outcome
    if how == "raised":
        return f"{call} raised {value[0][0]}: {clipped(value[1])}".rstrip(": ")
    if how == "argument":
        return f"{call} returned its own argument {value + 1}"
    if how in ("unplain", "ended"):
        return f"{call} gave no value: {value.removeprefix('no value: ')}"
    if how == "range":
        return f"{call} returned range{value!r}"
    return f"{call} returned {shown(value)}"


def difference(symbol: str, expected: Any, found: Any) -> str:
    """Say in words what was expected and what was found."""
    return f"expected {'' if symbol == '==' else symbol + ' '}{shown(expected)}, found {shown(found)}"


def message(source: str, parts: Sequence[str]) -> str:
    """Return what a person or a model needs to know of a check that failed."""
    return "\n  ".join([clipped(source.strip(), 1000), *(part for part in parts if part)])


class _Telling(ast.NodeTransformer):
    """Have asserts keep both sides of what they compare."""

    def __init__(self, function: str) -> None:
        self.function = function

    def visit_Assert(self, node: ast.Assert) -> ast.AST:
        self.generic_visit(node)
        test = node.test
        wanted = True
        if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
            test, wanted = test.operand, False
        if wanted and isinstance(test, ast.Compare) and len(test.ops) == 1:
            symbol = ast.unparse(ast.Compare(ast.Constant(0), test.ops, [ast.Constant(0)]))[2:-2]
            right = any(
                isinstance(part, ast.Name) and part.id == self.function for part in ast.walk(test.comparators[0])
            )
            arguments = [ast.Constant(symbol), test.left, test.comparators[0], ast.Constant(right)]
            node.test = ast.Call(ast.Name(COMPARE, ast.Load()), arguments, [])
        else:
            node.test = ast.Call(ast.Name(HOLDS, ast.Load()), [test, ast.Constant(wanted)], [])
        return ast.fix_missing_locations(node)


class _Stub:
    """Answer calls as the candidate did."""

    def __init__(self, function: str, calls: Mapping[str, Told], cases: Sequence[str], patient: bool) -> None:
        self.__name__ = self.__qualname__ = function
        self.calls = calls
        self.cases = cases
        self.patient = patient
        self.begin()

    def begin(self) -> None:
        """Forget the check before."""
        self.missing = 0
        self.asked: dict[str, Any] = {}
        self.log: list[tuple[str, Told]] = []
        self.detail = ""
        self.opaque = ""
        self.ended = False
        self.raised: BaseException | None = None

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        try:
            name = key((args, kwargs))
        except (TypeError, RecursionError) as error:
            if holds_placeholder((args, kwargs)):
                return self._missing()
            self.opaque = str(error)
            raise _Opaque from error
        outcome = self.calls.get(name)
        if outcome is None:
            self.asked.setdefault(name, deepcopy((args, kwargs)))
            return self._missing()
        self.log.append((spoken(self.__name__, args, kwargs), outcome))
        return self._again(deepcopy(outcome), args)

    def _missing(self) -> Any:
        self.missing += 1
        if not self.patient or self.missing >= MOST:
            raise _Unknown
        return Placeholder()

    def _again(self, outcome: Told, args: tuple[Any, ...]) -> Any:
        how, value, printed, after = outcome
        if printed:
            sys.stdout.write(printed)
        for argument, changed in zip(args, after or (), strict=False):
            _become(argument, changed)
        if how == "raised":
            self.raised = _exception(*value)
            raise self.raised
        if how in ("unplain", "ended"):
            self.ended = True
            raise _Ended
        if how == "argument":
            return args[value]
        if how == "iterator":
            return iter(value)
        return range(*value) if how == "range" else value

    def case(self, number: int) -> Any:
        """Answer for an expression that was evaluated beside the candidate."""
        outcome = self.calls[f"case {number}"]
        self.log.append((self.cases[number], outcome))
        return self._again(deepcopy(outcome), ())

    def compare(self, symbol: str, left: Any, right: Any, swapped: bool) -> Any:
        result = COMPARISONS[symbol](left, right)
        if not result and self.missing:
            return True  # what was not called yet decides nothing, and the calls behind it are wanted too
        if not result:
            self.detail = difference(symbol, left, right) if swapped else difference(symbol, right, left)
        return result

    def holds(self, value: Any, wanted: bool) -> Any:
        if self.missing:
            return True
        if bool(value) is not wanted:
            self.detail = f"expected something {'true' if wanted else 'false'}, found {shown(value)}"
        return bool(value) is wanted


def _become(argument: Any, changed: Any) -> None:
    """Change an argument in place to what the candidate made of its own."""
    if isinstance(argument, list):
        argument[:] = changed
    elif isinstance(argument, dict | set):
        argument.clear()
        argument.update(changed)


def _exception(names: Sequence[str], text: str) -> BaseException:
    """Return an error of the nearest built-in kind; what the candidate defined itself becomes a kind of that name."""
    kind: Any = None
    for name in names:
        kind = getattr(builtins, name, None)
        if isinstance(kind, type) and issubclass(kind, BaseException):
            break
    else:
        name, kind = "Exception", Exception
    if name != names[0]:
        kind = type(names[0], (kind,), {})
    try:
        error: BaseException = kind(text)
        return error
    except TypeError:  # a kind that takes more than a text, as UnicodeDecodeError does
        return Exception(f"{names[0]}: {text}")


def deciding(
    function: str,
    setup: str,
    checks: Sequence[tuple[str, str]],
    calls: Mapping[str, Told],
    cases: Sequence[str] = (),
    patient: bool = True,
) -> Callable[[int], Verdict]:
    """Return the function that decides a check by its number, as far as the calls that are known allow.

    Args:
        function: the name that the tests call.
        setup: statements before every check.
        checks: each as it is shown and as it is run.
        calls: what is known, by the key of the arguments; `case 0` is the first expression of `cases`.
        cases: source of the expressions that were evaluated beside the candidate.
        patient: whether a check goes on after a call that is not known, to find more of them.
    """
    stub = _Stub(function, calls, cases, patient)
    sys.modules.setdefault("pytest", pytest_module())

    def run(source: str, space: dict[str, Any]) -> None:
        exec(compile(_Telling(function).visit(ast.parse(source)), "tests.py", "exec"), space)  # noqa: S102

    def decide(number: int) -> Verdict:
        stub.begin()
        random.seed(0)  # inputs that a test draws are the same in every round
        shown_as, source = checks[number]
        space = {"__name__": "tests", function: stub, CASE: stub.case, COMPARE: stub.compare, HOLDS: stub.holds}
        stage, parts = "broken", ["the setup of the tests failed"]
        try:
            run(setup, space)
            stage, parts, space[function] = "failed", [], stub
            run(source, space)
            stage = "failed" if stub.ended else "passed"
        except (_Unknown, _Opaque, _Ended):
            stage = "failed"
        except AssertionError as error:
            parts += [stub.detail, clipped(str(error), 500)]
        except BaseException as error:
            parts.append("" if error is stub.raised else clipped(f"{type(error).__name__}: {error}", 500))
        if stub.opaque:
            return "opaque", message(shown_as, [f"{function} was called with what is not plain: {stub.opaque}"]), []
        if stub.missing:
            return "open", "", list(stub.asked.values())
        parts += [told(*entry) for entry in stub.log[-CALLS_SHOWN:]]
        return stage, "" if stage == "passed" else message(shown_as, parts), []

    return decide
