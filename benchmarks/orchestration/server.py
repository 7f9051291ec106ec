"""Serve chat completions that cost almost nothing to make, fail on command and are counted.

A reply is a function of the prompt (`task.reply`), so lost, repeated and wrong replies show. `POST /reset` takes
settings and starts the counts anew, `GET /stats` returns them:

    POST /reset {"latency": 0.05, "capacity": 256, "faults": {"500": 0.1, "hang": 0.01}, "scope": "attempt"}
    GET /stats  {"total": 612, "ok": 600, "failed": {"500": 12}, "paid_again": 0, …}

`python -m benchmarks.orchestration.server --port 8765` runs it by hand. It is a bare protocol on uvloop, without a
task per request, so that it leaves the processor to the client under test.
"""

import argparse
import asyncio
import hashlib
import sys
import time
from collections import Counter, deque
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from functools import partial
from typing import Any, Literal, NamedTuple, cast, get_args

import orjson
import uvloop

from benchmarks.orchestration import task

__all__ = ["Connection", "Fault", "Run", "Server", "Settings", "fault_of", "main"]

Fault = Literal["429", "429_bare", "500", "hang", "cut", "broken_json", "wrong_schema", "duplicate"]
"""429 names a time in Retry-After, 429_bare does not; `cut` closes the connection in the middle of the reply;
`wrong_schema` is valid JSON without choices; `duplicate` sends the same HTTP response twice."""
FAULTS: tuple[Fault, ...] = get_args(Fault)
LIMITS = "x-ratelimit-limit-requests: 10000000\r\nx-ratelimit-limit-tokens: 10000000000\r\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Say how the server behaves until the next reset."""

    latency: float = 0.05
    """Seconds between a request's turn and its reply."""
    capacity: int = 256
    """Requests served at once; the others wait for their turn."""
    faults: Mapping[Fault, float] = field(default_factory=dict)
    """Share of requests, 0 to 1, that end in each fault; together at most 1."""
    scope: Literal["attempt", "prompt"] = "attempt"
    """`attempt`: every attempt draws anew. `prompt`: a prompt that fails once fails for ever."""
    retry_after: float = 1.0
    """Seconds named by a 429."""

    def __post_init__(self) -> None:
        unknown = set(self.faults) - set(FAULTS)
        if unknown or sum(self.faults.values()) > 1:
            raise ValueError(f"faults {dict(self.faults)}: expected shares of {', '.join(FAULTS)}, at most 1 together")


class Request(NamedTuple):
    """One parsed HTTP request."""

    method: str
    path: str
    body: bytes


def fault_of(prompt: str, attempt: int, settings: Settings) -> Fault | None:
    """Draw the fate of one attempt (0, 1, …) at a prompt; the same arguments always meet the same fate."""
    if not settings.faults:
        return None
    number = attempt if settings.scope == "attempt" else 0
    hashed = hashlib.blake2b(f"fault {number} {prompt}".encode(), digest_size=8).digest()
    draw = int.from_bytes(hashed, "big") / 2**64
    for fault, share in settings.faults.items():
        if draw < share:
            return fault
        draw -= share
    return None


class Run:
    """Count what happens between two resets."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.attempts: Counter[str] = Counter()
        self.paid: Counter[str] = Counter()
        self.failed: Counter[str] = Counter()
        self.waiting: deque[Callable[[], object]] = deque()
        self.serving = self.active = self.peak = self.unheard = 0
        self.first_request: float | None = None
        self.last_reply: float | None = None

    def arrive(self, prompt: str, serve: Callable[[], object]) -> Fault | None:
        """Admit a request, call `serve` when its turn comes, and return its fate."""
        if self.first_request is None:
            self.first_request = time.monotonic()
        fault = fault_of(prompt, self.attempts[prompt], self.settings)
        self.attempts[prompt] += 1
        self.active += 1
        self.peak = max(self.peak, self.active)
        if self.serving < self.settings.capacity:
            self.serving += 1
            serve()
        else:
            self.waiting.append(serve)
        return fault

    def leave(self, prompt: str, fault: Fault | None, *, heard: bool) -> None:
        """Count a finished request and let the next one have its turn."""
        self.active -= 1
        self.last_reply = time.monotonic()
        if fault in (None, "duplicate"):
            self.paid[prompt] += 1
            self.unheard += not heard
        else:
            self.failed[str(fault)] += 1
        if self.waiting:
            self.waiting.popleft()()
        else:
            self.serving -= 1

    def stats(self) -> dict[str, Any]:
        """Return the counts. Times are seconds of the machine's monotonic clock, shared by its processes."""
        ok = self.paid.total()
        return {
            "total": self.attempts.total(),
            "ok": ok,
            "failed": dict(self.failed),
            "distinct": len(self.attempts),
            "distinct_ok": len(self.paid),
            "paid_again": ok - len(self.paid),
            "unheard": self.unheard,
            "active": self.active,
            "peak": self.peak,
            "first_request": self.first_request,
            "last_reply": self.last_reply,
            "cpu_s": time.process_time(),
            "settings": asdict(self.settings),
        }


class Server:
    """Hold the current run."""

    def __init__(self, settings: Settings | None = None) -> None:
        self.run = Run(settings or Settings())

    def reset(self, body: bytes) -> dict[str, Any]:
        """Start counting anew; requests still under way count for the old run."""
        self.run = Run(Settings(**orjson.loads(body or b"{}")))
        return self.run.stats()


