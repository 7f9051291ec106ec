"""Whole rows: distances of samples, a classifier, and what training on synthetic rows is worth."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from scipy.spatial.distance import cdist

from regrowth.core.errors import DataError
from regrowth.metrics.columns import Table, aligned
from regrowth.metrics.fidelity.classifiers import c2st, classified
from regrowth.metrics.fidelity.coded import ordered
from regrowth.metrics.fidelity.samples import embedded, energy_distance, mmd, sample_readings
from regrowth.metrics.fidelity.usefulness import usefulness
from regrowth.metrics.reading import Reading


def drawn(seed: int, rows: int = 400, *, link: float = 1.0) -> dict[str, Any]:
    rng = np.random.default_rng(seed)
    x, y = rng.normal(0, 1, rows), rng.normal(0, 1, rows)
    z = link * (x + y) + rng.normal(0, 0.5, rows) + (1 - link) * rng.normal(0, 1.4, rows)
    kind = np.array(["low", "middle", "high"])[np.digitize(link * x + (1 - link) * rng.normal(0, 1, rows), [-0.5, 0.5])]
    return {"x": x, "y": y, "z": z, "kind": kind.tolist(), "when": (rng.random(rows) * 1000).astype("datetime64[D]")}


def tables(*made: Mapping[str, Any]) -> tuple[Table, ...]:
    return tuple(ordered(table) for table in aligned(*made).tables)


def by_name(readings: Any) -> dict[tuple[str, str], Reading]:
    return {(one.measure, one.of): one for one in readings}


def test_distances_of_samples_see_what_single_columns_do_not() -> None:
    real, fresh, apart = tables(drawn(0, 1200), drawn(1, 1200), drawn(2, 1200, link=0.0))
    assert not any(one.worse for one in sample_readings(real, fresh))
    assert all(one.worse for one in sample_readings(real, apart))


def test_distances_are_those_of_the_definitions() -> None:
    rng = np.random.default_rng(0)
    one, other = rng.normal(0, 1, (30, 3)), rng.normal(0.5, 1, (20, 3))
    expected = 2 * cdist(one, other).mean() - cdist(one, one).mean() - cdist(other, other).mean()
    assert energy_distance(one, other) == pytest.approx(np.sqrt(expected))
    kernels = [np.exp(-(cdist(*pair) ** 2) / 8).mean() for pair in ((one, one), (other, other), (one, other))]
    assert mmd(one, other, width=2.0) == pytest.approx(np.sqrt(kernels[0] + kernels[1] - 2 * kernels[2]))
    assert energy_distance(one, one) == pytest.approx(0, abs=1e-4)


def test_rows_become_vectors_in_real_units() -> None:
    real, synthetic = aligned({"x": [0.0, 2, 4, None], "k": list("aabc")}, {"x": [2.0, 8], "k": ["a", "new"]}).tables
    vectors = embedded(synthetic, real)
    deviation = np.std([0, 2, 4])
    assert vectors[:, 0].tolist() == pytest.approx([0, 6 / deviation])
    assert np.linalg.norm(vectors[0, 2:] - vectors[1, 2:]) == pytest.approx(1)  # two kinds are 1 apart
    assert embedded(real, real)[3, 1] == 1  # that a number is missing is told


def test_the_classifier_sees_rows_that_do_not_hang_together() -> None:
    real, fresh, apart = tables(drawn(0), drawn(1), drawn(2, link=0.0))
    honest, told = c2st(real, fresh), c2st(real, apart)
    assert honest is not None
    assert not honest.worse
    assert told is not None
    assert told.worse
    assert told.estimate.value > 0.75


def test_the_null_of_the_classifier_holds_what_it_reads_of_rows_dealt_at_random() -> None:
    inside = []
    for seed in range(24):
        rows = np.random.default_rng(seed).standard_normal((120, 4)).astype(np.float32)
        estimate, null = classified(rows[:60], rows[60:], seed=seed)
        inside.append(null.low <= estimate.value <= null.high)
    assert np.mean(inside) >= 0.9


def test_near_copies_read_below_one_half() -> None:
    rows = np.random.default_rng(0).standard_normal((300, 5)).astype(np.float32)
    estimate, null = classified(rows, rows[np.random.default_rng(1).permutation(300)])
    assert estimate.high < null.low


def test_training_on_a_fresh_draw_is_worth_as_much_as_on_real_rows() -> None:
    found = by_name(usefulness(*tables(drawn(0), drawn(1), drawn(3))))
    assert {of for _, of in found} == {"x", "y", "z", "kind", "when", ""}
    assert not any(one.worse for one in found.values())
    assert found["tstr", "z"].estimate.value > 0.5
    assert found["tstr", "when"].estimate.value < 0.1


def test_training_on_rows_that_do_not_hang_together_is_worth_nothing() -> None:
    found = by_name(usefulness(*tables(drawn(0), drawn(2, link=0.0), drawn(3))))
    for name in ("z", ""):
        assert found["tstr", name].worse
        assert found["trts", name].worse
    assert found["tstr", "z"].estimate.value < 0.2


def test_a_named_target_is_foretold_alone_and_without_a_holdout_some_real_rows_are_set_aside() -> None:
    real, fresh = tables(drawn(0), drawn(1))
    found = usefulness(real, fresh, target="kind")
    assert [(one.measure, one.of) for one in found] == [("tstr", "kind"), ("trts", "kind")]
    assert "set aside" in found[0].note
    assert found[0].estimate.value > 0.3


def test_a_target_that_cannot_be_foretold_is_an_error() -> None:
    real, fresh = tables({"x": np.arange(90.0), "k": ["a"] * 90}, {"x": np.arange(90.0), "k": ["a"] * 90})
    with pytest.raises(DataError, match=r"no column 'y'\. Columns that can be foretold: x, k"):
        usefulness(real, fresh, target="y")
    with pytest.raises(DataError, match="one value only"):
        usefulness(real, fresh, target="k")


def test_too_few_rows_give_no_reading() -> None:
    real, fresh = tables({"x": [1.0, 2], "y": list("ab")}, {"x": [1.0, 3], "y": list("ab")})
    assert c2st(real, fresh) is None
    assert usefulness(real, fresh) == []
    assert [*sample_readings(real.take(np.array([0])), fresh)] == []


def test_columns_with_gaps_are_foretold_where_they_are_known() -> None:
    made = [drawn(seed) for seed in (0, 1, 3)]
    for table in made:
        table["z"][::3] = np.nan
    found = by_name(usefulness(*tables(*made)))
    assert found["tstr", "z"].estimate.value > 0.5
    assert np.isfinite(found["tstr", ""].estimate.value)
