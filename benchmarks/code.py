# ruff: noqa: A005
"""Published code benchmarks through the judge: references pass, stubs fail, verdicts repeat; replies in five languages.

    REGROWTH_DATA=/path/to/data python -m benchmarks.code            # about 8 minutes; writes results/code.json
    REGROWTH_DATA=/path/to/data python -m benchmarks.code mbpp r     # some of it, beside what is there

`code/` of that folder holds HumanEval, MBPP and MultiPL-E with a recorded reply per problem. MultiPL-E's tests need
`luaunit` (Debian: lua-unit) and Perl's Test::Deep (libtest-deep-perl).
"""

import argparse
import asyncio
import json
import os
import re
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from regrowth.core.errors import SettingsError
from regrowth.core.protocols import Executor
from regrowth.core.record import Record
from regrowth.domains.code.benchmarks import read_benchmark, suite_of
from regrowth.domains.code.programs import judge
from regrowth.domains.code.suites import Judged, judged
from regrowth.sandbox.ladder import sandbox
from regrowth.sandbox.language_table import LANGUAGES

RESULTS = Path(__file__).parent / "results" / "code.json"
REPEATS = 3
WIDTH = 2
WALL = 90.0
"""Seconds by the clock, so that a busy machine changes no verdict: what computes meets the limit of processor time."""
BY_VALUES = ("humaneval", "mbpp")
BY_EXIT = ("js", "pl", "sh", "lua", "r")
STUB = "def {}(*args, **kwargs):\n    return None\n"

CAUSES = {
    "not installed": r"module '\w+' not found|there is no package|Can't locate|Cannot find module",
    "does not parse": r"SyntaxError|(?<!\) 1: )syntax error|unexpected (?:symbol|end|token|'|string|numeric|EOF)"
    r"|'?\w+'? expected (?:near|\()|unfinished|<eof>|unterminated",
    "a wrong value": r"AssertionError|expected: |is not TRUE|LuaUnit|actual: ",
    "an error of its own": r"Error|error|command not found|attempt to|cannot|Can't|not a|Undefined|requires|must|died"
    r"| at \S+ line \d+",
}
"""What a failure's message tells of its cause, the first that matches; where it tells nothing, a comparison failed."""


async def repeated(
    problems: Sequence[Record], verdict: Callable[[Record], Awaitable[Judged]], repeats: int
) -> tuple[list[Judged], list[str], float]:
    """Judge problems several times; return the first verdicts, whose verdict changed, and the seconds of a pass."""
    gate = asyncio.Semaphore(WIDTH)

    async def one(problem: Record) -> Judged:
        async with gate:
            return await verdict(problem)

    start = time.perf_counter()
    passes = [await asyncio.gather(*map(one, problems)) for _ in range(repeats)]
    seconds = (time.perf_counter() - start) / repeats
    changed = [
        problem["name"] for place, problem in enumerate(problems) if len({found[place].passed for found in passes}) > 1
    ]
    return list(passes[0]), changed, seconds


async def by_values(executor: Executor, path: Path) -> dict[str, Any]:
    """Judge the reference solutions and stubs in their place."""
    problems = list(read_benchmark(path))
    found, changed, seconds = await repeated(problems, lambda one: judged(executor, one.target, suite_of(one)), REPEATS)
    stubs, _, _ = await repeated(problems, lambda one: judged(executor, STUB.format(one["function"]), suite_of(one)), 1)
    named = list(zip(problems, found, strict=True))
    return {
        "problems": len(problems),
        "checks": sum(len(one.passed) for one in found),
        "references right": sum(one.right for one in found),
        "references wrong": {problem["name"]: failing(one) for problem, one in named if not one.right},
        "stubs right": sum(one.right for one in stubs),
        "checks that a stub passes": sum(sum(one.passed) for one in stubs),
        "repeats": REPEATS,
        "verdicts that changed": changed,
        "problems per second": round(len(problems) / seconds, 1),
    }


async def by_exit(executor: Executor, path: Path) -> dict[str, Any]:
    """Judge the recorded replies by exit code, as MultiPL-E does."""
    problems = list(read_benchmark(path))
    limits = replace(LANGUAGES[problems[0]["language"]].limits, wall=WALL)
    found, changed, seconds = await repeated(
        problems, lambda one: judge(executor, one, one.response, limits=limits), REPEATS
    )
    causes: dict[str, list[str]] = {}
    for problem, one in zip(problems, found, strict=True):
        if not one.right:
            causes.setdefault(cause(one), []).append(problem["name"])
    return {
        "problems": len(problems),
        "replies right": sum(one.right for one in found),
        "replies wrong, by cause": {name: len(some) for name, some in sorted(causes.items())},
        "some of them": {name: some[:3] for name, some in sorted(causes.items())},
        "repeats": REPEATS,
        "verdicts that changed": changed,
        "problems per second": round(len(problems) / seconds, 1),
    }


def failing(one: Judged) -> str:
    """Return the first message of a failure."""
    return next(message for message in one.messages if message)


def cause(one: Judged) -> str:
    """Return why a program failed, as far as its message tells."""
    message = failing(one)
    if message.startswith("no code"):
        return "no code in the reply"
    if one.execution.status != "nonzero":
        return one.execution.status
    if one.execution.reason == "does not compile":
        return "does not parse"
    said = message.partition("\n")[2]
    return next((name for name, pattern in CAUSES.items() if re.search(pattern, said)), "a wrong value")


async def measure(names: Sequence[str], folder: Path) -> dict[str, Any]:
    """Measure the named benchmarks."""
    executor = sandbox()
    figures: dict[str, Any] = {"tier": executor.tier}
    measures: Mapping[str, Callable[[Executor, Path], Awaitable[dict[str, Any]]]] = {
        **dict.fromkeys(BY_VALUES, by_values),
        **dict.fromkeys(BY_EXIT, by_exit),
    }
    for name in names:
        path = folder / (f"{name}.jsonl.gz" if name in BY_VALUES else f"multipl_e_{name}.jsonl.gz")
        try:
            figures[name] = await measures[name](executor, path)
            figures[name]["load of the machine"] = round(os.getloadavg()[0], 1)
        except SettingsError as error:
            figures[name] = {"not measured": str(error)}
        print(json.dumps({name: figures[name]}, indent=1, ensure_ascii=False), flush=True)
    if (close := getattr(executor, "close", None)) is not None:
        close()
    return figures


def main() -> None:
    """Measure and write it down, beside what was measured before."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.code", description=__doc__)
    parser.add_argument(
        "names", nargs="*", default=[], help=f"some of {', '.join((*BY_VALUES, *BY_EXIT))}; all by default"
    )
    names = parser.parse_args().names or (*BY_VALUES, *BY_EXIT)
    folder = Path(os.environ.get("REGROWTH_DATA", "../shared/data")) / "code"
    figures = asyncio.run(measure(names, folder))
    known = json.loads(RESULTS.read_text("utf-8")) if RESULTS.exists() else {}
    figures = {**known, **figures}
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(figures, indent=1, ensure_ascii=False) + "\n", "utf-8")


if __name__ == "__main__":
    main()
