"""A control group for a zygote and all below it, where this user may make one: a second, hard bound.

Never required: the monitor holds the limits without it, ten milliseconds late. Version 2 where a group was delegated to
us with its controllers, version 1 where root may write; anything else gives no group.
"""

import contextlib
import os
import time
from collections.abc import Mapping

__all__ = ["Group", "found"]

MOUNT = "/sys/fs/cgroup"
NAME = "regrowth-"
HEADROOM = 48 << 20
"""What zygote and keepers take, and what the monitor is to notice first."""
NEAR, PATIENCE = 8 << 20, 2.0
"""Bytes above what the group held at first that are taken for nothing, and seconds to wait for them to go."""
FILES = {
    2: {"memory": "memory.max", "pids": "pids.max", "killed": "memory.events", "used": "memory.current"},
    1: {
        "memory": "memory.limit_in_bytes",
        "pids": "pids.max",
        "cpuacct": "cpuacct.usage",
        "killed": "memory.oom_control",
        "used": "memory.usage_in_bytes",
    },
}


class Group:
    """Folders of one group: one in version 2, one per controller in version 1."""

    def __init__(self, version: int, folders: "Mapping[str, str]") -> None:
        self.version = version
        self.folders = folders
        self._bounds: dict[str, int] = {}
        self._killed = 0
        self._used = 0.0
        self._rest = 0

    def join(self) -> None:
        """Put this process, and all it starts, into the group."""
        for folder in set(self.folders.values()):
            _write(f"{folder}/cgroup.procs", "0")

    def bound(self, memory: int, tasks: int) -> None:
        """Set the limits for the next job, in bytes and processes; other wardens' groups have their own."""
        self._settle()
        for name, value in (("memory", memory + HEADROOM), ("pids", tasks)):
            if name in self.folders and self._bounds.get(name) != value:
                with contextlib.suppress(OSError):
                    _write(f"{self.folders[name]}/{FILES[self.version][name]}", str(value))
                    self._bounds[name] = value
        self._killed = self._kills()
        self._used = self._processor()

    def _settle(self) -> None:
        """Wait until the memory of the last job is given back: the kernel takes it from processes that are gone, later.

        The next program would be killed for it.
        """
        deadline = time.monotonic() + PATIENCE
        while self._rest and self._held() > self._rest + NEAR and time.monotonic() < deadline:
            time.sleep(0.002)
        self._rest = self._rest or self._held()

    def _held(self) -> int:
        """Return the bytes of the group that the kernel cannot get back by dropping files it has read."""
        if "memory" not in self.folders:
            return 0
        with contextlib.suppress(OSError, ValueError):
            with open(f"{self.folders['memory']}/{FILES[self.version]['used']}") as file:
                used = int(file.read())
            if used <= self._rest + NEAR:
                return used  # nothing else has to be read, as is the rule
            with open(f"{self.folders['memory']}/memory.stat") as file:
                stat = dict(line.split() for line in file)
            return used - int(stat.get("cache", stat.get("file", 0))) + int(stat.get("shmem", 0))
        return 0

    def spent(self) -> float:
        """Return the seconds of processor time since the limits were set, of all that lived since, however short."""
        return self._processor() - self._used

    def _processor(self) -> float:
        with contextlib.suppress(OSError, ValueError, StopIteration):
            if self.version == 2:
                with open(f"{next(iter(self.folders.values()))}/cpu.stat") as file:
                    return int(file.readline().split()[1]) / 1e6
            if "cpuacct" in self.folders:
                with open(f"{self.folders['cpuacct']}/cpuacct.usage") as file:
                    return int(file.read()) / 1e9
        return 0.0

    def killed(self) -> bool:
        """Return whether the kernel had to kill something in here since the limits were set."""
        return self._kills() > self._killed

    def _kills(self) -> int:
        if "memory" not in self.folders:
            return 0
        with open(f"{self.folders['memory']}/{FILES[self.version]['killed']}") as file:
            return next((int(line.split()[1]) for line in file if line.startswith("oom_kill ")), 0)

    def close(self) -> None:
        """Remove the group; all its processes have ended."""
        for folder in set(self.folders.values()):
            with contextlib.suppress(OSError):
                os.rmdir(folder)


def found() -> "Group | None":
    """Make a group and return it, or nothing where that is not allowed."""
    for version, parents in ((2, _parents_v2()), (1, _parents_v1())):
        folders: dict[str, str] = {}
        for name, parent in parents.items():
            _remove_left_over(parent)
            folder = f"{parent}/{NAME}{os.getpid()}"
            with contextlib.suppress(OSError):
                os.makedirs(folder, exist_ok=True)
                if os.access(f"{folder}/{FILES[version][name]}", os.W_OK):
                    folders[name] = folder
                else:
                    os.rmdir(folder)
        if folders:
            return Group(version, folders)
    return None


def _own() -> "list[list[str]]":
    with contextlib.suppress(OSError), open("/proc/self/cgroup") as file:
        return [line.rstrip("\n").split(":", 2) for line in file]
    return []


def _parents_v2() -> "dict[str, str]":
    path = next((path for number, _, path in _own() if number == "0"), "").rstrip("/")
    folder = f"{MOUNT}{path}"
    with contextlib.suppress(OSError), open(f"{folder}/cgroup.subtree_control") as file:
        return {name: folder for name in file.read().split() if name in FILES[2]}
    return {}


def _parents_v1() -> "dict[str, str]":
    parents: dict[str, str] = {}
    for _, names, path in _own():
        for name in set(names.split(",")) & set(FILES[1]):
            parents[name] = f"{MOUNT}/{name}{path}".rstrip("/")
    return parents


def _remove_left_over(parent: str) -> None:
    """Remove the groups of wardens that were killed."""
    with contextlib.suppress(OSError), os.scandir(parent) as entries:
        for entry in entries:
            number = entry.name.removeprefix(NAME)
            if entry.name.startswith(NAME) and number.isdigit() and not os.path.exists(f"/proc/{number}"):
                with contextlib.suppress(OSError):
                    os.rmdir(entry.path)


def _write(path: str, text: str) -> None:
    with open(path, "w") as file:
        file.write(text)
