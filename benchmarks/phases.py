"""What does a second phase cost the first, with and without replay? The packaged model, three seeds, equal steps.

    python -m benchmarks.phases          # four CPU minutes; writes benchmarks/results/phases.json, prints a table

Phase 1 trains `arithmetic`, phase 2 `transforms`, difficulties 1 and 2, each on 800 worked problems for 60 steps at a
constant rate. Arms differ in nothing but the share of phase 2's records that come from phase 1. Each seed draws its own
problems, order and held-out problems. Intervals: Student's t over the seeds (n = 3), so they are wide.
"""

import json
import os
import sys
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from regrowth.core.protocols import Estimate
from regrowth.core.record import Record, digest
from regrowth.domains import DOMAINS, problems, verified
from regrowth.metrics.intervals import across_seeds
from regrowth.models.tiny import TINY
from regrowth.recipes.evaluation import MODES, evaluate
from regrowth.run import Run, open_run
from regrowth.training.phases import Phase, phases
from regrowth.training.settings import TrainingSettings

WORK = Path(__file__).parent / ".work"
RESULTS = Path(__file__).parent / "results" / "phases.json"
SEEDS = (0, 1, 2)
FIRST, SECOND = "arithmetic", "transforms"
RECORDS, MARKED, HARDEST = 800, 200, 2
REPLAYS = {"no replay": 0.0, "replay 0.2": 0.2, "replay 0.5": 0.5}


def drawn(domain: str, count: int, seed: int, split: str) -> Iterator[Record]:
    """Return problems of a domain that are not too hard for so small a model."""
    found = problems([domain], 1_000_000, seed=int(digest(domain, seed, split)[:8], 16), split=split)  # type: ignore[arg-type]
    return islice((one for one in found if one["difficulty"] <= HARDEST), count)


def worked(domain: str, seed: int) -> Iterator[Record]:
    """Return problems with their worked answers."""
    for problem in drawn(domain, RECORDS, seed, "train"):
        yield problem.derive(response=DOMAINS[domain].solution(problem), origin="real")


def trained(run: Run, seed: int) -> dict[str, Path]:
    """Return the weights of each arm."""
    data = {name: run.write(name, worked(name, seed)) for name in (FIRST, SECOND)}
    settings = TrainingSettings(steps=60, learning_rate=1e-3, seed=seed, threads=1)
    arms = {"packaged": TINY}
    for arm, replay in REPLAYS.items():
        second = f"{SECOND}-{replay:g}"
        plan = [
            Phase(FIRST, data[FIRST], settings=settings),
            Phase(second, data[SECOND], settings=settings, replay=replay),
        ]
        arms["after phase 1"], arms[arm] = run.wait(
            phases(TINY, plan, store=run.store, examine=lambda data: run.admitted(data)[0])
        )
    return arms


def marks_of(seed: int) -> dict[str, dict[str, float]]:
    """Return the accuracy of each arm by domain and mode."""
    with open_run(WORK / f"phases-{seed}") as run:
        arms = trained(run, seed)
        found: dict[str, dict[str, float]] = {arm: {} for arm in arms}
        for domain in (FIRST, SECOND):
            unseen = list(drawn(domain, MARKED, seed, "heldout"))
            for arm, folder in arms.items():
                marks = run.wait(evaluate(run, run.model(folder), unseen, verified, name=f"{arm}, {domain}"))
                found[arm] |= {f"{domain}, {mode}": marks.accuracy(mode) for mode in MODES}
    return found


def told(estimate: Estimate, sign: str = "") -> str:
    """Write an estimate in percent."""
    low, value, high = (f"{100 * number:{sign}.1f}" for number in (estimate.low, estimate.value, estimate.high))
    return f"{value} [{low}, {high}]"


def main() -> None:
    """Run all seeds, write the figures and print the table."""
    start = time.process_time()
    runs = [marks_of(seed) for seed in SEEDS]
    seconds = time.process_time() - start
    arms, measures = list(runs[0]), list(runs[0]["packaged"])
    print("| arm | " + " | ".join(measures) + " |\n|---|" + "---|" * len(measures))
    for arm in arms:
        print(f"| {arm} | " + " | ".join(told(across_seeds(run[arm][one] for run in runs)) for one in measures) + " |")
    for arm in list(REPLAYS)[1:]:
        gaps = [told(across_seeds(run[arm][one] - run["no replay"][one] for run in runs), "+") for one in measures]
        print(f"| {arm} − no replay | " + " | ".join(gaps) + " |")
    print(f"{seconds:.0f} CPU seconds", file=sys.stderr)
    facts = {"seeds": SEEDS, "cpu_seconds": round(seconds), "load": os.getloadavg()[0], "accuracy": runs}
    RESULTS.write_text(json.dumps(facts, indent=1) + "\n")


if __name__ == "__main__":
    main()
