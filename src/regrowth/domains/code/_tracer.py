"""What runs in the sandbox to see which lines of a program its tests reach. Its text is sent as it is.

It reads {"code": …, "suites": [{"setup": …, "checks": [..]}, …]} and writes, as its last line, the lines that can run
and those that each suite made run: {"lines": [2, 3], "reached": [[2, 3], [2]]}. Only lines in the bodies of functions
count: the others run when the program is loaded, whatever the tests do.
"""

import io
import json
import sys
from contextlib import redirect_stdout
from types import CodeType, FrameType
from typing import Any

__all__ = ["main"]

PROGRAM = "<program>"


def main() -> None:
    """Trace every suite on a program loaded anew."""
    asked = json.loads(sys.stdin.read())
    code = compile(asked["code"], PROGRAM, "exec", dont_inherit=True)
    with redirect_stdout(io.StringIO()):
        reached = [sorted(_reached(code, suite["setup"], suite["checks"])) for suite in asked["suites"]]
    lines = _lines(code)
    told = {"lines": sorted(lines), "reached": [[line for line in one if line in lines] for one in reached]}
    sys.stdout.write("\n" + json.dumps(told) + "\n")


def _lines(code: CodeType) -> set[int]:
    """Return the lines of all function bodies in a program."""
    found = set[int]()
    for inner in code.co_consts:
        if isinstance(inner, CodeType):
            own = {line for _, _, line in inner.co_lines() if line}
            found |= own if inner.co_name.startswith("<") else own - {inner.co_firstlineno}
            found |= _lines(inner)
    return found


def _reached(code: CodeType, setup: str, checks: list[str]) -> set[int]:
    seen = set[int]()

    def trace(frame: FrameType, event: str, _: Any) -> Any:
        if frame.f_code.co_filename != PROGRAM:
            return None
        if event == "line":
            seen.add(frame.f_lineno)
        return trace

    space: dict[str, Any] = {"__name__": "program"}
    exec(code, space)  # noqa: S102
    sys.settrace(trace)
    try:
        for source in (setup, *checks):
            try:
                exec(compile(source, "<check>", "exec", dont_inherit=True), space)  # noqa: S102
            except BaseException:  # noqa: S112
                continue
    finally:
        sys.settrace(None)
    return seen


if __name__ == "__main__":
    main()
