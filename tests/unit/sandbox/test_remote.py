"""Programs on another machine: a real server on loopback, strangers that answer nonsense, and tokens nobody may see."""

import asyncio
import os
import re
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict, replace
from typing import Any, TypeVar

import aiohttp
import orjson
import pytest
from aiohttp import web

from regrowth.core.errors import CallFailed, NoIsolation, SettingsError
from regrowth.core.protocols import Execution, Executor, Limits
from regrowth.sandbox import serve
from regrowth.sandbox.remote import Remote, RemoteSettings, remote
from support.executors import Unisolated

T = TypeVar("T")
TOKEN = "planted-0123456789-abcdefghij"
QUICK = RemoteSettings(attempts=3, backoff=0.0)
LIMITS = Limits(wall=5, output=1000)
OK = Execution(status="ok", exit=0, stdout="42\n", tier=2)
ABOUT = {"tier": 2, "digest": "python 3.11"}


class Scripted:
    """Answer what it is told to, and remember what it was asked."""

    tier = 2
    digest = "python 3.11"

    def __init__(self, outcome: Execution | Exception = OK, seconds: float = 0.0) -> None:
        self.outcome = outcome
        self.seconds = seconds
        self.asked: list[tuple[Any, ...]] = []
        self.running = self.peak = self.cancelled = 0

    async def run(
        self, files: Mapping[str, str], argv: Sequence[str], stdin: str = "", limits: Limits = LIMITS
    ) -> Execution:
        self.asked.append((files, argv, stdin, limits))
        self.running += 1
        self.peak = max(self.peak, self.running)
        try:
            await asyncio.sleep(self.seconds)
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        finally:
            self.running -= 1
        if isinstance(self.outcome, Exception):
            raise self.outcome
        return self.outcome


