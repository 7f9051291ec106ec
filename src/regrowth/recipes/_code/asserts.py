"""What another language can hold, and tests in it, written by a program: no model touches what decides.

    writable(2**60, language="lua"), writable(2**60, language="javascript")      True, False

    translated(["assert half(7) == 3"], "half", "javascript")
    Tests(text="const assert = require('node:assert');\\n\\nassert.deepStrictEqual(half(7), 3);\\n", kept=1, left_out=0)

A test is translated if it compares one call that has literal arguments with a literal, and the other language can write
both. Others are left out and counted.
"""

import math
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from regrowth.core.errors import DataError
from regrowth.domains.code._simple import simple
from regrowth.sandbox.literals import literal
from regrowth.sandbox.signatures import ANY, parse_signature

__all__ = ["IDIOMS", "Tests", "translated", "writable"]


class Idiom(NamedTuple):
    """How a language asserts."""

    equal: str
    """One test; `{call}` and `{expected}` are expressions."""
    close: str = ""
    """The same for a float that is no whole number; nothing if `equal` will do."""
    truth: str = ""
    """The same for a truth value, where a language has several for one."""
    before: str = ""
    after: str = ""
    call: str = "{function}({arguments})"
    between: str = ", "


_LUA_SAME = """local function same(a, b)
  if type(a) ~= "table" or type(b) ~= "table" then return a == b end
  for key, value in pairs(a) do if not same(value, b[key]) then return false end end
  for key in pairs(b) do if a[key] == nil then return false end end
  return true
end
"""

_R_SAME = """same <- function(a, b) {
  if (length(a) != length(b)) return(FALSE)
  if (!is.null(names(b))) a <- a[names(b)]
  if (length(a) == 1 && !is.list(a) && !is.list(b)) return(isTRUE(all.equal(a, b, check.attributes = FALSE)))
  all(as.logical(mapply(same, as.list(a), as.list(b))))
}
"""

_PLAIN = "const plain = (value) => JSON.parse(JSON.stringify(value ?? null));\n"
"""Neither undefined nor -0 is a difference."""

_JAVASCRIPT = Idiom(
    "assert.deepStrictEqual(plain({call}), {expected});",
    "assert.ok(Math.abs({call} - {expected}) < 1e-9 * Math.max(1, Math.abs({expected})));",
    before="const assert = require('node:assert');\n" + _PLAIN,
)

IDIOMS: Mapping[str, Idiom] = {
    "javascript": _JAVASCRIPT,
    "typescript": _JAVASCRIPT._replace(
        before="declare const require: any;\n" + _JAVASCRIPT.before.replace("(value)", "(value: any)")
    ),
    "lua": Idiom(
        "assert(same({call}, {expected}))",
        "assert(math.abs({call} - {expected}) < 1e-9 * math.max(1, math.abs({expected})))",
        before=_LUA_SAME,
    ),
    "perl": Idiom(
        "is_deeply(scalar({call}), {expected});",
        "ok(abs({call} - {expected}) < 1e-9 * (abs({expected}) > 1 ? abs({expected}) : 1));",
        truth="is(!!scalar({call}), !!{expected});",
        before="use Test::More;\n",
        after="done_testing();\n",
    ),
    "r": Idiom("stopifnot(same({call}, {expected}))", before=_R_SAME),
    "ruby": Idiom(
        "raise unless {call} == {expected}",
        "raise unless ({call} - {expected}).abs < 1e-9 * [1, {expected}.abs].max",
    ),
    "php": Idiom(
        "if ({call} != {expected}) throw new Exception('wrong value');",
        "if (abs({call} - {expected}) >= 1e-9 * max(1, abs({expected}))) throw new Exception('wrong value');",
    ),
    "bash": Idiom('[[ "$({call})" == {expected} ]] || exit 1', call="{function} {arguments}", between=" "),
}
"""Languages that are not here take the values of the tests, but have no tests written out."""


@dataclass(frozen=True, slots=True)
class Tests:
    """Hold the tests of a function in another language."""

    text: str
    """Goes after the code, in the same file; nothing if no test could be translated."""
    kept: int = 0
    left_out: int = 0


def translated(checks: Iterable[str], function: str, language: str, signature: str = "") -> Tests:
    """Return Python tests in another language.

    Args:
        signature: types of parameters and result; without it they are told by the values.
    """
    checks = list(checks)
    idiom = IDIOMS.get(language)
    lines = [line for check in checks if idiom and (line := _line(check, function, language, idiom, signature))]
    if idiom is None or not lines:
        return Tests("", 0, len(checks))
    text = "\n".join(part.rstrip("\n") for part in (idiom.before, *lines, idiom.after) if part)
    return Tests(text + "\n", len(lines), len(checks) - len(lines))


def _line(check: str, function: str, language: str, idiom: Idiom, signature: str) -> str:
    found = simple(check, function)
    if found is None or found.kwargs or found.symbol not in ("==", "is", ""):
        return ""
    if not all(writable(one, language=language) for one in (*found.args, found.expected)) or _sets(found.expected):
        return ""
    types = parse_signature(signature) if signature else None
    kinds = types.parameters if types and len(types.parameters) == len(found.args) else (None,) * len(found.args)
    given = [literal(one, language, kind) for one, kind in zip(found.args, kinds, strict=True)]
    expected = literal(found.expected, language, types.returns if types and types.returns != ANY else None)
    fraction = isinstance(found.expected, float) and not found.expected.is_integer()
    called = idiom.call.format(function=function, arguments=idiom.between.join(given))
    truth = isinstance(found.expected, bool)
    form = (fraction and idiom.close) or (truth and idiom.truth) or idiom.equal
    return form.format(call=called, expected=expected)


def _sets(value: object) -> bool:
    inner = [*value, *value.values()] if isinstance(value, dict) else value if isinstance(value, list | tuple) else ()
    return isinstance(value, set | frozenset) or any(map(_sets, inner))


BYTES = ("bash", "c", "cpp", "go", "julia", "lua", "perl", "php", "r", "rust")
"""Languages whose texts count bytes, or leave open what they count: only ASCII means the same there."""
UTF16 = ("java", "javascript", "typescript")


def writable(value: object, *, language: str) -> bool:
    """Return whether another language has a value, and surely takes it for the same."""
    try:
        literal(value, language)
    except DataError:
        return False
    return all(_sure(part, language, inside=part is not value) for part in _parts(value))


def _parts(value: object) -> Iterator[object]:
    if isinstance(value, dict):
        value = [*value, *value.values()]
    if isinstance(value, list | tuple | set | frozenset):
        for one in value:
            yield from _parts(one)
    else:
        yield value


def _sure(part: object, language: str, *, inside: bool) -> bool:
    if isinstance(part, float):
        return math.isfinite(part)
    if part is None:
        return not inside or language not in ("lua", "r", "bash")
    if not isinstance(part, str):
        return True
    if language == "bash" and (re.search(r"[\s,]|^$", part) if inside else part != part.strip()):
        return False  # words are told apart by spaces, and the end of what a command prints is cut
    largest = 0x7F if language in BYTES else 0xFFFF if language in UTF16 else 0x10FFFF
    return "\0" not in part and all(ord(letter) <= largest for letter in part)
