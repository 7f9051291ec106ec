"""Tier 3 on one Linux machine: every program in a gVisor sandbox of its own, whose kernel is a process, not the host's.

    executor = Gvisor()
    found = await executor.run({"main.py": "print(6 * 7)"}, ["python", "main.py"])
    found.status, found.stdout, found.tier      "ok", "42\\n", 3

`runsc` gets an OCI bundle per job: a root of ours, read-only, the system's folders read-only in it, folders in memory
to write to, no network, no capability, no user but one. It works for root and, with `--rootless`, for everybody.

What gVisor does not bound is bounded here, from outside: it ignores RLIMIT_CPU and RLIMIT_DATA, and its memory is one
file without a name, whose blocks the host counts. `disk` bounds each of /box, /tmp and /dev/shm; together they count as
memory. A signal and an exit code of 128 plus its number look the same from outside: both are told as the signal.

Facts: gVisor's and the OCI runtime specification's documentation; behaviour found with release 20221219.
"""

import asyncio
import contextlib
import json
import os
import platform
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import weakref
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import cached_property
from itertools import count
from pathlib import Path
from secrets import token_hex
from typing import Any

from regrowth.core.errors import NoIsolation
from regrowth.core.protocols import Execution, Limits
from regrowth.sandbox.bundle import bundle, furnish, write_files
from regrowth.sandbox.pool import check_job
from regrowth.sandbox.watched import Ended, Watched

__all__ = ["Gvisor"]

LIMITS = Limits()
PLATFORMS = ("systrap", "ptrace")
"""How gVisor catches system calls; the first that works is taken. `kvm` hangs on machines that only seem to have it."""
PREFIX = "regrowth-gvisor-"
MIB = 1 << 20
FLAGS = ("--network=none", "--ignore-cgroups", "--overlay2=none", "--file-access-mounts=exclusive", "--oci-seccomp")
PREPARE = """\
cp -R /in/. . || exit 1
command -v -- "$1" >/dev/null || { echo "$1 is not installed where programs run" >&2; exit 1; }
echo "$0" >&2
exec "$@"
"""
"""Runs inside before the program does; its own name is the mark that the program has begun."""
REMEDY = "Install it (Debian, Ubuntu: apt install runsc; else https://gvisor.dev/docs), or choose another sandbox."
TRIAL = Limits(cpu=10, wall=20)
SOON = 20.0
"""Seconds for runsc to say its version, or to clear away."""


