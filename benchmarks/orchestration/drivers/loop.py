"""The loop that one writes by hand around a bare client: a semaphore, `gather`, and a file at the end."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from benchmarks.orchestration.drivers.common import Job
from benchmarks.orchestration.task import Prompt, judge_prompt, keep

__all__ = ["answer_all"]


async def answer_all(job: Job, call: Callable[[str], Awaitable[str]]) -> list[dict[str, Any]]:
    """Answer every prompt with `call`, some at a time; an exception becomes the record's error."""
    slots = asyncio.Semaphore(job.concurrency)

    async def ask(prompt: str) -> str:
        async with slots:
            return await call(prompt)

    async def one(row: Prompt) -> dict[str, Any] | None:
        try:
            reply = await ask(row["prompt"])
            if job.steps == 2 and not keep(await ask(judge_prompt(reply))):
                return None
        except Exception as problem:
            return {"id": row["id"], "error": repr(problem)}
        return {"id": row["id"], "reply": reply}

    return [row for row in await asyncio.gather(*map(one, job.prompts)) if row]
