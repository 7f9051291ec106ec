"""Libraries that only some kinds of seeds need, imported when one of them is read."""

from importlib import import_module
from typing import Any

from regrowth.core.errors import MissingExtra

__all__ = ["library"]


def library(name: str, purpose: str) -> Any:
    """Import a library of the extra `documents`.

    Raises:
        MissingExtra: it is not installed; the message begins with `purpose`.
    """
    try:
        return import_module(name)
    except ImportError as error:
        package = name.partition(".")[0]
        raise MissingExtra(
            f"{purpose} needs {package}, not installed here. Install the extra: pip install 'regrowth[documents]'"
        ) from error
