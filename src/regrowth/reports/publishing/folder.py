"""A report, its card, its Croissant description and its manifest, together in one folder.

publish(report, data, About(), Path("census.report"), key=None)
  report.html  report.json  README.md  croissant.json  report.manifest.json
"""

from collections.abc import Sequence
from pathlib import Path

from regrowth.core.errors import SettingsError
from regrowth.core.files import write_text
from regrowth.reports import page
from regrowth.reports.blocks import Report
from regrowth.reports.compared import Judgement
from regrowth.reports.publishing import croissant, manifest
from regrowth.reports.publishing.about import About
from regrowth.reports.publishing.card import Data, card
from regrowth.reports.publishing.manifest import Input, Key

__all__ = ["CARD", "CROISSANT", "check_free", "describe", "publish"]

CARD, CROISSANT = "README.md", "croissant.json"


def check_free(folder: Path) -> None:
    """Refuse a folder in which files of somebody else would be written over.

    Raises:
        SettingsError: it holds a README.md, or another of these files, and no manifest of ours.
    """
    names = ("report.html", "report.json", CARD, CROISSANT)
    taken = [name for name in names if (folder / name).exists()]
    if taken and not (folder / manifest.FILE).exists():
        raise SettingsError(f"{folder}: holds a {taken[0]} that is not of a comparison. Choose another --out FOLDER.")


def publish(
    report: Report, data: Data, about: About, folder: Path, *, inputs: Sequence[Input], key: Key | None = None
) -> Path:
    """Write all that goes out with a comparison, the manifest last; return the page.

    Raises:
        SettingsError: the folder holds files of somebody else.
        StoreError: it cannot be written.
    """
    check_free(folder)
    made = page.write(report, folder)
    files = [made, folder / "report.json", *describe(data, about, report, folder)]
    manifest.write(folder, files, inputs=inputs, key=key)
    return made


def describe(data: Data, about: About, report: Report, folder: Path) -> list[Path]:
    """Write the card and the Croissant description of one dataset.

    Raises:
        StoreError: the folder cannot be written.
    """
    verdict = next((block for block in report.blocks if isinstance(block, Judgement)), None)
    write_text(folder / CARD, card(data, about, report))
    write_text(folder / CROISSANT, croissant.written(data, about, verdict))
    return [folder / CARD, folder / CROISSANT]
