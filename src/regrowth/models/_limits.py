"""How many requests may be in flight at once: found out from the server, never configured by guess.

Rounds: as many replies as the limit allows at once make one round. A round that used the whole limit raises it
(twice as many while far from the last known trouble, an eighth more near it). A raise that does not pay is taken
back: by Little's law a server serves limit / latency requests per second, and where that no longer grows, more
requests only wait longer. Trouble (429, 503, time-outs) in a tenth of a round halves the limit at once; a stray
one among many does not. A server that names a time to wait is left alone by everybody for that long, and then met
by a few, not by all.

    32 in flight, 50 ms → 64, 51 ms (pays) → 128, 99 ms (does not) → 64
"""

import asyncio
from collections import deque

__all__ = ["Limiter"]

START = 32
"""Requests in flight at first."""
FEW = 4
"""Requests in flight after a pause that the server asked for."""
TROUBLE = 10
"""One request in so many, in trouble within one round, halves the limit."""
WORTH = 0.25
"""Share of a raise of the limit that must arrive as a raise of the rate."""
REST = 8
"""Rounds without a raise after one that did not pay."""


class Limiter:
    """Let callers in, first come first served, as many at once as the server bears. Belongs to one event loop."""

    def __init__(self, most: int, start: int = START) -> None:
        self.most = most
        self.limit = min(start, most)
        """Requests that may be in flight: 1 … most."""
        self.in_flight = 0
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._paused_until = 0.0
        self._goal = most
        """Below it the limit doubles, above it grows by an eighth."""
        self._good: tuple[int, float] | None = None
        """The last limit that paid, and its rate in requests per second."""
        self._rest = 0
        self._begin_round(0.0)

    def _begin_round(self, now: float) -> None:
        self._round_began = now
        self._replies = 0
        self._troubles = 0
        self._seconds = 0.0
        self._full = False

    async def enter(self, *, urgent: bool = False) -> None:
        """Wait for a place; `urgent` goes to the head of the queue. Every `enter` needs its `leave`."""
        if self.in_flight < self.limit and not self._waiting and not self._paused_until:
            self.in_flight += 1
            self._full = self._full or self.in_flight >= self.limit
            return
        self._full = True
        place = asyncio.get_running_loop().create_future()
        if urgent:
            self._waiting.appendleft(place)
        else:
            self._waiting.append(place)
        self._wake()
        try:
            await place
        except asyncio.CancelledError:
            if place.done() and not place.cancelled():
                self.leave()  # the place was given in the very moment in which its taker gave up
            raise

    def leave(self) -> None:
        """Give the place back."""
        self.in_flight -= 1
        self._wake()

    def _wake(self) -> None:
        while self._waiting and self.in_flight < self.limit and not self._paused_until:
            place = self._waiting.popleft()
            if not place.done():
                self.in_flight += 1
                place.set_result(None)

    def replied(self, began: float) -> None:
        """Count a reply to a request that began at this time of the loop's clock."""
        now = asyncio.get_running_loop().time()
        if began < self._round_began:
            return
        self._replies += 1
        self._seconds += now - began
        if self._replies + self._troubles >= self.limit:
            self._end_round(now)

    def troubled(self, began: float, pause: float = 0.0) -> None:
        """Count a request that the server had no room for; `pause`: seconds it asks to be left alone."""
        if began < self._round_began:
            return
        self._troubles += 1
        if self._troubles * TROUBLE < self.limit:
            return
        now = asyncio.get_running_loop().time()
        self._goal = max(1, self.limit // 2)
        self.limit = min(self._goal, FEW) if pause else self._goal
        self._good, self._rest = None, 0
        self._begin_round(now)
        if pause:
            self._pause(now + pause)

    def _pause(self, until: float) -> None:
        if until > self._paused_until:
            self._paused_until = until
            asyncio.get_running_loop().call_at(until, self._resume, until)

    def _resume(self, until: float) -> None:
        if until == self._paused_until:
            self._paused_until = 0.0
            # A round is of replies to requests that began in it; none could begin while the pause lasted.
            self._begin_round(asyncio.get_running_loop().time())
            self._wake()

    def _end_round(self, now: float) -> None:
        rate = self.limit * self._replies / max(self._seconds, 1e-9)
        full = self._full
        self._begin_round(now)
        if self._good is not None and self.limit > self._good[0] and not self._pays(rate):
            self.limit = self._goal = self._good[0]
            self._rest = REST
            return
        self._good = (self.limit, rate)
        if self._rest:
            self._rest -= 1
        elif full and self.limit < self.most:
            step = self.limit if self.limit * 2 <= self._goal else max(1, self.limit // 8)
            self.limit = min(self.limit + step, self.most)
            self._wake()

    def _pays(self, rate: float) -> bool:
        assert self._good is not None
        limit, before = self._good
        return rate >= before * (1 + WORTH * (self.limit / limit - 1))
