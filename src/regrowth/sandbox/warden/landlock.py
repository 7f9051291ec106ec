"""Landlock: what a process may open, where it may connect and whom it may signal, without any namespace.

Facts from the kernel's documentation of Landlock (userspace-api/landlock); ABI 6 is Linux 6.12.
"""

import ctypes
import os
import stat
import struct
from collections.abc import Iterable

from .kernel import set_no_new_privileges, syscall

__all__ = ["LEAST_ABI", "abi", "enclose", "only_signals"]

CREATE, ADD, RESTRICT = 444, 445, 446
LEAST_ABI = 6
EVERY_RIGHT = (1 << 16) - 1
READ = 1 << 0 | 1 << 2 | 1 << 3
"""Execute, read files, list folders."""
OF_A_FILE = 1 << 0 | 1 << 1 | 1 << 2 | 1 << 14 | 1 << 15
DEVICE = 1 << 1 | 1 << 2
"""Read and write."""
UNWANTED = 1 << 6 | 1 << 9 | 1 << 11
"""Making character devices, sockets and block devices."""
NETWORK = 3
SIGNALS_AND_SOCKETS = 3


def abi() -> int:
    """Return which version of Landlock the kernel speaks; 0 if it speaks none."""
    try:
        return syscall(CREATE, None, ctypes.c_size_t(0), 1)
    except OSError:
        return 0


def _ruleset(files: int, network: int, scoped: int) -> int:
    attributes = struct.pack("=QQQ", files, network, scoped)
    return syscall(CREATE, attributes, ctypes.c_size_t(len(attributes)), 0)


def _allow(ruleset: int, path: str, rights: int) -> None:
    try:
        opened = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return
    try:
        if not stat.S_ISDIR(os.fstat(opened).st_mode):
            rights &= OF_A_FILE
        syscall(ADD, ruleset, 1, struct.pack("=Qi", rights, opened), 0)
    finally:
        os.close(opened)


def _restrict(ruleset: int) -> None:
    set_no_new_privileges()
    syscall(RESTRICT, ruleset, 0)
    os.close(ruleset)


def enclose(*, readable: Iterable[str], writable: Iterable[str], devices: Iterable[str]) -> None:
    """Bind this process, and all that it starts, to some paths, to no network and to signals among themselves.

    Paths that do not exist are left out. There is no way back.
    """
    ruleset = _ruleset(EVERY_RIGHT, NETWORK, SIGNALS_AND_SOCKETS)
    for path in readable:
        _allow(ruleset, path, READ)
    for path in writable:
        _allow(ruleset, path, EVERY_RIGHT & ~UNWANTED)
    for path in devices:
        _allow(ruleset, path, DEVICE)
    _restrict(ruleset)


def only_signals() -> None:
    """Let this process, and all that it starts, signal nothing but themselves, and open what it could open before."""
    _restrict(_ruleset(0, 0, SIGNALS_AND_SOCKETS))
