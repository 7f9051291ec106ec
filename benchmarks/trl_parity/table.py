"""The results as Markdown."""

from typing import Any

__all__ = ["printed"]

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
