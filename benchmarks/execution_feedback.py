"""Execution feedback: a law that must hold, what the test-quality gate is worth, and a round with the packaged model.

    python -m benchmarks.execution_feedback proof      # a writer of known bug and repair rates; about three minutes
    python -m benchmarks.execution_feedback gate       # wrong programs accepted, with and without the gate
    python -m benchmarks.execution_feedback mutants    # how many mutants HumanEval's and MBPP's own tests kill
    python -m benchmarks.execution_feedback tiny       # a round with the packaged model, three seeds
    python -m benchmarks.execution_feedback table      # prints the tables of what was written

Figures go to benchmarks/results/execution_feedback.json. `mutants` needs code/humaneval.jsonl.gz and code/mbpp.jsonl.gz
in the folder that REGROWTH_DATA names. Programs run in the sandbox, wrong ones and mutants too.

The scripted writer errs at set rates: a wrong program is one mistake of `domains.code.steps` away from the right one,
and so knows nothing of the operators of `domains.code.mutants`.
"""

import asyncio
import json
import os
import shutil
import sys
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from statistics import fmean
from typing import Any

sys.path.append(str(Path(__file__).parents[1] / "tests"))  # the scripted writer is the one of the tests

from benchmarks.demo import told
from regrowth.core.errors import Rejected
from regrowth.core.protocols import Estimate
from regrowth.core.record import Record
from regrowth.domains import verifier
from regrowth.domains.code.benchmarks import read_benchmark, suite_of
from regrowth.domains.code.quality import Demands, Quality, measured, refusal
from regrowth.metrics.intervals import across_seeds, clustered_mean, proportion
from regrowth.models.model import RememberedModel
from regrowth.models.scripted import ScriptedBackend
from regrowth.recipes._code.drafts import naive
from regrowth.recipes._code.repair import passing
from regrowth.recipes.evaluation import MODES
from regrowth.recipes.execution_feedback import RESULT, Outcome, Settings, _how, execution_feedback
from regrowth.run import Run, open_run
from regrowth.sandbox.ladder import sandbox
from support.authors import Author, flaky, good, vacuous, wrong

WORK = Path(__file__).parent / ".work"
RESULTS = Path(__file__).parent / "results" / "execution_feedback.json"
RATES = ((0.25, 0.75), (0.1, 0.5), (0.5, 0.5), (0.4, 0.9))
"""Bug and repair rates of the scripted writer."""
MIX = {good: 0.4, vacuous: 0.2, wrong: 0.2, flaky: 0.2}
"""What its tests are like when the gate is measured."""
SEEDS = (0, 1, 2)
TINY: Mapping[str, Any] = {
    "problems": 144,
    "solutions": 4,
    "suites": {"count": 3, "mutants": 8, "killed": 0.6},  # its suites hold three asserts; see docs
    "repairs": 2,
    "train": {"real": 320, "steps": 80, "heldout": 240},
}


def grown(run: Run, author: Author, name: str, **settings: Any) -> Outcome:
    """Run the recipe with a scripted writer."""
    model = RememberedModel(ScriptedBackend(author, name=name), run.store, name)
    run.model = lambda *_, **__: model  # type: ignore[method-assign]
    return run.wait(execution_feedback(run, Settings.model_validate(settings)))


def fresh(name: str) -> Path:
    """Return an empty folder: what is timed must not be remembered."""
    shutil.rmtree(WORK / name, ignore_errors=True)
    return WORK / name


# The law -------------------------------------------------------------------------------------------------------------


def proof(problems: int = 150) -> list[dict[str, Any]]:
    """Compare the share of self-corrected dialogues with q·r / (1 − q + q·r)."""
    rows = []
    for bugs, repairs in RATES:
        start = time.monotonic()
        with open_run(fresh(f"proof-{bugs}-{repairs}")) as run:
            suites = {"count": 1, "mutants": 1}
            outcome = grown(run, Author(bugs, repairs), f"{bugs} {repairs}", problems=problems, suites=suites)
            kept = list(outcome.data)
            found = proportion(sum(one["repaired"] for one in kept), len(kept))
            law = bugs * repairs / (1 - bugs + bugs * repairs)
            rows.append({"q": bugs, "r": repairs, "law": law, "found": asdict(found), "tier": run.sandbox.tier})
        print(f"q={bugs} r={repairs}: {time.monotonic() - start:.0f} s", file=sys.stderr, flush=True)
    return rows


