"""An executor as recipes and gates see it: every run is a remembered effect."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict

from regrowth.core.errors import CallFailed, NoIsolation
from regrowth.core.protocols import Answer, Execution, Executor, Limits
from regrowth.core.record import Json
from regrowth.core.store import Store

__all__ = ["RememberedExecutor"]

LIMITS = Limits()


class RememberedExecutor:
    """Run programs through a store: what ran once is not run again."""

    def __init__(self, executor: Executor, store: Store) -> None:
        self.executor = executor
        self.store = store

    @property
    def tier(self) -> int:
        """Return what isolates here; 0 if nothing does."""
        return self.executor.tier

    @property
    def digest(self) -> str:
        """Return what names the interpreters and tools inside."""
        return self.executor.digest

    async def run(
        self, files: Mapping[str, str], argv: Sequence[str], stdin: str = "", limits: Limits = LIMITS
    ) -> Execution:
        """Run a program, or return how it ended the last time.

        Raises:
            NoIsolation: this machine cannot isolate anything; says why and what to do.
            CallFailed: the sandbox itself broke down. Not remembered.
        """

        async def compute() -> Answer:
            found = await self.executor.run(files, argv, stdin, limits)
            if found.status == "refused":
                raise NoIsolation(found.reason)
            if found.status == "setup_failed":
                raise CallFailed(f"The sandbox could not start the program: {found.reason}")
            return Answer(asdict(found))

        request: dict[str, Json] = {
            "tools": self.digest,
            "files": dict(files),
            "argv": list(argv),
            "stdin": stdin,
            "limits": asdict(limits),
        }
        return Execution(**await self.store.effect("execute", request, compute))

    def close(self) -> None:
        """Give back the processes of the executor, if it has any."""
        close = getattr(self.executor, "close", None)
        if close is not None:
            close()
