"""What the host sees in its own /proc while a program runs: processes, memory, descriptors, rights.

A process is the attack's if it descends from this one and was not there before, or if it wears the attack's mark.
Memory is what the processes hold for themselves, plus what grew of the machine's shared memory (files in memory, memfd,
System V and POSIX segments, shared mappings) and of the kernel's own (page tables, unreclaimable objects), plus what
lies in pipes.
"""

# ruff: noqa: PTH115, PTH123, PTH208 -- plain paths: this looks at every process, fifty times a second

import fcntl
import os
import re
import struct
import termios
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field

__all__ = ["Facts", "Watch", "living"]

PERIOD = 0.02
NOISE = 48.0
"""MiB by which the kernel's own memory may grow for other reasons."""
FORBIDDEN = re.compile(
    r"io_uring|userfaultfd|bpf|perf_event|fanotify|fscontext|sysrq-trigger|/kcore|/kmsg|/dev/(?:k?mem|kvm|tty|pts|ptmx|fuse)"
)
"""Descriptors that no program in a sandbox should get hold of."""


@dataclass(slots=True)
class Facts:
    """Hold what was seen of one process."""

    pid: int
    parent: int
    name: str
    cpu: float = 0.0
    status: dict[str, str] = field(default_factory=dict)
    """The last /proc/PID/status of a process that marked itself."""
    spaces: dict[str, str] = field(default_factory=dict)
    """Its namespaces and its root, if it marked itself."""
    privileged: bool = False
    """Whether it runs before others."""


class Watch:
    """Sample the processes of the sandbox until stopped."""

    def __init__(self, mark: str, every: "Callable[[], None]" = lambda: None) -> None:
        self.mark = mark
        self.every = every
        self.processes = 0
        self.memory = 0.0
        self.host = 0.0
        self.seen: dict[int, Facts] = {}
        self.held: set[str] = set()
        self.started = time.monotonic()
        self._before = set(_pids())
        self._own = _read("/proc/self/cmdline")
        self._ours = _descendants(os.getpid(), self._before) | {os.getpid()}
        self._shared, self._kernel = _meminfo("Shmem"), _meminfo("PageTables", "SUnreclaim")
        self._resident = _resident()
        self._idle = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Stop sampling."""
        self._idle.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._idle.is_set():
            with suppress(ProcessLookupError, FileNotFoundError):
                self._sample()
            self.every()
            self._idle.wait(PERIOD)

    def _sample(self) -> None:
        alive, private = 0, 0.0
        pipes: dict[str, int] = {}
        for pid in _pids():
            if pid in self._before:
                continue
            with suppress(OSError, IndexError, ValueError):
                facts = self._look(pid)
                if facts is None:
                    continue
                alive += _threads(pid)
                private += _private(pid)
                pipes |= self._descriptors(pid)
                if facts.name == self.mark or self.mark in _read(f"/proc/{pid}/cmdline"):
                    self._mark(facts)
        shared = max(0.0, _meminfo("Shmem") - self._shared)
        kernel = max(0.0, _meminfo("PageTables", "SUnreclaim") - self._kernel - NOISE)
        total = private + shared + kernel + sum(pipes.values()) / 2**20
        self.processes, self.memory = max(self.processes, alive), max(self.memory, total)
        self.host = max(self.host, _resident() - self._resident)

    def _look(self, pid: int) -> Facts | None:
        """Return what is known of a process, if it is the attack's."""
        name, parent, cpu, state = _stat(pid)
        known = self.seen.get(pid)
        if known is None:
            command = _read(f"/proc/{pid}/cmdline")
            if command == self._own:  # between fork and exec: still the host
                return None
            marked = name == self.mark or self.mark in command
            if not (marked or parent in self._ours or parent in self.seen) or state in "ZX":
                return None
            known = self.seen[pid] = Facts(pid, parent, name)
        known.name, known.cpu = name, max(known.cpu, cpu)
        return known

    def _descriptors(self, pid: int) -> dict[str, int]:
        """Note what a process holds open; return the bytes in its pipes."""
        found: dict[str, int] = {}
        place = _place(pid)
        for name in os.listdir(f"{place}/fd"):
            path = f"{place}/fd/{name}"
            with suppress(OSError):
                link = os.readlink(path)
                if FORBIDDEN.search(link):
                    self.held.add(link)
                if link.startswith("pipe:") and link not in found:
                    found[link] = _waiting(path)
        return found

    def _mark(self, facts: Facts) -> None:
        with suppress(OSError):
            lines = _read(f"/proc/{facts.pid}/status").splitlines()
            facts.status = dict(line.split(":\t", 1) for line in lines if ":\t" in line)
            kinds = ("user", "mnt", "pid", "net", "ipc", "uts")
            spaces = {kind: os.readlink(f"/proc/{facts.pid}/ns/{kind}") for kind in kinds}
            spaces |= {"root": os.readlink(f"/proc/{facts.pid}/root"), "mounts": _read(f"/proc/{facts.pid}/mountinfo")}
            facts.spaces = spaces
            fields = _read(f"/proc/{facts.pid}/stat").rpartition(")")[2].split()
            facts.privileged = facts.privileged or int(fields[16]) < 0 or int(fields[38]) not in (0, 3, 5)

    @property
    def cpu(self) -> float:
        """Return the seconds of processor time that were seen."""
        return sum(facts.cpu for facts in self.seen.values())

    @property
    def marked(self) -> list[Facts]:
        """Return the processes that wore the mark."""
        return [facts for facts in self.seen.values() if facts.status]


