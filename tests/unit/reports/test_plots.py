"""Plots: the same bytes for the same blocks, true to scale, and heard by a screen reader."""

import math
import os
import re
import xml.etree.ElementTree as ET
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from regrowth.core.protocols import Estimate
from regrowth.reports import bands, grids, lines, plots, spreads
from regrowth.reports.blocks import Arm, Curves, Funnel, Measure, Refusals, Rejects, Scores, Series
from regrowth.reports.compared import Associations, Told
from regrowth.reports.svg import scale, short, tick_names
from support import reports

GOLDEN = Path(__file__).parent / "golden"
DRAWN: dict[str, Callable[[], str]] = {
    "intervals": lambda: plots.intervals(reports.SCORES, reports.SCORES.measures[0], "p"),
    "funnel": lambda: plots.funnel(reports.FUNNEL, "p"),
    "reasons": lambda: plots.reasons(reports.REJECTS, "p"),
    "origins": lambda: plots.origins(reports.LINEAGE, "p"),
    "curves": lambda: lines.curves(reports.CURVES, "p"),
    "meter": lambda: plots.meter(0.37),
    "bands": lambda: bands.bands(reports.READINGS.measures[1], reports.READINGS.measures[1].readings, "p"),
    "bins": lambda: spreads.spread(reports.MARGINALS.columns[0], "p"),
    "bars": lambda: spreads.spread(reports.MARGINALS.columns[1], "p"),
    "grid": lambda: grids.grid(reports.ASSOCIATIONS, "difference", "p"),
}
HOSTILE = '</text><script>alert("\u202e&amp;")</script>'


def tree(drawn: str) -> ET.Element:
    """Read what was drawn as XML: one plot, or a plot and the names beside it."""
    return ET.fromstring(f"<all>{drawn}</all>")


def found(drawn: str, tag: str, class_: str) -> list[dict[str, str]]:
    return [one.attrib for one in tree(drawn).iter(tag) if class_ in one.get("class", "").split()]


def place(attribute: str) -> float:
    return float(attribute.removesuffix("%"))


@pytest.mark.parametrize("name", DRAWN)
def test_a_plot_is_drawn_as_it_was(name: str) -> None:
    path, drawn = GOLDEN / f"{name}.svg", DRAWN[name]().replace("><", ">\n<") + "\n"
    if os.environ.get("REGROWTH_GOLDEN") == "write":
        path.write_text(drawn, "utf-8")
    assert drawn == path.read_text("utf-8"), "look at the page, then run the tests with REGROWTH_GOLDEN=write"


@pytest.mark.parametrize("name", [name for name in DRAWN if name != "meter"])
def test_a_plot_can_be_heard(name: str) -> None:
    plot = tree(DRAWN[name]())[0]
    assert plot.get("role") == "img"
    title, description = plot[0], plot[1]
    assert plot.get("aria-labelledby") == f"{title.get('id')} {description.get('id')}"
    assert title.text
    assert re.search(r"\d", description.text or "")


def test_a_dot_lies_within_its_whiskers_and_at_its_value() -> None:
    drawn = DRAWN["intervals"]()
    dots = [place(dot["cx"]) for dot in found(drawn, "circle", "dot")]
    spans = [line for line in found(drawn, "line", "whisker") if line["x1"] != line["x2"]]
    assert len(dots) == len(spans) == 3
    assert all(place(span["x1"]) < dot < place(span["x2"]) for dot, span in zip(dots, spans, strict=True))
    # 0.34, 0.47 and 0.35 on a scale from 30 % at 2 to 55 % at 98.
    assert dots == pytest.approx([2 + 96 * (value - 0.3) / 0.25 for value in (0.34, 0.47, 0.35)], abs=0.01)


def test_the_baseline_runs_through_every_arm() -> None:
    drawn = DRAWN["intervals"]()
    places = {line["x1"] for line in found(drawn, "line", "reference")}
    assert places == {found(drawn, "circle", "dot")[0]["cx"]}
    assert len(found(drawn, "line", "reference")) == 3


def test_all_shares_of_a_block_are_drawn_to_one_scale() -> None:
    arm = Arm(name="a", estimates={"one": Estimate(0.1, 0.05, 0.2, 9), "other": Estimate(0.8, 0.7, 0.9, 9)})
    scores = Scores(measures=(Measure(name="one"), Measure(name="other")), arms=(arm,))
    ticks = [
        [tick.text for tick in tree(plots.intervals(scores, measure, "p")).iter("text") if tick.get("class") == "tick"]
        for measure in scores.measures
    ]
    assert ticks[0] == ticks[1]


def test_the_bars_of_a_funnel_are_as_long_as_their_counts() -> None:
    kept = [place(bar["width"]) for bar in found(DRAWN["funnel"](), "rect", "kept")]
    lost = [place(bar["width"]) for bar in found(DRAWN["funnel"](), "rect", "lost")]
    assert kept == [100, 89.5, 40, 40]
    assert lost == [10.5, 49.5]


