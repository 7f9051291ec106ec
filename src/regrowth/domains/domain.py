"""A domain: a generator of fresh problems, their worked answers, and a program that judges any answer.

One problem of `arithmetic` on its way:
    core        (12, (("+", 4),))                              # what decides between training and held-out
    prompt      "Tom has 12 pens. Tom buys 4 more. How many pens?"
    target      "12 + 4 = 16"                                  # the worked answer
    attributes  {"domain": "arithmetic", "kind": "plain", "difficulty": 1}

Names, objects and turns of phrase are not part of the core, so a held-out problem never is a training problem in
other words.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from random import Random
from typing import Any, Literal, TypeAlias

from regrowth.core.errors import SettingsError
from regrowth.core.record import Record, digest

__all__ = ["HELD_OUT", "Domain", "Drawn", "Split", "is_held_out"]

Split: TypeAlias = Literal["train", "heldout"]

HELD_OUT = 5
"""One core in this many is never trained on."""


@dataclass(frozen=True, slots=True)
class Drawn:
    """Hold one problem as drawn, before it is known to which split it belongs."""

    core: tuple[Any, ...]
    """Plain JSON data: all that the answer depends on, and nothing else."""
    prompt: str
    target: str
    """The worked answer, in the format that `verify` accepts."""
    kind: str
    further: Mapping[str, Any] = field(default_factory=dict)
    """Further attributes that `verify` needs."""


@dataclass(frozen=True, slots=True)
class Domain:
    """Make problems of one kind, and judge answers to them."""

    name: str
    difficulties: tuple[int, ...]
    instructions: str
    """Says in one sentence how to answer: a system message for a model that was not trained on this domain."""
    draw: Callable[[Random, int], Drawn]
    """Draw a problem of a difficulty."""
    verify: Callable[..., Awaitable[None] | None]
    """Refuse a wrong answer: raises Rejected with this domain's name and the reason, and nothing else.

    Called with the record, the response and, if `runs_code`, an executor."""
    runs_code: bool = False
    """Whether answers are programs, judged by running them in a sandbox."""

    def problem(self, seed: int, difficulty: int, split: Split = "train") -> Record:
        """Return the problem that a seed stands for in one split.

        Raises:
            SettingsError: the domain has no such difficulty.
        """
        if difficulty not in self.difficulties:
            known = ", ".join(map(str, self.difficulties))
            raise SettingsError(f"{self.name} has no difficulty {difficulty!r}. Choose one of {known}.")
        rng = Random(f"{self.name} {difficulty} {seed}")
        while True:
            drawn = self.draw(rng, difficulty)
            if is_held_out(self.name, drawn.core) == (split == "heldout"):
                break
        return Record.of(
            drawn.prompt,
            target=drawn.target,
            domain=self.name,
            kind=drawn.kind,
            difficulty=difficulty,
            **drawn.further,
        )

    def solution(self, record: Record) -> str:
        """Return the worked answer of a problem."""
        return record.target


def is_held_out(name: str, core: tuple[Any, ...]) -> bool:
    """Return whether a core belongs to the held-out split, by its hash."""
    return int(digest("held out", name, core)[:8], 16) % HELD_OUT == 0
