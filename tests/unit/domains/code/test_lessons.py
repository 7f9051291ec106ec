"""Lessons of tests, repair and description: what they ask, and that what they teach is right."""

import ast
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from regrowth.core.record import Record
from regrowth.domains.code.lessons import (
    LINE,
    SHOWN,
    broken,
    described,
    feedback,
    is_description,
    is_test_suite,
    request_repair,
    request_task,
    request_tests,
    to_describe,
    to_repair,
    to_test,
)
from regrowth.domains.code.steps import written
from regrowth.domains.code.tasks import CODE, pipeline_of
from regrowth.recipes._code import repair
from regrowth.recipes._code.prompts import asked

SEEDS = st.integers(0, 2**40)
RUNGS = st.sampled_from([1, 2, 3, 4])
PROBLEM = CODE.problem(0, 1)


def of(*steps: tuple[str, int | str | None]) -> Record:
    return PROBLEM.derive(attributes={"steps": [list(step) for step in steps]}, target=written(steps))


@given(SEEDS, RUNGS, st.booleans())
@settings(max_examples=50, deadline=None)
def test_the_tests_that_are_taught_are_true_of_the_right_program(seed: int, difficulty: int, settled: bool) -> None:
    problem = CODE.problem(seed, difficulty)
    lesson = to_test(problem, Random(seed), settled=settled)
    space: dict[str, object] = {}
    exec(f"{problem.target}\n{lesson.response}", space)
    assert lesson.prompt == f"Write tests.\n{problem.prompt}"
    assert len(set(lesson.response.splitlines())) == 3
    assert is_test_suite(problem, lesson.response)


@given(SEEDS, RUNGS, st.booleans())
@settings(max_examples=50, deadline=None)
def test_a_repair_begins_with_a_wrong_program_and_ends_with_the_right_one(
    seed: int, difficulty: int, settled: bool
) -> None:
    problem = CODE.problem(seed, difficulty)
    lesson = to_repair(problem, Random(seed), settled=settled)
    question, wrong, told = lesson.messages
    assert (question.role, wrong.role, told.role) == ("user", "assistant", "user")
    assert question.content == problem.prompt
    assert lesson.response == problem.target != wrong.content
    head, *lines = told.content.splitlines()
    assert head == "Fix it."
    assert 1 <= len(lines) <= SHOWN
    assert all(len(line) <= LINE for line in lines)
    if lines[0].startswith("line "):
        with pytest.raises(SyntaxError):
            ast.parse(wrong.content)
        return
    space: dict[str, object] = {}
    exec(wrong.content, space)
    for line in lines:
        call, gave, _ = line.partition(" gave ")
        if gave and len(line) < LINE:
            assert eval(call, space) == eval(line[len(call) + len(" gave ") :].rpartition(", expected ")[0])


def test_settled_tests_take_the_same_inputs_where_these_are_defined() -> None:
    lesson = to_test(of(("add", 3)), Random(0))
    assert lesson.response == "assert f(1) == 4\nassert f(2) == 5\nassert f(10) == 13"
    shorter = to_test(of(("above", 9), ("largest", None)), Random(0)).response.splitlines()
    assert shorter[0] == "assert f([10, 3, 4]) == 10"
    assert len(set(shorter)) == 3


def test_feedback_says_what_two_calls_give() -> None:
    wrong, right = (("add", 4),), (("add", 3),)
    assert feedback(wrong, right, [0, 1, 2]) == "f(0) gave 4, expected 3\nf(1) gave 5, expected 4"
    picked, safe = (("first", None),), (("sum", None),)
    assert feedback(picked, safe, [[], [2]]) == "f([]) raised IndexError: list index out of range"


@given(SEEDS, RUNGS)
def test_a_description_is_read_back_as_the_same_steps(seed: int, difficulty: int) -> None:
    problem = CODE.problem(seed, difficulty)
    lesson = to_describe(problem)
    assert lesson.prompt == f"Write a task.\n{problem.target}"
    assert described(lesson.response) == pipeline_of(problem)
    assert is_description(problem, lesson.response)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Add 3.",
        "Write f(x). x is a number. Add three.",
        "Write f(x). x is a number. Add 3, take the sum.",
        "Write f(x). x is a number. Add 3",
        "Write f(x). x is a number. .",
        "Write f(x). x is a number. Take it modulo 0.",
        "Write f(x). x is a text. Add the letter 3.",
        "Write f(x). x is a number. Add b.",
    ],
)
def test_other_words_are_no_description(text: str) -> None:
    assert described(text) in (None, (("remainder", 0),))
    assert not is_description(of(("add", 3)), text)


def test_a_description_of_another_function_is_wrong() -> None:
    problem = of(("add", 3))
    assert is_description(problem, "Define f(x). x is a number. Increase it by 3.")
    assert not is_description(problem, "Define f(x). x is a number. Increase it by 4.")
    assert not is_description(problem, "Define f(x). x is a list of numbers. Take the sum.")


@pytest.mark.parametrize(
    ("answer", "right"),
    [
        ("assert f(0) == 3\nassert f(1) == 4\nassert f(-1) == 2", True),
        ("assert f(0) == 3\nassert f(1) == 4\nassert f(2) == 6", False),
        ("assert f(0) == 3\nassert f(0) == 3\nassert f(1) == 4", False),
        ("assert f(0) == 3\nassert f(1) == 4", False),
        ("assert f(0) == 3\nassert f(1) == 4\nassert f('a') == 4", False),
        ("assert f(0) == 3\nassert f(1) == 4\nassert f(2) != 4", False),
        ("assert f(0) == 3\nassert f(1) == 4\nassert f(2) == 5, 'why'", False),
        ("assert f(0) == 3\nassert f(1) == 4\nprint(f(2))", False),
        ("assert f(0) == 3.5\nassert f(1) == 4\nassert f(2) == 5", False),
        ("assert f(0) == 3\nassert f(", False),
        ("", False),
    ],
)
def test_tests_are_right_if_each_is_and_their_inputs_differ(answer: str, right: bool) -> None:
    assert is_test_suite(of(("add", 3)), answer) is right


def test_the_requests_are_those_of_the_recipe_in_its_brief_words() -> None:
    problem, told, snippet = "Write f(x).", "f(0) gave 4, expected 3", "def f(x):\n    return x"
    assert request_tests(problem) == asked("brief", "tests", problem=problem) == f"Write tests.\n{problem}"
    assert request_repair(told) == asked("brief", "repair", feedback=told) == f"Fix it.\n{told}"
    assert request_task(snippet) == asked("brief", "problem", snippet=snippet) == f"Write a task.\n{snippet}"
    assert asked("brief", "solve", problem=PROBLEM.prompt) == PROBLEM.prompt


def test_the_feedback_is_as_short_as_that_of_the_recipe() -> None:
    assert (repair.SHOWN["brief"], repair.LONGEST["brief"]) == (SHOWN, LINE)


@given(SEEDS)
def test_a_broken_program_does_not_parse_and_the_parser_is_quoted(seed: int) -> None:
    cut, told = broken(PROBLEM.target, Random(seed))
    with pytest.raises(SyntaxError) as failure:
        ast.parse(cut)
    assert told == f"line {failure.value.lineno}: {failure.value.msg}"[:LINE]
