"""Nemotron-4's alignment over three seeds: reward model, judges, RPO beside DPO, weak to strong, stages, real data.

    python -m benchmarks.nemotron                     # writes benchmarks/results/nemotron.json and prints the tables
    python -m benchmarks.nemotron rewards hiding      # some parts of it, beside what is there
    REGROWTH_DATA=/path/to/data python -m benchmarks.nemotron real
    python -m benchmarks.nemotron table

What was done is remembered, so a run that was stopped goes on. Intervals: Student's t over the seeds (n = 3), so they
are wide. Seconds are CPU seconds of this process.
"""

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.nemotron.preferring import preferring
from benchmarks.nemotron.real import real
from benchmarks.nemotron.rewarding import hiding, judges, rewards
from benchmarks.nemotron.rounds import rounds
from benchmarks.nemotron.table import printed
from benchmarks.nemotron.world import SEEDS, WORK, World
from regrowth.run import open_run

RESULTS = Path(__file__).parents[1] / "results" / "nemotron.json"
PARTS: dict[str, Callable[[World], dict[str, Any]]] = {
    "rewards": rewards,
    "hiding": hiding,
    "rounds": rounds,
    "preferring": preferring,
    "judges": judges,
}


def main() -> None:
    """Measure the parts that are named, seed by seed, and print the tables of all there is."""
    wanted = sys.argv[1:] or [*PARTS]
    found: dict[str, Any] = json.loads(RESULTS.read_text("utf-8")) if RESULTS.exists() else {}
    for part in (one for one in wanted if one in PARTS):
        for seed in SEEDS:
            start = time.process_time()
            with open_run(WORK / f"nemotron-{seed}") as run:
                figures = PARTS[part](World(run, seed))
            seconds = round(time.process_time() - start)
            print(f"{part}, seed {seed}: {seconds} CPU seconds", file=sys.stderr, flush=True)
            found.setdefault(part, {})[str(seed)] = {**figures, "cpu_s": seconds}
            RESULTS.write_text(json.dumps(found, indent=1) + "\n", "utf-8")
    if "real" in wanted:
        found["real"] = real()
        RESULTS.write_text(json.dumps(found, indent=1) + "\n", "utf-8")
    printed(found)


if __name__ == "__main__":
    main()
