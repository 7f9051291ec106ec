"""distilabel: a pipeline of `TextGeneration` tasks; its cache is on, so that it may resume.

`OpenAILLM` sends one input batch at once and waits for all of it, so `input_batch_size` is its concurrency. A row whose
batch failed comes out with an empty generation and without a reason.
"""

from typing import Any

from distilabel.models import OpenAILLM
from distilabel.pipeline import Pipeline
from distilabel.steps import LoadDataFromDicts, StepInput, step
from distilabel.steps.tasks import TextGeneration

from benchmarks.orchestration.drivers import common
from benchmarks.orchestration.task import judge_prompt, keep

IMPORT_S = common.imported()


@step(inputs=["judgement"], outputs=["judgement"])
def KeepGood(inputs: StepInput):  # noqa: N802 - distilabel reads the signature and takes the name for a class
    """Keep what was judged well."""
    yield [row for row in inputs if row["judgement"] and keep(row["judgement"])]


def generation(job: common.Job, name: str, **settings: Any) -> TextGeneration:
    """Return one generating step."""
    model = OpenAILLM(model="mock", base_url=job.base_url, api_key="none")
    return TextGeneration(
        name=name, llm=model, input_batch_size=job.concurrency, add_raw_output=False, add_raw_input=False, **settings
    )


def main(job: common.Job) -> None:
    """Answer the prompts and write the replies."""
    data = [{"id": row["id"], "instruction": row["prompt"]} for row in job.prompts]
    with Pipeline(name="replies", cache_dir=job.work / "distilabel") as pipeline:
        load = LoadDataFromDicts(data=data, batch_size=job.concurrency)
        write = generation(job, "write", output_mappings={"generation": "reply", "model_name": "writer"})
        if job.steps == 1:
            load >> write
        else:
            judge = generation(
                job,
                "judge",
                columns=["reply"],
                template=judge_prompt("{{ reply }}"),
                output_mappings={"generation": "judgement", "model_name": "judge"},
            )
            load >> write >> judge >> KeepGood(input_batch_size=job.concurrency)
    made = pipeline.run(use_cache=True)["default"]["train"]
    rows = [
        {"id": row["id"], "reply": row["reply"]} if row["reply"] else {"id": row["id"], "error": ""} for row in made
    ]
    common.finish(job, rows, package="distilabel", import_s=IMPORT_S)


if __name__ == "__main__":
    main(common.read_job())
