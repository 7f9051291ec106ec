"""`each` and `grow`: rows create.

`each` is an ordered, bounded, concurrent map. `grow` stands on it: records out of seeds, through gates, until exactly
the wanted number was accepted or the budget ends. Per-record work is an ordinary async function:

    async def answer(problem: Record, model: Model) -> Record:
        return problem.derive(response=await model.ask(problem.messages, seed=problem.seed("answer")))

Order rules: results are taken in the order of the attempts, and the next attempt is chosen exactly when a result was
taken, so neither the plan nor the outcome depends on the order of completion.

Errors are classified here and nowhere else. `Rejected` is a verdict; `CallFailed` and what user code raises become
ledger entries; settings, an unreachable model and the disk stop the run, which can be resumed.
"""

import asyncio
import inspect
import math
import time
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import aclosing, closing
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from regrowth.core.dataset import Dataset, DatasetWriter, Entry
from regrowth.core.errors import (
    CallFailed,
    ModelUnavailable,
    NoIsolation,
    Rejected,
    SettingsError,
    Shortfall,
    StoreError,
)
from regrowth.core.planning import Attempt, Planner, Tally, equal_quotas
from regrowth.core.protocols import Cost, Gate
from regrowth.core.record import Record
from regrowth.core.scribe import Outcome, Scribe
from regrowth.core.store import Store, Trace, trace

__all__ = ["Budget", "Progress", "Work", "each", "grow"]

