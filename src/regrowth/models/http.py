"""Any model behind an OpenAI-compatible server: vLLM, llama.cpp, Ollama, a hosted service.

    HttpBackend("qwen2.5-7b", "http://localhost:8000/v1", HttpSettings(key_env="MY_KEY", price=(0.15, 0.60)))

Here, and nowhere else, calls are made again: after 408, 429, 5xx, time-outs, cut connections, broken and misshapen
replies, with growing random pauses, within bounds of number and time, honouring Retry-After. Random pauses reach no
result. How many calls run at once is found out from the server (`_limits`).

Keys are named by environment variable, read when a call is made, and held by nothing that outlives the call. Whatever
a server says is cleaned of the key before it is told or stored.

Two departures from a plain client. Both `temperature` and `top_p` are always sent, because servers otherwise use those
shipped with the weights; vLLM takes `top_k` from there too: `extra={"top_k": -1}` samples the model as it is. And a
field that a server refuses, and a request can do without, is left out from then on: `response_format`, `n`, `seed`, …
"""

import asyncio
import logging
import os
import random
from collections.abc import Mapping, Sequence
from typing import Any

import aiohttp
import orjson
from pydantic import Field, NonNegativeFloat, PositiveFloat, PositiveInt

from regrowth.core.errors import CallFailed, ModelUnavailable, SettingsError
from regrowth.core.protocols import Answer, Completion, Cost, Sampling
from regrowth.core.record import Json, Message, Messages, digest
from regrowth.core.settings import Frozen
from regrowth.models._chat import Body, completions, kept, optional, request, without, wrong
from regrowth.models._connection import Echoes, Reply, session
from regrowth.models._faults import Fault, SECRET, backoff, fault_of, message_of, redacted
from regrowth.models._limits import Limiter

__all__ = ["HttpBackend", "HttpSettings"]

log = logging.getLogger(__name__)

LARGEST = 64 * 2**20
"""Bytes of a reply; a longer one is refused."""


class HttpSettings(Frozen):
    """Say how a server is reached. Only `extra` and `identity` reach the digest."""

    key_env: str = ""
    """Name of the environment variable that holds the key; empty for servers that want none."""
    price: tuple[NonNegativeFloat, NonNegativeFloat] = (0.0, 0.0)
    """Money per million prompt tokens and per million completion tokens."""
    concurrency: PositiveInt = 256
    """Most requests in flight; how many there are is found out from the server."""
    timeout: PositiveFloat = 300.0
    """Seconds one attempt may take, to its last byte."""
    attempts: PositiveInt = 8
    """Attempts per call."""
    patience: PositiveFloat = 900.0
    """Seconds for all attempts of a call together."""
    backoff: NonNegativeFloat = 0.5
    """Seconds: bound of the first random pause; it doubles with each attempt, up to 30."""
    extra: Mapping[str, Any] = Field(default_factory=dict)
    """Further fields of every request, as the server names them."""
    identity: str = ""
    """What names the weights, in place of the address: with it a model may move to another port."""


class HttpBackend:
    """Reach a model behind an OpenAI-compatible server."""

    def __init__(self, model: str, base: str, settings: HttpSettings = HttpSettings()) -> None:
        """Name the model as the server does, and the address up to `/v1`.

        Raises:
            SettingsError: the address is no plain http address.
        """
        self.model = model
        self.base = _checked(base)
        self.settings = settings
        self._session: aiohttp.ClientSession | None = None
        self._limiter: Limiter | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._echoes = Echoes()
        self._refused: tuple[str, ...] = ()
        self._reached = False
        self._succeeded_at = float("-inf")
        self._gone: tuple[int, str] = (0, "")
        self._chance = random.Random()

    def __repr__(self) -> str:
        return f"HttpBackend({self.model!r}, {self.base!r})"

    def __reduce__(self) -> tuple[Any, ...]:
        return HttpBackend, (self.model, self.base, self.settings)

    @property
    def digest(self) -> str:
        """Return the hash of model name, address (or identity) and extra fields: a server tells no more."""
        return digest("http", self.model, self.settings.identity or self.base, dict(self.settings.extra))
