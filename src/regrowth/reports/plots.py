"""Plots as SVG strings: intervals, funnel, refusals, origins. Pure and deterministic: equal blocks give equal bytes.

No colour carries a meaning alone: arms and gates are named where they are drawn, segments carry numbers.
`svg` says how a plot fits a phone; `lines` draws curves.
"""

from collections.abc import Sequence
from typing import NamedTuple

from regrowth.reports import wording
from regrowth.reports.blocks import Arm, Funnel, Lineage, Measure, Passage, Rejects, Scores
from regrowth.reports.svg import Scale, element, figure, hint, label, percent, scale, short, tick, tick_names, upright

__all__ = ["MOST_REASONS", "funnel", "intervals", "meter", "origins", "reasons"]

ROW = 46
"""Height of one arm, in pixels."""
STEP = 42
"""Height of one gate, in pixels."""
ORIGIN = 56
"""Height of one dataset, in pixels."""
MARGIN = 2.0
"""Percent kept free at both sides, so that no mark is cut off."""
MOST_REASONS = 7
"""Segments that are told apart; the others are drawn as one."""


def intervals(scores: Scores, measure: Measure, name: str) -> str:
    """Draw one measure of every arm: a dot at the value, a line over its interval, the baseline dashed through all."""
    arms = [arm for arm in scores.arms if measure.name in arm.estimates]
    across = _shared_scale(scores, measure)
    bottom = len(arms) * ROW + 4
    baselines = [arm.estimates[measure.name].value for arm in arms if arm.role == "baseline"]
    drawn = [_ticks(across, bottom, measure)]
    for index, arm in enumerate(arms):
        drawn += [_lane(across, baselines, index * ROW), _arm_row(arm, measure, across, index * ROW)]
    told = [_told(arm, measure) for arm in arms]
    return figure(name, bottom + 24, f"{measure.name}, {measure.better} is better", told, *drawn)


def _shared_scale(scores: Scores, measure: Measure) -> Scale:
    """Use one scale for all shares of a block, so that its panels can be compared."""
    alike = [other.name for other in scores.measures if other.unit == "share"]
    names = alike if measure.unit == "share" else [measure.name]
    found = [estimate for arm in scores.arms for name, estimate in arm.estimates.items() if name in names]
    low, high = min(one.low for one in found), max(one.high for one in found)
    near_zero = 0 < low < (high - low) / 2
    return scale(0.0 if near_zero else low, high, (MARGIN, 100 - MARGIN))


def _lane(across: Scale, baselines: Sequence[float], top: int) -> str:
    """Draw the grid where the dot lies and not behind the names."""
    lines = [upright(across(mark), top + 26, top + 42, "grid") for mark in across.ticks]
    lines += [upright(across(value), top + 25, top + 43, "reference") for value in baselines]
    return element("g", *lines)


def _ticks(across: Scale, bottom: int, measure: Measure) -> str:
    names = tick_names(across.ticks, measure.unit)
    return element(
        "g", *(tick(said, across(mark), bottom + 14) for mark, said in zip(across.ticks, names, strict=True))
    )


def _arm_row(arm: Arm, measure: Measure, across: Scale, top: int) -> str:
    estimate = arm.estimates[measure.name]
    line = top + 34
    left, right = across(estimate.low), across(estimate.high)
    return element(
        "g",
        hint(_told(arm, measure)),
        label(short(arm.name, 34), 0, top + 17, "name"),
        label(wording.value(estimate.value, measure.unit), 100, top + 17, "figure", anchor="end"),
        element("line", x1=percent(left), x2=percent(right), y1=line, y2=line, class_="whisker"),
        upright(left, line - 4, line + 4, "whisker"),
        upright(right, line - 4, line + 4, "whisker"),
        element("circle", cx=percent(across(estimate.value)), cy=line, r=6, class_="dot"),
        class_=f"arm {arm.role}",
    )


def _told(arm: Arm, measure: Measure) -> str:
    estimate = arm.estimates[measure.name]
    middle, ends = wording.value(estimate.value, measure.unit), wording.interval(estimate, measure.unit)
    return f"{arm.name}: {middle}, 95 % interval {ends}, n = {estimate.n:,}"


class _Bar(NamedTuple):
    """One line of the funnel."""

    name: str
    before: int
    left: int
    aside: str = ""
    class_: str = "between"


