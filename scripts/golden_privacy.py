"""Write tests/golden/privacy.json: what peers read of small tables, for tests/unit/metrics/privacy.

    PEERS/bin/python scripts/golden_privacy.py          # anonymeter 1.1.0, sdmetrics 0.32.0, mostlyai-qa 1.10.11

One environment need not hold them all: what cannot be imported here keeps the values that the file has.
The tables are drawn from a seeded recipe and written into the file, so that the tests need no peer and no pandas.
"""

import importlib
import json
import warnings
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

OUT = Path(__file__).parents[1] / "tests" / "golden" / "privacy.json"
COUNTS = [(312, 1000, 120, 1000), (0, 500, 0, 500), (500, 500, 0, 500), (77, 300, 12, 90), (5, 40, 9, 40), (3, 7, 6, 7)]
ROWS = 150
Columns = dict[str, list[Any]]


def drawn(seed: int, rows: int = ROWS) -> Columns:
    """Draw a table of numbers, dates, categories and missing values."""
    dice = np.random.default_rng(seed)
    base = dice.standard_normal(rows)
    days = np.datetime64("2020-01-01") + dice.integers(0, 900, rows).astype("timedelta64[D]")
    return {
        "age": np.clip(40 + 12 * base, 18, 90).round().tolist(),
        "income": [
            None if gone else round(float(one), 2)
            for one, gone in zip(
                np.exp(10 + 0.5 * base + 0.3 * dice.standard_normal(rows)), dice.random(rows) < 0.1, strict=True
            )
        ],
        "visits": dice.poisson(3, rows).tolist(),
        "joined": [str(day) for day in days],
        "town": dice.choice(["Ulm", "Bonn", "Kiel", "Trier"], rows, p=[0.6, 0.3, 0.08, 0.02]).tolist(),
        "member": [bool(one) for one in dice.random(rows) < 0.3],
    }


def leaky(train: Columns, fresh: Columns) -> Columns:
    """Return a table of which the first half are copies, every other one a year older."""
    half = ROWS // 2
    made = {name: train[name][:half] + fresh[name][half:] for name in train}
    made["age"] = [age + 1 if place < half and place % 2 else age for place, age in enumerate(made["age"])]
    return made


def frames(tables: dict[str, Columns]) -> dict[str, Any]:
    """Return data frames."""
    pandas = importlib.import_module("pandas")
    found = {name: pandas.DataFrame(table) for name, table in tables.items()}
    return {
        name: frame.assign(income=frame["income"].astype(float)) if "income" in frame else frame
        for name, frame in found.items()
    }


def anonymeter(tables: dict[str, Columns]) -> dict[str, Any]:
    """Count what anonymeter counts, with all rows as targets; its samples are then mere permutations."""
    confidence = importlib.import_module("anonymeter.stats.confidence")
    evaluators = importlib.import_module("anonymeter.evaluators")
    risks = []
    for hits, of, control_hits, control_of in COUNTS:
        ours, theirs = (confidence.success_rate(n, k, 0.95) for n, k in ((of, hits), (control_of, control_hits)))
        value, ends = confidence.residual_success(ours, theirs).to_risk()
        risks.append({"counts": [hits, of, control_hits, control_of], "risk": [value, *ends]})
    complete = frames({name: {k: v for k, v in one.items() if k != "income"} for name, one in tables.items()})
    train, made, held = complete["train"], complete["synthetic"], complete["holdout"]
    common = {"ori": train, "syn": made, "control": held, "n_attacks": ROWS}
    halves = (["age", "joined", "member"], ["visits", "town"])
    linked = evaluators.LinkabilityEvaluator(**common, aux_cols=halves, n_neighbors=1).evaluate(n_jobs=1)
    found: dict[str, Any] = {"linkability": {"halves": halves, **told(linked)}, "inference": {}, "singling_out": {}}
    for secret in train:
        rest = [name for name in train if name != secret]
        found["inference"][secret] = told(
            evaluators.InferenceEvaluator(
                **common, aux_cols=rest, secret=secret, regression=secret in ("age", "visits")
            ).evaluate(n_jobs=1)
        )
    for mode, attacks in (("univariate", 300), ("multivariate", 400)):
        single = evaluators.SinglingOutEvaluator(**{**common, "n_attacks": attacks}, n_cols=3, seed=0)
        found["singling_out"][mode] = told(single.evaluate(mode=mode))
    return {"risk": risks, "anonymeter": found}