def living(mark: str) -> list[int]:
    """Return the processes that wear a mark and are no zombies."""
    found = []
    for pid in _pids():
        with suppress(OSError, IndexError, ValueError):
            name, _, _, state = _stat(pid)
            if state not in "ZX" and name == mark:
                found.append(pid)
    return found


def _pids() -> list[int]:
    return [int(name) for name in os.listdir("/proc") if name.isdigit()]


def _read(path: str) -> str:
    with open(path, "rb") as file:
        return file.read().decode("utf-8", "replace")


def _stat(pid: int) -> tuple[str, int, float, str]:
    head, _, tail = _read(f"/proc/{pid}/stat").rpartition(")")
    fields = tail.split()
    cpu = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    return head.partition("(")[2], int(fields[1]), cpu, fields[0]


def _threads(pid: int) -> int:
    return int(_read(f"/proc/{pid}/stat").rpartition(")")[2].split()[17])


def _descendants(root: int, pids: set[int]) -> set[int]:
    parents = {}
    for pid in pids:
        with suppress(OSError, IndexError, ValueError):
            parents[pid] = _stat(pid)[1]
    found, new = set[int](), {root}
    while new:
        new = {pid for pid, parent in parents.items() if parent in new} - found
        found |= new
    return found


def _place(pid: int) -> str:
    """Return the folder of a process in /proc, or of a thread that still lives where the first one has left."""
    if _stat(pid)[3] == "Z":
        for name in os.listdir(f"/proc/{pid}/task"):
            if name != str(pid):
                return f"/proc/{pid}/task/{name}"
    return f"/proc/{pid}"


def _private(pid: int) -> float:
    """Return the MiB that a process holds alone: its share of pages that it shares with its parent."""
    place = _place(pid)
    with suppress(OSError):
        rollup = _read(f"{place}/smaps_rollup")
        if found := re.search(r"Pss_Anon:\s+(\d+)", rollup):
            return int(found[1]) / 1024
    found = re.search(r"RssAnon:\s+(\d+)", _read(f"{place}/status"))
    return int(found[1]) / 1024 if found else 0.0


def _meminfo(*names: str) -> float:
    """Return the MiB that the machine says it uses for something."""
    said = dict(line.split(":", 1) for line in _read("/proc/meminfo").splitlines())
    return sum(int(said[name].split()[0]) for name in names if name in said) / 1024


def _resident() -> float:
    return int(_read("/proc/self/statm").split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20


def _waiting(path: str) -> int:
    """Return the bytes that wait in a pipe of another process."""
    file = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    try:
        return int(struct.unpack("i", fcntl.ioctl(file, termios.FIONREAD, b"\0" * 4))[0])
    finally:
        os.close(file)
