"""A sandbox server: lets a machine that can isolate run programs for machines that cannot.

    SANDBOX_TOKEN=… python -m regrowth.sandbox.serve --host 0.0.0.0 --port 8765 --token-env SANDBOX_TOKEN --dedicated

It refuses to start where nothing isolates, and, unless it listens on this machine only, without a token. There is no
encryption: where the network is not yours, listen on this machine only and go there by `ssh -L 8765:127.0.0.1:8765`.
"""

import argparse
import asyncio
import contextlib
import hmac
import ipaddress
import logging
import os
import signal
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace

import orjson
from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from regrowth.core.errors import NoIsolation, RegrowthError, SettingsError
from regrowth.core.protocols import Execution, Executor
from regrowth.sandbox.answers import job_of
from regrowth.sandbox.ladder import sandbox

__all__ = ["Served", "application", "main"]

log = logging.getLogger("regrowth.sandbox.serve")

EXAMPLES = """examples:
  python -m regrowth.sandbox.serve                      for this machine, or for others through ssh -L
  SANDBOX_TOKEN=… python -m regrowth.sandbox.serve --host 0.0.0.0 --token-env SANDBOX_TOKEN --dedicated
"""
LARGEST = 32 * 2**20
"""Bytes of a request."""
SHORTEST_TOKEN = 16
"""Characters."""


@dataclass(frozen=True, slots=True)
class Served:
    """Hold what a server offers."""

    executor: Executor
    tier: int
    """What it says of itself: 3 where its machine is there for nothing else."""
    token: str = ""
    """What every request has to bear; nothing if there is none."""
    width: int = 1
    """Programs that run at a time; others wait."""

    def __repr__(self) -> str:
        return f"Served(tier={self.tier}, width={self.width})"


def application(served: Served) -> web.Application:
    """Return the server's two addresses."""
    places = asyncio.Semaphore(served.width)
    digest = served.executor.digest

    async def about(_: web.Request) -> web.Response:
        return _json({"tier": served.tier, "digest": digest})

    async def run(request: web.Request) -> web.Response:
        body = await request.read()
        try:
            job = job_of(body)
            async with places:
                found = await served.executor.run(job.files, job.argv, job.stdin, job.bounds())
        except SettingsError as error:
            raise web.HTTPBadRequest(text=str(error)) from None
        except NoIsolation as error:
            found = Execution(status="refused", reason=str(error)[:4000])
        except RegrowthError as error:
            raise web.HTTPInternalServerError(text=str(error)) from None
        if found.status != "refused":
            found = replace(found, tier=served.tier)
        return _json({"digest": digest, "execution": asdict(found)})

    made = web.Application(middlewares=[_guard(served.token)], client_max_size=LARGEST)
    made.add_routes([web.get("/about", about), web.post("/run", run)])
    return made


def _guard(token: str) -> Middleware:
    """Let in who bears the token, and no page of a browser: those can reach a machine's own addresses."""
    wanted = f"Bearer {token}".encode()

    @web.middleware
    async def guard(request: web.Request, handler: Handler) -> web.StreamResponse:
        given = request.headers.get("Authorization", "").encode("utf-8", "surrogateescape")
        if token and not hmac.compare_digest(given, wanted):
            raise web.HTTPUnauthorized(text="this server wants its token as Authorization: Bearer …")
        if "Origin" in request.headers or (request.can_read_body and request.content_type != "application/json"):
            raise web.HTTPForbidden(text="this server is not for browsers: send application/json, and no Origin")
        return await handler(request)

    return guard


def _json(data: object) -> web.Response:
    return web.Response(body=orjson.dumps(data), content_type="application/json")


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until a signal; return the exit code: 2 for a wrong setting, 4 where nothing can be isolated."""
    options = _parser().parse_args(arguments)
    try:
        token = _token(options.token_env, options.host)
        executor = sandbox(options.isolation)
        try:
            asyncio.run(_serve(options, executor, token))
        finally:
            if (close := getattr(executor, "close", None)) is not None:
                close()
    except RegrowthError as error:
        sys.stderr.write(f"error: {error}\n")
        return {SettingsError: 2, NoIsolation: 4}.get(type(error), 1)
    except OSError as error:
        sys.stderr.write(f"error: cannot listen on {options.host}:{options.port}: {error.strerror or error}\n")
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m regrowth.sandbox.serve",
        description="Run programs, isolated, for machines that cannot isolate them.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--host", default="127.0.0.1", help="where to listen; this machine only by default")
    parser.add_argument("--port", type=int, default=8765, help="0 for any that is free")
    parser.add_argument("--token-env", default="", help="environment variable that holds the token")
    parser.add_argument("--isolation", default="auto", help="auto, namespaces, landlock or gvisor")
    parser.add_argument("--width", type=int, default=os.cpu_count() or 1, help="programs that run at a time")
    parser.add_argument("--dedicated", action="store_true", help="this machine is there for nothing else: say tier 3")
    return parser


def _token(name: str, host: str) -> str:
    token = os.environ.get(name, "").strip() if name else ""
    if name and not (len(token) >= SHORTEST_TOKEN and token.isascii() and token.isprintable()):
        raise SettingsError(
            f"The environment variable {name} holds no token: {SHORTEST_TOKEN} or more plain characters are needed, "
            'as from: python -c "import secrets; print(secrets.token_urlsafe())"'
        )
    if not token and not _is_loopback(host):
        raise SettingsError(f"Whoever reaches {host} could run programs here: name a token by --token-env.")
    return token


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


async def _serve(options: argparse.Namespace, executor: Executor, token: str) -> None:
    tier = await asyncio.to_thread(lambda: executor.tier)
    if not tier:
        refused = await executor.run({}, ["true"])
        raise NoIsolation(refused.reason or "Nothing here can isolate a program: regrowth doctor says why.")
    served = Served(executor, 3 if options.dedicated else tier, token, max(1, options.width))
    runner = web.AppRunner(application(served), access_log=None, handler_cancellation=True)
    await runner.setup()
    try:
        site = web.TCPSite(runner, options.host, options.port)
        await site.start()
        for address in runner.addresses:
            sys.stderr.write(f"tier {served.tier} at http://{address[0]}:{address[1]}\n")
        await _signalled()
    finally:
        await runner.cleanup()


async def _signalled() -> None:
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        with contextlib.suppress(NotImplementedError):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
    await stop.wait()


if __name__ == "__main__":
    sys.exit(main())
