"""The stream of problems: balanced, without repeats, the same for the same seed."""

from collections import Counter
from itertools import islice

import pytest

from regrowth.core.errors import Rejected, SettingsError
from regrowth.core.record import Record, digest
from regrowth.domains import DOMAINS, problems, verified


def test_the_stream_is_balanced_over_domain_and_difficulty() -> None:
    counts = Counter(
        (problem["domain"], problem["difficulty"]) for problem in problems(list(DOMAINS), 160, seed=1, split="train")
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
    ids = [problem.id for problem in problems(list(DOMAINS), 160, seed=0, split="train")]
    assert digest(ids) == "ad9e18226fd48cce4988af781ba351dc"


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


def test_a_record_of_no_domain_is_a_mistake_of_the_caller() -> None:
    with pytest.raises(SettingsError, match="no domain"):
        verified(Record.of("Hello?", response="Hello."))
