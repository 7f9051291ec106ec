"""Write what other tools read on tables and vectors: `PYTHON scripts/golden_fidelity.py DATA` with their interpreter.

Needs sdmetrics 0.32, mauve-text 0.4.0 (with faiss-cpu) and scipy, and nothing of Regrowth. DATA is the folder of the
real data; of these files only names and readings are kept. Writes tests/golden/fidelity.json.
"""

import importlib.metadata
import json
import sys
import warnings
from importlib import import_module
from itertools import combinations
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

pd = import_module("pandas")
Frame: TypeAlias = Any
GOLDEN = Path(__file__).parents[1] / "tests" / "golden" / "fidelity.json"
TABLES = {
    "placements": ("tabular/student_placements_real.csv", "tabular/student_placements_synthetic.csv"),
    "census, synthetic": ("tabular/census2k_trn.csv.gz", "tabular/census2k_syn_mostly.csv.gz"),
    "census, flipped": ("tabular/census2k_trn.csv.gz", "tabular/census2k_syn_flip30.csv.gz"),
}
SHAPES = {"number": "numerical", "date": "datetime", "category": "categorical"}
KINDS = {
    "placements": {
        "category": ["gender", "high_spec", "degree_type", "work_experience", "mba_spec", "placed"],
        "date": ["start_date", "end_date"],
        "number": [
            "second_perc",
            "high_perc",
            "degree_perc",
            "experience_years",
            "employability_perc",
            "mba_perc",
            "salary",
            "duration",
        ],
    },
    "census": {
        "category": (
            [
                "workclass",
                "education",
                "marital_status",
                "occupation",
                "relationship",
                "race",
                "sex",
                "native_country",
                "income",
            ]
        ),
        "number": ["age", "fnlwgt", "education_num", "capital_gain", "capital_loss", "hours_per_week"],
    },
}
PAIRS = 30
"""Of each kind and table whose readings are kept one by one."""


def kinds(name: str) -> dict[str, str]:
    """Return the kind of each column."""
    return {column: kind for kind, columns in KINDS[name.split(",")[0]].items() for column in columns}


def read(path: Path, kind: dict[str, str]) -> Frame:
    """Return the columns of a file in the order of `kinds`."""
    table = pd.read_csv(path)[list(kind)]
    for column in (column for column, one in kind.items() if one == "date"):
        table[column] = pd.to_datetime(table[column])
    for column in (column for column, one in kind.items() if one == "category"):
        table[column] = table[column].astype(object)
    return table


def columns(real: Frame, synthetic: Frame, kind: dict[str, str]) -> dict[str, dict[str, float]]:
    """Return the readings of single columns."""
    single = import_module("sdmetrics.single_column")
    found: dict[str, dict[str, float]] = {}
    for name, one in kind.items():
        numbers = ("KSComplement", "RangeCoverage", "BoundaryAdherence")
        measures = ("TVComplement", "CategoryCoverage", "CategoryAdherence") if one == "category" else numbers
        found[name] = {
            measure: float(getattr(single, measure).compute(real[name], synthetic[name]))
            for measure in (*measures, "MissingValueSimilarity")
        }
    return found


def pairs(real: Frame, synthetic: Frame, kind: dict[str, str]) -> dict[str, dict[str, float]]:
    """Return the readings of pairs of columns."""
    pair = import_module("sdmetrics.column_pairs")
    found: dict[str, dict[str, float]] = {"Pearson": {}, "Spearman": {}, "Contingency": {}}
    for one, other in combinations(kind, 2):
        both, name = [one, other], f"{one} × {other}"
        numbers = [column for column in both if kind[column] != "category"]
        if len(numbers) == 2:
            for coefficient in ("Pearson", "Spearman"):
                value = pair.CorrelationSimilarity.compute(real[both], synthetic[both], coefficient=coefficient)
                found[coefficient][name] = float(value)
            continue
        ours, theirs = real[both].copy(), synthetic[both].copy()
        for column in (column for column in numbers if kind[column] == "date"):
            for table in (ours, theirs):
                table[column] = table[column].astype("int64").where(table[column].notna()) / 86_400_000_000_000
        found["Contingency"][name] = float(
            pair.ContingencySimilarity.compute(ours, theirs, continuous_column_names=numbers or None)
        )
    return {measure: dict(list(values.items())[:PAIRS]) for measure, values in found.items()}


def report(real: Frame, synthetic: Frame, kind: dict[str, str]) -> dict[str, Any]:
    """Return the two properties of the report, and the pairs that the second is the mean of."""
    made = import_module("sdmetrics.reports.single_table").QualityReport()
    metadata = {"columns": {name: {"sdtype": SHAPES[one]} for name, one in kind.items()}}
    made.generate(real, synthetic, metadata, verbose=False)
    found: dict[str, Any] = {row["Property"]: float(row["Score"]) for _, row in made.get_properties().iterrows()}
    details = made.get_details("Column Pair Trends").dropna(subset=["Score"])
    names = details["Column 1"] + " × " + details["Column 2"]
    return {**found, "pairs": dict(zip(names, map(float, details["Score"]), strict=True))}


def clusters(seed: int, shift: int) -> tuple[np.ndarray, np.ndarray]:
    """Return two sets of points around four far apart places, in other shares."""
    rng = np.random.default_rng(seed)
    middles = np.eye(8)[:4] * 10
    ours, theirs = rng.integers(0, 4, 120), rng.integers(0, 4 - shift, 150) + shift
    noise = rng.standard_normal((270, 8)) * 0.05
    points = middles[np.concatenate([ours, theirs])] + noise
    return points[:120], points[120:]


def vectors() -> dict[str, Any]:
    """Return MAUVE of points that have one best grouping, and energy distances of numbers."""
    mauve, energy_distance = import_module("mauve"), import_module("scipy.stats").energy_distance
    found: dict[str, Any] = {"mauve": [], "energy_distance": []}
    for seed, shift in ((0, 0), (1, 1), (2, 3)):
        one, other = clusters(seed, shift)
        told = mauve.compute_mauve(
            p_features=one, q_features=other, num_buckets=4, kmeans_num_redo=20, verbose=False, seed=seed
        )
        counts = [np.round(told.p_hist * len(one)).astype(int), np.round(told.q_hist * len(other)).astype(int)]
        found["mauve"].append(
            {"seed": seed, "shift": shift, "value": float(told.mauve), "groups": np.array(counts).tolist()}
        )
        rng = np.random.default_rng(seed)
        numbers = rng.standard_normal(80), rng.standard_normal(60) * 1.5 + shift
        found["energy_distance"].append({"seed": seed, "shift": shift, "value": float(energy_distance(*numbers))})
    return found


def main() -> None:
    """Write the file."""
    warnings.simplefilter("ignore")
    data = Path(sys.argv[1])
    tools = ("sdmetrics", "mauve-text", "scipy", "numpy", "pandas", "faiss-cpu")
    found: dict[str, Any] = {
        "recipe": "scripts/golden_fidelity.py",
        "versions": {tool: importlib.metadata.version(tool) for tool in tools},
        "tables": {},
    }
    for name, paths in TABLES.items():
        kind = kinds(name)
        real, synthetic = (read(data / path, kind) for path in paths)
        found["tables"][name] = {
            "files": paths,
            "kinds": kind,
            "columns": columns(real, synthetic, kind),
            "pairs": pairs(real, synthetic, kind),
            "report": report(real, synthetic, kind),
        }
    GOLDEN.write_text(json.dumps({**found, **vectors()}, indent=1) + "\n")


if __name__ == "__main__":
    main()