def funnel(block: Funnel, name: str) -> str:
    """Draw how many records were left after each gate; the lighter part of a bar is what that gate stopped."""
    bars = [_Bar("made", block.made, block.made, class_="ends")]
    for gate in block.gates:
        before = bars[-1].left
        bars.append(_Bar(gate.gate, before, before - gate.refused - gate.failed, _stopped(gate)))
    wanted = "" if block.wanted is None else f"of {block.wanted:,} wanted"
    bars.append(_Bar("accepted", block.accepted, block.accepted, wanted, "ends"))
    drawn = [_bar_row(bar, block.made, index * STEP) for index, bar in enumerate(bars)]
    told = [f"{bar.name}: {', '.join(filter(None, (bar.aside, f'{bar.left:,} left')))}" for bar in bars]
    return figure(name, len(bars) * STEP, "Records left after each gate", told, *drawn)


def _stopped(gate: Passage) -> str:
    refused = f"{wording.MINUS}{gate.refused:,}" if gate.refused else ""
    failed = f"{gate.failed:,} failed" if gate.failed else ""
    return ", ".join(filter(None, (refused, failed))) or "none refused"


def _bar_row(bar: _Bar, made: int, top: int) -> str:
    kept, before = (100 * count / max(1, made) for count in (bar.left, bar.before))
    drawn = [
        hint(f"{bar.name}: {bar.left:,} left, {wording.share(kept / 100)} of those made"),
        label(short(bar.name, 22), 0, top + 17, "name"),
        label(bar.aside, 80, top + 17, "aside", anchor="end"),
        label(f"{bar.left:,}", 100, top + 17, "figure", anchor="end"),
        element("rect", x=0, y=top + 24, width="100%", height=8, rx=2, class_="track"),
    ]
    if before > kept:
        drawn.append(
            element("rect", x=percent(kept), y=top + 24, width=percent(before - kept), height=8, rx=2, class_="lost")
        )
    drawn.append(element("rect", x=0, y=top + 24, width=percent(kept), height=8, rx=2, class_="kept"))
    return element("g", *drawn, class_=f"gate {bar.class_}")


def reasons(block: Rejects, name: str) -> str:
    """Draw one bar of all refusals, divided by gate; the numbers in it are the places in the list of gates."""
    ranked = sorted(block.gates, key=lambda gate: -gate.count)
    parts = [_Part(str(place), gate.gate, gate.count, place) for place, gate in enumerate(ranked[:MOST_REASONS], 1)]
    if rest := sum(gate.count for gate in ranked[MOST_REASONS:]):
        parts.append(_Part("+", "others", rest, MOST_REASONS + 1))
    return figure(name, 34, "Refused records by gate", [_counted(parts)], *_divided(parts, 1))


def origins(block: Lineage, name: str) -> str:
    """Draw one bar per dataset, divided into real and synthetic records."""
    drawn, told = [], []
    for index, one in enumerate(block.datasets):
        top = index * ORIGIN
        parts = [_Part("real", "real", one.real, 1), _Part("synthetic", "synthetic", one.synthetic, 5)]
        size = f"{one.real + one.synthetic:,}"
        drawn += [
            label(short(one.dataset, 30), 0, top + 17, "name"),
            label(size, 100, top + 17, "figure", anchor="end"),
        ]
        drawn += _divided(parts, top + 24, height=20)
        told.append(f"{one.dataset}: {_counted(parts)}")
    return figure(name, len(block.datasets) * ORIGIN, "Records by origin", told, *drawn)


class _Part(NamedTuple):
    """One part of a divided bar."""

    mark: str
    """What is written on it, if it is wide enough."""
    name: str
    size: int
    tint: int


def _divided(parts: Sequence[_Part], top: int, height: int = 32) -> list[str]:
    total = sum(part.size for part in parts)
    drawn, left = [], 0.0
    for part in parts:
        width = 100 * part.size / max(1, total)
        tint = f"segment tint{part.tint}"
        inside = [element("rect", x=percent(left), y=top, width=percent(width), height=height, class_=tint)]
        if width >= 3 + 2.4 * len(part.mark):
            inside.append(label(part.mark, left + width / 2, top + height / 2 + 5, f"on{part.tint}", anchor="middle"))
        drawn.append(element("g", hint(f"{part.name}: {part.size:,}"), *inside))
        left += width
    return drawn


def _counted(parts: Sequence[_Part]) -> str:
    total = sum(part.size for part in parts)
    return ", ".join(f"{part.name} {part.size:,} of {total:,}" for part in parts)


def meter(share: float) -> str:
    """Draw a share as a small bar for a table cell; the number stands beside it."""
    full = percent(100 * min(1.0, max(0.0, share)))
    track = element("rect", width="100%", height=6, rx=2, class_="track")
    bar = element("rect", width=full, height=6, rx=2, class_="kept")
    return element("svg", track, bar, class_="meter", width=56, height=6, aria_hidden="true")
