"""How the solutions of published code benchmarks behave, for the decontamination of a dataset.

    probes = await read_probes(executor, Path("humaneval.jsonl.gz"))
    probes[1]       Probe("truncate_number", inputs=((3.5,), (1.33,), …), expected=(0.5, 0.33, …), …)

The inputs are those of the benchmark's own tests and examples; what is right, its reference solution says.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, closing
from pathlib import Path
from tempfile import TemporaryDirectory

from regrowth.core.errors import DataError
from regrowth.core.protocols import Executor
from regrowth.core.record import Record
from regrowth.core.store import Store
from regrowth.curation.contamination.behaviour import Probe, behaves, functions, held_code
from regrowth.curation.contamination.items import Benchmark
from regrowth.curation.contamination.screen import Deep
from regrowth.curation.contamination.verifiers import Verifier, judge, same_quantities
from regrowth.domains.code.benchmarks import read_benchmark
from regrowth.domains.code.extract import extracted
from regrowth.domains.code.neighbours import around
from regrowth.domains.code.signatures import Inputs, examples, signature
from regrowth.models.model import RememberedModel
from regrowth.models.spec import backend
from regrowth.sandbox.calls import call
from regrowth.sandbox.ladder import Ladder, sandbox

__all__ = ["code_in", "deep_look", "read_probes"]

NEIGHBOURS = 6
"""Inputs that a problem gets at least, if its own do not tell a solution from a constant."""


async def read_probes(executor: Executor, path: Path) -> dict[int, Probe]:
    """Return the behaviour of a code benchmark's solutions, by the number of the row; {} if it is no such benchmark.

    Problems that no call on plain values tells apart from a constant are left out.

    Raises:
        NoIsolation: nothing here can isolate code.
        CallFailed: the sandbox itself broke down.
    """
    try:
        problems = list(read_benchmark(path))
    except DataError:
        return {}
    found = {}
    for number, problem in enumerate(problems):
        if problem.target and (probe := await _probe(executor, problem)):
            found[number] = probe
    return found


async def _probe(executor: Executor, problem: Record) -> Probe | None:
    function, checks = problem["function"], problem.attributes.get("checks", ())
    known = examples(problem.target, function, checks)
    near = around(known, count=NEIGHBOURS, seed=0) if 0 < len(known) < NEIGHBOURS else []
    for inputs in (known, [*known, *near]):
        probe = await _measured(executor, problem, function, inputs)
        if probe and probe.telling:
            return probe
    return None


async def _measured(executor: Executor, problem: Record, function: str, inputs: Sequence[Inputs]) -> Probe | None:
    if not inputs:
        return None
    program = "\n".join(part for part in (problem.attributes.get("setup", ""), problem.target) if part)
    outcomes = (await call(executor, program, function, inputs)).outcomes
    good = [(given, one.value) for given, one in zip(inputs, outcomes, strict=True) if not one.error]
    if not good:
        return None
    types = str(signature(problem.target, function, problem.attributes.get("checks", ()), [given for given, _ in good]))
    return Probe(function, tuple(given for given, _ in good), tuple(value for _, value in good), types)


def code_in(text: str, language: str) -> str:
    """Return the code of a language in a reply, prose around it left out."""
    plain = held_code(text, language)
    return plain if functions(plain, language) else extracted(text, language=language).code


@asynccontextmanager
async def deep_look(
    files: Sequence[Path], benchmarks: Sequence[Benchmark], *, judge_by: str = "", isolation: str = "auto"
) -> AsyncIterator[Deep]:
    """Give the look for rephrased items of benchmarks, read from these files: behaviour first, then the judge.

    Raises:
        NoIsolation: one of them is a code benchmark, and nothing here can isolate code.
        SettingsError: no such judge.
    """
    executor, verifiers = sandbox(isolation), dict[str, list[Verifier]]()
    with TemporaryDirectory(prefix="regrowth-judge-") as folder, closing(Store(Path(folder))) as store:
        asked = backend(judge_by) if judge_by else None
        try:
            last = [judge(RememberedModel(asked, store, judge_by))] if asked else []
            for path, benchmark in zip(files, benchmarks, strict=True):
                probes = await read_probes(executor, path)
                first = [behaves(executor, probes, extract=code_in)] if probes else []
                verifiers[benchmark.name] = [*first, same_quantities, *last]
            yield Deep(benchmarks, verifiers)
        finally:
            if asked:
                await asked.close()
            if isinstance(executor, Ladder):
                executor.close()
