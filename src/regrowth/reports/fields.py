"""Types of fields that blocks share: words that any file can hold, numbers that are finite, levels of a verdict."""

import math
from typing import Annotated, Literal, TypeAlias

from pydantic import AfterValidator, BeforeValidator

from regrowth.core.protocols import Estimate
from regrowth.core.settings import Frozen

__all__ = ["Figure", "Level", "MaybeNumber", "Measured", "Words"]

Level: TypeAlias = Literal["good", "look", "stop"]
"""`look`: a person should look before the data are used; `stop`: they should not be used as they are."""


def _encodable(value: object) -> object:
    """Replace lone surrogates, which no UTF-8 file can hold: models and broken decoders do write them."""
    return value.encode("utf-8", "replace").decode() if isinstance(value, str) else value


def _finite(estimate: Estimate) -> Estimate:
    numbers = float(estimate.value), float(estimate.low), float(estimate.high)
    if not all(map(math.isfinite, numbers)):
        raise ValueError(f"estimate {numbers} is not finite: leave it out and say so in the note")
    return Estimate(*numbers, estimate.n, estimate.skipped)


def _gap(value: object) -> object:
    return None if isinstance(value, float) and not math.isfinite(value) else value


Words = Annotated[str, BeforeValidator(_encodable)]
Measured = Annotated[Estimate, AfterValidator(_finite)]
MaybeNumber = Annotated[float | None, BeforeValidator(_gap)]


class Figure(Frozen):
    """Show one number under the headline."""

    label: Words
    value: Words
    """As it is to be read: `47.1 %`."""
    note: Words = ""
