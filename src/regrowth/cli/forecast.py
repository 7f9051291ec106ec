"""What a preview found: a few records, and what the whole run will take."""

from itertools import islice

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from regrowth.run import Forecast, Run

__all__ = ["show", "whole"]

SHOWN = 5
"""Records of each dataset that are printed."""


def whole(stage: Forecast) -> dict[str, float]:
    """Return what the whole stage will take, at the pace of the preview: calls, tokens, money, seconds."""
    times = stage.planned / stage.done if stage.done else float("nan")
    taken = {**stage.cost, "seconds": stage.seconds}
    return {name: value * times for name, value in taken.items()}


def show(console: Console, run: Run) -> None:
    """Print the records of a preview and the forecast."""
    for dataset in run.datasets():
        console.rule(f"{dataset.path.name}: {len(dataset)} kept, {dataset.manifest['refused']} refused", align="left")
        for entry in (*islice(dataset.entries(), SHOWN), *islice(dataset.ledger(), SHOWN)):
            verdict = "[green]kept[/]" if entry.outcome == "accepted" else f"[red]{escape(entry.gate)}[/]"
            why = f" [dim]({escape(entry.reason)})[/]" if entry.reason else ""
            console.print(
                f"{verdict}{why}\n  {escape(entry.record.prompt)}\n  → {escape(entry.record.response)}", highlight=False
            )
    table = Table(title="Forecast of the whole run", title_justify="left", box=None, padding=(0, 2, 0, 0))
    table.add_column("stage", no_wrap=True)
    for name in ("seen", "whole", "calls", "tokens in", "out", "money", "min"):
        table.add_column(name, justify="right", no_wrap=True)
    totals: dict[str, float] = {}
    for stage in run.forecasts:
        taken = whole(stage)
        totals = {name: totals.get(name, 0) + taken.get(name, 0) for name in {*totals, *taken}}
        table.add_row(stage.stage, f"{stage.done:,}", f"{stage.planned:,}", *_cells(taken))
    table.add_row("all", "", "", *_cells(totals), style="bold")
    console.print(table)
    console.print(
        "[dim]Time is taken from a few records one after the other: a model in this process answers full batches "
        "several times faster. Calls made here are remembered and will not be paid again.[/]"
    )


def _cells(taken: dict[str, float]) -> list[str]:
    counts = [f"{taken.get(name, 0):,.0f}" for name in ("calls", "prompt_tokens", "completion_tokens")]
    minutes = taken["seconds"] / 60
    return [*counts, f"{taken.get('money', 0):,.4f}", f"{minutes:,.1f}" if minutes < 10 else f"{minutes:,.0f}"]
