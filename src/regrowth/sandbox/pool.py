"""The host's side of the wardens: starts them, hands each one job at a time, and believes nothing but their frames.

    pool = Wardens(tier=2)
    found = await pool.run({"main.py": "print(6 * 7)"}, ["python", "main.py"])
    pool.close()

The host may hold threads of every kind, so it never forks: wardens are new interpreters, told what to do over a socket,
and they end with that socket. Any event loop may use the pool, one after the other or from several threads.
"""

import asyncio
import contextlib
import json
import os
import socket
import subprocess
import threading
import weakref
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from regrowth.core.errors import SettingsError
from regrowth.core.protocols import Execution, Limits
from regrowth.sandbox.interpreters import own_interpreter
from regrowth.sandbox.warden.wire import HEAD

__all__ = ["Warden", "WardenGone", "Wardens", "check_job"]

LIMITS = Limits()
ENTRY = Path(__file__).with_name("warden") / "__main__.py"
ENVIRONMENT = {"PYTHONHASHSEED": "0", "PYTHONDONTWRITEBYTECODE": "1", "LANG": "C.UTF-8"}
START, ANSWER, LEAVE = 30.0, 30.0, 6.0
"""Seconds: until a warden is ready, beyond a job's own time until it answers, until it is gone."""
MOST_FILES = 1000
LONGEST_PATH = 255
LONGEST_FRAME = 1 << 20


class WardenGone(Exception):
    """Report a warden that ended or does not answer; says what it said last."""


def check_job(files: Mapping[str, str], argv: Sequence[str], stdin: str, limits: Limits) -> tuple[bytes, bytes]:
    """Return a job's files and words, and its input, as they go over the wire.

    Raises:
        SettingsError: a path that leaves the folder, text that is not UTF-8, nothing to run, a limit that is none.
    """
    for name, value in asdict(limits).items():
        if not value > 0 or value > 1 << 31:
            raise SettingsError(f"The limit {name} is {value!r}: a number above 0 is needed.")
    if not argv or not argv[0] or any("\0" in word for word in argv):
        raise SettingsError(f"{list(argv)!r} is nothing to run: give a program and its arguments, without NUL.")
    if len(files) > MOST_FILES:
        raise SettingsError(f"{len(files):,} files are too many: at most {MOST_FILES:,}.")
    for path in files:
        _check_path(path, files)
    try:
        payload, given = json.dumps({"files": dict(files), "argv": list(argv)}).encode(), stdin.encode()
        size = sum(len(text.encode()) for text in files.values())
        for word in argv:
            word.encode()
    except UnicodeEncodeError as error:
        raise SettingsError(f"Files, words and input have to be text that UTF-8 can hold: {error}.") from None
    if size > limits.disk << 20:
        raise SettingsError(f"The files take {size:,} bytes, and {limits.disk} MiB are allowed: raise Limits.disk.")
    return payload, given


def _check_path(path: str, files: Mapping[str, str]) -> None:
    parts = path.split("/")
    if not path or any(part in ("", ".", "..") for part in parts) or "\0" in path or not path.isprintable():
        raise SettingsError(f"{path!r} is no path in the program's folder: give one like main.py or tests/data.txt.")
    if any(len(part.encode("utf-8", "surrogatepass")) > LONGEST_PATH for part in parts) or len(parts) > 32:
        raise SettingsError(f"{path[:40]!r}… is too long a path: 32 names of at most {LONGEST_PATH} bytes.")
    above = {"/".join(parts[:count]) for count in range(1, len(parts))}
    if clash := above & set(files):
        raise SettingsError(f"{min(clash)!r} is given as a file and as a folder.")


class Warden:
    """One supervising process and the line to it."""

    def __init__(self, executable: str, settings: Mapping[str, Any]) -> None:
        self.line, far = socket.socketpair()
        self.line.setblocking(False)
        self.words = os.memfd_create("words", os.MFD_CLOEXEC)
        """What it writes to its standard error before it has a line."""
        try:
            self.process = subprocess.Popen(  # noqa: S603
                [executable, "-s", "-S", str(ENTRY)],
                stdin=far.fileno(),
                stdout=subprocess.DEVNULL,
                stderr=self.words,
                env=ENVIRONMENT,
                cwd="/",
                start_new_session=True,
            )
        except BaseException:
            self.line.close()
            os.close(self.words)
            raise
        finally:
            far.close()
        self.settings = settings

    async def begin(self) -> None:
        """Wait until it is ready.

        Raises:
            WardenGone: it cannot enclose anything here; says why.
        """
        await self._send(_frame(dict(self.settings)))
        async with asyncio.timeout(START):
            said, _, _ = await self._receive(0)
        if "ready" not in said:
            raise WardenGone(str(said.get("broken", said)))

    async def work(self, payload: bytes, stdin: bytes, limits: Limits) -> tuple[dict[str, Any], bytes, bytes]:
        """Run one job and return what the warden says of it, and the program's two streams.

        Raises:
            WardenGone: it died, or does not answer.
        """
        await self._send(_frame(asdict(limits), payload, stdin))
        async with asyncio.timeout(limits.wall + ANSWER):
            said, first, second = await self._receive(limits.output)
        if "status" not in said:
            raise WardenGone(str(said.get("broken", said)))
        return said, first, second

    async def _send(self, frame: bytes) -> None:
        try:
            await asyncio.get_running_loop().sock_sendall(self.line, frame)
        except OSError as error:
            raise WardenGone(self._last_words(error)) from None

    async def _receive(self, most: int) -> tuple[dict[str, Any], bytes, bytes]:
        try:
            plain, first, second = HEAD.unpack(await self._exactly(HEAD.size))
            if plain > LONGEST_FRAME or max(first, second) > most:
                raise WardenGone("it sent more than was asked for")
            said: dict[str, Any] = json.loads(await self._exactly(plain))
            return said, await self._exactly(first), await self._exactly(second)
        except (OSError, EOFError, ValueError) as error:
            raise WardenGone(self._last_words(error)) from None

    async def _exactly(self, count: int) -> bytes:
        found = bytearray()
        while len(found) < count:
            some = await asyncio.get_running_loop().sock_recv(self.line, min(count - len(found), 1 << 20))
            if not some:
                raise EOFError("it ended")
            found += some
        return bytes(found)

    def _last_words(self, error: Exception) -> str:
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(0.2)
        said = os.pread(self.words, 65_536, 0).decode("utf-8", "replace").strip().splitlines()
        return said[-1] if said else f"the warden left with {self.process.returncode}: {error}"

    def leave(self) -> None:
        """Tell it to end, with all below it; `wait` for that later."""
        self.line.close()

    def wait(self, seconds: float) -> bool:
        """Return whether it is gone, after at most that long; what does not go by itself is killed."""
        try:
            self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            if not seconds:
                return False
            self.process.kill()
            self.process.wait()
        with contextlib.suppress(OSError):
            os.close(self.words)
        self.words = -1
        return True


