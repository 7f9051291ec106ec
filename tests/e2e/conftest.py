"""A server in a thread of its own, for what blocks."""

import asyncio
import threading
from collections.abc import Callable, Iterator

import pytest

from support.server import Behaviour, Server


@pytest.fixture
def serve() -> Iterator[Callable[[Behaviour], str]]:
    """Start a server that behaves as told; return its address."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    servers: list[Server] = []

    def start(behaviour: Behaviour) -> str:
        servers.append(Server(behaviour))
        asyncio.run_coroutine_threadsafe(servers[-1].start(), loop).result(10)
        return servers[-1].url

    yield start
    for server in servers:
        asyncio.run_coroutine_threadsafe(server.stop(), loop).result(10)
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()
