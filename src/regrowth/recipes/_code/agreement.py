"""Which of several solutions and which of several tests are right, when neither can be trusted: those that agree.

Source: CodeT (Chen et al., 2022, arXiv:2207.10397). Solutions that pass the same tests form a cluster; the cluster with
the largest product of its solutions and the tests they pass wins.

    vote([[True, True, False], [True, True, False], [False, False, True]])
    # Ballot(winner=0, members=(0, 1), passed=(0, 1), score=4): the third solution and the third test are blamed

Departs from it in two points. Tests count only if they are worth something (`domains.code.quality`), measured on the
winner. And the vote is the only way in which a test is ever changed: what the winner does not pass is struck out, then
the tests are frozen. Of one suite not too much: solutions that share a mistake would strike out whatever shows it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from pydantic import Field, PositiveInt

from regrowth.core.errors import DataError
from regrowth.core.protocols import Executor
from regrowth.domains.code.quality import Demands, Quality, asserting, measured, outcomes, refusal, together
from regrowth.domains.code.suites import Suite, read_suite

__all__ = ["Ballot", "Settled", "SuiteSettings", "frozen", "readable", "settled", "vote"]


class SuiteSettings(Demands):
    """Say how many test suites are written, and what they must do to count."""

    count: PositiveInt = 3
    """Suites per problem, each written anew from the problem alone."""
    struck: float = Field(default=0.25, ge=0, le=1)
    """Share of a suite's checks that the vote may strike out; a suite of which more would go does not count."""


class Ballot(NamedTuple):
    """What a vote came to."""

    winner: int
    """The first solution of the cluster."""
    members: tuple[int, ...]
    passed: tuple[int, ...]
    """The tests that the cluster passes."""
    score: int


def vote(table: Sequence[Sequence[bool]]) -> Ballot | None:
    """Return the cluster that wins among solutions, given one row of verdicts each; None if no test is ever passed.

    Of equal clusters the one that passes more tests wins, then the one that was drawn first.
    """
    clusters: dict[tuple[bool, ...], list[int]] = {}
    for place, row in enumerate(table):
        clusters.setdefault(tuple(row), []).append(place)
    ranked = max(clusters, key=lambda row: (len(clusters[row]) * sum(row), sum(row), -clusters[row][0]), default=())
    if not any(ranked):
        return None
    members = tuple(clusters[ranked])
    passed = tuple(place for place, one in enumerate(ranked) if one)
    return Ballot(members[0], members, passed, len(members) * len(passed))


@dataclass(frozen=True, slots=True)
class Settled:
    """What solutions and tests of one problem came to."""

    suite: Suite | None
    """The tests that are frozen; None if they are not good enough."""
    right: tuple[bool, ...]
    """Which solutions pass them."""
    blamed: tuple[str, ...]
    """Per solution: `code` if it fails them, `tests` if it only fails tests that the vote struck out, else nothing."""
    quality: Quality | None
    """Of the best of the suites: the frozen tests, which are all good suites together, are at least as good."""
    agreement: float = 0.0
    """Share of the solutions that pass just what the winner passes."""
    refused: str = ""
    """Why there are no tests, in words."""


def readable(replies: Sequence[str], function: str) -> tuple[list[Suite], list[str]]:
    """Return the suites that replies hold, and why the other replies hold none."""
    suites, faults = list[Suite](), list[str]()
    for reply in replies:
        try:
            suites.append(read_suite(reply, function))
        except DataError as error:
            faults.append(str(error))
    return suites, faults


async def settled(
    executor: Executor,
    codes: Sequence[str],
    replies: Sequence[str],
    function: str,
    *,
    demands: SuiteSettings,
    seed: int,
) -> Settled:
    """Let solutions and tests judge each other, then freeze the tests that are worth it."""
    read, faults = readable(replies, function)
    suites = [replace(suite, checks=asserting(suite)) for suite in read]
    faults += [fault for suite in suites if (fault := _too_few(suite, demands))]
    suites = [suite for suite in suites if not _too_few(suite, demands)]
    if not suites:
        return _unsettled(codes, faults[0] if faults else "no tests were written")
    verdicts = [await outcomes(executor, code, suites) for code in codes]
    columns = _columns(suites)
    ballot = vote([[row[suite][check] for suite, check in columns.values()] for row in verdicts])
    if ballot is None:
        return _unsettled(codes, "no solution passes any test")
    try:
        good, best, fault = await _good(executor, codes[ballot.winner], suites, verdicts[ballot.winner], demands, seed)
    except DataError as error:
        return _unsettled(codes, str(error))
    if best is None:
        return _unsettled(codes, fault)
    suite = frozen(good)
    right = tuple(all(row[columns[check][0]][columns[check][1]] for check in suite.checks) for row in verdicts)
    clean = [all(map(all, row)) for row in verdicts]
    blamed = tuple("" if whole else "tests" if one else "code" for one, whole in zip(right, clean, strict=True))
    return Settled(suite, right, blamed, best, agreement=len(ballot.members) / len(codes))


async def _good(
    executor: Executor,
    winner: str,
    suites: Sequence[Suite],
    passed: Sequence[Sequence[bool]],
    demands: SuiteSettings,
    seed: int,
) -> tuple[list[Suite], Quality | None, str]:
    """Strike out what the winner fails; return the suites that are still good, the best's quality, or what is wrong."""
    struck = [_struck(suite, row) for suite, row in zip(suites, passed, strict=True)]
    faults = [
        f"the vote would strike out {len(suite.checks) - len(left.checks)} of {len(suite.checks)} checks"
        if len(left.checks) < (1 - demands.struck) * len(suite.checks)
        else _too_few(left, demands)
        for suite, left in zip(suites, struck, strict=True)
    ]
    kept = [suite for suite, fault in zip(struck, faults, strict=True) if not fault]
    if len(kept) < len(suites) / 2 or not kept:
        against = next(fault for fault in faults if fault)
        return [], None, against if not kept else f"{len(kept)} of {len(suites)} suites agree with it; {against}"
    found = await measured(executor, winner, kept, demands=demands, seed=seed)
    faults = [refusal(one, demands) for one in found]
    good = [place for place, fault in enumerate(faults) if not fault]
    if not good:
        return [], None, faults[0]
    return [kept[place] for place in good], max((found[place] for place in good), key=_worth), ""


def _struck(suite: Suite, passed: Sequence[bool]) -> Suite:
    return replace(suite, checks=tuple(check for check, one in zip(suite.checks, passed, strict=True) if one))


def _too_few(suite: Suite, demands: Demands) -> str:
    found = Quality(len(suite.checks), passes=True)
    return refusal(found, demands) if found.asserts < demands.asserts else ""


def _worth(found: Quality) -> tuple[float, float, int]:
    return found.mutation, found.coverage, found.asserts


def _columns(suites: Sequence[Suite]) -> dict[str, tuple[int, int]]:
    """Return where each different check stands: two suites that say the same have one vote."""
    columns: dict[str, tuple[int, int]] = {}
    for place, suite in enumerate(suites):
        for number, check in enumerate(suite.checks):
            columns.setdefault(check, (place, number))
    return columns


def frozen(suites: Sequence[Suite]) -> Suite:
    """Return the different checks of several suites as one."""
    whole = together(suites)
    return replace(whole, checks=tuple(dict.fromkeys(whole.checks)))


def _unsettled(codes: Sequence[str], why: str) -> Settled:
    return Settled(None, (False,) * len(codes), ("tests",) * len(codes), None, refused=why)
