"""What `regrowth compare` says to data of which the truth is known, what it costs, and how often it is wrong.

    python -m benchmarks.verdicts tables          # 50,000 × 15: honest, leaky, shuffled; seconds and memory
    REGROWTH_DATA=/path/to/data python -m benchmarks.verdicts alarms     # real rows as synthetic ones, 16 times
    REGROWTH_DATA=/path/to/data python -m benchmarks.verdicts real       # census, placements, model-written texts

Writes results/verdicts.json; parts that are not named keep what was measured. CPU seconds are those of one process on
one core with all its imports; `drawing` is that of the columns, the associations, the nearest records and the page.
"""

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.tables import TABLES, written

RESULTS = Path(__file__).parent / "results" / "verdicts.json"
DATA = Path(os.environ.get("REGROWTH_DATA", "../shared/data"))
ROWS = 50_000
SPLITS = 16
SPLIT_ROWS = 500
REAL = {
    "census, of a trained generator": ("census2k_trn", "census2k_syn_mostly", "census2k_hol", "income"),
    "census, 30 % of the values of real rows changed": (
        "census2k_trn",
        "census2k_syn_flip30",
        "census2k_hol",
        "income",
    ),
}


def compared(folder: Path, *words: str) -> dict[str, Any]:
    """Compare in a process of its own, and return the verdict and what it took."""
    one_core = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    out = folder / "report"
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    program = "import resource, sys; from regrowth.cli import main; code = main(sys.argv[1:]); "
    program += "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024, file=sys.stderr); sys.exit(code)"
    command = [sys.executable, "-c", program, "compare", *words, "--out", str(out)]
    done = subprocess.run(command, env=one_core, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{' '.join(words)}: {done.stderr}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    first = json.loads((out / "report.json").read_text("utf-8"))["blocks"][0]
    return {
        "level": first["level"],
        "text": first["text"],
        "reasons": [f"{one['level']}: {one['text']}" for one in first["reasons"]],
        "cpu_s": round(spent, 1),
        "peak_mb": int(done.stderr.split()[-1]),
        "page_kb": round((out / "report.html").stat().st_size / 1000),
    }


def tables() -> dict[str, Any]:
    """Compare the tables of `benchmarks.tables`."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        written(folder, ROWS)
        sides = {made: (str(folder / "train.csv"), str(folder / f"{made}.csv")) for made in TABLES}
        held = ("--holdout", str(folder / "holdout.csv"))
        found = {made: compared(folder, *pair, *held) for made, pair in sides.items()}
        return {**found, "drawing_cpu_s": drawing(folder)}


def drawing(folder: Path) -> float:
    """Return the CPU seconds of all that is not measuring, on the honest table."""
    from regrowth.metrics.columns import aligned
    from regrowth.reports import page
    from regrowth.reports.associating import associations
    from regrowth.reports.blocks import Report
    from regrowth.reports.compared import Marginals
    from regrowth.reports.marginals import marginals
    from regrowth.reports.neighbours import twins
    from regrowth.seeds.tables import read_table

    real, made = aligned(*(read_table(folder / f"{name}.csv") for name in ("train", "honest"))).tables
    began = time.process_time()
    blocks = (Marginals(columns=marginals(real, made)), associations(real, made), twins(real, made))
    page.html(Report(title="t", blocks=blocks))
    return round(time.process_time() - began, 2)


def alarms() -> dict[str, Any]:
    """Count verdicts over real rows that are given as synthetic ones: whatever is not good is a false alarm."""
    import numpy as np

    from regrowth.reports.comparison import Asked, compare_tables
    from regrowth.seeds.tables import read_table

    adult = read_table(DATA / "tabular" / "adult.csv.gz")
    said: dict[str, int] = {"good": 0, "look": 0, "stop": 0}
    reasons: list[str] = []
    for seed in range(SPLITS):
        places = np.random.default_rng(seed).permutation(adult.num_rows)[: 3 * SPLIT_ROWS]
        sides = [adult.take(places[start::3]) for start in range(3)]
        first = compare_tables(*sides, asked=Asked(target="income", seed=seed)).blocks[0]
        assert first.kind == "judgement"
        said[first.level] += 1
        reasons += [f"{seed}: {one.text}" for one in first.reasons if one.level != "good"]
        print(seed, first.level, flush=True)
    return {"splits": SPLITS, "rows": SPLIT_ROWS, "verdicts": said, "reasons": reasons}


def real() -> dict[str, Any]:
    """Compare published data."""
    found = {}
    with tempfile.TemporaryDirectory() as name:
        for title, (train, made, held, target) in REAL.items():
            paths = [str(DATA / "tabular" / f"{one}.csv.gz") for one in (train, made, held)]
            found[title] = compared(Path(name), *paths[:2], "--holdout", paths[2], "--target", target)
        pair = [str(DATA / "tabular" / f"student_placements_{one}.csv") for one in ("real", "synthetic")]
        found["placements of students"] = compared(Path(name), *pair)
        pair = [str(DATA / "model_written" / f"myopic-reward_{one}.jsonl.gz") for one in ("human", "lm")]
        found["questions written by a model"] = compared(Path(name), *pair, "--text", "question")
    return found


def main() -> None:
    """Measure the parts that are named."""
    for part in sys.argv[1:] or ["tables", "alarms", "real"]:
        made = {"tables": tables, "alarms": alarms, "real": real}[part]()
        found = json.loads(RESULTS.read_text("utf-8")) if RESULTS.exists() else {}
        RESULTS.write_text(json.dumps({**found, part: made}, indent=1, ensure_ascii=False) + "\n", "utf-8")
        print(part, "done")


if __name__ == "__main__":
    main()
