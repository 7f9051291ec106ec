"""How the values of a column are spread, as SVG strings: real as an outline, synthetic filled.

Numbers and dates are drawn as bins in a frame that is stretched to its column; names as two bars each.
"""

from regrowth.reports import wording
from regrowth.reports.compared import Marginal
from regrowth.reports.svg import element, figure, hint, label, percent, short

__all__ = ["spread"]

TALL = 84
"""Height of the bins, in pixels."""
BAR = 36
"""Height of one name, in pixels."""
FRAME = 1000.0
GAP = 0.12
"""Share of a bin that stays free at its right, so that neighbours can be told apart."""


def spread(column: Marginal, name: str) -> str:
    """Draw one column of both tables."""
    return _bins(column, name) if column.shape == "bins" else _bars(column, name)


def _bins(column: Marginal, name: str) -> str:
    top = max((*column.real, *column.synthetic, 1e-9))
    width = FRAME / max(1, len(column.labels))
    filled = [
        element(
            "rect",
            x=round(place * width, 1),
            y=round(TALL * (1 - share / top), 1),
            width=round(width * (1 - GAP), 1),
            height=round(TALL * share / top, 1),
            class_="made",
        )
        for place, share in enumerate(column.synthetic)
        if share > 0
    ]
    outline = _outline(column, width, top)
    frame = element("svg", *filled, outline, width="100%", height=TALL, viewBox=f"0 -2 1000 {TALL + 2}",
                    preserveAspectRatio="none")  # fmt: skip
    ground = element("line", x1="0%", x2="100%", y1=TALL, y2=TALL, class_="axis")
    ends = [label(column.ends[0], 0, TALL + 16, "tick"), label(column.ends[1], 100, TALL + 16, "tick", anchor="end")]
    return figure(name, TALL + 20, _title(column), _heard(column), frame, ground, *ends)


def _outline(column: Marginal, width: float, top: float) -> str:
    corners = [f"0,{TALL}"]
    for place, share in enumerate(column.real):
        height = round(TALL * (1 - share / top), 1)
        corners += [f"{place * width:.1f},{height}", f"{(place + 1) * width:.1f},{height}"]
    corners.append(f"1000,{TALL}")
    return element("polyline", points=" ".join(corners), class_="real", vector_effect="non-scaling-stroke")


def _bars(column: Marginal, name: str) -> str:
    longest = max((*column.real, *column.synthetic, 1e-9))
    rows = []
    for place, (said, real, made) in enumerate(zip(column.labels, column.real, column.synthetic, strict=True)):
        top = place * BAR
        rows.append(
            element(
                "g",
                hint(f"{said}: real {wording.share(real)}, synthetic {wording.share(made)}"),
                label(short(said, 24), 0, top + 14, "name"),
                label(f"{wording.share(made)}", 100, top + 14, "figure", anchor="end"),
                element("rect", x=0, y=top + 20, width=percent(100 * made / longest), height=10, class_="made"),
                element("rect", x=0.5, y=top + 20, width=percent(100 * real / longest), height=10, class_="real"),
            )
        )
    return figure(name, len(rows) * BAR, _title(column), _heard(column), *rows)


def _title(column: Marginal) -> str:
    return f"{column.name}: real and synthetic values"


def _heard(column: Marginal) -> list[str]:
    """Say where the two lie furthest apart; the table beside the plot has the rest."""
    rows = list(zip(column.labels, column.real, column.synthetic, strict=True))
    widest = sorted(rows, key=lambda row: -abs(row[1] - row[2]))[:3]
    said = [f"{name}: real {wording.share(real)}, synthetic {wording.share(made)}" for name, real, made in widest]
    return [f"{wording.share(column.apart)} of the values would have to move to make the two alike", *said]
