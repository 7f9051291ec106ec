"""Laws of every domain: the worked answer is right, a wrong one never is, the splits do not touch.

What is right is computed here a second time, from the prompt alone, by code that shares nothing with the domains.
"""

import asyncio
import json
import re
from collections.abc import Awaitable, Callable, Iterator
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from regrowth.core.errors import Rejected
from regrowth.core.protocols import Executor
from regrowth.core.record import Record
from regrowth.domains import DOMAINS, Domain, checkable
from regrowth.domains.code.tasks import hidden_inputs, pipeline_of
from regrowth.domains.domain import Split, is_held_out
from regrowth.domains.tools import TOOLS
from regrowth.sandbox.ladder import sandbox
from support.sentences import carried_out

NUMBERS = st.integers(min_value=0, max_value=2**62)
SPLITS: st.SearchStrategy[Split] = st.sampled_from(["train", "heldout"])
each_domain = pytest.mark.parametrize("domain", DOMAINS.values(), ids=DOMAINS)


class Court:
    """Where answers are judged: programs in a sandbox, the others at once."""

    names: tuple[str, ...] = tuple(name for name, domain in DOMAINS.items() if not domain.runs_code)
    """Domains that can be judged on this machine."""
    executor: Executor
    runner: asyncio.Runner

    def judge(self, domain: Domain, problem: Record, answer: str) -> None:
        if not domain.runs_code:
            domain.verify(problem, answer)
            return
        if domain.name not in self.names:
            pytest.skip("nothing here can isolate code")
        found = domain.verify(problem, answer, self.executor)
        assert found is not None
        self.runner.run(_finished(found))


async def _finished(verdict: Awaitable[None]) -> None:
    await verdict


COURT = Court()


@pytest.fixture(autouse=True, scope="module")
def _court() -> Iterator[None]:
    COURT.executor = sandbox()
    COURT.names = checkable(COURT.executor)
    with asyncio.Runner() as COURT.runner:
        yield
        close = getattr(COURT.executor, "close", None)
        if close is not None:
            close()


@st.composite
def drawn(draw: st.DrawFn, name: str | None = None) -> tuple[Domain, Record]:
    domain = DOMAINS[name or draw(st.sampled_from(COURT.names))]
    split: Split = draw(SPLITS)
    return domain, domain.problem(draw(NUMBERS), draw(st.sampled_from(domain.difficulties)), split)


def refused(domain: Domain, problem: Record, answer: str) -> bool:
    try:
        COURT.judge(domain, problem, answer)
    except Rejected as error:
        verdict = error
    else:
        return False
    assert verdict.gate == domain.name
    assert verdict.reason
    return True


@given(drawn())
@settings(deadline=None)
def test_the_worked_answer_is_right(made: tuple[Domain, Record]) -> None:
    domain, problem = made
    COURT.judge(domain, problem, domain.solution(problem))


@given(NUMBERS, st.sampled_from([1, 2, 3, 4]), SPLITS)
def test_a_problem_is_a_function_of_its_seed(seed: int, difficulty: int, split: Split) -> None:
    for domain in DOMAINS.values():
        assert domain.problem(seed, difficulty, split) == domain.problem(seed, difficulty, split)


@given(drawn(), drawn())
@settings(deadline=None)
def test_the_answer_to_another_problem_is_wrong(made: tuple[Domain, Record], other: tuple[Domain, Record]) -> None:
    domain, problem = made
    answer = other[0].solution(other[1])
    assume(answer.splitlines()[-1:] != problem.target.splitlines()[-1:])
    assume(answer.rpartition("= ")[2] != problem.target.rpartition("= ")[2])
    assert refused(domain, problem, answer)


@given(drawn(), st.data())
@settings(deadline=None)
def test_a_changed_character_is_wrong_or_says_the_same(made: tuple[Domain, Record], data: st.DataObject) -> None:
    domain, problem = made
    place = data.draw(st.integers(0, len(problem.target) - 1))
    letter = data.draw(st.sampled_from("0123456789abzABZ +-=\"'{}[]:,\n"))
    answer = problem.target[:place] + letter + problem.target[place + 1 :]
    assert refused(domain, problem, answer) or SAME[domain.name](problem, answer)


