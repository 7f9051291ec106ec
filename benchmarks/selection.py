"""Selection: what each selector keeps of rare kinds, what it costs beside peers, and whether training gains by it.

    python -m benchmarks.selection coverage                    # rare kinds kept at 5, 10 and 20 %, ten pools each
    python -m benchmarks.selection speed --peers PYTHON        # apricot and submodlib in PYTHON's environment
    python -m benchmarks.selection large                       # 100,000 real sentences, 256 dimensions
    python -m benchmarks.selection training                    # the packaged model, three seeds
    python -m benchmarks.selection table                       # prints the tables of what was written

Figures go to benchmarks/results/selection.json. All but `training` need the real data in the folder that REGROWTH_DATA
names. Times are CPU seconds on one core (OMP_NUM_THREADS=1 is set). Intervals: Student's t over the seeds; differences
between trained arms are paired over the problems of all seeds. `training` remembers what was done: interrupted, the
same command goes on.
"""

import os

os.environ |= {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}  # before numpy is imported

import argparse
import csv
import gzip
import json
import random
import re
import resource
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from statistics import fmean, median
from typing import Any

import numpy as np

from benchmarks.demo import told
from regrowth.core.errors import Rejected
from regrowth.core.record import Record, digest
from regrowth.curation.duplicates.embedding import HashedGrams
from regrowth.curation.selection import difficulty
from regrowth.curation.selection.choosing import Selection
from regrowth.curation.selection.diversity import diverse
from regrowth.curation.selection.greedy import represented
from regrowth.curation.selection.nearness import Floats, farthest, redundancy, unit
from regrowth.curation.selection.quotas import by_quota
from regrowth.domains import DOMAINS, problems, verifier
from regrowth.metrics.intervals import across_seeds, paired_difference
from regrowth.models.model import RememberedModel
from regrowth.recipes.evaluation import MODES, evaluate
from regrowth.recipes.rejection_sampling import answers, worked
from regrowth.run import Run, open_run
from regrowth.training.settings import TrainingSettings

WORK = Path(__file__).parent / ".work"
RESULTS = Path(__file__).parent / "results" / "selection.json"
SEEDS = (0, 1, 2)
POOLS = range(10)
"""Seeds of the pools of `coverage`, which cost little."""
BUDGETS = (0.05, 0.1, 0.2)
RARE = 10
"""Records of a kind below which it is rare."""

# Real text by kind ---------------------------------------------------------------------------------------------------


def rows(name: str) -> list[Any]:
    """Return the rows of a data file."""
    path = Path(os.environ["REGROWTH_DATA"]) / name
    with gzip.open(path, "rt", encoding="utf-8") if name.endswith(".gz") else path.open(encoding="utf-8") as file:
        if ".csv" in name:
            return list(csv.DictReader(file))
        if ".txt" in name:
            return [line.strip() for line in file if line.strip()]
        return [json.loads(line) for line in file] if ".jsonl" in name else [json.load(file)]


