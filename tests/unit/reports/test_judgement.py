"""The verdict: privacy beats fidelity, size counts and not only significance, and what was not measured is not good."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from regrowth.core.protocols import Estimate
from regrowth.metrics.reading import Reading, measures
from regrowth.reports import judgement
from regrowth.reports.compared import Reason
from regrowth.reports.judgement import excess, gap, judged, level, rules

HALF_NULL = Estimate(0.5, 0.48, 0.52, 2000)
NEAR_ONE = Estimate(0.97, 0.96, 0.98, 2000)


def read(measure: str, value: float, null: Estimate | None, of: str = "", reach: float = 0.01) -> Reading:
    return Reading(measure, of, Estimate(value, value - reach, value + reach, 2000), null)


HONEST = {
    "privacy": [read("dcr_share", 0.5, HALF_NULL), read("identical_share", 0.005, Estimate(0, 0, 0.01, 2000))],
    "fidelity": [read("column_shapes", 0.97, NEAR_ONE), read("ks_complement", 0.96, NEAR_ONE, "age")],
}


def test_what_real_data_read_is_good_and_every_family_says_so() -> None:
    found = judged(HONEST)
    assert found.level == "good"
    assert found.text == "Good. No trace of single real records was found. The data behave like the real ones."
    assert [reason.section for reason in found.reasons] == ["privacy", "fidelity"]


def test_a_leak_is_a_stop_however_real_the_data_look() -> None:
    leaky = {**HONEST, "privacy": [read("dcr_share", 0.75, HALF_NULL)]}
    found = judged(leaky)
    assert found.level == "stop"
    assert found.text == "Stop. Real records can be told from these data."
    assert found.reasons[0].text == (
        "Rows nearer to training data than to unseen data: 0.750 (0.740 to 0.760), real data 0.480 to 0.520."
    )


def test_where_both_fail_privacy_speaks_first() -> None:
    both = {
        "fidelity": [read("column_shapes", 0.4, NEAR_ONE)],
        "privacy": [read("identical_share", 0.3, Estimate(0, 0, 0.01, 2000))],
    }
    found = judged(both)
    assert found.text == "Stop. Real records can be told from these data."
    assert [reason.section for reason in found.reasons] == ["privacy", "fidelity"]


def test_a_difference_that_is_sure_but_small_is_good() -> None:
    sure = Reading("column_shapes", "", Estimate(0.95, 0.9499, 0.9501, 10**6), Estimate(0.97, 0.9699, 0.9701, 10**6))
    assert sure.worse
    assert judged({"fidelity": [sure]}).level == "good"


def test_nothing_counts_that_may_be_chance() -> None:
    unsure = Reading("column_shapes", "", Estimate(0.6, 0.2, 0.97, 20), NEAR_ONE)
    assert judged({"fidelity": [unsure]}).level == "good"


def test_one_odd_column_asks_for_a_look_a_quarter_of_them_for_a_stop() -> None:
    columns = [read("ks_complement", 0.97, NEAR_ONE, f"c{number}") for number in range(12)]
    odd = [read("ks_complement", 0.3, NEAR_ONE, f"c{number}") for number in range(3)]
    assert judged({"fidelity": [*odd[:1], *columns[1:]]}).level == "look"
    assert judged({"fidelity": [*odd[:2], *columns[2:]]}).level == "look"
    found = judged({"fidelity": [*odd, *columns[3:]]})
    assert found.level == "stop"
    assert found.reasons[0].text.startswith("Shape of a number column: 3 of 12 differ from real data. c0 0.300")


def test_one_leaking_column_is_a_stop() -> None:
    columns = [read("attribute_inference", 0.0, Estimate(0, 0, 0.02, 2000), f"c{number}") for number in range(20)]
    leak = read("attribute_inference", 0.3, Estimate(0, 0, 0.02, 2000), "salary")
    assert judged({"privacy": columns}).level == "good"
    assert judged({"privacy": [*columns, leak]}).level == "stop"


def test_nearer_to_the_holdout_is_no_leak_but_asks_for_a_look() -> None:
    swapped = read("dcr_share", 0.1, HALF_NULL)
    assert swapped.worse
    assert level(swapped, rules().families["privacy"]) == "look"


def test_what_was_not_measured_is_never_good() -> None:
    missing = Reason(level="look", text="Privacy is not judged.", section="privacy")
    found = judged(HONEST, [missing])
    assert found.level == "look"
    assert found.text == "Look before use. Not everything was measured that has to be."
    assert [reason.text for reason in found.reasons] == [
        "Privacy is not judged.",
        "The data behave like the real ones.",
    ]
    assert judged({}).level == "look"


def test_reasons_stand_in_the_order_of_what_they_ask_for_and_the_whole_before_its_parts() -> None:
    found = judged(
        {
            "fidelity": [
                read("ks_complement", 0.8, NEAR_ONE, "age"),
                read("tv_complement", 0.8, NEAR_ONE, "job"),
                read("column_shapes", 0.85, NEAR_ONE),
            ],
            "privacy": [read("identical_share", 0.02, Estimate(0, 0, 0.01, 2000), reach=0.001)],
        }
    )
    assert found.level == "look"
    assert [reason.text.split(":")[0] for reason in found.reasons] == [
        "Records identical to a training record",
        "Column shapes",
        "Shape of a number column",
        "Shape of a category column",
    ]


@pytest.mark.parametrize(
    ("measure", "value", "null", "share"),
    [
        ("ks_complement", 0.97, NEAR_ONE, 0.0),
        ("ks_complement", 0.47, NEAR_ONE, (0.96 - 0.48) / 0.96),
        ("identical_share", 0.5, Estimate(0, 0, 0.01, 9), (0.49 - 0.01) / 0.99),
        ("energy_distance", 0.5, Estimate(0.1, 0.05, 0.245, 9), 0.5),
        ("c2st_auc", 0.99, HALF_NULL, (0.98 - 0.52) / 0.48),
        ("identical_share", 1.0, Estimate(1, 1, 1, 9), 0.0),
    ],
)
def test_the_excess_is_the_share_of_the_way_to_the_worst_value(
    measure: str, value: float, null: Estimate, share: float
) -> None:
    assert excess(read(measure, value, null)) == pytest.approx(share, abs=1e-9)


def test_a_measure_without_null_is_shown_and_not_judged() -> None:
    alone = read("ks_complement", 0.01, None)
    assert gap(alone) == excess(alone) == 0
    assert level(alone, rules().families["fidelity"]) == "good"


@settings(deadline=None)
@given(
    st.sampled_from(sorted(measures())),
    st.tuples(*[st.floats(-3, 3)] * 3).map(sorted),
    st.tuples(*[st.floats(-3, 3)] * 3).map(sorted),
    st.sampled_from(sorted(rules().families)),
)
def test_whatever_was_read_the_verdict_stands_on_it(
    measure: str, ours: list[float], real: list[float], family: str
) -> None:
    low, value, high = ours
    reading = Reading(measure, "", Estimate(value, low, high, 9), Estimate(real[1], real[0], real[2], 9))
    assert 0 <= excess(reading) <= 1
    assert (excess(reading) > 0) <= reading.worse
    assert judged({family: [reading]}).level == level(reading, rules().families[family])
    if not reading.worse:
        assert level(reading, rules().families[family]) == "good"


def test_the_thresholds_name_measures_that_exist_and_rise() -> None:
    known = rules()
    assert list(known.families) == ["privacy", "fidelity", "diversity", "fairness"], "in the order of their weight"
    assert set(known.measures) <= set(measures())
    for limits in known.measures.values():
        assert 0 <= limits.look < limits.stop
    for family in known.families.values():
        assert 0 <= family.look < family.stop
    unbounded = {name for name, one in measures().items() if not all(map(math.isfinite, one.bounds))}
    assert unbounded & set(known.measures) >= {"mean_difference", "variance_ratio", "tstr"}
    assert judgement.RANKS == {"good": 0, "look": 1, "stop": 2}
