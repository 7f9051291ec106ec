"""Calls of the HTTP backend to a server that is told how to behave."""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any, TypeVar

from regrowth.core.errors import RegrowthError
from regrowth.core.protocols import Sampling
from regrowth.core.record import Message
from regrowth.models.http import HttpBackend, HttpSettings
from support.server import Behaviour, Server, serving

__all__ = ["QUICK", "SAMPLING", "against", "failure", "free_port", "outcome", "replying", "texts"]

T = TypeVar("T")
SAMPLING = Sampling()
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
    """Return the texts that a call draws."""
    answer = await backend.answer([Message("user", prompt)], sampling, seeds)
    return [completion.text for completion in backend.read(answer.raw)]


async def outcome(backend: HttpBackend, prompt: str, seed: int = 1) -> str | Exception:
    """Return the text that a call draws, or the error it ends in."""
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


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@asynccontextmanager
async def replying(content: bytes, *, unasked: bytes = b"") -> AsyncIterator[str]:
    """Reply to every request with these bytes as its body; send the `unasked` ones as another reply soon after."""

    def reply(body: bytes) -> bytes:
        return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while head := await reader.readuntil(b"\r\n\r\n"):
            length = next(line for line in head.decode().lower().splitlines() if line.startswith("content-length"))
            await reader.readexactly(int(length.split(":")[1]))
            writer.write(reply(content))
            if unasked:
                await asyncio.sleep(0.005)
                writer.write(reply(unasked))

    async def guarded(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            await serve(reader, writer)
        writer.close()

    server = await asyncio.start_server(guarded, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
    finally:
        server.close()
        await server.wait_closed()
