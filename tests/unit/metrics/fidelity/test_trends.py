"""Pairs of columns: shuffled ones are seen, fresh draws are not."""

from typing import Any

import numpy as np
import pytest

from regrowth.metrics.columns import aligned
from regrowth.metrics.fidelity.coded import coded
from regrowth.metrics.fidelity.trends import trends
from regrowth.metrics.reading import Reading


def drawn(seed: int, rows: int = 500) -> dict[str, Any]:
    rng = np.random.default_rng(seed)
    age = rng.normal(40, 10, rows)
    income = np.exp(age / 20 + rng.normal(0, 0.3, rows))
    job = np.array(["clerk", "cook", "judge"])[np.digitize(age + rng.normal(0, 5, rows), [35, 45])]
    city = np.array(list("pqrs"))[rng.integers(0, 4, rows)]
    age[rng.random(rows) < 0.1] = np.nan
    return {"age": age, "income": income, "job": job.tolist(), "city": city.tolist()}


def read(real: dict[str, Any], synthetic: dict[str, Any], **settings: Any) -> dict[tuple[str, str], Reading]:
    return {(one.measure, one.of): one for one in trends(*aligned(real, synthetic).tables, **settings)}


def shuffled(table: dict[str, Any]) -> dict[str, Any]:
    rng = np.random.default_rng(9)
    return {name: np.array(values)[rng.permutation(len(values))].tolist() for name, values in table.items()}


def test_a_fresh_draw_reads_like_real_rows() -> None:
    assert [name for name, one in read(drawn(0), drawn(1)).items() if one.worse] == []


def test_shuffled_columns_are_seen_where_they_went_together() -> None:
    worse = {name for name, one in read(drawn(0), shuffled(drawn(1))).items() if one.worse}
    assert worse == {
        ("correlation_similarity", "age × income"),
        ("rank_correlation_similarity", "age × income"),
        ("contingency_similarity", "age × job"),
        ("contingency_similarity", "income × job"),
        ("pair_trends", ""),
    }


def test_correlations_are_those_of_complete_rows() -> None:
    one, other = drawn(0), drawn(1)
    found = read(one, other)
    expected = []
    for table in (one, other):
        there = ~np.isnan(table["age"])
        expected.append(np.corrcoef(table["age"][there], table["income"][there])[0, 1])
    value = found["correlation_similarity", "age × income"].estimate.value
    assert value == pytest.approx(1 - abs(expected[0] - expected[1]) / 2, abs=1e-12)


def test_the_mean_counts_each_pair_once() -> None:
    found = read(drawn(0), drawn(1))
    parts = [one.estimate.value for (name, _), one in found.items() if name.startswith(("correlation", "contingency"))]
    assert len(parts) == 6
    assert found["pair_trends", ""].estimate.value == pytest.approx(np.mean(parts))


def test_the_null_is_what_fresh_tables_read() -> None:
    found = [read(drawn(2 * seed), drawn(2 * seed + 1)) for seed in range(12)]
    for name in found[0]:
        values, nulls = ([getattr(one[name], side) for one in found] for side in ("estimate", "null"))
        middle = np.mean([one.value for one in values])
        assert middle == pytest.approx(np.mean([null.value for null in nulls]), abs=0.015), name
        within = [null.low <= one.value <= null.high for one, null in zip(values, nulls, strict=True)]
        assert np.mean(within) >= 0.66, name


def test_missing_values_are_a_cell_of_their_own_and_bins_those_of_the_real_table() -> None:
    real, synthetic = {"x": [0.0, 5, 10, None], "k": list("aabb")}, {"x": [-3.0, 12, None, 4], "k": list("abab")}
    found = coded(*aligned(real, synthetic).tables)
    assert found.real[0].tolist() == [1, 6, 10, 11]
    assert found.synthetic[0].tolist() == [1, 10, 11, 5]
    assert found.cells == (12, 3)


def test_pairs_of_very_many_combinations_are_numbered_first(monkeypatch: pytest.MonkeyPatch) -> None:
    one, other = drawn(0), drawn(1)
    in_place = read(one, other)["contingency_similarity", "job × city"]
    monkeypatch.setattr("regrowth.metrics.fidelity.trends._DENSE", 0)
    assert read(one, other)["contingency_similarity", "job × city"] == in_place


def test_constant_columns_and_single_columns_give_no_correlation() -> None:
    constant = {"x": [1.5] * 40, "y": np.arange(40.0) ** 2}
    assert read(constant, constant) == {}
    assert read({"x": np.arange(40.0) ** 2}, {"x": np.arange(40.0)}) == {}


def test_one_row_is_compared_without_a_null() -> None:
    found = read({"x": ["a"], "y": ["b"]}, {"x": ["a"], "y": ["c"]})
    assert found["contingency_similarity", "x × y"].estimate.value == 0
    assert found["pair_trends", ""].null is None
