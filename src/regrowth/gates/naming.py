"""How a gate is made from a function and its settings.

length(at_most=200).__name__     "length": the name that ledgers and funnels show
"""

from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar

from regrowth.core.record import Record

__all__ = ["named"]

Verdict = TypeVar("Verdict")


def named(name: str, judge: Callable[..., Verdict], /, **settings: Any) -> Callable[[Record], Verdict]:
    """Bind settings to a function and give the gate its name; it can be pickled, unlike a closure."""
    gate = partial(judge, **settings)
    vars(gate)["__name__"] = name
    return gate
