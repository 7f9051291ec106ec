"""Programs run on another machine, behind a server that this project brings along (`python -m regrowth.sandbox.serve`).

    executor = Remote("http://127.0.0.1:8765", RemoteSettings(key_env="SANDBOX_TOKEN"))

    GET  /about                                            {"tier": 2, "digest": "1f0c…"}
    POST /run   {"files": {"main.py": "print(6 * 7)"}, "argv": ["python", "main.py"], "stdin": "", "limits": {…}}
                {"digest": "1f0c…", "execution": {"status": "ok", "exit": 0, "stdout": "42\\n", …}}

The tier is what the server says of itself: whoever starts it says whether its machine is there for nothing else, and
only then it is 3. What it answers is checked like anything a stranger says.

Only a connection that failed is tried again: a run has no effect that lasts. The token is named by its environment
variable, read when a call is made, and told to nobody but the server.
"""

import asyncio
import os
import random
import threading
from collections.abc import Coroutine, Mapping, Sequence
from dataclasses import asdict
from typing import Any, TypeVar
from urllib.parse import parse_qsl, urlsplit

import aiohttp
import orjson
from pydantic import NonNegativeFloat, PositiveFloat, PositiveInt

from regrowth.core.errors import CallFailed, NoIsolation, SettingsError
from regrowth.core.protocols import Execution, Limits
from regrowth.core.settings import Frozen
from regrowth.sandbox.answers import About, about_of, execution_of
from regrowth.sandbox.pool import check_job

__all__ = ["Remote", "RemoteSettings", "remote"]

LIMITS = Limits()
T = TypeVar("T")
CONNECT = 10.0
"""Seconds to reach the server; so long may it also take to say what it is."""
LONGEST_PAUSE = 10.0
SPARE = 64 * 1024
"""Bytes of a reply beyond the program's two streams."""
ESCAPED = 6
"""Bytes that JSON takes for one byte of a stream, at most."""
DENIED = (401, 403)
SECRET = 8
"""Tokens shorter than this are placeholders that may occur in honest text."""


class RemoteSettings(Frozen):
    """Say how a server is reached. Nothing of it reaches the digest: the server names what shapes an outcome."""

    key_env: str = ""
    """Name of the environment variable that holds the token; empty for servers that want none."""
    patience: PositiveFloat = 600.0
    """Seconds that a program may wait for its turn there, beyond its own time."""
    attempts: PositiveInt = 4
    """Attempts to connect."""
    backoff: NonNegativeFloat = 0.5
    """Seconds: bound of the first random pause between two; it doubles each time, up to 10."""


class _Cut(Exception):
    """Report a connection that failed, in words without headers: those of the HTTP library carry the token."""

    def __init__(self, reason: str, *, reached: bool) -> None:
        super().__init__(reason)
        self.reached = reached
        """Whether there was one."""


PLAIN = RemoteSettings()


def remote(name: str) -> "Remote":
    """Return the server that a string names: `http://host:port?key_env=SANDBOX_TOKEN`, with any of the settings.

    Raises:
        SettingsError: the address is none, or there is no such setting.
    """
    base, _, query = name.partition("?")
    try:
        return Remote(base, RemoteSettings.model_validate(dict(parse_qsl(query, strict_parsing=bool(query)))))
    except ValueError as error:
        if isinstance(error, SettingsError):
            raise
        known = ", ".join(RemoteSettings.model_fields)
        raise SettingsError(f"remote:{base}?…: expected option=value, joined by &, with options {known}.") from None


