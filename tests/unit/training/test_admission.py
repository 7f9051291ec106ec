"""Nothing trains on a dataset whose manifest does not say that it passed, whoever calls."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from regrowth.core.dataset import Dataset
from regrowth.core.errors import DataError
from regrowth.core.record import Record
from regrowth.core.store import Store
from regrowth.curation.examiners import EXAMINERS
from regrowth.curation.lock import Override, Policy, admitted, examined, signed
from regrowth.training.admission import UNSEEN, permit
from regrowth.training.fit import fit
from regrowth.weights import hub, loading
from regrowth.weights.loading import lineage, load
from support.training import SHORT, additions

CLEAN = additions(12)
LEAKING = [Record.of("Who?", response="Write to ann.lee@posteo.de.")]
ADA = Override("Ada", "she agreed")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(tmp_path / "run") as store:
        yield store


def written(folder: Path, records: list[Record] = CLEAN, *, asked: bool = True) -> Dataset:
    dataset = Dataset.write(folder / "answers", records)
    return examined(dataset, Policy.read(), EXAMINERS) if asked else dataset


def changed(dataset: Dataset, **verdicts: Any) -> Dataset:
    """Return a dataset in whose manifest something of the verdicts stands otherwise."""
    manifest = {**dataset.manifest, "verdicts": {**dataset.manifest["verdicts"], **verdicts}}
    (dataset.path / "manifest.json").write_text(json.dumps(manifest), "utf-8")
    return Dataset(dataset.path)


def trained(base: Path, store: Store, records: Any, **how: Any) -> Path:
    return asyncio.run(fit(base, records, "some", settings=SHORT, store=store, **how))


def test_fit_itself_refuses_a_dataset_that_was_not_examined_or_failed(base: Path, store: Store, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="may not be trained on or exported: not examined"):
        trained(base, store, written(tmp_path, asked=False))
    with pytest.raises(DataError, match="personal: 1 of 1, allowed 0") as refusal:
        trained(base, store, written(tmp_path, LEAKING))
    assert LEAKING[0].id[:12] in str(refusal.value)
    assert store.new_effects == 0


def test_what_passed_leaves_no_word_in_the_header_and_what_was_signed_for_does(
    base: Path, store: Store, tmp_path: Path
) -> None:
    assert "override" not in lineage(trained(base, store, written(tmp_path)))
    failed = written(tmp_path, LEAKING)
    words = admitted(failed, Policy.read(), ADA)
    assert lineage(trained(base, store, failed, override="Ada: here"))["override"] == "Ada: here"
    assert lineage(trained(base, store, signed(failed, words)))["override"] == words


def test_records_in_memory_are_trained_on_and_the_header_and_those_after_it_say_so(base: Path, store: Store) -> None:
    first = trained(base, store, CLEAN)
    second = trained(first, store, CLEAN)
    assert lineage(first)["override"] == lineage(second)["override"] == UNSEEN
    third = trained(second, store, CLEAN, override="Ada: my own sums")
    assert lineage(third)["override"] == f"{UNSEEN}\nAda: my own sums"


def test_a_verdict_counts_for_what_it_was_made_of_only(tmp_path: Path) -> None:
    passed = written(tmp_path)
    assert permit(passed) == ""
    other = changed(written(tmp_path / "other", additions(12, seed=1)), **passed.manifest["verdicts"])
    with pytest.raises(DataError, match="not examined"):
        permit(other)
    with pytest.raises(DataError, match="judged: not examined"):
        permit(changed(passed, mandatory=["judged", "personal"]))
    told = dict(passed.manifest["verdicts"])
    del told["mandatory"]
    (passed.path / "manifest.json").write_text(json.dumps({**passed.manifest, "verdicts": told}), "utf-8")
    with pytest.raises(DataError, match="not examined"):
        permit(Dataset(passed.path))


def test_a_signature_does_not_cover_other_content(tmp_path: Path) -> None:
    failed = written(tmp_path, LEAKING)
    failed = signed(failed, admitted(failed, Policy.read(), ADA))
    assert permit(failed).startswith("Ada: she agreed [")
    with pytest.raises(DataError, match="not examined"):
        permit(changed(failed, fingerprint="of something else"))


def test_files_that_were_changed_behind_the_manifest_are_not_trained_on(tmp_path: Path) -> None:
    passed = written(tmp_path)
    other = Dataset.write(tmp_path / "other", LEAKING)
    (passed.path / "part-00000.parquet").write_bytes((other.path / "part-00000.parquet").read_bytes())
    with pytest.raises(DataError, match="was changed after it was written"):
        permit(passed)


def test_what_was_signed_for_a_base_of_the_hub_is_carried_on(
    base: Path, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    published = trained(base, store, written(tmp_path, LEAKING), override="Ada: she agreed")
    assert hub.is_hub_name("ada/model@main")
    monkeypatch.setattr(loading, "fetch", lambda name: published)
    assert load("ada/model@main").header["override"] == "Ada: she agreed"
    found = asyncio.run(fit("ada/model@main", written(tmp_path), "some", settings=SHORT, store=store))
    assert lineage(found)["override"] == "Ada: she agreed"
