"""The words of this recipe that are no prompts: how constraints are put, what is drawn for them, kinds of texts.

WORDINGS["constraints"]["text"]["en"]["no_commas"]     ["Do not use commas.", …]
LANGUAGES["de"]                                        {"words": ["der", "die", "das", …]}
"""

import tomllib
from collections.abc import Mapping
from importlib.resources import files
from typing import Any

__all__ = ["LANGUAGES", "read"]


def read(name: str) -> Mapping[str, Any]:
    """Return what a file of wordings says."""
    place = files("regrowth.recipes").joinpath("prompts", "nemotron", f"{name}.toml")
    return tomllib.loads(place.read_text("utf-8"))


CONSTRAINTS = read("constraints")
LANGUAGES: Mapping[str, Any] = CONSTRAINTS["languages"]
"""How a language is told, by its code: by frequent words or by a script."""
KINDS: Mapping[str, Any] = read("kinds")
"""What is varied from prompt to prompt, by style."""
