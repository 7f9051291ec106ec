"""The cards of a run's datasets, and the manifest over its report and data.

runs/demo/
  about.toml                     what a person states of the data, if there is one
  cards/verified-1/README.md     the dataset card, and croissant.json beside it
  report.manifest.json           report, cards, and every part of every dataset
"""

from collections.abc import Mapping
from pathlib import Path

from regrowth.core.dataset import Dataset
from regrowth.reports.blocks import Facts, Lineage, Report
from regrowth.reports.collect import datasets, described
from regrowth.reports.publishing import manifest
from regrowth.reports.publishing.about import FILE as ABOUT
from regrowth.reports.publishing.about import About, Origin, read_about
from regrowth.reports.publishing.card import Column, Data
from regrowth.reports.publishing.folder import describe
from regrowth.reports.publishing.manifest import Input, Key

__all__ = ["publish_run"]

CARDS = "cards"
COLUMNS = (Column("id", "Text"), Column("response", "Text"), Column("origin", "Text"))
"""Columns of every dataset of a run that are plain; messages and passports are nested."""


def publish_run(folder: Path, report: Report, key: Key | None = None) -> Path:
    """Write the cards of a run's datasets and the manifest of its report, whose page is there already.

    Raises:
        DataError: a dataset or `about.toml` cannot be read.
        StoreError: the folder cannot be written.
    """
    found = datasets(folder)
    about = read_about(folder / ABOUT) if (folder / ABOUT).exists() else _known(folder)
    files = [folder / "report.html", folder / "report.json"]
    sums: dict[Path, str] = {}
    for dataset in found:
        files += describe(_data(dataset, report), _named(about, dataset), report, folder / CARDS / dataset.path.name)
        files.append(dataset.path / "manifest.json")
        sums |= _parts(dataset)
    return manifest.write(folder, files, known=sums, key=key)


def _parts(dataset: Dataset) -> Mapping[Path, str]:
    """Return the sums of the parts, as the dataset's own manifest has them: they need not be read again."""
    parts = (*dataset.manifest["shards"], *dataset.manifest["ledger"])
    return {dataset.path / part["file"]: part["sha256"] for part in parts}


def _known(folder: Path) -> About:
    """Return what the run itself knows: which models wrote."""
    names = described(folder).get("models", {})
    return About(teachers=tuple(Origin(name=str(name)) for name in sorted(set(names.values()))))


def _named(about: About, dataset: Dataset) -> About:
    name = f"{about.name}: {dataset.path.name}" if about.name else dataset.path.name
    return about.model_copy(update={"name": name})


def _data(dataset: Dataset, report: Report) -> Data:
    files = [
        Input("data", shard["file"], shard["sha256"], (dataset.path / shard["file"]).stat().st_size)
        for shard in dataset.manifest["shards"]
    ]
    origins = [one for block in report.blocks if isinstance(block, Lineage) for one in block.datasets]
    synthetic = sum(one.synthetic for one in origins if one.dataset == dataset.path.name)
    command = next((block.command for block in report.blocks if isinstance(block, Facts)), "")
    return Data(
        files=files, rows=len(dataset), columns=COLUMNS, modality="text", synthetic=synthetic > 0, command=command
    )
