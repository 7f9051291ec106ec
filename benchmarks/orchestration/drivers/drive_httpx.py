"""httpx by hand, with as many connections as requests in flight."""

import asyncio

import httpx

from benchmarks.orchestration.drivers import common, loop

IMPORT_S = common.imported()


async def main(job: common.Job) -> None:
    """Answer the prompts and write the replies."""
    limits = httpx.Limits(max_connections=job.concurrency, max_keepalive_connections=job.concurrency)
    async with httpx.AsyncClient(limits=limits, timeout=60) as client:

        async def call(prompt: str) -> str:
            body = {"model": "mock", "messages": [{"role": "user", "content": prompt}]}
            response = await client.post(f"{job.base_url}/chat/completions", json=body)
            reply: str = response.raise_for_status().json()["choices"][0]["message"]["content"]
            return reply

        rows = await loop.answer_all(job, call)
    common.finish(job, rows, package="httpx", import_s=IMPORT_S)


if __name__ == "__main__":
    asyncio.run(main(common.read_job()))
