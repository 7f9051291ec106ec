"""The demo over three seeds: base, verified, unverified, real data only; T=1 and greedy; with intervals over the seeds.

    python -m benchmarks.demo            # three whole demos; writes benchmarks/results/demo.json and prints the table

Each seed draws its own real data, fresh problems, answers, order of training and held-out problems; the base is the
packaged model throughout. Intervals: Student's t over the seeds (n = 3), so they are wide.
"""

import json
import sys
import time
from pathlib import Path

from regrowth.core.protocols import Estimate
from regrowth.metrics.intervals import across_seeds
from regrowth.recipes.evaluation import MODES, Marks
from regrowth.recipes.rejection_sampling import Settings, rejection_sampling
from regrowth.reports.blocks import Scores, load
from regrowth.run import open_run

WORK = Path(__file__).parent / ".work"
RESULTS = Path(__file__).parent / "results" / "demo.json"
SEEDS = (0, 1, 2)


def marks_of(seed: int) -> tuple[dict[str, Marks], float]:
    """Run the demo with one seed; return the marks of its arms and the seconds it took."""
    start = time.monotonic()
    with open_run(WORK / f"demo-{seed}") as run:
        outcome = run.wait(rejection_sampling(run, Settings(seed=seed)))
    return dict(outcome.marks), time.monotonic() - start


def by_domain_of(seed: int) -> Scores:
    """Return the table by domain that a run's report shows."""
    tables = [block for block in load(WORK / f"demo-{seed}") if isinstance(block, Scores)]
    return next(table for table in tables if table.title.startswith("Domain by domain"))


def told(estimate: Estimate, sign: str = "") -> str:
    """Write an estimate in percent."""
    low, value, high = (f"{100 * number:{sign}.1f}" for number in (estimate.low, estimate.value, estimate.high))
    return f"{value} [{low}, {high}]"


def main() -> None:
    """Run all seeds, write the figures and print the table."""
    runs = []
    for seed in SEEDS:
        marks, seconds = marks_of(seed)
        runs.append(marks)
        print(f"seed {seed}: {seconds:.0f} s", file=sys.stderr)
    arms = list(runs[0])
    figures: dict[str, dict[str, object]] = {}
    print("| arm | " + " | ".join(f"{mode} | verified − arm, {mode}" for mode in MODES) + " |")
    print("|---|" + "---|---|" * len(MODES))
    for arm in arms:
        cells = []
        for mode in MODES:
            values = [marks[arm].accuracy(mode) for marks in runs]
            gaps = [marks["verified"].accuracy(mode) - marks[arm].accuracy(mode) for marks in runs]
            figures.setdefault(arm, {})[mode] = {"accuracy": values, "verified minus arm": gaps}
            cells += [told(across_seeds(values)), "" if arm == "verified" else told(across_seeds(gaps), "+")]
        print(f"| {arm} | {' | '.join(cells)} |")
    tables = [by_domain_of(seed) for seed in SEEDS]
    print("\n| T=1 | " + " | ".join(measure.name for measure in tables[0].measures) + " |")
    print("|---|" + "---|" * len(tables[0].measures))
    for place, arm in enumerate(arms):
        shares = {
            measure.name: [table.arms[place].estimates[measure.name].value for table in tables]
            for measure in tables[0].measures
        }
        figures[arm]["T=1 by domain"] = shares
        print(f"| {arm} | {' | '.join(told(across_seeds(values)) for values in shares.values())} |")
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(figures, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
