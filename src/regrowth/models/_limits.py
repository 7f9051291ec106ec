"""How many requests may be in flight at once: found out from the server, never configured by guess.

Rounds: as many replies as the limit allows at once make one round. A round that used the whole limit raises it: to
twice as many at first, by halving steps once a raise did not pay, by an eighth now and then after that. Whether a raise
pays: by Little's law a server serves limit / latency requests per second; where that no longer grows, more requests
only wait longer, and the raise is taken back.

    32 in flight, 50 ms → 64, 51 ms (pays) → 128, 99 ms, 98 ms (does not) → 64 → 96, 75 ms, 74 ms (does not) → 64

A needless raise costs little (requests wait at the server instead of here), a wrongly withheld one costs speed: so a
raise is taken back only after two rounds, judged by the median latency.

Trouble (429, 503, time-outs) in a tenth of a round halves the limit at once; a stray one among many does not. Time-outs
cut it to half of what the server did answer in that time. A server that names a time to wait is left alone by everybody
for that long, and then met by a few, not by all.
"""

import asyncio
from collections import deque
from statistics import median_high

__all__ = ["Limiter"]

START = 32
"""Requests in flight at first."""
FEW = 4
"""Requests in flight after a pause that the server asked for."""
TROUBLE = 10
"""One request in so many, in trouble within one round, lowers the limit."""
WORTH = 0.1
"""Share of a raise of the limit that must arrive as a raise of the rate."""
REST = 8
"""Rounds between two small raises."""


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
        """Up to here the limit doubles, from here on it grows by `_step`."""
        self._step = 1
        self._good: tuple[int, float] | None = None
        """The last limit that paid, and its rate in requests per second."""
        self._rest = 0
        self._doubted = False
        self._begin_round(0.0)

    def _begin_round(self, now: float) -> None:
        self._round_began = now
        self._latencies: list[float] = []
        self._troubles = 0
        self._full = bool(self._waiting)

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
        if began < self._round_began or self._paused_until:
            return
        self._latencies.append(now - began)
        if len(self._latencies) + self._troubles >= self.limit:
            self._end_round(now)

    def troubled(self, began: float, pause: float = 0.0, *, slow: bool = False) -> None:
        """Count a request that the server had no room for; `pause`: seconds it asks to be left alone."""
        if began < self._round_began or self._paused_until:
            return
        self._troubles += 1
        if self._troubles * TROUBLE < self.limit:
            return
        now = asyncio.get_running_loop().time()
        served = len(self._latencies) if slow else self.limit
        self._goal = max(1, min(self.limit, served) // 2)
        self._step = self._least
        self.limit = min(self._goal, FEW) if pause else self._goal
        self._good, self._rest, self._doubted = None, 0, False
        self._begin_round(now)
        if pause:
            self._pause(now + pause)

    @property
    def _least(self) -> int:
        return max(1, self.limit // 8)

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
        rate = self.limit / max(median_high(self._latencies), 1e-9) if self._latencies else 0.0
        full = self._full
        self._begin_round(now)
        if self._good is not None and self.limit > self._good[0]:
            if not self._pays(rate):
                self._doubt()
                return
            self._doubted = False
            if self.limit > self._goal:
                self._step = max(self._step // 2, self._least)
        self._good = (self.limit, rate)
        if self._rest:
            self._rest -= 1
        elif full and self.limit < self.most:
            step = min(self.limit, self._goal - self.limit) if self.limit < self._goal else self._step
            self.limit = min(self.limit + step, self.most)
            self._wake()

    def _pays(self, rate: float) -> bool:
        assert self._good is not None
        limit, before = self._good
        return rate >= before * (1 + WORTH * (self.limit / limit - 1))

    def _doubt(self) -> None:
        assert self._good is not None
        self._doubted = not self._doubted
        if self._doubted:
            return
        self._step = (self.limit - self._good[0]) // 2
        self.limit = self._goal = self._good[0]
        if self._step < self._least:
            self._step = self._least
            self._rest = REST
