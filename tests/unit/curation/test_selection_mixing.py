"""Mixes: exact sizes, no record twice unless that is allowed, no dependence on the order, every short source told."""

import random
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from regrowth.core.errors import SettingsError
from regrowth.core.record import Record
from regrowth.curation.selection.mixing import mixed
from regrowth.curation.selection.quotas import Short


def source(name: str, count: int) -> list[Record]:
    return [Record.of(f"{name} {number}", source=name) for number in range(count)]


REAL, WEB = source("real", 100), source("web", 2000)


def test_a_mix_has_its_size_and_its_weights() -> None:
    found = mixed({"real": REAL, "web": WEB}, {"real": 1, "web": 3}, 400)
    assert Counter(one["source"] for one in found.chosen) == {"real": 100, "web": 300}
    assert len({one.id for one in found.chosen}) == 400
    assert str(found) == "400 of 400: real 100 of 100 wanted (100 there), web 300 of 300 wanted (2,000 there)"
    assert found.facts["parts"]["web"]["chosen"] == 300  # type: ignore[index,call-overload]


def test_a_small_source_is_short_unless_it_may_be_repeated() -> None:
    sources, weights = {"real": REAL, "web": WEB}, {"real": 1.0, "web": 3.0}
    short = mixed(sources, weights, 1000)
    assert len(short.chosen) == 850
    assert [(one.value, one.missing) for one in short.coverage.short] == [("real", 150)]
    filled = mixed(sources, weights, 1000, short="fill")
    assert len(filled.chosen) == 1000
    assert filled.coverage.short
    repeated = mixed(sources, weights, 1000, repeat={"real": 3})
    assert len(repeated.chosen) == 1000
    assert not repeated.coverage.short
    times = Counter(one.id for one in repeated.chosen if one["source"] == "real")
    assert set(times.values()) == {2, 3}
    assert sum(times.values()) == 250
    assert "real 250 of 250 wanted (100 there, × 2.50)" in str(repeated)


def test_sources_are_mixed_not_stacked() -> None:
    found = mixed({"real": REAL, "web": WEB}, {"real": 1, "web": 1}, 200)
    first = sum(one["source"] == "real" for one in found.chosen[:100])
    assert 30 < first < 70


def test_a_record_of_two_sources_counts_for_the_first_by_name() -> None:
    found = mixed({"web": [*WEB, *REAL], "real": REAL}, {"real": 1, "web": 1}, 4000, repeat=5)
    assert {one.source: one.available for one in found.parts} == {"real": 100, "web": 2000}
    assert len(found.examination.findings) == 0
    left = mixed({"web": [*WEB, *REAL], "real": REAL}, {"real": 0, "web": 1}, 10)
    assert {one.evidence["source"] for one in left.examination.findings if "of real" in one.reason} == {"real"}
    assert len(left.examination.findings) == 2090


@settings(max_examples=60)
@given(
    st.dictionaries(
        st.sampled_from("abcd"), st.tuples(st.integers(0, 30), st.integers(0, 5), st.integers(1, 3)), min_size=1
    ),
    st.integers(0, 100),
    st.sampled_from(["leave", "fill"]),
    st.integers(0, 3),
)
def test_a_mix_is_exact_or_says_what_is_missing_in_any_order(
    plan: dict[str, tuple[int, int, int]], count: int, short: Short, seed: int
) -> None:
    weights = {name: float(weight) for name, (_, weight, _) in plan.items()}
    repeat = {name: times for name, (_, _, times) in plan.items()}
    sources = {name: source(name, size) for name, (size, _, _) in plan.items()}
    if not any(weights.values()):
        weights = dict.fromkeys(weights, 1.0)
    found = mixed(sources, weights, count, repeat=repeat, short=short, seed=seed)
    rng = random.Random(seed)
    other = {name: rng.sample(sources[name], len(sources[name])) for name in reversed(sources)}
    assert mixed(other, weights, count, repeat=repeat, short=short, seed=seed) == found
    assert len(found.chosen) == sum(one.chosen for one in found.parts) <= count
    for one in found.parts:
        times = Counter(record.id for record in found.chosen if record["source"] == one.source)
        assert sum(times.values()) == one.chosen <= one.available * one.repeat
        if times:
            most = max(times.values())
            assert most <= one.repeat
            assert most - min(times.values() if len(times) == one.available else [0]) <= 1
        if short == "leave":
            assert one.chosen == min(one.wanted, one.available * one.repeat)
    room = sum(one.available * one.repeat for one in found.parts if weights[one.source])
    if short == "fill":
        assert len(found.chosen) == min(count, room)
    if len(found.chosen) < count:
        assert found.coverage.short


def test_settings_that_cannot_be_meant_are_refused() -> None:
    with pytest.raises(SettingsError, match="Name the same"):
        mixed({"real": REAL}, {"web": 1}, 3)
    with pytest.raises(SettingsError, match="repeat of 'real' = 0"):
        mixed({"real": REAL}, {"real": 1}, 3, repeat=0)
    with pytest.raises(SettingsError, match="repeat of 'web' = 2"):
        mixed({"real": REAL}, {"real": 1}, 3, repeat={"web": 2})
