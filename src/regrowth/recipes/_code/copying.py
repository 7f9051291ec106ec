"""How much of some code stands in a text: what a copy repeats, also with other names, as a list or inside sentences.

    copied("It multiplies the radius by itself and by 3.1415.", "def area(r):\\n    return 3.1415 * r * r")      0.0
    copied("1. def surface(x):\\n2. return 3.1415 * x * x", "def area(r):\\n    return 3.1415 * r * r")           1.0

Both sides are read as tokens, every name as the same one. Code of six tokens or more that stands in the text in this
order counts as copied; so does a shorter function that stands there whole.
"""

import keyword
import re
from collections.abc import Sequence

__all__ = ["copied"]

RUN = 6
"""Tokens in a row that prose does not repeat by chance: 99 of 100 people's docstrings repeat none of their function."""
_TOKEN = re.compile(r"[^\W\d]\w*|\d+(?:\.\d+)?|[^\w\s]")
_COMMENT = re.compile(r"#.*")
_MARKER = re.compile(r"^[ \t]*(?:#+|//+|[>*-]|\d+[.:)])?[ \t]*", re.MULTILINE)
_NAME = "name"


def copied(text: str, code: str) -> float:
    """Return the share of a program's tokens that a text repeats: 0 for none, 1 for a copy."""
    wanted = _tokens(_COMMENT.sub("", code))
    size = min(RUN, len(wanted))
    if not size:
        return 0.0
    told = set(_runs(_tokens(_MARKER.sub("", text)), size))
    repeated = {place + step for place, run in enumerate(_runs(wanted, size)) if run in told for step in range(size)}
    return len(repeated) / len(wanted)


def _tokens(text: str) -> list[str]:
    found = _TOKEN.findall(text)
    return [_NAME if token.isidentifier() and not keyword.iskeyword(token) else token for token in found]


def _runs(tokens: Sequence[str], size: int) -> list[tuple[str, ...]]:
    return [tuple(tokens[place : place + size]) for place in range(len(tokens) - size + 1)]
