"""Call a function of a candidate inside the sandbox, and hand out plain values on a channel that it never saw.

    stdin   {"function": "half", "inputs": [[3], ["x"]]}
    stdout  {"at": 0, "value": 1.5}
            {"at": 1, "error": "TypeError: unsupported operand type(s) for /: 'str' and 'int'"}

The candidate lies beside it in `candidate.py`; what it prints goes to stderr. Inside there is nothing of this project,
so this file imports nothing of it; the host takes `encoded` and `decoded` from here, and both sides speak one encoding.
Expected values never enter: whoever takes this file over can only hand out values, and has to know the right ones.
"""

import builtins
import json
import os
import sys
from collections.abc import Callable
from typing import Any

if __name__ == "__main__":
    # A function keeps the builtins it was made with: a candidate may patch its own, not these.
    __builtins__ = dict(vars(builtins))  # type: ignore[assignment]

DEEPEST = 100
LARGEST = 200_000
LONGEST = 300
EXACT = 1 << 53
_escaped = json.encoder.encode_basestring_ascii


class NotPlain(ValueError):
    """Say by its type's name what is no plain value, or why a tree encodes none."""


def encoded(value: object) -> Any:
    """Return a plain value as a tagged JSON tree.

    Plain are None, bool, int, float, str, list, tuple, dict, set, frozenset, complex, bytes, of exactly these types.

    Raises:
        NotPlain: it is none, or is deeper than DEEPEST or larger than LARGEST.
    """
    return _encoded(value, 0, [LARGEST])


def _encoded(value: Any, depth: int, left: list[int]) -> Any:
    kind = type(value)
    left[0] -= 1
    if depth > DEEPEST or left[0] < 0:
        raise NotPlain(f"{kind.__name__} nested deeper than {DEEPEST} or larger than {LARGEST} values")
    if value is None or kind is bool:
        return value
    if kind is int:
        return value if -EXACT <= value <= EXACT else {"int": hex(value)}
    if kind is float:
        return value if value - value == 0 else {"float": repr(value)}
    if kind is str:
        return value if value.isascii() or _encodable(value) else {"str": [ord(letter) for letter in value]}
    if kind is list:
        return [_encoded(one, depth + 1, left) for one in value]
    if kind is tuple:
        return {"tuple": [_encoded(one, depth + 1, left) for one in value]}
    if kind is dict:
        return {"dict": [[_encoded(one, depth + 1, left) for one in pair] for pair in value.items()]}
    if kind is set or kind is frozenset:
        trees = [_encoded(one, depth + 1, left) for one in value]
        return {kind.__name__: sorted(trees, key=written)}
    if kind is complex:
        return {"complex": [_encoded(value.real, depth, left), _encoded(value.imag, depth, left)]}
    if kind is bytes:
        return {"bytes": value.hex()}
    raise NotPlain(str(kind.__name__)[:LONGEST])


def _encodable(text: str) -> bool:
    """Return whether a text holds no lone surrogate: two of them in JSON would come back as one letter."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def decoded(tree: Any) -> Any:
    """Return the value that a tree encodes, freshly made.

    Raises:
        NotPlain: it encodes none.
    """
    try:
        return _decoded(tree, 0)
    except (LookupError, TypeError, ValueError, OverflowError) as error:
        raise NotPlain(f"{type(error).__name__}: {error}"[:LONGEST]) from None


def _decoded(tree: Any, depth: int) -> Any:
    if depth > 2 * DEEPEST:
        raise NotPlain(f"nested deeper than {DEEPEST}")
    if isinstance(tree, list):
        return [_decoded(one, depth + 1) for one in tree]
    if not isinstance(tree, dict):
        return tree
    ((tag, held),) = tree.items()
    if tag not in ("int", "float", "bytes") and not isinstance(held, list):
        raise NotPlain(f"{tag!r} of no list")
    if tag in ("tuple", "set", "frozenset", "complex"):
        return _MADE[tag](_decoded(one, depth + 1) for one in held)
    if tag == "dict":
        return {_decoded(key, depth + 1): _decoded(value, depth + 1) for key, value in held}
    return _MADE[tag](held)


_MADE: dict[str, Callable[[Any], Any]] = {
    "tuple": tuple,
    "set": set,
    "frozenset": frozenset,
    "complex": lambda parts: complex(*parts),
    "bytes": bytes.fromhex,
    "int": lambda text: int(text, 16),
    "float": lambda text: {"nan": float("nan"), "inf": float("inf"), "-inf": float("-inf")}[text],
    "str": lambda codes: "".join(map(chr, codes)),
}


def written(tree: Any) -> str:
    """Return a tree as JSON text in ASCII. The module json is not asked: a candidate may have patched it."""
    if tree is None or tree is True or tree is False:
        return {None: "null", True: "true", False: "false"}[tree]
    if type(tree) is str:
        return _escaped(tree)
    if type(tree) is list:
        return "[" + ",".join([written(one) for one in tree]) + "]"
    if type(tree) is dict:
        return "{" + ",".join([_escaped(key) + ":" + written(one) for key, one in tree.items()]) + "}"
    return repr(tree)


def main() -> None:
    """Answer the request on stdin, line by line, and leave without waiting for threads or exit handlers."""
    channel, write, leave = os.dup(1), os.write, os._exit
    os.dup2(2, 1)
    with open(0, "rb", closefd=False) as stdin:
        request = json.loads(stdin.read())
    streams = [sys.stdout.flush, sys.stderr.flush]

    def say(tree: Any) -> None:
        line = (written(tree) + "\n").encode()
        while line:
            line = line[write(channel, line) :]

    try:
        function = _loaded(request["function"])
    except BaseException as error:
        say({"load": _described(error)})
    else:
        for at, arguments in enumerate(request["inputs"]):
            say({"at": at, **_outcome(function, arguments)})
    for flush in streams:
        try:
            flush()
        except BaseException:  # noqa: S112 -- its streams are its own affair; the answers are out
            continue
    leave(0)


def _loaded(name: str) -> Callable[..., Any]:
    module = type(sys)("candidate")
    vars(module).update(__file__="candidate.py", __builtins__=builtins)
    sys.modules["candidate"] = module
    with open("candidate.py", "rb") as file:  # noqa: PTH123 -- pathlib is a slow import
        source = file.read()
    exec(compile(source, "candidate.py", "exec"), vars(module))  # noqa: S102 -- what the sandbox is for
    if name not in vars(module):
        raise NameError(f"the code defines no {name!r}")
    function: Callable[..., Any] = vars(module)[name]
    return function


def _outcome(function: Callable[..., Any], arguments: list[Any]) -> dict[str, Any]:
    try:
        value = function(*[decoded(one) for one in arguments])
        try:
            return {"value": encoded(value)}
        except NotPlain as error:
            return {"value": {"unplain": str(error)}}
    except BaseException as error:
        return {"error": _described(error)}


def _described(error: BaseException) -> str:
    """Return an error as its name and its words, and show on stderr where in the candidate it arose."""
    try:
        place, words = error.__traceback__, str(error)
        found = f"{type(error).__name__}: {words}" if words else type(error).__name__
        trace = f"{found[:LONGEST]}\n"
        while place is not None:
            code = place.tb_frame.f_code
            if code.co_filename == "candidate.py" and len(trace) < 10 * LONGEST:
                trace += f"  candidate.py, line {place.tb_lineno}, in {code.co_name}\n"
            place = place.tb_next
        os.write(2, trace.encode("utf-8", "replace"))
        return found[:LONGEST]
    except BaseException:
        return "an error that cannot be described"


if __name__ == "__main__":
    main()
