"""The two ways to enclose programs, behind one face: `Namespaces` (tier 2) and `Landlock` (tier 1).

enter      the zygote, once: gives up what no program below may ever have
begin      a new keeper, once per job: what only this job may see
lock       a new program, once: gives up the rest; from here on it is not trusted
"""

import os
import signal
from collections.abc import Mapping, Sequence

from . import landlock, root, seccomp
from .kernel import (
    NEW_CGROUP,
    NEW_IPC,
    NEW_MOUNTS,
    NEW_NET,
    NEW_PID,
    NEW_USER,
    NEW_UTS,
    NODEV,
    NOEXEC,
    NOSUID,
    RDONLY,
    become,
    bound_capabilities,
    call,
    die_with_parent,
    drop_capabilities,
    fork,
    mount,
    protect,
    set_dumpable,
    set_subreaper,
)

__all__ = ["Enclosure", "Landlock", "Namespaces", "Place"]

PATH = "/usr/local/bin:/usr/bin:/bin"
READABLE_DEVICES = ("/dev/zero", "/dev/full", "/dev/random", "/dev/urandom")


class Place:
    """Where one job works."""

    def __init__(self, box: str, scratch: str) -> None:
        self.box = box
        self.scratch = scratch

    def environment(self) -> "dict[str, str]":
        """Return all that a program finds in its environment."""
        return {
            "PATH": PATH,
            "HOME": self.box,
            "TMPDIR": self.scratch,
            "LANG": "C.UTF-8",
            "PYTHONHASHSEED": "0",
            "PYTHONDONTWRITEBYTECODE": "1",
        }


class Enclosure:
    """What both ways have in common."""

    def __init__(self, paths: Sequence[str], user: int) -> None:
        self.paths = paths
        self.user = user
        """Whom to become: an unused number where this is root, else this user."""

    def enter(self) -> None:
        """Enclose the process that is to be the zygote; may go on in a child of it."""
        raise NotImplementedError

    def fork_keeper(self) -> int:
        """Fork the parent of a program."""
        return fork()

    def begin(self, job: Mapping[str, int], folder: str) -> Place:
        """Enclose a keeper and give its job empty folders."""
        raise NotImplementedError

    def safe_to_end_all(self) -> bool:
        """Return whether a signal to everybody reaches only processes of this keeper's job."""
        raise NotImplementedError

    def lock(self, place: Place) -> None:
        """Take from a program all that it has no business with."""
        raise NotImplementedError


class Namespaces(Enclosure):
    """User, mount, process, network and other namespaces, with a root of its own in memory."""

    def enter(self) -> None:
        """Make the namespaces and go on in them, in a child that is their first process."""
        outer = os.getuid()
        if outer == 0:
            call("unshare", NEW_MOUNTS)
            root.build(self.paths, proc=True)
            become(self.user)
            set_dumpable(yes=True)
        user, group = os.getuid(), os.getgid()
        call("unshare", NEW_USER | NEW_MOUNTS | NEW_PID | NEW_NET | NEW_IPC | NEW_UTS | NEW_CGROUP)
        _write("/proc/self/setgroups", "deny")
        _write("/proc/self/uid_map", f"{root.USER} {user} 1")
        _write("/proc/self/gid_map", f"{root.USER} {group} 1")
        _go_on_in_a_child()
        if outer == 0:
            mount("proc", "/proc", "proc", NOSUID | NODEV | NOEXEC)
        else:
            root.build(self.paths, proc=True)
        call("sethostname", b"sandbox", 7)
        bound_capabilities()
        seccomp.prepare()
        self._home = os.open("/proc/self/ns/pid", os.O_RDONLY | os.O_CLOEXEC)

    def fork_keeper(self) -> int:
        """Fork the first process of a new process-id namespace."""
        call("unshare", NEW_PID)
        try:
            pid = fork()
        except OSError:
            call("setns", self._home, NEW_PID)
            raise
        if pid:
            call("setns", self._home, NEW_PID)
        return pid

    def begin(self, job: Mapping[str, int], folder: str) -> Place:
        """Give the job its own mounts, network, messages and list of processes."""
        call("unshare", NEW_MOUNTS | NEW_IPC | NEW_NET)
        root.furnish(job["disk"])
        return Place("/box", "/tmp")

    def safe_to_end_all(self) -> bool:
        """Return whether this is the first process of its namespace: nobody else can be seen from there."""
        return os.getpid() == 1

    def lock(self, place: Place) -> None:
        """Give up writing to /proc, all capabilities and the forbidden system calls."""
        protect("/proc", RDONLY, recursive=False)
        drop_capabilities()
        seccomp.forbid(own_files=True)


class Landlock(Enclosure):
    """Rules on paths, network and signals; needs nothing but a kernel that has them."""

    def enter(self) -> None:
        """Become a user whom nothing belongs to, if this is root, and let no signal out."""
        set_subreaper()
        if os.getuid() == 0:
            become(self.user)
        die_with_parent()
        set_dumpable(yes=False)
        bound_capabilities()
        landlock.only_signals()
        seccomp.prepare()
        self._readable = [*root.seen_by_all(), *self.paths, *READABLE_DEVICES]

    def begin(self, job: Mapping[str, int], folder: str) -> Place:
        """Make the job's folders and let no signal out of the job."""
        set_subreaper()
        landlock.only_signals()
        place = Place(f"{folder}/box", f"{folder}/tmp")
        for path in (folder, place.box, place.scratch):
            os.mkdir(path, 0o700)
        os.chdir(place.box)
        return place

    def safe_to_end_all(self) -> bool:
        """Return whether signals to a process outside of the job are refused; asked anew before each use."""
        if os.getuid() == 0:
            return False
        try:
            os.kill(os.getppid(), 0)
        except PermissionError:
            return True
        return False

    def lock(self, place: Place) -> None:
        """Give up all files but the job's folders and what is needed to run anything."""
        drop_capabilities()
        landlock.enclose(
            readable=self._readable,
            writable=[place.box, place.scratch],
            devices=["/dev/null"],
        )
        seccomp.forbid(own_files=False)


def _write(path: str, text: str) -> None:
    with open(path, "w") as file:
        file.write(text)


def _go_on_in_a_child() -> None:
    """Fork; the parent waits and leaves with the child, so that ending either ends both."""
    die_with_parent()
    pid = os.fork()
    if pid:
        os.closerange(0, 4096)
        os.waitpid(pid, 0)
        os._exit(0)
    die_with_parent()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
