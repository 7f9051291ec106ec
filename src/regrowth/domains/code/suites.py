"""Test suites judged by values: no test ever runs in a process that has held the code it tests.

    suite = read_suite("assert add(2, 3) == 5\\nassert add(-1, 1) == 0", "add")
    found = await judged(executor, "def add(a, b):\\n    return a - b", suite)
    found.passed        (False, False)
    found.messages[0]   "assert add(2, 3) == 5\\n  expected 5, found -1\\n  add(2, 3) returned -1"

The candidate is called in one program, which is told inputs and gives back plain values. The tests run in another,
where a stub of the function's name gives these values again, raises what was raised and changes arguments as they were
changed; a call it does not know is made beside the candidate and the test is tried again. A check as simple as the two
above is decided right here. So a candidate can overrule no comparison, end no test early, and never sees what is
expected of it; what it can do is return the right values. Known cheats: Baker et al., 2025, arXiv:2503.11926.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.resources import files as package_files
from typing import Any, TypeAlias

from regrowth.core.protocols import Execution, Executor, Limits
from regrowth.domains.code._forms import Suite, read_suite
from regrowth.domains.code._observer import Told, key
from regrowth.domains.code._replay import CASE, Verdict, message
from regrowth.domains.code._simple import lifted, literal_calls, simple
from regrowth.sandbox.calls import Called, Returned, call
from regrowth.sandbox.language_table import SMALL

__all__ = ["LIMITS", "Judged", "Suite", "judged", "read_suite"]

LIMITS = replace(SMALL, wall=30.0)
"""Of each of the programs that a judgement takes: one if all checks are simple, mostly two or three. The clock is there
for what sleeps; on a busy machine, what computes should meet the limit of processor time and no other."""
ROUNDS = 12
"""Times that checks may ask for calls nobody foresaw."""
GONE = "no value: "
NOT_PLAIN = "not a plain value"
Arguments: TypeAlias = tuple[tuple[Any, ...], dict[str, Any]]

_HERE = package_files("regrowth.domains.code")


def _sent(*names: str) -> str:
    """Return modules as the text of one program: without their imports of each other."""
    texts = [_HERE.joinpath(f"{name}.py").read_text("utf-8") for name in names]
    return "\n".join(re.sub(r"(?m)^from regrowth\..*\n", "", text) for text in texts)


_OBSERVER, _REPLAY = _sent("_observer"), _sent("_observer", "_stand_ins", "_replay")
_BESIDE = f"""
__regrowth = {{"__name__": "observer"}}
__import__("builtins").exec({_OBSERVER!r}, __regrowth)
_regrowth_observed = __regrowth["observer"](__import__("builtins").globals())
"""


_SHAPES: Mapping[str, Callable[[Any, int], bool]] = {
    "returned": lambda value, _: True,
    "unplain": lambda value, _: isinstance(value, str),
    "iterator": lambda value, _: isinstance(value, list),
    "range": lambda value, _: _of(value, int) and len(value) == 3 and value[2] != 0,
    "argument": lambda value, arguments: type(value) is int and 0 <= value < arguments,
    "raised": lambda value, _: (
        isinstance(value, tuple)
        and len(value) == 2
        and isinstance(value[0], list)
        and bool(value[0])
        and _of(tuple(value[0]), str)
        and isinstance(value[1], str)
    ),
}
"""What a program that may be a liar can have said of a call."""


def _of(value: Any, kind: type) -> bool:
    return isinstance(value, tuple) and all(type(one) is kind for one in value)


def _told(outcome: Returned, arguments: int) -> Told:
    """Return how a call ended, or that nothing is known of it that can be read."""
    if outcome.error:
        return "ended", outcome.error, "", None
    told = outcome.value
    if isinstance(told, tuple) and len(told) == 4 and isinstance(told[0], str) and told[0] in _SHAPES:
        how, value, printed, after = told
        if (
            _SHAPES[how](value, arguments)
            and isinstance(printed, str)
            and (after is None or _of_length(after, arguments))
        ):
            try:
                key(told)
            except TypeError as error:
                return "ended", str(error), "", None
            return how, value, printed, after
    return "ended", "what came back cannot be read", "", None


def _of_length(after: Any, arguments: int) -> bool:
    return isinstance(after, tuple) and len(after) == arguments


@dataclass(frozen=True, slots=True)
class Judged:
    """Hold what a suite makes of some code."""

    passed: tuple[bool, ...]
    """One verdict per check."""
    messages: tuple[str, ...]
    """One per check, empty where it passed: the check, what was expected, what was found."""
    execution: Execution
    """How the candidate's program ended: the first that did not end well, if any; else the first."""

    @property
    def right(self) -> bool:
        """Return whether there are checks and all passed."""
        return bool(self.passed) and all(self.passed)


async def judged(executor: Executor, code: str, suite: Suite, *, limits: Limits = LIMITS) -> Judged:
    """Judge code by a suite; whatever the code does becomes a verdict.

    Checks behind a call that hangs count as failed: a candidate costs its own limit once, not once per check.

    Raises:
        NoIsolation: nothing here can isolate the code.
        CallFailed: the sandbox itself broke down.
    """
    judgement = _Judgement(executor, code, suite, limits)
    await judgement.ask(literal_calls(suite.checks, suite.function))
    judgement.decide_simple()
    await judgement.replay()
    return judgement.result()


