"""Curves as SVG strings: losses over steps, yield or accuracy over rounds.

Names stand at the ends of their lines; lines differ in dashes as well as in colour. The lines live in a frame of
fixed units that is stretched to the width of the page, strokes and letters are not.
"""

import math
from collections.abc import Iterator, Sequence
from itertools import accumulate, groupby
from typing import TypeAlias

from regrowth.reports import wording
from regrowth.reports.blocks import Curves, Series
from regrowth.reports.svg import Scale, element, figure, hint, label, percent, scale, tick, tick_names, upright

__all__ = ["MOST_SERIES", "curves", "drawable", "numbered", "window"]

MOST_SERIES = 6
MOST_POINTS = 400
"""Points drawn per line; longer ones are thinned, extremes kept."""
MARKED_POINTS = 24
"""Up to so many points are marked one by one."""
HEIGHT = 236
TOP, BOTTOM = 16, HEIGHT - 26
FRAME = 1000.0
LETTER = 8.2
"""Pixels that a letter of a name takes, at most about."""
LONGEST = 14

FEW_STEPS = 6
"""Up to so many steps, such as rounds, are named one by one."""
SMOOTHED_FROM = 120
"""Points from which on a running mean is drawn over the values."""

Point: TypeAlias = tuple[float, float]
Band: TypeAlias = tuple[float, float, float]


def drawable(block: Curves) -> tuple[Series, ...]:
    """Return the lines that have a point to draw, as many as can be told apart."""
    return tuple(line for line in block.series if any(y is not None for y in line.y))[:MOST_SERIES]


def curves(block: Curves, name: str) -> str:
    """Draw lines over steps or rounds, with their names at their ends; nothing if there is no point."""
    lines = drawable(block)
    if not lines:
        return ""
    across, up = _scales(block, lines)
    shapes = [part for place, line in enumerate(lines, 1) for part in _shapes(line, place, across, up)]
    frame = element(
        "svg", *shapes, width="100%", height=HEIGHT, viewBox=f"0 0 1000 {HEIGHT}", preserveAspectRatio="none"
    )
    marks = [part for place, line in enumerate(lines, 1) for part in _marks(line, place, (across, up), block)]
    drawn = [*_levels(block, up), *_steps(across), frame, *marks]
    told = [f"{line.name}: {_course(line, block)}" for line in lines]
    return figure(name, HEIGHT, f"{block.y} over {block.x}", told, *drawn) + _names(block, up)


def _scales(block: Curves, lines: Sequence[Series]) -> tuple[Scale, Scale]:
    steps = [x for line in lines for x in line.x]
    heights = [y for line in lines for part in (line.y, line.low, line.high) for y in part if y is not None]
    low, high = min(heights), max(heights)
    up = scale(0.0 if 0 < low < high / 3 else low, high, (BOTTOM, TOP), ticks=4)
    ticked = scale(min(steps), max(steps), (0.0, 100.0), ticks=5)
    # Across, the line fills the plot: round numbers are marked where they fall, not rounded out to.
    first, last = (min(steps), max(steps)) if max(steps) > min(steps) else (ticked.low, ticked.high)
    few = tuple(sorted(set(steps)))
    inside = few if len(few) <= FEW_STEPS else tuple(mark for mark in ticked.ticks if first <= mark <= last)
    return Scale(first, last, inside, 1.5, 98.5), up


def _shapes(line: Series, place: int, across: Scale, up: Scale) -> Iterator[str]:
    """Yield the band of intervals and the line, in the stretched frame."""

    def at(x: float, y: float) -> str:
        return f"{across(x) * FRAME / 100:.1f},{up(y):.1f}"

    def drawn(points: list[Point], class_: str) -> str:
        corners = " ".join(at(x, y) for x, y in _thinned(points))
        return element("polyline", points=corners, class_=f"{class_} line{place}", vector_effect="non-scaling-stroke")

    for band in _bands(line):
        corners = [at(x, high) for x, _, high in band] + [at(x, low) for x, low, _ in reversed(band)]
        yield element("polygon", points=" ".join(corners), class_=f"band line{place}")
    for run in _runs(line):
        yield from (drawn(points, class_) for points, class_ in _strands(run))


def _runs(line: Series) -> Iterator[list[Point]]:
    """Yield the stretches of a line between its gaps."""
    pairs = zip(line.x, line.y, strict=True)
    for whole, run in groupby(pairs, key=lambda pair: pair[1] is not None):
        if whole:
            yield [(x, y) for x, y in run if y is not None]


def _bands(line: Series) -> Iterator[list[Band]]:
    triples = zip(line.x, line.low, line.high, strict=False)
    for whole, run in groupby(triples, key=lambda triple: None not in triple):
        if whole:
            yield [(x, low, high) for x, low, high in run if low is not None and high is not None]


