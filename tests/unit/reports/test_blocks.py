"""Blocks: what they refuse, and that they survive the disk."""

import math
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from regrowth.core.errors import DataError, StoreError
from regrowth.core.protocols import Estimate
from regrowth.reports.blocks import (
    Arm,
    Curves,
    Difference,
    Facts,
    Funnel,
    Headline,
    Measure,
    Passage,
    RefusedRecord,
    Scores,
    Series,
    Stratum,
    load,
    save,
)

HALF = Estimate(0.5, 0.4, 0.6, 100)


def test_blocks_come_back_from_the_disk_as_they_were_saved(tmp_path: Path) -> None:
    blocks = (
        Headline(text="accuracy 34 % → 47 %"),
        Scores(
            measures=(Measure(name="greedy"),),
            arms=(Arm(name="base", role="baseline", estimates={"greedy": HALF}), Arm(name="ours", estimates={})),
            differences=(Difference(measure="greedy", arm="ours", against="base", estimate=HALF),),
        ),
        Curves(title="loss", x="step", y="nats", series=(Series(name="a", x=(1, 2), y=(0.5, math.nan)),)),
        Facts(pairs=(("seed", "0"),)),
    )
    assert save(tmp_path, blocks) == tmp_path / "blocks.json"
    assert load(tmp_path) == blocks


def test_a_recipe_that_left_no_blocks_has_none(tmp_path: Path) -> None:
    assert load(tmp_path) == ()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[{", "the file"),
        ('[{"kind": "poem"}]', "0: .*poem"),
        ('[{"kind": "headline", "text": "a", "colour": "red"}]', "0.headline.colour"),
        ('{"kind": "headline"}', "list of report blocks"),
    ],
)
def test_a_broken_file_of_blocks_is_named_with_the_place(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "blocks.json").write_text(text)
    with pytest.raises(DataError, match=said) as caught:
        load(tmp_path)
    assert str(tmp_path / "blocks.json") in str(caught.value)


def test_a_folder_in_the_place_of_the_file_is_an_error_of_the_store(tmp_path: Path) -> None:
    (tmp_path / "blocks.json").mkdir()
    with pytest.raises(StoreError):
        load(tmp_path)


def test_a_lone_surrogate_does_not_stop_a_report(tmp_path: Path) -> None:
    refused = RefusedRecord(id="1", prompt="broken \ud83d emoji", reason="r")
    assert refused.prompt == "broken ? emoji"
    save(tmp_path, [Headline(text="\udc00")])
    assert load(tmp_path) == (Headline(text="?"),)


def test_a_diverged_loss_is_a_gap_in_its_line() -> None:
    assert Series(name="loss", x=(1, 2, 3), y=(0.5, math.nan, math.inf)).y == (0.5, None, None)


@pytest.mark.parametrize(
    ("kind", "fields", "said"),
    [
        (Series, {"name": "a", "x": (1,), "y": (1, 2)}, "equally long"),
        (Series, {"name": "a", "x": (1,), "y": (1,), "low": (1,)}, "equally long"),
        (Arm, {"name": "a", "estimates": {"m": Estimate(math.nan, 0, 1, 2)}}, "not finite"),
        (Scores, {"measures": (), "arms": (Arm(name="a", estimates={"m": HALF}),)}, "unknown m"),
        (
            Scores,
            {"measures": (), "arms": (Arm(name=n, role="baseline", estimates={}) for n in "ab")},
            "more than one baseline",
        ),
        (Funnel, {"attempted": 5, "made": 5, "accepted": 3, "gates": (Passage(gate="g", refused=1),)}, "vanished"),
    ],
)
def test_blocks_that_contradict_themselves_are_refused(kind: Any, fields: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        kind(**fields)


def test_a_stratum_without_quota_is_as_full_as_its_yield() -> None:
    counts: dict[str, Any] = {"name": "a", "attempted": 40, "accepted": 10}
    assert Stratum(**counts).filled == 0.25
    assert Stratum(**counts, wanted=20).filled == 0.5
    assert Stratum(name="a", attempted=0, accepted=0).filled == 0
