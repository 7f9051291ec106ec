"""The HTTP backend against a server that does whatever it is told to, on loopback."""

import asyncio
import gc
import io
import logging
import pickle
import socket
import time
from collections.abc import Awaitable, Callable, Iterator
from itertools import pairwise
from typing import Any, TypeVar

import orjson
import pytest

from regrowth.core.errors import CallFailed, ModelUnavailable, RegrowthError, SettingsError
from regrowth.core.protocols import Completion, Sampling
from regrowth.core.record import Message
from regrowth.models.http import HttpBackend, HttpSettings
from support.server import Behaviour, Fault, Server, reply_to, serving

T = TypeVar("T")
KEY = "sk-planted-0123456789-abcdefghij"
SAMPLING = Sampling()
FAULTS: tuple[Fault, ...] = (
    "408", "429", "429_wait", "429_date", "500", "502", "503", "504",
    "hang", "cut", "partial", "broken", "shape", "duplicate", "late_duplicate", "few",
)  # fmt: skip
QUICK: dict[str, Any] = {"backoff": 0.002, "timeout": 0.15, "patience": 5.0}


def against(behaviour: Behaviour, scenario: Callable[[HttpBackend, Server], Awaitable[T]], **settings: Any) -> T:
    """Run a scenario against a server that behaves so."""

    async def run() -> T:
        async with serving(behaviour) as server:
            backend = HttpBackend("mock", server.url, HttpSettings(**{**QUICK, **settings}))
            try:
                return await scenario(backend, server)
            finally:
                await backend.close()

    return asyncio.run(run())


async def texts(backend: HttpBackend, prompt: str, seeds: list[int], sampling: Sampling = SAMPLING) -> list[str]:
    answer = await backend.answer([Message("user", prompt)], sampling, seeds)
    return [completion.text for completion in backend.read(answer.raw)]


async def outcome(backend: HttpBackend, prompt: str, seed: int = 1) -> str | Exception:
    try:
        return (await texts(backend, prompt, [seed]))[0]
    except RegrowthError as error:
        return error


def failure(behaviour: Behaviour, **settings: Any) -> Exception:
    """Return the error that one call against such a server ends in."""

    async def ask(backend: HttpBackend, server: Server) -> str | Exception:
        return await outcome(backend, "Why?")

    found = against(behaviour, ask, **settings)
    assert isinstance(found, Exception)
    return found


# Requests and answers


def test_several_seeds_are_one_request_and_one_answer_each() -> None:
    async def ask(backend: HttpBackend, server: Server) -> tuple[list[str], Any]:
        return await texts(backend, "Why?", [7, 8, 9]), list(server.served.bodies)

    found, bodies = against(Behaviour(), ask)
    assert found == [reply_to("Why?", 7, place) for place in range(3)]
    assert [(body["n"], body["seed"]) for body in bodies] == [(3, 7)]


def test_a_server_that_ignores_n_is_asked_for_the_missing_ones_with_their_own_seeds() -> None:
    async def ask(backend: HttpBackend, server: Server) -> tuple[list[str], int]:
        return await texts(backend, "Why?", [7, 8, 9]), server.served.requests

    assert against(Behaviour(one_choice=True), ask) == ([reply_to("Why?", seed) for seed in (7, 8, 9)], 3)


def test_greedy_answers_are_asked_for_one_by_one() -> None:
    async def ask(backend: HttpBackend, server: Server) -> list[Any]:
        await texts(backend, "Why?", [1, 2], Sampling(temperature=0.0))
        return [body.get("n") for body in server.served.bodies]

    assert against(Behaviour(), ask) == [None, None]


def test_no_seeds_are_no_request() -> None:
    async def ask(backend: HttpBackend, server: Server) -> tuple[Any, int]:
        return (await backend.answer([Message("user", "Why?")], SAMPLING, [])).raw, server.served.requests

    assert against(Behaviour(), ask) == ([], 0)


def test_sampling_reaches_the_server_whole() -> None:
    sampling = Sampling(
        temperature=0.7, top_p=0.9, max_tokens=5, stop=("\n", "END"), logprobs=True, schema={"type": "object"}
    )

    async def ask(backend: HttpBackend, server: Server) -> Any:
        await texts(backend, "Why?", [2**62 + 5], sampling)
        return server.served.bodies[0]

    assert against(Behaviour(), ask, extra={"top_k": -1}) == {
        "model": "mock",
        "messages": [{"role": "user", "content": "Why?"}],
        "max_tokens": 5,
        "temperature": 0.7,
        "top_p": 0.9,
        "seed": 5,
        "stop": ["\n", "END"],
        "logprobs": True,
        "response_format": {
            "type": "json_schema",
            "json_schema": {"name": "answer", "strict": True, "schema": {"type": "object"}},
        },
        "top_k": -1,
    }


