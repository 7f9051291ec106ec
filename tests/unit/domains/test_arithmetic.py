"""Arithmetic answers: every step is checked, and a refusal says which one is wrong and why."""

import pytest

from regrowth.core.errors import Rejected
from regrowth.core.record import Record
from regrowth.domains import DOMAINS

STORY = Record.of("Tom has 12 pens. Tom buys 4 more. Eva takes 3. How many pens?", target="12 + 4 = 16\n16 - 3 = 13")
verify = DOMAINS["arithmetic"].verify


@pytest.mark.parametrize(
    "answer",
    [
        "12 + 4 = 16\n16 - 3 = 13",
        "12+4=16\n16-3=13\n",
        "12 − 3 = 9\n9 + 4 = 13",
        "4 - 3 = 1\n12 + 1 = 13",
    ],
)
def test_any_true_way_to_the_answer_is_right(answer: str) -> None:
    verify(STORY, answer)


@pytest.mark.parametrize("sign", ["×", "x", "*"])
def test_multiplication_may_be_spelled_in_three_ways(sign: str) -> None:
    verify(Record.of("Ben has 3 boxes of 4 eggs. How many eggs?", target="3 × 4 = 12"), f"3 {sign} 4 = 12")


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ("", "no steps, expected lines such as '3 + 4 = 7'"),
        ("12 + 4 = 16", "answer 16, expected 13"),
        ("12 + 4 = 17\n17 - 3 = 14", "step 1: 12 + 4 is 16, not 17"),
        ("10 + 3 = 13", "step 1 uses 10, which neither the story nor an earlier step gives"),
        ("13", "line 1 is no step such as '3 + 4 = 7': '13'"),
        ("12 + 4 = 16\n\n16 - 3 = 13", "line 2 is no step such as '3 + 4 = 7': ''"),
        ("12 / 4 = 3", "line 1 is no step such as '3 + 4 = 7': '12 / 4 = 3'"),
        ("٤ - ٣ = 1", "line 1 is no step such as '3 + 4 = 7': '٤ - ٣ = 1'"),
    ],
)
def test_a_wrong_answer_is_refused_with_the_exact_reason(answer: str, reason: str) -> None:
    with pytest.raises(Rejected) as caught:
        verify(STORY, answer)
    assert (caught.value.gate, caught.value.reason) == ("arithmetic", reason)
