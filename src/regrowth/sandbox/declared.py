"""What a source in C or Rust declares of a function: found by its text, for a call has to suit it.

parameters("int add(int a, int *b) { … }", r"\\badd\\s*\\(")        ["int a", "int *b"]
"""

import re

__all__ = ["parameters"]

_PAIRS = {"(": ")", "[": "]", "{": "}", "<": ">"}


def parameters(code: str, opening: str) -> list[str] | None:
    """Return the declarations between the parentheses that a pattern ends with; nothing if it is not found."""
    found = re.search(opening, code)
    if found is None:
        return None
    parts, open_ones = [""], [")"]
    for one in code[found.end() :]:
        if one == open_ones[-1]:
            open_ones.pop()
            if not open_ones:
                break
        elif one in _PAIRS:
            open_ones.append(_PAIRS[one])
        if one == "," and len(open_ones) == 1:
            parts.append("")
        else:
            parts[-1] += one
    return [part.strip() for part in parts if part.strip()]