def test_the_raw_answer_keeps_what_a_better_reader_could_want() -> None:
    async def ask(backend: HttpBackend, server: Server) -> Any:
        return (await backend.answer([Message("user", "Why?")], SAMPLING, [1])).raw

    (body,) = against(Behaviour(), ask)
    assert set(body) == {"choices", "usage", "model"}
    assert body["choices"][0]["message"] == {"role": "assistant", "content": reply_to("Why?", 1)}


def test_usage_and_prices_make_the_cost() -> None:
    async def ask(backend: HttpBackend, server: Server) -> Any:
        return (await backend.answer([Message("user", "one two three")], SAMPLING, [1, 2])).cost

    cost = against(Behaviour(), ask, price=(1.0, 100.0))
    tokens = sum(len(reply_to("one two three", 1, place).split()) for place in (0, 1))
    assert (cost.calls, cost.prompt_tokens, cost.completion_tokens) == (1, 3, tokens)
    assert cost.money == pytest.approx((3 * 1.0 + tokens * 100.0) / 1e6)


def test_missing_usage_is_estimated_and_marked() -> None:
    async def ask(backend: HttpBackend, server: Server) -> Any:
        answer = await backend.answer([Message("user", "12345678")], SAMPLING, [1])
        return answer.cost.prompt_tokens, answer.raw[0]["usage"]["estimated"]  # type: ignore[index, call-overload]

    assert against(Behaviour(usage=False), ask) == (2, True)


def body(text: str | None = "7", finish: str | None = "stop", **more: Any) -> dict[str, Any]:
    return {"choices": [{"message": {"content": text}, "finish_reason": finish, **more}], "usage": {}}


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (body(), Completion("7")),
        (body(finish=None), Completion("7")),
        (body(finish="length"), Completion("7", "length")),
        (body(None, "content_filter"), Completion("", "refused")),
        (
            {"choices": [{"message": {"content": None, "refusal": "I cannot."}, "finish_reason": "stop"}]},
            Completion("I cannot.", "refused"),
        ),
        ({"choices": [{"message": {"content": [{"type": "text", "text": "7"}]}}]}, Completion("7")),
        (
            body(logprobs={"content": [{"token": "7", "logprob": -0.5}]}),
            Completion("7", "stop", (-0.5,), 1),
        ),
    ],
)
def test_replies_are_read_as_servers_write_them(raw: Any, expected: Completion) -> None:
    assert HttpBackend("m", "http://localhost/v1").read([raw]) == (expected,)


def test_tokens_of_several_choices_are_shared_by_length() -> None:
    choices = [{"message": {"content": "x" * length}} for length in (40, 120)]
    read = HttpBackend("m", "http://localhost/v1").read([{"choices": choices, "usage": {"completion_tokens": 20}}])
    assert [completion.tokens for completion in read] == [5, 15]


def test_log_probabilities_asked_for_and_not_given_are_a_failure() -> None:
    async def ask(backend: HttpBackend, server: Server) -> Any:
        answer = await backend.answer([Message("user", "Why?")], Sampling(logprobs=True), [1])
        return backend.read(answer.raw)[0].logprobs

    assert against(Behaviour(), ask) == tuple(-len(word) / 4 for word in reply_to("Why?", 1).split())
    with pytest.raises(CallFailed, match="returns no log-probabilities"):
        against(Behaviour(), ask, extra={"logprobs": False})


def test_bytes_that_are_no_text_do_not_lose_the_answer() -> None:
    broken = b'{"choices": [{"message": {"content": "caf\xc3"}}]}'

    async def run() -> list[str]:
        async with raw_server(broken) as url:
            backend = HttpBackend("m", url, HttpSettings(**QUICK))
            try:
                return await texts(backend, "?", [1])
            finally:
                await backend.close()

    assert asyncio.run(run()) == ["caf\ufffd"]


# Fields that a server refuses


@pytest.mark.parametrize("silent", [False, True])
def test_a_refused_response_format_is_left_out_from_then_on(silent: bool) -> None:
    async def ask(backend: HttpBackend, server: Server) -> list[bool]:
        for prompt in ("one", "two"):
            await texts(backend, prompt, [1], Sampling(schema={"type": "object"}))
        return ["response_format" in sent for sent in server.served.bodies]

    assert against(Behaviour(refuses=("response_format",), silent=silent), ask) == [True, False, False]


