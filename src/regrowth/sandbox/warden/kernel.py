"""System calls that Python has no name for."""

import array
import contextlib
import ctypes
import os
import platform
import socket
import struct
from collections.abc import Sequence

__all__ = [
    "EVERY_CAPABILITY",
    "become",
    "bound_capabilities",
    "call",
    "die_with_parent",
    "drop_capabilities",
    "fork",
    "mount",
    "pivot",
    "protect",
    "receive_descriptors",
    "send_descriptors",
    "set_dumpable",
    "set_no_new_privileges",
    "set_subreaper",
    "syscall",
    "unmount",
    "wait_little",
]

libc = ctypes.CDLL(None, use_errno=True)
held = ctypes.PyDLL(None, use_errno=True)
"""The same, without letting other threads run meanwhile."""

PIVOT_ROOT = {"x86_64": 155, "aarch64": 41}
MOUNT_SETATTR = 442
SCHED_SETATTR = {"x86_64": 314, "aarch64": 274}
SHORT_TURN = 200_000
"""Nanoseconds."""
AT_FDCWD = -100
AT_RECURSIVE = 0x8000

NEW_MOUNTS, NEW_CGROUP, NEW_UTS, NEW_IPC = 0x0002_0000, 0x0200_0000, 0x0400_0000, 0x0800_0000
NEW_USER, NEW_PID, NEW_NET = 0x1000_0000, 0x2000_0000, 0x4000_0000

RDONLY, NOSUID, NODEV, NOEXEC = 1, 2, 4, 8
BIND, RECURSIVE, PRIVATE = 4096, 16384, 0x40000
DETACH = 2
EVERY_CAPABILITY = range(64)


def call(name: str, *arguments: object) -> int:
    """Call a function of libc and raise OSError with its name where it fails."""
    result: int = getattr(libc, name)(*arguments)
    if result < 0:
        error = ctypes.get_errno()
        raise OSError(error, f"{name}: {os.strerror(error)}")
    return result


def syscall(number: int, *arguments: object) -> int:
    """Make a system call by its number."""
    return call("syscall", ctypes.c_long(number), *arguments)


def mount(source: "str | None", target: str, kind: "str | None", flags: int, data: "str | None" = None) -> None:
    """Mount something; raises OSError that names the target."""
    raw = [None if text is None else os.fsencode(text) for text in (source, target, kind, data)]
    try:
        call("mount", raw[0], raw[1], raw[2], ctypes.c_ulong(flags), raw[3])
    except OSError as error:
        raise OSError(error.errno, f"mount {kind or 'bind'} {target}: {os.strerror(error.errno or 0)}") from None


def unmount(target: str) -> None:
    """Take a mount out of the tree; it ends when its last user does."""
    call("umount2", os.fsencode(target), DETACH)


def protect(target: str, flags: int, *, recursive: bool) -> None:
    """Add flags, as RDONLY | NOSUID, to a mount, and to those below it; none is ever taken away. Linux 5.12."""
    attributes = struct.pack("=QQQQ", flags, 0, 0, 0)
    syscall(MOUNT_SETATTR, AT_FDCWD, os.fsencode(target), AT_RECURSIVE * recursive, attributes, ctypes.c_size_t(32))


def pivot(root: str) -> None:
    """Make a mount the root and let go of the old one."""
    os.chdir(root)
    syscall(PIVOT_ROOT[platform.machine()], b".", b".")
    call("umount2", b".", DETACH)
    os.chdir("/")


def _control(option: int, value: int) -> None:
    call("prctl", option, *(ctypes.c_ulong(one) for one in (value, 0, 0, 0)))


def die_with_parent() -> None:
    """Have the kernel kill this process when the thread that started it ends; lost when the user changes."""
    _control(1, 9)


def set_dumpable(*, yes: bool) -> None:
    """Say whether other processes of this user may look into this one."""
    _control(4, int(yes))


def set_subreaper() -> None:
    """Become the parent of every orphan below."""
    _control(36, 1)


def set_no_new_privileges() -> None:
    """Let no program that is started from here on gain rights by a set-user-id bit or a file capability."""
    _control(38, 1)


def bound_capabilities() -> None:
    """Let no program that is started from here on gain a capability; this process keeps its own."""
    for capability in EVERY_CAPABILITY:
        libc.prctl(24, ctypes.c_ulong(capability), 0, 0, 0)
    libc.prctl(47, ctypes.c_ulong(4), 0, 0, 0)


def fork() -> int:
    """Fork a process of one thread, without what Python does to the child for the sake of others.

    That takes longer than the fork itself, since it writes to nearly two hundred pages. Nothing here holds a lock or
    has a second thread; random numbers are the one thing that the child must see to itself.
    """
    pid: int = held.fork()
    if pid < 0:
        error = ctypes.get_errno()
        raise OSError(error, f"fork: {os.strerror(error)}")
    return pid


def drop_capabilities() -> None:
    """Give up every capability, for good."""
    call("capset", struct.pack("=Ii", 0x2008_0522, 0), bytes(24))


def become(user: int) -> None:
    """Become another user, in no group but one of the same number."""
    os.setgroups([])
    os.setresgid(user, user, user)
    os.setresuid(user, user, user)


def wait_little() -> None:
    """Ask for short turns at the processor, soon: who ends others at their limits must not queue behind them.

    Linux 6.12 and newer know turns of a length (`sched_runtime`); root may be nicer to itself besides.
    """
    with contextlib.suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, 0, os.getpriority(os.PRIO_PROCESS, 0) - 5)
    attributes = struct.pack("=IIQiIQQQ", 48, 0, 0, os.getpriority(os.PRIO_PROCESS, 0), 0, SHORT_TURN, 0, 0)
    with contextlib.suppress(OSError):
        syscall(SCHED_SETATTR[platform.machine()], 0, attributes, 0)


def send_descriptors(line: socket.socket, message: bytes, descriptors: Sequence[int]) -> None:
    """Send a short message and some open files."""
    line.sendmsg([message], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", descriptors))])


def receive_descriptors(line: socket.socket, most: int = 8) -> "tuple[bytes, list[int]]":
    """Receive a short message and the open files that came with it. An empty one says that the other end is gone."""
    found = array.array("i")
    message, ancillary, _, _ = line.recvmsg(4096, socket.CMSG_SPACE(most * found.itemsize), socket.MSG_CMSG_CLOEXEC)
    for level, kind, data in ancillary:
        if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
            found.frombytes(data[: len(data) - len(data) % found.itemsize])
    return message, found.tolist()
