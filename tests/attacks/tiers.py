"""The tiers that this machine has, for tests: what is missing is skipped with the reason, and never in silence.

A tier that can be set up and then does not hold against a canary is not missing: that fails.
"""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn

import pytest

from regrowth.core.errors import NoIsolation
from regrowth.core.protocols import Executor
from regrowth.sandbox.ladder import sandbox
from regrowth.sandbox.languages import toolchain_paths

__all__ = ["TIERS", "missing", "open_tier"]

TIERS = ("namespaces", "landlock")


@contextmanager
def open_tier(kind: str) -> Iterator[Executor]:
    """Yield an executor of a tier, or skip the test, saying why this machine has none."""
    executor = sandbox(kind, paths=toolchain_paths())
    try:
        found = asyncio.run(executor.run({"main.py": "print(6 * 7)"}, ["python", "main.py"]))
    except NoIsolation as error:
        missing(kind, str(error))
    if found.status == "refused":
        missing(kind, found.reason)
    assert found.stdout == "42\n", found
    try:
        yield executor
    finally:
        executor.close()  # type: ignore[attr-defined]


def missing(kind: str, reason: str) -> NoReturn:
    """Skip a test because there is no such tier here, or fail it because there is one that does not hold."""
    if "did not hold against" in reason:
        pytest.fail(f"{kind}: {reason}")
    pytest.skip(f"{kind}: {reason}")
