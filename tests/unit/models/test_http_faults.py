"""The HTTP backend against a server that fails in every way it is told to, on loopback."""

import asyncio
import time
from itertools import pairwise
from typing import Any

import orjson
import pytest

from regrowth.core.errors import CallFailed, ModelUnavailable
from regrowth.models.http import HttpBackend, HttpSettings
from support.calls import QUICK, against, failure, free_port, outcome, replying, texts
from support.server import Behaviour, Fault, Server, reply_to

FAULTS: tuple[Fault, ...] = (
    "408", "429", "429_wait", "429_date", "500", "502", "503", "504",
    "hang", "cut", "partial", "broken", "shape", "duplicate", "late_duplicate", "few",
)  # fmt: skip


# Faults


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_outlived(fault: Fault) -> None:
    async def ask(backend: HttpBackend, server: Server) -> tuple[list[str | Exception], int]:
        found = await asyncio.gather(*(outcome(backend, f"prompt {number}") for number in range(8)))
        return found, server.served.faults[fault]

    behaviour = Behaviour(faults={fault: 0.5}, retry_after=0.01)
    found, struck = against(behaviour, ask, attempts=20, timeout=0.05)
    assert struck > 0
    assert found == [reply_to(f"prompt {number}", 1) for number in range(8)]


def test_a_fifth_of_faults_of_all_kinds_loses_no_call_and_mixes_up_none() -> None:
    count = 400

    async def ask(backend: HttpBackend, server: Server) -> tuple[list[str | Exception], Any]:
        found = await asyncio.gather(*(outcome(backend, f"prompt {number}", number) for number in range(count)))
        return found, server.served

    behaviour = Behaviour(faults=dict.fromkeys(FAULTS, 0.2 / len(FAULTS)), latency=0.003, retry_after=0.02)
    found, served = against(behaviour, ask, attempts=4)
    answered = [number for number, reply in enumerate(found) if reply == reply_to(f"prompt {number}", number)]
    lost = [reply for reply in found if isinstance(reply, CallFailed)]
    assert len(answered) + len(lost) == count
    assert all("no answer after 4 attempts" in str(error) for error in lost)
    assert len(lost) < count / 50
    assert set(served.faults) == set(FAULTS)


def test_late_duplicates_never_answer_another_request() -> None:
    async def ask(backend: HttpBackend, server: Server) -> list[str | Exception]:
        found = []
        for start in range(0, 200, 4):
            numbers = range(start, start + 4)
            found += await asyncio.gather(*(outcome(backend, f"prompt {number}", number) for number in numbers))
        return found

    faults: dict[Fault, float] = {"duplicate": 0.2, "late_duplicate": 0.3}
    found = against(Behaviour(faults=faults, latency=0.001), ask, attempts=12)
    assert found == [reply_to(f"prompt {number}", number) for number in range(200)]


def said(text: str, name: str = "") -> bytes:
    return orjson.dumps({"id": name, "choices": [{"message": {"content": text}}]})


def test_bytes_that_wait_on_an_idle_connection_answer_nothing() -> None:
    async def run() -> list[str]:
        async with replying(said("right"), unasked=said("wrong")) as url:
            backend = HttpBackend("m", url, HttpSettings(**QUICK))
            found = []
            for number in range(3):
                found += await texts(backend, f"prompt {number}", [1])
                await asyncio.sleep(0.02)
            await backend.close()
            return found

    assert asyncio.run(run()) == ["right"] * 3


def test_a_server_that_always_says_the_same_under_the_same_name_is_believed_when_asked_again() -> None:
    async def run() -> list[str]:
        async with replying(said("same", "constant")) as url:
            backend = HttpBackend("m", url, HttpSettings(**QUICK))
            found = [*await texts(backend, "one", [1]), *await texts(backend, "two", [1])]
            await backend.close()
            return found

    assert asyncio.run(run()) == ["same", "same"]


