"""What training costs next to TRL: tokens per CPU-second, start-up, memory, and the losses of every step.

    REGROWTH_DATA=/path/to/data python -m benchmarks.trl_parity setup     # once: the virtual environment, 1.9 GB
    REGROWTH_DATA=/path/to/data python -m benchmarks.trl_parity run       # two hours; writes results/trl.json
    python -m benchmarks.trl_parity run --only "sft 7M" "reward 16M"      # some of it, beside what is there
    python -m benchmarks.trl_parity table
    python -m benchmarks.trl_parity plot                                          # both sides' losses, as a page

Every measurement is a process of its own. Both sides start from one folder, read one file of records, and take eight
records per optimizer step in its order; that their token ids and losses are equal is checked. Sides take turns, so
that a slow minute meets all; figures are medians, ratios are taken within a turn. TRL is also given the best of its
settings that the lane `options` finds: it tries each once.
"""

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmarks.orchestration.process import busy_seconds
from benchmarks.trl_parity.job import BATCH, BETA, CENTRING, CONTEXT, OPTIMIZER, RATES, STARTED, Job
from benchmarks.trl_parity.table import plotted, printed

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
PYTHON = HERE.parent / ".venvs" / "trl" / "bin" / "python"
PREPARED = HERE.parent / ".work" / "trl"
RESULTS = HERE.parent / "results" / "trl.json"
REPEATS = 3
TOLERANCE = 2e-4
"""By how much two losses of one step may differ: 32-bit floats, summed in other orders, over many steps."""


@dataclass(frozen=True)
class Lane:
    """Some contestants on one kind of work."""

    method: str
    model: str
    steps: int
    contestants: tuple[tuple[str, str, int], ...]
    """Side, TRL's option, threads."""
    repeats: int = REPEATS


def against(*options: str, threads: int = 1) -> tuple[tuple[str, str, int], ...]:
    """Return our side and TRL with some options."""
    return (("regrowth", "default", threads), *(("trl", option, threads) for option in options))


LANES: dict[str, Lane] = {
    "sft 7M": Lane("sft", "7M", 8, against("default", "singly")),
    "sft 16M": Lane("sft", "16M", 8, against("default", "singly")),
    "dpo 7M": Lane("dpo", "7M", 4, against("default", "precompute", "singly")),
    "dpo 16M": Lane("dpo", "16M", 2, against("default", "precompute", "singly")),
    "reward 7M": Lane("reward", "7M-reward", 12, against("default", "singly")),
    "reward 16M": Lane("reward", "16M-reward", 12, against("default", "singly")),
    "sft 7M, two threads": Lane("sft", "7M", 8, against("default", "singly", threads=2)),
    "start-up": Lane("sft", "7M", 1, against("default"), 5),
    "start-up, own tokenizer": Lane("sft", "7M-own", 1, against("default"), 5),
    "curve sft 7M": Lane("sft", "7M", 40, against("singly"), 1),
    "curve dpo 7M": Lane("dpo", "7M", 12, against("singly"), 1),
    "curve reward 7M": Lane("reward", "7M-reward", 40, against("singly"), 1),
    "options sft 7M": Lane(
        "sft",
        "7M",
        4,
        against("default", "halves", "quarters", "singly", "compiled", "padding_free", "by_length", "packing"),
        1,
    ),
    "options dpo 7M": Lane("dpo", "7M", 2, against("default", "precompute", "singly", "precompute singly"), 1),
}
"""TRL needs half a CPU-minute and more for eight pairs, hence the few steps of DPO."""
OTHER_STEPS = ("by_length", "packing")
"""Options that put other records into a step: their losses are others."""


