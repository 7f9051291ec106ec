"""An OpenAI-compatible server that fails on command, for tests and measurements. Loopback only.

A reply is a function of prompt, seed and place among the choices (`reply_to`), so a lost, repeated or mixed-up answer
shows. What was served is counted (`Served`). Faults strike with given shares, drawn from a hash of prompt, seed and
attempt: the same on every run.

    async with serving(Behaviour(faults={"500": 0.1, "cut": 0.05})) as server:
        backend = HttpBackend("mock", server.url)

`python -m support.server --port 0 --latency 0.05` runs it alone and prints its address.
"""

import argparse
import asyncio
import hashlib
import socket
import time
from collections import Counter, deque
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email.utils import formatdate
from typing import Any, Literal, NamedTuple, cast, get_args

import orjson
import uvloop

__all__ = ["Behaviour", "Fault", "Served", "Server", "reply_to", "serving"]

Fault = Literal[
    "408", "429", "429_wait", "429_date", "500", "502", "503", "504",
    "hang", "cut", "partial", "broken", "shape", "duplicate", "late_duplicate", "few",
]  # fmt: skip
"""`429_wait` and `429_date` carry Retry-After; `hang` never replies; `cut` closes before a byte, `partial` in the
middle of the body; `broken` is no JSON, `shape` is JSON without choices; `duplicate` sends the reply twice,
`late_duplicate` the second time a little later; `few` returns one choice however many were asked."""
WORDS = ("root", "stem", "leaf", "seed", "bud", "branch", "bark", "grove", "soil", "rain", "light", "ring", "sap")

KEPT = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Behaviour:
    """Say how the server behaves."""

    latency: float = 0.0
    """Seconds between a request's turn and its reply."""
    capacity: int = 1_000_000
    """Requests served at once; the others wait for their turn."""
    bearable: int = 1_000_000
    """Requests in flight above which further ones get a 429."""
    faults: Mapping[Fault, float] = field(default_factory=dict)
    """Share of requests that end in each fault; together at most 1."""
    per: Literal["attempt", "prompt"] = "attempt"
    """`attempt`: each attempt draws anew. `prompt`: a prompt that fails once fails for ever."""
    retry_after: float = 1.0
    """Seconds named by Retry-After."""
    status: int = 200
    """Any other: every request ends in it."""
    statuses: Mapping[str, int] = field(default_factory=dict)
    """The same for single prompts."""
    text: str = "it is so"
    """What the server says in its errors; `{headers}` is replaced by the headers of the request."""
    key: str = ""
    """If given, requests without it get a 401."""
    one_choice: bool = False
    """Whether `n` is ignored, as llama.cpp does."""
    refuses: tuple[str, ...] = ()
    """Fields that are refused with a 400 that names them."""
    silent: bool = False
    """Whether such a refusal names no field."""
    usage: bool = True
    prompt_logprobs: bool = False
    """Whether log-probabilities of a given text are told, as vLLM does."""
    models: tuple[str, ...] = ("mock",)
    headers: str = ""
    """Further header lines of its errors, each with its line end."""
    said: Mapping[str, str] = field(default_factory=dict)
    """Fixed replies by prompt."""

    def __post_init__(self) -> None:
        if set(self.faults) - set(get_args(Fault)) or sum(self.faults.values()) > 1:
            raise ValueError(f"faults {dict(self.faults)}: expected shares of {get_args(Fault)}, at most 1 together")


@dataclass(slots=True)
class Served:
    """Count what was served."""

    requests: int = 0
    answered: Counter[str] = field(default_factory=Counter)
    """Choices delivered without a fault, by prompt."""
    faults: Counter[str] = field(default_factory=Counter)
    in_flight: int = 0
    peak: int = 0
    arrivals: deque[float] = field(default_factory=lambda: deque(maxlen=KEPT))
    """Times of arrival of the last requests, seconds of a monotonic clock."""
    bodies: deque[Any] = field(default_factory=lambda: deque(maxlen=KEPT))
    headers: deque[str] = field(default_factory=lambda: deque(maxlen=KEPT))


def reply_to(prompt: str, seed: int = 0, place: int = 0) -> str:
    """Return the reply to a prompt."""
    number = _hash(f"{prompt}|{seed}|{place}")
    if prompt.startswith("JUDGE"):
        return f"Rating: {number % 5 + 1}"
    return " ".join(WORDS[(number >> shift) % len(WORDS)] for shift in range(0, 48, 4)) + f" [{prompt[:40]}]"


def _hash(text: str) -> int:
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big")


class Request(NamedTuple):
    """One parsed request."""

    path: str
    head: str
    body: bytes