@given(drawn(), st.text() | st.recursive(st.none() | st.booleans() | st.floats() | st.text(), st.lists).map(json.dumps))
@settings(deadline=None)
def test_arbitrary_text_is_refused_and_nothing_else_is_raised(made: tuple[Domain, Record], text: str) -> None:
    domain, problem = made
    assert refused(domain, problem, text) or SAME[domain.name](problem, text)


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.sampled_from(["Oslo", "Monday", "pens", "Mia"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=6,
)


@given(drawn("tool_calls"), st.sampled_from(list(TOOLS)), st.data())
def test_arbitrary_calls_are_refused_and_nothing_else_is_raised(
    made: tuple[Domain, Record], tool: str, data: st.DataObject
) -> None:
    domain, problem = made
    arguments = data.draw(st.fixed_dictionaries(dict.fromkeys(TOOLS[tool].properties, JSON)))
    answer = json.dumps({"name": tool, "arguments": arguments})
    assert refused(domain, problem, answer) or SAME["tool_calls"](problem, answer)


@given(drawn("tool_calls"), st.data())
def test_a_changed_argument_is_wrong(made: tuple[Domain, Record], data: st.DataObject) -> None:
    domain, problem = made
    call, other = json.loads(problem.target), json.loads(data.draw(drawn("tool_calls"))[1].target)
    shared = sorted(key for key in call["arguments"].keys() & other["arguments"].keys())
    assume(shared)
    key = data.draw(st.sampled_from(shared))
    assume(call["arguments"][key] != other["arguments"][key])
    call["arguments"][key] = other["arguments"][key]
    assert refused(domain, problem, json.dumps(call))


@given(drawn("arithmetic"), st.integers(1, 99), st.data())
def test_one_false_step_is_wrong_even_if_the_answer_is_right(
    made: tuple[Domain, Record], wrong: int, data: st.DataObject
) -> None:
    domain, problem = made
    lines = problem.target.splitlines()
    place = data.draw(st.integers(0, len(lines) - 1))
    left, _, result = lines[place].rpartition(" ")
    assume(wrong != int(result))
    lines[place] = f"{left} {wrong}"
    assert refused(domain, problem, "\n".join(lines))


@each_domain
def test_the_splits_share_no_core(domain: Domain) -> None:
    cores = {split: {core_of(problem) for problem in many(domain, split)} for split in ("train", "heldout")}
    assert cores["train"].isdisjoint(cores["heldout"])
    assert all(len(found) > 100 for found in cores.values())


@each_domain
def test_one_core_in_five_is_held_out(domain: Domain) -> None:
    held = [is_held_out(domain.name, (number,)) for number in range(5000)]
    assert 0.18 < sum(held) / len(held) < 0.22


@each_domain
def test_a_higher_difficulty_is_measurably_more_work(domain: Domain) -> None:
    work = {problem["difficulty"]: WORK[domain.name](problem) for problem in many(domain, "train")}
    by_rung = [{WORK[domain.name](problem) for problem in many(domain, "train", rung)} for rung in sorted(work)]
    assert all(max(lower) < min(higher) for lower, higher in pairwise(by_rung))


@pytest.mark.parametrize("name", ["arithmetic", "transforms", "reading"])
@given(data=st.data())
@settings(max_examples=300)
def test_the_worked_answer_agrees_with_a_second_reading_of_the_prompt(name: str, data: st.DataObject) -> None:
    _, problem = data.draw(drawn(name))
    assert problem.target.splitlines()[-1].rpartition("= ")[2] == READERS[name](problem.prompt)


@given(st.data())
@settings(max_examples=300)
def test_the_worked_program_agrees_with_a_second_reading_of_the_prompt(data: st.DataObject) -> None:
    domain = DOMAINS["code"]
    problem = domain.problem(data.draw(NUMBERS), data.draw(st.sampled_from(domain.difficulties)), data.draw(SPLITS))
    x = data.draw(GIVEN[problem["kind"]])
    space: dict[str, Callable[[object], object]] = {}
    exec(problem.target, space)
    try:
        expected = carried_out(problem.prompt, x)
    except (IndexError, ValueError):
        assume(False)
    assert space["f"](x) == expected


@given(drawn("tool_calls"))
def test_every_argument_stands_in_the_request(made: tuple[Domain, Record]) -> None:
    _, problem = made
    declared, request = problem.prompt.split("\n")
    call = json.loads(problem.target)
    assert f"{call['name']}({', '.join(call['arguments'])})" in declared
    assert set(re.findall(r"\w+", request)) >= {str(value) for value in call["arguments"].values()}


def many(domain: Domain, split: Split, *difficulties: int) -> list[Record]:
    return [
        domain.problem(seed, difficulty, split)
        for difficulty in difficulties or domain.difficulties
        for seed in range(150)
    ]


def core_of(problem: Record) -> str:
    """Name what the answer depends on: names of people and things count only where they are asked for."""
    match problem["domain"]:
        case "transforms":
            return problem.prompt
        case "reading":
            return " ".join(sorted(problem.prompt.split(". ")))
        case _:
            return problem.target


def told_by(prompt: str) -> str:
    """Solve a story sentence by sentence."""
    first, *others = prompt.split(". ")[:-1]
    total = int(re.findall(r"[0-9]+", first)[0])
    if "boxes" in first:
        total *= int(re.findall(r"[0-9]+", first)[1])
    for sentence in others:
        k = int(re.findall(r"[0-9]+", sentence)[0])
        if "times" in sentence:
            total *= k
        elif re.search("buys|finds|brings", sentence):
            total += k
        else:
            assert re.search("gives away|loses|takes", sentence)
            total -= k
    return str(total)


def transformed(prompt: str) -> str:
    """Carry out the operations in the order of the words."""
    words, _, rest = prompt.lower().partition(": ")
    values: list[str] = rest.split()
    numeric = values[0].isdigit()
    for order in words.split(", then "):
        k = int((re.findall(r"[0-9]+", order) or ["0"])[0])
        values = ORDERS[re.sub(r" [0-9]+", "", order)](values, k, numeric)
    return " ".join(values)


ORDERS: dict[str, Callable[[list[str], int, bool], list[str]]] = {
    "reverse": lambda values, _, __: list(reversed(values)),
    "sort": lambda values, _, numeric: sorted(values, key=int if numeric else str),
    "drop the first": lambda values, _, __: values[1:],
    "drop the last": lambda values, _, __: values[:-1],
    "move the first to the end": lambda values, _, __: [*values[1:], values[0]],
    "drop repeats": lambda values, _, __: [value for place, value in enumerate(values) if value not in values[:place]],
    "add to each": lambda values, k, _: [str(int(value) + k) for value in values],
    "keep those greater than": lambda values, k, _: [value for value in values if int(value) > k],
}


def looked_up(prompt: str) -> str:
    """Answer a question from the facts."""
    *facts, question = prompt.split(". ")
    friends = {match[1]: match[2] for fact in facts if (match := re.fullmatch(r"(\w+)'s friend is (\w+)", fact))}
    subject, friend = re.search(r"(?:does) (\w+)('s friend)?", question).groups()  # type: ignore[union-attr]
    who = friends[subject] if friend else subject
    verb = {"Where": "lives in", "Which": "has a", "What": "likes"}[question.split()[0]]
    return next((fact.split()[-1] for fact in facts if fact.startswith(f"{who} {verb} ")), "unknown")


READERS = {"arithmetic": told_by, "transforms": transformed, "reading": looked_up}

GIVEN: dict[str, st.SearchStrategy[Any]] = {
    "number": st.integers(-60, 60),
    "list": st.lists(st.integers(-60, 60), max_size=6),
    "text": st.text("abcdelnorstAB", max_size=8),
}


WORK: dict[str, Callable[[Record], int]] = {
    "arithmetic": lambda problem: len(problem.target.splitlines()),
    "transforms": lambda problem: (
        len(problem.prompt.partition(": ")[2].split()) * (1 + problem.prompt.count(", then "))
    ),
    "tool_calls": lambda problem: len(json.loads(problem.target)["arguments"]),
    "code": lambda problem: problem.target.count("\n"),
    "reading": lambda problem: (
        problem.prompt.count(". ") * (2 if "friend" in problem.prompt.rpartition(". ")[2] else 1)
    ),
}


def same_steps(problem: Record, answer: str) -> bool:
    """Say whether an accepted calculation is true line by line and ends in the answer."""
    true = [eval(line.replace("×", "*").replace("x", "*").replace("=", "==")) for line in answer.strip().splitlines()]
    return all(true) and answer.split()[-1].rpartition("=")[2] == problem.target.split()[-1]


def same_program(problem: Record, answer: str) -> bool:
    """Say whether an accepted program, one letter away from ours, does what the prompt says on the hidden inputs."""
    space: dict[str, Any] = {}
    exec(answer, space)
    return all(space["f"](x) == carried_out(problem.prompt, x) for x in hidden_inputs(pipeline_of(problem)))


SAME: dict[str, Callable[[Record, str], bool]] = {
    "arithmetic": same_steps,
    "transforms": lambda problem, answer: answer.split("\n")[-1].split() == problem.target.split("\n")[-1].split(),
    "tool_calls": lambda problem, answer: json.loads(answer) == json.loads(problem.target),
    "reading": lambda problem, answer: answer.strip(" \n.") == problem.target,
    "code": same_program,
}
