"""What SDMetrics, mauve-text and scipy read on the same data: `scripts/golden_fidelity.py` wrote it down."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from regrowth.metrics.columns import Table, aligned
from regrowth.metrics.fidelity.samples import energy_distance
from regrowth.metrics.fidelity.tables import column_readings
from regrowth.metrics.fidelity.trends import trends
from regrowth.metrics.fidelity.vectors import grouped, mauve, mauve_of
from regrowth.metrics.reading import Reading
from regrowth.seeds.tables import read_table
from support.data import shared_data

GOLDEN = json.loads((Path(__file__).parents[3] / "golden" / "fidelity.json").read_text())
CLOSE = pytest.approx
COLUMNS = {
    "KSComplement": "ks_complement",
    "TVComplement": "tv_complement",
    "RangeCoverage": "range_coverage",
    "BoundaryAdherence": "boundary_adherence",
    "CategoryCoverage": "category_coverage",
    "CategoryAdherence": "category_adherence",
    "MissingValueSimilarity": "missing_similarity",
}
PAIRS = {
    "Pearson": "correlation_similarity",
    "Spearman": "rank_correlation_similarity",
    "Contingency": "contingency_similarity",
}


def tables(golden: dict[str, Any]) -> tuple[Table, ...]:
    """Return the columns that were compared, in their order."""
    paths = [shared_data(name) for name in golden["files"]]
    kinds = golden["kinds"]
    read = [read_table(path).select(list(kinds)) for path in paths]
    return aligned(*read, kinds=kinds).tables


def values(readings: list[Reading]) -> dict[tuple[str, str], float]:
    return {(one.measure, one.of): one.estimate.value for one in readings}


@pytest.mark.parametrize("name", GOLDEN["tables"])
def test_single_columns_read_as_in_sdmetrics(name: str) -> None:
    golden = GOLDEN["tables"][name]
    ours = values(column_readings(*tables(golden)))
    compared = 0
    for column, measures in golden["columns"].items():
        for theirs, value in measures.items():
            if theirs == "MissingValueSimilarity" and (COLUMNS[theirs], column) not in ours:
                assert value == 1  # no table has any: nothing to tell
                continue
            assert ours[COLUMNS[theirs], column] == CLOSE(value, abs=1e-6), (column, theirs)
            compared += 1
    assert compared >= 45
    assert ours["column_shapes", ""] == CLOSE(golden["report"]["Column Shapes"], abs=1e-6)


@pytest.mark.parametrize("name", GOLDEN["tables"])
def test_pairs_read_as_in_sdmetrics(name: str) -> None:
    golden = GOLDEN["tables"][name]
    real, synthetic = tables(golden)
    ours = values(trends(real, synthetic))
    for theirs, pairs in golden["pairs"].items():
        for pair, value in pairs.items():
            assert ours[PAIRS[theirs], pair] == CLOSE(value, abs=1e-6), (pair, theirs)


@pytest.mark.parametrize("name", GOLDEN["tables"])
def test_the_report_of_sdmetrics_bins_each_table_between_its_own_ends(name: str) -> None:
    golden = GOLDEN["tables"][name]
    real, synthetic = tables(golden)
    ours = values(trends(real, synthetic, own_ends=True))
    pairs = golden["report"]["pairs"]  # only those that go together in the real table, from a threshold on
    found = [
        ours.get(("correlation_similarity", pair), ours.get(("contingency_similarity", pair), -1.0)) for pair in pairs
    ]
    assert found == CLOSE(list(pairs.values()), abs=1e-6)
    assert len(found) >= 10
    assert sum(found) / len(found) == CLOSE(golden["report"]["Column Pair Trends"], abs=1e-6)


def clusters(seed: int, shift: int) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Return the points of the golden file."""
    rng = np.random.default_rng(seed)
    middles = np.eye(8)[:4] * 10
    ours, theirs = rng.integers(0, 4, 120), rng.integers(0, 4 - shift, 150) + shift
    noise = rng.standard_normal((270, 8)) * 0.05
    points = middles[np.concatenate([ours, theirs])] + noise
    return points[:120], points[120:]


@pytest.mark.parametrize("golden", GOLDEN["mauve"])
def test_mauve_is_that_of_mauve_text(golden: dict[str, Any]) -> None:
    one, other = clusters(golden["seed"], golden["shift"])
    assert mauve_of(*np.array(golden["groups"])) == CLOSE(golden["value"], abs=1e-6)
    assert mauve(one, other, groups=4) == CLOSE(golden["value"], abs=1e-6)
    found = [np.bincount(side, minlength=4) for side in grouped(one, other, groups=4)]
    assert sorted(zip(*np.array(found).tolist(), strict=True)) == sorted(zip(*golden["groups"], strict=True))


@pytest.mark.parametrize("golden", GOLDEN["energy_distance"])
def test_the_energy_distance_is_that_of_scipy(golden: dict[str, Any]) -> None:
    rng = np.random.default_rng(golden["seed"])
    one, other = rng.standard_normal(80), rng.standard_normal(60) * 1.5 + golden["shift"]
    assert energy_distance(one[:, None], other[:, None]) == CLOSE(golden["value"], abs=1e-6)