def test_the_parts_of_a_bar_fill_it() -> None:
    many = Rejects(gates=tuple(Refusals(gate=f"gate {n}", count=100 - n) for n in range(12)))
    parts = found(plots.reasons(many, "p"), "rect", "segment")
    assert len(parts) == plots.MOST_REASONS + 1
    assert sum(place(part["width"]) for part in parts) == pytest.approx(100, abs=0.1)
    assert "others: 455" in plots.reasons(many, "p")


def test_a_gap_parts_a_line() -> None:
    assert len(found(DRAWN["curves"](), "polyline", "line1")) == 1
    assert len(found(DRAWN["curves"](), "polyline", "line2")) == 2


def test_a_long_line_is_thinned_but_keeps_its_extremes_and_gets_a_running_mean() -> None:
    values = [math.sin(step / 100) for step in range(10_000)]
    values[4_321] = 9.0
    block = Curves(title="t", x="step", y="loss", series=(Series(name="a", x=tuple(range(10_000)), y=tuple(values)),))
    every, mean = (line["points"].split() for line in found(lines.curves(block, "p"), "polyline", "curve"))
    assert max(len(every), len(mean)) <= 2 * lines.MOST_POINTS
    heights = [float(point.split(",")[1]) for point in every]
    assert min(heights) < min(float(point.split(",")[1]) for point in mean) - 50
    assert lines.window(block) == 333


def test_a_running_mean_of_a_straight_line_is_that_line() -> None:
    block = Curves(title="t", x="x", y="y", series=(Series(name="a", x=tuple(range(150)), y=tuple(range(150))),))
    every, mean = (line["points"] for line in found(lines.curves(block, "p"), "polyline", "curve"))
    assert every == mean


def test_names_too_long_for_the_end_of_a_line_become_numbers() -> None:
    names = ("trained on verified answers", "trained on unverified answers")
    block = Curves(title="t", x="x", y="y", series=tuple(Series(name=name, x=(0, 1), y=(0, 1)) for name in names))
    assert lines.numbered(block)
    assert not lines.numbered(reports.CURVES)
    assert [text.text for text in tree(lines.curves(block, "p"))[1].iter("text")] == ["1", "2"]


def test_names_at_the_ends_of_lines_never_overlap() -> None:
    block = Curves(
        title="t", x="x", y="y", series=tuple(Series(name=f"n{n}", x=(0, 1), y=(0, n / 1000)) for n in range(6))
    )
    heights = sorted(float(text.get("y", "")) for text in tree(lines.curves(block, "p"))[1].iter("text"))
    assert all(below - above >= 15.9 for above, below in pairwise(heights))
    assert heights[-1] <= lines.HEIGHT


@pytest.mark.parametrize(("steps", "ticks"), [((1,), ["1"]), ((1, 2, 3), ["1", "2", "3"]), ((0.5, 2), ["0.5", "2.0"])])
def test_a_few_rounds_are_named_one_by_one(steps: tuple[float, ...], ticks: list[str]) -> None:
    block = Curves(title="t", x="round", y="y", series=(Series(name="a", x=steps, y=steps),))
    named = [
        text.text for text in tree(lines.curves(block, "p")).iter("text") if text.get("y") == str(lines.HEIGHT - 6)
    ]
    assert named == ticks


@pytest.mark.parametrize("series", [(), (Series(name="a", x=(1,), y=(math.nan,)),)])
def test_nothing_is_drawn_where_there_is_no_point(series: tuple[Series, ...]) -> None:
    assert lines.curves(Curves(title="t", x="x", y="y", series=series), "p") == ""


@pytest.mark.parametrize("points", [((3,), (0.5,)), ((0, 0), (1, 1)), ((1, 2), (0, 0)), ((-5, 5), (-1e-9, 1e12))])
def test_any_curve_can_be_drawn(points: tuple[tuple[float, ...], tuple[float, ...]]) -> None:
    block = Curves(title="t", x="x", y="y", series=(Series(name="a", x=points[0], y=points[1]),))
    assert "nan" not in lines.curves(block, "p")


def test_what_is_hostile_in_a_name_stays_text() -> None:
    scores = Scores(
        measures=(Measure(name=HOSTILE),), arms=(Arm(name=HOSTILE, estimates={HOSTILE: Estimate(1, 1, 1, 1)}),)
    )
    block = Curves(title="t", x=HOSTILE, y=HOSTILE, series=tuple(Series(name=HOSTILE, x=(1,), y=(1,)) for _ in "ab"))
    rejects = Rejects(gates=(Refusals(gate=HOSTILE, count=1),))
    funnel = Funnel(attempted=1, made=1, accepted=1)
    drawn = [plots.intervals(scores, scores.measures[0], "p"), lines.curves(block, "p"), plots.reasons(rejects, "p")]
    for one in (*drawn, plots.funnel(funnel, "p")):
        assert not list(tree(one).iter("script"))
        assert "\u202e" not in one


