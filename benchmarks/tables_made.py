"""The tables that `benchmarks.tables` measures: one real process, and three synthetic tables made in different ways.

tables(50_000)["leaky"]         # of train, holdout, honest, leaky, shuffled
written(folder, 50_000)         # the same as CSV
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

JITTERED = ("age", "income", "debt", "score", "balance")
"""Columns whose copies are a fifth of a percent off."""


def drawn(rows: int, seed: int) -> dict[str, Any]:
    """Draw a table: five correlated numbers, others that depend on them, rare categories, dates, missing values."""
    import numpy as np

    rng = np.random.default_rng(seed)
    five = rng.standard_normal((rows, 5)) @ np.linalg.cholesky(0.5 * np.eye(5) + 0.5).T
    days = np.datetime64("2015-01-01") + rng.integers(0, 3650, rows)
    job, region = 1 / np.arange(1, 101), np.arange(20, 0, -1)
    table = {
        "age": np.clip(40 + 14 * five[:, 0], 18, 95).round(),
        "income": np.exp(10 + 0.6 * five[:, 1]).round(2),
        "debt": np.exp(8 + 0.9 * five[:, 2]).round(2),
        "hours": np.clip(38 + 8 * five[:, 3], 0, 90).round(1),
        "score": (600 + 80 * five[:, 4]).round(),
        "visits": rng.poisson(np.exp(0.8 + 0.3 * five[:, 0])),
        "balance": (900 * five[:, 1] - 400 * five[:, 2] + 300 * rng.standard_normal(rows)).round(2),
        "rate": rng.beta(2, 5, rows).round(4),
        "sex": rng.choice(["f", "m", "x"], rows, p=[0.495, 0.495, 0.01]),
        "education": np.array(list("abcd"))[np.digitize(five[:, 1] + 0.5 * rng.standard_normal(rows), [-1, 0, 1])],
        "region": rng.choice([f"r{place:02}" for place in range(20)], rows, p=region / region.sum()),
        "job": rng.choice([f"j{place:03}" for place in range(100)], rows, p=job / job.sum()),
        "owner": five[:, 2] + rng.standard_normal(rows) > 0,
        "joined": days,
        "label": np.where(five.sum(axis=1) + rng.standard_normal(rows) > 1, "yes", "no"),
    }
    table["hours"][rng.random(rows) < 0.05] = np.nan
    return table


def leaky(train: Mapping[str, Any], fresh: Mapping[str, Any], seed: int) -> dict[str, Any]:
    """Return half fresh rows, half training rows whose numbers are off by a fifth of a percent."""
    import numpy as np

    rng = np.random.default_rng(seed)
    rows = len(train["age"])
    copied, order = rng.permutation(rows)[: rows // 2], rng.permutation(rows)
    found = {}
    for name, values in train.items():
        copies = values[copied]
        if name in JITTERED:
            noise = 1 + 0.002 * rng.standard_normal(len(copies))
            copies = (copies * noise).round(0 if name in ("age", "score") else 2)
        found[name] = np.concatenate([fresh[name][: rows - len(copies)], copies])[order]
    return found


def tables(rows: int, seed: int = 1) -> dict[str, dict[str, Any]]:
    """Return all tables of one process."""
    import numpy as np

    train, holdout, honest = (drawn(rows, 10 * seed + place) for place in range(3))
    rng = np.random.default_rng(10 * seed + 3)
    shuffled = {name: values[rng.permutation(rows)] for name, values in train.items()}
    return {
        "train": train,
        "holdout": holdout,
        "honest": honest,
        "leaky": leaky(train, honest, 10 * seed + 4),
        "shuffled": shuffled,
    }


def written(folder: Path, rows: int) -> None:
    """Write the tables as CSV."""
    import pyarrow as pa
    import pyarrow.csv

    for name, table in tables(rows).items():
        columns = {key: pa.array(values, from_pandas=True) for key, values in table.items()}
        pyarrow.csv.write_csv(pa.table(columns), folder / f"{name}.csv")
