"""Bespoke Curator: one `LLM` class per step, concurrency by `max_concurrent_requests`, its default retries.

Rate limits are lifted out of the way. `require_all_responses=False` is its way of going on past failed prompts;
`get_failed_requests` is how it tells which they were.
"""

import os
from pathlib import Path
from typing import Any

from bespokelabs import curator
from datasets import Dataset

from benchmarks.orchestration.drivers import common
from benchmarks.orchestration.task import judge_prompt, keep

IMPORT_S = common.imported()


class Writer(curator.LLM):
    """Answer the prompt."""

    return_completions_object = False

    def prompt(self, row: dict[str, Any]) -> str:
        """Return what is sent."""
        return row["prompt"]

    def parse(self, row: dict[str, Any], response: str) -> dict[str, Any]:
        """Return what is kept."""
        return {"id": row["id"], "reply": response}


class Judge(curator.LLM):
    """Judge the reply."""

    return_completions_object = False

    def prompt(self, row: dict[str, Any]) -> str:
        """Return what is sent."""
        return judge_prompt(row["reply"])

    def parse(self, row: dict[str, Any], response: str) -> dict[str, Any]:
        """Return what is kept."""
        return {**row, "judgement": response}


def failures(response: Any) -> list[dict[str, Any]]:
    """Return the failed prompts as Curator lists them; the listed requests hold no reason."""
    return [{"id": failed["original_row"]["id"], "error": ""} for failed in response.get_failed_requests()]


def main(job: common.Job) -> None:
    """Answer the prompts and write the replies."""
    os.environ["CURATOR_CACHE_DIR"] = str(Path(job.work, "curator"))
    settings = {
        "model_name": "mock",
        "backend": "openai",
        "backend_params": {
            "base_url": job.base_url,
            "api_key": "none",
            "max_concurrent_requests": job.concurrency,
            "max_requests_per_minute": 10**8,
            "max_tokens_per_minute": 10**11,
            "require_all_responses": False,
        },
    }
    written = Writer(**settings)(Dataset.from_list(job.prompts))
    rows, failed = written.dataset, failures(written)
    if job.steps == 2:
        judged = Judge(**settings)(rows)
        failed += failures(judged)
        rows = [row for row in judged.dataset if keep(row["judgement"])]
    kept = [{"id": row["id"], "reply": row["reply"]} for row in rows]
    common.finish(job, kept + failed, package="bespokelabs-curator", import_s=IMPORT_S)


if __name__ == "__main__":
    main(common.read_job())