@asynccontextmanager
async def listening(app: web.Application) -> AsyncIterator[str]:
    runner = web.AppRunner(app, handler_cancellation=True, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


def against(app: Callable[[], web.Application], work: Callable[[str], Awaitable[T]]) -> T:
    """Start a server, do something with its address, stop it."""

    async def live() -> T:
        async with listening(app()) as base:
            return await work(base)

    return asyncio.run(live())


def served(executor: Executor, tier: int = 2, token: str = "", width: int = 8) -> Callable[[], web.Application]:
    return lambda: serve.application(serve.Served(executor, tier, token, width))


def stranger(run: Callable[[web.Request], Awaitable[web.StreamResponse]], about: Any = ABOUT) -> web.Application:
    """Return a server that is not ours."""

    async def tell(_: web.Request) -> web.Response:
        return web.json_response(about)

    app = web.Application()
    app.add_routes([web.get("/about", tell), web.post("/run", run)])
    return app


def saying(body: bytes, status: int = 200) -> Callable[[], web.Application]:
    async def run(_: web.Request) -> web.Response:
        return web.Response(body=body, status=status)

    return lambda: stranger(run)


def answer(**changes: Any) -> bytes:
    return orjson.dumps({"digest": "python 3.11", "execution": asdict(OK) | changes})


async def ask(base: str, settings: RemoteSettings = QUICK, limits: Limits = LIMITS) -> Execution:
    return await Remote(base, settings).run({"main.py": "print(6 * 7)"}, ["python", "main.py"], "", limits)


def traces(error: BaseException | None) -> str:
    """Return all that an exception and those behind it could tell."""
    told = []
    while error is not None:
        told += [str(error), repr(error), repr(vars(error))]
        error = error.__cause__ or error.__context__
    return "".join(told)


# What goes through ------------------------------------------------------------------------------------------------


def test_a_program_runs_on_the_server_as_it_would_here() -> None:
    files = {"main.py": "import sys, pathlib\nprint(sys.stdin.read() + pathlib.Path('a/b').read_text() + sys.argv[1])"}
    files["a/b"] = "ä\n"

    async def work(base: str) -> Execution:
        return await Remote(base).run(files, ["python", "main.py", "ü"], "ö", LIMITS)

    found = against(served(Unisolated()), work)
    assert (found.status, found.exit, found.stdout, found.tier) == ("ok", 0, "öä\nü\n", 2)
    assert found.wall_ms > 0


def test_what_was_asked_for_arrives_whole() -> None:
    executor = Scripted()
    limits = Limits(cpu=1.5, wall=2.5, memory=64, processes=7, output=99, disk=3)

    async def work(base: str) -> Execution:
        return await Remote(base).run({"a": "b"}, ["x", "y"], "z", limits)

    against(served(executor), work)
    assert executor.asked == [({"a": "b"}, ["x", "y"], "z", limits)]


@pytest.mark.parametrize("status", ["nonzero", "timeout", "cpu", "memory", "output", "crashed", "setup_failed"])
def test_every_outcome_comes_back_as_it_was(status: Any) -> None:
    code = 3 if status == "nonzero" else None
    outcome = replace(OK, status=status, exit=code, stdout="", stderr="\ufffd\0é", cpu_ms=1.25, reason="why")
    assert against(served(Scripted(outcome)), ask) == outcome


def test_the_tier_is_the_one_the_server_states_for_itself_and_for_every_run() -> None:
    async def work(base: str) -> tuple[int, str, int]:
        executor = Remote(base)
        tier, digest = await asyncio.to_thread(lambda: (executor.tier, executor.digest))
        return tier, digest, (await executor.run({}, ["x"])).tier

    assert against(served(Scripted()), work) == (2, "python 3.11", 2)
    assert against(served(Scripted(), tier=3), work) == (3, "python 3.11", 3)


def test_tier_and_digest_can_be_asked_for_from_within_a_running_loop() -> None:
    async def work() -> int:
        # The loop that asks is busy waiting, so the server lives in another thread.
        started: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        stop = asyncio.Event()
        other = asyncio.new_event_loop()
        loop = asyncio.get_running_loop()

        async def live() -> None:
            async with listening(served(Scripted())()) as base:
                loop.call_soon_threadsafe(started.set_result, base)
                while not stop.is_set():
                    await asyncio.sleep(0.01)

        thread = asyncio.create_task(asyncio.to_thread(other.run_until_complete, live()))
        found = Remote(await started).tier
        stop.set()
        await thread
        other.close()
        return found

    assert asyncio.run(work()) == 2


def test_a_server_runs_no_more_than_its_width_at_a_time() -> None:
    executor = Scripted(seconds=0.02)

    async def work(base: str) -> None:
        executor_here = Remote(base)
        await asyncio.gather(*(executor_here.run({}, ["x"]) for _ in range(10)))

    against(served(executor, width=3), work)
    assert len(executor.asked) == 10
    assert executor.peak == 3


def test_who_gives_up_ends_the_program_on_the_server() -> None:
    executor = Scripted(seconds=30)

    async def work(base: str) -> None:
        task = asyncio.create_task(ask(base))
        while not executor.running:
            await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        for _ in range(200):
            if executor.cancelled:
                return
            await asyncio.sleep(0.01)

    against(served(executor), work)
    assert executor.cancelled == 1


# Strangers --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "what"),
    [
        (b"", "JSON"),
        (b"[]", "object"),
        (orjson.dumps({"execution": asdict(OK)}), "digest"),
        (answer(status="splendid"), "status"),
        (answer(exit="0"), "exit"),
        (answer(exit=256, status="nonzero"), "exit"),
        (answer(exit=1), "do not go together"),
        (answer(exit=0, status="timeout"), "do not go together"),
        (answer(stdout=None), "stdout"),
        (answer(cpu_ms=-1.0), "cpu_ms"),
        (answer(tier=4), "tier"),
        (answer(more="than asked"), "more"),
        (answer().replace(b'"wall_ms":0.0', b'"wall_ms":NaN'), "finite"),
        (answer(stdout="x" * 1001), "stream"),
        (answer(stderr="x" * 1001), "stream"),
        (b"x" * 200_000, "sent more than"),
    ],
)
def test_nonsense_is_a_failed_call_that_says_what_is_wrong(body: bytes, what: str) -> None:
    with pytest.raises(CallFailed, match=what) as caught:
        against(saying(body), ask)
    assert len(str(caught.value)) < 600


@pytest.mark.parametrize(
    ("body", "what"),
    [
        (answer(tier=1), "promised tier 2 and ran a program in tier 1"),
        (answer(tier=0), "promised tier 2"),
        (answer(tier=0, status="refused", exit=None, reason="no kernel"), "refuses to run anything: no kernel"),
        (orjson.dumps({"digest": "python 3.12", "execution": asdict(OK)}), "not what it was"),
    ],
)
def test_a_server_that_breaks_its_promise_stops_the_run(body: bytes, what: str) -> None:
    with pytest.raises(NoIsolation, match=what):
        against(saying(body), ask)


@pytest.mark.parametrize("about", [{}, {"tier": 0, "digest": "python 3.11"}, {"tier": 2}, {"tier": "2", "digest": "x"}])
def test_what_isolates_nothing_is_no_sandbox_server(about: Any) -> None:
    async def run(_: web.Request) -> web.Response:
        return web.Response(body=answer())

    with pytest.raises(NoIsolation, match=r"python -m regrowth\.sandbox\.serve"):
        against(lambda: stranger(run, about), ask)


def test_an_address_of_something_else_is_told_as_such() -> None:
    with pytest.raises(NoIsolation, match="is no sandbox server: HTTP 404"):
        against(web.Application, ask)


