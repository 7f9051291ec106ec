"""How good are tests: do they assert something, do they say the same twice, and do they notice a bug?

    suite = read_suite("assert top([1, 3]) == 3\\nassert top([2]) == 2\\nassert top([]) == 0", "top")
    found, = await measured(executor, "def top(xs):\\n    return max(xs) if xs else 0\\n", [suite], demands=Demands())
    found.asserts, found.mutation, found.coverage       # 3, 1.0, 1.0
    refusal(found, Demands())                           # "": nothing to object to

Everything is measured against one program that passes the tests, by running others: stubs, which know nothing of the
problem, and mutants, which differ from the program by one small bug. A mutant that no test kills and that gives the
same values on many inputs is taken for equivalent and not counted.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from importlib.resources import files as package_files

from pydantic import Field, NonNegativeInt, PositiveInt

from regrowth.core.errors import DataError
from regrowth.core.protocols import Executor, Limits
from regrowth.core.settings import Frozen
from regrowth.domains.code._claims import asserting, stubs
from regrowth.domains.code.mutants import Mutant, mutants
from regrowth.domains.code.neighbours import Arguments, around, literal_arguments
from regrowth.domains.code.suites import LIMITS, Suite, judged
from regrowth.sandbox.calls import Returned, call
from regrowth.sandbox.values import same

__all__ = ["Demands", "Quality", "asserting", "measured", "outcomes", "refusal", "stubs", "together"]

INPUTS = 32
"""Inputs on which a mutant that no test kills is compared with the program."""
SECONDS = 1.0
"""Of processor time that a mutant may take; many never end, and to be stopped is to be noticed."""
FEWEST = 8
"""Inputs with a value below which no mutant is called equivalent."""
_TRACER = package_files("regrowth.domains.code").joinpath("_tracer.py").read_text("utf-8")


class Demands(Frozen):
    """Say what tests must do to count."""

    asserts: PositiveInt = 3
    """Different calls whose value is asserted, at least."""
    mutants: NonNegativeInt = 12
    """Programs with one bug that are tried; 0 tries none."""
    killed: float = Field(default=0.8, ge=0, le=1)
    """Share of them, those that are equivalent aside, that the tests must notice."""
    coverage: float = Field(default=0.8, ge=0, le=1)
    """Share of the lines in the program's functions that the tests must reach."""


@dataclass(frozen=True, slots=True)
class Quality:
    """Hold what was measured of one suite."""

    asserts: int
    """Different calls whose value is asserted."""
    passes: bool
    """Whether the program passes."""
    stable: bool = True
    """Whether each check said the same when all ran again, in reverse order."""
    survived: tuple[str, ...] = ()
    """Stubs that pass, by name."""
    killed: int = 0
    mutants: int = 0
    """Without those taken for equivalent."""
    equivalent: int = 0
    coverage: float = 0.0
    """In [0, 1]; the program's own word, for it is measured beside it."""

    @property
    def mutation(self) -> float:
        """Return the share of the mutants that were killed; 1 where there is none to kill."""
        return self.killed / self.mutants if self.mutants else 1.0


def refusal(found: Quality, demands: Demands) -> str:
    """Return why a suite is not good enough, in words, or nothing."""
    if found.asserts < demands.asserts:
        return f"{found.asserts} different calls with an asserted value, at least {demands.asserts}"
    if not found.stable:
        return "the same tests on the same program gave two outcomes"
    if not found.passes:
        return "the program does not pass"
    if found.survived:
        return f"a function that only returns {found.survived[0]} passes"
    if found.mutation < demands.killed:
        return f"{found.killed} of {found.mutants} mutants killed, at least {demands.killed:.0%}"
    if found.coverage < demands.coverage:
        return f"{found.coverage:.0%} of the lines reached, at least {demands.coverage:.0%}"
    return ""


def together(suites: Sequence[Suite]) -> Suite:
    """Return all checks of several suites as one, so that a program runs once for all."""
    setups = dict.fromkeys(suite.setup for suite in suites if suite.setup)
    return Suite(suites[0].function, tuple(check for suite in suites for check in suite.checks), "\n".join(setups))


async def measured(
    executor: Executor,
    code: str,
    suites: Sequence[Suite],
    *,
    demands: Demands,
    seed: int = 0,
    limits: Limits = LIMITS,
) -> tuple[Quality, ...]:
    """Measure suites on a program that should pass them; each program runs once for all suites.

    Raises:
        DataError: the program does not parse.
        NoIsolation: nothing here can isolate it.
    """
    bench = _Bench(executor, tuple(suites), limits)
    passed, again = await bench.passed(code), await bench.passed(code, again=True)
    found = [
        Quality(len(asserting(suite)), passes=bool(one) and all(one), stable=one == other)
        for suite, one, other in zip(suites, passed, again, strict=True)
    ]
    sound = [place for place, one in enumerate(found) if one.passes and one.stable]
    if sound:
        bench = _Bench(executor, tuple(suites[place] for place in sound), limits)
        for place, one in zip(sound, await bench.noticed(code, demands, seed), strict=True):
            found[place] = replace(one, asserts=found[place].asserts)
    return tuple(found)


