"""Several solutions and several test suites of one problem, judged by each other: what execution feedback starts from.

Four drafts of one problem; two of three suites were good, the vote struck one test out:
    response     "def f(x): …"     "def f(x): …"     "def f(x): …"     "def f(x): …"
    right         yes               yes               no                yes
    blamed        ""                ""                "code"            "tests"    # it only fails what was struck
    pass_rate     0.75 each; the frozen tests and their quality are the same for all
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from regrowth.core.errors import CallFailed, DataError, Rejected
from regrowth.core.protocols import Executor, Model
from regrowth.core.record import Json, Messages, Record
from regrowth.domains.code.suites import Suite, read_suite
from regrowth.recipes._code.agreement import Settled, SuiteSettings, readable, settled
from regrowth.recipes._code.prompts import SAMPLING, Style, asked
from regrowth.recipes._code.repair import code_of, corrected, suite_of

__all__ = ["HARD", "How", "dialogue", "draft", "naive", "sound", "turn"]

HARD = 0.5
"""Share of right drafts below which a problem is hard: its drafts get twice the rounds of repair."""


@dataclass(frozen=True, slots=True, kw_only=True)
class How:
    """What the work on every problem needs to know."""

    style: Style
    solutions: int
    suites: SuiteSettings
    repairs: int
    seed: int = 0

    def rounds(self, pass_rate: float) -> int:
        """Return the rounds of repair that a draft gets, by how many drafts of its problem are right."""
        return self.repairs * (2 if pass_rate < HARD else 1)


async def draft(problem: Record, writer: Model, executor: Executor, *, how: How) -> list[Record]:
    """Draw solutions and tests, let them judge each other, freeze the tests; return one record per solution."""
    request = asked(how.style, "tests", problem=problem["problem"])
    replies, tests = await asyncio.gather(
        _drawn(problem, problem.messages, writer, how.style, "solve", how.solutions),
        _drawn(problem, request, writer, how.style, "tests", how.suites.count),
    )
    own = [code_of(reply) for reply in tests]
    found = await _settled(problem, replies, own, writer, executor, how)
    rate = sum(found.right[: len(replies)]) / len(replies)
    shared: dict[str, Json] = {
        "checks": list(found.suite.checks) if found.suite else [],
        "setup": found.suite.setup if found.suite else "",
        "refused": found.refused,
        "pass_rate": rate,
    }
    scores = {"agreement": found.agreement, "isolation": float(executor.tier), **_figures(found)}
    return [
        problem.derive(
            response=reply,
            attributes={
                **shared,
                "sample": place,
                "right": found.right[place],
                "blamed": found.blamed[place],
                "own_tests": own[place % len(own)],
            },
        ).scored(**scores)
        for place, reply in enumerate(replies)
    ]


async def _drawn(
    problem: Record, prompt: str | Messages, writer: Model, style: Style, purpose: str, count: int
) -> list[str]:
    seeds = [problem.seed(purpose, index) for index in range(count)]
    return [one.text for one in await writer.samples(prompt, SAMPLING[style], seeds=seeds)]


async def _settled(
    problem: Record, replies: Sequence[str], tests: Sequence[str], writer: Model, executor: Executor, how: How
) -> Settled:
    """Settle a problem; where that fails, drafts are mended by one suite, and all vote again by the other suites.

    Not by the same: a program that was mended until it passes a test says nothing for that test.
    """
    function, seed = problem["function"], problem.seed("mutants")
    codes = [code_of(reply, function) for reply in replies]
    found = await settled(executor, codes, tests, function, demands=how.suites, seed=seed)
    shown = next((place for place, reply in enumerate(tests) if readable([reply], function)[0]), None)
    if found.suite is not None or not how.repairs or shown is None or len(tests) < 2:
        return found
    (suite,), _ = readable([tests[shown]], function)
    drafts = [problem.derive(response=reply, attributes={"sample": place}) for place, reply in enumerate(replies)]
    more = await asyncio.gather(*(_mended_once(one, suite, writer, executor, how.style) for one in drafts))
    codes += [code_of(one.response, function) for one in more]
    others = [*tests[:shown], *tests[shown + 1 :]]
    return await settled(executor, codes, others, function, demands=how.suites, seed=seed)


async def _mended_once(one: Record, suite: Suite, writer: Model, executor: Executor, style: Style) -> Record:
    try:
        return await corrected(one, suite, writer, executor, style=style, rounds=1)
    except CallFailed:  # a conversation that outgrew the context costs this draft its second chance, no other
        return one


def _figures(found: Settled) -> dict[str, float]:
    if found.quality is None or found.suite is None:
        return {}
    return {
        "mutation": found.quality.mutation,
        "coverage": found.quality.coverage,
        "asserts": float(len(found.suite.checks)),
    }


async def dialogue(draft: Record, writer: Model, executor: Executor, *, how: How) -> Record:
    """Finish a draft: as it is if it passes the frozen tests, else with what was mended; `sound` refuses the rest."""
    if draft["refused"]:
        return draft
    return await corrected(
        draft, suite_of(draft), writer, executor, style=how.style, rounds=how.rounds(draft["pass_rate"])
    )


def sound(record: Record) -> Record:
    """Refuse the drafts of a problem whose tests are not good enough: the test-quality gate.

    Raises:
        Rejected: says what its tests lack.
    """
    if record["refused"]:
        raise Rejected("test_quality", record["refused"])
    return record


async def naive(draft: Record, writer: Model, executor: Executor, *, how: How) -> Record:
    """Finish a draft with the tests that were written for it, taken as they are: the control without the gate.

    Raises:
        Rejected: there is no test to take.
    """
    try:
        suite = read_suite(draft["own_tests"], draft["function"])
    except DataError as error:
        raise Rejected("readable_tests", str(error)) from None
    return await corrected(draft, suite, writer, executor, style=how.style, rounds=how.repairs)


def turn(draft: Record) -> tuple[bool, float]:
    """Return when a draft's turn is: those that pass cost nothing and come first, then the hardest problems."""
    return not draft["right"], draft["pass_rate"]
