"""What other tools read of tables: `PYTHON benchmarks/tables_peers.py TOOL FOLDER TABLE` prints one JSON line.

Runs with the interpreter that has them, and needs nothing of Regrowth. FOLDER holds the files of `benchmarks.tables`;
CPU seconds are those of the work, reading the files and imports left out; memory is the most the process ever held.
"""

import importlib.metadata
import json
import resource
import sys
import time
import warnings
from pathlib import Path

NUMBERS = ("age", "income", "debt", "hours", "score", "visits", "balance", "rate")
CATEGORIES = ("sex", "education", "region", "job", "owner", "label")
METADATA = {
    "columns": {
        **{name: {"sdtype": "numerical"} for name in NUMBERS},
        **{name: {"sdtype": "categorical"} for name in CATEGORIES},
        "joined": {"sdtype": "datetime", "datetime_format": "%Y-%m-%d"},
    }
}
LINKED = (
    ["age", "income", "sex", "job", "region", "balance"],
    ["debt", "score", "education", "visits", "rate", "hours"],
)
ATTACKS = 500


def read(folder, name):
    import pandas as pd

    table = pd.read_csv(folder / f"{name}.csv", dtype={"label": str})
    table["owner"] = table["owner"].astype(str)
    return table


def sdmetrics(train, holdout, synthetic):
    from sdmetrics.reports.single_table import QualityReport

    report = QualityReport()
    report.generate(train, synthetic, METADATA, verbose=False)
    found = {row["Property"]: float(row["Score"]) for _, row in report.get_properties().iterrows()}
    return {"score": float(report.get_score()), **found}


def sdmetrics_dcr(train, holdout, synthetic):
    from sdmetrics.single_table import DCROverfittingProtection

    found = DCROverfittingProtection.compute_breakdown(
        real_training_data=train, synthetic_data=synthetic, real_validation_data=holdout,
        metadata={"tables": {"t": METADATA}}, table_name="t", num_rows_subsample=1_000, num_iterations=1,
    )  # fmt: skip
    return {"score": float(found["score"]), "rows compared": 1_000}


def anonymeter(train, holdout, synthetic):
    from anonymeter.evaluators import InferenceEvaluator, LinkabilityEvaluator, SinglingOutEvaluator

    tables = {"ori": train, "syn": synthetic, "control": holdout, "n_attacks": ATTACKS}

    def risk(evaluator, **settings):
        evaluator.evaluate(**settings)
        told = evaluator.risk(confidence_level=0.95)
        return [float(told.value), *map(float, told.ci)]

    others = [name for name in train if name != "job"]
    return {
        "singling out": risk(SinglingOutEvaluator(**tables, seed=1), mode="multivariate"),
        "linkability": risk(LinkabilityEvaluator(**tables, aux_cols=LINKED, n_neighbors=5), n_jobs=1),
        "inference of job": risk(
            InferenceEvaluator(**tables, aux_cols=others, secret="job", regression=False), n_jobs=1
        ),
    }


TOOLS = {
    "sdmetrics": ("sdmetrics", sdmetrics),
    "sdmetrics, DCR": ("sdmetrics", sdmetrics_dcr),
    "anonymeter": ("anonymeter", anonymeter),
}


def main():
    warnings.simplefilter("ignore")
    tool, folder, name = sys.argv[1], Path(sys.argv[2]), sys.argv[3]
    package, work = TOOLS[tool]
    __import__(package)
    tables = [read(folder, one) for one in ("train", "holdout", name)]
    work(*(table.head(40) for table in tables)) if tool == "sdmetrics" else None  # imports
    loaded = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    cpu, wall = time.process_time(), time.perf_counter()
    readings = work(*tables)
    told = {"cpu_s": time.process_time() - cpu, "wall_s": time.perf_counter() - wall, "loaded_mb": loaded // 1024}
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(json.dumps({"version": importlib.metadata.version(package), **told, "peak_mb": peak, "readings": readings}))


if __name__ == "__main__":
    main()
