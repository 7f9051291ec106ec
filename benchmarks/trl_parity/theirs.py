"""TRL's side: `python -m benchmarks.trl_parity.theirs JOB`.

The trainers get the model's folder and the conversations as text, as a user gives them, and are set as a CPU wants
it: fp32, no gradient checkpointing (both are on by default), no worker processes, no reports, no evaluation.
"""

import json
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

from benchmarks.trl_parity.job import BATCH, BETA, CENTRING, CONTEXT, OPTIMIZER, RATES, Clock, Job, digest, read

__all__ = ["OPTIONS"]

OPTIONS: dict[str, dict[str, Any]] = {
    "default": {},
    "halves": {"per_device_train_batch_size": 4, "gradient_accumulation_steps": 2},
    "quarters": {"per_device_train_batch_size": 2, "gradient_accumulation_steps": 4},
    "singly": {"per_device_train_batch_size": 1, "gradient_accumulation_steps": 8},
    "padding_free": {"padding_free": True, "max_length": None},
    "by_length": {"train_sampling_strategy": "group_by_length"},
    "packing": {"packing": True, "per_device_train_batch_size": 4},
    "compiled": {"per_device_train_batch_size": 1, "gradient_accumulation_steps": 8, "torch_compile": True},
    "precompute": {"precompute_ref_log_probs": True},
    "precompute singly": {
        "precompute_ref_log_probs": True,
        "precompute_ref_batch_size": 1,
        "per_device_train_batch_size": 1,
        "gradient_accumulation_steps": 8,
    },
}
"""`singly` and its like cut a step into smaller batches, so that less is padded: equal losses. `by_length` and
`packing` put other records into a step: equal work over all, other losses."""


def settings(job: Job) -> dict[str, Any]:
    """Return the arguments that all trainers share."""
    return {
        "output_dir": str(Path(job.scratch) / "out"),
        "per_device_train_batch_size": BATCH,
        "num_train_epochs": 1,
        "learning_rate": RATES[job.method],
        "lr_scheduler_type": "constant",
        "adam_beta1": OPTIMIZER["beta1"],
        "adam_beta2": OPTIMIZER["beta2"],
        "adam_epsilon": OPTIMIZER["epsilon"],
        "weight_decay": OPTIMIZER["weight_decay"],
        "max_grad_norm": OPTIMIZER["clip"],
        "max_length": CONTEXT,
        "train_sampling_strategy": "sequential",
        "use_cpu": True,
        "bf16": False,
        "gradient_checkpointing": False,
        "dataloader_num_workers": 0,
        "dataloader_pin_memory": False,
        "eval_strategy": "no",
        "save_strategy": "no",
        "report_to": "none",
        "logging_steps": 1,
        "disable_tqdm": True,
        "log_level": "error",
        "seed": 0,
        **OPTIONS[job.option],
    }


def conversations(job: Job) -> list[dict[str, Any]]:
    """Return the records as the trainers want them."""
    sides = {"completion": "response"} if job.method == "sft" else {"chosen": "response", "rejected": "rejected"}
    return [
        {
            "prompt": [{"role": "user", "content": row["prompt"]}],
            **{name: [{"role": "assistant", "content": row[side]}] for name, side in sides.items()},
        }
        for row in read(job.data)
    ]


def trainer(job: Job, clock: Clock) -> Any:
    """Return a trainer, ready to train."""
    from datasets import Dataset

    trl: Any = import_module("trl")  # its types are not complete

    clock.mark("imported")
    clock.mark("reference begins")
    clock.mark("reference ends")
    shared = settings(job)
    rows = Dataset.from_list(conversations(job))
    if job.method == "sft":
        return trl.SFTTrainer(job.folder, trl.SFTConfig(**shared), train_dataset=rows)
    if job.method == "reward":
        config = trl.RewardConfig(center_rewards_coefficient=CENTRING, **shared)
        return trl.RewardTrainer(job.folder, config, train_dataset=rows)
    return _timed(trl.DPOTrainer, clock)(job.folder, args=trl.DPOConfig(beta=BETA, **shared), train_dataset=rows)


def _timed(base: Any, clock: Clock) -> Any:
    """Return a trainer that notes when it computes the reference: that is work, not start-up."""

    class Timed(base):  # type: ignore[misc]
        def _precompute_ref_logps(self, *positional: Any, **named: Any) -> Any:
            clock.mark("reference begins")
            done = super()._precompute_ref_logps(*positional, **named)
            clock.mark("reference ends")
            return done

    return Timed


def rows_of(job: Job, dataset: Any) -> list[list[int]]:
    """Return the token rows of a prepared data set, side after side of each record."""
    if job.method == "sft":
        return [list(row) for row in dataset["input_ids"]]
    prompts = dataset["prompt_ids"] if job.method == "dpo" else [[]] * len(dataset)
    pairs = zip(prompts, dataset["chosen_ids"], dataset["rejected_ids"], strict=True)
    return [[*prompt, *reply] for prompt, *replies in pairs for reply in replies]


def main() -> None:
    """Train and write what it took."""
    clock, job = Clock(), Job(**json.loads(sys.argv[1]))
    import torch

    torch.set_num_threads(job.threads)
    made = trainer(job, clock)
    import transformers

    class Watch(transformers.TrainerCallback):
        def on_step_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            if state.global_step == 0:
                clock.mark("first step")

        def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            clock.mark("last step")

    made.add_callback(Watch())
    made.train()
    made.save_model(str(Path(job.scratch) / "out"))
    clock.mark("done")
    losses = [line["loss"] for line in made.state.log_history if "loss" in line]
    rows = rows_of(job, made.train_dataset)
    clock.write(job, losses=losses, tokens=sum(map(len, rows)), rows=digest(rows))


if __name__ == "__main__":
    main()