def test_calls_made_again_go_before_those_not_yet_made() -> None:
    behaviour = Behaviour(faults={"500": 0.3}, latency=0.02)
    draws = Server(behaviour)
    luck = {prompt: [draws._fault(prompt, 1) for _ in range(2)] for prompt in map(str, range(100))}
    fails = next(prompt for prompt, drawn in luck.items() if drawn == ["500", None])
    fine = [prompt for prompt, drawn in luck.items() if drawn == [None, None]][:3]

    async def ask(backend: HttpBackend, server: Server) -> list[str]:
        await asyncio.gather(*(texts(backend, prompt, [1]) for prompt in (fails, *fine)))
        return [sent["messages"][0]["content"] for sent in server.served.bodies]

    assert against(behaviour, ask, concurrency=1) == [fails, fine[0], fails, *fine[1:]]


def test_prompts_that_fail_for_ever_fail_alone_and_with_a_reason() -> None:
    async def ask(backend: HttpBackend, server: Server) -> tuple[list[str | Exception], int]:
        found = await asyncio.gather(*(outcome(backend, f"prompt {number}") for number in range(100)))
        return found, server.served.faults["500"]

    found, struck = against(Behaviour(faults={"500": 0.05}, per="prompt"), ask, attempts=3)
    lost = [reply for reply in found if isinstance(reply, CallFailed)]
    assert 0 < len(lost) < 15
    assert struck == 3 * len(lost)
    assert all(str(error).endswith("the last: HTTP 500: injected") for error in lost)
    assert sum(reply == reply_to(f"prompt {number}", 1) for number, reply in enumerate(found)) == 100 - len(lost)


def test_a_hung_server_is_retried_and_then_reported() -> None:
    found = failure(Behaviour(faults={"hang": 1.0}), attempts=2, timeout=0.03)
    assert isinstance(found, ModelUnavailable)
    assert "no answer after 2 attempts" in str(found)
    assert "no reply within 0.03 s" in str(found)


def test_a_slow_server_with_one_place_is_not_drowned() -> None:
    async def ask(backend: HttpBackend, server: Server) -> tuple[list[str | Exception], int]:
        found = await asyncio.gather(*(outcome(backend, f"prompt {number}") for number in range(40)))
        return found, server.served.requests

    # All at once would take 40 × 20 ms, and nobody waits longer than 400 ms.
    found, requests = against(Behaviour(capacity=1, latency=0.02), ask, timeout=0.4, attempts=4, patience=60.0)
    assert found == [reply_to(f"prompt {number}", 1) for number in range(40)]
    assert requests < 100


def test_a_server_that_fails_everything_is_called_gone_not_the_call_lost() -> None:
    async def ask(backend: HttpBackend, server: Server) -> list[str | Exception]:
        assert not isinstance(await outcome(backend, "before"), Exception)
        server.behaviour = Behaviour(status=502, text="bad gateway")
        return await asyncio.gather(*(outcome(backend, f"prompt {number}") for number in range(20)))

    found = against(Behaviour(), ask, attempts=3)
    assert {type(error) for error in found} == {ModelUnavailable}
    assert "HTTP 502: bad gateway" in str(found[0])


def test_a_single_call_that_fails_on_a_living_server_is_a_lost_call() -> None:
    assert isinstance(failure(Behaviour(statuses={"Why?": 500}), attempts=2), CallFailed)


def test_a_server_that_dies_stops_the_run_and_a_server_that_returns_is_used_again() -> None:
    async def ask(backend: HttpBackend, server: Server) -> tuple[Any, Any, Any]:
        before = await outcome(backend, "before")
        port = int(server.url.split(":")[2].split("/")[0])
        await server.stop()
        during = await outcome(backend, "during")
        await server.start(port)
        return before, during, await outcome(backend, "after")

    before, during, after = against(Behaviour(), ask, attempts=3)
    assert isinstance(during, ModelUnavailable)
    assert "no answer after 3 attempts" in str(during)
    assert (before, after) == (reply_to("before", 1), reply_to("after", 1))


def test_the_time_for_all_attempts_is_bounded() -> None:
    start = time.monotonic()
    found = failure(Behaviour(status=500, text="no"), attempts=1000, patience=0.2, backoff=0.05)
    assert isinstance(found, ModelUnavailable)
    assert time.monotonic() - start < 2


# Waiting as the server asks


