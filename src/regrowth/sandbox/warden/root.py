"""A root of its own for programs: an empty one in memory, and in it, read-only, what they may see of the host."""

import contextlib
import os
import stat
from collections.abc import Iterable, Iterator, Sequence

from .kernel import BIND, NODEV, NOEXEC, NOSUID, PRIVATE, RDONLY, RECURSIVE, mount, pivot, protect, unmount

__all__ = ["USER", "build", "covered", "furnish", "interpreter_paths", "seen_by_all"]

USER = 1000
"""Number of the one user inside."""
SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32")
SETTINGS = (
    "alternatives",
    "java",
    "julia",
    "ld.so.cache",
    "ld.so.conf",
    "localtime",
    "lua",
    "perl",
    "php",
    "R",
    "racket",
)
"""What tools look for in /etc: entries that begin so."""
DEVICES = ("null", "random", "urandom")
"""No zero: a shared mapping of it is memory that no process is seen to have."""
MADE = {
    "/etc/passwd": f"sandbox:x:{USER}:{USER}::/box:/bin/sh\n",
    "/etc/group": f"sandbox:x:{USER}:\n",
    "/etc/hosts": "127.0.0.1 localhost\n",
    "/etc/nsswitch.conf": "passwd: files\ngroup: files\nhosts: files\n",
}
FOLDERS = ("/box", "/tmp", "/dev/shm", "/proc", "/run", "/dev/pts")
FEW, INODES = 512, 8192


def interpreter_paths(executable: str, library: str, prefix: str) -> "list[str]":
    """Return what of an interpreter has to be seen: its prefix, or the least of it where that holds a whole home."""
    home = os.path.expanduser("~")
    if prefix in ("/", "") or home == prefix or home.startswith(prefix.rstrip("/") + "/"):
        return [os.path.realpath(executable), library]
    return [prefix, os.path.realpath(executable), library]


def seen_by_all() -> "list[str]":
    """Return the paths of this machine that every program may read."""
    with contextlib.suppress(OSError):
        entries = [f"/etc/{name}" for name in os.listdir("/etc") if name.startswith(SETTINGS)]
        return [*SYSTEM, *entries, "/etc/ssl/openssl.cnf"]
    return [*SYSTEM]


def covered(paths: Iterable[str]) -> "list[str]":
    """Return the paths that are below no other, in order."""
    kept: list[str] = []
    for path in sorted({os.path.normpath(path) for path in paths}):
        if not any(path == one or path.startswith(one + "/") for one in kept):
            kept.append(path)
    return kept


def build(paths: Sequence[str], *, proc: bool) -> None:
    """Make the new root the root of this mount namespace, which nobody else may be in.

    Args:
        paths: more files and folders of the host, to be seen read-only at the same place; missing ones are left out.
        proc: whether the processes of this process-id namespace are to be seen meanwhile; user maps are written there.
    """
    mount(None, "/", None, RECURSIVE | PRIVATE)
    sources = list(_opened(paths))
    base = "/tmp"
    mount("sandbox", base, "tmpfs", NOSUID | NODEV, f"size=1m,nr_inodes={FEW},mode=755")
    for place in FOLDERS:
        os.makedirs(base + place, exist_ok=True)
    for path, source in sources:
        _show(path, source, base)
    for name in DEVICES:
        _device(name, base)
    for name, target in (("fd", "/proc/self/fd"), ("stdin", "fd/0"), ("stdout", "fd/1"), ("stderr", "fd/2")):
        os.symlink(target, f"{base}/dev/{name}")
    for path, text in MADE.items():
        os.makedirs(os.path.dirname(base + path), exist_ok=True)
        with open(base + path, "x") as file:
            file.write(text)
    for _, source in sources:
        if isinstance(source, int):
            os.close(source)
    if proc:
        mount("proc", base + "/proc", "proc", NOSUID | NODEV | NOEXEC)
    pivot(base)
    protect("/", RDONLY | NOSUID | NODEV, recursive=False)


def _opened(paths: Sequence[str]) -> "Iterator[tuple[str, int | str]]":
    """Give each path with an open descriptor, or with its target where it is a link at the top."""
    for path in covered([*seen_by_all(), *paths]):
        if path in SYSTEM and os.path.islink(path):
            yield path, os.readlink(path)
            continue
        try:
            yield path, os.open(path, os.O_PATH | os.O_CLOEXEC)
        except OSError:
            continue


def _show(path: str, source: "int | str", base: str) -> None:
    target = base + path
    os.makedirs(os.path.dirname(target), exist_ok=True)
    if isinstance(source, str):
        os.symlink(source, target)
        return
    if stat.S_ISDIR(os.fstat(source).st_mode):
        os.makedirs(target, exist_ok=True)
    else:
        os.close(os.open(target, os.O_CREAT | os.O_WRONLY | os.O_CLOEXEC, 0o644))
    mount(f"/proc/self/fd/{source}", target, None, BIND | RECURSIVE)
    protect(target, RDONLY | NOSUID | NODEV, recursive=True)


def _device(name: str, base: str) -> None:
    target = f"{base}/dev/{name}"
    os.close(os.open(target, os.O_CREAT | os.O_WRONLY | os.O_CLOEXEC, 0o666))
    try:
        mount(f"/dev/{name}", target, None, BIND)
        protect(target, NOSUID | NOEXEC, recursive=False)
    except OSError:
        if name in ("null", "urandom"):
            raise


def furnish(disk: int) -> None:
    """Give a job, in a mount namespace of its own, empty folders to write to and the list of its own processes.

    Args:
        disk: MiB that it may write, all folders together.
    """
    mount("box", "/run", "tmpfs", NOSUID | NODEV, f"size={disk}m,nr_inodes={INODES},mode=755")
    for name, place in (("box", "/box"), ("tmp", "/tmp"), ("shm", "/dev/shm")):
        os.mkdir(f"/run/{name}", 0o700)
        mount(f"/run/{name}", place, None, BIND)
    unmount("/run")
    mount("proc", "/proc", "proc", NOSUID | NODEV | NOEXEC)
    os.chdir("/box")
