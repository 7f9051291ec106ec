"""What a person sees while a run works: one line per stage, alive on a terminal, now and then a plain one elsewhere."""

import time
from collections.abc import Mapping
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TaskID, TextColumn, TimeRemainingColumn
from rich.text import Text

from regrowth.core import flow
from regrowth.run import Watcher

__all__ = ["LiveWatcher"]

PLAIN_EVERY = 10.0
"""Seconds between two lines where there is no terminal."""


class _Facts(ProgressColumn):
    """Whatever else the stage tells: yield, calls a second, tokens, money, loss."""

    def render(self, task: Task) -> Text:
        return Text(str(task.fields.get("facts", "")), style="dim")


class LiveWatcher(Watcher):
    """Draw the stages of a run."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self._tasks: dict[str, TaskID] = {}
        self._printed = time.monotonic()
        self._bars = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            TextColumn("{task.completed:,.0f}/{task.total:,.0f}"),
            TimeRemainingColumn(compact=True, elapsed_when_finished=True),
            _Facts(),
            console=console,
            disable=not console.is_terminal,
        )

    def __enter__(self) -> Self:
        self._bars.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bars.stop()

    def growing(self, progress: flow.Progress) -> None:
        """Show accepted and needed, yield, calls a second, tokens and money."""
        tallies = progress.tallies.values()
        made, accepted = sum(tally.made for tally in tallies), sum(tally.accepted for tally in tallies)
        done = accepted if progress.wanted else sum(tally.attempted for tally in tallies)
        rate = progress.cost.calls / progress.seconds if progress.seconds else 0.0
        money = f" · {progress.cost.money:,.4f} money" if progress.cost.money else ""
        facts = (
            f"yield {accepted / made if made else 0:.0%} · {rate:,.0f} calls/s · {progress.cost.tokens:,} tokens{money}"
        )
        self._show(f"grow {progress.name}", done, progress.wanted, facts)

    def training(self, name: str, step: int, steps: int, facts: Mapping[str, float]) -> None:
        """Show the step and the loss."""
        told = f"loss {facts['loss']:.3f}" if "loss" in facts else ""
        self._show(f"train on {name}", step, steps, told)

    def working(self, name: str, done: int, total: int) -> None:
        """Show how much of many equal pieces is done."""
        self._show(name, done, total, "")

    def noting(self, text: str) -> None:
        """Print a remark above the bars."""
        self.console.print(f"note: {text}", style="yellow", highlight=False, soft_wrap=True, markup=False)

    def _show(self, name: str, done: int, total: int | None, facts: str) -> None:
        if not self.console.is_terminal:
            self._print(name, done, total, facts)
            return
        if name not in self._tasks:
            self._tasks[name] = self._bars.add_task(name, total=total, facts=facts)
        self._bars.update(self._tasks[name], completed=done, total=total or max(done, 1), facts=facts)

    def _print(self, name: str, done: int, total: int | None, facts: str) -> None:
        ended = total is not None and done >= total
        if not ended and time.monotonic() - self._printed < PLAIN_EVERY:
            return
        self._printed = time.monotonic()
        of = f"/{total:,}" if total else ""
        self.console.print(f"{name}: {done:,}{of}{' · ' if facts else ''}{facts}", highlight=False, soft_wrap=True)
