"""Steps: what is written as code does what the step does, and mistakes are mistakes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from regrowth.domains.code.steps import STEPS, Pipeline, Value, fits, mistakes, value, values, written
from regrowth.domains.code.tasks import CODE, pipeline_of

NUMBERS = st.integers(-50, 50)
INPUTS: dict[str, st.SearchStrategy[Value]] = {
    "number": NUMBERS,
    "list": st.lists(NUMBERS, max_size=6),
    "text": st.text("abcdelnorstAB", max_size=8),
}
CALCULATION: Pipeline = (("above", 5), ("add_each", 3), ("sum", None))


def run(code: str, given: Value) -> object:
    """Run a program that we wrote ourselves."""
    space: dict[str, object] = {}
    exec(code, space)
    function = space["f"]
    assert callable(function)
    return function(given)


@pytest.mark.parametrize("name", STEPS)
@given(data=st.data())
def test_the_code_of_a_step_does_what_the_step_does(name: str, data: st.DataObject) -> None:
    step = STEPS[name]
    k = data.draw(st.sampled_from(step.arguments)) if step.arguments else None
    argument = data.draw(INPUTS[step.takes])
    [expected] = values(((name, k),), [argument])
    try:
        found = run(written(((name, k),)), argument)
    except (ValueError, IndexError):
        assert expected is None
    else:
        assert found == expected
        assert type(found) is type(expected) is {"number": int, "list": list, "text": str}[step.gives]


def test_a_pipeline_is_one_statement_a_step() -> None:
    assert written(CALCULATION) == (
        "def f(x):\n    x = [n for n in x if n > 5]\n    x = [n + 3 for n in x]\n    return sum(x)"
    )
    assert value(CALCULATION, [4, 6, 9]) == 21


def test_a_value_that_is_not_defined_is_none() -> None:
    assert values((("largest", None),), [[], [2]]) == [None, 2]
    with pytest.raises(ValueError, match="empty"):
        value((("largest", None),), [])


@given(st.integers(0, 2**40), st.sampled_from([1, 2, 3, 4]))
def test_mistakes_are_pipelines_of_the_same_kind_and_none_is_the_original(seed: int, difficulty: int) -> None:
    problem = CODE.problem(seed, difficulty)
    pipeline = pipeline_of(problem)
    found = list(mistakes(pipeline))
    assert found
    assert pipeline not in found
    assert all(fits(wrong, problem["kind"]) for wrong in found)
    assert all(abs(len(wrong) - len(pipeline)) <= 1 for wrong in found)


def test_mistakes_leave_out_swap_and_replace() -> None:
    found = set(mistakes(CALCULATION))
    assert (("add_each", 3), ("sum", None)) in found
    assert (("add_each", 3), ("above", 5), ("sum", None)) in found
    assert (("above", 4), ("add_each", 3), ("sum", None)) in found
    assert (("below", 5), ("add_each", 3), ("sum", None)) in found
    assert (("above", 5), ("add_each", 3), ("largest", None)) in found


def test_the_same_words_never_ask_for_two_steps_of_a_kind() -> None:
    said = [(step.takes, words) for step in STEPS.values() for words in step.words]
    assert len(set(said)) == len(said)