T = TypeVar("T")
R = TypeVar("R")
Made = Record | Sequence[Record] | None
Work = Callable[..., Awaitable[Made] | Made]
STOPS = (SettingsError, ModelUnavailable, NoIsolation, StoreError)
SLOW_START = 8
"""Attempts in flight under a budget before anything is known of their cost."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """Bound what `grow` may spend. What replays counts too: a resumed run stops where a whole one does."""

    tokens: int | None = None
    """Prompt and completion tokens together."""
    money: float | None = None
    """In the currency of the price list."""
    seconds: float | None = None
    """Wall-clock time of this process: the one bound that two runs may meet at different records."""

    def spent(self, cost: Cost, seconds: float) -> str:
        """Return which bound is reached, in words, or nothing."""
        if self.tokens is not None and cost.tokens >= self.tokens:
            return f"the budget of {self.tokens:,} tokens is spent"
        if self.money is not None and cost.money >= self.money:
            return f"the budget of {self.money:g} (money) is spent"
        if self.seconds is not None and seconds >= self.seconds:
            return f"the budget of {self.seconds:g} seconds is spent"
        return ""

    def room(self, cost: Cost, settled: int) -> float:
        """Return how many attempts may be in flight so that, at the mean cost so far, the bound is not overrun."""
        shares = [
            spent / bound if bound else 1.0
            for spent, bound in ((cost.tokens, self.tokens), (cost.money, self.money))
            if bound is not None
        ]
        if not shares:
            return math.inf
        used = max(shares)
        left = (1 - used) / (used / settled) if settled and used else math.inf
        return max(1, min(left, SLOW_START + settled))


class Progress(NamedTuple):
    """What a person wants to know while `grow` works."""

    name: str
    tallies: Mapping[str, Tally]
    wanted: int | None
    cost: Cost
    seconds: float


async def each(source: Iterable[T], work: Callable[[T], Awaitable[R]], *, width: int = 64) -> AsyncGenerator[R, None]:
    """Apply an async function to everything in a source, concurrently, and yield the results in order.

    At most `width` are held at a time, so the memory does not grow with the source.
    """
    items = iter(source)
    async with aclosing(_in_order(lambda: next(items, None), work, width)) as results:
        async for _, result in results:
            yield result


async def _in_order(
    pull: Callable[[], T | None], work: Callable[[T], Awaitable[R]], width: int
) -> AsyncGenerator[tuple[T, R], None]:
    running: deque[tuple[T, asyncio.Task[R]]] = deque()
    try:
        while True:
            while len(running) < width and (pulled := pull()) is not None:
                running.append((pulled, asyncio.create_task(_called(work, pulled))))
            if not running:
                return
            pulled, task = running[0]
            result = await task
            running.popleft()
            yield pulled, result
    finally:
        for _, task in running:
            task.cancel()
        await asyncio.gather(*(task for _, task in running), return_exceptions=True)


async def _called(work: Callable[[T], Awaitable[R]], value: T) -> R:
    """Call inside the task: one that is cancelled before it starts leaves no coroutine behind."""
    return await work(value)


async def grow(
    seeds: Iterable[Record],
    work: Work,
    *collaborators: object,
    store: Store,
    path: Path,
    gates: Sequence[Gate] = (),
    count: int | None = None,
    stratum: str | Callable[[Record], str] = "",
    quotas: Mapping[str, int] | None = None,
    budget: Budget = Budget(),
    draws: int = 16,
    width: int = 256,
    shard: tuple[int, int] | None = None,
    partial: bool = False,
    on_progress: Callable[[Progress], None] | None = None,
) -> Dataset:
    """Grow records out of seeds until exactly `count` passed all gates, and publish them as a dataset.

    Without `count` every seed is tried once and all that pass are kept. With it, seeds are tried again, up to `draws`
    times each with other random numbers, the thinnest stratum first; a record that says the same as an accepted one
    does not count.

    Args:
        seeds: Records to start from; iterated more than once, so a list or a `Dataset`, not a generator.
        work: Makes one record, several or none out of a seed; gets the collaborators after it.
        collaborators: Models and whatever else `work` takes.
        store: Remembers the effects.
        path: Folder of the dataset to write.
        gates: Applied in order to every record made.
        count: Records wanted in all.
        stratum: Attribute, or function of a seed, that names its stratum; `count` is shared equally among the strata.
        quotas: Records wanted per stratum, instead of `count`.
        budget: Bounds on what may be spent.
        draws: Attempts per seed, at most.
        width: Attempts held at a time.
        shard: (index, of): try only every of-th seed, for one of several processes; needs `count=None`.
        partial: Return what there is when the count is not reached, instead of raising.
        on_progress: Called whenever an attempt was settled.

    Raises:
        Shortfall: budget or seeds ended before the count was reached; the records made so far are published.
        SettingsError: contradictory settings, or no seeds.
        ModelUnavailable: no call can succeed. Everything done is remembered.
    """
    name_stratum = _namer(stratum)
    if count is not None and quotas is None:
        quotas = equal_quotas(seeds, name_stratum, count)
    if shard is not None and quotas is not None:
        raise SettingsError("shard= divides the seeds, which needs count=None; ask for the count in the merged run.")
    mine = seeds if shard is None else _Shard(seeds, *shard)
    planner = Planner(_Remembered(mine, store), name_stratum, quotas, draws)
    wanted = None if quotas is None else sum(quotas.values())
    names = [gate_name(gate) for gate in gates]
    with DatasetWriter(path) as writer, closing(Scribe(writer, store, planner, names)) as scribe:
        stop = await _fill(planner, scribe, _maker(work, collaborators, gates), budget, width, path.name, on_progress)
        shortfall = _shortfall(planner, wanted, stop)
        dataset = writer.publish(shortfall=shortfall, **scribe.facts())
    store.checkpoint()
    if shortfall and not partial:
        raise Shortfall(f"{shortfall} What was accepted is in {path}; pass partial=True to go on with it.")
    return dataset


async def _fill(
    planner: Planner,
    scribe: Scribe,
    attempt: Callable[[Attempt], Awaitable[tuple[list[Outcome], Trace]]],
    budget: Budget,
    width: int,
    name: str,
    on_progress: Callable[[Progress], None] | None,
) -> str:
    """Run attempts until the quotas are full, the seeds end or the budget is spent; return why it stopped short."""
    start = time.monotonic()
    wanted = sum(tally.wanted or 0 for tally in planner.tallies.values()) or None
    settled = in_flight = 0

    def pull() -> Attempt | None:
        nonlocal in_flight
        tried = planner.next() if in_flight < budget.room(scribe.cost, settled) else None
        in_flight += tried is not None
        return tried

    async with aclosing(_in_order(pull, attempt, width)) as results:
        async for tried, (outcomes, noted) in results:
            scribe.settle(tried, outcomes, noted)
            settled, in_flight = settled + 1, in_flight - 1
            seconds = time.monotonic() - start
            if on_progress is not None:
                on_progress(Progress(name, planner.tallies, wanted, scribe.cost, seconds))
            if planner.done:
                return ""
            if stop := budget.spent(scribe.cost, seconds):
                return stop
    return "every seed was tried as often as allowed"


def _maker(
    work: Work, collaborators: Sequence[object], gates: Sequence[Gate]
) -> Callable[[Attempt], Awaitable[tuple[list[Outcome], Trace]]]:
    async def attempt(tried: Attempt) -> tuple[list[Outcome], Trace]:
        noted = Trace()
        trace.set(noted)  # each attempt runs in a task, and so in a context, of its own
        try:
            made = work(tried.seed, *collaborators)
            made = await made if inspect.isawaitable(made) else made
        except STOPS:
            raise
        except Exception as error:
            return [_refused(tried.seed, error, "work")], noted
        records = [made] if isinstance(made, Record) else list(made or ())
        return [await _judged(record, gates) for record in records], noted

    return attempt


async def _judged(record: Record, gates: Sequence[Gate]) -> Outcome:
    passed: list[str] = []
    for gate in gates:
        try:
            verdict = gate(record)
            record = await verdict if inspect.isawaitable(verdict) else verdict
        except STOPS:
            raise
        except Exception as error:
            return _refused(record, error, gate_name(gate), passed)
        passed.append(gate_name(gate))
    return Outcome(Entry(record, {"gates": passed}))


def _refused(record: Record, error: Exception, where: str, passed: Sequence[str] = ()) -> Outcome:
    passport = {"gates": list(passed)}
    if isinstance(error, Rejected):
        return Outcome(Entry(record, passport, "rejected", error.gate, error.reason))
    reason = str(error) if isinstance(error, CallFailed) else f"{type(error).__name__}: {error}"
    return Outcome(Entry(record, passport, "failed", where, reason), error)


class _Shard:
    """Every of-th seed, again and again."""

    def __init__(self, seeds: Iterable[Record], index: int, of: int) -> None:
        self.seeds, self.index, self.of = seeds, index, of

    def __iter__(self) -> Any:
        return islice(self.seeds, self.index, None, self.of)


class _Remembered:
    """The seeds without those that were forgotten."""

    def __init__(self, seeds: Iterable[Record], store: Store) -> None:
        self.seeds, self.store = seeds, store

    def __iter__(self) -> Any:
        return (seed for seed in self.seeds if not self.store.is_forgotten(seed.id))


def _namer(stratum: str | Callable[[Record], str]) -> Callable[[Record], str]:
    if callable(stratum):
        return stratum
    return (lambda seed: str(seed[stratum])) if stratum else (lambda _: "")


def gate_name(gate: Gate) -> str:
    """Return the name a gate goes by in ledgers."""
    return str(getattr(gate, "__name__", None) or type(gate).__name__)


def _shortfall(planner: Planner, wanted: int | None, stop: str) -> str:
    tallies = list(planner.tallies.values())
    accepted = sum(tally.accepted for tally in tallies)
    if wanted is None or accepted >= wanted:
        return stop if wanted is None and stop.startswith("the budget") else ""
    refusals = sum((tally.rejected for tally in tallies), start=tallies[0].rejected.__class__())
    refusals["(failed)"] += sum(tally.failed for tally in tallies)
    gate, most = refusals.most_common(1)[0]
    attempted = sum(tally.attempted for tally in tallies)
    eaten = f" Most were refused by {gate}: {most:,}." if most else ""
    thin = [
        f"{name or 'all'} {tally.accepted}/{tally.wanted}" for name, tally in planner.tallies.items() if not tally.full
    ]
    short = f" Short: {', '.join(thin[:5])}{' …' if len(thin) > 5 else ''}." if len(tallies) > 1 else ""
    return f"{accepted:,} of {wanted:,} records after {attempted:,} attempts: {stop}.{eaten}{short}"
