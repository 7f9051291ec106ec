"""The openai client by hand, as its README shows it: default transport, two retries.

With `OPENAI_TRANSPORT=aiohttp` it uses the faster transport that its README recommends for many requests.
"""

import asyncio
import os

from openai import AsyncOpenAI, DefaultAioHttpClient

from benchmarks.orchestration.drivers import common, loop

FAST = os.environ.get("OPENAI_TRANSPORT") == "aiohttp"
IMPORT_S = common.imported()


async def main(job: common.Job) -> None:
    """Answer the prompts and write the replies."""
    transport = DefaultAioHttpClient() if FAST else None
    async with AsyncOpenAI(base_url=job.base_url, api_key="none", http_client=transport) as client:

        async def call(prompt: str) -> str:
            messages = [{"role": "user", "content": prompt}]
            answer = await client.chat.completions.create(model="mock", messages=messages)
            reply: str = answer.choices[0].message.content
            return reply

        rows = await loop.answer_all(job, call)
    common.finish(job, rows, package="openai", import_s=IMPORT_S)


if __name__ == "__main__":
    asyncio.run(main(common.read_job()))
