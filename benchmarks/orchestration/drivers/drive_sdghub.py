"""SDG Hub: a flow of blocks, written as YAML because that is how it takes them; concurrency by `max_concurrency`.

One call takes four blocks: build the prompt, ask, extract the text, rename the column. Without `checkpoint_dir` it
keeps nothing until the end.
"""

from pathlib import Path
from typing import Any

import pandas as pd
import yaml
from sdg_hub import Flow

from benchmarks.orchestration.drivers import common
from benchmarks.orchestration.task import LEAST, judge_prompt

IMPORT_S = common.imported()


def block(kind: str, name: str, **settings: Any) -> dict[str, Any]:
    """Return one entry of a flow."""
    return {"block_type": kind, "block_config": {"block_name": name, **settings}}


def call(folder: Path, source: str, result: str, template: str) -> list[dict[str, Any]]:
    """Return the blocks of one call that reads the column `source` and writes the column `result`."""
    prompt_file = folder / f"{result}.yaml"
    prompt_file.write_text(yaml.safe_dump([{"role": "user", "content": template}]))
    asked, answered = f"{result}_messages", f"{result}_response"
    return [
        block(
            "PromptBuilderBlock", f"{result}_1", input_cols=[source], output_cols=asked,
            prompt_config_path=prompt_file.name,
        ),
        block("LLMChatBlock", f"{result}_2", input_cols=asked, output_cols=answered, async_mode=True),
        block(
            "LLMResponseExtractorBlock", f"{result}_3", input_cols=answered, field_prefix=f"{result}_",
            extract_content=True,
        ),
        block("RenameColumnsBlock", f"{result}_4", input_cols={f"{result}_content": result}),
    ]  # fmt: skip


def flow(job: common.Job) -> Flow:
    """Write the flow's files and load it."""
    folder = job.work / "flow"
    folder.mkdir(exist_ok=True)
    blocks = call(folder, "prompt", "reply", "{{prompt}}")
    if job.steps == 2:
        blocks += call(folder, "reply", "judgement", judge_prompt("{{reply}}"))
        blocks += [
            block(
                "RegexParserBlock", "rating", input_cols="judgement", output_cols=["rating"],
                parsing_pattern=r"Rating: (\d)",
            ),
            block(
                "ColumnValueFilterBlock", "keep", input_cols="rating", filter_value=LEAST, operation="ge",
                convert_dtype="int",
            ),
        ]  # fmt: skip
    metadata = {"name": "replies", "description": "replies", "version": "1.0.0", "author": "benchmark", "id": "replies"}
    path = folder / "flow.yaml"
    path.write_text(yaml.safe_dump({"metadata": metadata, "blocks": blocks}))
    loaded = Flow.from_yaml(str(path))
    loaded.set_model_config(model="openai/mock", api_base=job.base_url, api_key="none")
    return loaded


def main(job: common.Job) -> None:
    """Answer the prompts and write the replies."""
    settings: dict[str, Any] = {"max_concurrency": job.concurrency}
    if job.checkpoint:
        settings |= {"checkpoint_dir": str(job.work / "checkpoints"), "save_freq": job.checkpoint}
    made = flow(job).generate(pd.DataFrame(job.prompts), **settings)
    rows = made[["id", "reply"]].to_dict("records")
    common.finish(job, rows, package="sdg-hub", import_s=IMPORT_S)


if __name__ == "__main__":
    main(common.read_job())
