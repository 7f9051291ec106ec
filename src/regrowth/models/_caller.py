"""Calls over HTTP that end in a reply or in a reason: keys, attempts, pauses, and the verdict that a server is gone.

Each attempt ends in a body or in a `Fault`; no exception of the HTTP library leaves this module, and none is chained to
those that do, because they carry the headers of the request and with them the key.

A call that failed for good says either that this call is lost (`CallFailed`) or that all are (`ModelUnavailable`). If
any other call succeeded while it tried, the server lives. If none did, the server is asked something trivial, and its
answer decides.
"""

import asyncio
import logging
import os
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, NoReturn

import aiohttp
import orjson
from pydantic import Field, NonNegativeFloat, PositiveFloat, PositiveInt, field_validator

from regrowth.core.errors import CallFailed, ModelUnavailable
from regrowth.core.settings import Frozen
from regrowth.models._chat import Body, optional, without
from regrowth.models._connection import Echoes, Reply, session
from regrowth.models._faults import SECRET, Fault, backoff, fault_of, message_of, redacted
from regrowth.models._limits import Limiter

__all__ = ["Caller", "HttpSettings"]

log = logging.getLogger("regrowth.models.http")

LARGEST = 64 * 2**20
"""Bytes of a reply; a longer one is not read."""
PROBES = 3
PROBE_TIME = 60.0
"""Seconds to answer something trivial."""
JSON = {"Content-Type": "application/json"}


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
    attempts: PositiveInt = 6
    """Attempts per call."""
    patience: PositiveFloat = 900.0
    """Seconds for all attempts of a call together."""
    backoff: NonNegativeFloat = 0.5
    """Seconds: bound of the first random pause; it doubles with each attempt, up to 30."""
    extra: Mapping[str, Any] = Field(default_factory=dict)
    """Further fields of every request, as the server names them."""
    identity: str = ""
    """What names the weights, in place of the address: with it a model may move to another port."""

    @field_validator("price", mode="before")
    @classmethod
    def _price_in_words(cls, value: Any) -> Any:
        """Read `0.15,0.60`."""
        return value.split(",") if isinstance(value, str) else value

    @field_validator("extra", mode="before")
    @classmethod
    def _extra_in_words(cls, value: Any) -> Any:
        """Read JSON."""
        return orjson.loads(value) if isinstance(value, str) else value


@dataclass(slots=True)
class Call:
    """Follow one call through its attempts."""

    fields: Body
    epoch: int
    began: float = 0.0
    """Time of the loop's clock at which the first attempt left."""
    attempts: int = 0
    echo: int = 0
    """Hash of the last attempt's reply if that had come before. Coming again, it is what the server has to say."""
    complaint: str = ""
    """Why the server refused the request as it was first written."""
    left_out: tuple[str, ...] = ()