def _frame(data: Mapping[str, Any], first: bytes = b"", second: bytes = b"") -> bytes:
    plain = json.dumps(data).encode()
    return HEAD.pack(len(plain), len(first), len(second)) + plain + first + second


class Wardens:
    """Run programs in one tier, on as many wardens as there are cores, or as said."""

    def __init__(
        self,
        tier: int,
        *,
        paths: Sequence[Path] = (),
        count: int | None = None,
        executable: str | None = None,
    ) -> None:
        """Choose where and how programs run; nothing starts before the first job.

        Args:
            tier: 2 for namespaces, 1 for Landlock.
            paths: more files and folders of this machine that programs may read, at the same place.
            count: wardens at most, and so programs at a time; one per core by default.
            executable: the Python of the wardens, and of warm programs; this one by default.
        """
        self.tier = tier
        self.count = count or len(os.sched_getaffinity(0))
        self._executable = executable or own_interpreter()
        self._settings = {"tier": tier, "paths": [str(path) for path in paths]}
        self._guard = threading.Lock()
        self._idle: list[Warden] = []
        self._busy = 0
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._all: set[Warden] = set()
        self._end = weakref.finalize(self, _end_all, self._all)

    async def run(
        self, files: Mapping[str, str], argv: Sequence[str], stdin: str = "", limits: Limits = LIMITS
    ) -> Execution:
        """Run a program; see `Executor.run`. A warden that dies over it is replaced, and the job tried once more.

        Raises:
            SettingsError: what was given cannot be run anywhere.
        """
        payload, given = check_job(files, argv, stdin, limits)
        reason = ""
        for _ in range(2):
            try:
                said, first, second = await self._once(payload, given, limits)
            except (WardenGone, TimeoutError) as error:
                reason = str(error) or "the warden does not answer"
                continue
            texts = (stream.decode("utf-8", "replace") for stream in (first, second))
            return Execution(**said, stdout=next(texts), stderr=next(texts), tier=self.tier)
        return Execution(status="setup_failed", tier=self.tier, reason=reason)

    async def _once(self, payload: bytes, stdin: bytes, limits: Limits) -> tuple[dict[str, Any], bytes, bytes]:
        warden = await self._take()
        found = None
        try:
            if warden is None:
                warden = Warden(self._executable, self._settings)
                self._all.add(warden)
                await warden.begin()
            found = await warden.work(payload, stdin, limits)
            return found
        finally:
            self._give_back(warden, well=found is not None)

    async def _take(self) -> Warden | None:
        """Return an idle warden, or nothing where one more may be started; waits for either."""
        while True:
            with self._guard:
                if self._idle:
                    self._busy += 1
                    return self._idle.pop()
                if self._busy < self.count:
                    self._busy += 1
                    return None
                turn = asyncio.get_running_loop().create_future()
                self._waiting.append(turn)
            try:
                await turn
            except asyncio.CancelledError:
                if turn.done() and not turn.cancelled():
                    self._call_next()
                raise

    def _give_back(self, warden: Warden | None, *, well: bool) -> None:
        with self._guard:
            self._busy -= 1
            if warden is not None and well and self._end.alive:
                self._idle.append(warden)
            elif warden is not None:
                warden.leave()
            gone = [one for one in self._all if one.line.fileno() < 0 and one.wait(0)]
            self._all.difference_update(gone)
        self._call_next()

    def _call_next(self) -> None:
        with self._guard:
            while self._waiting:
                turn = self._waiting.popleft()
                if not turn.done() and not turn.get_loop().is_closed():
                    turn.get_loop().call_soon_threadsafe(_answer, turn)
                    return

    def close(self) -> None:
        """End all wardens and wait until they are gone. Jobs that still run are ended."""
        self._idle.clear()
        self._end()


def _answer(turn: "asyncio.Future[None]") -> None:
    if not turn.done():
        turn.set_result(None)


def _end_all(wardens: set[Warden]) -> None:
    for warden in wardens:
        warden.leave()
    for warden in wardens:
        warden.wait(LEAVE)
    wardens.clear()
