"""Concurrent calls gathered into batches, for whatever computes in this process.

    batches = Batches(compute, rows=64, tokens=65_536, gather=0.003)
    results = await batches.run([task, task])         # tasks with a `room`: the longest length they may reach

Calls wait until no new one arrives for a few milliseconds, are sorted by length, and run in one worker thread, so the
event loop stays free. Only tasks of one class share a batch. What is finished is answered at once, whatever the rest
of its batch still does.
"""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

from regrowth.core.errors import CallFailed

__all__ = ["Batches", "Deliver", "Task"]


class Task(Protocol):
    """One row of a batch."""

    @property
    def room(self) -> int:
        """Return the longest length in tokens that it may reach."""


Deliver: TypeAlias = Callable[[int, object], None]
"""Takes the number of a task within its batch and its result, or the exception it failed with."""


@dataclass(frozen=True, slots=True)
class _Job:
    """A task, and who waits for it."""

    task: Any
    result: asyncio.Future[Any]


class Batches:
    """Gather calls and have them computed, one batch at a time."""

    def __init__(
        self, compute: Callable[[Sequence[Any], Deliver], None], *, rows: int, tokens: int, gather: float
    ) -> None:
        """Prepare an empty queue.

        Args:
            compute: runs one batch, in the worker thread.
            rows: tasks in a batch, at most.
            tokens: tasks times longest room, at most.
            gather: seconds without a new call after which a batch starts.
        """
        self._compute_tasks = compute
        self._rows, self._tokens, self._seconds = rows, tokens, gather
        self._waiting: list[_Job] = []
        self._serving: asyncio.Task[None] | None = None
        self._worker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="torch-model")
        self.open = True
        """Whether results are still wanted; a long batch looks at it as it goes."""

    async def run(self, tasks: Sequence[Task]) -> list[Any]:
        """Return the results of some tasks, in order.

        Raises:
            CallFailed: a task, or the batch it was in, failed.
        """
        if not self.open:
            raise CallFailed("The model is closed.")
        jobs = [_Job(task, asyncio.get_running_loop().create_future()) for task in tasks]
        self._waiting += jobs
        if self._serving is None or self._serving.done():
            self._serving = asyncio.create_task(self._serve())
        return await asyncio.gather(*(job.result for job in jobs))

    async def close(self) -> None:
        """Stop the running batch, fail what waits, and end the worker thread."""
        self.open = False
        for job in self._waiting:
            _settle(job.result, CallFailed("The model was closed before it answered."))
        self._waiting.clear()
        await asyncio.to_thread(self._worker.shutdown)

    async def _serve(self) -> None:
        """Run batches until no call waits."""
        loop = asyncio.get_running_loop()
        while self._waiting:
            await self._gather()
            if not (batch := self._next_batch()):
                continue
            try:
                await loop.run_in_executor(self._worker, self._compute, batch, loop.call_soon_threadsafe)
            except Exception as error:  # the boundary: whatever a batch raises fails its own calls and no others
                for job in batch:
                    _settle(job.result, _told(error))

    async def _gather(self) -> None:
        known = 0
        while known < len(self._waiting) < self._rows:
            known = len(self._waiting)
            await asyncio.sleep(self._seconds)

    def _next_batch(self) -> list[_Job]:
        """Take the oldest call and those of its kind nearest to it in length."""
        self._waiting = [job for job in self._waiting if not job.result.done()]
        if not self._waiting:
            return []
        oldest = self._waiting[0]
        kind = type(oldest.task)
        alike = sorted((job for job in self._waiting if type(job.task) is kind), key=lambda job: int(job.task.room))
        batch = next(part for part in self._parts(alike) if any(job is oldest for job in part))
        taken = {id(job) for job in batch}
        self._waiting = [job for job in self._waiting if id(job) not in taken]
        return batch

    def _parts(self, jobs: Sequence[_Job]) -> Iterator[list[_Job]]:
        part: list[_Job] = []
        for job in jobs:
            if part and (len(part) == self._rows or (len(part) + 1) * job.task.room > self._tokens):
                yield part
                part = []
            part.append(job)
        yield part

    def _compute(self, batch: list[_Job], soon: Callable[..., object]) -> None:
        """Run one batch; in the worker thread."""

        def deliver(number: int, result: object) -> None:
            soon(_settle, batch[number].result, result)

        self._compute_tasks([job.task for job in batch], deliver)


def _settle(future: asyncio.Future[Any], result: object) -> None:
    if future.done():
        return
    if isinstance(result, Exception):
        future.set_exception(result)
    else:
        future.set_result(result)


def _told(error: Exception) -> CallFailed:
    if isinstance(error, CallFailed):
        return error
    advice = " Lower `rows` or `tokens`." if "memory" in f"{type(error).__name__} {error}".lower() else ""
    return CallFailed(f"The batch failed with {type(error).__name__}: {error}.{advice}")