# The gate ------------------------------------------------------------------------------------------------------------


def gate(problems: int = 40) -> dict[str, Any]:
    """Count wrong and right drafts that are accepted by the gate, the vote, both, and by the tests as they are."""
    arms: dict[str, dict[str, Any]] = {
        "gate alone": {"problems": 4 * problems, "solutions": 1, "suites": {"count": 1, "struck": 0}},
        "vote alone": {"suites": {"asserts": 1, "mutants": 0, "killed": 0, "coverage": 0, "struck": 1}},
        "gate and vote": {},
    }
    found = {}
    with open_run(fresh("gate")) as run:
        author = Author(bugs=0.5, repairs=0.0, suites=MIX)
        for arm, how in arms.items():
            how = {"problems": problems, "repairs": 0, **how}
            kept = list(grown(run, author, "mixed", **how).data)
            drafts = list(run.dataset("drafts"))
            found[arm] = _accepted(kept, drafts, run.wait(_truth(run, drafts)))
            if arm == "gate and vote":
                work = partial(naive, how=_how(Settings.model_validate(how)))
                own = run.grow(drafts, work, run.model("mixed"), run.sandbox, name="ungated", gates=[passing])
                found["tests as they are"] = _accepted(list(own), drafts, run.wait(_truth(run, drafts)))
    return found


def _accepted(kept: Sequence[Record], drafts: Sequence[Record], truth: Sequence[bool]) -> dict[str, Any]:
    right = dict(zip(map(_key, drafts), truth, strict=True))
    sound = sum(right[_key(one)] for one in kept)
    return {
        "false accepts": asdict(proportion(len(kept) - sound, len(truth) - sum(truth))),
        "true accepts": asdict(proportion(sound, sum(truth))),
        "precision": asdict(proportion(sound, max(1, len(kept)))),
    }


def _key(record: Record) -> tuple[str, int]:
    return record["problem"], record["sample"]


async def _truth(run: Run, drafts: Sequence[Record]) -> list[bool]:
    check = verifier(run.sandbox)

    async def right(draft: Record) -> bool:
        try:
            await check(draft)
        except Rejected:
            return False
        return True

    return await run.aeach(drafts, right, name="truth")


# Published tests -----------------------------------------------------------------------------------------------------


def mutated(every: int = 1) -> dict[str, Any]:
    """Measure the tests of HumanEval and MBPP on their own reference solutions; of every problem, or every so many."""
    folder = Path(os.environ["REGROWTH_DATA"]) / "code"
    executor = sandbox()
    return {
        name: asyncio.run(_benchmark(executor, list(read_benchmark(folder / f"{name}.jsonl.gz"))[::every]))
        for name in ("humaneval", "mbpp")
    }


async def _benchmark(executor: Any, records: Sequence[Record]) -> dict[str, Any]:
    window, demands = asyncio.Semaphore(8), Demands()

    async def one(record: Record) -> Quality:
        async with window:
            suites = [suite_of(record)]
            return (await measured(executor, record.target, suites, demands=demands, seed=record.seed("mutants")))[0]

    start = time.monotonic()
    found = await asyncio.gather(*map(one, records))
    sound = [quality for quality in found if quality.passes and quality.stable]
    killed = [float(n < quality.killed) for quality in sound for n in range(quality.mutants)]
    problem = [place for place, quality in enumerate(sound) for _ in range(quality.mutants)]
    reasons = Counter(_kind(refusal(quality, demands)) for quality in found)
    return {
        "problems": len(found),
        "pass twice": len(sound),
        "mutants": len(killed),
        "equivalent": sum(quality.equivalent for quality in sound),
        "killed": asdict(clustered_mean(killed, problem)),
        "coverage": fmean(quality.coverage for quality in sound),
        "asserts": fmean(quality.asserts for quality in sound),
        "verdicts": dict(reasons.most_common()),
        "seconds": round(time.monotonic() - start),
        "tier": executor.tier,
    }


def _kind(reason: str) -> str:
    kinds = {"different calls": "too few asserts", "only returns": "a stub passes", "mutants": "too few mutants killed"}
    kinds |= {"lines reached": "too little coverage", "two outcomes": "not stable", "does not pass": "fails"}
    return next((kind for words, kind in kinds.items() if words in reason), reason or "good")


# A round with the packaged model -------------------------------------------------------------------------------------


