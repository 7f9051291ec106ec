"""What is worse than real data is told; every measure is told once, in words."""

import math

import pytest

from regrowth.core.protocols import Estimate
from regrowth.metrics import reading
from regrowth.metrics.reading import Measure, Reading, measures

NULL = Estimate(0.5, 0.4, 0.6, 100)


@pytest.mark.parametrize(
    ("better", "low", "high", "worse"),
    [
        ("higher", 0.1, 0.3, True),
        ("higher", 0.3, 0.45, False),
        ("higher", 0.7, 0.9, False),
        ("lower", 0.7, 0.9, True),
        ("lower", 0.1, 0.3, False),
        ("middle", 0.1, 0.3, True),
        ("middle", 0.7, 0.9, True),
        ("middle", 0.45, 0.55, False),
        ("neither", 0.7, 0.9, False),
    ],
)
def test_worse_is_what_lies_beyond_all_that_real_data_read(
    monkeypatch: pytest.MonkeyPatch, better: reading.Better, low: float, high: float, worse: bool
) -> None:
    monkeypatch.setattr(reading, "measures", lambda: {"m": Measure("m", "M", better, (0, 1), "says")})
    assert Reading("m", "", Estimate((low + high) / 2, low, high, 50), NULL).worse is worse
    assert not Reading("m", "", Estimate((low + high) / 2, low, high, 50)).worse


def test_every_measure_is_told_in_words_with_its_bounds_and_direction() -> None:
    for name, measure in measures().items():
        assert measure.title, name
        assert measure.says.endswith("."), name
        assert measure.better in ("higher", "lower", "middle", "neither"), name
        assert measure.bounds[0] < measure.bounds[1], name
        assert not math.isnan(measure.bounds[0] + measure.bounds[1]) or math.isinf(measure.bounds[0]), name
