"""What all drivers share: the job they get and the two files they write. Standard library only.

Out goes one JSON line per record: `{"id": 7, "reply": "…"}` where the tool delivered one, `{"id": 7, "error": "…"}`
where it told the program that this prompt failed (with an empty string if it did not say why). A prompt with
neither line vanished.
"""

import argparse
import json
import os
import time
from collections.abc import Iterable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from benchmarks.orchestration.task import Prompt

__all__ = ["Job", "finish", "imported", "read_job"]

STARTED = float(os.environ.get("BENCHMARK_STARTED", time.monotonic()))
"""When the runner started this process; the monotonic clock is one for all processes of a Linux machine."""


@dataclass(frozen=True, slots=True)
class Job:
    """Say what is to be done."""

    base_url: str
    prompts: list[Prompt]
    out: Path
    work: Path
    """The tool's own folder: outlives a kill, is fresh in every other run."""
    steps: int
    concurrency: int
    """Requests in flight."""
    checkpoint: int
    """Records between two checkpoints, for tools that ask for it; 0 leaves their default."""


def read_job() -> Job:
    """Read the job from the command line."""
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--base-url", required=True)
    arguments.add_argument("--prompts", type=Path, required=True)
    arguments.add_argument("--out", type=Path, required=True)
    arguments.add_argument("--work", type=Path, required=True)
    arguments.add_argument("--steps", type=int, default=1)
    arguments.add_argument("--concurrency", type=int, default=128)
    arguments.add_argument("--checkpoint", type=int, default=0)
    given = arguments.parse_args()
    given.prompts = [json.loads(line) for line in given.prompts.read_text().splitlines()]
    return Job(**vars(given))


def imported() -> float:
    """Return the seconds since the process was started: call it after the last import."""
    return time.monotonic() - STARTED


def finish(job: Job, rows: Iterable[dict[str, Any]], *, package: str, import_s: float) -> None:
    """Write the records, and beside them how long import and work took."""
    with job.out.open("w") as out:
        for row in rows:
            out.write(json.dumps(row) + "\n")
    work_s = time.monotonic() - STARTED - import_s
    told = {"version": version(package), "import_s": import_s, "work_s": work_s}
    job.out.with_suffix(".told.json").write_text(json.dumps(told))