@given(st.floats(-1e9, 1e9), st.floats(1e-6, 1e9), st.integers(2, 8))
def test_a_scale_holds_its_values_between_round_ticks(low: float, width: float, ticks: int) -> None:
    high = low + width
    made = scale(low, high, (0, 100), ticks=ticks)
    room = 1e-6 * max(1.0, abs(low), abs(high))
    assert made.low <= low + room
    assert made.high >= high - room
    assert list(made.ticks) == sorted(made.ticks)
    assert 0 <= made(low) <= made(high) <= 100


def test_ticks_have_the_decimals_they_need() -> None:
    assert tick_names((12.0, 12.25, 12.5), "number") == ["12.00", "12.25", "12.50"]
    assert [name.replace("\u202f", " ") for name in tick_names((0.3, 0.35), "share")] == ["30 %", "35 %"]
    assert tick_names((-500000.0, 0.0), "number") == ["−500,000", "0"]


def test_a_long_name_keeps_both_its_ends() -> None:
    assert short("gate_number_12", 14) == "gate_number_12"
    assert short("gate_with_a_long_name_12", 12) == "gate_wit…_12"


# Real and synthetic data side by side ---------------------------------------------------------------------------------


def test_a_reading_lies_within_its_interval_and_the_null_where_real_data_lie() -> None:
    drawn = DRAWN["bands"]()
    dots = [place(dot["cx"]) for dot in found(drawn, "circle", "dot")]
    nulls = [place(band[end]) for band in found(drawn, "rect", "null") for end in ("x", "width")]
    # 0.61, 0.9 and 0.98 on a scale from 0.4 at 2 to 1.0 at 98; two of them have a null.
    assert dots == pytest.approx([2 + 160 * (value - 0.4) for value in (0.61, 0.9, 0.98)], abs=0.01)
    assert nulls == pytest.approx([2 + 160 * 0.56, 160 * 0.03, 2 + 160 * 0.57, 160 * 0.02], abs=0.01)
    assert [mark for mark in ("0.610 ✕", "0.900 !", "0.980<") if mark in drawn] == ["0.610 ✕", "0.900 !", "0.980<"]


def test_a_null_without_width_can_still_be_seen_inside_the_plot() -> None:
    point = Told(estimate=Estimate(1.0, 1.0, 1.0, 5), null=Estimate(1.0, 1.0, 1.0, 5))
    measure = reports.READINGS.measures[0].model_copy(update={"readings": (point,)})
    band = found(bands.bands(measure, (point,), "p"), "rect", "null")[0]
    assert place(band["width"]) == 0.6
    assert place(band["x"]) + 0.6 <= 100


def test_bins_are_as_high_as_their_shares_and_the_outline_is_that_of_the_real_data() -> None:
    drawn = DRAWN["bins"]()
    heights = [float(bar["height"]) for bar in found(drawn, "rect", "made")]
    assert heights == pytest.approx([84 * share / 0.5 for share in (0.25, 0.5, 0.125)], abs=0.05)
    corners = found(drawn, "polyline", "real")[0]["points"].split()
    assert corners[1] == "0.0,0.0", "the highest real bin reaches the top"
    assert corners[-1] == "1000,84"


def test_bars_are_as_long_as_their_shares() -> None:
    drawn = DRAWN["bars"]()
    for kind, shares in (("made", (0.5, 0.3, 0.2)), ("real", (0.6, 0.4, 0.0))):
        lengths = [place(bar["width"]) for bar in found(drawn, "rect", kind)]
        assert lengths == pytest.approx([100 * share / 0.6 for share in shares], abs=0.01)


def test_a_square_is_as_strong_as_the_difference_and_tells_its_sign() -> None:
    drawn = DRAWN["grid"]()
    cold = {square["fill-opacity"] for square in found(drawn, "rect", "cold")}
    warm = {square["fill-opacity"] for square in found(drawn, "rect", "warm")}
    assert cold == {"0.5", "0.05"}, "0.6 fell to 0.1, and -0.3 to -0.35"
    assert warm == {"0.19"}
    assert "hours × age: real 0.600, synthetic 0.100" in drawn


def test_of_many_columns_those_are_drawn_that_differ_most() -> None:
    size = 60
    real = tuple(tuple(None if row == column else 0.0 for column in range(size)) for row in range(size))
    made = [list(row) for row in real]
    made[7][50] = made[50][7] = 0.9
    block = Associations(names=tuple(map(str, range(size))), real=real, synthetic=tuple(map(tuple, made)))
    assert len(grids.chosen(block)) == grids.MOST_NAMES
    assert {7, 50} <= set(grids.chosen(block))
    assert grids.widest(block, 1)[0][:2] == ("50", "7")


def test_hostile_names_of_columns_stay_text() -> None:
    column = reports.MARGINALS.columns[1].model_copy(update={"name": HOSTILE, "labels": (HOSTILE, "b", "c")})
    matrix = reports.ASSOCIATIONS.model_copy(update={"names": (HOSTILE, "b", "c", "d")})
    for drawn in (spreads.spread(column, "p"), grids.grid(matrix, "real", "p")):
        assert not list(tree(drawn).iter("script"))
        assert "\u202e" not in drawn
