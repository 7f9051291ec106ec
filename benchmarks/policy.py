"""Policy optimisation over three seeds: four methods beside their controls; T=1 and greedy; intervals over the seeds.

    python -m benchmarks.policy          # writes benchmarks/results/policy.json and prints the tables

Per seed: `policy_optimization` with `grpo` and its controls, then the other methods without controls, all from the
packaged model, in one run folder: equal problems, equal replies per round, equal steps, each arm's best round by
development problems. What was done is remembered, so a run that was stopped goes on. Intervals: Student's t over the
seeds (n = 3), so they are wide. Seconds are CPU seconds of this process.
"""

import json
import sys
import time
from pathlib import Path
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
    found: dict[str, dict[str, Any]] = {str(seed): {} for seed in SEEDS}
    for method in (FIRST, *OTHERS):
        for seed in SEEDS:
            found[str(seed)] |= figures_of(seed, method)
            RESULTS.write_text(json.dumps(found, indent=1, sort_keys=True) + "\n", "utf-8")
        table(found)


def table(found: dict[str, dict[str, Any]]) -> None:
    """Print what was measured so far."""
    seeds = list(found.values())
    print(
        "| arm | " + " | ".join(f"{mode} | − base, {mode}" for mode in MODES) + " | KL, nats per answer | rounds kept |"
    )
    print("|---|" + "---|---|" * len(MODES) + "---|---|")
    for arm in (name for name in seeds[0] if name != "digest"):
        cells = []
        for mode in MODES:
            values = [one[arm]["accuracy"][mode] for one in seeds]
            gaps = [one[arm]["accuracy"][mode] - one["base"]["accuracy"][mode] for one in seeds]
            cells += [told(across_seeds(values)), "" if arm == "base" else told(across_seeds(gaps), "+")]
        far = " ".join(f"{one[arm]['kl']:.2f}" for one in seeds)
        print(f"| {arm} | {' | '.join(cells)} | {far} | {' '.join(str(one[arm]['kept']) for one in seeds)} |")


if __name__ == "__main__":
    main()
