"""The report as two files: `report.json` for programs, `report.html` for people.

The page is one file that needs nothing else: no network, no script, no font. What models wrote is hostile text:
everything is escaped, hidden characters are spelled out, and a content security policy forbids whatever is left.
"""

import json
from collections.abc import Callable, Mapping
from functools import partial
from importlib.resources import files
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from regrowth.core.files import told, write_text
from regrowth.reports import bands, grids, lines, plots, spreads, wording
from regrowth.reports.blocks import Difference, Funnel, Measure, Report, Scores, Stratum
from regrowth.reports.compared import Explained, Readings, Told

__all__ = ["html", "write"]

MOST_STRATA = 12
"""Strata shown one by one: the thinnest."""
MOST_LETTERS = 600
"""Characters of a prompt or a response that the page shows; the JSON file has what the block has."""
MOST_REASONS = 6
"""Reasons of a verdict that are shown at once."""
MOST_COLUMNS = 12
"""Columns whose values are drawn at once."""
MOST_READINGS = 6
"""Numbers of one measure that are drawn: of the whole, and those that ask most for a look."""
MOST_LISTED = 120
"""Numbers of one measure that are listed."""
STYLES = ("page.css", "comparison.css")
ANCHORS: Mapping[str, str] = {"marginals": "columns", "associations": "associations", "twins": "twins"}
"""Where a block of a comparison can be jumped to, by its kind; readings by their family."""
PLOTS: Mapping[str, Callable[..., str]] = {
    "intervals": plots.intervals,
    "funnel": plots.funnel,
    "reasons": plots.reasons,
    "origins": plots.origins,
    "meter": plots.meter,
    "curves": lines.curves,
    "bands": bands.bands,
    "spread": spreads.spread,
    "grid": grids.grid,
}


def write(report: Report, folder: Path) -> Path:
    """Write `report.json` and `report.html` into a folder, each whole or not at all; return the page.

    Raises:
        StoreError: the folder cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise told(error, folder) from error
    data = json.dumps(report.model_dump(mode="json"), indent=1, ensure_ascii=False, allow_nan=False)
    write_text(folder / "report.json", data + "\n")
    write_text(folder / "report.html", html(report))
    return folder / "report.html"


def html(report: Report) -> str:
    """Return the page."""
    return _room().get_template("page.html").render(report=report)


def _room() -> jinja2.Environment:
    room = jinja2.Environment(
        loader=jinja2.PackageLoader("regrowth.reports"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_printable,
    )
    room.globals |= {
        "style": Markup(_style()),  # noqa: S704 - a file of this package
        "plot": {name: _markup(draw) for name, draw in PLOTS.items()},
        "panels": panels,
        "gap_of": gap_of,
        "verdict": verdict,
        "thinnest": thinnest,
        "rest": rest,
        "drawable": lines.drawable,
        "numbered": lines.numbered,
        "window": lines.window,
        "most_reasons": plots.MOST_REASONS,
        "anchors": anchors,
        "compared": ("judgement", "readings", *ANCHORS),
        "chosen": grids.chosen,
        "widest": grids.widest,
        "parted": parted,
        "loud": loud,
        "most_told": MOST_REASONS,
        "most_columns": MOST_COLUMNS,
        "most_listed": MOST_LISTED,
    }
    room.filters |= {
        "count": wording.count,
        "share": wording.share,
        "money": wording.money,
        "duration": wording.duration,
        "value": wording.value,
        "interval": wording.interval,
        "gap": wording.gap,
        "spread": wording.spread,
        "breakable": breakable,
        "clipped": partial(wording.clipped, limit=MOST_LETTERS),
    }
    return room


def breakable(name: str) -> Markup:
    """Return a name that may be broken after an underscore, on a narrow page."""
    return Markup("_<wbr>").join(wording.visible(part) for part in name.split("_"))  # escapes the parts


def panels(block: Scores) -> list[tuple[Measure, str]]:
    """Return the measures that any arm has, each with the numbers of observations in words."""
    found = []
    for measure in block.measures:
        sizes = sorted({arm.estimates[measure.name].n for arm in block.arms if measure.name in arm.estimates})
        if sizes:
            found.append((measure, "n = " + " to ".join(f"{size:,}" for size in (*sizes[:1], *sizes[1:][-1:]))))
    return found


def thinnest(block: Funnel) -> tuple[Stratum, ...]:
    """Return the strata that are furthest from their quota, or yield least; all of them if they are few."""
    if len(block.strata) <= MOST_STRATA:
        return block.strata
    return tuple(sorted(block.strata, key=lambda stratum: stratum.filled)[:MOST_STRATA])


def rest(block: Funnel) -> Stratum | None:
    """Return the strata that are not shown, added up."""
    hidden = sorted(block.strata, key=lambda stratum: stratum.filled)[MOST_STRATA:]
    if not hidden:
        return None
    sums = {
        name: sum(getattr(stratum, name) for stratum in hidden)
        for name in ("attempted", "accepted", "refused", "failed")
    }
    quotas = [stratum.wanted for stratum in hidden if stratum.wanted is not None]
    return Stratum(name=f"{len(hidden)} more strata", wanted=sum(quotas) if quotas else None, **sums)


def gap_of(block: Scores, measure: Measure, arm: str, against: str) -> Difference | None:
    """Return the paired difference of two arms in one measure."""
    wanted = (measure.name, arm, against)
    return next((gap for gap in block.differences if (gap.measure, gap.arm, gap.against) == wanted), None)


def verdict(gap: Difference, measure: Measure) -> str:
    """Return in words which side of zero the whole interval lies on."""
    above, below = gap.estimate.low > 0, gap.estimate.high < 0
    if not (above or below):
        return "no clear difference"
    return "better" if above == (measure.better == "higher") else "worse"


def anchors(report: Report) -> dict[str, str]:
    """Return where a page can be jumped to: the title of each place by its name."""
    found = {}
    for block in report.blocks:
        if block.kind == "readings":
            found[block.family] = block.title
        elif block.kind in ("marginals", "associations", "twins"):
            found[ANCHORS[block.kind]] = block.title
    return found


def parted(measure: Explained) -> tuple[Told, ...]:
    """Return the numbers of a measure that are drawn: of the whole, and those that ask for a look, else the first."""
    loud = tuple(one for one in measure.readings if not one.of or one.level != "good")
    return (loud or measure.readings)[:MOST_READINGS]


def loud(block: Readings) -> tuple[tuple[Explained, ...], tuple[Explained, ...]]:
    """Return the measures that are shown at once, and those of parts of the data that ask for nothing."""
    first = tuple(one for one in block.measures if any(not told.of or told.level != "good" for told in one.readings))
    return first, tuple(one for one in block.measures if one not in first)


def _markup(draw: Callable[..., str]) -> Callable[..., Markup]:
    return lambda *arguments: Markup(draw(*arguments))  # noqa: S704 - the plots escape what they draw


def _printable(value: Any) -> Any:
    """Spell out what hides in a text, before it is escaped."""
    return wording.visible(value) if type(value) is str else value


def _style() -> str:
    folder = files("regrowth.reports").joinpath("templates")
    return "".join(folder.joinpath(name).read_text("utf-8") for name in STYLES)
