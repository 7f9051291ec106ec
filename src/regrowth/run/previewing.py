"""A preview: a few records end to end, and what the whole run will take.

previewed(seeds, {"count": 1000}, rows=5)     the seeds, settings that ask for five records, 1000
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from regrowth.core.record import Record

__all__ = ["Forecast", "previewed"]


@dataclass(frozen=True, slots=True)
class Forecast:
    """What one stage of a previewed run took, and how much of it the whole run will do."""

    stage: str
    done: int
    """Records accepted (or tried, where every seed is tried once); training steps."""
    planned: int
    cost: Mapping[str, float]
    seconds: float


def previewed(
    seeds: Iterable[Record], settings: Mapping[str, Any], rows: int
) -> tuple[list[Record], dict[str, Any], int]:
    """Return a few seeds, settings that ask for a few records, and how many the whole run would make or try."""
    whole = list(seeds)
    quotas: Mapping[str, int] = settings.get("quotas") or {}
    count: int | None = settings.get("count")
    if count is None and not quotas:
        return whole[:rows], dict(settings), len(whole)
    planned = int(count) if count is not None else sum(quotas.values())
    few = {"count": None, "stratum": "", "quotas": {"": min(rows, planned)}, "partial": True}
    return whole, {**settings, **few}, planned