class _Judgement:
    """Hold what is known so far: the calls, and the verdicts."""

    def __init__(self, executor: Executor, code: str, suite: Suite, limits: Limits) -> None:
        self.executor = executor
        self.code = code
        self.suite = suite
        self.limits = limits
        self.calls: dict[str, Told] = {}
        self.cases: list[str] = []
        self.sources = list(suite.checks)
        self.verdicts: dict[int, str] = {}
        self.executions: list[Execution] = []
        self.patient = True
        """Whether a check goes on behind a call that is not known, to find more of them."""
        self.lost = False
        """Whether a call that was needed never came to an end."""

    async def ask(self, certain: Iterable[Arguments], further: Iterable[Arguments] = ()) -> None:
        """Make calls beside the candidate, each once; the further ones may turn out not to be needed."""
        needed = {key(one): one for one in certain}
        calls = needed | {key(one): one for one in further}
        calls = {name: one for name, one in calls.items() if name not in self.calls}
        if not calls:
            return
        if self.lost:
            self.calls |= dict.fromkeys(calls, ("ended", "not called, for an earlier call did not end", "", None))
            return
        outcomes = await self._observed(self.code, [(self.suite.function, *one) for one in calls.values()])
        for (name, (args, _)), outcome in zip(calls.items(), outcomes, strict=True):
            gone = outcome.error.startswith(GONE)
            self.patient &= not gone
            self.lost |= gone and name in needed
            if name in needed or not gone:
                self.calls[name] = _told(outcome, arguments=len(args))
        errors = {outcome.error for outcome in outcomes}
        if len(errors) == 1 and (error := errors.pop()) and not error.startswith(NOT_PLAIN):
            said = f"the code cannot be judged: {error.removeprefix(GONE)}"
            self.verdicts = {number: message(source, [said]) for number, source in enumerate(self.suite.checks)}

    async def _observed(self, code: str, inputs: Sequence[Sequence[object]]) -> Sequence[Returned]:
        found = await call(self.executor, code + _BESIDE, "_regrowth_observed", inputs, limits=self.limits)
        self.executions.append(found.execution)
        return found.outcomes

    def decide_simple(self) -> None:
        """Decide the checks that need no program: a literal call, compared with a literal."""
        for number, source in enumerate(self.suite.checks):
            if number in self.verdicts:
                return
            check = simple(source, self.suite.function)
            verdict = check.decided(self.calls) if check else None
            if verdict is not None:
                self.verdicts[number] = verdict

    async def replay(self) -> None:
        """Decide the other checks beside a stub that knows the calls, asking for calls until none is missing."""
        for _ in range(ROUNDS):
            pending = [number for number in range(len(self.sources)) if number not in self.verdicts]
            if not pending:
                return
            found = await self._replayed(pending)
            if any(verdict is None for verdict in found.values()) and self.patient:
                self.patient = False
                continue
            await self._settle(found)
        for number in range(len(self.sources)):
            self.verdicts.setdefault(
                number,
                f"{self.sources[number]}\n  undecided: its inputs were not settled after {ROUNDS} rounds of calls",
            )

    async def _replayed(self, pending: Sequence[int]) -> dict[int, Verdict | None]:
        shown = [(source, self.sources[number]) for number, source in enumerate(self.suite.checks)]
        given = (self.suite.function, self.suite.setup, shown, self.calls, self.cases, self.patient)
        program = f"{_REPLAY}\ndecide = deciding(*{key(given)})\n"
        found: Called = await call(
            self.executor, program, "decide", [(number,) for number in pending], limits=self.limits
        )
        return {
            number: None if outcome.error else outcome.value  # type: ignore[misc]
            for number, outcome in zip(pending, found.outcomes, strict=True)
        }

    async def _settle(self, found: Mapping[int, Verdict | None]) -> None:
        first, further, opaque = [], [], list[int]()
        for number, verdict in found.items():
            stage, said, wanted = verdict or (
                "failed",
                f"{self.suite.checks[number]}\n  the test itself did not end",
                [],
            )
            if stage == "open":
                first += wanted[:1]
                further += wanted[1:] if self.patient else []
            elif stage == "opaque" and self._lift(number):
                opaque.append(number)
            else:
                self.verdicts[number] = said
        await self.ask(first, further)
        if opaque:
            await self._ask_cases()

    def _lift(self, number: int) -> bool:
        """Rewrite a check so that its calls are evaluated as expressions beside the candidate, if that can be done."""
        source = lifted(self.sources[number], self.suite.function, self.cases, CASE)
        if source is None:
            return False
        self.sources[number] = source
        return True

    async def _ask_cases(self) -> None:
        new = [number for number in range(len(self.cases)) if f"case {number}" not in self.calls]
        lines = [f"{CASE}_{number} = lambda: ({self.cases[number]})" for number in new]
        begin = f"exec({self.suite.setup!r}, globals())\nexec({self.code!r}, globals())\n"
        outcomes = await self._observed("\n".join([begin, *lines]), [(f"{CASE}_{number}", (), {}) for number in new])
        for number, outcome in zip(new, outcomes, strict=True):
            self.calls[f"case {number}"] = _told(outcome, arguments=0)

    def result(self) -> Judged:
        """Return the verdicts."""
        said = (self.verdicts[number] for number in range(len(self.sources)))
        messages = tuple(one.encode("utf-8", "backslashreplace").decode() for one in said)
        ended = next((one for one in self.executions if one.status != "ok"), None)
        execution = ended or (
            self.executions[0] if self.executions else Execution(status="ok", tier=self.executor.tier)
        )
        return Judged(tuple(not message for message in messages), messages, execution)
