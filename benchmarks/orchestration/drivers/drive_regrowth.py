"""Regrowth through its public door: `open_run`, `run.model`, `run.grow`; every reply is made durable as it comes.

The second step is a gate. Prompts that failed for good are in the dataset's ledger, with the reason.
"""

from collections.abc import Iterator
from typing import Any

import regrowth as rg
from benchmarks.orchestration.drivers import common
from benchmarks.orchestration.task import judge_prompt, keep
from regrowth.core.protocols import Gate, Model

open_run = rg.open_run  # names are imported on first use; this one brings the rest
IMPORT_S = common.imported()


async def answer(seed: rg.Record, writer: Model) -> rg.Record:
    """Let the model answer the seed's prompt."""
    return seed.derive(response=await writer.ask(seed.messages, seed=seed.seed("answer")))


def judged_by(judge: Model) -> Gate:
    """Return the gate that asks a model for its judgement."""

    async def judged(record: rg.Record) -> rg.Record:
        judgement = await judge.ask(judge_prompt(record.response), seed=record.seed("judgement"))
        if not keep(judgement):
            raise rg.Rejected("judged", judgement)
        return record

    return judged


def told(data: rg.Dataset) -> Iterator[dict[str, Any]]:
    """Yield what the dataset and its ledger hold."""
    for record in data:
        yield {"id": record["number"], "reply": record.response}
    for entry in data.ledger():
        if entry.outcome == "failed":
            yield {"id": entry.record["number"], "error": entry.reason}


def main(job: common.Job) -> None:
    """Answer the prompts and write the replies."""
    seeds = [rg.Record.of(row["prompt"], number=row["id"]) for row in job.prompts]
    with open_run(job.work / "run") as run:
        model = run.model(f"openai:mock@{job.base_url}", concurrency=job.concurrency)
        data = run.grow(seeds, answer, model, gates=[judged_by(model)] if job.steps == 2 else [])
        common.finish(job, told(data), package="regrowth", import_s=IMPORT_S)


if __name__ == "__main__":
    main(common.read_job())