class Server:
    """Serve on loopback."""

    def __init__(self, behaviour: Behaviour) -> None:
        self.behaviour = behaviour
        self.served = Served()
        self.url = ""
        self._attempts: Counter[str] = Counter()
        self._waiting: deque[tuple[Connection, Request]] = deque()
        self._active = 0
        self._open: set[Connection] = set()
        self._server: asyncio.Server | None = None

    async def start(self, port: int = 0) -> None:
        """Listen."""
        self._server = await asyncio.get_running_loop().create_server(
            lambda: Connection(self), "127.0.0.1", port, backlog=4096
        )
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}/v1"

    async def stop(self) -> None:
        """Stop listening and cut every connection."""
        if self._server is not None:
            self._server.close()
            self._server = None
            for connection in list(self._open):
                connection.abort()
            await asyncio.sleep(0)

    def opened(self, connection: "Connection") -> None:
        """Keep a connection in mind."""
        self._open.add(connection)

    def closed(self, connection: "Connection") -> None:
        """Forget a connection."""
        self._open.discard(connection)

    def arrived(self, connection: "Connection", request: Request) -> None:
        """Take a request in."""
        if request.path.endswith("/models"):
            connection.reply(200, {"data": [{"id": name} for name in self.behaviour.models]})
            return
        if request.path == "/stats":
            served = self.served
            connection.reply(200, {"requests": served.requests, "peak": served.peak, "cpu": time.process_time()})
            return
        served = self.served
        served.requests += 1
        served.in_flight += 1
        served.peak = max(served.peak, served.in_flight)
        served.arrivals.append(time.monotonic())
        if self._active >= self.behaviour.capacity:
            self._waiting.append((connection, request))
            return
        self._begin(connection, request)

    def _begin(self, connection: "Connection", request: Request) -> None:
        self._active += 1
        asyncio.get_running_loop().call_later(self.behaviour.latency, self._finish, connection, request)

    def _finish(self, connection: "Connection", request: Request) -> None:
        busy = self.served.in_flight > self.behaviour.bearable
        self._active -= 1
        self.served.in_flight -= 1
        while self._waiting:
            waiting, asked = self._waiting.popleft()
            if not waiting.gone:
                self._begin(waiting, asked)
                break
            self.served.in_flight -= 1  # nobody waits for it any longer, and servers know
        if not connection.gone:
            self._answer(connection, request, busy)

    def _answer(self, connection: "Connection", request: Request, busy: bool) -> None:
        behaviour, fields = self.behaviour, orjson.loads(request.body)
        self.served.bodies.append(fields)
        self.served.headers.append(request.head)
        if behaviour.key and f"Bearer {behaviour.key}" not in request.head:
            connection.fail(401, "wrong key")
        elif (status := behaviour.statuses.get(fields["messages"][-1]["content"], behaviour.status)) != 200:
            connection.fail(status, behaviour.text.replace("{headers}", request.head), behaviour.headers)
        elif fields["model"] not in behaviour.models:
            connection.fail(404, f"model {fields['model']} not found")
        elif named := [name for name in behaviour.refuses if name in fields]:
            connection.fail(400, "bad request" if behaviour.silent else f"Unknown parameter: '{named[0]}'")
        elif busy:
            self.served.faults["429_wait"] += 1
            connection.fail(429, "too many", f"Retry-After: {behaviour.retry_after:g}\r\n")
        else:
            self._strike_or_reply(connection, fields)

    def _strike_or_reply(self, connection: "Connection", fields: dict[str, Any]) -> None:
        prompt, seed = fields["messages"][-1]["content"], fields.get("seed", 0)
        fault = self._fault(prompt, seed)
        if fault:
            self.served.faults[fault] += 1
        if fault is None or fault in ("few", "duplicate", "late_duplicate"):
            body = self._body(fields, prompt, seed, one=fault == "few" or self.behaviour.one_choice)
            self.served.answered[prompt] += len(body["choices"])
            connection.reply(200, body)
            if fault == "duplicate":
                connection.reply(200, body)
            elif fault == "late_duplicate":
                asyncio.get_running_loop().call_later(0.002, connection.reply, 200, body)
        else:
            _strike(connection, fault, self.behaviour.retry_after)

    def _fault(self, prompt: str, seed: int) -> Fault | None:
        name = f"{prompt}|{seed}"
        attempt = self._attempts[name]
        self._attempts[name] += 1
        drawn = _hash(prompt if self.behaviour.per == "prompt" else f"{name}|{attempt}") / 2**64
        for fault, share in self.behaviour.faults.items():
            if drawn < share:
                return fault
            drawn -= share
        return None

    def _body(self, fields: dict[str, Any], prompt: str, seed: int, *, one: bool) -> dict[str, Any]:
        texts = [
            self.behaviour.said.get(prompt) or reply_to(prompt, seed, place)
            for place in range(1 if one else fields.get("n", 1))
        ]
        body: dict[str, Any] = {
            "id": f"chatcmpl-{self.served.requests}",
            "object": "chat.completion",
            "created": 1_760_000_000,
            "model": fields["model"],
            "choices": [_choice(place, text, fields) for place, text in enumerate(texts)],
        }
        words = sum(len(turn["content"].split()) for turn in fields["messages"])
        if self.behaviour.usage:
            body["usage"] = {"prompt_tokens": words, "completion_tokens": sum(len(text.split()) for text in texts)}
        if self.behaviour.prompt_logprobs and "prompt_logprobs" in fields:
            body["prompt_logprobs"] = [
                None if not number else {str(number): {"logprob": -number / 8}} for number in range(words)
            ]
        return body


