"""Calls of functions in C: what is passed follows what the code declares.

    long sum(const int *xs, int n)            a list is passed as its members and their number
    int *evens(int *xs, int n, int *size)     a list comes back with its length in the last parameter
    char *upper(const char *text)             a text ends with a zero byte, either way

C has no containers and keeps no types at run time, so nothing else is to be had: dicts, tuples of several kinds, None
and lists of lists are refused.
"""

import re
from collections.abc import Sequence

from regrowth.core.errors import DataError
from regrowth.sandbox.declared import parameters
from regrowth.sandbox.literals import literal
from regrowth.sandbox.signatures import Type

__all__ = ["calls"]


def calls(code: str, function: str, inputs: Sequence[Sequence[object]]) -> str:
    """Return the statements that call a function of the code and print what it returns.

    Raises:
        DataError: an argument that no parameter in C can take.
    """
    name = re.escape(function)
    declared = parameters(code, rf"\b{name}\s*\(") or []
    heads = re.findall(rf"([\w\s*]*?)\b{name}\s*\([^;{{]*\)\s*\{{", code)
    returned = heads[0].strip() if heads else "int"
    returned = re.sub(r"\b(?:static|inline|extern)\b", "", returned).strip()
    return "\n".join(_call(at, function, given, declared, returned) for at, given in enumerate(inputs))


def _call(at: int, function: str, given: Sequence[object], declared: list[str], returned: str) -> str:
    made, passed = [], list[str]()
    for place, value in enumerate(given):
        kind = _declared_type(declared, len(passed))
        if isinstance(value, list | tuple):
            made.append(f"{kind.removesuffix('*').strip()} x{place}[] = {{{_members(value)}}};")
            passed.append(f"x{place}")
            if len(passed) < len(declared) and "*" not in declared[len(passed)]:
                passed.append(str(len(value)))
        elif isinstance(value, str):
            made.append(f"char x{place}[] = {_scalar(value)};")
            passed.append(f"x{place}")
        else:
            passed.append(_scalar(value))
    listed = returned.endswith("*") and re.sub(r"\bconst\b|\s", "", returned) != "char*"
    shown = "REGROWTH_SAY(found);"
    if listed:
        made.append(f"{_declared_type(declared, len(passed)).removesuffix('*').strip() or 'int'} size = 0;")
        passed.append("&size")
        shown = "REGROWTH_LIST(found, size);"
    return (
        f"    {{ {' '.join(made)} {returned or 'int'} found = {function}({', '.join(passed)}); "
        f'fprintf(regrowth_out, "@@MARK@@ {{\\"at\\":{at},\\"value\\":"); {shown} '
        f'fputs("}}\\n", regrowth_out); fflush(regrowth_out); }}'
    )


def _declared_type(declared: list[str], place: int) -> str:
    """Return the type of a parameter without its name, an array as a pointer."""
    if place >= len(declared):
        return "long long *"
    text = declared[place]
    stars = text.count("*") + text.count("[")
    words = re.sub(r"\[[^\]]*\]|\*|\bconst\b|\brestrict\b", " ", text).split()
    base = words[:-1] if len(words) > 1 else words
    return " ".join(base) + " " + "*" * stars


def _members(values: Sequence[object]) -> str:
    return ", ".join(map(_scalar, values)) or "0"


def _scalar(value: object) -> str:
    if not isinstance(value, bool | int | float | str):
        name = (
            "None"
            if value is None
            else f"a {type(value).__name__} in a list"
            if isinstance(value, list)
            else type(value).__name__
        )
        raise DataError(f"Not supported in C: {name}. Only numbers, truth values, texts and lists of these.")
    return literal(value, "c", Type(type(value).__name__))
