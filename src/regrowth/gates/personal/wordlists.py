"""The words and ranges of `words.toml`.

any_of("naming", "card")     "(?:visa|master ?card|…)": a regular expression
entries("domains", "files")  ("png", "jpg", …)
"""

import functools
import tomllib
from importlib.resources import files
from typing import Any

__all__ = ["any_of", "entries"]


@functools.lru_cache(maxsize=1)
def _all() -> dict[str, Any]:
    return tomllib.loads(files("regrowth.gates.personal").joinpath("words.toml").read_text("utf-8"))


def entries(section: str, name: str) -> tuple[str, ...]:
    """Return the entries of a list; one that is written as text is parted by white space."""
    found = _all()[section][name]
    return tuple(found.split() if isinstance(found, str) else found)


def any_of(section: str, *names: str) -> str:
    """Return a regular expression for any entry of these lists."""
    return f"(?:{'|'.join(entry for name in names for entry in entries(section, name))})"