class Connection(asyncio.Protocol):
    """Speak HTTP/1.1 with one client, which may keep the connection open."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.buffer = bytearray()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the way back to the client."""
        self.transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Answer every complete request."""
        self.buffer += data
        while (request := take_request(self.buffer)) is not None:
            if request.path.endswith("/chat/completions"):
                self.complete(request.body)
            else:
                self.transport.write(self.control(request))

    def control(self, request: Request) -> bytes:
        """Answer what is not a completion."""
        match (request.method, request.path.removeprefix("/v1")):
            case ("GET", "/stats"):
                return response(200, self.server.run.stats())
            case ("GET", "/models"):
                return response(200, {"object": "list", "data": [{"id": "mock", "object": "model", "created": 0}]})
            case ("POST", "/reset"):
                try:
                    return response(200, self.server.reset(request.body))
                except (TypeError, ValueError) as problem:
                    return response(400, error(str(problem)))
        return response(404, error(f"no such thing: {request.method} {request.path}"))

    def complete(self, body: bytes) -> None:
        """Take a completion request; its reply follows after the latency."""
        try:
            asked = orjson.loads(body)
            prompt = text_of(asked["messages"][-1]["content"])
        except (LookupError, TypeError, ValueError) as problem:
            self.transport.write(response(400, error(f"not a chat request: {problem!r}")))
            return
        if asked.get("stream"):
            self.transport.write(response(400, error("this server does not stream")))
            return
        run, loop = self.server.run, asyncio.get_running_loop()
        fault: Fault | None = None

        def finish() -> None:
            heard = not self.transport.is_closing()
            run.leave(prompt, fault, heard=heard)
            if heard:
                self.send(prompt, fault, asked, run.settings)

        fault = run.arrive(prompt, partial(loop.call_later, run.settings.latency, finish))

    def send(self, prompt: str, fault: Fault | None, asked: Mapping[str, Any], settings: Settings) -> None:
        """Write the reply, or what its fault makes of it."""
        match fault:
            case "hang":
                return
            case "500":
                reply = response(500, error("injected"))
            case "429" | "429_bare":
                header = f"Retry-After: {settings.retry_after:g}\r\n" if fault == "429" else ""
                reply = response(429, error("injected", "rate_limit_exceeded"), header)
            case "wrong_schema":
                reply = response(200, {"object": "surprise"})
            case "broken_json":
                reply = response(200, completion(prompt, asked)[:-20])
            case _:
                reply = response(200, completion(prompt, asked), LIMITS)
        if fault == "cut":
            self.transport.write(reply[: len(reply) // 2])
            self.transport.close()
        else:
            self.transport.write(reply * 2 if fault == "duplicate" else reply)


def take_request(buffer: bytearray) -> Request | None:
    """Remove one complete request from the front of the buffer, if there is one."""
    end = buffer.find(b"\r\n\r\n")
    if end < 0:
        return None
    first, *lines = bytes(buffer[:end]).decode("latin-1").split("\r\n")
    length = 0
    for line in lines:
        name, _, value = line.partition(":")
        if name.lower() == "content-length":
            length = int(value)
    if len(buffer) < end + 4 + length:
        return None
    body = bytes(buffer[end + 4 : end + 4 + length])
    del buffer[: end + 4 + length]
    method, path, _ = first.split(" ", 2)
    return Request(method, path, body)


def response(status: int, content: object, headers: str = "") -> bytes:
    """Render an HTTP response; bytes go out as they are, anything else as JSON."""
    body = content if isinstance(content, bytes) else orjson.dumps(content)
    head = f"HTTP/1.1 {status} -\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n{headers}\r\n"
    return head.encode() + body


def error(message: str, kind: str = "server_error") -> dict[str, Any]:
    """Return an error body in OpenAI's layout."""
    return {"error": {"message": message, "type": kind, "code": None, "param": None}}


def text_of(content: str | list[dict[str, Any]]) -> str:
    """Return a message's text, whether it comes plain or in parts."""
    return content if isinstance(content, str) else "".join(part.get("text", "") for part in content)


def completion(prompt: str, asked: Mapping[str, Any]) -> bytes:
    """Render a chat completion; every one of its `n` choices is the same."""
    text = task.reply(prompt)
    message = {"role": "assistant", "content": text, "refusal": None}
    count = asked.get("n") or 1
    used, made = prompt.count(" ") + 1, count * (text.count(" ") + 1)
    return orjson.dumps(
        {
            "id": "chatcmpl-" + hashlib.blake2b(prompt.encode(), digest_size=8).hexdigest(),
            "object": "chat.completion",
            "created": 1_760_000_000,
            "model": asked.get("model", "mock"),
            "system_fingerprint": "mock",
            "choices": [
                {"index": index, "message": message, "logprobs": None, "finish_reason": "stop"}
                for index in range(count)
            ],
            "usage": {"prompt_tokens": used, "completion_tokens": made, "total_tokens": used + made},
        }
    )


async def serve(port: int, *, until_eof: bool) -> None:
    """Listen on the loopback interface, print the port, and stay."""
    loop = asyncio.get_running_loop()
    server, over = Server(), asyncio.Event()
    if until_eof:
        loop.add_reader(sys.stdin.fileno(), over.set)
    listener = await loop.create_server(partial(Connection, server), "127.0.0.1", port, backlog=4096)
    print(listener.sockets[0].getsockname()[1], flush=True)
    await over.wait()


def main() -> None:
    """Run the server from the command line."""
    arguments = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    arguments.add_argument("--port", type=int, default=0, help="0 takes a free one")
    arguments.add_argument("--until-eof", action="store_true", help="stop when standard input closes")
    chosen = arguments.parse_args()
    uvloop.run(serve(chosen.port, until_eof=chosen.until_eof))


if __name__ == "__main__":
    main()
