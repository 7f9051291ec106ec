"""The warden's own life: start a zygote, take one job after the other from the host, leave with it."""

import contextlib
import json
import math
import os
import signal
import socket
import sys
import sysconfig
import time
from collections.abc import Mapping
from typing import Any

from . import cgroups, landlock, monitor, root, wire, zygote
from .enclosure import Enclosure, Landlock, Namespaces
from .folders import Folders
from .job import HostGone, Job
from .kernel import receive_descriptors, set_subreaper, wait_little
from .program import BESIDES

__all__ = ["main"]

START, PATIENCE = 20.0, 5.0
"""Seconds for the zygote to get warm, and for it and what is below it to leave."""
EVERY_USER = 1 << 32
OUT_OF_MEMORY = "it took more memory than its limit, and the kernel killed it"
SPARE = 32
"""Processes that this user may start elsewhere before the next count."""
FRESH = 2.0
"""Seconds for which a count of the user's processes is believed."""


def main() -> None:
    """Live until the host closes the line at descriptor 0."""
    host = socket.socket(fileno=os.dup(0))
    null = os.open(os.devnull, os.O_RDWR)
    for number in range(3):
        os.dup2(null, number)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    set_subreaper()
    office = None
    try:
        settings, _, _ = wire.receive(host)
        office = Office(settings, host)
        office.open()
        while True:
            office.serve()
    except (EOFError, HostGone, ConnectionError):
        pass
    except Exception as error:
        with contextlib.suppress(OSError):
            wire.send(host, {"broken": f"{type(error).__name__}: {error}"})
    finally:
        if office is not None:
            office.close()


class Office:
    """What a warden holds."""

    def __init__(self, settings: "Mapping[str, Any]", host: socket.socket) -> None:
        self.tier: int = settings["tier"]
        self.host = host
        self.zygote, self._far = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        user = _unused_user() if os.getuid() == 0 else os.getuid()
        library = sysconfig.get_path("stdlib")
        paths = [*settings["paths"], *root.interpreter_paths(sys.executable, library, sys.base_prefix)]
        self.enclosure: Enclosure = (Namespaces if self.tier == 2 else Landlock)(paths, user)
        self.folders = Folders(user) if self.tier == 1 else None
        self.shares_user = self.tier == 1 and os.getuid() != 0
        self.group: cgroups.Group | None = None
        self.pid = 0
        self._counted = (-math.inf, 0)

    def open(self) -> None:
        """Fork the zygote, before anything of a job was read, and wait until it is warm."""
        if self.tier == 1 and (found := landlock.abi()) < landlock.LEAST_ABI:
            raise OSError(f"Landlock ABI {landlock.LEAST_ABI} is needed (Linux 6.12), the kernel has {found}")
        self.group = cgroups.found()
        self.pid = os.fork()
        if self.pid == 0:
            self._become_zygote()
        self._far.close()
        wait_little()
        self.zygote.settimeout(START)
        message, _ = receive_descriptors(self.zygote)
        self.zygote.settimeout(None)
        if message != b"ready":
            raise OSError(message.decode("utf-8", "replace") or "the zygote did not start")
        wire.send(self.host, {"ready": True, "python": sys.version.split()[0], "executable": sys.executable})

    def _become_zygote(self) -> None:
        try:
            self.zygote.close()
            self.host.close()
            if self.group is not None:
                self.group.join()
            zygote.live(self._far, self.enclosure)
        except BaseException as error:
            with contextlib.suppress(OSError):
                self._far.send(f"{error}"[:2000].encode())
        finally:
            os._exit(1)

    def serve(self) -> None:
        """Take one job and answer it."""
        limits, first, second = wire.receive(self.host)
        limits["tier"] = self.tier
        payload = wire.fill(self.host, first, "job")
        stdin = wire.fill(self.host, second, "stdin")
        message = {
            "memory": limits["memory"],
            "disk": limits["disk"],
            "processes": limits["processes"],
            "cpu": math.ceil(limits["cpu"]) + 1,
            "others": self._others(),
        }
        folder = ""
        if self.group is not None:
            self.group.bound(limits["memory"] << 20, limits["processes"] + BESIDES + 2)
        try:
            if self.folders is not None:
                folder = message["folder"] = self.folders.next()
            job = Job(limits, self.host, self._file_bytes, self.group.spent if self.group is not None else None)
            outcome = job.run(self.zygote, json.dumps(message).encode(), payload, stdin)
        finally:
            os.close(payload)
            os.close(stdin)
            if self.folders is not None and folder:
                self.folders.remove(folder)
        if self.group is not None and outcome["status"] in ("crashed", "nonzero") and self.group.killed():
            outcome |= {"status": "memory", "reason": OUT_OF_MEMORY, "exit": None}
        said = (bytes(job.said[name]) for name in ("stdout", "stderr"))
        wire.send(self.host, outcome, *(_without(folder, stream) for stream in said))

    def _file_bytes(self, job: Job) -> int:
        if self.tier == 2:
            return monitor.tmpfs_bytes(job.box)
        assert self.folders is not None
        folder = self.folders.current
        return monitor.folder_bytes(folder) + monitor.unnamed_bytes(job.pid, folder, job.limits["disk"] << 20)

    def _others(self) -> int:
        """Return how many processes of the same user the kernel counts besides the program's."""
        if not self.shares_user:
            return BESIDES
        when, count = self._counted
        if time.monotonic() - when > FRESH:
            count = monitor.user_tasks(os.getuid())
            self._counted = time.monotonic(), count
        return count + SPARE

    def close(self) -> None:
        """End the zygote and all below it, and leave nothing in the file system."""
        self.zygote.close()
        deadline = time.monotonic() + PATIENCE
        while self.pid and time.monotonic() < deadline:
            try:
                found, _ = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                self.pid = 0
            else:
                time.sleep(0 if found else 0.002)
        if self.pid:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)
        if self.folders is not None:
            self.folders.close()
        if self.group is not None:
            self.group.close()


def _without(folder: str, said: bytes) -> bytes:
    """Call a job's folders what tier 2 calls them: errors quote them, and outcomes are to be the same every time."""
    if not folder:
        return said
    return said.replace(f"{folder}/box".encode(), b"/box").replace(f"{folder}/tmp".encode(), b"/tmp")


def _unused_user() -> int:
    """Return a user number that nothing belongs to: no other warden's, for it comes from the process id."""
    mapped = 0
    with open("/proc/self/uid_map") as file:
        for line in file:
            mapped += int(line.split()[2])
    return 2_000_000_000 + os.getpid() if mapped >= EVERY_USER - 1 else 60_000 + os.getpid() % 5_000
