"""Verify solutions: many answers per problem in, only those that reach the known answer out, with passports.

Source: the verification step of Cobbe et al., 2021, arXiv:2110.14168, with a program instead of a trained verifier.

One record on its way (GSM8K problem, solution written by a real model):
    prompt    "Baldur gets water from a well. He gets 5 pails … how many liters of water does he get every day?"
    response  "He gets 5 + 6 = <<5+6=11>>11 pails of water every day.\\n…\\nA: 55"
    target    "55"
The problems name the target in full worked form ("… #### 55") or bare; the last number counts.
"""

from functools import partial
from pathlib import Path

from pydantic import NonNegativeFloat, NonNegativeInt, PositiveInt

from regrowth.core import layouts
from regrowth.core.dataset import Dataset
from regrowth.core.errors import DataError
from regrowth.core.flow import Budget
from regrowth.core.protocols import Model, Sampling
from regrowth.core.record import Record
from regrowth.core.settings import Frozen
from regrowth.gates import exact_answer
from regrowth.run import Run

__all__ = ["Settings", "verify_solutions"]


class Settings(Frozen):
    """Say which problems, which model, how many answers."""

    problems: Path
    """JSONL or Parquet file of problems with their answers."""
    model: str
    """Who solves them: `openai:model@http://host:port/v1`, `hf:org/name`, or `recorded:file.jsonl`."""
    prompt: str = "question"
    """Column that holds the problem."""
    answer: str = "answer"
    """Column that holds the answer, alone or at the end of a worked solution."""
    samples: PositiveInt = 4
    """Solutions per problem."""
    temperature: NonNegativeFloat = 0.7
    """0 is greedy: every solution of a problem would be the same."""
    max_tokens: PositiveInt = 512
    """Tokens of a solution, at most."""
    system: str = ""
    """System message sent with every problem."""
    count: PositiveInt | None = None
    """Verified solutions wanted; nothing tries every problem once and keeps all that are right."""
    tokens: PositiveInt | None = None
    """Budget of tokens."""
    money: NonNegativeFloat | None = None
    """Budget of money, in the currency of the model's price."""
    seed: NonNegativeInt = 0


async def verify_solutions(run: Run, settings: Settings) -> Dataset:
    """Return the solutions whose final answer is the problem's."""
    columns = {"prompt": settings.prompt, "target": settings.answer}
    source = [_problem(record, settings) for record in layouts.read(settings.problems, columns=columns)]
    sampling = Sampling(temperature=settings.temperature, max_tokens=settings.max_tokens)
    return await run.agrow(
        source,
        partial(solve, sampling=sampling, samples=settings.samples),
        run.model(settings.model),
        name="verified",
        gates=[exact_answer()],
        count=settings.count,
        budget=Budget(tokens=settings.tokens, money=settings.money),
    )


def _problem(record: Record, settings: Settings) -> Record:
    if not record.target:
        raise DataError(f"{settings.problems}: a problem without an answer in column {settings.answer!r}.")
    return record.derive(prompt=record.prompt) if not settings.system else record


async def solve(problem: Record, model: Model, *, sampling: Sampling, samples: int) -> list[Record]:
    """Draw several solutions of one problem."""
    seeds = [problem.seed("solve", index) for index in range(samples)]
    drawn = await model.samples(problem.messages, sampling, seeds=seeds)
    return [
        problem.derive(response=solution.text, attributes={"solution": index, "finish": solution.finish})
        for index, solution in enumerate(drawn)
    ]
