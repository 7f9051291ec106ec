"""Nobody is judged right by anything but right values: not by calls that are compared, not by suites of tests."""

import asyncio
import random
from collections.abc import Callable, Iterator

import pytest

from attacks.forgeries import FORGERIES, HONEST, POISONS
from attacks.tiers import open_tier
from regrowth.core.errors import DataError
from regrowth.core.protocols import Executor, Limits
from regrowth.domains.code.suites import judged, read_suite
from regrowth.sandbox.calls import call
from regrowth.sandbox.values import same

VISIBLE = [[2, 3], [-1, 1]]
LIMITS = Limits(cpu=1.0, wall=3.0, output=262_144)
UNITTEST = """
import unittest

class TestAdd(unittest.TestCase):
    def test_sums(self):
        for a, b, want in {sums}:
            self.assertEqual(add(a, b), want)

    def test_kind(self):
        self.assertIs(type(add(1, 0)), int)
        self.assertTrue(add(1, 1) == 2)

if __name__ == "__main__":
    unittest.main()
"""
Judge = Callable[[str], bool]


def inputs(seed: int = 0) -> list[list[int]]:
    """Return inputs that a candidate may know, and more that were held out."""
    draw = random.Random(seed)
    return VISIBLE + [[draw.randint(-99, 99), draw.randint(-99, 99)] for _ in range(12)]


@pytest.fixture(scope="module")
def loop() -> Iterator[asyncio.Runner]:
    with asyncio.Runner() as runner:
        yield runner


@pytest.fixture(scope="module")
def executor(loop: asyncio.Runner) -> Iterator[Executor]:
    with open_tier("auto") as tier:
        yield tier


def by_calls(loop: asyncio.Runner, executor: Executor) -> Judge:
    def right(code: str) -> bool:
        given = inputs()
        found = loop.run(call(executor, code, "add", given, limits=LIMITS))
        assert len(found.outcomes) == len(given)
        verdicts = []
        for (a, b), outcome in zip(given, found.outcomes, strict=True):
            try:
                verdicts.append(not outcome.error and same(a + b, outcome.value))
            except DataError:  # what cannot be compared is not right
                verdicts.append(False)
        return all(verdicts)

    return right


def by_suite(loop: asyncio.Runner, executor: Executor, text: str) -> Judge:
    suite = read_suite(text, "add")
    return lambda code: loop.run(judged(executor, code, suite, limits=LIMITS)).right


@pytest.fixture(scope="module", params=["calls", "asserts", "unittest"])
def right(request: pytest.FixtureRequest, loop: asyncio.Runner, executor: Executor) -> Judge:
    """Return a judge: whether code gives the right sums."""
    if request.param == "calls":
        return by_calls(loop, executor)
    sums = [(a, b, a + b) for a, b in inputs()]
    if request.param == "asserts":
        return by_suite(loop, executor, "\n".join(f"assert add({a}, {b}) == {c}" for a, b, c in sums))
    return by_suite(loop, executor, UNITTEST.format(sums=sums))


@pytest.mark.slow
@pytest.mark.parametrize("name", FORGERIES)
def test_code_that_is_wrong_is_judged_wrong(right: Judge, name: str) -> None:
    assert not right(FORGERIES[name])


@pytest.mark.parametrize("name", ["wrong", "equal to everything", "answers all calls itself", "patches the driver"])
def test_code_that_is_wrong_is_judged_wrong_at_once(loop: asyncio.Runner, executor: Executor, name: str) -> None:
    assert not by_calls(loop, executor)(FORGERIES[name])


@pytest.mark.slow
@pytest.mark.parametrize("name", HONEST)
def test_code_that_is_right_is_judged_right(right: Judge, name: str) -> None:
    assert right(HONEST[name])


@pytest.mark.slow
@pytest.mark.parametrize("name", POISONS)
def test_what_one_candidate_does_to_its_interpreter_does_not_reach_the_next(right: Judge, name: str) -> None:
    for _ in range(3):
        right(POISONS[name])
    assert right(HONEST["plain"])
    assert not right(FORGERIES["wrong"])


def test_examples_that_are_known_do_not_make_code_right(loop: asyncio.Runner, executor: Executor) -> None:
    code = FORGERIES["knows the examples"]
    found = loop.run(call(executor, code, "add", VISIBLE, limits=LIMITS))
    assert all(same(a + b, one.value) for (a, b), one in zip(VISIBLE, found.outcomes, strict=True)), "they look right"
    assert not by_calls(loop, executor)(code), "and the inputs that were held out say otherwise"
