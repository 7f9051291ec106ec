"""How good is a model at problems it never saw: greedy and sampled at temperature 1, problem by problem."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from regrowth.core.errors import Rejected
from regrowth.core.protocols import Gate, Model, Sampling
from regrowth.core.record import Record
from regrowth.run import Run

__all__ = ["MODES", "Marks", "evaluate"]

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
        gate(problem.derive(response=answer.text))
    except Rejected:
        return 0
    return 1
