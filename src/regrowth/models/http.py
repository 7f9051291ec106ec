"""Any model behind an OpenAI-compatible server: vLLM, llama.cpp, Ollama, a hosted service.

    HttpBackend("qwen2.5-7b", "http://localhost:8000/v1", HttpSettings(key_env="MY_KEY", price=(0.15, 0.60)))

Here, and nowhere else, calls are made again (`_caller`): after 408, 429, 5xx, time-outs, cut connections, broken and
misshapen replies, with growing random pauses, bounded in number and time, honouring Retry-After. Random pauses reach
no result. How many calls run at once is found out from the server (`_limits`).

Keys are named by environment variable, read when a call is made, and held by nothing that outlives the call. Whatever
a server says is cleaned of the key before it is told or stored.

Both `temperature` and `top_p` are always sent, because servers otherwise use those shipped with the weights; vLLM takes
`top_k` from there too: `extra={"top_k": -1}` samples the model as it is. A field that a server refuses and a request
can do without (`response_format`, `n`, `seed`, …) is left out from then on.
"""

import asyncio
from collections.abc import Sequence
from typing import Any, cast
from urllib.parse import urlsplit

from regrowth.core.errors import CallFailed, SettingsError
from regrowth.core.protocols import Answer, Completion, Cost, Sampling
from regrowth.core.record import Json, Message, Messages, digest
from regrowth.models._caller import Caller, HttpSettings
from regrowth.models._chat import Body, completions, kept, request, wrong

__all__ = ["HttpBackend", "HttpSettings"]

PLAIN = HttpSettings()


class HttpBackend:
    """Reach a model behind an OpenAI-compatible server."""

    def __init__(self, model: str, base: str, settings: HttpSettings = PLAIN) -> None:
        """Name the model as the server does, and the server's address up to and including `/v1`.

        Raises:
            SettingsError: the address is not a plain http address.
        """
        self.model = model
        self.base = _plain(base)
        self.settings = settings
        probe = {"model": model, "messages": [{"role": "user", "content": "Hi"}], "max_tokens": 1}
        self._caller = Caller(self.base, settings, probe, wrong)

    def __repr__(self) -> str:
        return f"HttpBackend({self.model!r}, {self.base!r})"

    def __reduce__(self) -> tuple[Any, ...]:
        return HttpBackend, (self.model, self.base, self.settings)

    @property
    def digest(self) -> str:
        """Return the hash of model name, address (or identity) and extra fields: a server tells no more."""
        return digest("http", self.model, self.settings.identity or self.base, dict(self.settings.extra))

    async def answer(self, messages: Messages, sampling: Sampling, seeds: Sequence[int]) -> Answer:
        """Draw one answer per seed, in one request where the server can, else in one request per seed.

        Raises:
            CallFailed: this call failed for good, after its attempts.
            ModelUnavailable: no call can succeed.
        """
        bodies: list[Body] = []
        missing = list(seeds)
        # Greedy answers are asked for one by one: some servers refuse `n` there.
        if len(missing) > 1 and sampling.temperature > 0 and "n" not in self._caller.left_out:
            bodies.append(await self._ask(messages, sampling, missing))
            missing = missing[len(bodies[0]["choices"]) :]
        bodies += await _all([self._ask(messages, sampling, [seed]) for seed in missing])
        return Answer(cast("Json", bodies), sum((self._cost(body) for body in bodies), Cost()))

    async def _ask(self, messages: Messages, sampling: Sampling, seeds: Sequence[int]) -> Body:
        left_out = self._caller.left_out
        fields = request(self.model, messages, sampling, seeds, refused=left_out, extra=self.settings.extra)
        body = kept(await self._caller.call(fields), len(seeds), messages)
        if sampling.logprobs and any(completion.logprobs is None for completion in completions([body])):
            raise CallFailed(f"{self.base} returns no log-probabilities for {self.model!r}, and they were asked for")
        return body

    def _cost(self, body: Body) -> Cost:
        prompt, completion = body["usage"]["prompt_tokens"], body["usage"]["completion_tokens"]
        for_prompt, for_completion = self.settings.price
        return Cost(1, prompt, completion, (prompt * for_prompt + completion * for_completion) / 1e6)

    def read(self, raw: Json) -> tuple[Completion, ...]:
        """Read the completions out of a raw answer, one per seed."""
        return completions(cast("list[Body]", raw))

    async def measure(self, messages: Messages, response: str) -> Answer:
        """Return the log-probability of each token of a given response, in nats, without a token that ends it.

        The conversation is sent twice: up to where the reply begins, to count its tokens, and with the reply as its
        unfinished last turn, to get the log-probabilities. vLLM knows how (`prompt_logprobs`).

        Raises:
            CallFailed: this server does not tell the log-probabilities of a given text.
        """
        greedy = request(self.model, messages, Sampling(max_tokens=1, temperature=0.0), [0], extra=self.settings.extra)
        turns = [*messages, Message("assistant", response)]
        whole = {
            **request(self.model, turns, Sampling(max_tokens=1, temperature=0.0), [0], extra=self.settings.extra),
            "prompt_logprobs": 0,
            "add_generation_prompt": False,
            "continue_final_message": True,
        }
        try:
            measured = await self._caller.call(whole)
        except CallFailed as error:
            raise CallFailed(f"{self._mute()} ({error})") from None
        tokens = measured.get("prompt_logprobs")
        if not isinstance(tokens, list):
            raise CallFailed(self._mute())
        bodies = [kept(await self._caller.call(greedy), 1, messages), kept(measured, 1, turns)]
        if bodies[0]["usage"].get("estimated"):
            raise CallFailed(f"{self.base} does not count tokens, so nobody knows where the reply begins")
        logprobs = _logprobs(tokens[bodies[0]["usage"]["prompt_tokens"] :])
        if not logprobs and response:
            raise CallFailed(f"{self.base}: the chat template of {self.model!r} hides where a reply begins")
        return Answer(logprobs, sum((self._cost(body) for body in bodies), Cost()))

    def _mute(self) -> str:
        return (
            f"{self.base} does not tell the log-probabilities of a given text (vLLM does, by prompt_logprobs). "
            "Use such a server, or the same weights in process: hf:…"
        )

    async def close(self) -> None:
        """Close the connections; a later call opens new ones."""
        await self._caller.close()


def _plain(base: str) -> str:
    try:
        url = urlsplit(base)
        host, _ = url.hostname, url.port  # a port that is no number shows only when it is read
    except ValueError:
        url, host = urlsplit(""), None
    if url.scheme not in ("http", "https") or not host:
        raise SettingsError("the address of a server must read http://host:port/v1 or https://host/v1")
    if url.username or url.password or url.query or url.fragment:
        raise SettingsError(
            f"the address of {host} holds more than scheme, host, port and path. Put a key into an environment "
            "variable and name that by key_env."
        )
    return base.rstrip("/")


def _logprobs(tokens: Sequence[Any]) -> list[float]:
    """Read vLLM's prompt_logprobs: per token a mapping of id to facts; the first is the token of the text itself."""
    return [float(next(iter(facts.values()))["logprob"]) for facts in tokens if facts]


async def _all(calls: Sequence[Any]) -> list[Body]:
    """Await calls together; if one fails the others are cancelled, and nothing is left running."""
    if len(calls) == 1:
        return [await calls[0]]
    tasks = [asyncio.ensure_future(call) for call in calls]
    try:
        return list(await asyncio.gather(*tasks))
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
