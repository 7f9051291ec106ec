"""The stream of problems: balanced, without repeats, the same for the same seed."""

import asyncio
from collections import Counter
from inspect import isawaitable
from itertools import islice

import pytest

from regrowth.core.errors import Rejected, SettingsError
from regrowth.core.record import Record, digest
from regrowth.domains import DOMAINS, checkable, problems, verified, verifier
from support.executors import Unisolated


def test_the_stream_is_balanced_over_domain_and_difficulty() -> None:
    counts = Counter(
        (problem["domain"], problem["difficulty"]) for problem in problems(list(DOMAINS), 200, seed=1, split="train")
    )
    assert set(counts.values()) == {10}
    assert len(counts) == sum(len(domain.difficulties) for domain in DOMAINS.values())


def test_a_longer_stream_begins_with_the_shorter_one() -> None:
    short = list(problems(["reading"], 20, seed=3, split="train"))
    assert list(islice(problems(["reading"], 50, seed=3, split="train"), 20)) == short


def test_no_problem_comes_twice() -> None:
    ids = [problem.id for problem in problems(list(DOMAINS), 1600, seed=0, split="heldout")]
    assert len(set(ids)) == len(ids)


def test_another_seed_gives_other_problems() -> None:
    one, other = (
        {problem.id for problem in problems(["transforms"], 100, seed=seed, split="train")} for seed in (1, 2)
    )
    assert len(one & other) < 5


def test_problems_are_the_same_on_every_machine() -> None:
    ids = [
        problem.id
        for problem in problems(["arithmetic", "transforms", "tool_calls", "reading"], 160, seed=0, split="train")
    ]
    assert digest(ids) == "ad9e18226fd48cce4988af781ba351dc"
    assert (
        digest([problem.id for problem in problems(["code"], 40, seed=0, split="train")])
        == "c35caa7c5c01f29001e4598be7cc4c01"
    )


def test_an_unknown_domain_and_a_missing_difficulty_are_named() -> None:
    with pytest.raises(SettingsError, match=r"no domain 'poetry' \(found: arithmetic, "):
        list(problems(["poetry"], 1, seed=0, split="train"))
    with pytest.raises(SettingsError, match=r"arithmetic has no difficulty 9. Choose one of 1, 2, 3, 4."):
        DOMAINS["arithmetic"].problem(0, 9)


def test_the_gate_returns_a_right_record_and_refuses_a_wrong_one() -> None:
    problem = next(problems(["arithmetic"], 1, seed=0, split="train"))
    right = problem.derive(response=DOMAINS["arithmetic"].solution(problem))
    assert verified(right) is right
    with pytest.raises(Rejected):
        verified(problem.derive(response="0"))


def test_an_answer_that_must_run_is_not_judged_without_a_sandbox() -> None:
    problem = next(problems(["code"], 1, seed=0, split="train"))
    with pytest.raises(SettingsError, match=r"code runs code: use the gate verifier"):
        verified(problem.derive(response=problem.target))


def test_the_gate_of_a_sandbox_judges_programs_and_says_what_isolated_them() -> None:
    executor = Unisolated()
    gate = verifier(executor)
    problem, story = (next(problems([name], 1, seed=0, split="train")) for name in ("code", "arithmetic"))

    async def judged(record: Record) -> Record:
        found = gate(record)
        return await found if isawaitable(found) else found

    assert asyncio.run(judged(problem.derive(response=problem.target))).scores == {"isolation": executor.tier}
    assert asyncio.run(judged(story.derive(response=story.target))).scores == {}
    with pytest.raises(Rejected, match="code: "):
        asyncio.run(judged(problem.derive(response="def f(x):\n    return 'no'")))


def test_domains_that_run_code_are_checkable_only_in_isolation() -> None:
    executor = Unisolated()
    assert checkable(executor) == tuple(DOMAINS)
    executor.tier = 0
    assert checkable(executor) == ("arithmetic", "transforms", "tool_calls", "reading")


def test_a_record_of_no_domain_is_a_mistake_of_the_caller() -> None:
    with pytest.raises(SettingsError, match="no domain"):
        verified(Record.of("Hello?", response="Hello."))
