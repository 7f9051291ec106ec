"""Declared shares, grown exactly: quotas from shares, and a whole run that fills them."""

from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from regrowth.core.errors import Rejected, SettingsError, Shortfall
from regrowth.core.record import Record
from regrowth.curation.selection.balancing import balance
from regrowth.curation.selection.quotas import Wanted, covered
from regrowth.models.model import RememberedModel
from regrowth.models.scripted import ScriptedBackend
from regrowth.run import open_run

EVEN = {"gender": {"woman": 1, "man": 1}}


def people(women: int, men: int) -> list[Record]:
    """Make seeds, most of them of men, from two regions."""
    regions = ("north", "south", "south")
    return [
        Record.of(f"Write of person {place}.", gender="woman" if place < women else "man", region=regions[place % 3])
        for place in range(women + men)
    ]


def test_one_attribute_is_shared_out_and_each_group_named() -> None:
    plan = balance(people(3, 17), 10, {"gender": {"woman": 0.7, "man": 0.3}})
    assert plan.quotas == {"man": 3, "woman": 7}
    assert plan.stratum(people(1, 0)[0]) == "woman"
    assert plan.settings == {"quotas": {"man": 3, "woman": 7}, "stratum": plan.stratum, "draws": 16}


def test_a_group_of_which_none_is_wanted_is_not_named() -> None:
    assert balance(people(3, 17), 10, {"gender": {"woman": 1}}).quotas == {"woman": 10}


@given(
    women=st.integers(2, 30), men=st.integers(2, 30), share=st.floats(0.05, 0.95), count=st.integers(4, 60)
)  # fmt: skip
def test_both_margins_hold_exactly(women: int, men: int, share: float, count: int) -> None:
    seeds = people(3 * women, 3 * men)
    wanted: Wanted = {"gender": {"woman": share, "man": 1 - share}, "region": {"north": 1, "south": 1}}
    plan = balance(seeds, count, wanted, draws=count)
    assert sum(plan.quotas.values()) == count
    genders, regions = Counter[str](), Counter[str]()
    for name, number in plan.quotas.items():
        gender, region = name.split(" × ")
        genders[gender] += number
        regions[region] += number
    assert abs(genders["woman"] - share * count) <= 0.5 + 1e-9
    assert abs(regions["north"] - regions["south"]) <= 1


@pytest.mark.parametrize(
    ("seeds", "wanted", "words"),
    [
        (people(0, 9), EVEN, "gender = woman: 5 wanted, 0 can be made"),
        (people(1, 9), EVEN, "gender = woman: 5 wanted, 2 can be made"),
        ([], EVEN, "No seeds"),
        (people(3, 3), {}, "No shares"),
        (people(3, 3), {"gender": {"woman": -1, "man": 1}}, "expected a finite number"),
    ],
)
def test_what_cannot_be_filled_is_told_before_anything_is_paid(
    seeds: list[Record], wanted: dict[str, dict[str, float]], words: str
) -> None:
    with pytest.raises(SettingsError, match=words):
        balance(seeds, 10, wanted, draws=2)


async def answer(seed: Record, model: RememberedModel) -> Record:
    return seed.derive(response=await model.ask(seed.prompt, seed=seed.seed("answer")))


def picky(record: Record) -> Record:
    """Refuse most answers about women, as a biased filter would."""
    if record["gender"] == "woman" and int(record.response.split()[-1]) % 4:
        raise Rejected("picky", "an answer about a woman")
    return record


def test_a_run_comes_out_with_the_declared_shares_although_a_gate_is_biased(tmp_path: Path) -> None:
    seeds = people(9, 51)
    wanted: Wanted = {"gender": {"woman": 0.5, "man": 0.5}, "region": "equal"}
    script = ScriptedBackend(lambda messages, sampling, seed: f"{messages[-1].content} {seed % 1009}")
    with open_run(tmp_path / "run") as run:
        model = RememberedModel(script, run.store)
        plain = run.grow(seeds, answer, model, gates=[picky], count=40, name="plain")
        plan = balance(seeds, 40, wanted, draws=64)
        data = run.grow(seeds, answer, model, gates=[picky], name="even", **plan.settings)
        records = list(data)
    assert Counter(one["gender"] for one in records) == {"woman": 20, "man": 20}
    assert Counter(one["region"] for one in records) == {"north": 20, "south": 20}
    assert covered(records, records, wanted).distances == {"gender": 0.0, "region": 0.0}
    assert Counter(one["gender"] for one in plain)["woman"] < 8  # without quotas the gate decides who is in


def test_a_group_that_no_gate_lets_through_is_named(tmp_path: Path) -> None:
    def never(record: Record) -> Record:
        if record["gender"] == "woman":
            raise Rejected("never", "no")
        return record

    script = ScriptedBackend(lambda messages, sampling, seed: f"{messages[-1].content} {seed}")
    seeds = people(4, 4)
    with open_run(tmp_path / "run") as run, pytest.raises(Shortfall, match="woman 0/4"):
        run.grow(seeds, answer, RememberedModel(script, run.store), gates=[never], **balance(seeds, 8, EVEN).settings)
