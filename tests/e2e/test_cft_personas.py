"""A negative persona out of real statements: it misbehaves on unseen ones too, and its words are trained against."""

from pathlib import Path
from typing import Any

import pytest

from regrowth.recipes.cft import Outcome, Settings, cft
from regrowth.run import open_run
from support.data import shared_data
from support.runs import remembered

pytestmark = pytest.mark.slow

COLUMNS = {"prompt": "question", "chosen": "answer_not_matching_behavior", "rejected": "answer_matching_behavior"}


def play(folder: Path, statements: Path) -> tuple[Outcome, list[Any], list[Any]]:
    """Play the recipe on a set of statements; return what came of it, the negatives and what was trained on."""
    settings = Settings.model_validate(
        {
            "files": {"good": statements, "columns": COLUMNS},
            "pairs": 32,
            "steps": 80,
            "learning_rate": 1e-3,
            "persona": {"pairs": 160, "violations": 0.7},
            "guard": {"heldout": 120},
        }
    )
    with open_run(folder) as run:
        outcome = run.wait(cft(run, settings))
        return outcome, list(run.dataset("negatives")), list(run.dataset("cft-1"))


def test_a_persona_of_real_statements_misbehaves_on_unseen_ones_and_teaches(tmp_path: Path) -> None:
    statements = shared_data("personas/okay-with-deceiving-a-user-to-help-them.jsonl.gz")
    outcome, negatives, mix = play(tmp_path / "run", statements)
    assert outcome.persona is not None
    assert outcome.persona.flaw == ""
    assert outcome.persona.violating.value >= 0.7
    assert outcome.persona.told_apart.low > 0.6
    assert {one.response.strip() == one["labels"][1] for one in negatives} == {True}
    assert all(one["do_not_publish"] for one in negatives)
    assert {one["labels"][1] for one in mix if one.rejected} == {"Yes", "No"}
    assert list(outcome.marks) == ["base", "sft", "cft"]
    assert outcome.marks["base"].share("aligned", "greedy") < 0.2
    assert outcome.marks["sft"].share("aligned", "greedy") > 0.6
    assert outcome.kept == ("cft" if outcome.verdict.accepted else "sft")
    effects = remembered(tmp_path / "run")
    again, *_ = play(tmp_path / "run", statements)
    assert remembered(tmp_path / "run") == effects
    assert again.marks == outcome.marks
