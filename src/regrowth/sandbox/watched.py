"""A process of the host that holds a sandbox of its own, watched from outside and ended at its limits.

    with Watched(["runsc", …], b"", Limits(), mark=b"d41d8cd9", account=memory_of) as watched:
        ended = watched.attend(calling_off)
        ended.stop, ended.code, ended.stdout        ("timeout", "it ran for 10 s by the clock"), None, b"…"

What prepares the program inside writes the mark, as a line of stderr, before anything untrusted runs: from
then on the limits count, and what ends without it never began. All of it lives in one thread, because the kernel ends
a process with the thread that started it (`setpriv --pdeathsig`).
"""

import contextlib
import os
import select
import shutil
import signal
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from regrowth.core.protocols import Limits, Status

__all__ = ["Ended", "Watched"]

MIB = 1 << 20
START, END = 30.0, 5.0
"""Seconds after which a process that does not begin, or does not end, is given up."""
LOOK = 0.01
"""Seconds between looks at the memory."""
COUNT = 0.05
"""Seconds between counts of the processor time: a count reads some fifty files."""
SLACK = 12 * MIB
BITE = 65_536
LONGEST = 4_000
"""Bytes kept of what is said before anything began."""
TICK = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Ended:
    """Hold how it ended."""

    begun: bool
    code: int | None
    """What it left with; minus the signal that ended it; nothing if it was ended here."""
    stop: tuple[Status, str] | None
    """Status and reason, if a limit ended it."""
    stdout: bytes
    stderr: bytes
    """Without the mark; before the mark, what those said who prepare."""
    cpu: float
    wall: float
    """Seconds, from the mark on; so is `cpu`."""
    peak: int
    """Bytes."""


class Watched:
    """Run one command; use once, from one thread, as a context: at its end nothing of the command is left."""

    def __init__(
        self, command: Sequence[str], stdin: bytes, limits: Limits, *, mark: bytes, account: Callable[[], int]
    ) -> None:
        """Start it.

        Args:
            command: what to start; its environment is empty but for the path.
            stdin: what it reads.
            limits: from the mark on.
            mark: the line of stderr that says that the program begins; not to be guessed.
            account: tells what the sandbox takes, in bytes; asked from the mark on.
        """
        self.limits = limits
        self.account = account
        self.mark = mark + b"\n"
        self.begun = False
        self.stop: tuple[Status, str] | None = None
        self.peak = 0
        self.cpu = self.cpu_before = 0.0
        self.began = time.monotonic()
        self.unsaid = memoryview(stdin)
        self._look = self._count_at = 0.0
        self.code: int | None = None
        self._open = contextlib.ExitStack()
        self._ends: list[int] = []
        pipes = [os.pipe2(os.O_CLOEXEC) for _ in range(3)]
        given = [pipes[0][0], pipes[1][1], pipes[2][1]]
        self.stdin, self.streams = pipes[0][1], {pipes[1][0]: bytearray(), pipes[2][0]: bytearray()}
        self.stdout, self.stderr = self.streams.values()
        try:
            self.pid = _started(command, given)
        except OSError:
            for descriptor in (self.stdin, *self.streams):
                os.close(descriptor)
            raise
        finally:
            for descriptor in given:
                os.close(descriptor)
        self.process = os.pidfd_open(self.pid)
        for descriptor in (self.stdin, *self.streams, self.process):
            os.set_blocking(descriptor, False)
        for descriptor in (*self.streams, self.process):
            self._open.callback(os.close, descriptor)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        try:
            self._end()
        finally:
            self._close_stdin()
            self._open.close()

    def attend(self, calling_off: int | None = None) -> Ended:
        """Wait until it ends, or end it at its limit, or when a descriptor becomes readable: then it is called off.

        Raises:
            OSError: it cannot be ended, or not be counted.
        """
        poll = select.poll()
        for descriptor in (calling_off, self.process, *self.streams):
            if descriptor is not None:
                poll.register(descriptor, select.POLLIN)
        poll.register(self.stdin, select.POLLOUT)
        ended = False
        while not ended and self.stop is None:
            for descriptor, _ in poll.poll(self._pause()):
                if descriptor in (self.process, calling_off):
                    ended = True
                elif not self._serve(descriptor):
                    poll.unregister(descriptor)
            if not ended:
                self._check(time.monotonic())
        wall = time.monotonic() - self.began
        self._end()
        for descriptor in self.streams:
            while self.stop is None and self._listen(descriptor):
                pass
        return self._outcome(wall)

    def _pause(self) -> float:
        """Return the milliseconds to the next look."""
        return 1e3 * max(0.0, self._look - time.monotonic()) if self.begun else 100.0

    def _serve(self, descriptor: int) -> bool:
        """Read or write what a stream has room for; return whether there may be more."""
        if descriptor in self.streams:
            return self._listen(descriptor)
        more = self._tell()
        if not more:
            self._close_stdin()
        return more

    def _check(self, now: float) -> None:
        """Compare what it takes with its limits, each as often as it is worth."""
        if self.begun and now >= self._look:
            self._look = now + LOOK
            self._weigh()
        if self.begun and now >= self._count_at:
            self._count_at = now + COUNT
            self._count()
        if self.begun and self.stop is None and now - self.began > self.limits.wall:
            self.stop = "timeout", f"it ran for {self.limits.wall:g} s by the clock"
        elif not self.begun and now - self.began > START:
            self.stop = "setup_failed", f"the sandbox did not start within {START:g} s"

    def _listen(self, descriptor: int) -> bool:
        """Take what a stream holds; return whether there may be more."""
        held = self.streams[descriptor]
        try:
            some = os.read(descriptor, BITE)
        except BlockingIOError:
            return False
        held += some
        if not self.begun:
            self._look_for_mark()
        most = self.limits.output if self.begun else LONGEST
        if len(held) > most:
            del held[most:]
            if self.begun:
                self.stop = "output", f"it wrote more than {most:,} bytes to one stream"
        return bool(some)

    def _look_for_mark(self) -> None:
        _, mark, after = self.stderr.partition(self.mark)
        if mark:
            self.begun = True
            self.stderr[:] = after
            self.began = time.monotonic()
            self.cpu_before = _processor_time(self.pid)

    def _tell(self) -> bool:
        """Write some of stdin; return whether there is more."""
        with contextlib.suppress(BlockingIOError):
            try:
                self.unsaid = self.unsaid[os.write(self.stdin, self.unsaid[:BITE]) :]
            except BrokenPipeError:
                return False
        return bool(self.unsaid)

    def _close_stdin(self) -> None:
        if self.stdin >= 0:
            os.close(self.stdin)
            self.stdin = -1

    def _weigh(self) -> None:
        most = self.limits.memory
        try:
            found = self.account()
        except (FileNotFoundError, ProcessLookupError):
            return  # it is about to end
        self.peak = max(self.peak, found)
        if found > most * MIB + SLACK:
            self.stop = self.stop or ("memory", f"it took more than {most} MiB of memory, its files included")

    def _count(self) -> None:
        self.cpu = max(self.cpu, _processor_time(self.pid) - self.cpu_before)
        if self.cpu > self.limits.cpu:
            self.stop = self.stop or ("cpu", f"it took more than {self.limits.cpu:g} s of processor time")

    def _end(self) -> None:
        """Kill it and all below it, unless it has ended, and wait for that."""
        if self.code is None:
            below = _below(self.pid)
            try:
                for process in below:
                    with contextlib.suppress(ProcessLookupError):
                        signal.pidfd_send_signal(process, signal.SIGKILL)
                _await([self.process, *below])
            finally:
                for process in below:
                    os.close(process)
            _, status = os.waitpid(self.pid, 0)
            self.code = os.waitstatus_to_exitcode(status)

    def _outcome(self, wall: float) -> Ended:
        code = self.code if self.stop is None else None
        return Ended(
            self.begun, code, self.stop, bytes(self.stdout), bytes(self.stderr), max(0.0, self.cpu), wall, self.peak
        )


