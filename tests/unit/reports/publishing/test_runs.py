"""Cards of a run's datasets, and a manifest that knows every part of them."""

import json
from pathlib import Path

import pytest

from regrowth.core.dataset import Dataset
from regrowth.core.errors import DataError
from regrowth.core.record import Record
from regrowth.reports import report
from regrowth.reports.publishing.manifest import VARIABLE, check, load_key

KEY = load_key(None, {VARIABLE: "correct horse battery staple"})


def run_of(folder: Path) -> Path:
    folder.mkdir()
    facts = {"recipe": "demo", "regrowth": "0", "settings": {}, "models": {"5f0c": "tiny", "6a1b": "my-model"}}
    (folder / "run.json").write_text(json.dumps(facts))
    seed = Record.of("Q", response="A", origin="real")
    Dataset.write(folder / "data" / "made-1", [seed.derive(response="B", origin="synthetic"), seed])
    Dataset.write(folder / "data" / "people", [seed])
    return folder


def test_every_dataset_has_a_card_and_a_description(tmp_path: Path) -> None:
    folder = run_of(tmp_path / "run")
    report.write(folder)
    card = (folder / "cards" / "made-1" / "README.md").read_text("utf-8")
    assert "# made-1" in card
    assert '"synthetic"' in card
    assert "| tiny | Apache-2.0 |" in card
    assert "| my-model | not stated |" in card
    assert "regrowth run demo" in card
    assert '"synthetic"' not in (folder / "cards" / "people" / "README.md").read_text("utf-8")
    made = json.loads((folder / "cards" / "made-1" / "croissant.json").read_text("utf-8"))
    file = made["distribution"][0]
    assert (folder / "data" / "made-1" / file["contentUrl"]).is_file(), "as they lie beside each other when published"
    assert made["rai:hasSyntheticData"] is True


def test_the_manifest_covers_report_cards_and_data(tmp_path: Path) -> None:
    folder = run_of(tmp_path / "run")
    report.write(folder, None, KEY)
    found = check(folder, KEY)
    assert found.passed
    assert found.signature == "valid"
    listed = json.loads((folder / "report.manifest.json").read_text("utf-8"))["files"]
    assert {"report.html", "report.json", "cards/made-1/README.md", "data/made-1/manifest.json"} <= set(listed)
    part = next((folder / "data" / "made-1").glob("part-*.parquet"))
    part.write_bytes(part.read_bytes() + b"x")
    assert check(folder, KEY).changed == (f"data/made-1/{part.name}",)


def test_what_a_person_states_stands_on_every_card(tmp_path: Path) -> None:
    folder = run_of(tmp_path / "run")
    (folder / "about.toml").write_text('name = "Letters"\nlicence = "CC0-1.0"\nuses = ["tests"]\n')
    report.write(folder)
    card = (folder / "cards" / "people" / "README.md").read_text("utf-8")
    assert "# Letters: people" in card
    assert 'license: "cc0-1.0"' in card
    (folder / "about.toml").write_text("nonsense = 1")
    with pytest.raises(DataError, match="nonsense"):
        report.write(folder)


def test_a_report_written_twice_is_the_same(tmp_path: Path) -> None:
    folder = run_of(tmp_path / "run")
    report.write(folder)
    first = (folder / "report.manifest.json").read_bytes()
    report.write(folder)
    assert (folder / "report.manifest.json").read_bytes() == first