class Gvisor:
    """Run programs in gVisor, as many at a time as there are cores, or as said."""

    def __init__(
        self,
        *,
        runsc: str = "runsc",
        paths: Sequence[Path] = (),
        count: int | None = None,
        tools: Mapping[str, str] | None = None,
    ) -> None:
        """Choose the command and what is seen inside; nothing starts before the first use.

        Args:
            runsc: its name on the path, or its path.
            paths: more files and folders of the host, to be seen read-only at the same place.
            count: programs that run at a time.
            tools: versions of the tools on those paths by name; they are part of the digest.
        """
        self.runsc = shutil.which(runsc) or ""
        self.asked_for = runsc
        self.paths = tuple(map(str, paths))
        self.tools = dict(tools or {})
        self._platform = ""
        self._count = count or os.cpu_count() or 1
        self._running: set[int] = set()
        """Writing to one of these calls a job off."""
        self._guard = threading.Lock()

    @property
    def tier(self) -> int:
        """Return 3, or 0 where runsc is missing or runs nothing here. The first time, it is tried."""
        return 0 if self.refusal else 3

    @property
    def digest(self) -> str:
        """Return what names gVisor's release, our interpreter and the tools inside.

        Raises:
            NoIsolation: runsc does not work here.
        """
        self._insist()
        named = {"gvisor": self.release, "tier": "3", "python": platform.python_version(), **self.tools}
        return ", ".join(f"{name} {version}" for name, version in named.items())

    @cached_property
    def refusal(self) -> str:
        """Return why nothing runs here and what to do; nothing where it works."""
        if not sys.platform.startswith("linux"):
            return f"gVisor runs on Linux only, and this is {sys.platform}. Use a server: remote:http://…"
        if not self.runsc:
            return f"gVisor's {self.asked_for} is not on the path. {REMEDY}"
        if not self.release:
            return f"{self.runsc} does not tell its version, so it is no runsc. {REMEDY}"
        why = ""
        for name in PLATFORMS:
            self._platform = name
            found = self._job(*check_job({}, ["python", "-c", "print(6 * 7)"], "", TRIAL), TRIAL)
            if (found.status, found.stdout) == ("ok", "42\n"):
                return ""
            why += f" {name}: {found.reason or found.stderr[-200:]}."
        return f"{self.runsc} ({self.release}) runs nothing here.{why} See https://gvisor.dev/docs, or choose another."

    def _insist(self) -> None:
        if self.refusal:
            raise NoIsolation(self.refusal)

    @cached_property
    def release(self) -> str:
        """Return the version that runsc tells; nothing if it tells none."""
        with contextlib.suppress(OSError, subprocess.SubprocessError, UnicodeDecodeError):
            done = subprocess.run([self.runsc, "--version"], capture_output=True, timeout=SOON, check=True)  # noqa: S603
            words = done.stdout.decode().split()
            if words[:2] == ["runsc", "version"]:
                return words[2]
        return ""

    async def run(
        self, files: Mapping[str, str], argv: Sequence[str], stdin: str = "", limits: Limits = LIMITS
    ) -> Execution:
        """Run a program; see `Executor.run`. What is cancelled has ended when this returns.

        Raises:
            NoIsolation: runsc is missing or runs nothing here; says what to do.
            SettingsError: what was given cannot be run anywhere.
        """
        payload, given = check_job(files, argv, stdin, limits)
        calling_off, call_off = os.pipe2(os.O_CLOEXEC)
        with self._guard:
            self._running.add(call_off)
        job = self._pool.submit(self._insistently, payload, given, limits, calling_off)
        try:
            return await asyncio.wrap_future(job)
        except asyncio.CancelledError:
            os.write(call_off, b"x")
            job.cancel()
            await _until_done(job)
            raise
        finally:
            with self._guard:
                self._running.discard(call_off)
                os.close(call_off)
            os.close(calling_off)

    def _insistently(self, payload: bytes, stdin: bytes, limits: Limits, calling_off: int) -> Execution:
        self._insist()
        return self._job(payload, stdin, limits, calling_off)

    @cached_property
    def _pool(self) -> ThreadPoolExecutor:
        return ThreadPoolExecutor(self._count, thread_name_prefix="gvisor")

    @cached_property
    def _folder(self) -> Path:
        """Make the private folder with the root that all sandboxes share."""
        _remove_left_over(Path(tempfile.gettempdir()))
        folder = Path(tempfile.mkdtemp(prefix=f"{PREFIX}{os.getpid()}-"))
        self._clear = weakref.finalize(self, shutil.rmtree, folder, ignore_errors=True)
        self._mounts = furnish(folder / "root", self.paths)
        self._numbers = count()
        return folder

    # One job ----------------------------------------------------------------------------------------------------

    def _job(self, payload: bytes, stdin: bytes, limits: Limits, calling_off: int | None = None) -> Execution:
        with self._guard:
            place = self._folder / f"job-{next(self._numbers)}"
        place.mkdir(0o700)
        try:
            ended = self._watch(place, json.loads(payload), stdin, limits, calling_off)
            said = (place / "log").read_text("utf-8", "replace") if (place / "log").exists() else ""
            return _execution(ended, said)
        except OSError as error:
            return Execution(status="setup_failed", tier=3, reason=f"the sandbox broke down: {error}")
        finally:
            shutil.rmtree(place, ignore_errors=True)

    def _watch(
        self, place: Path, job: Mapping[str, Any], stdin: bytes, limits: Limits, calling_off: int | None
    ) -> Ended:
        write_files(place / "in", job["files"])
        mark = token_hex(16)
        words = ["/bin/sh", "-c", PREPARE, mark, *job["argv"]]
        handed = {"destination": "/in", "type": "bind", "source": str(place / "in"), "options": ["rbind", "ro"]}
        made = bundle(words, limits, str(self._folder / "root"), [*self._mounts, handed])
        (place / "config.json").write_text(json.dumps(made), "utf-8")
        base = [self.runsc, "--root", str(place / "state"), "--log", str(place / "log"), *FLAGS]
        base += [f"--platform={self._platform}", *(["--rootless"] if os.geteuid() else [])]
        command = [*base, "run", "--bundle", str(place), "--pid-file", str(place / "pid"), place.name]
        memory = _Memory(place / "pid")
        try:
            with Watched(command, stdin, limits, mark=mark.encode(), account=memory) as watched:
                return watched.attend(calling_off)
        except OSError:
            # Takes a second even where nothing is left, so not for what was seen to end.
            with contextlib.suppress(OSError, subprocess.SubprocessError):
                command = [*base, "delete", "-force", place.name]
                subprocess.run(command, capture_output=True, timeout=SOON, check=False)  # noqa: S603
            raise
        finally:
            memory.close()

    def close(self) -> None:
        """End all that runs and leave nothing in the file system."""
        with self._guard:
            for call_off in self._running:
                os.write(call_off, b"x")
        if "_pool" in vars(self):
            self._pool.shutdown(cancel_futures=True)
            del self._pool
        if "_folder" in vars(self):
            self._clear()
            del self._folder


