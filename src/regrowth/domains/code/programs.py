"""Code and tests run as one program, in any language: right if it leaves with exit code 0.

This is how MultiPL-E judges. It is weaker than a verdict by values (`suites`): the code stands in the process of its
tests, so one that leaves early with 0 passes. Use it to compare with published numbers, not to reward a model.

    found = await exit_judged(executor, "function f(x) { return x }\\nrequire('assert').equal(f(1), 2)", "javascript")
    found.right, found.messages     False, ("nonzero, exit code 1\\n…AssertionError [ERR_ASSERTION]: 1 == 2…",)
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from regrowth.core.errors import DataError, Rejected
from regrowth.core.protocols import Execution, Executor, Limits
from regrowth.core.record import Record
from regrowth.domains.code.benchmarks import suite_of
from regrowth.domains.code.extract import Extracted, extracted
from regrowth.domains.code.suites import LIMITS, Judged, judged
from regrowth.gates.naming import named
from regrowth.sandbox.calls import run

__all__ = ["attempt", "exit_judged", "judge", "passes_tests"]

SAID = 1200
"""Characters of what a program said last that a message keeps."""


def passes_tests(executor: Executor) -> Callable[[Record], Awaitable[Record]]:
    """Return the gate that accepts a response to a problem of a benchmark if it passes all tests.

    The tier of the isolation becomes a score. A refusal says of the first check that failed what was expected and what
    was found.
    """
    return named("passes_tests", _passed, executor=executor)


async def _passed(record: Record, *, executor: Executor) -> Record:
    found = await judge(executor, record, record.response)
    if not found.right:
        raise Rejected("passes_tests", next(message for message in found.messages if message))
    return record.scored(isolation=executor.tier)


async def judge(
    executor: Executor,
    problem: Record,
    reply: str,
    *,
    limits: Limits | None = None,
) -> Judged:
    """Judge a model's reply to a problem of a benchmark; one without code fails, and the message says why.

    Args:
        executor: what isolates it.
        problem: a record of `read_benchmark`.
        reply: all that the model wrote.
        limits: of each program that runs; those of the language by default.

    Raises:
        DataError: the record is no problem of a benchmark.
        SettingsError: the tools of its language are not installed.
        NoIsolation: nothing here can isolate the code.
        CallFailed: the sandbox itself broke down.
    """
    found = attempt(problem, reply)
    attributes: Mapping[str, Any] = problem.attributes
    if attributes["language"] == "python":
        suite = suite_of(problem)
        if not found.code:
            return _nothing(found, checks=len(suite.checks), tier=executor.tier)
        return await judged(executor, found.code, suite, limits=limits or LIMITS)
    if not found.code:
        return _nothing(found, checks=1, tier=executor.tier)
    program = f"{found.code}\n{_tests(attributes, found)}"
    return await exit_judged(executor, program, attributes["language"], limits=limits)


def attempt(problem: Record, reply: str) -> Extracted:
    """Return the program in a reply, completed from the prompt where the problem is to go on with code.

    Raises:
        DataError: the record is no problem of a benchmark.
    """
    attributes: Mapping[str, Any] = problem.attributes
    if not {"language", "function"} <= attributes.keys():
        raise DataError(f"record {problem.id} is no problem of a benchmark: it names no language and function.")
    prompt = problem.prompt if attributes.get("completes") else ""
    found = extracted(reply, language=attributes["language"], function=attributes["function"], prompt=prompt)
    if found.form != "completion" or not attributes.get("stops"):
        return found
    body = found.code.removeprefix(prompt)
    ends = [place for stop in attributes["stops"] if (place := body.find(stop)) >= 0]
    return Extracted(prompt + body[: min(ends, default=len(body))] + "\n", found.form)


async def exit_judged(
    executor: Executor,
    program: str,
    language: str,
    *,
    limits: Limits | None = None,
) -> Judged:
    """Judge a program that tests itself by its exit code: one check.

    Raises:
        SettingsError: no such language, or its tools are not installed.
        NoIsolation: nothing here can isolate the code.
        CallFailed: the sandbox itself broke down.
    """
    execution = await run(executor, program, language=language, limits=limits)
    passed = execution.status == "ok" and not execution.exit
    return Judged((passed,), ("" if passed else _said(execution),), execution)


def _said(execution: Execution) -> str:
    ended = execution.reason or (f"exit code {execution.exit}" if execution.exit is not None else "")
    said = (execution.stderr.strip() or execution.stdout.strip())[-SAID:]
    return f"{execution.status}: {ended}\n{said}".strip()


def _tests(attributes: Mapping[str, Any], found: Extracted) -> str:
    """Return the tests; Bash's begin with the end of a function that a whole function has already."""
    tests = str(attributes.get("program_tests", ""))
    return tests if found.form == "completion" else tests.removeprefix("}\n")


def _nothing(found: Extracted, *, checks: int, tier: int) -> Judged:
    said = f"no code: {found.reason}"
    return Judged((False,) * checks, (said,) * checks, Execution(status="ok", tier=tier, reason=said))
