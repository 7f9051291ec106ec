"""Characters that nobody sees: a place to hide words from a person and show them to a model.

cleaned("fi\\u200bnd")        ("find", {"invisible character": 1})
"""

import re
from collections.abc import Mapping

__all__ = ["cleaned"]

_ALWAYS = "\u200b\u2060-\u2064\u180e\ufeff\u202a-\u202e\u2066-\u2069\U000e0000-\U000e01ef"
"""Spaces without width, marks that turn the direction, tags, variants of nothing."""
_JOINS = "\u200c-\u200f"
"""Joiners and marks of direction: Persian, Hebrew and some emoji need them; between ASCII they only hide."""
_CONTROLS = "\x00-\x08\x0b\x0e-\x1f\x7f"

_INVISIBLE = re.compile(
    rf"[{_ALWAYS}{_CONTROLS}]|[\ufe00-\ufe0f]{{2,}}|(?<![^\x00-\x7f{_JOINS}])[{_JOINS}]+(?![^\x00-\x7f])"
)
_SOFT = re.compile("\u00ad")
_NEWLINES = re.compile("\r\n?|[\x0c\x85\u2028\u2029]")


def cleaned(text: str) -> tuple[str, Mapping[str, int]]:
    """Return a text without invisible characters, and how many there were; soft hyphens go uncounted."""
    count = 0

    def drop(found: re.Match[str]) -> str:
        nonlocal count
        count += len(found[0])
        return ""

    shown = _INVISIBLE.sub(drop, _SOFT.sub("", _NEWLINES.sub("\n", text)))
    return shown, {"invisible character": count} if count else {}
