"""NeMo Data Designer: a seed data set and one text column per step, concurrency by `max_parallel_requests`.

It has no filter on a column's value, so the kept records are picked afterwards. `buffer_size` is both its batch and
its checkpoint; the default is 1,000 records. The OpenTelemetry endpoint is off.
"""

from typing import Any

import data_designer.config as dd
import pandas as pd
from data_designer.interface import DataDesigner

from benchmarks.orchestration.drivers import common
from benchmarks.orchestration.task import judge_prompt, keep

IMPORT_S = common.imported()


def main(job: common.Job) -> None:
    """Answer the prompts and write the replies."""
    provider = dd.ModelProvider(name="mock", endpoint=job.base_url, provider_type="openai", api_key="none")
    designer = DataDesigner(artifact_path=job.work / "artifacts", model_providers=[provider])
    settings: dict[str, Any] = {"otel_metrics_port": None}
    if job.checkpoint:
        settings["buffer_size"] = job.checkpoint
    designer.set_run_config(dd.RunConfig(**settings))
    parameters = dd.ChatCompletionInferenceParams(max_parallel_requests=job.concurrency)
    model = dd.ModelConfig(
        alias="mock", model="mock", provider="mock", skip_health_check=True, inference_parameters=parameters
    )
    seeds = job.work / "seeds.parquet"
    pd.DataFrame(job.prompts).to_parquet(seeds)
    plan = dd.DataDesignerConfigBuilder(model_configs=[model])
    plan.with_seed_dataset(dd.LocalFileSeedSource(path=str(seeds)))
    plan.add_column(dd.LLMTextColumnConfig(name="reply", prompt="{{ prompt }}", model_alias="mock"))
    if job.steps == 2:
        second = judge_prompt("{{ reply }}")
        plan.add_column(dd.LLMTextColumnConfig(name="judgement", prompt=second, model_alias="mock"))
    made = designer.create(plan, num_records=len(job.prompts), dataset_name="replies", resume=dd.ResumeMode.IF_POSSIBLE)
    rows = made.load_dataset().to_dict("records")
    kept = [{"id": int(row["id"]), "reply": row["reply"]} for row in rows if job.steps == 1 or keep(row["judgement"])]
    common.finish(job, kept, package="data-designer", import_s=IMPORT_S)


if __name__ == "__main__":
    main(common.read_job())
