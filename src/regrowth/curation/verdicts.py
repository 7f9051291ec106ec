"""Whether the model of a round is kept: paired figures on held-out records, before and after.

decide({"accuracy": before}, {"accuracy": after})     # Verdict(True, "nothing got worse: accuracy +0.03 […]")
"""

from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple, TypeAlias

from regrowth.core.errors import SettingsError
from regrowth.metrics.intervals import paired_difference

__all__ = ["Better", "Verdict", "decide"]

Better: TypeAlias = Literal["higher", "lower"]


class Verdict(NamedTuple):
    """Say whether a round's model is kept."""

    accepted: bool
    why: str
    """In words."""
    over: bool = False
    """Whether no further round is worth playing, though this one is kept."""


def decide(
    before: Mapping[str, Sequence[float]],
    after: Mapping[str, Sequence[float]],
    *,
    better: Better | Mapping[str, Better] = "higher",
) -> Verdict:
    """Refuse a round that made any figure worse: its paired 95 % interval lies on the wrong side of zero.

    Args:
        before: per figure, one number for each held-out record, of the model that the round started from.
        after: the same of the model that it made, in the same order of records.
        better: of all figures, or by name.

    Raises:
        SettingsError: the two do not hold the same figures.
        DataError: the numbers of a figure cannot be paired.
    """
    if not before or before.keys() != after.keys():
        raise SettingsError(f"figures before: {', '.join(before)}; after: {', '.join(after)}. Expected the same, some.")
    worse, told = [], []
    for name, start in before.items():
        if min(len(start), len(after[name])) < 2:
            told.append(f"{name}: too few records to tell")
            continue
        gap = paired_difference(after[name], start)
        wanted = better if isinstance(better, str) else better.get(name, "higher")
        told.append(f"{name} {gap.value:+.4g} [{gap.low:+.4g}, {gap.high:+.4g}]")
        if gap.high < 0 if wanted == "higher" else gap.low > 0:
            worse.append(name)
    why = f"{', '.join(worse)} got worse" if worse else "nothing got worse"
    return Verdict(not worse, f"{why}: {'; '.join(told)}")