def main() -> None:
    """Do what the command line says."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("setup", "run", "table", "plot"))
    parser.add_argument("--only", nargs="+", choices=tuple(LANES), default=list(LANES), metavar="LANE")
    parser.add_argument("--results", type=Path, default=RESULTS)
    options = parser.parse_args()
    if options.what == "setup":
        setup()
    elif options.what == "run":
        run(options.only, options.results)
    results = json.loads(options.results.read_text("utf-8")) if options.what in ("table", "plot") else {}
    print(printed(results) if options.what == "table" else plotted(results, PREPARED / "page") if results else "done")


def setup() -> None:
    """Make the virtual environment that both sides run in."""
    subprocess.run([sys.executable, "-m", "venv", str(PYTHON.parent.parent)], check=True)
    pip = [str(PYTHON), "-m", "pip", "install", "-q"]
    subprocess.run([*pip, "torch==2.13.0"], check=True)
    subprocess.run([*pip, "-r", str(HERE / "requirements.txt")], cwd=ROOT, check=True)


def run(names: Sequence[str], results: Path) -> None:
    """Measure some lanes; what the file holds of others stays."""
    if not PYTHON.exists():
        raise SystemExit(f"{PYTHON} is missing. Make it: python -m benchmarks.trl_parity setup")
    PREPARED.mkdir(parents=True, exist_ok=True)
    told = environment(PREPARED, 1) | {"REGROWTH_DATA": os.environ["REGROWTH_DATA"]}
    subprocess.run([str(PYTHON), "-m", "benchmarks.trl_parity.work", str(PREPARED)], cwd=ROOT, env=told, check=True)
    for name in names:
        lane = measured(LANES[name])
        found = json.loads(results.read_text("utf-8")) if results.exists() else {"lanes": {}}
        found |= {"settings": settings(), "machine": machine()}
        found["lanes"][name] = lane
        results.write_text(json.dumps(found, indent=1) + "\n", "utf-8")
        print(name, json.dumps(found["lanes"][name]["medians"], indent=1), flush=True)


def measured(lane: Lane) -> dict[str, Any]:
    """Let the contestants of a lane take turns."""
    turns = [list(turn(lane)) for _ in range(lane.repeats)]
    names = [called(*contestant) for contestant in lane.contestants]
    lines = [dict(zip(names, done, strict=True)) for done in turns]
    check(lane, lines[0])
    losses = {name: line.pop("losses") for name, line in lines[0].items()}
    for line in lines[1:]:
        for done in line.values():
            done.pop("losses")
    figures = [figure for figure, value in lines[0][names[0]].items() if isinstance(value, int | float)]
    return {
        **asdict(lane),
        "medians": {
            name: {figure: statistics.median(line[name][figure] for line in lines) for figure in figures}
            for name in names
        },
        "ratios": {name: ratios([(line[names[0]], line[name]) for line in lines]) for name in names[1:]},
        "losses": losses,
        "gaps": {name: gap(losses[names[0]], losses[name]) for name in names[1:] if not others(name)},
        "turns": lines,
        "load": os.getloadavg(),
    }


def ratios(pairs: Sequence[tuple[dict[str, Any], dict[str, Any]]]) -> dict[str, dict[str, float]]:
    """Return how much better we are than one other, turn by turn: above 1 is faster, or smaller."""
    better = {
        "tokens_per_cpu_s": [ours["tokens_per_cpu_s"] / other["tokens_per_cpu_s"] for ours, other in pairs],
        "tokens_per_s": [ours["tokens_per_s"] / other["tokens_per_s"] for ours, other in pairs],
        "steps_only": [other["steps_cpu_s"] / ours["steps_cpu_s"] for ours, other in pairs],
        "start_cpu_s": [other["start_cpu_s"] / ours["start_cpu_s"] for ours, other in pairs],
        "whole_cpu_s": [other["whole_cpu_s"] / ours["whole_cpu_s"] for ours, other in pairs],
        "peak_mb": [other["peak_mb"] / ours["peak_mb"] for ours, other in pairs],
    }
    return {
        name: {
            "median": round(statistics.median(all_), 3),
            "lowest": round(min(all_), 3),
            "highest": round(max(all_), 3),
        }
        for name, all_ in better.items()
    }


def check(lane: Lane, line: dict[str, dict[str, Any]]) -> None:
    """Stop if the sides did not do the same."""
    ours = line[called(*lane.contestants[0])]
    for name, done in line.items():
        if others(name):
            continue
        if done["rows"] != ours["rows"] or done["tokens"] != ours["tokens"]:
            raise SystemExit(f"{name}: other token ids than ours; {done['tokens']} tokens against {ours['tokens']}")
        if (off := gap(ours["losses"], done["losses"])) > TOLERANCE:
            raise SystemExit(f"{name}: the losses differ by {off}: {done['losses']} against {ours['losses']}")


def gap(first: Sequence[float], second: Sequence[float]) -> float:
    """Return the largest difference of two losses of one step."""
    return max(abs(one - other) for one, other in zip(first, second, strict=True))


def others(name: str) -> bool:
    return any(option in name for option in OTHER_STEPS)


def called(side: str, option: str, threads: int) -> str:
    """Name a contestant."""
    return side if side == "regrowth" else f"trl {option}"


def turn(lane: Lane) -> Iterator[dict[str, Any]]:
    """Let each contestant train once."""
    rows = (PREPARED / ("sft.jsonl" if lane.method == "sft" else "pairs.jsonl")).read_text("utf-8").splitlines(True)
    for side, option, threads in lane.contestants:
        with tempfile.TemporaryDirectory(dir=PREPARED) as scratch:
            data = Path(scratch) / "data.jsonl"
            data.write_text("".join(rows[: lane.steps * BATCH]), "utf-8")
            folder = str(PREPARED / lane.model)
            yield once(Job(lane.method, side, folder, str(data), scratch, threads, option))


def once(job: Job) -> dict[str, Any]:
    """Train in a process of its own and return what it took."""
    busy, began = busy_seconds(), time.monotonic()
    told = environment(Path(job.scratch), job.threads) | {STARTED: repr(began)}
    done = subprocess.run(job.command(PYTHON), cwd=ROOT, env=told, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{job} ended with {done.returncode}:\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}")
    found = json.loads(job.result.read_text("utf-8"))
    wall = time.monotonic() - began
    marks = found["marks"]
    first, last, end = marks["first step"], marks["last step"], marks["done"]
    reference = {of: marks["reference ends"][of] - marks["reference begins"][of] for of in ("cpu", "wall")}
    work = {of: last[of] - first[of] + reference[of] for of in ("cpu", "wall")}
    figures = {
        "tokens_per_cpu_s": found["tokens"] / work["cpu"],
        "tokens_per_s": found["tokens"] / work["wall"],
        "steps_cpu_s": last["cpu"] - first["cpu"],
        "reference_cpu_s": reference["cpu"],
        "import_cpu_s": marks["imported"]["cpu"],
        "start_cpu_s": first["cpu"] - reference["cpu"],
        "start_s": first["wall"] - reference["wall"],
        "whole_cpu_s": end["cpu"],
        "whole_s": end["wall"],
        "peak_mb": end["peak_mb"],
        "before_mb": first["rss_mb"],
        "others_cores": (busy_seconds() - busy - end["cpu"]) / wall,
    }
    kept = {name: found[name] for name in ("losses", "tokens", "rows")}
    return {name: round(value, 3) for name, value in figures.items()} | kept


def environment(home: Path, threads: int) -> dict[str, str]:
    """Return a process's environment; nothing is inherited but the search path."""
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "TMPDIR": str(home),
        "LANG": "C.UTF-8",
        "OMP_NUM_THREADS": str(threads),
        "HF_HUB_OFFLINE": "1",
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "DO_NOT_TRACK": "1",
        "TOKENIZERS_PARALLELISM": "false",
    }


