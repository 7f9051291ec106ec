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
from regrowth.reports import lines, plots, wording
from regrowth.reports.blocks import Difference, Funnel, Measure, Report, Scores, Stratum

__all__ = ["html", "write"]

MOST_STRATA = 12
"""Strata shown one by one: the thinnest."""
MOST_LETTERS = 600
"""Characters of a prompt or a response that the page shows; the JSON file has what the block has."""
PLOTS: Mapping[str, Callable[..., str]] = {
    "intervals": plots.intervals,
    "funnel": plots.funnel,
    "reasons": plots.reasons,
    "origins": plots.origins,
    "meter": plots.meter,
    "curves": lines.curves,
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


def _markup(draw: Callable[..., str]) -> Callable[..., Markup]:
    return lambda *arguments: Markup(draw(*arguments))  # noqa: S704 - the plots escape what they draw


def _printable(value: Any) -> Any:
    """Spell out what hides in a text, before it is escaped."""
    return wording.visible(value) if type(value) is str else value


def _style() -> str:
    return files("regrowth.reports").joinpath("templates", "page.css").read_text("utf-8")
