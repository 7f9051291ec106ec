"""Tests that are worth something are told from those that only look like it."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace

import pytest

from regrowth.core.protocols import Limits
from regrowth.domains.code.quality import (
    Demands,
    Quality,
    asserting,
    measured,
    outcomes,
    refusal,
    stubs,
    together,
)
from regrowth.domains.code.suites import Suite, read_suite
from support.executors import Unisolated

TOP = """
def top(xs):
    best = 0
    for x in xs:
        if x > best:
            best = x
    return best
"""
GOOD = """
assert top([1, 3]) == 3
assert top([]) == 0
assert top([5, 2, 9, 1]) == 9
assert top([7]) == 7
assert top([-2]) == 0
"""
FINE = Quality(asserts=3, passes=True, killed=8, mutants=10, coverage=0.8)


def suite(text: str, function: str = "top") -> Suite:
    return read_suite(text, function)


def quality(code: str, *texts: str, **demands: float) -> Sequence[Quality]:
    wanted = Demands.model_validate(demands)
    suites = [suite(text) for text in texts]
    return asyncio.run(measured(Unisolated(), code, suites, demands=wanted))


# What counts as an assert


@pytest.mark.parametrize(
    "check",
    [
        "assert True",
        "assert top([1]) == top([1])",
        "assert isinstance(top([1]), int)",
        "assert top([1]) is not None",
        "assert top([1]) != 7",
        "assert type(top([1])) == int",
        "assert top([1]) == 1 or True",
        "assert isinstance(top([1]), int) and callable(top)",
        "assert not isinstance(top([1]), str)",
        "x = top([1])",
        "for x in top([1]):\n    assert x is not None",
    ],
)
def test_a_check_that_nearly_everything_passes_does_not_count(check: str) -> None:
    assert asserting(Suite("top", (check,))) == ()


@pytest.mark.parametrize(
    "check",
    [
        "assert top([1]) == 1",
        "assert 1 == top([1])",
        "assert top([1])",
        "assert not top([])",
        "assert abs(top([1]) - 1) < 0.1",
        "assert isinstance(top([1]), int) and top([1]) == 1",
        "assert top([1, 2]) == top([2]) + 0",
        "with pytest.raises(TypeError):\n    top(None)",
        "if top([1]) > 1:\n    raise AssertionError",
    ],
)
def test_a_check_of_a_value_counts(check: str) -> None:
    assert asserting(Suite("top", (check,))) == (check,)


def test_one_call_counts_once_whatever_is_said_of_it() -> None:
    text = "assert top([1]) == 1\nassert top([1]) == 1.0\nassert 1 == top([1])\nassert top([2]) == 2"
    assert asserting(suite(text)) == ("assert top([1]) == 1", "assert top([2]) == 2")


# Stubs


def test_the_stubs_return_none_the_argument_and_what_is_expected_most_often() -> None:
    found = stubs(suite("assert top([1]) == 4\nassert top([2]) == 4\nassert 5 == top([3])"))
    assert list(found) == ["None", "its first argument", "4"]
    space: dict[str, object] = {}
    for name, expected in (("None", None), ("its first argument", [1]), ("4", 4)):
        exec(found[name], space)
        assert space["top"]([1]) == expected  # type: ignore[operator]
    assert "True" in stubs(suite("assert top([1])\nassert top([2])\nassert not top([3])"))
    assert list(stubs(suite("assert top([1]) > 3"))) == ["None", "its first argument"]


# The gate


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"asserts": 2}, "2 different calls"),
        ({"stable": False}, "two outcomes"),
        ({"passes": False}, "does not pass"),
        ({"survived": ("None",)}, "only returns None"),
        ({"killed": 7}, "7 of 10 mutants"),
        ({"coverage": 0.79}, "79% of the lines"),
    ],
)
def test_a_suite_is_refused_for_one_fault(change: dict[str, object], words: str) -> None:
    assert refusal(FINE, Demands()) == ""
    assert words in refusal(replace(FINE, **change), Demands())  # type: ignore[arg-type]


def test_without_a_mutant_to_kill_the_stubs_decide() -> None:
    assert Quality(asserts=3, passes=True).mutation == 1.0


def test_good_tests_kill_all_mutants_but_the_equivalent_one() -> None:
    (found,) = quality(TOP, GOOD)
    # `x >= best` in place of `x > best` changes nothing that a call could show.
    assert (found.killed, found.mutants, found.equivalent, found.coverage) == (5, 5, 1, 1.0)
    assert refusal(found, Demands()) == ""


def test_several_suites_are_measured_in_the_same_runs_and_apart() -> None:
    alone = "assert top([3]) == 3\nassert top([1, 3]) == 3\nassert top([3, 1]) == 3"
    wrong = "assert top([1, 3]) == 1\nassert top([]) == 0\nassert top([7]) == 7"
    good, same, failing = quality(TOP, GOOD, alone, wrong)
    assert (good.killed, good.survived) == (5, ())
    assert same.survived == ("3",)
    assert same.killed < good.killed
    assert not failing.passes
    assert failing.mutants == 0


def test_tests_that_do_not_enter_a_branch_cover_less() -> None:
    code = "def top(xs):\n    if xs:\n        return max(xs)\n    return 0\n"
    half, whole = quality(
        code, "assert top([1, 2]) == 2\nassert top([3]) == 3", "assert top([1]) == 1\nassert top([]) == 0"
    )
    assert half.coverage == pytest.approx(2 / 3)
    assert whole.coverage == 1.0


def test_a_program_that_remembers_its_calls_is_not_stable() -> None:
    code = "seen = []\ndef top(xs):\n    seen.append(xs)\n    return len(seen)\n"
    (found,) = quality(code, "assert top([1]) == 1\nassert top([2]) == 2\nassert top([3]) == 3")
    assert found.passes
    assert not found.stable


def test_survivors_are_not_called_equivalent_without_enough_inputs() -> None:
    code = "def top():\n    return 3 if 2 > 1 else 4\n"
    (found,) = quality(code, "assert top() == 3")
    assert found.equivalent == 0
    assert found.killed < found.mutants


def test_what_a_program_prints_is_not_taken_for_its_coverage() -> None:
    (found,) = quality(TOP + '\nprint(\'{"lines": [1], "reached": [[]]}\')\n', GOOD)
    assert found.coverage == 1.0
    (found,) = quality(TOP + "\nimport atexit\natexit.register(lambda: print('over'))\n", GOOD)
    assert found.coverage == 0.0


def test_a_check_that_hangs_does_not_count_against_the_suites_after_it() -> None:
    code = "def top(xs):\n    while len(xs) == 2:\n        pass\n    return len(xs)\n"
    suites = [suite("assert top([1, 2]) == 2"), suite("assert top([1]) == 1\nassert top([]) == 0")]
    found = asyncio.run(outcomes(Unisolated(), code, suites, limits=Limits(wall=0.7)))
    assert found == [(False,), (True, True)]


def test_suites_together_keep_their_order_and_both_setups() -> None:
    one, other = suite("K = 1\nassert top([1]) == K"), suite("import math\nassert top([4]) == math.sqrt(16)")
    whole = together([one, other])
    assert whole.checks == (*one.checks, *other.checks)
    assert one.setup in whole.setup
    assert other.setup in whole.setup
