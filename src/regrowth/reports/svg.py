"""Elements, scales and ticks: what the plots are made of.

A plot is as wide as its column: places across are percentages, heights and letters are pixels, so the text stays
readable on a phone and nothing is stretched. Colours come from the page's style sheet through class names.

    element("circle", cx="47%", cy=28, r=5, class_="dot")   <circle cx="47%" cy="28" r="5" class="dot"/>
"""

import math
from collections.abc import Sequence
from html import escape
from typing import NamedTuple

from regrowth.reports.wording import MINUS, THIN, Unit, visible

__all__ = [
    "Scale",
    "element",
    "figure",
    "hint",
    "label",
    "percent",
    "scale",
    "short",
    "tick",
    "tick_names",
    "upright",
    "words",
]


class Scale(NamedTuple):
    """Map values onto a range of places."""

    low: float
    high: float
    ticks: tuple[float, ...]
    start: float
    """Where the low end lies."""
    end: float

    def __call__(self, value: float) -> float:
        """Return the place of a value, kept within the range."""
        within = (min(max(value, self.low), self.high) - self.low) / (self.high - self.low)
        return self.start + within * (self.end - self.start)


def scale(low: float, high: float, place: tuple[float, float], *, ticks: int = 5) -> Scale:
    """Return a scale over the round numbers that enclose low and high, with about so many ticks."""
    if high <= low:
        room = abs(low) / 2 or 1.0
        low, high = low - room, high + room
    step = _round_step((high - low) / max(1, ticks - 1))
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    marks = tuple(round(index * step, 12) for index in range(first, last + 1))
    return Scale(marks[0], marks[-1], marks, *place)


def _round_step(rough: float) -> float:
    power = 10.0 ** math.floor(math.log10(rough))
    return next(step * power for step in (1, 2, 2.5, 5, 10) if step * power >= rough * 0.999)


def percent(place: float) -> str:
    """Return a place across the plot, 0 to 100, as an attribute."""
    return f"{_plain(place)}%"


def element(tag: str, *children: str, **attributes: str | float) -> str:
    """Return an element. Children are elements already; attribute values are escaped."""
    written = "".join(
        f' {name.rstrip("_").replace("_", "-")}="{escape(value if isinstance(value, str) else _plain(value))}"'
        for name, value in attributes.items()
    )
    inner = "".join(children)
    return f"<{tag}{written}>{inner}</{tag}>" if inner else f"<{tag}{written}/>"


def words(text: str) -> str:
    """Return text as the content of an element: nothing hidden in it, nothing that could be markup."""
    return escape(visible(text), quote=False)


def short(name: str, limit: int) -> str:
    """Return a name of at most `limit` letters: the middle is left out, the end often tells names apart."""
    if len(name) <= limit:
        return name
    tail = (limit - 1) // 3
    return f"{name[: limit - 1 - tail]}…{name[-tail:]}"


def hint(text: str) -> str:
    """Return what a pointer resting on the enclosing group shows."""
    return element("title", words(text))


def upright(place: float, top: float, bottom: float, class_: str) -> str:
    """Return a vertical line at a place in percent."""
    return element("line", x1=percent(place), x2=percent(place), y1=top, y2=bottom, class_=class_)


def label(text: str, x: float, y: float, class_: str = "", *, anchor: str = "") -> str:
    """Return a text at x percent, y pixels; anchored at its start, or at its `middle` or `end`."""
    attributes: dict[str, str | float] = {"x": percent(x), "y": y}
    if class_:
        attributes["class_"] = class_
    if anchor:
        attributes["text_anchor"] = anchor
    return element("text", words(text), **attributes)


def tick(text: str, place: float, y: float) -> str:
    """Return the name of a tick: centred on its place, but never over the edge."""
    if place < 6:
        return label(text, 0, y, "tick")
    if place > 94:
        return label(text, 100, y, "tick", anchor="end")
    return label(text, place, y, "tick", anchor="middle")


def tick_names(ticks: Sequence[float], unit: Unit) -> list[str]:
    """Return the names of ticks, all with as many decimals as the most precise of them needs."""
    shown = [100 * mark if unit == "share" else mark for mark in ticks]
    digits = next((d for d in range(6) if all(abs(round(mark, d) - mark) < 1e-9 for mark in shown)), 6)
    names = [f"{mark:,.{digits}f}".replace("-", MINUS) for mark in shown]
    return [f"{name}{THIN}%" for name in names] if unit == "share" else names


def figure(name: str, height: float, title: str, describing: Sequence[str], *children: str) -> str:
    """Return a plot that a screen reader can tell: `title` names it, `describing` says its numbers in words."""
    heard = (
        element("title", words(title), id=f"{name}-title"),
        element("desc", words("; ".join(describing)), id=f"{name}-desc"),
    )
    labels = f"{name}-title {name}-desc"
    return element(
        "svg", *heard, *children, class_="plot", role="img", aria_labelledby=labels, width="100%", height=height
    )


def _plain(value: float) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".") if isinstance(value, float) else str(value)