def test_a_refused_n_and_seed_are_left_out_from_then_on() -> None:
    async def ask(backend: HttpBackend, server: Server) -> list[list[str]]:
        assert len(set(await texts(backend, "one", [1, 2]))) == 1  # without seeds this server knows but one reply
        await texts(backend, "two", [1, 2])
        return [[name for name in ("n", "seed") if name in sent] for sent in server.served.bodies]

    sent = against(Behaviour(refuses=("n", "seed")), ask)
    assert sent == [["n", "seed"], ["seed"], [], [], [], []]


def test_a_refused_request_that_cannot_be_mended_fails_with_the_first_complaint() -> None:
    found = failure(Behaviour(status=400, text="This model's context length is 9 tokens."))
    assert isinstance(found, CallFailed)
    assert "This model's context length is 9 tokens." in str(found)


# Log-probabilities of a given response


def test_a_given_response_is_measured_where_the_server_tells() -> None:
    async def ask(backend: HttpBackend, server: Server) -> Any:
        return (await backend.measure([Message("user", "one two three")], "four five")).raw

    assert against(Behaviour(prompt_logprobs=True), ask) == [-3 / 8, -4 / 8]


def test_a_server_that_does_not_tell_says_so() -> None:
    async def ask(backend: HttpBackend, server: Server) -> Any:
        with pytest.raises(CallFailed, match="does not tell the log-probabilities"):
            await backend.measure([Message("user", "one")], "two")

    against(Behaviour(), ask)


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


def test_a_wait_beyond_patience_stops_the_run_and_names_the_wait() -> None:
    found = failure(Behaviour(faults={"429_wait": 1.0}, retry_after=3600))
    assert isinstance(found, ModelUnavailable)
    assert "asks to wait 3600 s" in str(found)


# Servers that no call can reach


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


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
    monkeypatch.setenv("PLANTED_KEY", KEY)
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


# The key


def traces(error: BaseException | None) -> Iterator[str]:
    """Yield all that an exception and those behind it could tell."""
    while error is not None:
        yield from (str(error), repr(error), repr(error.args), repr(vars(error)))
        error = error.__cause__ or error.__context__


@pytest.fixture
def logged() -> Iterator[io.StringIO]:
    """Capture the log of everything, at DEBUG."""
    stream = io.StringIO()
    handler, root = logging.StreamHandler(stream), logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    yield stream
    root.removeHandler(handler)
    root.setLevel(level)


ECHO = "you sent {headers} and that is wrong"


@pytest.mark.parametrize(
    "behaviour",
    [
        *(Behaviour(status=status, text=ECHO) for status in (400, 401, 403, 404, 422, 429, 500, 503)),
        Behaviour(status=307, location=f"http://127.0.0.1:9/?{KEY}", text=ECHO),
        Behaviour(status=401, text=f"Incorrect API key provided: {KEY[:8]}********{KEY[-4:]}."),
        *(Behaviour(faults={fault: 1.0}) for fault in ("hang", "cut", "partial", "broken", "shape")),
    ],
    ids=lambda behaviour: str(behaviour.status) if behaviour.status != 200 else next(iter(behaviour.faults)),
)
def test_a_planted_key_is_told_to_nobody_but_the_server(
    behaviour: Behaviour, monkeypatch: pytest.MonkeyPatch, logged: io.StringIO
) -> None:
    monkeypatch.setenv("PLANTED_KEY", KEY)

    async def ask(backend: HttpBackend, server: Server) -> list[str]:
        error = await outcome(backend, "Why?")
        assert isinstance(error, RegrowthError)
        assert any(KEY in head for head in server.served.headers)
        held = [
            repr(backend),
            repr(vars(backend)),
            repr(vars(backend._caller)),
            pickle.dumps(backend).decode("latin-1"),
        ]
        return [*traces(error), *held]

    told = against(behaviour, ask, key_env="PLANTED_KEY", attempts=2, timeout=0.05)
    for text in (*told, logged.getvalue()):
        assert KEY not in text
        assert KEY[:8] not in text
        assert KEY[-4:] not in text


def test_a_planted_key_is_in_no_raw_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLANTED_KEY", KEY)

    async def ask(backend: HttpBackend, server: Server) -> bytes:
        return orjson.dumps((await backend.answer([Message("user", "Why?")], SAMPLING, [1])).raw)

    raw = against(Behaviour(said={"Why?": f"Your key is {KEY}."}, key=KEY), ask, key_env="PLANTED_KEY")
    assert KEY.encode() not in raw
    assert b"Your key is [key]." in raw


