"""What both sides are told, and how both tell what it took. Only the standard library: no import is paid for here.

A job is JSON on the command line, its measurement JSON in the file it names:
    {"method": "sft", "side": "trl", "folder": "…/7M", "data": "…/sft.jsonl", "threads": 1, "option": "default", …}
    {"marks": {"imported": {"wall": 6.1, "cpu": 5.9, "rss_mb": 431}, …}, "losses": [10.8, …], "tokens": 24011, …}
"""

import hashlib
import json
import os
import time
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

__all__ = ["BATCH", "BETA", "CENTRING", "CONTEXT", "OPTIMIZER", "RATES", "STARTED", "Clock", "Job", "digest", "read"]

STARTED = "BENCHMARK_STARTED"
"""Environment variable: when the process was started, on the monotonic clock that all processes share."""
CONTEXT = 512
BATCH = 8
"""Records of an optimizer step."""
RATES = {"sft": 5e-4, "dpo": 1e-4, "reward": 1e-4}
"""Constant learning rates."""
OPTIMIZER = {"beta1": 0.9, "beta2": 0.95, "epsilon": 1e-8, "weight_decay": 0.01, "clip": 1.0}
BETA = 0.1
"""Of DPO."""
CENTRING = 0.01
"""Of rewards."""


@dataclass(frozen=True)
class Job:
    """One training in one process."""

    method: str
    """`sft`, `dpo` or `reward`."""
    side: str
    """`regrowth` or `trl`."""
    folder: str
    """The model to start from."""
    data: str
    """JSON lines: prompt, response and, of pairs, rejected; in the order of the steps."""
    scratch: str
    """A folder of the job's own."""
    threads: int = 1
    option: str = "default"
    """How TRL is set; see `theirs.OPTIONS`."""

    def command(self, python: Path) -> list[str]:
        """Return what runs the job."""
        module = {"regrowth": "ours", "trl": "theirs"}[self.side]
        return [str(python), "-m", f"benchmarks.trl_parity.{module}", json.dumps(asdict(self))]

    @property
    def result(self) -> Path:
        """Return where the measurement is written."""
        return Path(self.scratch) / "measured.json"


class Clock:
    """Note wall time, CPU time and memory at the turning points of a process."""

    def __init__(self) -> None:
        self._started = float(os.environ.get(STARTED, time.monotonic()))
        self.marks: dict[str, dict[str, float]] = {}

    def mark(self, name: str) -> None:
        """Note a turning point; a second one of the same name moves it."""
        status = Path("/proc/self/status").read_text().splitlines()
        held = {line.split(":")[0]: int(line.split()[1]) / 1024 for line in status if line.startswith("Vm")}
        self.marks[name] = {
            "wall": time.monotonic() - self._started,
            "cpu": time.process_time(),
            "rss_mb": held["VmRSS"],
            "peak_mb": held["VmHWM"],
        }

    def write(self, job: Job, **facts: object) -> None:
        """Write the measurement."""
        job.result.write_text(json.dumps({"marks": self.marks, **facts}), "utf-8")


def read(path: str) -> list[dict[str, Any]]:
    """Read JSON lines."""
    with Path(path).open(encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def digest(rows: Iterable[Sequence[int]]) -> str:
    """Name token rows and their order."""
    return hashlib.sha256(json.dumps([list(map(int, row)) for row in rows]).encode()).hexdigest()[:16]