def _remove_left_over(parent: Path) -> None:
    """Remove what processes of this user left that were killed; nothing untrusted ever wrote there."""
    for folder in parent.glob(f"{PREFIX}*-*"):
        number = folder.name.removeprefix(PREFIX).partition("-")[0]
        with contextlib.suppress(OSError):
            own = folder.lstat().st_uid == os.getuid() and not folder.is_symlink()
            if own and number.isdigit() and not Path(f"/proc/{number}").exists():
                shutil.rmtree(folder, ignore_errors=True)


async def _until_done(job: Any) -> None:
    """Wait for a job that was called off, however often this is cancelled too."""
    ended = asyncio.ensure_future(asyncio.to_thread(_settled, job))
    while not ended.done():
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.wait([ended])


def _settled(job: Any) -> None:
    with contextlib.suppress(BaseException):
        job.exception()


class _Memory:
    """Tell what a sandbox takes: the blocks of its memory file, and the memory of its kernel."""

    def __init__(self, pid_file: Path) -> None:
        self.pid_file = pid_file
        self.pid = 0
        self.file = -1

    def __call__(self) -> int:
        """Return the bytes.

        Raises:
            FileNotFoundError: it is about to end.
            OSError: it cannot be told.
        """
        if self.file < 0:
            self.pid = int(self.pid_file.read_text())
            self.file = _memory_file(self.pid)
        return os.fstat(self.file).st_blocks * 512 + _own_memory(self.pid)

    def close(self) -> None:
        if self.file >= 0:
            os.close(self.file)


def _memory_file(pid: int) -> int:
    folder = Path(f"/proc/{pid}/fd")
    with contextlib.suppress(PermissionError):
        for entry in folder.iterdir():
            with contextlib.suppress(FileNotFoundError):
                if "runsc-memory" in str(entry.readlink()):
                    return os.open(entry, os.O_PATH | os.O_CLOEXEC)
    if _own_memory(pid):
        raise OSError("the memory file of gVisor is not to be found: this release is not known here")
    raise FileNotFoundError(f"process {pid}")


def _own_memory(pid: int) -> int:
    """Return the bytes that only this process has; 0 once it has ended."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("RssAnon:"):
            return int(line.split()[1]) * 1024
    return 0


def _execution(ended: Ended, log: str) -> Execution:
    found = Execution(
        status="ok",
        exit=ended.code,
        stdout=ended.stdout.decode("utf-8", "replace"),
        stderr=ended.stderr.decode("utf-8", "replace"),
        cpu_ms=round(1e3 * ended.cpu, 3),
        wall_ms=round(1e3 * ended.wall, 3),
        peak_mb=round(ended.peak / MIB, 3),
        tier=3,
    )
    if ended.stop is not None:
        status, reason = ended.stop
        return replace(found, status=status, reason=reason, exit=None)
    if not ended.begun or ended.code is None or ended.code < 0 or (ended.code == 128 and log):
        words = [line for line in (found.stderr.strip() or log.strip()).splitlines() if line]
        reason = f"the program was not started: {words[-1][:500]}" if words else "the program was not started"
        return Execution(status="setup_failed", tier=3, reason=reason)
    if ended.code == 0:
        return found
    number = ended.code - 128
    if number in signal.valid_signals():
        name = signal.Signals(number).name if number in set(signal.Signals) else "unnamed"
        return replace(found, status="crashed", exit=None, reason=f"it was ended by signal {number} ({name})")
    return replace(found, status="nonzero", reason=f"it left with exit code {ended.code}")
