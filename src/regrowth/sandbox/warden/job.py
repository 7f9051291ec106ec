"""One job as the warden sees it: hand it over, collect what it says, count what it takes, end it at its limit."""

import contextlib
import json
import math
import os
import select
import signal
import socket
import time
from collections.abc import Callable, Mapping
from typing import Any

from . import monitor
from .kernel import receive_descriptors, send_descriptors

__all__ = ["Broken", "HostGone", "Job"]

MIB = 1 << 20
LOOK, SOON, IDLE = 0.01, 0.002, 0.1
"""Seconds between counts of the processes; where memory fills quickly; and between looks at the clock without any."""
SELDOM = 5
"""Looks until files are counted again where that means to walk a folder."""
START, END = 20.0, 5.0
"""Seconds after which a keeper that says nothing is given up."""
SLACK = 12 * MIB
"""What the interpreter's own files may take beyond the limit: a single process is to meet its own limit first."""
OUT_OF_MEMORY = signal.SIGRTMAX - 1
BITE = 65_536


class Broken(Exception):
    """The keeper or the zygote does not answer: this warden is of no use any more."""


class HostGone(Exception):
    """Nobody waits for the outcome any more."""


class Job:
    """Run one program; use once."""

    def __init__(
        self,
        limits: Mapping[str, Any],
        host: socket.socket,
        used: "Callable[[Job], int]",
        spent: "Callable[[], float] | None" = None,
    ) -> None:
        self.limits = limits
        self.host = host
        self.used = used
        """What its files take, in bytes."""
        self.spent = spent
        """Seconds of processor time, where a control group counts them."""
        self.said = {"stdout": bytearray(), "stderr": bytearray()}
        self.stop: tuple[str, str] | None = None
        """Status and reason, if a limit ended it."""
        self.peak = 0
        self.cpu = 0.0
        self.pid = -1
        self.box = -1
        self.files = 0
        """Bytes of files, as counted last."""
        self._looks = 0
        self._ticks: dict[tuple[int, int], int] = {}
        self._hidden: set[str] = set()
        self._memory = 0
        self._filling = False
        self.report: dict[str, Any] = {}
        self.began = time.monotonic()
        self.wall = 0.0
        self._look = math.inf
        self._ending = math.inf
        self._open = contextlib.ExitStack()

    def run(self, zygote: socket.socket, message: bytes, payload: int, stdin: int) -> "dict[str, Any]":
        """Run it and return how it ended, as plain data.

        Raises:
            Broken: it could not be run, or not be ended.
            HostGone: the host closed the line, or called it off.
        """
        with self._open:
            streams = [os.pipe2(os.O_CLOEXEC) for _ in range(2)]
            line, far = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            self._open.enter_context(line)
            for reading, _ in streams:
                os.set_blocking(reading, False)
                self._open.callback(os.close, reading)
            given = [payload, stdin, *(writing for _, writing in streams), far.fileno()]
            try:
                send_descriptors(zygote, message, given)
            except OSError as error:
                raise Broken(f"the zygote is gone: {error}") from None
            finally:
                far.close()
                for _, writing in streams:
                    os.close(writing)
            self._attend(line, dict(zip((reading for reading, _ in streams), self.said.values(), strict=True)))
        return self._outcome()

    def _attend(self, line: socket.socket, streams: "dict[int, bytearray]") -> None:
        poll = select.poll()
        for descriptor in (line.fileno(), self.host.fileno(), *streams):
            poll.register(descriptor, select.POLLIN)
        while not self.report:
            self._hasten(line)
            for descriptor, _ in poll.poll(1e3 * self._pause):
                if descriptor in streams:
                    self._listen(descriptor, streams[descriptor], poll)
                elif descriptor == line.fileno():
                    self._hear(line)
                else:
                    raise HostGone
            if self.pid > 0 and self.stop is None and not self.report:
                self._watch()
        self.wall = time.monotonic() - self.began
        for descriptor, held in streams.items():
            while self._listen(descriptor, held, None):
                pass

    @property
    def _pause(self) -> float:
        if self.pid < 0 or self.stop is not None:
            return IDLE
        return SOON if self._filling else LOOK

    def _hasten(self, line: socket.socket) -> None:
        """Tell the keeper to end what reached a limit, and lose patience with one that does not answer."""
        now = time.monotonic()
        if self.stop is not None and self._ending == math.inf:
            with contextlib.suppress(OSError):  # it may just have left by itself, its report on the way
                line.send(b"end")
            self._ending = now + END
        begin_and_run = self.limits["wall"] + END if self.pid > 0 else START
        if now > min(self._ending, self.began + begin_and_run):
            raise Broken("a job did not begin or end")

    def _watch(self) -> None:
        now = time.monotonic()
        if now >= self._look:
            self._count()
            done = time.monotonic()
            # at most half of a core, with thousands of files to count, but where memory fills
            self._look = done + (SOON if self._filling else max(LOOK, done - now))
        if self.stop is None and now - self.began > self.limits["wall"]:
            self.stop = "timeout", f"it ran for {self.limits['wall']:g} s by the clock"

    def _listen(self, descriptor: int, held: bytearray, poll: "select.poll | None") -> bool:
        """Take what a stream holds; return whether there may be more."""
        try:
            some = os.read(descriptor, BITE)
        except BlockingIOError:
            return False
        if not some and poll is not None:
            poll.unregister(descriptor)
        most = self.limits["output"]
        if len(held) + len(some) > most and self.stop is None:
            self.stop = "output", f"it wrote more than {most:,} bytes to one stream"
        held += some[: most - len(held)]
        return bool(some)

    def _hear(self, line: socket.socket) -> None:
        message, descriptors = receive_descriptors(line)
        if not message:
            raise Broken("a keeper left without a word")
        if message == b"begun":
            process, self.box = descriptors
            self._open.callback(os.close, process)
            self._open.callback(os.close, self.box)
            self.pid = monitor.pid_of(process)
            self.began = time.monotonic()
            self._look = self.began + LOOK
        else:
            self.report = json.loads(message)

    def _count(self) -> None:
        most = self.limits["memory"] * MIB
        found = monitor.census(self.pid, most)
        self._ticks |= found.own
        self.cpu = max(self.cpu, found.cpu, sum(self._ticks.values()) / monitor.TICK)
        if self.spent is not None:
            self.cpu = max(self.cpu, self.spent())
        self._filling = found.memory > self._memory + most // 32
        self._memory = found.memory
        if found.memory <= most + SLACK and (self.limits["tier"] == 2 or self._looks % SELDOM == 0):
            self.files = self.used(self)
        self._looks += 1
        files = self.files
        if found.hidden & self._hidden:  # twice in a row: one that just becomes another program is so for a moment
            self.stop = "memory", "it hides what it holds: nobody could say what it takes"
        self._hidden = found.hidden
        self.peak = max(self.peak, found.memory + min(files, (self.limits["disk"] + 1) * MIB))
        if found.memory + files > most + SLACK:
            self.stop = "memory", f"it took more than {self.limits['memory']} MiB of memory, its files included"
        elif files > self.limits["disk"] * MIB + MIB:
            self.stop = "memory", f"it wrote more than {self.limits['disk']} MiB of files"
        elif self.cpu > self.limits["cpu"]:
            self.stop = "cpu", f"it took more than {self.limits['cpu']:g} s of processor time"
        elif found.tasks > self.limits["processes"] + 1:
            self.stop = "memory", f"it had more than {self.limits['processes']} processes and threads"

    def _outcome(self) -> "dict[str, Any]":
        status, reason, code = self._judged()
        return {
            "status": status,
            "reason": reason,
            "exit": code,
            "cpu_ms": round(1e3 * max(self.cpu, self.report.get("cpu", 0.0)), 3),
            "wall_ms": round(1e3 * self.wall, 3),
            "peak_mb": round(max(self.peak, 1024 * self.report.get("peak", 0)) / MIB, 3),
        }

    def _judged(self) -> "tuple[str, str, int | None]":
        if "failed" in self.report:
            return "setup_failed", self.report["failed"], None
        if self.stop is not None:
            return *self.stop, None
        code, number = self.report.get("exit"), self.report.get("signal")
        full = self.report.get("peak", 0) * 1024 > 0.9 * self.limits["memory"] * MIB
        if number == OUT_OF_MEMORY or (code != 0 and full):
            return "memory", f"its memory reached the limit of {self.limits['memory']} MiB", None
        spent = self.report.get("cpu", 0.0)
        if spent > self.limits["cpu"] or (number == signal.SIGXCPU and spent > 0.8 * self.limits["cpu"]):
            return "cpu", f"it took more than {self.limits['cpu']:g} s of processor time", None
        if number is not None:
            return "crashed", f"it was ended by signal {number} ({_name(number)})", None
        return ("ok", "", 0) if code == 0 else ("nonzero", f"it left with exit code {code}", code)


def _name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return "unnamed"
