"""Plots as SVG strings: intervals, funnel, refusals, curves. Pure and deterministic; equal blocks give equal bytes.

No colour carries a meaning alone: arms, gates and reasons are named where they are drawn, lines differ in their
dashes, segments carry numbers. `regrowth.reports.svg` says how a plot fits a phone.
"""

import math
from collections.abc import Iterable, Sequence

from regrowth.reports import wording
from regrowth.reports.blocks import Arm, Curves, Funnel, Measure, Rejects, Scores, Series
from regrowth.reports.svg import Scale, element, figure, percent, scale, text

__all__ = ["MOST_REASONS", "MOST_SERIES", "curves", "funnel", "intervals", "meter", "reasons"]

ROW = 46
"""Height of one arm."""
STEP = 44
"""Height of one gate."""
MARGIN = 2.0
"""Percent kept free at both sides, so that no mark is cut off."""
MOST_REASONS = 7
"""Segments that are told apart; the others are drawn as one."""
MOST_SERIES = 6
MOST_POINTS = 400
"""Points drawn per line; longer ones are thinned, extremes kept."""
CURVE_HEIGHT = 240


def intervals(scores: Scores, measure: Measure, name: str) -> str:
    """Draw one measure of every arm: a dot at the value, a line over its interval, the baseline dashed through all."""
    arms = [arm for arm in scores.arms if measure.name in arm.estimates]
    across = _shared_scale(scores, measure)
    bottom = len(arms) * ROW + 4
    baseline = next((arm.estimates[measure.name].value for arm in arms if arm.role == "baseline"), None)
    drawn = [_grid(across, bottom, measure)]
    if baseline is not None:
        drawn.append(_upright(across(baseline), 0, bottom, "reference"))
    drawn += [_arm_row(arm, measure, across, index * ROW) for index, arm in enumerate(arms)]
    told = [f"{arm.name}: {_told(arm, measure)}" for arm in arms]
    return figure(name, bottom + 24, f"{measure.name}, {measure.better} is better", told, *drawn)


def _shared_scale(scores: Scores, measure: Measure) -> Scale:
    """Use one scale for all shares of a block, so that its panels can be compared."""
    alike = {other.name for other in scores.measures if other.unit == "share"}
    names = alike if measure.unit == "share" else {measure.name}
    found = [estimate for arm in scores.arms for name, estimate in arm.estimates.items() if name in names]
    low, high = min(one.low for one in found), max(one.high for one in found)
    if 0 < low < (high - low) / 2:
        low = 0.0
    return scale(low, high, (MARGIN, 100 - MARGIN))


def _arm_row(arm: Arm, measure: Measure, across: Scale, top: int) -> str:
    estimate = arm.estimates[measure.name]
    line = top + 31
    left, right = across(estimate.low), across(estimate.high)
    return element(
        "g",
        element("title", wording_title(arm, measure)),
        text(_short(arm.name, 34), 0, top + 17, "name"),
        text(wording.value(estimate.value, measure.unit), 100, top + 17, "figure", anchor="end"),
        element("line", x1=percent(left), x2=percent(right), y1=line, y2=line, class_="whisker"),
        _upright(left, line - 4, line + 4, "whisker"),
        _upright(right, line - 4, line + 4, "whisker"),
        element("circle", cx=percent(across(estimate.value)), cy=line, r=6, class_="dot"),
        class_=f"arm {arm.role}",
    )


def wording_title(arm: Arm, measure: Measure) -> str:
    """Return what a pointer resting on an arm shows, escaped."""
    return text(f"{arm.name}: {_told(arm, measure)}", 0, 0).partition(">")[2].removesuffix("</text>")


def _told(arm: Arm, measure: Measure) -> str:
    estimate = arm.estimates[measure.name]
    middle = wording.value(estimate.value, measure.unit)
    return f"{middle}, 95 % interval {wording.interval(estimate, measure.unit)}, n = {wording.count(estimate.n)}"


def _grid(across: Scale, bottom: int, measure: Measure) -> str:
    digits = 0 if all(math.isclose(100 * tick, round(100 * tick), abs_tol=1e-9) for tick in across.ticks) else 1
    marks = []
    for tick in across.ticks:
        words = wording.share(tick, digits) if measure.unit == "share" else wording.number(tick)
        marks += [_upright(across(tick), 0, bottom, "grid"), _tick(words, across(tick), bottom + 16)]
    return element("g", *marks)


def _tick(words: str, place: float, y: float) -> str:
    anchor = "" if place < 6 else "end" if place > 94 else "middle"
    return text(words, 0 if place < 6 else 100 if place > 94 else place, y, "tick", anchor=anchor)


def _upright(place: float, top: float, bottom: float, class_: str) -> str:
    return element("line", x1=percent(place), x2=percent(place), y1=top, y2=bottom, class_=class_)


