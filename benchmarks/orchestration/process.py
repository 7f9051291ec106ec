"""Run a command and measure its whole family of processes from outside. Linux only.

CPU time      user and system seconds from `wait4`: the kernel's own sum over the process and all its reaped
              descendants. Orphans are adopted (this process is their subreaper), ended and added.
memory        peak over time of the family's summed private memory: resident minus shared pages, every 50 ms
time          the monotonic clock, from just before the start to the exit of the first process
"""

import contextlib
import ctypes
import os
import select
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

__all__ = ["STARTED", "Measured", "busy_seconds", "measure"]

INTERVAL = 0.05
"""Seconds between two looks at the memory of one process …"""
FAMILY_INTERVAL = 0.25
"""… and of several."""
STARTED = "BENCHMARK_STARTED"
"""Environment variable that tells the command when it was started, on the monotonic clock all processes share."""
PAGE = os.sysconf("SC_PAGE_SIZE")
SET_CHILD_SUBREAPER = 36


@dataclass(frozen=True, slots=True)
class Measured:
    """Hold what one command took."""

    returncode: int
    """Negative: the signal that ended it."""
    started: float
    """Monotonic clock at the start, in seconds."""
    wall_s: float
    cpu_s: float
    peak_mb: float
    """Mebibytes of private memory, all processes together."""
    processes: int
    """The most that were alive at once."""
    ended: str
    """`by itself`, `killed` (`stop_when` said so) or `too late` (the limit)."""


def measure(
    command: Sequence[str],
    *,
    environment: Mapping[str, str],
    folder: Path,
    log: Path,
    limit: float,
    stop_when: Callable[[], bool] = lambda: False,
) -> Measured:
    """Run a command to its end, or SIGKILL its process group when told or when `limit` seconds are over."""
    adopt_orphans()
    before = set(children(os.getpid()))
    ended, peak, processes = "by itself", 0, 0
    with log.open("ab") as output:
        started = time.monotonic()
        told = {**environment, STARTED: repr(started)}
        process = subprocess.Popen(
            command, env=told, cwd=folder, stdin=subprocess.DEVNULL, stdout=output, stderr=output,
            start_new_session=True,
        )  # fmt: skip
    with exit_of(process.pid) as exited, ended_with_us(process.pid):
        looked = 0.0
        while not exited(INTERVAL):
            members = list(family(process.pid))
            processes = max(processes, len(members))
            if len(members) == 1 or time.monotonic() - looked >= FAMILY_INTERVAL:
                peak, looked = max(peak, memory(members)), time.monotonic()
            late = time.monotonic() - started > limit
            if ended == "by itself" and (late or stop_when()):
                ended = "too late" if late else "killed"
                os.killpg(process.pid, signal.SIGKILL)
    wall = time.monotonic() - started
    process.returncode, cpu = reap(process.pid)
    cpu += sum(end(pid) for pid in leftovers(before))
    return Measured(process.returncode, started, wall, cpu, peak / 2**20, processes, ended)


def busy_seconds() -> float:
    """Return how long this machine's processors have worked since boot, for anybody, in core-seconds."""
    user, nice, system, _idle, _wait, irq, softirq, steal, *_ = (
        int(field) for field in Path("/proc/stat").read_text().partition("\n")[0].split()[1:]
    )
    return (user + nice + system + irq + softirq + steal) / os.sysconf("SC_CLK_TCK")


def adopt_orphans() -> None:
    """Make this process the parent of every descendant whose own parent ends."""
    if ctypes.CDLL(None, use_errno=True).prctl(SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_CHILD_SUBREAPER) failed: Linux 3.4 or newer is needed")


@contextlib.contextmanager
def ended_with_us(group: int) -> Iterator[None]:
    """SIGKILL a process group if the body is left by an exception, Ctrl-C included."""
    try:
        yield
    except BaseException:
        os.killpg(group, signal.SIGKILL)
        raise


@contextlib.contextmanager
def exit_of(pid: int) -> Iterator[Callable[[float], bool]]:
    """Yield a function that waits some seconds for a child's end and tells whether it came."""
    descriptor = os.pidfd_open(pid)
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    try:
        yield lambda seconds: bool(poll.poll(seconds * 1000))
    finally:
        os.close(descriptor)


def children(pid: int) -> Iterator[int]:
    """Yield the direct children of a process, of all its threads."""
    with contextlib.suppress(OSError):
        for thread in Path(f"/proc/{pid}/task").iterdir():
            yield from map(int, (thread / "children").read_text().split())


def family(pid: int) -> Iterator[int]:
    """Yield a process and all its descendants."""
    yield pid
    for child in children(pid):
        yield from family(child)


def memory(members: Sequence[int]) -> int:
    """Return the bytes that some processes hold together; one that is gone counts nothing."""
    size = private_memory if len(members) == 1 else proportional_memory
    total = 0
    for pid in members:
        with contextlib.suppress(OSError):
            total += size(pid)
    return total


def private_memory(pid: int) -> int:
    """Return a process's resident bytes that are not shared with files or other programs."""
    _size, resident, shared, *_ = map(int, Path(f"/proc/{pid}/statm").read_text().split())
    return (resident - shared) * PAGE


def proportional_memory(pid: int) -> int:
    """Return a process's anonymous bytes; of those that forks share, its part."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss_Anon:"))


def leftovers(before: set[int]) -> Iterator[int]:
    """Yield adopted orphans until there are none."""
    while orphans := set(children(os.getpid())) - before:
        yield from orphans


def end(pid: int) -> float:
    """Kill an adopted process, if it still runs, and return the CPU seconds that it took."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
    return reap(pid)[1]


def reap(pid: int) -> tuple[int, float]:
    """Wait for a child; return its exit code and the CPU seconds of it and its reaped descendants."""
    _, status, usage = os.wait4(pid, 0)
    return os.waitstatus_to_exitcode(status), usage.ru_utime + usage.ru_stime
