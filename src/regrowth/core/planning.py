"""Which seed to try next, so that exactly the wanted records come out: pure bookkeeping, no clock and no chance.

A stratum (a taxonomy leaf, a difficulty) has a quota. The planner always tries the stratum that is thinnest: the one
with the largest share of its quota still open after what is in flight has come back at the yield seen so far. It
learns only from attempts that were settled in order, so equal runs make equal plans whatever the order of completion.
"""

from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from regrowth.core.errors import SettingsError
from regrowth.core.record import Record

__all__ = ["Attempt", "Planner", "Tally", "equal_quotas"]

HELD_PER_STRATUM = 1024
"""Seeds of other strata kept at hand while one is looked for; bounds the memory."""


class Attempt(NamedTuple):
    """One try at one seed."""

    seed: Record
    stratum: str


@dataclass(slots=True)
class Tally:
    """Count what became of a stratum's attempts: the yield funnel."""

    wanted: int | None = None
    attempted: int = 0
    made: int = 0
    """Records that came out of the attempts, before any gate."""
    accepted: int = 0
    failed: int = 0
    """Attempts that broke: a call or the code that made the record."""
    rejected: Counter[str] = field(default_factory=Counter)
    """Refusals by gate."""
    in_flight: int = 0

    @property
    def open(self) -> float:
        """Return the share of the quota still open when what is in flight will have come back, 1 to below 0."""
        if not self.wanted:
            return 0.0
        rate = (self.accepted + 1) / (self.attempted + 1)
        return (self.wanted - self.accepted - self.in_flight * rate) / self.wanted

    @property
    def full(self) -> bool:
        """Return whether the quota is reached."""
        return self.wanted is not None and self.accepted >= self.wanted

    def to_json(self) -> dict[str, Any]:
        """Return the counts as plain JSON data."""
        return {
            "wanted": self.wanted,
            "attempted": self.attempted,
            "made": self.made,
            "accepted": self.accepted,
            "failed": self.failed,
            "rejected": dict(sorted(self.rejected.items())),
        }


class Planner:
    """Choose the next attempt. `next` and `settle` are called in a fixed order: the plan is a function of results."""

    def __init__(
        self,
        seeds: Iterable[Record],
        stratum: Callable[[Record], str],
        quotas: Mapping[str, int] | None,
        draws: int,
    ) -> None:
        """Plan over re-iterable seeds: one pass without quotas, else up to `draws` passes until all are full."""
        self._stratum = stratum
        self._bounded = quotas is not None
        self.tallies: dict[str, Tally] = {name: Tally(wanted) for name, wanted in (quotas or {}).items()}
        self._stream = _passes(seeds, draws if self._bounded else 1)
        self._held: dict[str, deque[Record]] = {}
        self._dry: set[str] = set()

    def next(self) -> Attempt | None:
        """Return the next attempt, or None if nothing should be started before something is settled."""
        if not self._bounded:
            seed = next(self._stream, None)
            attempt = None if seed is None else Attempt(seed, self._stratum(seed))
        else:
            attempt = self._thinnest()
        if attempt is not None:
            self.tallies.setdefault(attempt.stratum, Tally()).in_flight += 1
        return attempt

    def _thinnest(self) -> Attempt | None:
        while True:
            candidates = [name for name in self.tallies if name not in self._dry]
            name = max(candidates, key=lambda name: self.tallies[name].open, default=None)
            if name is None or self.tallies[name].open <= 0:
                return None
            if (seed := self._seed_of(name)) is not None:
                return Attempt(seed, name)
            self._dry.add(name)

    def _seed_of(self, wanted: str) -> Record | None:
        if held := self._held.get(wanted):
            return held.popleft()
        for seed in self._stream:
            name = self._stratum(seed)
            if name == wanted:
                return seed
            if name in self.tallies and not self.tallies[name].full:
                others = self._held.setdefault(name, deque())
                if len(others) < HELD_PER_STRATUM:
                    others.append(seed)
        return None

    def settle(self, attempt: Attempt) -> Tally:
        """Count an attempt as come back; the caller adds what became of it."""
        tally = self.tallies[attempt.stratum]
        tally.in_flight -= 1
        tally.attempted += 1
        return tally

    @property
    def done(self) -> bool:
        """Return whether every quota is reached. Never true without quotas."""
        return self._bounded and all(tally.full for tally in self.tallies.values())


def _passes(seeds: Iterable[Record], draws: int) -> Iterator[Record]:
    for draw in range(draws):
        empty = True
        for seed in seeds:
            empty = False
            yield seed.again(draw)
        if empty:
            return


def equal_quotas(seeds: Iterable[Record], stratum: Callable[[Record], str], count: int) -> dict[str, int]:
    """Share a count among the strata that the seeds have: equally, the first ones taking what does not divide.

    Raises:
        SettingsError: there are no seeds, or fewer records wanted than strata.
    """
    names = list(dict.fromkeys(map(stratum, seeds)))
    if not names:
        raise SettingsError("No seeds: the source is empty, so nothing can be grown from it.")
    if count < len(names):
        raise SettingsError(f"count={count}, but there are {len(names)} strata: ask for at least one record of each.")
    share, rest = divmod(count, len(names))
    return {name: share + (index < rest) for index, name in enumerate(names)}
