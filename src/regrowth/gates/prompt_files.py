"""Prompts as files: `prompts/NAME.md` with front matter (purpose, variables) and `{{variable}}` in the text.

    load("grade").render(rubric="…", fence="…", conversation="…", reply="…")

Texts are put in once: braces inside a text that somebody else wrote are left as they are.
"""

import functools
import re
from collections.abc import Iterable
from importlib.resources import files
from typing import NamedTuple

from regrowth.core.errors import SettingsError
from regrowth.core.record import digest

__all__ = ["Prompt", "fence", "load"]

_FRONT = re.compile(r"---\npurpose: (?P<purpose>.+)\nvariables:(?P<variables>.*)\n---\n(?P<text>.*)", re.DOTALL)
_PLACE = re.compile(r"\{\{(\w+)\}\}")


class Prompt(NamedTuple):
    """Hold the text of a prompt, with places for its variables."""

    purpose: str
    variables: frozenset[str]
    text: str

    def render(self, **values: str) -> str:
        """Return the text with its variables filled in.

        Raises:
            SettingsError: a variable is missing, or there is none of that name.
        """
        if values.keys() != self.variables:
            raise SettingsError(f"This prompt takes {sorted(self.variables)}, found {sorted(values)}.")
        return _PLACE.sub(lambda place: values[place[1]], self.text)


@functools.lru_cache(maxsize=32)
def load(name: str, room: str = "regrowth.gates") -> Prompt:
    """Return a prompt of a room by its name.

    Raises:
        SettingsError: its front matter and its text disagree.
    """
    found = _FRONT.fullmatch(files(room).joinpath("prompts", f"{name}.md").read_text("utf-8"))
    variables = frozenset(re.findall(r"\w+", found["variables"])) if found else frozenset()
    if not found or variables != set(_PLACE.findall(found["text"])):
        raise SettingsError(f"prompts/{name}.md: expected front matter with purpose and exactly the variables used.")
    return Prompt(found["purpose"], variables, found["text"].strip())


def fence(texts: Iterable[str]) -> str:
    """Return a line that none of the texts holds, the same for the same texts: none of them can close it."""
    parts = tuple(texts)
    line = f"=== {digest('fence', parts)[:16]} ==="
    while any(line in part for part in parts):
        line = f"=== {digest('fence', line)[:16]} ==="
    return line
