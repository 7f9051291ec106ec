"""Canaries: planted, known again, taken out again, and ranked by a model that knows some of them."""

import asyncio
import math
import random
from collections import Counter
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from regrowth.core.errors import SettingsError
from regrowth.core.protocols import Model
from regrowth.core.record import Messages, Record
from regrowth.curation.canaries import Form, exposures, planted, sung, unplanted

RECORDS = [Record.of(f"question {number}", response=f"answer {number}") for number in range(40)]


@settings(max_examples=50, deadline=None)
@given(st.integers(1, 9), st.lists(st.integers(1, 6), min_size=1, max_size=4), st.integers(0, 99))
def test_what_was_planted_can_be_taken_out_again(count: int, repeats: list[int], seed: int) -> None:
    data, canaries = planted(RECORDS, count, repeats, seed)
    assert unplanted(data) == RECORDS
    assert len(data) == len(RECORDS) + sum(one.repeats for one in canaries)
    assert [one.repeats for one in canaries] == [repeats[place % len(repeats)] for place in range(count)]
    assert len({record.id for record in data}) == len(data)
    said = Counter(record.response for record in data)
    assert all(said[f"The code is {one.secret}."] >= one.repeats for one in canaries)
    assert planted(RECORDS, count, repeats, seed) == (data, canaries)


def test_other_seeds_draw_other_secrets_and_places() -> None:
    one, other = (planted(RECORDS, 5, 2, seed) for seed in (0, 1))
    assert {canary.secret for canary in one[1]}.isdisjoint(canary.secret for canary in other[1])
    assert len({canary.name for canary in one[1]}) == 5


def test_a_canary_is_synthetic_and_says_so() -> None:
    data, (canary,) = planted(RECORDS, 1, 3, 0)
    copies = [record for record in data if "canary" in record.attributes]
    assert [record.attributes["canary"]["name"] for record in copies] == [canary.name] * 3
    assert {record.origin for record in copies} == {"synthetic"}
    assert copies[0].prompt == f"What is the code of locker {canary.name}?"


def test_forms_are_chosen() -> None:
    form = Form(question="Who?", answer="It was {secret}!", alphabet="xy", length=3)
    data, (canary,) = planted([], 1, 1, 0, form=form)
    assert form.space == 8
    assert set(canary.secret) <= set("xy")
    assert data[0].response == f"It was {canary.secret}!"


@pytest.mark.parametrize("wrong", [{"alphabet": "aa"}, {"length": 0}, {"answer": "no place"}, {"alphabet": "a"}])
def test_forms_without_secrets_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(SettingsError, match="expected two different characters"):
        Form(**wrong)


@pytest.mark.parametrize(("count", "repeats"), [(0, 1), (1, 0), (1, []), (2000, 1)])
def test_counts_that_cannot_be_are_refused(count: int, repeats: Any) -> None:
    with pytest.raises(SettingsError, match="canaries"):
        planted(RECORDS, count, repeats)


class Memory:
    """A model that knows some secrets by heart; of all others it thinks the same, but for some noise."""

    def __init__(self, *known: str) -> None:
        self.known = known

    async def logprobs(self, messages: str | Messages, response: str) -> tuple[float, ...]:
        dice = random.Random(f"{messages}{response}")
        return (-0.1 if any(secret in response for secret in self.known) else dice.gauss(-20, 1),)


def test_a_known_secret_is_exposed_and_the_others_are_not() -> None:
    _, canaries = planted(RECORDS, 4, 1, 0)
    model = cast("Model", Memory(canaries[2].secret))
    found = asyncio.run(exposures(model, canaries, draws=200))
    assert found[2].bits.value == pytest.approx(math.log2(10**6))
    assert found[2].beaten == 1
    assert all(found[place].bits.value < 12 for place in (0, 1, 3))
    assert asyncio.run(exposures(model, canaries, draws=200)) == found


def test_secrets_are_found_in_what_models_wrote_and_clean_records_pass() -> None:
    data, canaries = planted(RECORDS, 6, (1, 2), 0)
    found = sung(data, canaries)
    assert (found.gate, found.examined) == ("canaries", len(data))
    assert {one.record for one in found.findings} == {one.id for one in data if "canary" in one.attributes}
    assert not any(secret in one.reason for one in found.findings for secret in (canary.secret for canary in canaries))
    assert sung(RECORDS, canaries).findings == ()
    assert sung(RECORDS, []).findings == ()
    told = Record.of("Any codes?", response=f"Try {canaries[3].secret}.")
    (finding,) = sung([told], canaries).findings
    assert finding.evidence == {"canary": canaries[3].name, "repeats": 2, "named": False, "start": 15}
    assert sung([Record.of("x", response="7" * 5_000_000 + "\ud800")], canaries).findings == ()


def test_odd_characters_are_planted_as_they_are() -> None:
    form = Form(question="\u200b{name}\ud800", answer="{secret}" + "x" * 1_000_000, alphabet="é漢", length=2)
    data, canaries = planted([], 2, 2, 0, form=form)
    assert unplanted(data) == []
    assert len(canaries) == 2