def _started(command: Sequence[str], streams: Sequence[int]) -> int:
    """Start a command in a session of its own that ends with this thread."""
    tied = [found, "--pdeathsig", "KILL", "--"] if (found := shutil.which("setpriv")) else []
    placed = [(os.POSIX_SPAWN_DUP2, stream, number) for number, stream in enumerate(streams)]
    words = [*tied, *command]
    environment = {"PATH": os.environ.get("PATH", os.defpath)}
    return os.posix_spawnp(words[0], words, environment, file_actions=placed, setsid=True)


def _tree(pid: int) -> list[int]:
    """Return a process and all below it. Any of its threads may be the parent of one."""
    found = [pid]
    for one in found:
        for task in _listed(Path(f"/proc/{one}/task")):
            with contextlib.suppress(OSError):
                found += map(int, (task / "children").read_text().split())
    return found


def _listed(folder: Path) -> list[Path]:
    try:
        return list(folder.iterdir())
    except OSError:
        return []  # it ended


def _processor_time(pid: int) -> float:
    """Return the seconds that a process and all below it took, and those they waited for."""
    ticks = 0
    for one in _tree(pid):
        with contextlib.suppress(OSError, ValueError):
            after_name = Path(f"/proc/{one}/stat").read_bytes().rpartition(b")")[2].split()
            ticks += sum(map(int, after_name[11:15]))
    return ticks / TICK


def _below(pid: int) -> list[int]:
    """Open a process and all below it, that one first."""
    found: list[int] = []
    for one in _tree(pid):
        with contextlib.suppress(OSError):
            found.append(os.pidfd_open(one))
    return found


def _await(processes: Sequence[int]) -> None:
    poll = select.poll()
    for process in processes:
        poll.register(process, select.POLLIN)
    left, deadline = len(set(processes)), time.monotonic() + END
    while left:
        ready = poll.poll(max(0.0, 1e3 * (deadline - time.monotonic())))
        if not ready:
            raise OSError(f"a sandbox does not end within {END:g} s of being killed")
        for process, _ in ready:
            poll.unregister(process)
        left -= len(ready)
