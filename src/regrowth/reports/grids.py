"""How strongly columns go together, as SVG strings: one square per pair, the darker the stronger.

Warm squares say that both grow together, cold ones that one falls where the other grows. Rows and columns carry the
numbers of the list of names beside them.
"""

from collections.abc import Sequence
from typing import Literal, NamedTuple, TypeAlias

from regrowth.reports import wording
from regrowth.reports.compared import Associations
from regrowth.reports.svg import element, figure, hint, label, percent, short

__all__ = ["MOST_NAMES", "Pair", "Side", "chosen", "grid", "widest"]

Side: TypeAlias = Literal["real", "synthetic", "difference"]
MOST_NAMES = 24
"""Columns that are drawn; of more, those that differ most."""
TALL = 260
"""Height of the squares together, in pixels."""
GUTTER = 8.0
"""Percent left free for the numbers of the rows."""
LEAST_STEP = 13
"""Pixels that a number needs."""
CROWDED = 10
"""Columns from which on only every second is numbered below the squares, and so on."""
FAINT = 0.02
"""What is weaker than that is not drawn."""


class Pair(NamedTuple):
    """Hold two columns, and how strongly they go together in both tables."""

    one: str
    other: str
    real: float
    synthetic: float

    @property
    def gap(self) -> float:
        """Return synthetic minus real."""
        return self.synthetic - self.real


def widest(block: Associations, most: int) -> list[Pair]:
    """Return the pairs that differ most between both tables."""
    return sorted(_pairs(block), key=lambda pair: -abs(pair.gap))[:most]


def _pairs(block: Associations) -> list[Pair]:
    found = []
    for place, one in enumerate(block.names):
        for beside in range(place):
            real, made = block.real[place][beside], block.synthetic[place][beside]
            if real is not None and made is not None:
                found.append(Pair(one, block.names[beside], real, made))
    return found


def chosen(block: Associations) -> tuple[int, ...]:
    """Return the columns that are drawn: all, or those with the widest differences."""
    if len(block.names) <= MOST_NAMES:
        return tuple(range(len(block.names)))
    moved = dict.fromkeys(block.names, 0.0)
    for pair in _pairs(block):
        for name in (pair.one, pair.other):
            moved[name] = max(moved[name], abs(pair.gap))
    ranked = sorted(range(len(block.names)), key=lambda place: -moved[block.names[place]])
    return tuple(sorted(ranked[:MOST_NAMES]))


def grid(block: Associations, side: Side, name: str) -> str:
    """Draw the squares of one table, or of the difference."""
    places = chosen(block)
    step = TALL / max(1, len(places))
    wide = (100 - GUTTER) / max(1, len(places))
    every, across = max(1, -(-LEAST_STEP // max(1, int(step)))), 1 + len(places) // CROWDED
    drawn = [element("rect", x=percent(GUTTER), y=0, width=percent(100 - GUTTER), height=TALL, class_="track")]
    for row, one in enumerate(places):
        if row % every == 0:
            drawn.append(label(str(row + 1), GUTTER - 1.5, round(step * (row + 0.5) + 4, 1), "tick", anchor="end"))
        if row % across == 0:
            drawn.append(label(str(row + 1), GUTTER + wide * (row + 0.5), TALL + 14, "tick", anchor="middle"))
        for column, other in enumerate(places):
            square = _square(block, side, (one, other))
            if square:
                drawn.append(_placed(square, GUTTER + wide * column, step * row, wide, step))
    return figure(name, TALL + 18, f"{side} associations of {len(places)} columns", _heard(block, side), *drawn)


class _Square(NamedTuple):
    value: float
    said: str


def _square(block: Associations, side: Side, places: tuple[int, int]) -> _Square | None:
    one, other = places
    real, made = block.real[one][other], block.synthetic[one][other]
    if one == other or real is None or made is None:
        return None
    value = {"real": real, "synthetic": made, "difference": made - real}[side]
    if abs(value) < FAINT:
        return None
    names = f"{short(block.names[one], 30)} × {short(block.names[other], 30)}"
    return _Square(value, f"{names}: real {wording.number(real)}, synthetic {wording.number(made)}")


def _placed(square: _Square, left: float, top: float, wide: float, step: float) -> str:
    return element(
        "rect",
        hint(square.said),
        x=percent(left),
        y=round(top, 1),
        width=percent(wide),
        height=round(step, 1),
        class_="warm" if square.value > 0 else "cold",
        fill_opacity=round(min(1.0, abs(square.value)), 2),
    )


def _heard(block: Associations, side: Side) -> Sequence[str]:
    ranked = widest(block, 3)
    if side == "difference":
        return [f"{pair.one} and {pair.other}: {wording.gap(pair.gap, 'number')}" for pair in ranked] or ["0 pairs"]
    strongest = sorted(_pairs(block), key=lambda pair: -abs(getattr(pair, side)))[:3]
    said = [f"{pair.one} and {pair.other}: {wording.number(getattr(pair, side))}" for pair in strongest]
    return said or ["0 pairs"]
