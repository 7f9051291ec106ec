"""The report of a run: what its recipe had to say, then what its folder tells.

made = write(Path("runs/demo"), run.store)
made.page     runs/demo/report.html
made.lines    ("Accuracy 34.1% → 47.2% on 800 unseen problems", …)
"""

from pathlib import Path
from typing import NamedTuple

from regrowth.core.store import Store
from regrowth.reports import page
from regrowth.reports.blocks import Block, Funnel, Headline, Report, load
from regrowth.reports.collect import collect, described
from regrowth.reports.publishing.manifest import Key
from regrowth.reports.publishing.runs import publish_run

__all__ = ["Made", "compose", "write"]


class Made(NamedTuple):
    """Say where the page lies and what it says first."""

    page: Path
    lines: tuple[str, ...]
    """Headline, its figures and what fell short, for the terminal."""


def write(folder: Path, store: Store | None = None, key: Key | None = None) -> Made:
    """Write `report.html` and `report.json` of a run folder, a card for each dataset, and the manifest over all.

    Args:
        key: signs the manifest.

    Raises:
        DataError: something in the folder cannot be read.
        StoreError: the folder cannot be written.
    """
    report = compose(folder, store)
    made = page.write(report, folder)
    publish_run(folder, report, key)
    return Made(made, summary(report))


def compose(folder: Path, store: Store | None = None) -> Report:
    """Return the report of a run folder.

    Raises:
        DataError: something in the folder cannot be read.
    """
    run = described(folder)
    recipe = str(run.get("recipe", ""))
    own, found = load(folder), collect(folder, store)
    blocks = [*own, *found]
    if not any(block.kind == "headline" for block in own):
        blocks = [*_headline(found), *blocks]
    title = recipe.replace("_", " ").capitalize() or folder.resolve().name
    made_with = f" Made with regrowth {run['regrowth']}." if "regrowth" in run else ""
    return Report(title=title, subtitle=f"Run {folder.resolve().name}.{made_with}", blocks=tuple(blocks))


def summary(report: Report) -> tuple[str, ...]:
    """Return what the page says first, as lines of text."""
    lines = []
    for block in report.blocks:
        if block.kind == "headline":
            lines.append(block.text)
            lines += [f"  {one.label}: {one.value}{f' ({one.note})' if one.note else ''}" for one in block.figures]
        elif block.kind == "funnel" and block.note:
            lines.append(block.note)
    return tuple(lines)


def _headline(blocks: list[Block]) -> list[Block]:
    """Return a headline for a recipe that has none: what passed the gates."""
    funnels = [block for block in blocks if isinstance(block, Funnel)]
    if not funnels:
        return []
    made, accepted = sum(one.made for one in funnels), sum(one.accepted for one in funnels)
    return [Headline(text=f"{accepted:,} of {made:,} records passed every gate")]
