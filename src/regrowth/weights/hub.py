"""Folders from the Hugging Face hub.

    fetch("HuggingFaceTB/SmolLM2-135M-Instruct")      # or "org/name@revision"; a local folder

Nothing here runs code that comes with weights.
"""

import re
from pathlib import Path

from regrowth.core.errors import ModelUnavailable
from regrowth.extras import library

__all__ = ["fetch", "is_hub_name"]

HUB_NAME = re.compile(r"\w[\w.-]*/\w[\w.-]*(@[\w./-]+)?")
HUB_FILES = ["*.json", "*.safetensors", "*.model", "*.jinja", "*.txt"]


def is_hub_name(name: str) -> bool:
    """Tell whether a name can be one of the hub's."""
    return HUB_NAME.fullmatch(name) is not None


def fetch(name: str) -> Path:
    """Return the local folder of a model on the hub, downloading what is not there yet; never pickles or code.

    Raises:
        MissingExtra: huggingface_hub is not installed.
        ModelUnavailable: the hub does not know the name, or cannot be reached.
    """
    hub = library("huggingface_hub", f"There is no folder {name!r}; fetching it from the hub", extra="hf")
    repository, _, revision = name.partition("@")
    try:
        return Path(hub.snapshot_download(repository, revision=revision or None, allow_patterns=HUB_FILES))
    except (OSError, ValueError) as error:
        raise ModelUnavailable(
            f"There is no folder {name!r}, and the hub did not give it: {error}. Check the name and the network."
        ) from error
