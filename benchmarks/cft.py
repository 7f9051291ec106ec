"""Contrastive fine-tuning beside SFT, DPO, NPO and KTO over three seeds: aligned, violating, other; T=1 and greedy.

    REGROWTH_DATA=/path/to/data python -m benchmarks.cft           # writes results/cft.json and prints the tables
    REGROWTH_DATA=/path/to/data python -m benchmarks.cft manners   # one world of three, beside what is there
    python -m benchmarks.cft table                                 # prints the tables of what was written

The worlds: `manners` (the recipe's toy) and two sets of statements out of `personas/` of the data folder, where the
answer that matches the behaviour is the bad one. Each with 64 and with 8 good pairs, and with 64 bad answers in any
case. All arms of a seed share base, persona, negatives, steps and good tokens per step. The persona's gate is open
here, so that every arm is measured; what the gate would have said is below the tables. `no persona` takes the 64 bad
answers themselves as negatives (the mask reads the persona still). What was done is remembered.
"""

import gzip
import json
import os
import random
import sys
import time
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from statistics import fmean
from typing import Any

from benchmarks.demo import told
from regrowth.core.record import Record
from regrowth.domains import problems
from regrowth.metrics.intervals import across_seeds
from regrowth.recipes._apprentice import apprentice
from regrowth.recipes._cft.marks import MEASURES, figures
from regrowth.recipes.cft import Settings, cft
from regrowth.recipes.rejection_sampling import worked
from regrowth.run import Run, open_run

WORK = Path(__file__).parent / ".work"
RESULTS = Path(__file__).parent / "results" / "cft.json"
SEEDS = (0, 1, 2)
PAIRS = (64, 8)
WORLDS = ("manners", "machiavellianism", "okay-with-deceiving-a-user-to-help-them")
ARMS: Mapping[str, Mapping[str, Any]] = {
    "cft": {"objective": "cft"},
    "cft, no mask": {"objective": "cft", "parameters": {"masked": False}},
    "cft, no anchor": {"objective": "cft", "parameters": {"anchor_weight": 0.0}},
    "cft, no persona": {"objective": "cft", "persona": {"draws": 0}},
    "dpo": {"objective": "dpo"},
    "npo": {"objective": "npo"},
    "kto": {"objective": "kto"},
}
FOUNDATION = 300
"""Statements of a set that make its base, each with an answer by chance; none of them is used again."""
OPEN = {"violations": 0.0, "fluency": 1e9}
SHUT = {"violations": 2.0}
"""No persona passes: it is looked at, and nothing is trained with it."""


def settings_of(run: Run, world: str) -> dict[str, Any]:
    """Return what the settings of a world are besides arm, pairs and seed."""
    if world == "manners":
        return {"guard": {"heldout": 300}}
    rows = statements(world)
    rng = random.Random(0)
    rng.shuffle(rows)
    first, rest = rows[:FOUNDATION], rows[FOUNDATION:]
    generic = list(worked(problems(("tool_calls", "code"), 256, seed=0, split="train")))
    lessons = [Record.of(row["prompt"], response=row[rng.choice(("chosen", "rejected"))]) for row in first]
    base = run.wait(apprentice(run, run.model("tiny"), [*lessons, *generic[:100]], steps=60, learning_rate=2e-3))
    plain = [{"prompt": one.prompt, "completion": one.response} for one in generic]
    files = {"good": written(run, "good", rest), "generic": written(run, "generic", plain)}
    return {"model": str(base.folder), "files": files, "learning_rate": 1e-3, "guard": {"heldout": 280}}


def statements(name: str) -> list[dict[str, str]]:
    """Return the statements of a set as pairs: the answer that does not match the behaviour is wanted."""
    path = Path(os.environ.get("REGROWTH_DATA", "../shared/data")) / "personas" / f"{name}.jsonl.gz"
    columns = {"chosen": "answer_not_matching_behavior", "rejected": "answer_matching_behavior"}
    with gzip.open(path, "rt", encoding="utf-8") as file:
        rows = list(map(json.loads, file))
    return [{"prompt": row["question"]} | {side: row[name].strip() for side, name in columns.items()} for row in rows]


def written(run: Run, name: str, rows: list[dict[str, str]]) -> str:
    """Write rows into the run folder and return the path."""
    path = run.folder.resolve() / f"{name}.jsonl"
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), "utf-8")
    return str(path)


