"""How good is a model at problems it never saw: greedy and sampled at temperature 1, problem by problem."""

import inspect
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal, TypeAlias

from regrowth.core.errors import Rejected
from regrowth.core.protocols import Gate, Model, Sampling
from regrowth.core.record import Record
from regrowth.domains import DOMAINS, checkable
from regrowth.metrics.intervals import paired_difference, proportion
from regrowth.reports.blocks import Arm, Block, Curves, Difference, Figure, Headline, Measure, Scores, Series
from regrowth.run import Run

__all__ = ["MODES", "Marks", "by_domain", "compared", "domains_of", "evaluate", "losses"]

Role: TypeAlias = Literal["result", "baseline", "control"]

MODES: Mapping[str, Sampling] = {
    "greedy": Sampling(temperature=0.0, max_tokens=96),
    "T=1": Sampling(temperature=1.0, max_tokens=96),
}
"""Greedy shows the best-known answer, T=1 the model as it is: sharpening alone lifts the second, not the first."""


@dataclass(frozen=True, slots=True)
class Marks:
    """Right (1) or wrong (0), one per problem in the order of the problems, per mode."""

    of: Mapping[str, tuple[int, ...]]

    def accuracy(self, mode: str) -> float:
        """Return the share of right answers."""
        return sum(self.of[mode]) / len(self.of[mode])


def domains_of(run: Run, named: Sequence[str]) -> tuple[str, ...]:
    """Return the domains that were named; of none named, all whose answers can be checked on this machine."""
    if named:
        return tuple(named)
    found = checkable(run.sandbox)
    if left := [name for name in DOMAINS if name not in found]:
        run.watcher.noting(f"{', '.join(left)}: left out, nothing here can isolate code (`regrowth doctor` says more).")
    return found


async def evaluate(run: Run, model: Model, problems: Sequence[Record], gate: Gate, *, name: str) -> Marks:
    """Answer every problem once per mode and mark the answers with a gate."""
    marks = {}
    for mode, sampling in MODES.items():
        work = partial(_marked, model=model, sampling=sampling, gate=gate)
        marks[mode] = tuple(await run.aeach(problems, work, name=f"{name}, {mode}"))
    return Marks(marks)


async def _marked(problem: Record, *, model: Model, sampling: Sampling, gate: Gate) -> int:
    answer = await model.generate(problem.messages, sampling, seed=problem.seed("evaluation"))
    try:
        verdict = gate(problem.derive(response=answer.text))
        if inspect.isawaitable(verdict):
            await verdict
    except Rejected:
        return 0
    return 1


def compared(marks: Mapping[str, Marks], *, baseline: str, result: str, title: str) -> list[Block]:
    """Return the headline and the table of a comparison: every arm with its interval, the result against each."""
    modes = tuple(marks[result].of)
    arms = [
        Arm(
            name=name,
            role=_role(name, result, baseline),
            estimates={mode: proportion(sum(one.of[mode]), len(one.of[mode])) for mode in modes},
        )
        for name, one in marks.items()
    ]
    gaps = [
        Difference(
            measure=mode,
            arm=result,
            against=name,
            estimate=paired_difference(marks[result].of[mode], one.of[mode]),
        )
        for name, one in marks.items()
        if name != result
        for mode in modes
    ]
    count = len(marks[result].of[modes[0]])
    before, after = (f"{marks[name].accuracy(mode):.1%}" for mode in modes[-1:] for name in (baseline, result))
    figures = [
        Figure(label=f"{result}, {mode}", value=f"{marks[result].accuracy(mode):.1%}", note=_against(gaps, mode))
        for mode in modes
    ]
    headline = Headline(text=f"Accuracy {before} → {after} on {count:,} unseen problems", figures=tuple(figures))
    note = (
        f"{count:,} problems that no arm saw, each answered once per mode. Whiskers: 95 % Wilson intervals; "
        "differences are paired by problem. All trained arms took equal steps from the same weights."
    )
    measures = tuple(Measure(name=mode) for mode in modes)
    return [headline, Scores(title=title, measures=measures, arms=tuple(arms), differences=tuple(gaps), note=note)]


def by_domain(
    marks: Mapping[str, Marks], problems: Sequence[Record], *, baseline: str, result: str, mode: str = "T=1"
) -> Scores:
    """Return the table of a comparison domain by domain, in one mode."""
    places: dict[str, list[int]] = {}
    for place, problem in enumerate(problems):
        places.setdefault(problem["domain"], []).append(place)

    def part(arm: str, domain: str) -> list[int]:
        return [marks[arm].of[mode][place] for place in places[domain]]

    arms = tuple(
        Arm(
            name=name,
            role=_role(name, result, baseline),
            estimates={domain: proportion(sum(part(name, domain)), len(places[domain])) for domain in places},
        )
        for name in marks
    )
    gaps = tuple(
        Difference(
            measure=domain,
            arm=result,
            against=name,
            estimate=paired_difference(part(result, domain), part(name, domain)),
        )
        for name in marks
        if name != result
        for domain in places
    )
    measures = tuple(Measure(name=domain) for domain in places)
    return Scores(title=f"Domain by domain, {mode}", measures=measures, arms=arms, differences=gaps)


def _role(name: str, result: str, baseline: str) -> Role:
    return "result" if name == result else "baseline" if name == baseline else "control"


def _against(gaps: Sequence[Difference], mode: str) -> str:
    told = [f"{gap.estimate.value * 100:+.1f} points over {gap.against}" for gap in gaps if gap.measure == mode]
    return ", ".join(told)


def losses(models: Mapping[str, Path]) -> Curves:
    """Return the loss curves of trained models, by arm."""
    series = []
    for name, folder in models.items():
        curve = json.loads((folder / "training.json").read_text("utf-8"))["losses"]
        series.append(Series(name=name, x=tuple(range(1, len(curve) + 1)), y=tuple(curve)))
    return Curves(title="Training loss", x="step", y="nats per reply token", series=tuple(series))
