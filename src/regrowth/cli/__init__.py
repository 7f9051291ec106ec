"""The command line: `regrowth demo | run | preview | report | why | forget | export | doctor`."""

from regrowth.cli.main import main

__all__ = ["main"]
