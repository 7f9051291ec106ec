"""Generators of tables beside each other: how like the real rows, how useful, how near to single ones, what it costs.

    REGROWTH_DATA=/path/to/data python -m benchmarks.tabular    # ours but text, 3 seeds
    REGROWTH_DATA=… python -m benchmarks.tabular text --tables census2k   # a language model, minutes a seed
    REGROWTH_DATA=… python -m benchmarks.tabular mostlyai --python PEERS/bin/python   # see tabular_peers.py

Every table is parted by chance in two equal halves: one is learnt from, the other is what privacy and usefulness are
measured with. As many rows are made as were learnt from. What was measured stays in results/tabular.json and is not
measured again. `real` is the row of the second half itself: what perfect data would read; TSTR is then real on real.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from statistics import mean, median
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

from regrowth.domains.tables import Promise, synthesise
from regrowth.domains.tables.trees import LEAF
from regrowth.metrics.columns import Table, aligned
from regrowth.metrics.fidelity.classifiers import c2st
from regrowth.metrics.fidelity.tables import column_readings
from regrowth.metrics.fidelity.trends import trends
from regrowth.metrics.intervals import across_seeds
from regrowth.metrics.privacy import privacy
from regrowth.metrics.reading import Reading
from regrowth.seeds.tables import read_table

RESULTS = Path(__file__).parent / "results" / "tabular.json"
PEERS = ("arfpy", "mostlyai", "mostlyai_safe")
SEEDS = (0, 1, 2)
TABLES = {
    "census2k": ("census2k_trn.csv.gz", "income", 2000),
    "german_credit": ("german_credit.csv.gz", "class", 500),
    "student_placements": ("student_placements_real.csv", "degree_type", 107),
    "adult": ("adult.csv.gz", "income", 10_000),
}
"""File, column to foretell, rows to learn from; `census2k` has its hold-out in a file of its own."""
WHOLE = {"column_shapes", "pair_trends", "c2st_auc", "dcr_share", "identical_share", "nndr", "membership_auc"}


def halves(name: str, seed: int) -> tuple[pa.Table, pa.Table]:
    """Return the rows to learn from, and as many others."""
    file, _, size = TABLES[name]
    folder = Path(os.environ["REGROWTH_DATA"]) / "tabular"
    table = read_table(folder / file)
    if name == "census2k":
        table = pa.concat_tables([table, read_table(folder / "census2k_hol.csv.gz")])
    order = np.random.default_rng(seed).permutation(table.num_rows)
    return table.take(order[:size]), table.take(order[size : 2 * size])


def made_by(arm: str, known: pa.Table, rows: int, seed: int) -> tuple[pa.Table, Mapping[str, Any]]:
    """Make rows by one of our ways: `trees-5` has leaves of 5 rows, `private-8` an epsilon of 8."""
    how, _, epsilon = arm.partition("-")
    if how == "trees":
        return synthesise(known, rows, seed=seed, leaf=int(epsilon or LEAF)).table, {}
    if how == "private":
        promise = Promise(float(epsilon), 1e-6)
        made = synthesise(known, rows, how="private", promise=promise, seed=seed, noise_seed=seed)
        return made.table, {}
    return by_text(known, rows, seed, epsilon)


def by_text(known: pa.Table, rows: int, seed: int, epsilon: str) -> tuple[pa.Table, Mapping[str, Any]]:
    """Have a language model learn the rows and write others."""
    from regrowth.recipes._tables.records import parts
    from regrowth.recipes._tables.settings import Model, Privacy, Real, Settings
    from regrowth.recipes.tables import by_text as written
    from regrowth.run import open_run

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "known.parquet"
        pa.parquet.write_table(known, path)
        how: dict[str, Any] = {"threads": 1}
        if epsilon:
            how |= {"lessons": 1, "steps": 150}
        promise = Privacy(epsilon=float(epsilon), delta=1e-6, noise_seed=seed) if epsilon else Privacy()
        settings = Settings(
            path=path, rows=rows, how="text", real=Real(holdout=0), promise=promise, seed=seed, model=Model(**how)
        )
        with open_run(Path(folder) / "run") as run:
            made, _ = run.wait(written(run, settings, parts(run, settings), (), rows))
            funnels = [data.manifest["funnel"]["strata"][""] for data in run.datasets() if "written" in data.path.name]
        return made.table, {"yield": rows / sum(funnel["made"] for funnel in funnels)}


def make(arm: str, source: Path, out: Path, rows: int, seed: int) -> None:
    """Make rows in a process of their own and say what it took, imports left out."""
    import_module("regrowth.weights" if arm.startswith("text") else "sklearn.tree")
    known = pa.parquet.read_table(source)
    wall, cpu = time.perf_counter(), time.process_time()
    table, facts = made_by(arm, known, rows, seed)
    spent = {"seconds": time.perf_counter() - wall, "cpu": time.process_time() - cpu}
    pa.parquet.write_table(table, out)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({**spent, "peak_mb": peak, **facts}))


def asked(
    arm: str, known: pa.Table, rows: int, seed: int, python: str, folder: Path
) -> tuple[pa.Table, dict[str, Any]]:
    """Have an arm make rows in another process."""
    if arm in PEERS:
        source, out = folder / "known.csv", folder / "made.csv"
        pa.csv.write_csv(known, source)
        command = [python, str(Path(__file__).with_name("tabular_peers.py")), arm]
    else:
        source, out = folder / "known.parquet", folder / "made.parquet"
        pa.parquet.write_table(known, source)
        command = [sys.executable, "-m", "benchmarks.tabular", "--make", arm]
    done = subprocess.run(
        [*command, str(source), str(out), str(rows), str(seed)], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise SystemExit(f"{arm}: {done.stderr[-2000:]}")
    return read_table(out), json.loads(done.stdout.splitlines()[-1])


def measured(known: pa.Table, made: pa.Table, aside: pa.Table, target: str, seed: int) -> dict[str, float]:
    """Measure a synthetic table against the rows learnt from and those kept aside."""
    alike = aligned(known, _typed(made, known), aside).tables
    figures = alike_figures(alike[0], alike[1], seed) | _whole(privacy(*alike, seed=seed))
    return figures | {"tstr_auc": usefulness(alike[1], alike[2], target)}


def alike_figures(known: Table, made: Table, seed: int) -> dict[str, float]:
    """Measure how like each other two tables are."""
    told = c2st(known, made, seed=seed)
    return _whole(
        [*column_readings(known, made, seed=seed), *trends(known, made, seed=seed), *([told] if told else [])]
    )


def _whole(found: Sequence[Reading]) -> dict[str, float]:
    return {one.measure: one.estimate.value for one in found if not one.of and one.measure in WHOLE}


def _typed(made: pa.Table, known: pa.Table) -> pa.Table:
    """Give a table read from CSV the types of the real one: 3.0 is 3."""
    columns = {}
    for field in known.schema:
        column = made[field.name]
        columns[field.name] = column.cast(field.type, safe=False) if column.type != field.type else column
    return pa.table(columns)


def usefulness(train: Table, test: Table, target: str) -> float:
    """Return the AUC on real rows of boosted trees that learnt from others: the mean over classes, each against all."""
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.metrics import roc_auc_score

    def matrix(table: Table) -> Any:
        return np.stack([c.values for c in table.columns.values() if c.name != target and c.kind != "text"], axis=1)

    answers = [np.asarray(table[target].values).astype(int) for table in (train, test)]
    if len(np.unique(answers[0])) < 2:
        return 0.5
    model = HistGradientBoostingClassifier(random_state=0, max_iter=100, early_stopping=False)
    model.fit(matrix(train), answers[0])
    odds = model.predict_proba(matrix(test))
    classes = [one for one in model.classes_ if (answers[1] == one).any()]
    places = {one: place for place, one in enumerate(model.classes_)}
    return mean(
        float(roc_auc_score(answers[1] == one, odds[:, places[one]]))
        for one in classes[-1 if len(classes) == 2 else 0 :]
    )


def main() -> None:
    """Measure arms, show the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("arms", nargs="*", default=["real", "trees", "trees-5", "private-1", "private-8"])
    parser.add_argument("--tables", nargs="*", default=list(TABLES))
    parser.add_argument("--seeds", nargs="*", type=int, default=SEEDS)
    parser.add_argument("--python", default=sys.executable, help="interpreter that has the peer")
    parser.add_argument("--show", action="store_true", help="measure nothing, show what was measured")
    parser.add_argument("--make", nargs=5, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.make:
        arm, source, out, rows, seed = given.make
        make(arm, Path(source), Path(out), int(rows), int(seed))
        return
    os.environ["OMP_NUM_THREADS"] = "1"
    for table in given.tables if not given.show else ():
        for arm in given.arms:
            for seed in given.seeds:
                if f"{seed}" not in known_results().get(table, {}).get(arm, {}):
                    found = one(table, arm, seed, given.python)
                    results = known_results()  # another arm may have been measured meanwhile
                    results.setdefault(table, {}).setdefault(arm, {})[f"{seed}"] = found
                    RESULTS.write_text(json.dumps(results, indent=1) + "\n", "utf-8")
    print(shown(known_results()))


def known_results() -> dict[str, Any]:
    """Return what was measured before."""
    return json.loads(RESULTS.read_text("utf-8")) if RESULTS.exists() else {}


def one(table: str, arm: str, seed: int, python: str) -> dict[str, Any]:
    """Measure one arm on one table once."""
    known, aside = halves(table, seed)
    with tempfile.TemporaryDirectory() as folder:
        if arm == "real":
            cost = dict[str, Any]()
            alike = aligned(known, aside).tables
            figures = alike_figures(alike[0], alike[1], seed) | {
                "tstr_auc": usefulness(alike[0], alike[1], TABLES[table][1])
            }
        else:
            made, cost = asked(arm, known, known.num_rows, seed, python, Path(folder))
            figures = measured(known, made, aside, TABLES[table][1], seed)
    print(table, arm, seed, {name: round(value, 3) for name, value in {**figures, **cost}.items() if name != "version"})
    return {**figures, **cost, "rows": known.num_rows}


def shown(results: Mapping[str, Any]) -> str:
    """Return the figures as Markdown: the mean over seeds with its interval; costs as medians."""
    names = ("column_shapes", "pair_trends", "c2st_auc", "tstr_auc", "dcr_share", "identical_share")
    lines = [
        f"| table | arm | {' | '.join(names)} | rows/s | CPU s | MB |",
        f"|---|---|{'---|' * (len(names) + 3)}",
    ]
    for table in TABLES:
        for arm in sorted(results.get(table, {}), key=_place):
            runs = list(results[table][arm].values())
            cells = [_cell([run[name] for run in runs if name in run]) for name in names]
            cost = ["", "", ""]
            if "cpu" in runs[0]:
                cpu = median(run["cpu"] for run in runs)
                cost = [f"{median(run['rows'] / run['cpu'] for run in runs):,.0f}", f"{cpu:.2f}"]
                cost.append(f"{median(run['peak_mb'] for run in runs):,.0f}")
            lines.append(f"| {table} | {arm} | {' | '.join([*cells, *cost])} |")
    return "\n".join(lines)


def _place(arm: str) -> tuple[bool, bool, str]:
    return arm != "real", arm in PEERS, arm


def _cell(values: list[float]) -> str:
    if not values:
        return ""
    if len(values) == 1:
        return f"{values[0]:.3f} (1 seed)"
    found = across_seeds(values)
    return f"{found.value:.3f} ({found.low:.3f} to {found.high:.3f})"


if __name__ == "__main__":
    main()
