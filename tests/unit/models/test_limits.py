"""The limit of requests in flight, against servers that are formulas, in time that passes only when all wait."""

import asyncio
from collections.abc import Callable

from regrowth.models._limits import Limiter


class Timeless(asyncio.SelectorEventLoop):
    """Jump to the next timer when nothing else is left to do: the load of the machine shows in no latency."""

    now = 0.0

    def time(self) -> float:
        return self.now

    def _run_once(self) -> None:
        if not self._ready and self._scheduled:  # type: ignore[attr-defined]
            self.now = max(self.now, self._scheduled[0].when())  # type: ignore[attr-defined]
        super()._run_once()  # type: ignore[misc]


def settled(latency: Callable[[int], float], *, calls: int, most: int = 256) -> Limiter:
    """Return a limiter after so many calls to a server that takes `latency(requests in flight)` seconds."""

    async def run() -> Limiter:
        limiter = Limiter(most)
        loop = asyncio.get_running_loop()

        async def call() -> None:
            await limiter.enter()
            began = loop.time()
            try:
                await asyncio.sleep(latency(limiter.in_flight))
            finally:
                limiter.leave()
            limiter.replied(began)

        await asyncio.gather(*(call() for _ in range(calls)))
        return limiter

    with asyncio.Runner(loop_factory=Timeless) as runner:
        return runner.run(run())


def test_the_limit_grows_while_more_requests_are_served_in_the_same_time() -> None:
    assert settled(lambda _: 0.01, calls=1200).limit == 256


def test_the_limit_never_exceeds_its_setting() -> None:
    assert settled(lambda _: 0.002, calls=400, most=48).limit == 48


def test_the_limit_stays_where_more_requests_would_only_wait_longer() -> None:
    assert settled(lambda in_flight: 0.005 * max(1.0, in_flight / 32), calls=1500).limit < 100


def test_the_limit_does_not_grow_when_it_is_not_used() -> None:
    async def run() -> int:
        limiter = Limiter(256)
        for _ in range(100):
            await limiter.enter()
            began = asyncio.get_running_loop().time()
            limiter.leave()
            limiter.replied(began)
        return limiter.limit

    assert asyncio.run(run()) == 32


def troubled(*, good: int, bad: int, pause: float = 0.0, slow: bool = False) -> Limiter:
    async def run() -> Limiter:
        limiter = Limiter(256)
        now = asyncio.get_running_loop().time()
        for _ in range(good):
            limiter.replied(now)
        for _ in range(bad):
            limiter.troubled(now, pause, slow=slow)
        return limiter

    return asyncio.run(run())


def test_a_stray_refusal_changes_nothing() -> None:
    assert troubled(good=20, bad=3).limit == 32


def test_a_tenth_of_refusals_halves_the_limit_once_however_many_follow() -> None:
    assert troubled(good=5, bad=4).limit == 16
    assert troubled(good=5, bad=27).limit == 16


def test_after_a_pause_the_server_is_met_by_few() -> None:
    assert troubled(good=5, bad=4, pause=0.1).limit == 4


def test_what_still_arrives_during_a_pause_does_not_raise_the_limit() -> None:
    async def run() -> int:
        limiter = Limiter(256)
        now = asyncio.get_running_loop().time()
        for _ in range(4):
            limiter.troubled(now, 0.1)
        waiting = asyncio.ensure_future(limiter.enter())
        await asyncio.sleep(0)
        for _ in range(20):
            limiter.replied(asyncio.get_running_loop().time())
        waiting.cancel()
        return limiter.limit

    assert asyncio.run(run()) == 4


def test_time_outs_cut_the_limit_to_half_of_what_was_served_meanwhile() -> None:
    assert troubled(good=5, bad=4, slow=True).limit == 2
    assert troubled(good=0, bad=32, slow=True).limit == 1


def test_nobody_enters_during_a_pause_and_the_urgent_enter_first_after_it() -> None:
    async def run() -> list[str]:
        limiter, entered = Limiter(1), []
        limiter.troubled(asyncio.get_running_loop().time(), 0.03)

        async def enter(name: str, *, urgent: bool) -> None:
            await limiter.enter(urgent=urgent)
            entered.append(name)
            limiter.leave()

        tasks = [
            asyncio.ensure_future(enter("fresh", urgent=False)),
            asyncio.ensure_future(enter("again", urgent=True)),
        ]
        await asyncio.sleep(0.01)
        assert entered == []
        await asyncio.gather(*tasks)
        return entered

    assert asyncio.run(run()) == ["again", "fresh"]


def test_a_place_given_to_someone_who_gave_up_is_not_lost() -> None:
    async def run() -> int:
        limiter = Limiter(1)
        await limiter.enter()
        waiting = asyncio.ensure_future(limiter.enter())
        await asyncio.sleep(0)
        limiter.leave()  # the place is handed over …
        waiting.cancel()  # … and its taker gives up before it wakes
        await asyncio.gather(waiting, return_exceptions=True)
        await asyncio.wait_for(limiter.enter(), 1)
        return limiter.in_flight

    assert asyncio.run(run()) == 1
