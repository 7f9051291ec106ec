"""One set of wardens per tier for the whole session: they are what a user has, and starting them takes time."""

import asyncio
from collections.abc import Iterator

import pytest

from regrowth.core.errors import NoIsolation
from regrowth.core.protocols import Execution, Limits
from regrowth.sandbox.interpreters import interpreter
from regrowth.sandbox.pool import Wardens

QUICK = Limits(cpu=20.0, wall=30.0, memory=128, processes=16, output=16_384, disk=8)


class Bench:
    """Run Python programs, one after the other, in one tier."""

    def __init__(self, wardens: Wardens) -> None:
        self.wardens = wardens

    def run(self, code: str, *words: str, stdin: str = "", limits: Limits = QUICK) -> Execution:
        return self.call({"main.py": code}, ["python", "main.py", *words], stdin, limits)

    def call(self, files: dict[str, str], argv: list[str], stdin: str = "", limits: Limits = QUICK) -> Execution:
        return asyncio.run(self.wardens.run(files, argv, stdin, limits))


@pytest.fixture(scope="session", params=[2, 1], ids=["namespaces", "landlock"])
def bench(request: pytest.FixtureRequest) -> Iterator[Bench]:
    """Every tier that this machine can give; the others are skipped with the reason."""
    try:
        executable, _ = interpreter(request.param)
    except NoIsolation as error:
        pytest.skip(str(error))
    wardens = Wardens(request.param, executable=executable, count=2)
    began = asyncio.run(wardens.run({}, ["python", "-c", "print(1)"]))
    if began.status == "setup_failed":
        wardens.close()
        pytest.skip(f"tier {request.param} cannot be had here: {began.reason}")
    yield Bench(wardens)
    wardens.close()
