"""What the HTTP backend sends, and how it reads what comes back, on loopback."""

import asyncio
import gc
import pickle
from typing import Any

import orjson
import pytest

from regrowth.core.errors import CallFailed, SettingsError
from regrowth.core.protocols import Completion, Sampling
from regrowth.core.record import Message
from regrowth.models.http import HttpBackend, HttpSettings
from support.calls import QUICK, SAMPLING, against, failure, free_port, outcome, replying, texts
from support.server import Behaviour, Server, reply_to

KEY = "sk-planted-0123456789-abcdefghij"


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
        async with replying(broken) as url:
            backend = HttpBackend("m", url, HttpSettings(**QUICK))
            try:
                return await texts(backend, "?", [1])
            finally:
                await backend.close()

    assert asyncio.run(run()) == ["caf\ufffd"]


def test_more_choices_than_asked_are_cut_and_repeated_ones_counted_once() -> None:
    numbered = [
        {"index": index, "message": {"content": text}} for index, text in ((1, "b"), (0, "a"), (1, "b"), (2, "c"))
    ]
    content = orjson.dumps({"choices": numbered})

    async def run() -> list[str]:
        async with replying(content) as url:
            backend = HttpBackend("m", url, HttpSettings(**QUICK))
            try:
                return await texts(backend, "?", [1, 2])
            finally:
                await backend.close()

    assert asyncio.run(run()) == ["a", "b"]


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


@pytest.mark.parametrize("behaviour", [Behaviour(), Behaviour(refuses=("prompt_logprobs",))])
def test_a_server_that_does_not_tell_says_so(behaviour: Behaviour) -> None:
    async def ask(backend: HttpBackend, server: Server) -> Any:
        with pytest.raises(CallFailed, match="does not tell the log-probabilities"):
            await backend.measure([Message("user", "one")], "two")

    against(behaviour, ask)


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
