"""Fidelity and privacy of tables: CPU seconds, memory and verdicts, beside other tools, in one run.

    python -m benchmarks.tables speed --peer sdmetrics=/path/to/venv/bin/python --peer anonymeter=/other/bin/python
    python -m benchmarks.tables speed fidelity privacy           # these lanes only; the others keep what was measured
    python -m benchmarks.tables alarms                           # how often honest tables are called worse
    python -m benchmarks.tables million                          # fidelity of a million rows
    REGROWTH_DATA=/path/to/data python -m benchmarks.tables real # census tables and model-written texts

Writes results/tables.json. The tables of 50,000 rows and 15 columns are of one process (`tables_made.py`): `train`,
`holdout`, and three synthetic ones: `honest` (a fresh draw), `leaky` (half fresh, half near-copies of training rows),
`shuffled` (the training columns, each shuffled on its own). A lane is one process on one core:

| lane       | what it does                                                    |
|------------|-----------------------------------------------------------------|
| `fidelity` | `metrics.fidelity.fidelity`                                     |
| `privacy`  | `metrics.privacy.privacy`                                       |
| `shapes`   | of it, what SDMetrics' report reads: each column, each pair     |
| `both`     | both in one process, as a report needs them                     |
| `peers`    | other tools with interpreters of their own: `tables_peers.py`   |

CPU seconds are those of the work, with reading the files and imports left out for all alike; memory is the most that
the process ever held. Lanes take turns; medians over three runs. About five CPU minutes with SDMetrics, ten more
with anonymeter.
"""

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from benchmarks.tables_made import drawn, leaky, written

__all__ = ["TABLES", "drawn", "leaky", "written"]

RESULTS = Path(__file__).parent / "results" / "tables.json"
PEERS = Path(__file__).with_name("tables_peers.py")
ROWS = 50_000
TABLES = ("honest", "leaky", "shuffled")
LANES = ("fidelity", "shapes", "privacy", "both")
REPEATS = 3
SLOW = ("anonymeter", "sdmetrics, DCR")
"""These run once."""

# Lanes ----------------------------------------------------------------------------------------------------------------


def lane(name: str, folder: Path, table: str) -> None:
    """Do one lane's work in this process, and print what it took."""
    from regrowth.metrics.columns import aligned
    from regrowth.seeds.tables import read_table

    work = {"fidelity": _fidelity, "shapes": _shapes, "privacy": _privacy, "both": _both}[name]
    small = aligned(*(drawn(80, seed) for seed in range(3))).tables
    work(*small)  # imports
    read = [read_table(folder / f"{one}.csv") for one in ("train", table, "holdout")]
    loaded = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    cpu, wall = time.process_time(), time.perf_counter()
    readings = work(*aligned(*read).tables)
    told = {"cpu_s": time.process_time() - cpu, "wall_s": time.perf_counter() - wall, "loaded_mb": loaded}
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    kept = [plain(one) for one in readings if not one.of or one.worse]
    print(json.dumps({**told, "peak_mb": peak, "count": len(readings), "readings": kept}))


def _fidelity(real: Any, synthetic: Any, holdout: Any) -> list[Any]:
    from regrowth.metrics.fidelity import fidelity

    return list(fidelity(real, synthetic, holdout=holdout))


def _shapes(real: Any, synthetic: Any, holdout: Any) -> list[Any]:
    from regrowth.metrics.fidelity.tables import column_readings
    from regrowth.metrics.fidelity.trends import trends

    return [*column_readings(real, synthetic), *trends(real, synthetic)]


def _privacy(real: Any, synthetic: Any, holdout: Any) -> list[Any]:
    from regrowth.metrics.privacy import privacy

    return list(privacy(real, synthetic, holdout))


def _both(real: Any, synthetic: Any, holdout: Any) -> list[Any]:
    return [*_fidelity(real, synthetic, holdout), *_privacy(real, synthetic, holdout)]


def plain(reading: Any) -> dict[str, Any]:
    """Return a reading as plain values."""
    ends = {
        key: [round(end, 6) for end in (one.value, one.low, one.high)]
        for key, one in (("estimate", reading.estimate), ("null", reading.null))
        if one
    }
    return {"measure": reading.measure, "of": reading.of, **ends, "n": reading.estimate.n, "worse": reading.worse}


def measured(command: Iterable[str]) -> dict[str, Any] | None:
    """Run a lane in a process of its own, on one core; None, and a line that says why, if it fails."""
    one_core = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
    command = list(command)
    done = subprocess.run(command, env=one_core, capture_output=True, text=True, check=False)
    if done.returncode:
        print(f"{command[-3:]}: left out, {(done.stderr.strip().splitlines() or ['no reason'])[-1][:300]}")
        return None
    run: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return run


