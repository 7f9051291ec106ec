"""What stands beside the tests in the sandbox in place of what is not there: values that nobody knows yet, and pytest.

    with pytest.raises(ValueError, match="odd"): f(3)           assert f(1) == pytest.approx(0.3333, abs=1e-3)

Its text goes into the program of `_replay`, so it imports the standard library and nothing else.
"""

import re
from collections.abc import Callable
from types import ModuleType
from typing import Any

__all__ = ["Placeholder", "holds_placeholder", "pytest_module"]


class Placeholder:
    """Stand for a value that is not known yet, and agree with everything."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return self

    def __iter__(self) -> Any:
        return iter(())

    def __hash__(self) -> int:
        return 0


def _agreeing(answer: Any) -> Callable[..., Any]:
    return lambda self, *_, **__: self if answer is None else answer


_AGREEING: tuple[tuple[Any, str], ...] = (
    (True, "eq ne lt le gt ge bool contains"),
    (0, "len int index exit"),
    (0.0, "float"),
    ("", "str repr format"),
    (
        None,
        "add radd sub rsub mul rmul truediv rtruediv floordiv mod rmod pow neg pos abs round getitem call enter "
        "and or xor invert divmod matmul lshift rshift",
    ),
)
for _answer, _names in _AGREEING:
    for _name in _names.split():
        setattr(Placeholder, f"__{_name}__", _agreeing(_answer))


def holds_placeholder(value: Any) -> bool:
    """Return whether a value, or a part of it, is not known yet."""
    if isinstance(value, dict):
        return any(map(holds_placeholder, (*value.keys(), *value.values())))
    if isinstance(value, list | tuple | set | frozenset):
        return any(map(holds_placeholder, value))
    return isinstance(value, Placeholder)


def pytest_module() -> ModuleType:
    """Return the part of pytest that checks use: the whole of it takes longer to import than a hundred checks."""
    module = ModuleType("pytest")
    vars(module).update(raises=_Raises, approx=_Approx, mark=_Mark(), fail=_fail)
    return module


def _fail(reason: str = "") -> None:
    raise AssertionError(reason)


class _Mark:
    def __getattr__(self, name: str) -> Any:
        return lambda *given, **_: given[0] if given and callable(given[0]) else (lambda function: function)


class _Raises:
    """Expect an error of a kind, its text matching a pattern."""

    value: BaseException

    def __init__(self, kind: Any, call: Any = None, *args: Any, match: str | None = None, **kwargs: Any) -> None:
        self.kind, self.match = kind, match
        if call is not None:
            with self:
                call(*args, **kwargs)

    def __enter__(self) -> "_Raises":
        return self

    def __exit__(self, kind: Any, error: BaseException | None, _: object) -> bool:
        if error is None:
            raise AssertionError(f"expected {getattr(self.kind, '__name__', self.kind)} to be raised, nothing was")
        if not isinstance(error, self.kind):
            return False
        self.value = error
        if self.match is not None and not re.search(self.match, str(error)):
            raise AssertionError(f"expected an error that matches {self.match!r}, found {str(error)!r}")
        return True


class _Approx:
    """Equal what is near: 1e-6 of the expected number or 1e-12, whichever is more; part by part in a collection."""

    def __init__(self, expected: Any, rel: float | None = None, abs: float | None = None) -> None:  # noqa: A002
        self.expected, self.rel, self.abs = expected, rel, abs

    def __repr__(self) -> str:
        return f"about {self.expected!r}"

    def __eq__(self, found: object) -> bool:
        return self._near(self.expected, found)

    __hash__ = None  # type: ignore[assignment]

    def _near(self, expected: Any, found: Any) -> bool:
        if isinstance(expected, dict):
            return (
                isinstance(found, dict)
                and expected.keys() == found.keys()
                and all(self._near(expected[name], found[name]) for name in expected)
            )
        if isinstance(expected, list | tuple):
            same = type(expected) is type(found) and len(expected) == len(found)
            return same and all(map(self._near, expected, found))
        if isinstance(expected, int | float | complex) and isinstance(found, int | float | complex):
            relative = 1e-6 if self.rel is None and self.abs is None else self.rel or 0.0
            near = max(relative * abs(expected), 1e-12 if self.abs is None else self.abs)
            return expected == found or abs(expected - found) <= near
        return bool(expected == found)