def funnel(block: Funnel, name: str) -> str:
    """Draw how many records were left after each gate; the lighter part of a bar is what that gate stopped."""
    rows = [("made", block.made, 0, "")]
    left = block.made
    for gate in block.gates:
        stopped = gate.refused + gate.failed
        left -= stopped
        rows.append((gate.gate, left, stopped, _stopped(gate.refused, gate.failed)))
    rows.append(("accepted", block.accepted, 0, "" if block.wanted is None else f"of {block.wanted:,} wanted"))
    drawn = [_gate_row(row, block.made, index) for index, row in enumerate(rows)]
    told = [f"{label}: {count:,} left{f', {words}' if words else ''}" for label, count, _, words in rows]
    return figure(name, len(rows) * STEP, "Records left after each gate", told, *drawn)


def _stopped(refused: int, failed: int) -> str:
    parts = [f"{wording.MINUS}{refused:,}"] if refused or not failed else []
    return ", ".join([*parts, *([f"{failed:,} failed"] if failed else [])]) if refused or failed else "none refused"


def _gate_row(row: tuple[str, int, int, str], made: int, index: int) -> str:
    label, left, stopped, words = row
    top = index * STEP
    kept, before = (100 * count / max(1, made) for count in (left, left + stopped))
    ends = "ends" if label in ("made", "accepted") else "between"
    parts = [
        text(_short(label, 22), 0, top + 16, "name"),
        text(words, 62, top + 16, "aside", anchor="end"),
        text(f"{left:,}", 84, top + 16, "figure", anchor="end"),
        text(wording.share(left / max(1, made), 0), 100, top + 16, "aside", anchor="end"),
        element("rect", x=0, y=top + 23, width="100%", height=9, rx=2, class_="track"),
        element("rect", x=percent(kept), y=top + 23, width=percent(before - kept), height=9, class_="lost"),
        element("rect", x=0, y=top + 23, width=percent(kept), height=9, rx=2, class_="kept"),
    ]
    return element("g", *parts, class_=f"gate {ends}")


def reasons(block: Rejects, name: str) -> str:
    """Draw one bar of all refusals, divided by gate; the numbers in it are those of the list below it."""
    shown = sorted(block.gates, key=lambda gate: -gate.count)
    parts = [(str(place), gate.gate, gate.count) for place, gate in enumerate(shown[:MOST_REASONS], 1)]
    if rest := sum(gate.count for gate in shown[MOST_REASONS:]):
        parts.append(("+", "others", rest))
    drawn, left = [], 0.0
    for place, (mark, label, count) in enumerate(parts):
        width = 100 * count / max(1, block.total)
        drawn.append(_segment(left, width, mark, f"{label}: {count:,}", place))
        left += width
    told = [f"{mark} {label}: {count:,} of {block.total:,}" for mark, label, count in parts]
    return figure(name, 34, "Refused records by gate", told, *drawn)


def _segment(left: float, width: float, mark: str, words: str, place: int) -> str:
    bar = element("rect", x=percent(left), y=1, width=percent(width), height=32, class_=f"segment tint{place}")
    number = [text(mark, left + width / 2, 22, f"on{place}", anchor="middle")] if width >= 5 else []
    return element("g", element("title", *text(words, 0, 0).partition(">")[2:]).replace("</text>", ""), bar, *number)


def meter(share: float) -> str:
    """Draw a share as a small bar for a table cell; the number stands beside it."""
    full = percent(100 * min(1.0, max(0.0, share)))
    bars = (
        element("rect", width="100%", height=6, rx=2, class_="track"),
        element("rect", width=full, height=6, rx=2, class_="kept"),
    )
    return element("svg", *bars, class_="meter", width=64, height=6, aria_hidden="true")


def curves(block: Curves, name: str) -> str:
    """Draw lines over steps or rounds, with their names at their ends."""
    lines = [_thinned(line) for line in block.series[:MOST_SERIES] if any(y is not None for y in line.y)]
    across = _enclosing([x for line in lines for x in line.x], (0, 1000), block)
    heights = [y for line in lines for part in (line.y, line.low, line.high) for y in part if y is not None]
    up = _enclosing(heights, (CURVE_HEIGHT - 34, 14), block)
    inner = [part for place, line in enumerate(lines) for part in _line(line, place, across, up)]
    stretched = element(
        "svg",
        *inner,
        x="0",
        y=0,
        width="100%",
        height=CURVE_HEIGHT,
        viewBox=f"0 0 1000 {CURVE_HEIGHT}",
        preserveAspectRatio="none",
        overflow="visible",
    )
    drawn = [*_levels(up, block), stretched, *_points(lines, across, up), *_steps(across)]
    told = [f"{line.name}: {_course(line, block)}" for line in lines]
    main = figure(name, CURVE_HEIGHT, f"{block.y} over {block.x}", told, *drawn)
    return main + _line_ends(lines, up)
