"""Small functions: what is right, what is refused and why, and which inputs decide."""

import asyncio
import re
from itertools import islice
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from regrowth.core.errors import Rejected
from regrowth.core.protocols import Execution, Executor
from regrowth.core.record import Record
from regrowth.domains.code.steps import STEPS, Pipeline, Value, mistakes, values, written
from regrowth.domains.code.tasks import CODE, HIDDEN, LARGEST, hidden_inputs, inputs, pipeline_of, sound
from support.executors import Unisolated

PIPELINE = (("above", 5), ("add_each", 3), ("sum", None))
PROBLEM = Record.of(
    "Write f(x). x is a list of numbers. Keep those above 5, add 3 to each, take the sum.",
    target=written(PIPELINE),
    domain="code",
    kind="list",
    difficulty=3,
    function="f",
    steps=[list(step) for step in PIPELINE],
)


class Nothing:
    """Runs nothing: for answers that must be refused before."""

    tier = 2
    digest = "nothing"

    async def run(self, *_: object, **__: object) -> Execution:
        raise AssertionError("the answer was run")


def verdict(answer: str, executor: Executor | Nothing | None = None, problem: Record = PROBLEM) -> str:
    """Return why an answer is refused; nothing if it is right."""
    try:
        asyncio.run(CODE.verify(problem, answer, executor or Unisolated()))  # type: ignore[arg-type]
    except Rejected as error:
        refusal = error
    else:
        return ""
    assert refusal.gate == "code"
    return refusal.reason


@pytest.mark.parametrize(
    "answer",
    [
        PROBLEM.target,
        f"```python\n{PROBLEM.target}\n```",
        "def f(numbers):\n    return sum(n + 3 for n in numbers if n >= 6)",
        "f = lambda x: sum([n for n in x if n > 5]) + 3 * len([n for n in x if n > 5])",
    ],
)
def test_whatever_behaves_right_is_right(answer: str) -> None:
    assert verdict(answer) == ""


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ("def f(x):\n    return sum(x)", r"f\(\[.*\]\) gave -?\d+, expected \d+$"),
        ("def f(x):\n    x = [n for n in x if n > 5]\n    x = [n + 4 for n in x]\n    return sum(x)", "gave"),
        ("def f(x):\n    x = [n for n in x if n >= 5]\n    x = [n + 3 for n in x]\n    return sum(x)", "gave"),
        ("def f(x):\n    return float(sum(n + 3 for n in x if n > 5)) + 0.5", "gave 0.5, expected 0"),
        ("def f(x):\n    return x[99]", r"f\(\[\]\) raised IndexError: list index out of range, expected 0"),
        ("def f(x):\n    pass", r"f\(\[\]\) gave None, expected 0"),
    ],
)
def test_a_wrong_value_is_refused_with_the_call_that_gave_it(answer: str, reason: str) -> None:
    assert re.search(reason, verdict(answer))


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ("def f(x):\n    return sum(x", "'(' was never closed in line 2"),
        ("I cannot write that.", "is not Python"),
        ("def g(x):\n    return x", "there is no function f"),
        ("", "there is no function f"),
        ("def f(x): return " + "(" * 300, "characters, brackets 300 deep"),
        ("def f(x):\n    return 0\n" + "#" * 5000, "characters, brackets 1 deep"),
    ],
)
def test_what_is_no_program_is_refused_without_running_it(answer: str, reason: str) -> None:
    assert reason in verdict(answer, Nothing())


def test_an_answer_is_run_once() -> None:
    executor = Unisolated()
    assert verdict(PROBLEM.target, executor) == ""
    assert executor.runs == 1


def test_what_a_program_prints_decides_nothing() -> None:
    assert "gave" in verdict("print('all tests passed')\ndef f(x):\n    print(0)\n    return 1")


def test_a_long_reason_is_cut() -> None:
    assert len(verdict("def f(x):\n    return 'a' * 9999")) < 250


@given(st.integers(0, 2**40), st.sampled_from([1, 2, 3, 4]))
@settings(max_examples=60)
def test_hidden_inputs_are_eight_defined_small_and_tell_each_left_out_step(seed: int, difficulty: int) -> None:
    pipeline = pipeline_of(CODE.problem(seed, difficulty))
    given = hidden_inputs(pipeline)
    right = values(pipeline, given)
    assert len({repr(one) for one in given}) == HIDDEN
    assert None not in right
    assert all(abs(found) <= LARGEST for found in right if isinstance(found, int))
    for place in range(len(pipeline)):
        shorter = pipeline[:place] + pipeline[place + 1 :]
        if shorter in set(mistakes(pipeline)):
            assert values(shorter, given) != right


def test_nearly_every_mistake_is_caught_by_the_hidden_inputs() -> None:
    """Mistakes that no input of a thousand tells apart are no mistakes."""
    found = caught = 0
    for seed in range(40):
        pipeline = pipeline_of(CODE.problem(seed, 1 + seed % 4))
        shown = hidden_inputs(pipeline)
        for wrong in mistakes(pipeline):
            if values(wrong, shown) != values(pipeline, shown):
                found, caught = found + 1, caught + 1
            elif any(values(wrong, [one]) != values(pipeline, [one]) for one in many(pipeline)):
                found += 1
    assert caught / found > 0.97


def many(pipeline: Pipeline) -> list[Value]:
    """Draw inputs for which the right value is defined."""
    drawn = islice(inputs(STEPS[pipeline[0][0]].takes, Random(7)), 1000)
    return [one for one in drawn if values(pipeline, [one]) != [None]]


def test_a_step_that_changes_nothing_makes_no_problem() -> None:
    assert not sound((("sort", None), ("reverse", None), ("sum", None)))
    assert not sound((("multiply", 9), ("multiply", 8), ("multiply", 7), ("square", None)))
    assert sound(PIPELINE)


def test_the_words_stand_in_the_order_of_the_steps() -> None:
    for seed in range(50):
        problem = CODE.problem(seed, 3)
        ways = [STEPS[name].words for name, _ in pipeline_of(problem)]
        text = problem.prompt.lower().replace("{k}", "")
        for words, (_, k) in zip(ways, pipeline_of(problem), strict=True):
            found = [text.find(one.format(k=k)) for one in words]
            place = min(at for at in found if at >= 0)
            text = text[place + 1 :]


def test_the_prompt_holds_none_of_the_hidden_inputs() -> None:
    for seed in range(50):
        problem = CODE.problem(seed, 2)
        lists = [one for one in hidden_inputs(pipeline_of(problem)) if isinstance(one, list)]
        assert not any(repr(one) in problem.prompt for one in lists)


@pytest.mark.parametrize("answer", ["def f(x):\n    return 10**6000", "def f(x):\n    return [10**6000]"])
def test_a_number_of_thousands_of_digits_is_a_wrong_value_like_any_other(answer: str) -> None:
    assert "gave a number too long to write" in verdict(answer)