def _choice(place: int, text: str, fields: dict[str, Any]) -> dict[str, Any]:
    choice = {"index": place, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
    if fields.get("logprobs"):
        choice["logprobs"] = {"content": [{"token": word, "logprob": -len(word) / 4} for word in text.split()]}
    return choice


def _strike(connection: "Connection", fault: Fault, retry_after: float) -> None:
    if fault == "hang":
        return
    if fault == "cut":
        connection.abort()
    elif fault == "partial":
        connection.write(b'HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{"choices": [{"index": 0, "mess')
        connection.abort()
    elif fault == "broken":
        connection.write(b'HTTP/1.1 200 OK\r\nContent-Length: 14\r\n\r\n{"choices": [{')
    elif fault == "shape":
        connection.reply(200, {"id": "x", "outcome": "fine"})
    else:
        stamp = f"{retry_after:g}" if fault == "429_wait" else formatdate(time.time() + retry_after, usegmt=True)
        named = f"Retry-After: {stamp}\r\n" if fault in ("429_wait", "429_date") else ""
        connection.fail(int(fault[:3]), "injected", named)


class Connection(asyncio.Protocol):
    """Speak HTTP/1.1 to one client, one request after the other."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.gone = False
        self._data = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        self._transport = cast("asyncio.WriteTransport", transport)  # uvloop's are no subclasses
        if (link := transport.get_extra_info("socket")) is not None:
            link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.server.opened(self)

    def connection_lost(self, error: Exception | None) -> None:
        """End."""
        self.gone = True
        self.server.closed(self)

    def data_received(self, data: bytes) -> None:
        """Cut requests out of the stream."""
        self._data += data
        while (end := self._data.find(b"\r\n\r\n")) >= 0:
            head = self._data[:end].decode("latin-1")
            length = next(
                (int(line[15:]) for line in head.split("\r\n") if line.lower().startswith("content-length")), 0
            )
            if len(self._data) < end + 4 + length:
                return
            body, self._data = self._data[end + 4 : end + 4 + length], self._data[end + 4 + length :]
            self.server.arrived(self, Request(head.split(" ", 2)[1], head, body))

    def reply(self, status: int, body: Any, headers: str = "") -> None:
        """Send JSON."""
        content = orjson.dumps(body)
        head = (
            f"HTTP/1.1 {status} X\r\nContent-Type: application/json\r\nContent-Length: {len(content)}\r\n{headers}\r\n"
        )
        self.write(head.encode() + content)

    def fail(self, status: int, message: str, headers: str = "") -> None:
        """Send an error as OpenAI words it."""
        self.reply(status, {"error": {"message": message, "type": "error", "code": None}}, headers)

    def write(self, data: bytes) -> None:
        """Send bytes."""
        if not self.gone:
            self._transport.write(data)

    def abort(self) -> None:
        """Close the connection after what was written."""
        self._transport.close()


@asynccontextmanager
async def serving(behaviour: Behaviour | None = None) -> AsyncIterator[Server]:
    """Run a server on the current event loop."""
    server = Server(behaviour or Behaviour())
    await server.start()
    try:
        yield server
    finally:
        await server.stop()


async def _alone(port: int, behaviour: Behaviour) -> None:
    server = Server(behaviour)
    await server.start(port)
    print(server.url, flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--latency", type=float, default=0.05)
    parser.add_argument("--capacity", type=int, default=1_000_000)
    parser.add_argument("--faults", type=orjson.loads, default={}, help='JSON, such as {"500": 0.1}')
    parser.add_argument("--per", choices=("attempt", "prompt"), default="attempt")
    given = parser.parse_args()
    uvloop.run(
        _alone(
            given.port,
            Behaviour(latency=given.latency, capacity=given.capacity, faults=given.faults, per=given.per),
        )
    )