def window(block: Curves) -> int:
    """Return over how many points the running means of a plot are taken, at most; 0 where every value is drawn."""
    longest = max((len(run) for line in drawable(block) for run in _runs(line)), default=0)
    return _window(longest)


def _window(length: int) -> int:
    return length // 60 * 2 + 1 if length >= SMOOTHED_FROM else 0


def _strands(run: list[Point]) -> list[tuple[list[Point], str]]:
    """Return what is drawn of a stretch: every value, and above them the running mean of a long one."""
    if not _window(len(run)):
        return [(run, "curve")]
    return [(run, "curve every"), (_running_mean(run), "curve")]


def _running_mean(run: list[Point]) -> list[Point]:
    """Return the centred running mean of a long stretch; its window shrinks towards both ends."""
    reach = _window(len(run)) // 2
    if not reach:
        return run
    sums = [0.0, *accumulate(y for _, y in run)]
    smooth = []
    for index, (x, _) in enumerate(run):
        near = min(reach, index, len(run) - 1 - index)
        smooth.append((x, (sums[index + near + 1] - sums[index - near]) / (2 * near + 1)))
    return smooth


def _thinned(run: Sequence[Point]) -> list[Point]:
    """Keep the first, the last, and the lowest and highest point of every stretch."""
    if len(run) <= MOST_POINTS:
        return list(run)
    stride = math.ceil(2 * len(run) / MOST_POINTS)
    kept = {0, len(run) - 1}
    for start in range(0, len(run), stride):
        stretch = range(start, min(start + stride, len(run)))
        kept |= {min(stretch, key=lambda index: run[index][1]), max(stretch, key=lambda index: run[index][1])}
    return [run[index] for index in sorted(kept)]


def _marks(line: Series, place: int, scales: tuple[Scale, Scale], block: Curves) -> Iterator[str]:
    """Yield a dot at every point of a short line, at the end of a long one."""
    across, up = scales
    points = [point for run in _runs(line) for point in _running_mean(run)]
    for x, y in points if len(points) <= MARKED_POINTS else points[-1:]:
        dot = element("circle", cx=percent(across(x)), cy=round(up(y), 1), r=3.5, class_=f"mark line{place}")
        yield element("g", hint(f"{line.name}, {block.x} {wording.number(x)}: {wording.value(y, block.unit)}"), dot)


def _levels(block: Curves, up: Scale) -> Iterator[str]:
    for mark, said in zip(up.ticks, tick_names(up.ticks, block.unit), strict=True):
        height = round(up(mark), 1)
        yield element("line", x1="0%", x2="100%", y1=height, y2=height, class_="grid")
        yield label(said, 0, height - 4, "tick")


def _steps(across: Scale) -> Iterator[str]:
    for mark, said in zip(across.ticks, tick_names(across.ticks, "number"), strict=True):
        yield upright(across(mark), BOTTOM, BOTTOM + 4, "axis")
        yield tick(said, across(mark), HEIGHT - 6)


def _course(line: Series, block: Curves) -> str:
    points = [point for run in _runs(line) for point in run]
    (first, start), (last, end) = points[0], points[-1]
    said = [f"{wording.value(y, block.unit)} at {wording.number(x)}" for x, y in ((first, start), (last, end))]
    return " to ".join(said)


def numbered(block: Curves) -> bool:
    """Return whether the ends of the lines carry numbers, because a name is too long to stand there."""
    lines = drawable(block)
    return len(lines) > 1 and any(len(line.name) > LONGEST for line in lines)


def _names(block: Curves, up: Scale) -> str:
    """Draw names, or numbers, beside the ends of the lines, pushed apart where they would overlap."""
    lines = drawable(block)
    if len(lines) < 2:
        return ""
    marks = [str(place) if numbered(block) else line.name for place, line in enumerate(lines, 1)]
    last = [up(_running_mean(list(_runs(line))[-1])[-1][1]) for line in lines]
    ends = sorted(zip(last, range(1, len(lines) + 1), marks, lines, strict=True))
    heights = _apart([height for height, *_ in ends], 16.0)
    drawn = [
        element("g", hint(line.name), label(mark, 0, round(height + 4, 1), f"name line{place}"))
        for height, (_, place, mark, line) in zip(heights, ends, strict=True)
    ]
    width = round(max(map(len, marks)) * LETTER + 4, 1)
    return element("svg", *drawn, class_="plot names", width=width, height=HEIGHT, aria_hidden="true")


def _apart(heights: Sequence[float], least: float) -> list[float]:
    """Return sorted heights at least so far apart, within the plot."""
    placed: list[float] = []
    for height in heights:
        placed.append(max(height, placed[-1] + least) if placed else max(height, float(TOP)))
    limit = float(BOTTOM)
    for index in reversed(range(len(placed))):
        placed[index] = min(placed[index], limit)
        limit = placed[index] - least
    return placed