def settings() -> dict[str, Any]:
    """Return what both sides share."""
    shared = {"context": CONTEXT, "records_per_step": BATCH, "rates": RATES, "beta": BETA, "centring": CENTRING}
    rest = {"schedule": "constant, no warm-up", "precision": "fp32", "dropout": 0, "tolerance": TOLERANCE}
    return {**shared, "optimizer": OPTIMIZER, **rest, "data": facts_of_data()}


def facts_of_data() -> dict[str, Any]:
    """Return how long the rows are, in tokens."""
    found = json.loads((PREPARED / "lengths.json").read_text("utf-8"))
    return {
        name: {
            "rows": len(sizes),
            "mean": round(statistics.fmean(sizes), 1),
            "quartiles": statistics.quantiles(sizes, n=4),
            "longest": max(sizes),
        }
        for name, sizes in found.items()
    }


def machine() -> dict[str, Any]:
    """Return versions and hardware."""
    ask = [str(PYTHON), "-m", "pip", "list", "--format=json"]
    packages = json.loads(subprocess.run(ask, capture_output=True, text=True, check=True).stdout)
    floor = "import time, torch; print(time.process_time())"
    floors = [float(subprocess.check_output([str(PYTHON), "-c", floor], text=True)) for _ in range(5)]
    wanted = {"torch", "trl", "transformers", "accelerate", "datasets", "tokenizers", "numpy"}
    return {
        "processor": next(
            (
                line.split(":")[1].strip()
                for line in Path("/proc/cpuinfo").read_text().splitlines()
                if "model name" in line
            ),
            platform.machine(),
        ),
        "cores": os.cpu_count(),
        "import_torch_cpu_s": round(statistics.median(floors), 2),
        "python": platform.python_version(),
        **{package["name"]: package["version"] for package in packages if package["name"] in wanted},
    }


if __name__ == "__main__":
    main()