def kinds() -> dict[str, list[str]]:
    """Return different texts by what they are: 45 kinds from 34 files."""
    found = {
        "gsm8k": [one["question"] for one in rows("reasoning/gsm8k_train.jsonl.gz")],
        "mbpp": [one["text"] for one in rows("code/mbpp.jsonl.gz")],
        "humaneval": [one["prompt"] for one in rows("code/humaneval.jsonl.gz")],
        "self-instruct": [one["instruction"] for one in rows("instruction/self_instruct_seed_tasks.jsonl.gz")],
        "user tasks": [one["instruction"] for one in rows("instruction/user_oriented_252.jsonl.gz")],
        "ifeval": [one["prompt"] for one in rows("instruction/ifeval.jsonl.gz")],
        "vicuna": [one["turns"][0] for one in rows("instruction/vicuna_bench.jsonl")],
        "xstest": [one["prompt"] for one in rows("safety/xstest_prompts.csv")],
        "truthfulqa": [one["Question"] for one in rows("factuality/truthfulqa.csv.gz")],
        "winobias": [one["text"] for one in rows("bias/winobias_dev.jsonl.gz")],
        "winogenerated": [one["sentence_with_blank"] for one in rows("bias/winogenerated.jsonl.gz")],
        "harmless": [one["chosen"] for one in rows("preference/hh_rlhf_harmless_test.jsonl.gz")],
        "judgements": [one["judgment"] for one in rows("preference/mt_bench_gpt4_judgments.jsonl.gz")],
        "wikitext": [one for one in rows("text/wikitext2_valid.txt.gz") if len(one) > 200],
        "shakespeare": [one for one in rows("text/tinyshakespeare.txt.gz") if len(one) > 40],
        "functions": [one["question"][0][0]["content"] for one in rows("tool_use/bfcl_simple_python.jsonl.gz")],
    }
    for name in ("Age", "Sexual_orientation"):
        found[f"bbq {name}"] = [f"{one['context']} {one['question']}" for one in rows(f"bias/bbq_{name}.jsonl.gz")]
    for name in ("agreeableness", "conscientiousness", "machiavellianism", "narcissism"):
        found[name] = [one["statement"] for one in rows(f"personas/{name}.jsonl.gz")]
    for name in ("js", "lua", "pl", "r", "sh"):
        found[f"code {name}"] = [one["prompt"] for one in rows(f"code/multipl_e_{name}.jsonl.gz")]
    for name in ("dmv", "ssa"):
        found[f"pages {name}"] = [one["text"] for one in rows(f"documents/multidoc2dial_{name}_documents.jsonl.gz")]
    for name in ("myopic-reward_human.jsonl.gz", "self-awareness-general-ai_lm.jsonl.gz"):
        found[name.split(".")[0]] = [one["question"] for one in rows(f"model_written/{name}")]
    for name in ("gender.json.gz", "religious_ideology.json"):
        groups = rows(f"bias/bold_{name}")[0].values()
        found[f"bold {name.split('.')[0]}"] = [text for group in groups for texts in group.values() for text in texts]
    for one in rows("multilingual/mgsm.jsonl.gz"):
        found.setdefault(f"mgsm {one['lang']}", []).append(one["question"])
    return {name: sorted(set(texts)) for name, texts in found.items()}


def embedded(texts: Sequence[str]) -> Floats:
    """Return hashed n-grams of 256 dimensions, the rare ones with more weight; of length 1."""
    return unit(HashedGrams.weighted(texts, 256)(texts))


def skewed(groups: Mapping[str, list[str]], seed: int, *, largest: int, slope: float, least: int = 3) -> list[Record]:
    """Return a pool in which the k-th group has largest / k^slope records; which group is large is drawn."""
    rng = random.Random(digest("pool", seed))
    names = rng.sample(sorted(groups), len(groups))
    return [
        Record.of(text, kind=name)
        for rank, name in enumerate(names, 1)
        for text in rng.sample(groups[name], min(len(groups[name]), max(least, round(largest / rank**slope))))
    ]


def pools(seed: int) -> Iterator[tuple[str, list[Record]]]:
    """Yield an easy pool, whose kinds are different sorts of text, and a hard one: answers to forty questions."""
    yield "kinds of text", skewed(kinds(), seed, largest=2500, slope=1.7)
    asked: dict[str, list[str]] = {}
    for one in rows("teacher_outputs/mt_bench_answers.jsonl.gz"):
        asked.setdefault(f"question {one['question_id']}", []).append(one["turns"][0])
    different = {name: sorted(set(texts)) for name, texts in asked.items()}
    yield "answers to questions", skewed(different, seed, largest=35, slope=0.9, least=2)


# What is kept of rare kinds ------------------------------------------------------------------------------------------


def length(record: Record) -> float:
    """Return the words of a record: a score that says nothing of its kind, as those of quality gates mostly do."""
    return float(len(record.prompt.split()))


