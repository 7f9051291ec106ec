"""The main job on real input: problems, solutions that real language models wrote, the publishers' verdicts."""

import gzip
import json
from pathlib import Path

import pytest

from regrowth.cli import main
from regrowth.core.dataset import Dataset
from support.data import shared_data

MODELS = ("6b_finetuning", "6b_verification", "175b_finetuning", "175b_verification")


def test_every_verdict_agrees_with_the_publishers(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    problems = shared_data("reasoning/gsm8k_test.jsonl.gz")
    solutions = shared_data("reasoning/gsm8k_model_solutions.jsonl.gz")
    sets = [f"problems={problems}", f"model=recorded:{solutions}?prompt=question&responses=*.solution"]
    code = main(["run", "verify_solutions", "--folder", str(tmp_path), *(x for one in sets for x in ("--set", one))])
    assert code == 0, capsys.readouterr().err
    verified = Dataset(tmp_path / "data" / "verified")
    ours = {
        (entry.record.prompt, entry.record["solution"]): entry.outcome == "accepted"
        for entries in (verified.entries(), verified.ledger())
        for entry in entries
    }
    with gzip.open(solutions, "rt", encoding="utf-8") as file:
        theirs = {
            (row["question"], place): row[model]["is_correct"]
            for row in map(json.loads, file)
            for place, model in enumerate(MODELS)
        }
    assert len(theirs) == 4 * 369
    assert {key for key in theirs if ours[key] != theirs[key]} == set()
