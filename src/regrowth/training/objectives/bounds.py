"""What the numbers of an objective may be."""

import math

from regrowth.core.errors import SettingsError

__all__ = ["above_zero", "not_below_zero"]


def above_zero(objective: str, **numbers: float) -> None:
    """Raise SettingsError unless all numbers are above 0 and finite."""
    for name, number in numbers.items():
        if not 0 < number < math.inf:
            raise SettingsError(f"{objective}: {name} = {number:g}; it must be above 0 and finite.")


def not_below_zero(objective: str, **numbers: float) -> None:
    """Raise SettingsError unless all numbers are 0 or above, and finite."""
    for name, number in numbers.items():
        if not 0 <= number < math.inf:
            raise SettingsError(f"{objective}: {name} = {number:g}; it must not be below 0, and finite.")