SELECTORS: Mapping[str, Callable[[list[Record], Any, int, int], Selection]] = {
    "random": lambda pool, vectors, count, seed: diverse(pool, count, vectors, how="random", seed=seed),
    "top score": lambda pool, vectors, count, _: diverse(pool, count, vectors, how="score", score=length),
    "facility location": lambda pool, vectors, count, _: diverse(pool, count, vectors),
    "facility, 0.3 score": lambda pool, vectors, count, _: diverse(pool, count, vectors, score=length, weight=0.3),
    "k-centre": lambda pool, vectors, count, _: diverse(pool, count, vectors, how="centre"),
    "quota, labels known": lambda pool, _, count, seed: by_quota(
        pool, count, {"kind": "equal"}, seed=seed, short="fill"
    ),
}


def coverage() -> dict[str, Any]:
    """Measure what every selector keeps of the rare kinds of every pool, at every budget."""
    found: dict[str, Any] = {}
    for seed in POOLS:
        for name, pool in pools(seed):
            sizes = Counter(record["kind"] for record in pool)
            rare = {kind for kind, size in sizes.items() if size < RARE}
            vectors = embedded([record.prompt for record in pool])
            place_of = {record.id: place for place, record in enumerate(pool)}
            entry = found.setdefault(
                name, {"records": [], "kinds": len(sizes), "rare": [], "rare records": [], "of": {}}
            )
            entry["records"].append(len(pool))
            entry["rare"].append(len(rare))
            entry["rare records"].append(sum(sizes[kind] for kind in rare))
            for budget in BUDGETS:
                for selector, choose in SELECTORS.items():
                    chosen = choose(pool, vectors, round(budget * len(pool)), seed).chosen
                    kept = {record["kind"] for record in chosen}
                    places = [place_of[record.id] for record in chosen]
                    shares = entry["of"].setdefault(f"{budget:.0%}", {}).setdefault(selector, {})
                    for what, value in {
                        "rare": len(kept & rare) / len(rare),
                        "all": len(kept) / len(sizes),
                        "redundancy": redundancy(vectors, places),
                        "represented": represented(vectors, places),
                        "words": fmean(map(length, chosen)),
                    }.items():
                        shares.setdefault(what, []).append(value)
    return found


# What it costs -------------------------------------------------------------------------------------------------------

APRICOT = """
import json, sys, time, numpy
from apricot import FacilityLocationSelection
def choose(table, count):
    return list(FacilityLocationSelection(count, metric="precomputed", optimizer="lazy").fit(table).ranking)
vectors, count = numpy.load(sys.argv[1]), int(sys.argv[2])
choose(numpy.eye(50), 5)                                     # compiles
start = time.process_time()
places = choose(numpy.maximum(vectors @ vectors.T, 0).astype(numpy.float64), count)
"""
SUBMODLIB = """
import json, sys, time, numpy
from submodlib import FacilityLocationFunction
vectors, count = numpy.load(sys.argv[1]), int(sys.argv[2])
start = time.process_time()
table = numpy.maximum(vectors @ vectors.T, 0)
function = FacilityLocationFunction(n=len(vectors), mode="dense", sijs=table, separate_rep=False)
found = function.maximize(budget=count, optimizer="LazyGreedy", stopIfZeroGain=False, stopIfNegativeGain=False,
                          verbose=False, show_progress=False)
places = [place for place, _ in found]
"""
OURS = """
import json, sys, time, numpy
from regrowth.curation.selection.greedy import centres, facilities
vectors, count, how = numpy.load(sys.argv[1]), int(sys.argv[2]), json.loads(sys.argv[3])
start = time.process_time()
places = centres(vectors, count).places if how == "centre" else facilities(vectors, count, **how).places
"""
TOLD = """
seconds = time.process_time() - start
peak = next(line for line in open("/proc/self/status") if line.startswith("VmHWM"))  # ru_maxrss would be the parent's
print()
print(json.dumps({"seconds": seconds, "megabytes": int(peak.split()[1]) / 1024,
                  "places": [int(one) for one in places]}))
"""
NAIVE = """
import json, sys, time, numpy
vectors, count = numpy.load(sys.argv[1]), int(sys.argv[2])
start = time.process_time()
table = numpy.maximum(vectors @ vectors.T, 0)
standing, places = numpy.zeros(len(vectors), numpy.float32), []
for _ in range(count):
    gains = numpy.maximum(table - standing, 0).sum(axis=1)
    gains[places] = -1
    places.append(int(gains.argmax()))
    standing = numpy.maximum(standing, table[places[-1]])
"""


