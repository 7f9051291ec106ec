"""What of every group was wanted, there and chosen, and how far the chosen are from the shares that were wanted.

domain: 40 wanted, 25 chosen, 5.0 % from the wanted shares; worst: code, 5 of 20 (5 there)
"""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

__all__ = ["Coverage", "Group", "distance"]


@dataclass(frozen=True, slots=True)
class Group:
    """Hold what became of the records with one value of an attribute."""

    attribute: str
    """Its name; several, where a joint share was wanted: `domain × language`."""
    value: str
    share: float
    """Of all that is wanted, 0 … 1."""
    wanted: int
    available: int
    chosen: int

    @property
    def missing(self) -> int:
        """Return how many fewer were chosen than wanted."""
        return max(0, self.wanted - self.chosen)

    @property
    def reached(self) -> float:
        """Return chosen over wanted; 1 where nothing was wanted."""
        return self.chosen / self.wanted if self.wanted else 1.0

    def __str__(self) -> str:
        return f"{self.value}, {self.chosen:,} of {self.wanted:,} ({self.available:,} there)"


@dataclass(frozen=True)
class Coverage:
    """Report on every group of every attribute that shares were wanted of."""

    groups: tuple[Group, ...] = ()

    @cached_property
    def distances(self) -> Mapping[str, float]:
        """Return the total variation distance between chosen and wanted shares, 0 … 1, by attribute."""
        return {
            name: distance({one.value: one.chosen for one in groups}, {one.value: one.share for one in groups})
            for name, groups in self._by_attribute.items()
        }

    @property
    def worst(self) -> Group | None:
        """Return the group that got least of what was wanted of it; of equals the one that misses most."""
        return min(self.groups, key=lambda one: (one.reached, -one.missing, one.attribute, one.value), default=None)

    @property
    def short(self) -> tuple[Group, ...]:
        """Return the groups that got less than was wanted of them."""
        return tuple(one for one in self.groups if one.missing)

    @cached_property
    def _by_attribute(self) -> Mapping[str, list[Group]]:
        groups: dict[str, list[Group]] = {}
        for one in self.groups:
            groups.setdefault(one.attribute, []).append(one)
        return groups

    def to_json(self) -> dict[str, Any]:
        """Return the report as plain JSON data."""
        return {"distances": dict(self.distances), "groups": [asdict(one) for one in self.groups]}

    def __str__(self) -> str:
        return "\n".join(self._line(name, groups) for name, groups in self._by_attribute.items())

    def _line(self, name: str, groups: Iterable[Group]) -> str:
        part = Coverage(tuple(groups))
        wanted, chosen = sum(one.wanted for one in part.groups), sum(one.chosen for one in part.groups)
        told = f"{name}: {wanted:,} wanted, {chosen:,} chosen, {self.distances[name]:.1%} from the wanted shares"
        return told + (f"; worst: {part.worst}" if part.short else "; every group has what was wanted of it")


def distance(counts: Mapping[str, float], shares: Mapping[str, float]) -> float:
    """Return the total variation distance of counts from shares, 0 … 1; 1 where nothing was counted."""
    found, total = sum(counts.values()), sum(shares.values())
    if not found or not total:
        return float(found != total)
    return (
        sum(abs(counts.get(one, 0) / found - shares.get(one, 0) / total) for one in counts.keys() | shares.keys()) / 2
    )