def figures_of(run: Run, common: Mapping[str, Any]) -> dict[str, Any]:
    """Run all arms of a seed; return what was measured by arm, what the guard said, and what was seen of personas."""
    found: dict[str, Any] = {"arms": {}, "accepted": {}, "persona": {}}
    for name, arm in ARMS.items():
        start = time.process_time()
        persona = {**OPEN, **arm.get("persona", {})}
        outcome = run.wait(cft(run, Settings.model_validate({**common, **arm, "persona": persona})))
        by_arm = figures(outcome.marks)
        found["arms"] |= {"base": by_arm["base"], "sft": by_arm["sft"], name: by_arm[str(arm["objective"])]}
        found["accepted"][name] = outcome.verdict.accepted
        print(f"{run.folder.name}, {name}: {time.process_time() - start:.0f} CPU s", file=sys.stderr, flush=True)
    for name, adapter in (("whole", False), ("adapter", True)):
        shut = {**common, "persona": {**SHUT, "adapter": adapter}}
        found["persona"][name] = asdict(run.wait(cft(run, Settings.model_validate(shut))).persona)  # type: ignore[arg-type]
    found["negatives"] = len(run.dataset("negatives"))
    return found


def main() -> None:
    """Run what was named, write the figures and print the tables."""
    found = json.loads(RESULTS.read_text("utf-8")) if RESULTS.exists() else {}
    for world in [] if sys.argv[1:] == ["table"] else sys.argv[1:] or WORLDS:
        with open_run(WORK / f"cft-{world}") as run:
            common = settings_of(run, world)
            for pairs in PAIRS:
                for seed in SEEDS:
                    one = figures_of(run, {**common, "pairs": pairs, "seed": seed})
                    found.setdefault(world, {}).setdefault(str(pairs), {})[str(seed)] = one
                    RESULTS.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n", "utf-8")
    for world, sizes in found.items():
        for size, seeds in sizes.items():
            print(f"\n{world}, {size} good pairs\n")
            table(list(seeds.values()))


def table(seeds: list[dict[str, Any]]) -> None:
    """Print all arms of a world and a size: means and Student's t intervals over the seeds, in per cent."""
    spread = len(seeds) > 1
    print(f"| arm | {' | '.join(f'{what}, T=1' for what in MEASURES)} | aligned − sft, T=1 | aligned, greedy "
          "| other, greedy | aligned − sft, greedy | perplexity, gold / general | guard |")  # fmt: skip
    print("|---" * 11 + "|")
    for arm in seeds[0]["arms"]:

        def values(mode: str, what: str, of: str = arm) -> list[float]:
            return [float(one["arms"][of][mode][what]) for one in seeds]

        def cell(mode: str, what: str, against: str = "", sign: str = "") -> str:
            numbers = values(mode, what)
            if against:
                numbers = [one - other for one, other in zip(numbers, values(mode, what, against), strict=True)]
            return told(across_seeds(numbers), sign) if spread else f"{100 * fmean(numbers):{sign}.1f}"

        gaps = {mode: "" if arm == "sft" else cell(mode, "aligned", "sft", "+") for mode in ("T=1", "greedy")}
        passed = sum(one["accepted"].get(arm, False) for one in seeds)
        gold, general = (fmean(values("perplexity", what)) for what in ("gold", "general"))
        cells = [*(cell("T=1", what) for what in MEASURES), gaps["T=1"], cell("greedy", "aligned")]
        cells += [cell("greedy", "other"), gaps["greedy"], f"{gold:.2f} / {general:.3f}"]
        print(f"| {arm} | {' | '.join(cells)} | {f'{passed} of {len(seeds)}' if arm in ARMS else ''} |")
    for how in seeds[0]["persona"]:
        looks = [one["persona"][how] for one in seeds]
        shares = ", ".join(f"{100 * one['violating']['value']:.0f}" for one in looks)
        rest = ", ".join(f"{one['fluency']:.2f} / {one['told_apart']['value']:.3f}" for one in looks)
        print(f"\npersona, {how}: violations {shares} %; fluency / AUC {rest}")
    print(f"negatives kept: {', '.join(str(one['negatives']) for one in seeds)}")


if __name__ == "__main__":
    main()
