"""The steps that small functions are made of: their words, their code, and what they do to a value.

One pipeline, its program and what it makes of [4, 6, 9]:
    (("above", 5), ("add_each", 3), ("sum", None))
    def f(x):
        x = [n for n in x if n > 5]             # [6, 9]
        x = [n + 3 for n in x]                  # [9, 12]
        return sum(x)                           # 21
What a step does is written twice, as code that a model learns and as a function that runs here: no text is executed to
know what is right.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal, TypeAlias

__all__ = [
    "LETTERS",
    "STEPS",
    "Argument",
    "Kind",
    "Pipeline",
    "Step",
    "Value",
    "fits",
    "mistakes",
    "value",
    "values",
    "written",
]

Kind: TypeAlias = Literal["number", "list", "text"]
Value: TypeAlias = int | str | list[int]
Argument: TypeAlias = int | str | None
Pipeline: TypeAlias = tuple[tuple[str, Argument], ...]
"""Names of steps, each with the number or letter it works with."""


@dataclass(frozen=True, slots=True)
class Step:
    """Change a value; `{k}` in words and code stands for the argument."""

    takes: Kind
    gives: Kind
    code: str
    """An expression of x."""
    apply: Callable[[Any, Any], Value]
    words: tuple[str, ...]
    """Ways to ask for it."""
    arguments: Sequence[int | str] = ()
    """What k is drawn from; empty where the step has none."""


LETTERS = "abcdelnorst"
SMALL, LARGE, FACTORS, DIGITS = range(1, 10), range(1, 21), range(2, 10), range(10)

_change = partial(Step, "number", "number")
_sum_up = partial(Step, "list", "number")
_edit = partial(Step, "list", "list")
_rewrite = partial(Step, "text", "text")
_measure = partial(Step, "text", "number")

STEPS: dict[str, Step] = {
    "add": _change("x + {k}", lambda x, k: x + k, ("add {k}", "increase it by {k}", "make it {k} more"), LARGE),
    "subtract": _change("x - {k}", lambda x, k: x - k, ("subtract {k}", "take {k} away", "make it {k} less"), LARGE),
    "multiply": _change("x * {k}", lambda x, k: x * k, ("multiply by {k}", "make it {k} times as much"), FACTORS),
    "remainder": _change(
        "x % {k}", lambda x, k: x % k, ("take it modulo {k}", "take the remainder modulo {k}"), FACTORS
    ),
    "square": _change("x * x", lambda x, _: x * x, ("square it", "multiply it by itself")),
    "negate": _change("-x", lambda x, _: -x, ("change its sign", "negate it")),
    "halve": _change(
        "x // 2 if x % 2 == 0 else x + {k}",
        lambda x, k: x // 2 if x % 2 == 0 else x + k,
        ("if it is even halve it or else add {k}", "halve it if it is even or else add {k}"),
        SMALL,
    ),
    "double": _change(
        "x * 2 if x < {k} else x - {k}",
        lambda x, k: x * 2 if x < k else x - k,
        ("if it is below {k} double it or else subtract {k}", "double it if it is below {k} or else subtract {k}"),
        LARGE,
    ),
    "sum": _sum_up("sum(x)", lambda x, _: sum(x), ("take the sum", "add them all up")),
    "largest": _sum_up("max(x)", lambda x, _: max(x), ("take the largest", "find the largest")),
    "smallest": _sum_up("min(x)", lambda x, _: min(x), ("take the smallest", "find the smallest")),
    "count": _sum_up("len(x)", lambda x, _: len(x), ("count them", "tell how many there are")),
    "first": _sum_up("x[0]", lambda x, _: x[0], ("take the first", "pick the first")),
    "last": _sum_up("x[-1]", lambda x, _: x[-1], ("take the last", "pick the last")),
    "add_each": _edit(
        "[n + {k} for n in x]", lambda x, k: [n + k for n in x], ("add {k} to each", "increase each by {k}"), LARGE
    ),
    "multiply_each": _edit(
        "[n * {k} for n in x]",
        lambda x, k: [n * k for n in x],
        ("multiply each by {k}", "make each {k} times as much"),
        FACTORS,
    ),
    "above": _edit(
        "[n for n in x if n > {k}]",
        lambda x, k: [n for n in x if n > k],
        ("keep those above {k}", "keep all greater than {k}"),
        DIGITS,
    ),
    "below": _edit(
        "[n for n in x if n < {k}]",
        lambda x, k: [n for n in x if n < k],
        ("keep those below {k}", "keep all less than {k}"),
        DIGITS,
    ),
    "even": _edit(
        "[n for n in x if n % 2 == 0]",
        lambda x, _: [n for n in x if n % 2 == 0],
        ("keep the even ones", "drop the odd ones"),
    ),
    "odd": _edit(
        "[n for n in x if n % 2 == 1]",
        lambda x, _: [n for n in x if n % 2 == 1],
        ("keep the odd ones", "drop the even ones"),
    ),
    "reverse": _edit("x[::-1]", lambda x, _: x[::-1], ("reverse the list", "turn the list round")),
    "sort": _edit("sorted(x)", lambda x, _: sorted(x), ("sort the list", "put the list in order")),
    "drop_first": _edit("x[1:]", lambda x, _: x[1:], ("drop the first", "leave out the first")),
    "drop_last": _edit("x[:-1]", lambda x, _: x[:-1], ("drop the last", "leave out the last")),
    "backwards": _rewrite("x[::-1]", lambda x, _: x[::-1], ("reverse the text", "turn the text round")),
    "capitals": _rewrite("x.upper()", lambda x, _: x.upper(), ("write it in capitals", "make all letters capitals")),
    "twice": _rewrite("x + x", lambda x, _: x + x, ("write it twice", "repeat the text")),
    "behead": _rewrite("x[1:]", lambda x, _: x[1:], ("remove the first letter", "leave out the first letter")),
    "curtail": _rewrite("x[:-1]", lambda x, _: x[:-1], ("remove the last letter", "leave out the last letter")),
    "append": _rewrite(
        "x + '{k}'", lambda x, k: x + k, ("add the letter {k}", "put the letter {k} at the end"), LETTERS
    ),
    "length": _measure("len(x)", lambda x, _: len(x), ("take the length", "count its letters")),
    "count_letter": _measure(
        "x.count('{k}')",
        lambda x, k: x.count(k),
        ("count the letter {k}", "tell how often it has the letter {k}"),
        LETTERS,
    ),
}


def written(pipeline: Pipeline) -> str:
    """Write a pipeline as a Python function `f` of x, one statement a step."""
    expressions = [STEPS[name].code.format(k=k) for name, k in pipeline]
    changes = [f"    x = {expression}\n" for expression in expressions[:-1]]
    return f"def f(x):\n{''.join(changes)}    return {expressions[-1]}"


def value(pipeline: Pipeline, given: Value) -> Value:
    """Return what a pipeline makes of a value.

    Raises:
        ValueError, IndexError, ZeroDivisionError: it makes nothing of it, as the largest of an empty list.
    """
    for name, k in pipeline:
        given = STEPS[name].apply(given, k)
    return given


def values(pipeline: Pipeline, inputs: Sequence[Value]) -> list[Value | None]:
    """Return what a pipeline makes of each value; None where it makes nothing of it."""
    found: list[Value | None] = []
    for given in inputs:
        try:
            found.append(value(pipeline, given))
        except (ValueError, IndexError, ZeroDivisionError):
            found.append(None)
    return found


def fits(pipeline: Pipeline, kind: Kind) -> bool:
    """Return whether each step takes what the step before it gives, the first one a kind."""
    for name, _ in pipeline:
        if STEPS[name].takes != kind:
            return False
        kind = STEPS[name].gives
    return bool(pipeline)


def mistakes(pipeline: Pipeline) -> Iterator[Pipeline]:
    """Yield the pipelines one small mistake away: a step left out, two swapped, another step, another argument."""
    kind = STEPS[pipeline[0][0]].takes
    for place, (name, k) in enumerate(pipeline):
        before, after = pipeline[:place], pipeline[place + 1 :]
        without, swapped = (*before, *after), (*before, *after[:1], (name, k), *after[1:])
        others = [*((name, other) for other in _near(name, k)), *_alike(name, k)]
        for changed in (without, swapped, *((*before, other, *after) for other in others)):
            if changed != pipeline and fits(changed, kind):
                yield changed


def _near(name: str, k: Argument) -> list[int | str]:
    """Return other arguments that one could write by mistake: neighbours of a number, any other letter."""
    known = STEPS[name].arguments
    return [other for other in known if other != k and (isinstance(other, str) or abs(other - int(k or 0)) in (1, 10))]


def _alike(name: str, k: Argument) -> list[tuple[str, Argument]]:
    """Return other steps that take and give the same, with the same argument where they can use it."""
    step = STEPS[name]
    others = [other for other in STEPS if other != name and _signature(STEPS[other]) == _signature(step)]
    return [(other, k if type(k) in _types(other) else next(iter(STEPS[other].arguments), None)) for other in others]


def _signature(step: Step) -> tuple[Kind, Kind]:
    return step.takes, step.gives


def _types(name: str) -> set[type]:
    """Return the types of arguments that a step can use."""
    return {type(k) for k in STEPS[name].arguments}
