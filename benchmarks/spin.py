"""SPIN over three seeds: λ, the paper's settings, continued SFT, DPO against wrong answers; round by round.

    python -m benchmarks.spin          # writes benchmarks/results/spin.json and prints the tables
    python -m benchmarks.spin table    # prints the tables of what was written
    python -m benchmarks.spin rates    # what learning rate and anchor were chosen by: seed 100

Per seed and arm: three rounds (two in the sweep of λ) of equal steps and tokens per step from the packaged model, on
equal gold. No round is refused here, so that every curve is whole; what the rule would have refused, and whether it
would have ended the game, is kept beside it. Rounds are judged by gold that was put aside, the tables show other gold,
held out. What was done is remembered, so a run that was stopped goes on. Intervals: Student's t over the seeds (n = 3),
so they are wide.
"""

import json
import re
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from regrowth.core.protocols import Estimate
from regrowth.metrics.intervals import across_seeds
from regrowth.models.model import RememberedModel
from regrowth.recipes._spin.looks import Look, look_at, told_apart
from regrowth.recipes.spin import PAPER, Arm, Game, Settings, arm_of
from regrowth.run import Run, open_run

WORK = Path(__file__).parent / ".work"
RESULTS = Path(__file__).parent / "results" / "spin.json"
SEEDS = (0, 1, 2)
ROUNDS = 3
HELD_OUT = 200
TRIED = (
    *(("SPIN, λ = 1, 1, 2", rate, weight) for rate in (2e-4, 5e-4) for weight in (0.1, 1.0, 5.0)),
    *(("continued SFT", rate, 0.0) for rate in (2e-4, 5e-4, 1e-3)),
)
"""Arms with the learning rates and the weights of the anchor that were tried on seed 100."""
SWEEP = (0.1, 0.5, 2.0, 5.0)
"""λ = 1 is what the first arm plays in its first two rounds."""
ARMS: Mapping[str, Mapping[str, Any]] = {
    "SPIN, λ = 1, 1, 2": {},
    "continued SFT": {"how": "sft"},
    "DPO, wrong answers": {"how": "dpo"},
    "SPIN, the paper's": {"game": PAPER},
    **{f"SPIN, λ = {strength:g}": {"game": Game(strengths=(strength,)), "rounds": 2} for strength in SWEEP},
}
MEASURES = ("nll", "greedy", "T=1", "entropy", "length", "distinct")


def arm(run: Run, seed: int, name: str, **changes: float) -> tuple[Arm, Sequence[Any]]:
    """Return an arm with its held-out gold."""
    how = ARMS[name].get("how", "spin")
    game = ARMS[name].get("game", Game())
    if "gold_weight" in changes:
        game = game.model_copy(update={"gold_weight": changes["gold_weight"]})
    settings = Settings(seed=seed, heldout=HELD_OUT, game=game)
    if "rate" in changes:
        settings = settings.model_copy(update={"learning_rate": changes["rate"]})
    start, gold = run.wait(arm_of(run, settings))
    words = [name.replace("λ", "l"), *(f"{value:g}" for value in changes.values())]
    label = re.sub(r"[^a-z0-9.]+", "-", "-".join(words).lower())
    return replace(start, how=how, name=label, strict=False), gold.unseen


def played(run: Run, seed: int, name: str) -> dict[str, Any]:
    """Play the rounds of an arm; return what was measured after each on held-out gold, and what the rule said."""
    begun = time.process_time()
    one, unseen = arm(run, seed, name)

    def looked(model: RememberedModel) -> Look:
        return run.wait(look_at(run, model, unseen, one.right, one.looking, name=f"{one.name}, held out"))

    looks = {one.start.digest: looked(one.start)}
    told, before = [], one.start
    for turn in run.wait(one.play(ARMS[name].get("rounds", ROUNDS))).turns:
        now = looks[turn.model.digest] = looked(turn.model)
        apart = run.wait(told_apart(run, unseen, looks[before.digest], now, turn.model, name=f"{one.name}, apart"))
        assert apart is not None
        told.append({**now.figures(), "auc": apart.value, "rule": dict(turn.figures), "mix": turn.data.manifest["mix"]})
        before = turn.model
    print(f"seed {seed}, {one.name}: {time.process_time() - begun:.0f} CPU seconds", file=sys.stderr, flush=True)
    return {"start": looks[one.start.digest].figures(), "rounds": told}