def test_a_placeholder_of_a_key_does_not_change_honest_text(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLANTED_KEY", "EMPTY")

    async def ask(backend: HttpBackend, server: Server) -> list[str]:
        return await texts(backend, "Why?", [1])

    assert against(Behaviour(said={"Why?": "EMPTY set"}), ask, key_env="PLANTED_KEY") == ["EMPTY set"]


def test_a_key_with_a_line_break_inside_is_refused_without_telling_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLANTED_KEY", f"{KEY}\r\nX-Evil: 1")
    found = failure(Behaviour(), key_env="PLANTED_KEY")
    assert isinstance(found, ModelUnavailable)
    assert KEY not in "".join(traces(found))


def test_redirects_are_not_followed_with_the_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLANTED_KEY", KEY)

    async def run() -> tuple[str | Exception, int]:
        async with serving() as other, serving(Behaviour(status=307, location=other.url)) as server:
            backend = HttpBackend("mock", server.url, HttpSettings(key_env="PLANTED_KEY", **QUICK))
            found = await outcome(backend, "Why?")
            await backend.close()
            return found, other.served.requests

    found, elsewhere = asyncio.run(run())
    assert isinstance(found, ModelUnavailable)
    assert "moved to http://127.0.0.1" in str(found)
    assert elsewhere == 0


# The object


@pytest.mark.parametrize(
    "address",
    ["localhost:8000", "ftp://x/v1", "http://", "http://h:port/v1", f"http://u:{KEY}@h/v1", f"http://h/?k={KEY}"],
)
def test_an_address_that_is_not_plain_is_refused(address: str) -> None:
    with pytest.raises(SettingsError) as caught:
        HttpBackend("m", address)
    assert KEY not in str(caught.value)


def test_the_digest_names_model_address_and_extra_fields_and_nothing_else() -> None:
    def named(base: str = "http://h/v1", **settings: Any) -> str:
        return HttpBackend("m", base, HttpSettings(**settings)).digest

    assert named() == named(base="http://h/v1/") == named(concurrency=3, price=(1, 2), key_env="X", timeout=9)
    assert len({named(), named("http://h2/v1"), named(extra={"top_k": -1}), named(identity="a")}) == 4
    assert named("http://h/v1", identity="a") == named("http://h2/v1", identity="a")


def test_a_backend_can_be_pickled() -> None:
    backend = HttpBackend("m", "http://h/v1", HttpSettings(concurrency=3))
    copy = pickle.loads(pickle.dumps(backend))
    assert (copy.digest, copy.settings) == (backend.digest, backend.settings)


def test_a_closed_backend_leaves_nothing_open_and_can_be_used_again() -> None:
    async def ask(backend: HttpBackend, server: Server) -> None:
        for _ in range(2):
            await texts(backend, "Why?", [1])
            await backend.close()
            await backend.close()

    against(Behaviour(), ask)
    gc.collect()  # a connection left open would warn, and warnings are errors


def test_a_backend_serves_one_event_loop_after_the_other() -> None:
    port = free_port()
    backend = HttpBackend("mock", f"http://127.0.0.1:{port}/v1", HttpSettings(**QUICK))

    async def run() -> list[str]:
        server = Server(Behaviour())
        await server.start(port)
        try:
            return await texts(backend, "Why?", [1])
        finally:
            await backend.close()
            await server.stop()

    assert asyncio.run(run()) == asyncio.run(run()) == [reply_to("Why?", 1)]


def test_a_cancelled_call_gives_its_place_back() -> None:
    async def ask(backend: HttpBackend, server: Server) -> list[str]:
        hanging = [asyncio.ensure_future(outcome(backend, f"prompt {number}")) for number in range(6)]
        await asyncio.sleep(0.02)
        for task in hanging:
            task.cancel()
        await asyncio.gather(*hanging, return_exceptions=True)
        return await texts(backend, "after", [1])

    assert against(Behaviour(latency=0.1), ask, concurrency=2) == [reply_to("after", 1)]


def test_text_that_cannot_be_sent_is_a_lost_call_with_a_reason() -> None:
    async def ask(backend: HttpBackend, server: Server) -> str | Exception:
        return await outcome(backend, "half a character: \ud83d")

    found = against(Behaviour(), ask)
    assert isinstance(found, CallFailed)
    assert "UTF-8" in str(found)


class raw_server:  # noqa: N801 - used as a function
    """Reply to every request with these bytes as its body."""

    def __init__(self, content: bytes) -> None:
        self.content = content

    async def __aenter__(self) -> str:
        async def reply(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % len(self.content))
            writer.write(self.content)
            await writer.drain()
            writer.close()

        self.server = await asyncio.start_server(reply, "127.0.0.1", 0)
        return f"http://127.0.0.1:{self.server.sockets[0].getsockname()[1]}/v1"

    async def __aexit__(self, *_: object) -> None:
        self.server.close()
        await self.server.wait_closed()