def speed(
    found: dict[str, Any], lanes: list[str], peers: Mapping[str, str], rows: int, only: list[str], repeats: int
) -> dict[str, Any]:
    """Measure lanes and peers on the synthetic tables, taking turns."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        written(folder, rows)
        commands = {one: [sys.executable, "-m", "benchmarks.tables", "--lane", one, name] for one in lanes}
        commands |= {tool: [python, str(PEERS), tool, name] for tool, python in peers.items()}
        for table in only:
            runs: dict[str, list[dict[str, Any]]] = {one: [] for one in commands}
            for turn in range(repeats):
                for one, command in commands.items():
                    if turn and (one in SLOW or not runs[one]):
                        continue
                    if run := measured([*command, table]):
                        runs[one].append(run)
            for one, made in runs.items():
                if made:
                    found.setdefault(one, {})[table] = {"rows": rows, "repeats": len(made), **_middle(made)}
                    print(
                        one, table, {key: found[one][table][key] for key in ("cpu_s", "wall_s", "peak_mb")}, flush=True
                    )
    return found


def _middle(runs: list[dict[str, Any]]) -> dict[str, Any]:
    figures = {key: round(statistics.median(run[key] for run in runs), 2) for key in ("cpu_s", "wall_s", "peak_mb")}
    rest = {key: runs[0][key] for key in ("version", "count", "readings") if key in runs[0]}
    return {**figures, "loaded_mb": runs[0]["loaded_mb"], **rest}


# Parts that need no peers ---------------------------------------------------------------------------------------------


def alarms(repeats: int = 20) -> dict[str, Any]:
    """Count how often a fresh draw of the same process is called worse, or lies outside the null, by measure."""
    import warnings

    from regrowth.metrics.columns import aligned
    from regrowth.metrics.fidelity import fidelity

    warnings.simplefilter("error")
    found: dict[str, Any] = {}
    for rows in (300, 3_000):
        told: dict[str, list[tuple[bool, bool]]] = {}
        for turn in range(repeats):
            three = aligned(*(drawn(rows, 1_000 + 3 * turn + place) for place in range(3))).tables
            for one in fidelity(three[0], three[1], holdout=three[2], seed=turn):
                if one.null:
                    outside = not one.null.low <= one.estimate.value <= one.null.high
                    told.setdefault(one.measure, []).append((one.worse, outside))
        found[str(rows)] = {
            measure: {
                "readings": len(marks),
                "worse": round(sum(worse for worse, _ in marks) / len(marks), 4),
                "outside the null": round(sum(outside for _, outside in marks) / len(marks), 4),
            }
            for measure, marks in told.items()
        }
    return {"tables": repeats, "rows": found}


def million() -> dict[str, Any]:
    """Measure fidelity on a million rows, once, in this process; the memory is that of the tables too."""
    from regrowth.metrics.columns import aligned
    from regrowth.metrics.fidelity import fidelity

    tables = aligned(*(drawn(1_000_000, seed) for seed in (1, 2))).tables
    loaded = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    cpu, wall = time.process_time(), time.perf_counter()
    readings = fidelity(*tables)
    told = {"cpu_s": round(time.process_time() - cpu, 2), "wall_s": round(time.perf_counter() - wall, 2)}
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    kept = [plain(one) for one in readings if not one.of or one.worse]
    return {**told, "loaded_mb": loaded, "peak_mb": peak, "count": len(readings), "readings": kept}


def real() -> dict[str, Any]:
    """Read real tables and texts beside synthetic ones, and beside other real ones."""
    from regrowth.metrics.columns import aligned
    from regrowth.metrics.fidelity import fidelity, text_fidelity
    from regrowth.seeds.tables import read_table

    data = Path(os.environ["REGROWTH_DATA"])
    census = {
        name: read_table(data / "tabular" / f"census2k_{name}.csv.gz")
        for name in ("trn", "hol", "syn_mostly", "syn_flip30")
    }
    found: dict[str, Any] = {}
    for name in ("hol", "syn_mostly", "syn_flip30"):
        three = aligned(census["trn"], census[name], census["hol"]).tables
        readings = fidelity(three[0], three[1], holdout=None if name == "hol" else three[2])
        found[f"census, {name}"] = _told(readings)
    for kind, end in (("self-awareness-general-ai", ".jsonl"), ("myopic-reward", ".jsonl.gz")):
        human, model = (
            read_table(data / "model_written" / name)["question"].to_pylist()
            for name in (f"{kind}_human{end}", f"{kind}_lm.jsonl.gz")
        )
        found[f"{kind}, model"] = _told(text_fidelity(human, model))
        found[f"{kind}, half of the people"] = _told(text_fidelity(human[::2], human[1::2]))
    return found


def _told(readings: Iterable[Any]) -> dict[str, Any]:
    """Return the readings of the whole, and how many of each other measure are worse."""
    readings = list(readings)
    counts: dict[str, list[int]] = {}
    for one in readings:
        count = counts.setdefault(one.measure, [0, 0])
        count[0] += one.worse
        count[1] += 1
    few = {measure for measure, (_, all_of) in counts.items() if all_of <= 8}
    kept = [plain(one) for one in readings if not one.of or one.measure in few]
    return {"worse of": counts, "readings": kept}


def main() -> None:
    """Measure what is asked for; the rest of the results stays."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("part", nargs="?", choices=("speed", "alarms", "million", "real"), default="speed")
    parser.add_argument("lanes", nargs="*", default=list(LANES), help=f"of speed: {', '.join(LANES)}, none")
    parser.add_argument("--peer", action="append", default=[], metavar="TOOL=PYTHON")
    parser.add_argument("--tables", nargs="+", choices=TABLES, default=list(TABLES))
    parser.add_argument("--repeats", type=int, default=REPEATS)
    parser.add_argument("--rows", type=int, default=ROWS)
    parser.add_argument("--lane", nargs=3, metavar=("LANE", "FOLDER", "TABLE"), help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.lane:
        lane(given.lane[0], Path(given.lane[1]), given.lane[2])
        return
    found: dict[str, Any] = json.loads(RESULTS.read_text("utf-8")) if RESULTS.exists() else {}
    parts: Mapping[str, Callable[[], Any]] = {
        "speed": lambda: speed(
            found.get("speed", {}),
            [one for one in given.lanes if one in LANES],
            dict(one.split("=", 1) for one in given.peer),
            given.rows,
            given.tables,
            given.repeats,
        ),
        "alarms": alarms,
        "million": million,
        "real": real,
    }
    made = parts[given.part]()
    if given.rows == ROWS:
        found = json.loads(RESULTS.read_text("utf-8")) if RESULTS.exists() else {}  # another part may be done by now
        found[given.part] = made
        RESULTS.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n", "utf-8")


if __name__ == "__main__":
    main()