def timed(program: str, python: str, vectors: Any, count: int, how: Any = None, *, repeats: int = 1) -> dict[str, Any]:
    """Run a program on vectors in a process of its own; return the median of its CPU seconds, and what it reached."""
    environment = {**os.environ, "NUMBA_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
    with tempfile.TemporaryDirectory() as folder:
        np.save(f"{folder}/vectors.npy", vectors)
        command = [python, "-c", program + TOLD, f"{folder}/vectors.npy", str(count), json.dumps(how or {})]
        done = [subprocess.run(command, capture_output=True, text=True, env=environment) for _ in range(repeats)]
    if failed := [one for one in done if one.returncode]:
        return {"failed": failed[0].stderr.strip().splitlines()[-1]}
    runs = [json.loads(one.stdout.splitlines()[-1]) for one in done]
    return {
        "seconds": median(one["seconds"] for one in runs),
        "megabytes": median(one["megabytes"] for one in runs),
        "represented": represented(vectors, runs[0]["places"]),
        "farthest": farthest(vectors, runs[0]["places"]),
    }


def sentences(count: int) -> list[str]:
    """Return so many different real sentences, from all files, in an order of chance."""
    found = {text.strip() for texts in every_text() for text in re.split(r"(?<=[.!?])\s+|\n+", texts) if len(text) > 25}
    return random.Random(0).sample(sorted(found), min(count, len(found)))


def every_text() -> Iterator[str]:
    """Yield all real text there is."""
    for texts in kinds().values():
        yield from texts
    for one in rows("reasoning/gsm8k_train.jsonl.gz"):
        yield re.sub(r"<<.*?>>", "", one["answer"])
    for one in rows("teacher_outputs/mt_bench_answers.jsonl.gz"):
        yield from one["turns"]
    for name, fields in {
        "factuality/truthfulqa_finetune_truth.jsonl.gz": ("prompt",),
        "safety/xstest_completions.jsonl.gz": ("completion",),
        "teacher_outputs/self_instruct_predictions.jsonl.gz": ("response",),
        "preference/pandalm_testset.jsonl.gz": ("response1", "response2", "gpt_reason", "pandalm_reason"),
        "preference/hh_rlhf_harmless_test.jsonl.gz": ("chosen", "rejected"),
    }.items():
        for one in rows(name):
            yield from (str(one[field]) for field in fields)


def speed(peers: str) -> list[dict[str, Any]]:
    """Compare with peers on tables that they can hold: a tenth of 2,000 and of 5,000 sentences."""
    found = []
    texts = sentences(5000)
    for number in (2000, 5000):
        vectors, count = embedded(texts[:number]), number // 10
        arms: dict[str, tuple[str, str, Any]] = {
            "ours, lazy": (OURS, sys.executable, {}),
            "ours, lazy, no table": (OURS, sys.executable, {"memory": 0}),
            "ours, stochastic": (OURS, sys.executable, {"method": "stochastic"}),
            "ours, lazy, 2,000 witnesses": (OURS, sys.executable, {"witnesses": 2000}),
            "ours, k-centre": (OURS, sys.executable, "centre"),
        }
        if number == 2000:
            arms["plain greedy, numpy"] = (NAIVE, sys.executable, {})
        if peers:
            arms |= {"apricot, lazy": (APRICOT, peers, {}), "submodlib, lazy": (SUBMODLIB, peers, {})}
        for name, (program, python, how) in arms.items():
            repeats = 3 if name.startswith("ours") else 1
            row = {
                "records": number,
                "count": count,
                "arm": name,
                **timed(program, python, vectors, count, how, repeats=repeats),
            }
            print(row, file=sys.stderr, flush=True)
            found.append(row)
    return found


def large() -> list[dict[str, Any]]:
    """Choose of 100,000 real sentences."""
    start = time.process_time()
    texts = sentences(100_000)
    read = time.process_time()
    vectors = embedded(texts)
    found: list[dict[str, Any]] = [
        {
            "records": len(texts),
            "arm": "embedding",
            "seconds": time.process_time() - read,
            "reading": read - start,
        }
    ]
    for name, count, how in (
        ("stochastic, 5,000 witnesses", 1000, {"method": "stochastic", "witnesses": 5000}),
        ("k-centre", 10_000, "centre"),
        ("lazy, 20,000 witnesses", 1000, {}),
    ):
        row = {"records": len(texts), "count": count, "arm": name, **timed(OURS, sys.executable, vectors, count, how)}
        print(row, file=sys.stderr, flush=True)
        found.append(row)
    for count in (1000, 10_000):
        places = random.Random(0).sample(range(len(texts)), count)
        found.append(
            {"records": len(texts), "count": count, "arm": "random", "represented": represented(vectors, places)}
        )
    return found


# What training gains -------------------------------------------------------------------------------------------------

PLAIN = [name for name, domain in DOMAINS.items() if not domain.runs_code]
SKEW = {"1": 0.7, "2": 0.18, "3": 0.08, "4": 0.04}
"""Shares of the difficulties in the pool; unseen problems have each as often."""
POOL, CHOSEN, HELD_OUT, DRAWS, STEPS = 480, 120, 160, 4, 30


def pool_of(seed: int) -> list[Record]:
    """Return problems with worked solutions, most of them easy."""
    many = worked(problems(PLAIN, 6 * POOL, seed=_number(seed, "pool"), split="train"))
    return list(by_quota(many, POOL, {"difficulty": SKEW}, seed=seed).chosen)


async def solved(problem: Record, writer: RememberedModel, check: Any) -> difficulty.Solved:
    """Draw several answers to a problem and count the right ones."""
    drawn = await answers(problem, writer, samples=DRAWS)
    right = 0
    for one in drawn:
        try:
            await check(one)
        except Rejected:
            continue
        right += 1
    return difficulty.Solved(right, DRAWS)


def arms_of(pool: list[Record], seed: int) -> dict[str, Selection]:
    """Return as many records by each selector."""
    return {
        "random": diverse(pool, CHOSEN, embedded, how="random", seed=seed),
        "facility location": diverse(pool, CHOSEN, embedded),
        "difficulty balanced": difficulty.balanced(pool, CHOSEN, seed=seed, short="fill"),
        "sometimes solved": diverse(difficulty.teachable(pool).chosen, CHOSEN, embedded, how="random", seed=seed),
        "hardest first": difficulty.hardest(pool, CHOSEN, never=True, seed=seed),
    }


def training(seed: int) -> dict[str, Any]:
    """Train the packaged model on each selection, with one seed; return the accuracies."""
    start = time.process_time()
    with open_run(WORK / f"selection-{seed}") as run:
        return {**run.wait(_trained(run, seed)), "seconds": time.process_time() - start}


async def _trained(run: Run, seed: int) -> dict[str, Any]:
    base, check = run.model("tiny"), verifier(run.sandbox)
    pool = pool_of(seed)
    counts = await run.aeach(pool, partial(solved, writer=base, check=check), name="pass rates")
    pool = difficulty.noted(pool, {record.id: one for record, one in zip(pool, counts, strict=True)})
    unseen = list(problems(PLAIN, HELD_OUT, seed=_number(seed, "unseen"), split="heldout"))
    models, found = {"base": base}, dict[str, Any]()
    for name, selection in arms_of(pool, seed).items():
        data = run.write(name.replace(" ", "-"), selection.chosen)
        how = TrainingSettings(
            steps=STEPS,
            learning_rate=1e-3,
            tokens_per_batch=1024,
            schedule="cosine",
            seed=_number(seed, "train"),
            threads=1,
        )
        models[name] = await run.afit(base, data, how, name=data.path.name)
        bands = Counter(difficulty.band(difficulty.pass_rate(record)) for record in selection.chosen)
        found[name] = {"records": len(selection.chosen), "bands": dict(bands)}
    for name, model in models.items():
        marks = await evaluate(run, model, unseen, check, name=f"marking {name}")
        found.setdefault(name, {})["right"] = {mode: list(marks.of[mode]) for mode in MODES}
    found["pool"] = {"bands": dict(Counter(difficulty.band(difficulty.pass_rate(record)) for record in pool))}
    return found


def _number(seed: int, purpose: str) -> int:
    return int(digest("selection", seed, purpose)[:7], 16)


# Tables --------------------------------------------------------------------------------------------------------------


def table(found: Mapping[str, Any]) -> None:
    """Print what was measured so far."""
    for name, entry in found.get("coverage", {}).items():
        print(f"\n{name}: {entry['records']} records, {entry['kinds']} kinds, {entry['rare']} of them rare\n")
        print("| budget | selector | rare kinds kept | all kinds kept | redundancy | represented | words |")
        print("|---|---|---|---|---|---|---|")
        for budget, selectors in entry["of"].items():
            for selector, values in selectors.items():
                shares = " | ".join(told(across_seeds(values[what])) for what in ("rare", "all"))
                means = " | ".join(f"{fmean(values[what]):.3f}" for what in ("redundancy", "represented"))
                print(f"| {budget} | {selector} | {shares} | {means} | {fmean(values['words']):.0f} |")
    for part in ("speed", "large"):
        print(f"\n| {part}: records | chosen | arm | CPU seconds | peak MB | represented | farthest |")
        print("|---|---|---|---|---|---|---|")
        for row in found.get(part, ()):
            cells = [
                _cell(row, name, form)
                for name, form in (
                    ("seconds", ".2f"),
                    ("megabytes", ".0f"),
                    ("represented", ".4f"),
                    ("farthest", ".3f"),
                )
            ]
            print(f"| {row['records']:,} | {row.get('count', 0):,} | {row['arm']} | {' | '.join(cells)} |")
    if seeds := found.get("training", []):
        print("\n| arm | " + " | ".join(f"{mode} | arm − random, {mode}" for mode in MODES) + " | bands (first seed) |")
        print("|---|" + "---|---|" * len(MODES) + "---|")
        for arm in ("base", *(name for name in seeds[0] if name not in ("base", "pool", "seconds"))):
            print(f"| {arm} | {' | '.join(_accuracies(seeds, arm))} | {_bands(seeds[0][arm])} |")
        print(f"\npool: {_bands(seeds[0]['pool'])}; CPU seconds: {[round(one['seconds']) for one in seeds]}")


def _bands(facts: Mapping[str, Any]) -> str:
    return " ".join(str(facts["bands"].get(name, 0)) for name in difficulty.BANDS) if "bands" in facts else ""


def _cell(row: Mapping[str, Any], name: str, form: str) -> str:
    return f"{row[name]:{form}}" if name in row else str(row.get("failed", ""))


def _accuracies(seeds: Sequence[Mapping[str, Any]], arm: str) -> Iterator[str]:
    for mode in MODES:
        yield told(across_seeds([fmean(one[arm]["right"][mode]) for one in seeds]))
        ours, theirs = ([right for one in seeds for right in one[name]["right"][mode]] for name in (arm, "random"))
        yield "" if arm == "random" else told(paired_difference(ours, theirs), "+")


def main() -> None:
    """Measure one part, write the figures and print the tables."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("part", choices=("coverage", "speed", "large", "training", "table"))
    parser.add_argument(
        "--peers", default="", help="interpreter of an environment with apricot-select and submodlib-py"
    )
    arguments = parser.parse_args()
    before = resource.getrusage(resource.RUSAGE_SELF)
    parts: dict[str, Callable[[], Any]] = {
        "coverage": coverage,
        "speed": partial(speed, arguments.peers),
        "large": large,
        "training": lambda: [training(seed) for seed in SEEDS],
    }
    if arguments.part != "table":
        measured = parts[arguments.part]()
        RESULTS.write_text(json.dumps({**read(), arguments.part: measured}, indent=1) + "\n", "utf-8")
    after = resource.getrusage(resource.RUSAGE_SELF)
    print(f"{after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime:.0f} CPU seconds", file=sys.stderr)
    table(read())


def read() -> dict[str, Any]:
    """Return what was measured so far."""
    found: dict[str, Any] = json.loads(RESULTS.read_text("utf-8")) if RESULTS.exists() else {}
    return found


if __name__ == "__main__":
    main()
