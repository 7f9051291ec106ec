"""Write what fairlearn, krippendorff and scikit-learn make of small data, for the tests of fairness and judges.

    python3.11 -m venv peers && peers/bin/pip install fairlearn==0.15.0 krippendorff==0.9.0
    peers/bin/python scripts/golden_fairness.py          # writes tests/golden/fairness.json

The inputs stand in the file beside the values, drawn by `random.Random` from the seed that is told with each case.
"""

import json
import random
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.metrics import brier_score_loss, cohen_kappa_score

OUT = Path(__file__).parents[1] / "tests" / "golden" / "fairness.json"
CASES = {"two groups": (2, 300), "five groups": (5, 400), "small groups": (6, 60), "one group never right": (3, 90)}


def parity_case(name: str, seed: int) -> dict[str, Any]:
    """Draw truths, predictions and groups; return them with fairlearn's four numbers."""
    metrics = import_module("fairlearn.metrics")
    groups, n = CASES[name]
    rng = random.Random(seed)
    group = [min(int(rng.expovariate(1.0)), groups - 1) for _ in range(n)]
    truth = [int(rng.random() < 0.3 + 0.08 * one) for one in group]
    if name == "one group never right":
        truth = [0 if one == 2 else label for one, label in zip(group, truth, strict=True)]
    said = [int(rng.random() < 0.2 + 0.5 * label + 0.05 * one) for label, one in zip(truth, group, strict=True)]
    names = [f"g{one}" for one in group]
    values = {
        measure: float(getattr(metrics, fairlearn)(truth, said, sensitive_features=names))
        for measure, fairlearn in {
            "demographic_parity_difference": "demographic_parity_difference",
            "demographic_parity_ratio": "demographic_parity_ratio",
            "equalised_odds_difference": "equalized_odds_difference",
            "equalised_odds_ratio": "equalized_odds_ratio",
        }.items()
    }
    return {"name": name, "seed": seed, "truth": truth, "said": said, "group": names, "values": values}


def alpha_case(seed: int, items: int, raters: int, labels: int, missing: float) -> dict[str, Any]:
    """Draw grades with gaps; return them with krippendorff's alpha at three levels of measurement."""
    alpha = import_module("krippendorff").alpha
    rng = random.Random(seed)
    rows = []
    for _ in range(items):
        true = rng.randint(1, labels)
        noisy = [true if rng.random() < 0.6 else rng.randint(1, labels) for _ in range(raters)]
        rows.append([None if rng.random() < missing else float(one) for one in noisy])
    table = np.array([[np.nan if one is None else one for one in row] for row in rows]).T
    levels = ("nominal", "ordinal", "interval")
    values = {level: float(alpha(reliability_data=table, level_of_measurement=level)) for level in levels}
    return {"seed": seed, "items": rows, "values": values}


def kappa_case(seed: int, n: int, labels: int) -> dict[str, Any]:
    """Draw two raters' grades and a judge's probabilities; return scikit-learn's kappas and Brier score."""
    rng = random.Random(seed)
    first = [rng.randrange(labels) * 2 for _ in range(n)]  # only even labels: places count, not numbers
    second = [one if rng.random() < 0.5 else rng.randrange(labels) * 2 for one in first]
    values = {str(how): float(cohen_kappa_score(first, second, weights=how)) for how in (None, "linear", "quadratic")}
    said = [rng.random() for _ in range(n)]
    true = [int(rng.random() < one) for one in said]
    brier = float(brier_score_loss(true, said))
    return {
        "seed": seed,
        "first": first,
        "second": second,
        "values": values,
        "said": said,
        "true": true,
        "brier": brier,
    }


def main() -> None:
    """Write the file."""
    names = ("fairlearn", "krippendorff", "scikit-learn", "numpy")
    found = {
        "versions": {name: version(name) for name in names},
        "recipe": "scripts/golden_fairness.py",
        "parity": [parity_case(name, seed) for seed, name in enumerate(CASES)],
        "alpha": [alpha_case(1, 60, 3, 4, 0.0), alpha_case(2, 80, 5, 5, 0.4), alpha_case(3, 12, 2, 2, 0.1)],
        "kappa": [kappa_case(1, 200, 4), kappa_case(2, 40, 2), kappa_case(3, 500, 7)],
    }
    OUT.parent.mkdir(exist_ok=True)
    OUT.write_text(json.dumps(found, indent=None, sort_keys=True) + "\n", "utf-8")


if __name__ == "__main__":
    main()
