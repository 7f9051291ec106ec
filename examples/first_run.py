"""The packaged model answers arithmetic problems; a program checks; exactly forty right answers leave as a file."""

from pathlib import Path
from tempfile import mkdtemp

import regrowth as rg
from regrowth.domains import problems, verified


async def answer(problem, model):
    """Draw one answer."""
    return problem.derive(response=await model.ask(problem.messages, seed=problem.seed("answer")))


folder = Path(mkdtemp(prefix="regrowth-"))
seeds = list(problems(["arithmetic", "tool_calls"], 400, seed=1, split="train"))
with rg.open_run(folder / "run") as run:
    data = run.grow(seeds, answer, run.model("tiny"), gates=[verified], count=40, stratum="domain")
    data.export(folder / "right.jsonl", layout="prompt-completion")
print(f"{len(data)} right answers in {folder / 'right.jsonl'}")