def tiny() -> dict[str, Any]:
    """Run a whole round per seed, with controls; return accuracy, precision and yield by arm."""
    found = {}
    for seed in SEEDS:
        start = time.monotonic()
        with open_run(fresh(f"execution-feedback-{seed}")) as run:
            outcome = run.wait(execution_feedback(run, Settings.model_validate({**TINY, "seed": seed})))
            found[str(seed)] = {
                "accuracy": {arm: {m: one.accuracy(m) for m in MODES} for arm, one in outcome.marks.items()},
                "precision": {arm: asdict(one) for arm, one in outcome.precision.items()},
                "yields": [one._asdict() for one in outcome.yields],
                "refused": dict(Counter(entry.gate for entry in outcome.data.ledger())),
                "kept": len(outcome.data),
                "repaired": sum(one["repaired"] for one in outcome.data),
                "tier": run.sandbox.tier,
            }
        print(f"seed {seed}: {time.monotonic() - start:.0f} s", file=sys.stderr, flush=True)
    return found


# Tables --------------------------------------------------------------------------------------------------------------


def percent(estimate: Mapping[str, Any]) -> str:
    """Return an estimate as `20.1 [18.0, 22.3]`, in per cent."""
    return told(Estimate(**estimate))


def table(results: Mapping[str, Any]) -> None:
    """Print what was measured so far."""
    if "proof" in results:
        print("| q | r | law | found | dialogues |\n|---|---|---|---|---|")
        for row in results["proof"]:
            cells = f"{row['q']} | {row['r']} | {100 * row['law']:.1f} | {percent(row['found'])}"
            print(f"| {cells} | {row['found']['n']:,} |")
    if "gate" in results:
        print("\n| accepted by | wrong drafts accepted | right drafts accepted | precision |\n|---|---|---|---|")
        for arm, row in results["gate"].items():
            print(f"| {arm} | {' | '.join(percent(one) for one in row.values())} |")
    if "mutants" in results:
        print("\n| tests of | problems | mutants | equivalent | killed | coverage | asserts | verdicts of the gate |")
        print("|---|---|---|---|---|---|---|---|")
        for name, row in results["mutants"].items():
            verdicts = ", ".join(f"{count} {kind}" for kind, count in row["verdicts"].items())
            counts = f"{row['pass twice']} of {row['problems']} | {row['mutants']:,} | {row['equivalent']}"
            measures = f"{percent(row['killed'])} | {row['coverage']:.2f} | {row['asserts']:.1f}"
            print(f"| {name} | {counts} | {measures} | {verdicts} |")
    if "tiny" in results:
        _tiny_table(list(results["tiny"].values()))


def _tiny_table(seeds: Sequence[Mapping[str, Any]]) -> None:
    print(f"\n| arm | {' | '.join(f'{mode} | {RESULT} − arm, {mode}' for mode in MODES)} | precision |")
    print("|---|" + "---|---|" * len(MODES) + "---|")
    for arm in seeds[0]["accuracy"]:
        cells = []
        for mode in MODES:
            values, best = ([one["accuracy"][name][mode] for one in seeds] for name in (arm, RESULT))
            gaps = [ours - theirs for ours, theirs in zip(best, values, strict=True)]
            cells += [told(across_seeds(values)), "" if arm == RESULT else told(across_seeds(gaps), "+")]
        right = [one["precision"][arm]["value"] for one in seeds if arm in one["precision"]]
        print(f"| {arm} | {' | '.join(cells)} | {told(across_seeds(right)) if len(right) > 1 else ''} |")
    print("\n| problems | drafts | right at first | repaired | dropped |\n|---|---|---|---|---|")
    bands = dict.fromkeys(one["band"] for seed in seeds for one in seed["yields"])
    for band in bands:
        rows = [one for seed in seeds for one in seed["yields"] if one["band"] == band]
        drawn, right, mended = (sum(one[key] for one in rows) for key in ("drawn", "right", "repaired"))
        print(f"| {band} | {drawn} | {right} | {mended} | {drawn - right - mended} |")


def main() -> None:
    """Measure what is asked for, write the figures and print the tables."""
    results = json.loads(RESULTS.read_text("utf-8")) if RESULTS.exists() else {}
    parts = {"proof": proof, "gate": gate, "mutants": mutated, "tiny": tiny}
    for name in sys.argv[1:]:
        if name != "table":
            results[name] = parts[name]()
            RESULTS.write_text(json.dumps(results, indent=1) + "\n", "utf-8")
    table(results)


if __name__ == "__main__":
    main()