class Remote:
    """Run programs on a server."""

    def __init__(self, base: str, settings: RemoteSettings = PLAIN) -> None:
        """Name the server's address.

        Raises:
            SettingsError: it is no plain http address.
        """
        self.base = _plain(base)
        self.settings = settings
        self._known: About | None = None

    def __repr__(self) -> str:
        return f"Remote({self.base!r})"

    @property
    def tier(self) -> int:
        """Return what isolates there, by the server's own word; 0 if it cannot be asked."""
        try:
            return self.about.tier
        except NoIsolation:
            return 0

    @property
    def digest(self) -> str:
        """Return the server's name for the interpreters and tools there.

        Raises:
            NoIsolation: it cannot be asked.
        """
        return self.about.digest

    @property
    def about(self) -> About:
        """Return what the server says of itself; asked once.

        Raises:
            NoIsolation: it cannot be reached, refuses the token, or is no such server; says what to do.
        """
        if self._known is None:
            self._known = _elsewhere(self._ask())
        return self._known

    async def run(
        self, files: Mapping[str, str], argv: Sequence[str], stdin: str = "", limits: Limits = LIMITS
    ) -> Execution:
        """Run a program; see `Executor.run`.

        Raises:
            NoIsolation: the server cannot be reached, refuses the token, or isolates nothing any more.
            CallFailed: this call failed, others may succeed.
            SettingsError: what was given cannot be run anywhere.
        """
        check_job(files, argv, stdin, limits)
        if self._known is None:
            self._known = await self._ask()
        job = {"files": dict(files), "argv": list(argv), "stdin": stdin, "limits": asdict(limits)}
        seconds, most = limits.wall + self.settings.patience, 2 * ESCAPED * limits.output + SPARE
        try:
            status, body = await self._exchange("/run", orjson.dumps(job), seconds, most)
        except _Cut as error:
            if error.reached:
                await self._ask()  # raises if the server is gone
                raise CallFailed(f"the sandbox server {self.base} broke off: {error}") from None
            raise self._gone(error) from None
        if status != 200:
            self._refuse(status, body)
        digest, execution = execution_of(body, limits, self._known.tier, self.base)
        if digest != self._known.digest:
            raise NoIsolation(
                f"The server {self.base} is not what it was when this run began: its interpreters or tools have "
                "changed. Run the command again; what is done stays."
            )
        return execution

    async def _ask(self) -> About:
        try:
            status, body = await self._exchange("/about", None, CONNECT, SPARE)
        except (_Cut, CallFailed) as error:
            raise self._gone(error) from None
        if status != 200:
            self._refuse(status, body, always=True)
        return about_of(body, self.base)

    def _refuse(self, status: int, body: bytes, *, always: bool = False) -> None:
        said = " ".join(body[:300].decode("utf-8", "replace").split())
        if status in DENIED:
            name = self.settings.key_env
            held = f"the token in the environment variable {name}" if name else "a call without token (no key_env)"
            raise NoIsolation(f"The server {self.base} refuses {held}. Give it the one the server was started with.")
        if always:
            raise NoIsolation(f"{self.base} is no sandbox server: HTTP {status} {said}")
        raise CallFailed(f"the sandbox server {self.base} refused the program: HTTP {status} {said}")

    # The wire ---------------------------------------------------------------------------------------------------

    def _token(self) -> str:
        name = self.settings.key_env
        token = os.environ.get(name, "").strip() if name else ""
        if name and not token:
            raise NoIsolation(f"{self.base}: the environment variable {name} is not set. Put the server's token there.")
        if not (token.isascii() and token.isprintable()):
            raise NoIsolation(f"{self.base}: the environment variable {name} holds characters that no token has.")
        return token

    async def _exchange(self, path: str, payload: bytes | None, seconds: float, most: int) -> tuple[int, bytes]:
        """Return status and body of the reply, without the token should the server repeat it.

        Raises:
            _Cut: the connection failed in the last of its attempts.
            CallFailed: the reply is too late or too long.
        """
        token = self._token()
        attempt = 1
        while True:
            try:
                status, body = await self._once(path, payload, token, seconds, most)
                return status, body.replace(token.encode(), b"[key]") if len(token) >= SECRET else body
            except _Cut:
                if attempt >= self.settings.attempts:
                    raise
            bound = min(LONGEST_PAUSE, self.settings.backoff * 2 ** (attempt - 1))
            await asyncio.sleep(random.uniform(0.0, bound))
            attempt += 1

    async def _once(self, path: str, payload: bytes | None, token: str, seconds: float, most: int) -> tuple[int, bytes]:
        headers = {"Content-Type": "application/json", **({"Authorization": f"Bearer {token}"} if token else {})}
        method = "GET" if payload is None else "POST"
        try:
            async with (
                _session(seconds) as session,
                session.request(
                    method, self.base + path, data=payload, headers=headers, allow_redirects=False
                ) as reply,
            ):
                body = bytearray()
                async for part in reply.content.iter_any():
                    body += part
                    if len(body) > most:
                        raise CallFailed(f"the sandbox server {self.base} sent more than {most:,} bytes")
                return reply.status, bytes(body)
        except aiohttp.ClientConnectorError as error:
            raise _Cut(error.os_error.strerror or "no connection", reached=False) from None
        except aiohttp.ConnectionTimeoutError:
            raise _Cut("no connection in time", reached=False) from None
        except TimeoutError:
            raise CallFailed(f"the sandbox server {self.base} did not answer within {seconds:g} s") from None
        except (aiohttp.ClientError, OSError) as error:
            raise _Cut(f"the connection was cut ({type(error).__name__})", reached=True) from None

    def _gone(self, error: Exception) -> NoIsolation:
        return NoIsolation(
            f"The sandbox server {self.base} cannot be reached: {error}. Start it there "
            "(python -m regrowth.sandbox.serve) or correct the address; the same command then goes on where it stopped."
        )


def _session(seconds: float) -> aiohttp.ClientSession:
    """Open a session for one call: a connection is cheap beside a program, and none is ever used twice."""
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(force_close=True),
        cookie_jar=aiohttp.DummyCookieJar(),
        timeout=aiohttp.ClientTimeout(total=seconds, sock_connect=min(CONNECT, seconds)),
    )


def _elsewhere(work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine to its end in a loop of its own: this thread may have one that cannot wait."""
    found: list[T] = []
    failed: list[BaseException] = []

    def live() -> None:
        try:
            found.append(asyncio.run(work))
        except BaseException as error:
            failed.append(error)

    thread = threading.Thread(target=live, name="sandbox-about")
    thread.start()
    thread.join()
    if failed:
        raise failed[0]
    return found[0]


def _plain(base: str) -> str:
    try:
        url = urlsplit(base)
        host, _ = url.hostname, url.port  # a port that is no number shows only when it is read
    except ValueError:
        url, host = urlsplit(""), None
    if url.scheme not in ("http", "https") or not host:
        raise SettingsError("the address of a sandbox server must read http://host:port or https://host")
    if url.username or url.password or url.query or url.fragment:
        raise SettingsError(
            f"the address of {host} holds more than scheme, host, port and path. Put a token into an environment "
            "variable and name that by key_env."
        )
    return base.rstrip("/")
