"""Policy optimisation over three seeds: four methods beside their controls; T=1 and greedy; intervals over the seeds.

    python -m benchmarks.policy          # writes benchmarks/results/policy.json and prints the table
    python -m benchmarks.policy table    # prints the table of what was written

Per seed: `policy_optimization` with `grpo` and its controls, then the other methods without controls, all from the
packaged model, in one run folder: equal problems, equal replies per round, equal steps, each arm's best round by
development problems. What was done is remembered, so a run that was stopped goes on. Intervals: Student's t over the
seeds (n = 3), so they are wide. Seconds are CPU seconds of this process.
"""

import json
import sys
import time
from pathlib import Path
from statistics import fmean
from typing import Any

from benchmarks.demo import told
from regrowth.metrics.intervals import across_seeds
from regrowth.recipes.evaluation import MODES
from regrowth.recipes.policy_optimization import Outcome, Settings, policy_optimization
from regrowth.run import open_run

WORK = Path(__file__).parent / ".work"
RESULTS = Path(__file__).parent / "results" / "policy.json"
SEEDS = (0, 1, 2)
FIRST = "grpo"
OTHERS = ("rloo", "best_of_n_dpo", "best_of_n_rpo")


def figures_of(seed: int, method: str) -> dict[str, Any]:
    """Run one method with one seed; return what it measured, by arm."""
    start = time.process_time()
    with open_run(WORK / f"policy-{seed}") as run:
        settings = Settings.model_validate({"seed": seed, "method": method, "controls": method == FIRST})
        outcome = run.wait(policy_optimization(run, settings))
        print(f"seed {seed}, {method}: {time.process_time() - start:.0f} CPU seconds", file=sys.stderr, flush=True)
        return {"digest": run.model("tiny").digest, **_by_arm(outcome)}


def _by_arm(outcome: Outcome) -> dict[str, Any]:
    return {
        name: {
            "accuracy": {mode: marks.accuracy(mode) for mode in MODES},
            "kept": outcome.kept.get(name, 0),
            "kl": outcome.drift[name].value,
            "development": {mode: [one.accuracy(mode) for one in outcome.development.get(name, ())] for mode in MODES},
            "rounds": [dict(one.facts) for one in outcome.rounds.get(name, ())],
        }
        for name, marks in outcome.marks.items()
    }


def main() -> None:
    """Run all methods with all seeds, write the figures and print the table."""
    if sys.argv[1:] == ["table"]:
        table(json.loads(RESULTS.read_text("utf-8")))
        return
    found: dict[str, dict[str, Any]] = {str(seed): {} for seed in SEEDS}
    for method in (FIRST, *OTHERS):
        for seed in SEEDS:
            found[str(seed)] |= figures_of(seed, method)
            RESULTS.write_text(json.dumps(found, indent=1) + "\n", "utf-8")
    table(found)


def table(found: dict[str, dict[str, Any]]) -> None:
    """Print what was measured so far; `last`: the development problems after the last round, beside the start."""
    seeds = list(found.values())
    titles = [f"{mode} | {FIRST} − arm, {mode}" for mode in MODES]
    print(f"| arm | {' | '.join(titles)} | last round, greedy | last round, T=1 | KL | trained records |")
    print("|---|" + "---|---|" * len(MODES) + "---|---|---|---|")
    for arm in (name for name in seeds[0] if name != "digest"):
        cells = []
        for mode in MODES:
            values, best = ([one[name]["accuracy"][mode] for one in seeds] for name in (arm, FIRST))
            gaps = [ours - theirs for ours, theirs in zip(best, values, strict=True)]
            cells += [told(across_seeds(values)), "" if arm == FIRST else told(across_seeds(gaps), "+")]
        for mode in MODES:
            curves = [one[arm]["development"][mode] for one in seeds]
            cells.append(told(across_seeds([curve[-1] - curve[0] for curve in curves]), "+") if all(curves) else "")
        cells.append(f"{fmean(one[arm]['kl'] for one in seeds):.2f}")
        cells.append(f"{fmean(sum(turn['lesson'] for turn in one[arm]['rounds']) for one in seeds):,.0f}")
        print(f"| {arm} | {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
