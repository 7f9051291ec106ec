"""Tasks with checkable answers: generators of fresh problems, exact verifiers, a difficulty, a held-out split.

for problem in problems(["arithmetic", "reading"], 8, seed=0, split="train"):
    answer = DOMAINS[problem["domain"]].solution(problem)
    verified(problem.derive(response=answer))      # the record itself, or Rejected with the reason
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import count as counting
from itertools import cycle, islice

from regrowth.core.errors import SettingsError
from regrowth.core.record import Record, digest
from regrowth.domains.arithmetic import arithmetic
from regrowth.domains.domain import Domain, Split
from regrowth.domains.reading import reading
from regrowth.domains.tool_calls import tool_calls
from regrowth.domains.transforms import transforms

__all__ = ["DOMAINS", "Domain", "Split", "problems", "verified"]

DOMAINS: Mapping[str, Domain] = {domain.name: domain for domain in (arithmetic, transforms, tool_calls, reading)}


def problems(names: Sequence[str], count: int, *, seed: int, split: Split) -> Iterator[Record]:
    """Yield different problems, domain by domain and difficulty by difficulty in turn.

    A longer stream begins with the shorter one of the same seed.

    Raises:
        SettingsError: there is no such domain.
    """
    if unknown := [name for name in names if name not in DOMAINS]:
        raise SettingsError(f"no domain {unknown[0]!r} (found: {', '.join(DOMAINS)}).")
    return islice(_different(names, seed, split), count)


def _different(names: Sequence[str], seed: int, split: Split) -> Iterator[Record]:
    chosen = [DOMAINS[name] for name in names]
    rungs = range(max((len(domain.difficulties) for domain in chosen), default=0))
    strata = [
        (domain, domain.difficulties[rung]) for rung in rungs for domain in chosen if rung < len(domain.difficulties)
    ]
    seen = set[str]()
    numbers = counting()
    for domain, difficulty in cycle(strata):
        while True:
            number = int(digest("problems", seed, domain.name, difficulty, next(numbers))[:12], 16)
            problem = domain.problem(number, difficulty, split)
            if problem.id not in seen:
                break
        seen.add(problem.id)
        yield problem


def verified(record: Record) -> Record:
    """Return a record whose response its domain's program found right.

    Raises:
        Rejected: the response is wrong; says why.
    """
    DOMAINS[record["domain"]].verify(record, record.response)
    return record
