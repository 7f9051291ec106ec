"""Do readings of privacy tell leaky tables from honest ones, how often do they cry wolf, and what do they cost?

    REGROWTH_DATA=… python -m benchmarks.tables_privacy        # ours alone; writes results/tables_privacy.json
    REGROWTH_DATA=… python -m benchmarks.tables_privacy --peers A/bin/python B/bin/python

Parts: `tables` (50,000 rows of 15 mixed columns: honest, leaky, shuffled), `census` (real tables), `shares` (how small
a share of near copies is found), `alarms` (real rows against real rows, 40 draws), `million` (10^6 rows), `peers`.
Peers: pip install anonymeter==1.1.0, and in an environment of their own sdmetrics==0.32.0 mostlyai-qa==1.10.11; each
tool is asked of the interpreter that has it, 170 CPU seconds at most. What a part has written is not measured again.
"""

import argparse
import json
import os
import signal
import statistics
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv

from benchmarks.tables import drawn, leaky, written
from regrowth.metrics.columns import Table, aligned
from regrowth.metrics.intervals import proportion
from regrowth.metrics.privacy import privacy
from regrowth.metrics.reading import Reading
from regrowth.seeds.tables import read_table

DATA = Path(os.environ.get("REGROWTH_DATA", "data"))
WORK = Path(__file__).parent / ".work" / "tables_privacy"
RESULTS = Path(__file__).parent / "results" / "tables_privacy.json"
PEERS = Path(__file__).with_name("tables_privacy_peers.py")
ROWS, REPEATS, LIMIT, DRAWS = 50_000, 3, 170, 40
ARMS = ("honest", "leaky", "shuffled")
CENSUS = ("syn_mostly", "syn_flip30", "hol")
TOOLS = ("anonymeter", "sdmetrics", "sdmetrics_sampled", "mostlyai")


def copied(rows: int, copies: int) -> dict[str, dict[str, Any]]:
    """Return training rows, hold-out, and fresh rows of which so many were replaced by near copies."""
    train, held, fresh = (drawn(rows, seed) for seed in (1, 2, 3))
    few, other = ({name: values[: 2 * copies] for name, values in table.items()} for table in (train, fresh))
    mixed = leaky(few, other, 4)
    made = {name: np.concatenate([mixed[name], values[2 * copies :]]) for name, values in fresh.items()}
    return {"train": train, "holdout": held, "leaky": made}


def folder_of(rows: int) -> Path:
    """Return the folder with the tables of `benchmarks.tables`, written once."""
    folder = WORK / f"tables_{rows}"
    if not (folder / "shuffled.csv").exists():
        folder.mkdir(parents=True, exist_ok=True)
        written(folder, rows)
    return folder


def told(readings: Sequence[Reading]) -> dict[str, Any]:
    """Return readings as plain data: value, interval, null, verdict."""
    return {
        f"{one.measure} {one.of}".strip(): {
            "estimate": [round(x, 4) for x in (one.estimate.value, one.estimate.low, one.estimate.high)],
            "null": one.null and [round(x, 4) for x in (one.null.value, one.null.low, one.null.high)],
            "worse": one.worse,
        }
        for one in readings
    }


def firing(readings: Sequence[Reading]) -> int:
    """Count the readings that are worse than what real rows read."""
    return sum(one.worse for one in readings)


def alone(code: str, *words: str, interpreter: str = sys.executable, limit: float = 600) -> dict[str, Any]:
    """Run a program in a process of its own on one core; return what it printed, or that it ran out of time."""
    command = [interpreter, code, *words] if code.endswith(".py") else [interpreter, "-m", code, *words]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "NUMBA_NUM_THREADS": "1", "TOKENIZERS_PARALLELISM": "false"}
    try:
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=limit, check=False)
    except subprocess.TimeoutExpired:
        return {"unfinished": f"not finished in {limit:.0f} s"}
    lines = done.stdout.strip().splitlines()
    if done.returncode in (-signal.SIGXCPU, -signal.SIGKILL):
        return {"unfinished": f"not finished in {LIMIT} CPU seconds"}
    if done.returncode or not lines:
        return {"unfinished": (done.stderr.strip().splitlines() or ["no output"])[-1][:200]}
    found: dict[str, Any] = json.loads(lines[-1])
    return found


def ours(train: str, made: str, held: str) -> dict[str, Any]:
    """Measure one table in this process, and what that costs, reading and aligning included."""
    import resource
    import time

    before, wall = time.process_time(), time.perf_counter()
    tables = aligned(*(read_table(Path(name)) for name in (train, made, held))).tables
    between = time.process_time()
    readings = privacy(*tables)
    after = time.process_time()
    return {
        "cpu_seconds": round(after - before, 2),
        "of_which_privacy": round(after - between, 2),
        "wall_seconds": round(time.perf_counter() - wall, 2),
        "peak_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
        "firing": firing(readings),
        "readings": told(readings),
    }


def repeated(*files: Path) -> dict[str, Any]:
    """Measure in processes of their own; the figures are medians."""
    runs = [alone("benchmarks.tables_privacy", "--one", *map(str, files)) for _ in range(REPEATS)]
    middle = {
        name: statistics.median(run[name] for run in runs)
        for name in runs[0]
        if name.endswith(("seconds", "mb", "privacy"))
    }
    return {**runs[0], **middle}


def tables() -> dict[str, Any]:
    """Measure the three arms."""
    folder = folder_of(ROWS)
    return {arm: repeated(*(folder / f"{name}.csv" for name in ("train", arm, "holdout"))) for arm in ARMS}