def told(evaluator: Any) -> dict[str, Any]:
    """Return counts and risk of an evaluator."""
    found = evaluator.results()
    value, ends = found.risk()
    return {"attacks": found.n_attacks_ori, "hits": found.n_success, "control": found.n_control, "risk": [value, *ends]}


def sdmetrics(tables: dict[str, Columns]) -> dict[str, Any]:
    """Return the distances and scores of SDMetrics' two measures of distance."""
    pandas = importlib.import_module("pandas")
    utils = importlib.import_module("sdmetrics.single_table.privacy.dcr_utils")
    measures = importlib.import_module("sdmetrics.single_table")
    kinds = {name: {"sdtype": "numerical"} for name in ("age", "income", "visits")} | {
        "joined": {"sdtype": "datetime", "datetime_format": "%Y-%m-%d"},
        "town": {"sdtype": "categorical"},
        "member": {"sdtype": "boolean"},
    }
    table = frames(tables)
    meta = {"columns": kinds}
    to = {name: utils.calculate_dcr(table["synthetic"], table[name], meta).tolist() for name in ("train", "holdout")}
    whole = {"metadata": {"tables": {"t": meta}}, "table_name": "t"}
    overfitting = measures.DCROverfittingProtection.compute_breakdown(
        real_training_data=table["train"],
        synthetic_data=table["synthetic"],
        real_validation_data=table["holdout"],
        **whole,
    )
    baseline, noise = measures.DCRBaselineProtection, {}
    draw = baseline._generate_random_data.__func__

    def kept(cls: Any, real: Any, count: int | None = None) -> Any:
        np.random.seed(0)
        noise["table"] = draw(cls, real, count)
        return noise["table"]

    baseline._seed, baseline._generate_random_data = 0, classmethod(kept)
    dated = {name: one.assign(joined=pandas.to_datetime(one["joined"])) for name, one in table.items()}
    score = baseline.compute_breakdown(real_data=dated["train"], synthetic_data=dated["synthetic"], **whole)
    random = noise["table"].assign(joined=noise["table"]["joined"].map(lambda one: one.isoformat()))
    rows = json.loads(random.to_json(orient="columns", double_precision=15))
    plain = {name: list(values.values()) for name, values in rows.items()}
    return {"sdmetrics": {"dcr": to, "overfitting": overfitting, "baseline": score, "noise": plain}}


def mostlyai(tables: dict[str, Columns]) -> dict[str, Any]:
    """Return mostlyai-qa's figures of distances, of vectors that the test makes as well."""
    distances = importlib.import_module("mostlyai.qa._distances")
    dice = np.random.default_rng(1)
    vectors = {name: dice.standard_normal((60, 8)) for name in ("train", "synthetic", "holdout")}
    vectors["synthetic"][:20] = vectors["train"][:20]
    vectors = {name: one / np.linalg.norm(one, axis=1, keepdims=True) for name, one in vectors.items()}
    made = vectors["synthetic"]
    to = {name: distances.calculate_dcrs_nndrs(data=vectors[name], query=made) for name in ("train", "holdout")}
    return {
        "mostlyai": {
            "vectors": {name: one.tolist() for name, one in vectors.items()},
            "dcr": to["train"][0].tolist(),
            "nndr": to["train"][1].tolist(),
            "share": float(distances.calculate_dcr_share(to["train"][0], to["holdout"][0])),
            "identical": float(distances.calculate_ims(to["train"][0])),
        }
    }


PEERS: dict[str, Callable[[dict[str, Columns]], dict[str, Any]]] = {
    "anonymeter": anonymeter,
    "sdmetrics": sdmetrics,
    "mostlyai-qa": mostlyai,
}


def main() -> None:
    """Ask the peers that are here and write what they read."""
    warnings.simplefilter("ignore")
    tables = {"train": drawn(1), "holdout": drawn(2)}
    tables["synthetic"] = leaky(tables["train"], drawn(3))
    known = json.loads(OUT.read_text()) if OUT.exists() else {}
    known["versions"] = {name: one for name, one in known.get("versions", {}).items() if name in PEERS}
    known |= {"recipe": "drawn(1), drawn(2), leaky(drawn(1), drawn(3)) of scripts/golden_privacy.py", "tables": tables}
    for package, ask in PEERS.items():
        try:
            module = {"mostlyai-qa": "mostlyai.qa"}.get(package, package)
            importlib.import_module(module)
        except ImportError:
            continue
        known |= ask(tables)
        known["versions"] = known["versions"] | {package: version(package)}
    OUT.write_text(json.dumps(known, sort_keys=True, default=float) + "\n")


if __name__ == "__main__":
    main()
