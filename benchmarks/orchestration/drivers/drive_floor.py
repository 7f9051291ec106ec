"""The floor: aiohttp on uvloop, no retries, nothing checked, nothing kept until the end."""

import aiohttp
import orjson
import uvloop

from benchmarks.orchestration.drivers import common, loop

IMPORT_S = common.imported()


async def main(job: common.Job) -> None:
    """Answer the prompts and write the replies."""
    url = f"{job.base_url}/chat/completions"
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:

        async def call(prompt: str) -> str:
            body = orjson.dumps({"model": "mock", "messages": [{"role": "user", "content": prompt}]})
            headers = {"Content-Type": "application/json"}
            async with session.post(url, data=body, headers=headers, raise_for_status=True) as response:
                reply: str = orjson.loads(await response.read())["choices"][0]["message"]["content"]
                return reply

        rows = await loop.answer_all(job, call)
    common.finish(job, rows, package="aiohttp", import_s=IMPORT_S)


if __name__ == "__main__":
    uvloop.run(main(common.read_job()))
