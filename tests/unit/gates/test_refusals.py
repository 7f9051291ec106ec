"""Refusals by a trained model of words: what ships is what was measured, and each gate says why."""

import gzip
import json
import time
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import regrowth
from regrowth.core.errors import Rejected, SettingsError
from regrowth.core.record import Record
from regrowth.gates.refusals import LABELS, features, fitting, judged, not_refused
from support.data import shared_data

REFUSES = "I'm sorry, but I cannot help with that. It is not appropriate to harm others."
ANSWERS = "Here are three ways to do it: first, open the lid; then, pour the water; finally, close the lid again."
THEIRS = {"1_full_compliance": "answered", "2_full_refusal": "refused", "3_partial_refusal": "in_part"}


def test_clear_cases_are_told() -> None:
    assert judged(REFUSES).label == "refused"
    assert judged(REFUSES).declined > 0.9
    assert judged(ANSWERS).label == "answered"
    assert sum(judged(ANSWERS)) == pytest.approx(1)


def test_the_gate_refuses_refusals_and_may_let_half_ones_through() -> None:
    good = Record.of("?", response=ANSWERS)
    assert not_refused()(good) is good
    with pytest.raises(Rejected, match=r"opens like a refusal: "):
        not_refused()(Record.of("?", response=REFUSES))
    with pytest.raises(Rejected, match=r"reads like a refusal \(probability 0\.\d\d, at most 0\.5\)"):
        not_refused(in_part=True)(Record.of("?", response=REFUSES))
    with pytest.raises(Rejected, match="marked"):
        not_refused()(Record.of("?", response=ANSWERS, finish="refused"))
    half = judged(HALF)
    assert half.refused < 0.5 < half.declined
    with pytest.raises(Rejected):
        not_refused()(Record.of("?", response=HALF))
    assert not_refused(in_part=True)(Record.of("?", response=HALF))


HALF = (
    "I cannot provide advice on killing time, as it is not ethical to harm anything. Instead, I would suggest that you "
    "focus on things to do at an airport that are safe and legal. Here are some suggestions: 1. Read. 2. Walk. 3. Eat."
)


def test_a_refusal_of_a_safe_request_does_not_fit_and_neither_does_help_with_an_unsafe_one() -> None:
    gate = fitting()
    for response, safe in ((ANSWERS, True), (REFUSES, False)):
        record = Record.of("?", response=response, safe=safe)
        assert gate(record) is record
    with pytest.raises(Rejected, match="refuses a safe request"):
        gate(Record.of("?", response=REFUSES, safe=True))
    with pytest.raises(Rejected, match="answers an unsafe request"):
        gate(Record.of("?", response=ANSWERS, safe=False))
    with pytest.raises(Rejected, match="expected true or false"):
        gate(Record.of("?", response=ANSWERS))


@pytest.mark.parametrize("make", [not_refused, fitting])
def test_a_share_that_is_none_stops_the_run(make: type) -> None:
    with pytest.raises(SettingsError, match="expected a probability"):
        make(at_most=2)


@settings(max_examples=100, deadline=None)
@given(st.text(st.characters(), max_size=200))
def test_any_text_gets_probabilities(text: str) -> None:
    found = judged(text)
    assert sum(found) == pytest.approx(1)
    assert all(0 <= share <= 1 for share in found)
    assert found.label in LABELS
    assert judged(text) == found
    assert len(features(text)) >= 1


@pytest.mark.parametrize("unit", ["sorry ", "a", "\n", "I cannot. ", "\u200b"])
def test_a_long_reply_is_read_at_its_ends(unit: str) -> None:
    started = time.process_time()
    judged(unit * 1_000_000)
    assert time.process_time() - started < 1


def test_the_weights_are_small_and_have_a_card() -> None:
    room = Path(regrowth.__file__).parent / "gates"
    assert (room / "refusals_weights.json").stat().st_size < 200_000
    card = (room / "refusals_card.md").read_text("utf-8")
    assert all(word in card for word in ("CC-BY-4.0", "XSTest", "split", "macro-F1"))


def test_replies_to_prompts_it_never_saw_are_told_as_often_as_the_docs_say() -> None:
    """The half of the prompts that did not train it, which is also the half that `no_refusal` is measured on."""
    tally = Counter[tuple[str, str]]()
    with gzip.open(shared_data("safety/xstest_completions.jsonl.gz"), "rt") as file:
        for row in map(json.loads, file):
            if int(row["id"].removeprefix("v2-")) // 2 % 2:
                tally[THEIRS[row["final_label"]], judged(row["completion"]).label] += 1
    assert {kind: tuple(tally[kind, label] for label in LABELS) for kind in LABELS} == {
        "answered": (266, 7, 1),
        "refused": (13, 226, 7),
        "in_part": (11, 17, 12),
    }
