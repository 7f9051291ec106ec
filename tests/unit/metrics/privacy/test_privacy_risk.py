"""The risk of an attack: the formula by hand, its edges, and how often its interval holds the truth."""

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from regrowth.core.errors import DataError
from regrowth.metrics.privacy.risk import Successes, chance, risk

GOLDEN = json.loads((Path(__file__).parents[3] / "golden" / "privacy.json").read_text())


def test_without_attacks_beyond_the_control_the_risk_is_nothing() -> None:
    found = risk(Successes(100, 1000), Successes(100, 1000))
    assert found.value == pytest.approx(0, abs=1e-12)
    assert found.low == 0
    assert found.high == pytest.approx(chance(Successes(100, 1000), 1000).high)
    assert risk(Successes(5, 1000), Successes(100, 1000)).value == 0  # cut, not negative
    assert risk(Successes(1000, 1000), Successes(0, 1000)).value > 0.99


@pytest.mark.parametrize("case", GOLDEN["risk"], ids=lambda case: "-".join(map(str, case["counts"])))
def test_the_formula_is_that_of_anonymeter(case: dict[str, list[float]]) -> None:
    hits, of, control_hits, control_of = case["counts"]
    found = risk(Successes(hits, int(of)), Successes(control_hits, int(control_of)))
    assert [found.value, found.low, found.high] == pytest.approx(case["risk"], abs=1e-6)


def test_the_interval_holds_the_true_risk_in_about_95_of_100() -> None:
    rng = np.random.default_rng(0)
    for control, truth in ((0.1, 0.0), (0.1, 0.3), (0.6, 0.4)):
        attack = control + truth * (1 - control)
        draws = [
            risk(Successes(int(rng.binomial(500, attack)), 500), Successes(int(rng.binomial(500, control)), 500))
            for _ in range(1000)
        ]
        held = np.mean([one.low <= truth <= one.high for one in draws])
        assert 0.93 < held <= 1
        beyond = np.mean([one.low > chance(Successes(control * 500, 500), 500).high for one in draws])
        assert (beyond < 0.01) if truth == 0 else (beyond > 0.8)


@given(st.integers(1, 10**6), st.integers(1, 10**6), st.floats(0, 1), st.floats(0, 1))
def test_estimates_are_shares_in_order(attacks: int, controls: int, one: float, other: float) -> None:
    found = risk(Successes(int(one * attacks), attacks), Successes(int(other * controls), controls))
    assert 0 <= found.low <= found.value <= found.high <= 1
    none = chance(Successes(int(other * controls), controls), attacks)
    assert 0 == none.low == none.value <= none.high <= 1


def test_no_attacks_have_no_risk() -> None:
    with pytest.raises(DataError, match="one attack at least"):
        risk(Successes(0, 0), Successes(0, 10))
    with pytest.raises(DataError, match="no more successes"):
        risk(Successes(11, 10), Successes(0, 10))
