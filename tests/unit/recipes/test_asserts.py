"""What another language can hold, and tests that a program translates: they pass on right code and fail on wrong."""

import asyncio

import pytest

from regrowth.domains.code.programs import exit_judged
from regrowth.recipes._code.asserts import IDIOMS, translated, writable
from regrowth.sandbox.language_table import LANGUAGES
from regrowth.sandbox.languages import Missing, checked
from support.executors import Unisolated

CHECKS = ["assert half(7) == 3", "assert half(10) == 5"]


def test_only_calls_on_literals_compared_with_literals_are_translated() -> None:
    checks = ["assert half(7) == 3", "assert half(7) == half(6)", "assert half(n=7) == 3", "assert half(7) > 2"]
    tests = translated(checks, "half", "javascript")
    assert (tests.kept, tests.left_out) == (1, 3)
    assert tests.text.splitlines()[-1] == "assert.deepStrictEqual(plain(half(7)), 3);"


def test_any_truth_value_of_perl_will_do() -> None:
    (code,) = [line for line in translated(["assert f(1) == False"], "f", "perl").text.splitlines() if "f(1)" in line]
    if isinstance(checked("perl"), Missing):
        pytest.skip("perl is not installed")
    for falsehood, right in (("0", True), ("''", True), ("1", False)):
        program = f"use Test::More;\nsub f {{ return {falsehood}; }}\n{code}\ndone_testing();"
        assert asyncio.run(exit_judged(Unisolated(), program, "perl")).right is right


def test_a_language_without_an_idiom_has_no_tests_written_out() -> None:
    tests = translated(CHECKS, "half", "cobol")
    assert (tests.text, tests.kept, tests.left_out) == ("", 0, 2)


SUM = ["assert f([1, 2, 3], 'a') == ['a', 6]", "assert f([], 'b') == ['b', 0]"]
BODIES = {
    "javascript": "function f(xs, s) { return [s, xs.reduce((a, b) => a + b, 0)]; }",
    "typescript": "function f(xs: number[], s: string): any { return [s, xs.reduce((a, b) => a + b, 0)]; }",
    "lua": "local function f(xs, s)\n  local t = 0\n  for _, x in ipairs(xs) do t = t + x end\n  return {s, t}\nend",
    "perl": "sub f { my ($xs, $s) = @_; my $t = 0; $t += $_ for @$xs; return [$s, $t]; }",
    "ruby": "def f(xs, s)\n  [s, xs.sum]\nend",
    "r": "f <- function(xs, s) list(s, sum(xs))",
    "bash": 'f() {\n  local t=0 x\n  for x in $1; do t=$((t + x)); done\n  echo "$2 $t"\n}',
    "php": "<?php\nfunction f($xs, $s) { return [$s, array_sum($xs)]; }",
}


SLOW = ("typescript", "r")


@pytest.mark.parametrize(
    "language", [pytest.param(name, marks=pytest.mark.slow) if name in SLOW else name for name in BODIES]
)
def test_translated_tests_pass_on_right_code_and_fail_on_wrong_code(language: str) -> None:
    if isinstance(checked(language), Missing):
        pytest.skip(f"{language} is not installed")
    tests = translated(SUM, "f", language, "(xs: list[int], s: str) -> list[object]")
    assert tests.kept == 2
    body = BODIES[language]
    right = asyncio.run(exit_judged(Unisolated(), f"{body}\n\n{tests.text}", language))
    assert right.right, right.messages
    wrong = (
        body.replace("+ x", "- x")
        .replace("a + b", "a - b")
        .replace("+=", "-=")
        .replace("t + x", "t - x")
        .replace("sum", "count", 1)
    )
    wrong = wrong.replace("array_count", "count")
    assert wrong != body
    assert not asyncio.run(exit_judged(Unisolated(), f"{wrong}\n\n{tests.text}", language)).right


def test_every_idiom_belongs_to_a_language() -> None:
    assert set(IDIOMS) <= set(LANGUAGES)


@pytest.mark.parametrize(
    ("value", "language", "fits"),
    [
        (["a b"], "bash", False),
        ("a b", "bash", True),
        ([1, None, 2], "lua", False),
        (2**53 - 1, "javascript", True),
        (2**53, "javascript", False),
        (2**60, "lua", True),
        (2**70, "lua", False),
        ("naïve", "lua", False),
        ("naïve", "javascript", True),
        ("😀", "javascript", False),
        ({1: [2.5, None]}, "javascript", True),
        ([float("nan")], "javascript", False),
        (3 + 1j, "javascript", False),
        (b"x", "ruby", False),
    ],
)
def test_values_that_the_language_cannot_hold_are_left_out(value: object, language: str, fits: bool) -> None:
    assert writable(value, language=language) is fits
