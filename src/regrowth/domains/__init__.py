"""Tasks with checkable answers: generators of fresh problems, exact verifiers, a difficulty, a held-out split.

for problem in problems(["arithmetic", "reading"], 8, seed=0, split="train"):
    answer = DOMAINS[problem["domain"]].solution(problem)
    verified(problem.derive(response=answer))      # the record itself, or Rejected with the reason
"""

from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from itertools import count as counting
from itertools import cycle, islice
from typing import cast

from regrowth.core.errors import SettingsError
from regrowth.core.protocols import Executor
from regrowth.core.record import Record, digest
from regrowth.domains.arithmetic import ARITHMETIC
from regrowth.domains.code.tasks import CODE
from regrowth.domains.domain import Domain, Split
from regrowth.domains.reading import READING
from regrowth.domains.tool_calls import TOOL_CALLS
from regrowth.domains.transforms import TRANSFORMS

__all__ = ["DOMAINS", "Domain", "Split", "checkable", "problems", "verified", "verifier"]

DOMAINS: Mapping[str, Domain] = {domain.name: domain for domain in (ARITHMETIC, TRANSFORMS, TOOL_CALLS, READING, CODE)}


PATIENCE = 1000
"""Repeats in a row after which a stratum counts as exhausted."""


def problems(names: Sequence[str], count: int, *, seed: int, split: Split) -> Iterator[Record]:
    """Yield different problems, domain by domain and difficulty by difficulty in turn.

    A longer stream begins with the shorter one of the same seed.

    Raises:
        SettingsError: there is no such domain, or it has no further problem.
    """
    return islice(_different([_named(name) for name in names], seed, split), count)


def _different(chosen: Sequence[Domain], seed: int, split: Split) -> Iterator[Record]:
    rungs = range(max((len(domain.difficulties) for domain in chosen), default=0))
    strata = [
        (domain, domain.difficulties[rung]) for rung in rungs for domain in chosen if rung < len(domain.difficulties)
    ]
    seen = set[str]()
    numbers = counting()
    for domain, difficulty in cycle(strata):
        for _ in range(PATIENCE):
            number = int(digest("problems", seed, domain.name, difficulty, next(numbers))[:12], 16)
            problem = domain.problem(number, difficulty, split)
            if problem.id not in seen:
                break
        else:
            raise SettingsError(
                f"{domain.name} has no further {split} problem of difficulty {difficulty} after {len(seen)} problems. "
                "Ask for fewer, or for more domains."
            )
        seen.add(problem.id)
        yield problem


def verified(record: Record) -> Record:
    """Return a record whose response its domain's program found right, where no code has to run for it.

    Raises:
        Rejected: the response is wrong; says why.
        SettingsError: the record belongs to no domain, or to one that runs code.
    """
    domain = _named(record.attributes.get("domain"))
    if domain.runs_code:
        raise SettingsError(f"{domain.name} runs code: use the gate verifier(run.sandbox) instead of verified.")
    domain.verify(record, record.response)
    return record


def verifier(executor: Executor) -> Callable[[Record], Awaitable[Record]]:
    """Return the gate `verified` for every domain; code runs in the executor, and its tier becomes a score.

    The gate raises what `verified` raises, and NoIsolation where code must run and nothing here can isolate it.
    """

    async def gate(record: Record) -> Record:
        domain = _named(record.attributes.get("domain"))
        if not domain.runs_code:
            return verified(record)
        await cast("Awaitable[None]", domain.verify(record, record.response, executor))
        return record.scored(isolation=executor.tier)

    gate.__name__ = "verified"
    return gate


def checkable(executor: Executor) -> tuple[str, ...]:
    """Return the domains whose answers can be judged here: those that run code only where it can be isolated."""
    return tuple(name for name, domain in DOMAINS.items() if executor.tier or not domain.runs_code)


def _named(name: object) -> Domain:
    for domain in DOMAINS.values():
        if domain.name == name:
            return domain
    raise SettingsError(f"no domain {name!r} (found: {', '.join(DOMAINS)}).")
