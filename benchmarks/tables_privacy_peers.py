"""What peers read of the tables of benchmarks.tables_privacy; run by their interpreter, without Regrowth.

    PEERS/bin/python benchmarks/tables_privacy_peers.py anonymeter TRAIN.csv SYNTHETIC.csv HOLDOUT.csv 170

The last word is how many CPU seconds it may take.
Prints one line of JSON: figures, CPU seconds after the imports (children included), peak memory.
"""

import importlib
import json
import resource
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

ATTACKS = 1000


def _number(frame: Any, name: str) -> bool:
    return frame[name].dtype.kind in "if"


def meta(frame: Any) -> dict[str, Any]:
    """Say what kinds of columns there are, in the words of SDMetrics."""
    kinds: dict[str, Any] = {name: {"sdtype": "numerical" if _number(frame, name) else "categorical"} for name in frame}
    if "joined" in frame:
        kinds["joined"] = {"sdtype": "datetime", "datetime_format": "%Y-%m-%d"}
    return {"metadata": {"tables": {"t": {"columns": kinds}}}, "table_name": "t"}


def anonymeter(train: Any, made: Any, held: Any) -> Callable[[], dict[str, Any]]:
    """Attack as often as Regrowth does: singling out, linkability, inference of one name and one number."""
    tools = importlib.import_module("anonymeter.evaluators")
    attacks = min(ATTACKS, len(train), len(held))
    common = {"ori": train, "syn": made, "control": held, "n_attacks": attacks}
    first = [name for name in train if _number(train, name) or name == "joined"]
    names = [*first, *(name for name in train if name not in first)]  # Regrowth's order, for the same halves

    def risk(evaluator: Any, **options: Any) -> list[float]:
        found = evaluator.evaluate(**options).risk()
        return [round(x, 4) for x in (found.value, *found.ci)]

    def inferred(secret: str) -> list[float]:
        rest = [name for name in names if name != secret]
        number = _number(train, secret)
        return risk(tools.InferenceEvaluator(**common, aux_cols=rest, secret=secret, regression=number), n_jobs=1)

    def work() -> dict[str, Any]:
        secrets = ("job", "rate") if "job" in names else ("occupation", "age")
        facts = {f"attribute_inference {secret}": inferred(secret) for secret in secrets}
        halves = (names[::2], names[1::2])
        facts["linkability"] = risk(tools.LinkabilityEvaluator(**common, aux_cols=halves, n_neighbors=1), n_jobs=1)
        for mode in ("univariate", "multivariate"):
            facts[f"singling_out_{mode}"] = risk(tools.SinglingOutEvaluator(**common, seed=1), mode=mode)
        return facts

    return work


def sdmetrics(train: Any, made: Any, held: Any, rows: int | None = None) -> Callable[[], dict[str, Any]]:
    """Measure overfitting, over all rows or over a sample of each of the three tables."""
    measure = importlib.import_module("sdmetrics.single_table").DCROverfittingProtection

    def work() -> dict[str, Any]:
        found: dict[str, Any] = measure.compute_breakdown(
            real_training_data=train,
            synthetic_data=made,
            real_validation_data=held,
            num_rows_subsample=rows if rows and rows < len(train) else None,
            **meta(train),
        )
        return {"score": found["score"], **found["synthetic_data_percentages"]}

    return work


def mostlyai(train: Any, made: Any, held: Any) -> Callable[[], dict[str, Any]]:
    """Write the report; its distances are part of it."""
    report = importlib.import_module("mostlyai.qa").report

    def work() -> dict[str, Any]:
        with tempfile.TemporaryDirectory() as folder:
            _, found = report(
                syn_tgt_data=made, trn_tgt_data=train, hol_tgt_data=held, report_path=Path(folder) / "report.html"
            )
        return dict(found.model_dump()["distances"]) if found else {}

    return work


TOOLS: dict[str, Callable[..., Callable[[], dict[str, Any]]]] = {
    "anonymeter": anonymeter,
    "sdmetrics": sdmetrics,
    "sdmetrics_sampled": lambda train, made, held: sdmetrics(train, made, held, 1000),
    "mostlyai": mostlyai,
}


def main() -> None:
    """Ask one tool about one table."""
    warnings.simplefilter("ignore")
    pandas = importlib.import_module("pandas")
    tables = [pandas.read_csv(name) for name in sys.argv[2:5]]
    work = TOOLS[sys.argv[1]](*tables)
    before, wall = _cpu(), time.perf_counter()
    limit = int(before) + int(sys.argv[5])
    resource.setrlimit(resource.RLIMIT_CPU, (limit, limit + 1))
    found = work()
    facts = {"cpu_seconds": round(_cpu() - before, 1), "wall_seconds": round(time.perf_counter() - wall, 1)}
    peak = max(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    print(json.dumps({**facts, "peak_mb": round(peak / 1024), "found": found}, default=float))


def _cpu() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


if __name__ == "__main__":
    main()