def census_files(name: str) -> tuple[Path, Path, Path]:
    """Return training rows, synthetic rows and hold-out; the hold-out in place of synthetic rows is cut in two."""
    files = [DATA / "tabular" / f"census2k_{part}.csv.gz" for part in ("trn", name, "hol")]
    if name == "hol":
        WORK.mkdir(parents=True, exist_ok=True)
        whole = read_table(files[2])
        order = np.random.default_rng(0).permutation(whole.num_rows)
        for part in (1, 2):
            files[part] = WORK / f"hol_{part}.csv"
            pyarrow.csv.write_csv(whole.take(order[part - 1 :: 2]), files[part])
    return files[0], files[1], files[2]


def census() -> dict[str, Any]:
    """Measure real tables: a generator's rows, flipped training rows, unseen real rows."""
    return {name: repeated(*census_files(name)) for name in CENSUS}


def shares() -> dict[str, Any]:
    """Find ever smaller shares of near copies among 5,000 rows."""
    facts = {}
    for share in (0.0, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2):
        table = copied(5000, round(share * 5000))
        found = privacy(*aligned(table["train"], table["leaky"], table["holdout"]).tables)
        facts[f"{share:g}"] = {"worse": [f"{one.measure} {one.of}".strip() for one in found if one.worse]}
    return facts


def alarms() -> dict[str, Any]:
    """Count readings that fire where fresh real rows stand in for synthetic ones: adult census, and drawn tables."""
    adult = read_table(DATA / "tabular" / "adult.csv.gz")
    facts = {}
    for name, rows, draws in (("adult", 1000, DRAWS), ("adult", 5000, DRAWS // 2), ("drawn", 1000, DRAWS)):
        fired: Counter[str] = Counter()
        count, runs = 0, 0
        for seed in range(draws):
            table = adult if name == "adult" else pa.table(drawn(3 * rows, seed))
            found = privacy(*_three(table, rows, seed), seed=seed)
            fired.update(one.measure for one in found if one.worse)
            count, runs = count + len(found), runs + bool(firing(found))
        one, run = proportion(sum(fired.values()), count), proportion(runs, draws)
        facts[f"{name}, {rows} rows"] = {
            "fired": dict(fired),
            "of_readings": [sum(fired.values()), count, round(one.low, 5), round(one.high, 5)],
            "of_runs": [runs, draws, round(run.low, 4), round(run.high, 4)],
        }
    return facts


def _three(table: pa.Table, rows: int, seed: int) -> tuple[Table, ...]:
    order = np.random.default_rng(seed).permutation(table.num_rows)
    return aligned(*(table.take(order[part * rows : (part + 1) * rows]) for part in range(3))).tables


def million() -> dict[str, Any]:
    """Measure a leaky table of a million rows."""
    folder = folder_of(10**6)
    return alone(
        "benchmarks.tables_privacy", "--one", *(str(folder / f"{one}.csv") for one in ("train", "leaky", "holdout"))
    )


def peers(interpreters: Sequence[str], known: dict[str, Any], wanted: str) -> dict[str, Any]:
    """Ask other tools about the same tables; ours again in the same run, so that the machine was as busy."""
    folder = folder_of(ROWS)
    jobs = {
        f"50000 {arm}": [folder / f"{name}.csv" for name in ("train", arm, "holdout")] for arm in ("honest", "leaky")
    }
    jobs |= {f"census {name}": list(census_files(name)) for name in ("syn_mostly", "syn_flip30")}
    for job, files in jobs.items():
        if wanted not in job:
            continue
        facts = known.setdefault(job, {})
        for tool in TOOLS:
            if tool in facts or (job == "50000 honest" and tool == "sdmetrics"):
                continue  # what does not finish on one table does not on another of the same size
            for interpreter in interpreters:
                words = (tool, *map(str, files), str(LIMIT))
                facts[tool] = alone(str(PEERS), *words, interpreter=interpreter, limit=8 * LIMIT)
                if "No module" not in facts[tool].get("unfinished", ""):
                    break
            print(job, tool, facts[tool], file=sys.stderr)
            saved({"peers": known, "load_of_peers": os.getloadavg()[0]})
        if "regrowth" not in facts:
            facts["regrowth"] = {name: one for name, one in repeated(*files).items() if name != "readings"}
    return known


def saved(facts: dict[str, Any]) -> dict[str, Any]:
    """Add facts to the results."""
    known: dict[str, Any] = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    known |= facts
    RESULTS.write_text(json.dumps(known, indent=1) + "\n")
    return known


def main() -> None:
    """Measure what is not known yet, write the figures, print them."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("parts", nargs="*", default=["tables", "census", "shares", "alarms", "million"])
    parser.add_argument("--peers", nargs="*", default=[], help="interpreters of environments that hold peers")
    parser.add_argument("--on", default="", help="ask peers about some tables alone: 50000, census, leaky, …")
    parser.add_argument("--one", nargs=3, help="training rows, synthetic rows, hold-out: one measurement, for --peers")
    chosen = parser.parse_args()
    if chosen.one:
        print(json.dumps(ours(*chosen.one)))
        return
    work: dict[str, Callable[[], dict[str, Any]]] = {
        "tables": tables, "census": census, "shares": shares, "alarms": alarms, "million": million,
    }  # fmt: skip
    known = saved({})
    for part in chosen.parts:
        if part not in known:
            known = saved({part: work[part](), "load": os.getloadavg()[0]})
            print(part, json.dumps(known[part]), file=sys.stderr)
    if chosen.peers:
        known = saved({"peers": peers(chosen.peers, known.get("peers", {}), chosen.on)})


if __name__ == "__main__":
    main()
