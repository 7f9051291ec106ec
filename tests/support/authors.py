"""A writer of programs and tests whose mistakes are known: it errs at rates that are set, so laws can be checked.

    Author(bugs=0.25, repairs=0.75)(messages, sampling, seed)      # "# draft 1\\ndef f(x):\\n    …"

It knows the generated domain and speaks the brief prompts. A wrong program is one mistake away from the right one, as
`domains.code.steps` understands mistakes; those are not the operators of `domains.code.mutants`.
"""

import random
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from regrowth.core.protocols import Sampling
from regrowth.core.record import Messages, digest
from regrowth.domains.code.lessons import described
from regrowth.domains.code.steps import Pipeline, Value, mistakes, value, values, written
from regrowth.domains.code.tasks import hidden_inputs

__all__ = ["GOOD", "Author", "Suites", "flaky", "good", "vacuous", "wrong"]

Suites = Callable[[Pipeline, random.Random], str]
_TESTS = "Write tests.\n"


def good(pipeline: Pipeline, rng: random.Random) -> str:
    """Return asserts of right values, on inputs that give mistakes away."""
    return _asserts(pipeline, rng)


def wrong(pipeline: Pipeline, rng: random.Random) -> str:
    """Return asserts of what a wrong program gives: tests that have drifted to a bug."""
    return _asserts(a_mistake(pipeline, rng), rng, like=pipeline)


def vacuous(pipeline: Pipeline, rng: random.Random) -> str:
    """Return asserts that nearly every program passes."""
    shown = [repr(given) for given in hidden_inputs(pipeline)[:3]]
    kind = type(value(pipeline, hidden_inputs(pipeline)[0])).__name__
    return "\n".join(
        [
            f"assert isinstance(f({shown[0]}), {kind})",
            f"assert f({shown[1]}) == f({shown[1]})",
            f"assert f({shown[2]}) is not None",
        ]
    )


def flaky(pipeline: Pipeline, rng: random.Random) -> str:
    """Return asserts that look at the clock: each holds or not, whatever the program does."""
    lines = [f"assert f({given!r}) == {value(pipeline, given)!r} or now % 3" for given in hidden_inputs(pipeline)[:4]]
    return "\n".join(["import time", "now = time.time_ns() // 1000", *lines])


GOOD: Mapping[Suites, float] = {good: 1.0}


def _asserts(pipeline: Pipeline, rng: random.Random, like: Pipeline | None = None) -> str:
    inputs = hidden_inputs(like or pipeline)
    told = [(given, values(pipeline, [given])[0]) for given in rng.sample(inputs, 6)]
    return "\n".join(f"assert f({given!r}) == {found!r}" for given, found in told if found is not None)


def a_mistake(pipeline: Pipeline, rng: random.Random) -> Pipeline:
    """Return a pipeline one mistake away that gives another value for one of the hidden inputs, at least."""
    shown: list[Value] = hidden_inputs(pipeline)
    near = [one for one in mistakes(pipeline) if values(one, shown) != values(pipeline, shown)]
    return rng.choice(near)


@dataclass(frozen=True)
class Author:
    """Write solutions of which a share `bugs` is wrong, and mend a share `repairs` of the wrong ones."""

    bugs: float
    repairs: float
    suites: Mapping[Suites, float] = field(default_factory=lambda: GOOD)
    """What kinds of tests it writes, and how often."""

    def __call__(self, messages: Messages, sampling: Sampling, seed: int) -> str:
        rng, text = random.Random(seed), messages[0].content
        pipeline = described(text.removeprefix(_TESTS))
        assert pipeline is not None, text
        if text.startswith(_TESTS):
            write = rng.choices(list(self.suites), weights=list(self.suites.values()))[0]
            return write(pipeline, rng)
        if len(messages) == 1:
            wrong = rng.random() < self.bugs
            return f"# draft {seed}\n{written(a_mistake(pipeline, rng) if wrong else pipeline)}"
        return self._mended(pipeline, messages[1].content, rng)

    def _mended(self, pipeline: Pipeline, before: str, rng: random.Random) -> str:
        """Whether a draft can be mended at all is decided once, by its number, however often it is tried."""
        found = re.search(r"# draft (\d+)", before)
        assert found is not None, before
        able = int(digest("fate", found[1])[:8], 16) / 2**32 < self.repairs
        return f"{found[0]}\n{written(pipeline if able else a_mistake(pipeline, rng))}"