async def outcomes(
    executor: Executor, code: str, suites: Sequence[Suite], *, limits: Limits = LIMITS
) -> list[tuple[bool, ...]]:
    """Return which checks a program passes, suite by suite, in one run for all.

    Raises:
        NoIsolation: nothing here can isolate it.
    """
    return await _Bench(executor, tuple(suites), limits).passed(code)


@dataclass(frozen=True, slots=True)
class _Bench:
    """Runs one program after another on the same suites."""

    executor: Executor
    suites: tuple[Suite, ...]
    limits: Limits

    async def right(self, code: str, suite: Suite) -> bool:
        return (await judged(self.executor, code, suite, limits=self.limits)).right

    async def passed(self, code: str, *, again: bool = False) -> list[tuple[bool, ...]]:
        """Return what passed, suite by suite; `again` is another run, not the memory of the first one."""
        suite = together(self.suites)
        if again:  # a text of its own: a store would tell the first run once more
            suite, code = replace(suite, checks=suite.checks[::-1]), f"{code}\n# again\n"
        found = await judged(self.executor, code, suite, limits=self.limits)
        if found.execution.status not in ("ok", "nonzero") and len(self.suites) > 1:
            # One check that hangs must not count against the suites after it.
            alone = [_Bench(self.executor, (one,), self.limits) for one in self.suites]
            return [(await bench.passed(code, again=again))[0] for bench in alone]
        passed = iter(found.passed[::-1] if again else found.passed)
        return [tuple(next(passed) for _ in one.checks) for one in self.suites]

    async def noticed(self, code: str, demands: Demands, seed: int) -> list[Quality]:
        """Measure what suites that pass notice: stubs and mutants; and what they reach."""
        bugs = mutants(code, limit=demands.mutants, seed=seed)
        hasty = replace(self, limits=replace(self.limits, cpu=min(SECONDS, self.limits.cpu)))
        kills = [[not all(one) for one in await hasty.passed(bug.code)] for bug in bugs]
        alike = await hasty.equivalent(code, [bug for bug, by in zip(bugs, kills, strict=True) if not any(by)], seed)
        reached = await self.reached(code)
        return [
            Quality(
                asserts=0,
                passes=True,
                survived=tuple([name for name, stub in stubs(suite).items() if await self.right(stub, suite)]),
                killed=sum(by[place] for by in kills),
                mutants=len(bugs) - alike,
                equivalent=alike,
                coverage=reached[place],
            )
            for place, suite in enumerate(self.suites)
        ]

    async def equivalent(self, code: str, bugs: Sequence[Mutant], seed: int) -> int:
        """Count the programs that give what the original gives, on all of many inputs for which that has a value."""
        name = self.suites[0].function
        known = [given for suite in self.suites for check in suite.checks for given in literal_arguments(check, name)]
        inputs = [*known, *around(known, count=INPUTS, seed=seed)][:INPUTS]
        if not bugs or not inputs:
            return 0
        expected = await self._values(code, inputs)
        inputs = [given for given, one in zip(inputs, expected, strict=True) if not one.error]
        if len(inputs) < FEWEST:
            return 0
        expected = [one for one in expected if not one.error]
        return sum([_agree(expected, await self._values(bug.code, inputs)) for bug in bugs])

    async def _values(self, code: str, inputs: Sequence[Arguments]) -> Sequence[Returned]:
        called = await call(self.executor, code, self.suites[0].function, inputs, limits=self.limits)
        return called.outcomes

    async def reached(self, code: str) -> list[float]:
        """Return the share of the lines that each suite reaches."""
        suites = [{"setup": suite.setup, "checks": suite.checks} for suite in self.suites]
        request = json.dumps({"code": code, "suites": suites})
        found = await self.executor.run({"driver.py": _TRACER}, ["python", "driver.py"], request, self.limits)
        try:
            told = json.loads(found.stdout.strip().rpartition("\n")[2])
            lines = len(told["lines"])
            shares = [len(set(one) & set(told["lines"])) / lines if lines else 1.0 for one in told["reached"]]
        except (ValueError, TypeError, KeyError, RecursionError):
            return [0.0] * len(self.suites)
        return shares if len(shares) == len(self.suites) else [0.0] * len(self.suites)


def _agree(expected: Sequence[Returned], found: Sequence[Returned]) -> bool:
    try:
        return all(not other.error and same(one.value, other.value) for one, other in zip(expected, found, strict=True))
    except DataError:
        return False