class Caller:
    """Post JSON to one server and hand back the JSON it replies. Serves one event loop at a time."""

    _session: aiohttp.ClientSession
    _limiter: Limiter
    _judging: asyncio.Lock
    """Held by the one call that asks whether the server lives."""

    def __init__(self, base: str, settings: HttpSettings, probe: Body, check: Callable[[Any], str]) -> None:
        """`probe` is a trivial request to the chat endpoint; `check` says what is wrong with the shape of a reply."""
        self.base = base
        self.settings = settings
        self.left_out: tuple[str, ...] = ()
        """Fields of a request that this server was found to refuse."""
        self._probe = probe
        self._check = check
        self._chat = f"{base}/chat/completions"
        self._echoes = Echoes()
        self._chance = random.Random()
        self._reached = False
        self._succeeded_at = float("-inf")
        self._epoch = 0
        self._why_gone = ""
        self._loop: asyncio.AbstractEventLoop | None = None

    def _open(self) -> None:
        loop = asyncio.get_running_loop()
        if loop is not self._loop:
            self._loop = loop
            self._limiter = Limiter(self.settings.concurrency)
            self._session = session(self.settings.timeout)
            self._judging = asyncio.Lock()

    async def close(self) -> None:
        """Close the connections; a later call opens new ones."""
        if self._loop is not None:
            self._loop = None
            await self._session.close()

    async def call(self, fields: Body) -> Body:
        """Return the server's reply to a request.

        Raises:
            CallFailed: this call failed for good; says why and after how many attempts.
            ModelUnavailable: no call can succeed.
        """
        self._open()
        call = Call(fields, self._epoch)
        while True:
            outcome = await self._attempt(call)
            if not isinstance(outcome, Fault):
                self._succeeded_at = asyncio.get_running_loop().time()
                if call.left_out:
                    self.left_out = tuple(dict.fromkeys(self.left_out + call.left_out))
                return outcome
            if outcome.kind == "refused" and (name := optional(call.fields, outcome.reason)):
                call.fields = without(call.fields, name)
                call.left_out += (name,)
                call.complaint = call.complaint or outcome.reason
                continue
            call.attempts += 1
            call.echo = outcome.echo
            await asyncio.sleep(await self._pause(call, outcome))
            if call.epoch != self._epoch:
                raise ModelUnavailable(self._why_gone)

    async def _attempt(self, call: Call) -> Body | Fault:
        try:
            payload = orjson.dumps(call.fields)
        except TypeError as error:
            raise CallFailed(f"the request cannot be written as JSON in UTF-8: {error}") from None
        limiter, clock = self._limiter, asyncio.get_running_loop().time
        await limiter.enter(urgent=call.attempts > 0)
        began = clock()
        call.began = call.began or began
        try:
            outcome = await self._exchange(payload, believed=call.echo)
            # Before the place is given back: who waits for it must find the lowered limit.
            if not isinstance(outcome, Fault):
                limiter.replied(began)
            elif outcome.kind in ("busy", "slow"):
                limiter.troubled(began, outcome.wait or 0.0, slow=outcome.kind == "slow")
        finally:
            limiter.leave()
        return outcome

    # One exchange -----------------------------------------------------------------------------------------------

    def _key(self) -> str:
        name = self.settings.key_env
        key = os.environ.get(name, "").strip() if name else ""
        if name and not key:
            raise ModelUnavailable(f"{self.base}: the environment variable {name} is not set. Put the key there.")
        if not (key.isascii() and key.isprintable()):
            raise ModelUnavailable(f"{self.base}: the environment variable {name} holds characters that no key has.")
        return key

    async def _exchange(self, payload: bytes, *, believed: int = 0) -> Body | Fault:
        key = self._key()
        headers = {**JSON, "Authorization": f"Bearer {key}"} if key else JSON
        try:
            async with self._session.post(self._chat, data=payload, headers=headers, allow_redirects=False) as reply:
                self._reached = True
                if (reply.content_length or 0) > LARGEST:
                    outcome: Body | Fault = Fault("refused", f"a reply of {reply.content_length} bytes")
                else:
                    outcome = self._understood(reply.status, reply.headers, await reply.read(), believed)
                if isinstance(outcome, Fault) and isinstance(reply, Reply):
                    reply.distrust()
        except (aiohttp.ClientError, OSError) as error:
            outcome = self._broken(error)
        return _without_key(outcome, key)

    def _broken(self, error: Exception) -> Fault:
        if isinstance(error, aiohttp.ClientConnectorError | aiohttp.ConnectionTimeoutError):
            cause = getattr(error, "os_error", None)
            return Fault("unreachable", getattr(cause, "strerror", None) or "no connection in time")
        if isinstance(error, TimeoutError):
            return Fault("slow", f"no reply within {self.settings.timeout:g} s")
        # The name of the class only: its text may hold headers.
        return Fault("broken", f"the connection was cut ({type(error).__name__})")

    def _understood(self, status: int, headers: Mapping[str, str], body: bytes, believed: int) -> Body | Fault:
        if status != 200:
            return fault_of(status, headers, body)
        try:
            found = _parsed(body)
        except orjson.JSONDecodeError as error:
            return Fault("broken", f"the reply is broken JSON ({error}; {len(body)} bytes)")
        if complaint := self._check(found):
            said = message_of(body) if isinstance(found, dict) and "error" in found else ""
            return Fault("broken", f"{complaint}: {said}" if said else complaint)
        if found.get("id") and (echo := self._echoes.heard(body)) and echo != believed:
            return Fault("echoed", "a reply that was delivered before", echo=echo)
        return dict(found)

    # Verdicts ---------------------------------------------------------------------------------------------------

    async def _pause(self, call: Call, fault: Fault) -> float:
        """Return the seconds before the next attempt, or raise what says that there is none."""
        if not fault.passing or (fault.kind == "unreachable" and not self._reached):
            await self._refuse(call, fault)
        pause = backoff(call.attempts, self.settings.backoff, self._chance)
        left = call.began + self.settings.patience - asyncio.get_running_loop().time()
        if fault.wait and fault.wait > left:
            self._give_up(f"{self.base} asks to wait {fault.wait:.0f} s ({fault.reason}). Run the command again then.")
        pause = 0.0 if fault.kind == "echoed" else pause + (fault.wait or 0.0)
        if call.attempts >= self.settings.attempts or pause > left:
            await self._lose(call, fault)
        log.debug("attempt %d in %.2f s: %s", call.attempts + 1, pause, fault.reason)
        return pause

    async def _refuse(self, call: Call, fault: Fault) -> NoReturn:
        reason, fresh = call.complaint or fault.reason, self._succeeded_at == float("-inf")
        if fault.kind == "unreachable":
            self._give_up(
                f"{self.base} cannot be reached ({reason}). Start the server or correct the address; "
                "the same command then goes on where it stopped."
            )
        if fault.kind == "denied" or (fault.kind == "forbidden" and fresh):
            name = self.settings.key_env
            held = f"the key in the environment variable {name}" if name else "a call without key (no key_env is set)"
            self._give_up(f"{self.base} refuses {held} ({reason}).")
        if fault.kind == "moved":
            self._give_up(f"{self.base} is no longer the address ({reason}). Name the new one.")
        if fault.kind == "absent" and fresh:
            self._give_up(f"{self.base} has no model {self._probe['model']!r} ({reason}). {await self._models()}")
        if fault.kind == "forbidden":
            await self._lose(call, fault)
        raise CallFailed(f"{self.base} refuses the request: {reason}")

    async def _lose(self, call: Call, fault: Fault) -> NoReturn:
        """Tell a lost call from a lost server."""
        clock = asyncio.get_running_loop().time
        text = f"no answer after {call.attempts} attempts in {clock() - call.began:.1f} s; the last: {fault.reason}"
        if fault.kind == "unreachable":
            self._give_up(f"{self.base}: {text}. The server is gone; run the command again when it is back.")
        async with self._judging:
            if call.epoch == self._epoch and self._succeeded_at < call.began and not await self._alive():
                self._give_up(f"{self.base}: {text}. It answered no other call either; run the command again later.")
        if call.epoch != self._epoch:
            raise ModelUnavailable(self._why_gone)
        raise CallFailed(text)

    def _give_up(self, why: str) -> NoReturn:
        """Declare the server gone, for all calls under way. A call made later tries afresh."""
        self._epoch += 1
        self._why_gone = why
        self._reached = False
        raise ModelUnavailable(why)

    async def _alive(self) -> bool:
        """Return whether the server answers something trivial, be it with a refusal."""
        for attempt in range(PROBES):
            await asyncio.sleep(backoff(attempt + 1, self.settings.backoff, self._chance) if attempt else 0.0)
            try:
                async with asyncio.timeout(PROBE_TIME):
                    outcome = await self._exchange(orjson.dumps(self._probe))
            except TimeoutError:
                continue
            if not isinstance(outcome, Fault) or outcome.kind in ("refused", "echoed"):
                self._succeeded_at = asyncio.get_running_loop().time()
                return True
        return False

    async def _models(self) -> str:
        """Say which models the server has, if it tells."""
        key = self._key()
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        names: list[str] = []
        try:
            async with self._session.get(f"{self.base}/models", headers=headers, allow_redirects=False) as reply:
                found = _parsed(await reply.read()) if reply.status == 200 else {}
                names = [redacted(str(model["id"]), key) for model in found["data"]]
        except (aiohttp.ClientError, OSError, ValueError, KeyError, TypeError):
            pass  # the question was a courtesy
        if names:
            return f"It has: {', '.join(names[:20])}{' …' if len(names) > 20 else ''}."
        return "Check the model's name, and whether the address should end in /v1."


def _parsed(body: bytes) -> Any:
    """Read JSON; bytes that are no UTF-8 (a character cut by the token limit) become U+FFFD."""
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        return orjson.loads(body.decode("utf-8", "replace"))


def _without_key(outcome: Body | Fault, key: str) -> Body | Fault:
    if isinstance(outcome, Fault):
        return replace(outcome, reason=redacted(outcome.reason, key))
    if len(key) >= SECRET:
        written, needle = orjson.dumps(outcome), orjson.dumps(key)[1:-1]
        if needle in written:
            cleaned: Body = orjson.loads(written.replace(needle, b"[key]"))
            return cleaned
    return outcome
