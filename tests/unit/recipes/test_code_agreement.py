"""Solutions and tests judge each other; what fails is told in words that help and give nothing away."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from regrowth.core.protocols import Execution
from regrowth.domains.code.suites import Judged, Suite
from regrowth.recipes._code.agreement import SuiteSettings, settled, vote
from regrowth.recipes._code.repair import feedback
from regrowth.sandbox.checks import Finding
from support.executors import Unisolated

T, F = True, False
ADD, SUB, MUL = (f"def add(a, b):\n    return a {sign} b\n" for sign in "+-*")
CHECKS = "assert add(2, 3) == 5\nassert add(-1, 1) == 0\nassert add(2, 2) == 4\nassert add(0, 7) == 7"


# The vote


@pytest.mark.parametrize(
    ("table", "winner", "members", "passed", "score"),
    [
        ([[T, T, F], [T, T, F], [F, F, T]], 0, (0, 1), (0, 1), 4),
        ([[F, F, T], [T, T, F], [T, T, F]], 1, (1, 2), (0, 1), 4),
        # Three solutions with one test lose against two with two tests, and win against one with two.
        ([[T, F, F], [T, F, F], [T, F, F], [F, T, T], [F, T, T]], 3, (3, 4), (1, 2), 4),
        ([[T, F, F], [T, F, F], [T, F, F], [F, T, T]], 0, (0, 1, 2), (0,), 3),
        # Equal products: more tests first, then the first drawn.
        ([[T, F, F], [T, F, F], [F, T, T]], 2, (2,), (1, 2), 2),
        ([[T, F], [F, T]], 0, (0,), (0,), 1),
    ],
)
def test_the_cluster_with_most_solutions_times_tests_wins(
    table: Sequence[Sequence[bool]], winner: int, members: Sequence[int], passed: Sequence[int], score: int
) -> None:
    assert vote(table) == (winner, members, passed, score)


@pytest.mark.parametrize("table", [[], [[]], [[F, F], [F, F]]])
def test_nobody_wins_where_nothing_passes(table: Sequence[Sequence[bool]]) -> None:
    assert vote(table) is None


def settle(codes: Sequence[str], replies: Sequence[str], **demands: Any) -> Any:
    wanted = SuiteSettings.model_validate({"mutants": 4, **demands})
    return asyncio.run(settled(Unisolated(), codes, replies, "add", demands=wanted, seed=0))


def test_a_wrong_test_is_struck_out_by_the_vote_and_a_wrong_program_is_blamed() -> None:
    found = settle([ADD, ADD, SUB], [CHECKS + "\nassert add(1, 1) == 3", CHECKS])
    assert found.suite.checks == tuple(CHECKS.splitlines())
    assert found.right == (T, T, F)
    assert found.blamed == ("tests", "tests", "code")
    assert found.agreement == pytest.approx(2 / 3)
    assert found.quality.mutation == 1.0


def test_tests_that_drifted_to_a_bug_lose_against_those_that_agree() -> None:
    drifted = "assert add(2, 3) == 6\nassert add(-1, 1) == -1\nassert add(3, 3) == 9"
    found = settle([MUL, ADD, ADD], [drifted, CHECKS])
    assert found.right == (F, T, T)
    assert set(found.suite.checks) == set(CHECKS.splitlines())


@pytest.mark.parametrize(
    ("replies", "words"),
    [
        (["assert isinstance(add(1, 2), int)\nassert add(1, 2) == add(1, 2)"], "0 different calls"),
        (["no tests here"], "not Python"),
        (["assert add(1, 1) == 9\nassert add(1, 2) == 9\nassert add(2, 2) == 9"], "no solution passes any test"),
        (["assert add(1, 1) == 2\nassert add(1, 2) == 9\nassert add(2, 2) == 9"], "strike out 2 of 3"),
        (["assert add(2, 2) == 4\nassert add(1, 3) == 4\nassert add(3, 1) == 4"], "only returns 4"),
        ([], "no tests were written"),
    ],
)
def test_weak_tests_are_refused_with_the_reason(replies: Sequence[str], words: str) -> None:
    found = settle([ADD, ADD], replies)
    assert found.suite is None
    assert words in found.refused
    assert found.right == (F, F)


def test_tests_that_miss_a_branch_are_refused_for_the_mutants_in_it() -> None:
    code = "def add(a, b):\n    if a < 0:\n        return b + a\n    return a + b\n"
    positive = "assert add(2, 3) == 5\nassert add(0, 7) == 7\nassert add(1, 1) == 2"
    assert "mutants killed" in settle([code], [positive], killed=0.9, mutants=20, coverage=0).refused
    assert "lines reached" in settle([code], [positive], mutants=0, coverage=0.9).refused
    assert settle([code], [positive], mutants=0, coverage=0).suite is not None


# Feedback


def judged(*messages: str, **how: Any) -> Judged:
    return Judged(tuple(not one for one in messages), messages, Execution(**{"status": "ok", **how}))


def test_brief_feedback_is_two_short_lines_in_the_words_of_the_lessons() -> None:
    checks = ("assert add(2, 3) == 5", "assert add([], 1) == 1", "assert add(1, 1) == 2")
    found = judged(
        f"{checks[0]}\n  expected 5, found -1\n  add(2, 3) returned -1",
        f"{checks[1]}\n  add([], 1) raised TypeError: unsupported operand",
        f"{checks[2]}\n  expected 2, found 0\n  add(1, 1) returned 0",
    )
    told = feedback(found, (), Suite("add", checks), "brief")
    assert told == "add(2, 3) gave -1, expected 5\nadd([], 1) raised TypeError: unsupported operand"
    long = judged(f"{checks[0]}\n  expected 5, found {'9' * 200}\n  add(2, 3) returned 9")
    assert len(feedback(long, (), Suite("add", checks[:1]), "brief")) == 80


def test_full_feedback_tells_checks_ending_output_and_lint() -> None:
    found = judged(
        "a\n  b", "", status="nonzero", exit=3, stdout='seen\n{"at":0,"value":7}\n', stderr="Traceback", reason="left"
    )
    lint = (Finding(2, "F821", "undefined name 'x'", "error"), Finding(0, "python", "not checked", "skipped"))
    told = feedback(found, lint, Suite("add", ("a", "b")), "full")
    for part in ("Failed 1 of 2 tests:\na", "nonzero, exit code 3", "It printed:\nseen", "Traceback", "line 2: F821"):
        assert part in told
    assert "value" not in told
    assert "not checked" not in told
    noisy = judged("a", status="output", stdout="x" * 100_000)
    assert len(feedback(noisy, (), Suite("add", ("a",)), "full")) < 5000


def test_some_frozen_tests_are_never_shown() -> None:
    checks = tuple(f"assert add({n}, 0) == {n}" for n in range(6))
    messages = [f"{check}\n  expected {n}, found 9\n  add({n}, 0) returned 9" for n, check in enumerate(checks)]
    seen = set[str]()
    for fail in range(1, 2**6):
        found = judged(*(message if fail >> n & 1 else "" for n, message in enumerate(messages)))
        for style in ("brief", "full"):
            told = feedback(found, (), Suite("add", checks), style)
            assert told
            seen |= {call for call in (f"add({n}, 0)" for n in range(6)) if call in told}
    assert seen == {"add(0, 0)", "add(1, 0)", "add(3, 0)", "add(4, 0)"}
    only_hidden = judged(*("" if n != 2 else message for n, message in enumerate(messages)))
    assert feedback(only_hidden, (), Suite("add", checks), "brief") == "add is wrong for another input"
    assert "Failed 1 tests that are not shown" in feedback(only_hidden, (), Suite("add", checks), "full")