def test_retry_after_is_waited_for_by_everybody_and_the_server_is_then_met_by_few() -> None:
    async def ask(backend: HttpBackend, server: Server) -> list[float]:
        await asyncio.gather(*(texts(backend, f"prompt {number}", [1]) for number in range(40)))
        return list(server.served.arrivals)

    behaviour = Behaviour(bearable=8, latency=0.02, retry_after=0.3)
    arrivals = against(behaviour, ask, attempts=20)
    waves = [later - earlier for earlier, later in pairwise(arrivals)]
    pause = max(range(len(waves)), key=waves.__getitem__)
    assert waves[pause] > 0.2
    returned = arrivals[pause + 1]
    assert sum(returned <= arrival < returned + 0.015 for arrival in arrivals) <= 4


def test_a_single_call_waits_as_long_as_it_was_told() -> None:
    async def ask(backend: HttpBackend, server: Server) -> int:
        for number in range(8):
            await texts(backend, f"prompt {number}", [1])
        return server.served.faults["429_wait"]

    start = time.monotonic()
    struck = against(Behaviour(faults={"429_wait": 0.5}, retry_after=0.04), ask)
    assert struck > 2
    assert time.monotonic() - start >= 0.04 * struck


def test_a_wait_beyond_patience_stops_the_run_and_names_the_wait() -> None:
    found = failure(Behaviour(faults={"429_wait": 1.0}, retry_after=3600))
    assert isinstance(found, ModelUnavailable)
    assert "asks to wait 3600 s" in str(found)


# Servers that no call can reach


@pytest.mark.parametrize("host", [f"127.0.0.1:{free_port()}", "no-such-host.invalid"])
def test_a_server_that_is_not_there_is_named_at_once(host: str) -> None:
    async def run() -> str | Exception:
        backend = HttpBackend("m", f"http://{host}/v1", HttpSettings(**QUICK))
        try:
            return await outcome(backend, "Why?")
        finally:
            await backend.close()

    start = time.monotonic()
    found = asyncio.run(run())
    assert isinstance(found, ModelUnavailable)
    assert f"http://{host}/v1 cannot be reached" in str(found)
    assert "Start the server or correct the address" in str(found)
    assert time.monotonic() - start < 2


def test_an_unknown_model_lists_those_there_are() -> None:
    found = failure(Behaviour(models=("llama-3", "qwen-2")))
    assert isinstance(found, ModelUnavailable)
    assert "has no model 'mock'" in str(found)
    assert "It has: llama-3, qwen-2." in str(found)


def test_a_404_in_the_midst_of_a_run_is_a_lost_call() -> None:
    async def ask(backend: HttpBackend, server: Server) -> str | Exception:
        await texts(backend, "before", [1])
        server.behaviour = Behaviour(status=404, text="gone")
        return await outcome(backend, "Why?")

    assert isinstance(against(Behaviour(), ask), CallFailed)


@pytest.mark.parametrize("status", [401, 403, 402])
def test_a_wrong_key_names_the_variable_it_came_from(status: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLANTED_KEY", "sk-some-key")
    found = failure(Behaviour(status=status, text="Incorrect API key"), key_env="PLANTED_KEY")
    assert isinstance(found, ModelUnavailable)
    assert "environment variable PLANTED_KEY" in str(found)
    assert "Incorrect API key" in str(found)


def test_a_403_for_one_prompt_of_many_is_a_lost_call() -> None:
    async def ask(backend: HttpBackend, server: Server) -> str | Exception:
        await texts(backend, "before", [1])
        return await outcome(backend, "Why?")

    found = against(Behaviour(statuses={"Why?": 403}, text="flagged"), ask)
    assert isinstance(found, CallFailed)
    assert "flagged" in str(found)


def test_an_exhausted_quota_is_not_waited_for() -> None:
    found = failure(Behaviour(status=429, text="You exceeded your quota: insufficient_quota"))
    assert isinstance(found, ModelUnavailable)


def test_a_missing_key_names_the_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ABSENT_KEY", raising=False)
    assert "environment variable ABSENT_KEY is not set" in str(failure(Behaviour(), key_env="ABSENT_KEY"))