def test_a_redirect_is_not_followed_and_takes_no_token_along(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLANTED", TOKEN)
    seen: list[str] = []

    async def other(request: web.Request) -> web.Response:
        seen.append(str(request.headers))
        return web.Response(body=answer())

    async def work(base: str) -> Execution:
        async def run(_: web.Request) -> web.Response:
            raise web.HTTPTemporaryRedirect(base + "/run")

        async with listening(stranger(run)) as first:
            return await ask(first, RemoteSettings(key_env="PLANTED"))

    with pytest.raises(CallFailed, match="HTTP 307"):
        against(lambda: stranger(other), work)
    assert not seen


# Connections ------------------------------------------------------------------------------------------------------


def cutting(times: int, asked: list[int]) -> Callable[[], web.Application]:
    """Return a server that cuts the connection of the first requests."""

    async def run(request: web.Request) -> web.Response:
        await request.read()
        asked.append(1)
        if len(asked) <= times and request.transport is not None:
            request.transport.close()
        return web.Response(body=answer())

    return lambda: stranger(run)


def test_a_cut_connection_is_tried_again() -> None:
    asked: list[int] = []
    assert against(cutting(2, asked), ask) == OK
    assert len(asked) == 3


def test_a_server_that_lives_and_always_breaks_off_loses_the_call_only() -> None:
    asked: list[int] = []
    with pytest.raises(CallFailed, match="broke off: the connection was cut"):
        against(cutting(99, asked), ask)
    assert len(asked) == 3


def test_an_answer_is_never_asked_for_twice_whatever_it_says() -> None:
    asked: list[int] = []

    async def run(_: web.Request) -> web.Response:
        asked.append(1)
        return web.Response(status=500, text="out of order")

    with pytest.raises(CallFailed, match="HTTP 500 out of order"):
        against(lambda: stranger(run), ask)
    assert len(asked) == 1


def test_a_server_that_is_not_there_stops_the_run_and_says_how_to_start_one(unused_tcp_port: int) -> None:
    executor = Remote(f"http://127.0.0.1:{unused_tcp_port}", QUICK)
    assert executor.tier == 0
    with pytest.raises(NoIsolation, match=r"cannot be reached: .*python -m regrowth\.sandbox\.serve"):
        asyncio.run(executor.run({}, ["x"]))


@pytest.fixture
def unused_tcp_port() -> int:
    import socket

    with socket.socket() as line:
        line.bind(("127.0.0.1", 0))
        return int(line.getsockname()[1])


def test_an_answer_that_does_not_come_is_waited_for_so_long_and_no_longer() -> None:
    async def work(base: str) -> Execution:
        return await ask(base, RemoteSettings(patience=0.1), replace(LIMITS, wall=0.1))

    with pytest.raises(CallFailed, match=r"did not answer within 0\.2 s"):
        against(served(Scripted(seconds=5)), work)


# Tokens -----------------------------------------------------------------------------------------------------------


def test_the_right_token_opens_the_server(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLANTED", TOKEN)
    assert against(served(Scripted(), token=TOKEN), lambda base: ask(base, RemoteSettings(key_env="PLANTED"))) == OK


@pytest.mark.parametrize("given", ["", "planted-0123456789-abcdefghiX", "Ω"])
def test_no_other_token_does_and_the_refusal_tells_none(given: str, monkeypatch: pytest.MonkeyPatch) -> None:
    executor = Scripted()
    monkeypatch.setenv("PLANTED", given)
    settings = RemoteSettings(key_env="PLANTED" if given else "")
    with pytest.raises(NoIsolation) as caught:
        against(served(executor, token=TOKEN), lambda base: ask(base, settings))
    assert TOKEN not in traces(caught.value)
    assert not given or given not in traces(caught.value)
    assert "PLANTED" in str(caught.value) or "no key_env" in str(caught.value)
    assert not executor.asked


def test_a_token_that_is_not_set_is_asked_for_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PLANTED", raising=False)
    with pytest.raises(NoIsolation, match="environment variable PLANTED is not set"):
        against(served(Scripted()), lambda base: ask(base, RemoteSettings(key_env="PLANTED")))


def test_a_token_that_the_server_repeats_is_stored_by_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLANTED", TOKEN)

    async def run(request: web.Request) -> web.Response:
        if "fail" in await request.text():
            return web.Response(status=500, text=request.headers["Authorization"])
        return web.Response(body=answer(stdout=request.headers["Authorization"]))

    async def work(base: str) -> tuple[Execution, str, Remote]:
        executor = Remote(base, RemoteSettings(key_env="PLANTED"))
        found = await executor.run({}, ["x"], "", LIMITS)
        with pytest.raises(CallFailed) as caught:
            await executor.run({}, ["fail"], "", LIMITS)
        return found, traces(caught.value), executor

    found, told, executor = against(lambda: stranger(run), work)
    assert found.stdout == "Bearer [key]"
    assert TOKEN not in told
    assert "[key]" in told
    assert TOKEN not in repr(executor) + repr(vars(executor))
    assert TOKEN not in repr(serve.Served(Scripted(), 2, TOKEN))


# The server -------------------------------------------------------------------------------------------------------

JOB = {"files": {}, "argv": ["x"], "stdin": "", "limits": asdict(LIMITS)}


@pytest.mark.parametrize(
    ("job", "headers", "status"),
    [
        (JOB, {}, 200),
        ({**JOB, "argv": "x"}, {}, 400),
        ({**JOB, "shell": True}, {}, 400),
        ({**JOB, "limits": {**asdict(LIMITS), "wall": 1e9}}, {}, 400),
        ({**JOB, "limits": {**asdict(LIMITS), "memory": 0}}, {}, 400),
        ({**JOB, "limits": {"wall": 1.0}}, {}, 400),
        (JOB, {"Origin": "https://somewhere.example"}, 403),
        (JOB, {"Content-Type": "text/plain"}, 403),
    ],
)
def test_the_server_takes_jobs_and_nothing_else(job: Any, headers: dict[str, str], status: int) -> None:
    executor = Scripted()

    async def work(base: str) -> int:
        sent = {"Content-Type": "application/json", **headers}
        async with aiohttp.ClientSession() as session, session.post(base + "/run", json=job, headers=sent) as reply:
            return reply.status

    assert against(served(executor), work) == status
    assert len(executor.asked) == (status == 200)


@pytest.mark.parametrize(
    ("error", "kind", "what"),
    [
        (NoIsolation("the kernel was changed"), NoIsolation, "the kernel was changed"),
        (CallFailed("the warden is gone"), CallFailed, "HTTP 500 the warden is gone"),
        (SettingsError("no such path"), CallFailed, "HTTP 400 no such path"),
    ],
)
def test_errors_of_the_server_arrive_in_words(error: Exception, kind: type[Exception], what: str) -> None:
    with pytest.raises(kind, match=what):
        against(served(Scripted(error)), ask)


def test_the_server_needs_a_token_unless_only_this_machine_can_reach_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SHORT", "abc")
    assert serve.main(["--host", "0.0.0.0"]) == 2
    assert "name a token by --token-env" in capsys.readouterr().err
    assert serve.main(["--token-env", "SHORT"]) == 2
    assert "abc" not in capsys.readouterr().err
    assert serve.main(["--token-env", "NOT_THERE"]) == 2


def test_the_server_does_not_start_where_nothing_isolates(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    executor = Scripted(Execution(status="refused", reason="This is no Linux."))
    executor.tier = 0
    monkeypatch.setattr(serve, "sandbox", lambda kind: executor)
    assert serve.main(["--port", "0"]) == 4
    assert "This is no Linux." in capsys.readouterr().err


@pytest.mark.parametrize(
    "name",
    ["ftp://a", "http://", "http://a:b@c", "http://a#x", "http://a?key=b", "http://a?key_env", "http://a?attempts=0"],
)
def test_an_address_that_is_none_is_refused(name: str) -> None:
    with pytest.raises(SettingsError):
        remote(name)


def test_a_string_names_a_server_and_how_to_reach_it() -> None:
    found = remote("http://127.0.0.1:8765/?key_env=PLANTED&patience=5")
    assert found.base == "http://127.0.0.1:8765"
    assert (found.settings.key_env, found.settings.patience) == ("PLANTED", 5.0)


@pytest.mark.slow
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux isolates")
def test_the_command_serves_until_it_is_told_to_stop() -> None:
    command = [sys.executable, "-m", "regrowth.sandbox.serve", "--port", "0", "--dedicated", "--token-env", "PLANTED"]
    environment = {**os.environ, "PLANTED": TOKEN}
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment) as process:
        try:
            assert process.stderr is not None
            line = process.stderr.readline()
            if line.startswith("error:"):
                pytest.skip(line)
            found = re.fullmatch(r"tier 3 at (http://127\.0\.0\.1:\d+)\n", line)
            assert found, line
            os.environ["PLANTED"] = TOKEN
            outcome = asyncio.run(ask(found[1], RemoteSettings(key_env="PLANTED")))
            assert (outcome.status, outcome.stdout, outcome.tier) == ("ok", "42\n", 3)
            process.send_signal(signal.SIGTERM)
            assert process.wait(20) == 0
            assert TOKEN not in process.stderr.read()
        finally:
            os.environ.pop("PLANTED", None)
            process.kill()
