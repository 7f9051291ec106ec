"""Numbers beside what real data read, as SVG strings: a dot, its interval, and the band of the null behind it.

age     ░░░░░░░▒▒▒▒▒▒▒▒░░░░   0.97      grey band: real data against real data
        ────●──                          dot and line: the synthetic data
"""

from collections.abc import Sequence

from regrowth.reports import wording
from regrowth.reports.compared import Explained, Told
from regrowth.reports.svg import Scale, element, figure, hint, label, percent, scale, short, tick, tick_names, upright

__all__ = ["bands", "span"]

ROW = 44
"""Height of one number, in pixels."""
MARGIN = 2.0
MARKS = {"good": "", "look": " !", "stop": " ✕"}
"""What stands behind a number that asks for a look, so that no colour says it alone."""


def bands(measure: Explained, readings: Sequence[Told], name: str) -> str:
    """Draw some numbers of one measure under each other, all on one scale."""
    across = _shared_scale(measure, readings)
    bottom = len(readings) * ROW + 2
    names = tick_names(across.ticks, "number")
    ticks = [tick(said, across(mark), bottom + 14) for mark, said in zip(across.ticks, names, strict=True)]
    rows = [_row(one, across, place * ROW) for place, one in enumerate(readings)]
    return figure(name, bottom + 20, measure.title, [span(one) for one in readings], *ticks, *rows)


def span(one: Told) -> str:
    """Return a number with its interval and its null, in words."""
    said = f"{one.of or 'all'}: {wording.number(one.estimate.value)}, {wording.interval(one.estimate, 'number')}"
    null = f"; real data {wording.interval(one.null, 'number')}" if one.null else ""
    return f"{said}{null}{_LEVELS[one.level]}"


_LEVELS = {"good": "", "look": " (look at this)", "stop": " (far from real data)"}


def _shared_scale(measure: Explained, readings: Sequence[Told]) -> Scale:
    estimates = [estimate for one in readings for estimate in (one.estimate, one.null) if estimate is not None]
    low, high = min(one.low for one in estimates), max(one.high for one in estimates)
    # Small gaps must not fill the plot: a bounded measure shows a tenth of its range at least.
    if measure.low is not None and measure.high is not None:
        room = max(0.0, (measure.high - measure.low) / 10 - (high - low))
        low, high = max(measure.low, low - room / 2), min(measure.high, high + room / 2)
    return scale(low, high, (MARGIN, 100 - MARGIN))


def _row(one: Told, across: Scale, top: int) -> str:
    line = top + 31
    left, right = across(one.estimate.low), across(one.estimate.high)
    grid = [upright(across(mark), top + 23, top + 39, "grid") for mark in across.ticks]
    return element(
        "g",
        hint(span(one)),
        label(short(one.of or "all", 34), 0, top + 16, "name"),
        label(wording.number(one.estimate.value) + MARKS[one.level], 100, top + 16, "figure", anchor="end"),
        element("rect", x=0, y=top + 23, width="100%", height=16, rx=2, class_="track"),
        *grid,
        *([_null(one, across, top)] if one.null else []),
        element("line", x1=percent(left), x2=percent(right), y1=line, y2=line, class_="whisker"),
        upright(left, line - 4, line + 4, "whisker"),
        upright(right, line - 4, line + 4, "whisker"),
        element("circle", cx=percent(across(one.estimate.value)), cy=line, r=5.5, class_="dot"),
        class_=f"arm reading {one.level}",
    )


def _null(one: Told, across: Scale, top: int) -> str:
    assert one.null is not None
    left, right = across(one.null.low), across(one.null.high)
    width = max(0.6, right - left)  # a band of no width is still to be seen
    place = min(left, 100 - width)
    return element("rect", x=percent(place), y=top + 23, width=percent(width), height=16, rx=2, class_="null")