def main() -> None:
    """Run all arms with all seeds, write the figures and print the tables."""
    if sys.argv[1:] == ["table"]:
        tables(json.loads(RESULTS.read_text("utf-8")))
        return
    if sys.argv[1:] == ["rates"]:
        rates()
        return
    found: dict[str, dict[str, Any]] = {str(seed): {} for seed in SEEDS}
    for name in ARMS:
        for seed in SEEDS:
            with open_run(WORK / f"spin-{seed}") as run:
                found[str(seed)][name] = played(run, seed, name)
            RESULTS.write_text(json.dumps(found, indent=1) + "\n", "utf-8")
    tables(found)


def rates() -> None:
    """Print what rates and anchors do to each kind of arm, on the gold of seed 100 that was put aside."""
    print("| arm | rate | anchor | round | NLL | greedy | T=1 | AUC | rule |\n|---|---|---|---|---|---|---|---|---|")
    with open_run(WORK / "spin-100") as run:
        for name, rate, weight in TRIED:
            one, _ = arm(run, 100, name, rate=rate, gold_weight=weight)
            for turn in run.wait(one.play(ROUNDS)).turns:
                cells = " | ".join(f"{turn.figures[figure]:.3f}" for figure in ("nll", "greedy", "T=1", "auc"))
                rule = "refused" if turn.figures["refused"] else "kept"
                print(f"| {name} | {rate:g} | {weight:g} | {turn.number} | {cells} | {rule} |", flush=True)


def tables(found: Mapping[str, Mapping[str, Any]]) -> None:
    """Print every arm after each round, and the game against each arm after the last."""
    seeds = [found[seed] for seed in sorted(found)]
    names = [name for name in ARMS if all(name in one for one in seeds)]
    print("| arm | round | NLL | greedy | T=1 | AUC | entropy | length | distinct | refused | over |")
    print("|---|---|---|---|---|---|---|---|---|---|---|")
    print(f"| base | 0 | {_row([one[names[0]]['start'] for one in seeds], '')} | | |")
    for name in names:
        for number in range(len(seeds[0][name]["rounds"])):
            rounds = [one[name]["rounds"][number] for one in seeds]
            refused = sum(one["rule"]["refused"] for one in rounds)
            ended = f"{sum(one['rule']['auc_low'] <= 0.5 for one in rounds)} of 3" if name.startswith("SPIN") else ""
            auc = _told(across_seeds([one["auc"] for one in rounds]), 2)
            print(f"| {name} | {number + 1} | {_row(rounds, auc)} | {refused} of 3 | {ended} |")
    print("\n| first − arm, after as many rounds | NLL | greedy | T=1 |\n|---|---|---|---|")
    print(f"| base | {_gaps([(one[names[0]]['rounds'][-1], one[names[0]]['start']) for one in seeds])} |")
    for name in names[1:]:
        last = len(seeds[0][name]["rounds"]) - 1
        print(f"| {name} | {_gaps([(one[names[0]]['rounds'][last], one[name]['rounds'][last]) for one in seeds])} |")


def _gaps(pairs: Sequence[tuple[Mapping[str, Any], Mapping[str, Any]]]) -> str:
    found = {figure: across_seeds([mine[figure] - other[figure] for mine, other in pairs]) for figure in MEASURES[:3]}
    return " | ".join(
        _told(gap, 2, "+") if figure == "nll" else _told(gap, 1, "+", 100) for figure, gap in found.items()
    )


def _row(rounds: Sequence[Mapping[str, Any]], auc: str) -> str:
    cells = []
    for figure in MEASURES:
        estimate = across_seeds([one[figure] for one in rounds])
        share = figure in ("greedy", "T=1")
        cells.append(_told(estimate, 1 if share else 2, scale=100 if share else 1))
        if figure == "T=1":
            cells.append(auc)
    return " | ".join(cells)


def _told(estimate: Estimate, digits: int, sign: str = "", scale: float = 1) -> str:
    numbers = (estimate.low, estimate.value, estimate.high)
    low, value, high = (f"{number * scale:{sign}.{digits}f}".replace("-", "−") for number in numbers)
    return f"{value} [{low}, {high}]"


if __name__ == "__main__":
    main()
