"""The results as Markdown, and both sides' losses as a page."""

from pathlib import Path
from typing import Any

from regrowth.reports import report
from regrowth.reports.blocks import Curves, Headline, Series, save
from regrowth.run import open_run

__all__ = ["plotted", "printed"]

HEAD = (
    "| work | side | tokens/CPU-s | we are faster | start-up, CPU s | peak, MB | largest gap of losses |\n"
    "|---|---|---|---|---|---|---|"
)


def printed(results: dict[str, Any]) -> str:
    """Return one row per lane and contestant."""
    return "\n".join([HEAD, *(line for name, lane in results["lanes"].items() for line in rows(name, lane))])


def rows(name: str, lane: dict[str, Any]) -> list[str]:
    """Return the rows of a lane."""
    made = []
    for side, medians in lane["medians"].items():
        ratio = lane["ratios"].get(side, {}).get("tokens_per_cpu_s")
        faster = f"{ratio['median']:.2f} ({ratio['lowest']:.2f} to {ratio['highest']:.2f})" if ratio else ""
        gap = f"{lane['gaps'][side]:.1e}" if side in lane["gaps"] else ""
        made.append(
            f"| {name} | {side} | {medians['tokens_per_cpu_s']:,.0f} | {faster} | {medians['start_cpu_s']:.1f} "
            f"| {medians['peak_mb']:,.0f} | {gap} |"
        )
    return made


def plotted(results: dict[str, Any], folder: Path) -> Path:
    """Write a page with the losses of every lane of a 7 M model, both sides over each other; return its path."""
    curves = [
        Curves(
            title=name,
            x="step",
            y="loss",
            series=tuple(
                Series(name=side, x=tuple(range(1, len(losses) + 1)), y=tuple(losses))
                for side, losses in lane["losses"].items()
                if side in ("regrowth", "trl default", "trl singly")
            ),
            note=f"Largest gap of the losses of one step: {max(lane['gaps'].values()):.1e}",
        )
        for name, lane in results["lanes"].items()
        if "7M" in name and lane["steps"] > 2
    ]
    with open_run(folder) as run:
        save(run.folder, [Headline(text="The same losses as TRL, step by step"), *curves])
        return report.write(run.folder, run.store).page
