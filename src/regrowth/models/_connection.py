"""An HTTP session that never takes one request's reply for another's.

On a kept-alive connection a reply that is delivered twice waits there to be read as the reply to the next request.
Bytes that nobody asked for are seen here, when the connection is taken up again; a repeated reply that is still under
way then is told by its content (`Echoes`), and the connection it came on is closed.
"""

import aiohttp
from aiohttp.client_proto import ResponseHandler

__all__ = ["Echoes", "Reply", "session"]

IDLE = 4.0
"""Seconds a connection is kept for the next request: uvicorn, which most servers run on, closes after 5."""
CONNECT = 10.0
"""Seconds to reach a server."""
REMEMBERED = 2048


class Reply(aiohttp.ClientResponse):
    """Know the connection a reply came on, also after it went back to the pool."""

    _used: ResponseHandler | None = None

    async def start(self, connection: aiohttp.connector.Connection) -> aiohttp.ClientResponse:
        """Read the head of the reply, unless there were bytes before the request could be answered."""
        self._used = connection.protocol
        if self._used is not None and self._used.should_close:
            raise aiohttp.ServerDisconnectedError("bytes that nobody asked for")
        return await super().start(connection)

    def distrust(self) -> None:
        """Close the connection, so that nothing is read from it again."""
        if self._used is not None:
            self._used.close()


class Echoes:
    """Remember the last replies by a hash, to know one that comes twice."""

    def __init__(self) -> None:
        self._seen: dict[int, None] = {}

    def heard(self, body: bytes) -> int:
        """Return the hash of a reply that came before, else 0, and remember it."""
        name = hash(body) or 1
        if name in self._seen:
            return name
        self._seen[name] = None
        if len(self._seen) > REMEMBERED:
            del self._seen[next(iter(self._seen))]
        return 0


def session(timeout: float) -> aiohttp.ClientSession:
    """Open a session: as many connections as the caller allows, no cookies, no proxies, no redirects of its own."""
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=IDLE, ttl_dns_cache=60),
        cookie_jar=aiohttp.DummyCookieJar(),
        response_class=Reply,
        timeout=aiohttp.ClientTimeout(total=timeout, sock_connect=min(CONNECT, timeout)),
    )
