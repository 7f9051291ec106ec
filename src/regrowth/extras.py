"""Optional libraries, imported when they are needed; where one is missing, the error says how to get it."""

from importlib import import_module
from typing import Any

from regrowth.core.errors import MissingExtra

__all__ = ["library"]


def library(name: str, purpose: str, *, extra: str) -> Any:
    """Import a library that comes with an extra.

    Raises:
        MissingExtra: it is not installed; the message begins with `purpose`.
    """
    try:
        return import_module(name)
    except ImportError as error:
        package = name.partition(".")[0]
        raise MissingExtra(
            f"{purpose} needs {package}, not installed here. Install the extra: pip install 'regrowth[{extra}]'"
        ) from error
