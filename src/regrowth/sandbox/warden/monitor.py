"""What all processes of a job take together, read from /proc of the warden, where the job cannot write."""

import contextlib
import os
import stat
from collections.abc import Iterator
from typing import NamedTuple

__all__ = [
    "TICK",
    "TOO_MUCH",
    "Census",
    "census",
    "folder_bytes",
    "pid_of",
    "tmpfs_bytes",
    "unnamed_bytes",
    "user_tasks",
]

TICK = os.sysconf("SC_CLK_TCK")
MIB = 1 << 20
A_SOCKET, A_PIPE = 212_992, 65_536
"""Bytes that the kernel may hold for one open end."""
FEW_OPEN = 24
"""Open files of a process up to which what the kernel holds for them is not counted."""
MOST_ENTRIES = 4096
"""Files and folders that a job may have where they have to be counted one by one."""
MANY_TABLES = 4
"""MiB of page tables of a process from which on its shared pages are not told apart: that walks through all of them,
which takes longer than filling the memory. Pages enough for as many tables would be 2 GiB."""
TOO_MUCH = 1 << 62


class Census(NamedTuple):
    """What was found."""

    tasks: int
    """Processes and threads."""
    cpu: float
    """Seconds of the living, and of the ended whose parents waited for them."""
    own: "dict[tuple[int, int], int]"
    """Clock ticks of each process alone, by process id and start."""
    memory: int
    """Bytes resident, swapped and in page tables, and what the kernel holds for pipes and sockets where there are many.
    Shared pages count in full as long as that stays far below the limit, else by share."""
    hidden: "set[str]"
    """Processes that may not be looked into, though they are ours and live."""


def census(keeper: int, most: int) -> Census:
    """Count the processes below a keeper.

    Args:
        keeper: its process id.
        most: bytes from which on shared pages are told apart, which is dear.
    """
    tasks, ticks = 0, 0
    own: dict[tuple[int, int], int] = {}
    living: list[str] = []
    with contextlib.suppress(OSError, ValueError):
        ticks += sum(map(int, _stat(keeper)[13:15]))
    for pid, found in _below(keeper):
        threads = int(found[17])
        tasks += threads
        ticks += sum(map(int, found[11:15]))
        own[pid, int(found[19])] = int(found[11]) + int(found[12])
        living.append(_living(pid, threads, found[0]))
    memory = sum(map(_taken, living))
    if memory > most // 2:
        memory = sum(map(_share, living))
    buffers: dict[str, int] = {}
    hidden = {folder for folder in living if not _add_buffers(folder, buffers)}
    return Census(tasks, ticks / TICK, own, memory + sum(buffers.values()), hidden)


def _below(keeper: int) -> "Iterator[tuple[int, list[bytes]]]":
    """Give the process id and the figures of every process below a keeper."""
    waiting = _children(keeper, 1)
    while waiting:
        pid = waiting.pop()
        try:
            found = _stat(pid)
        except (OSError, ValueError):
            continue
        yield pid, found
        waiting += _children(pid, int(found[17]))


def _living(pid: int, threads: int, state: bytes) -> str:
    """Return where to read of a process: its first thread may have left, and then knows nothing of the others."""
    if state == b"Z" and threads > 1:
        with contextlib.suppress(OSError, StopIteration):
            return f"/proc/{pid}/task/{next(task for task in os.listdir(f'/proc/{pid}/task') if task != str(pid))}"
    return f"/proc/{pid}"


def _read(path: str, most: int = 65_536) -> bytes:
    opened = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        return os.read(opened, most)
    finally:
        os.close(opened)


def _stat(pid: int) -> "list[bytes]":
    return _read(f"/proc/{pid}/stat").rpartition(b")")[2].split()


def _children(pid: int, threads: int) -> "list[int]":
    found: list[int] = []
    with contextlib.suppress(OSError):
        for task in [str(pid)] if threads == 1 else os.listdir(f"/proc/{pid}/task"):
            with contextlib.suppress(OSError):
                found += map(int, _read(f"/proc/{pid}/task/{task}/children").split())
    return found


def _summed(path: str, names: "tuple[bytes, ...]") -> int:
    """Return the sum of some lines of a file that gives KiB by name; raises OSError where it cannot be read."""
    return sum(1024 * int(line.split()[1]) for line in _read(path).splitlines() if line.startswith(names))


def _taken(folder: str) -> int:
    with contextlib.suppress(OSError, ValueError, IndexError):
        return _summed(f"{folder}/status", (b"VmRSS:", b"VmSwap:", b"VmPTE:"))
    return 0


def _share(folder: str) -> int:
    try:
        tables = _summed(f"{folder}/status", (b"VmPTE:",))
        if tables > MANY_TABLES * MIB:
            return _taken(folder)
        return _summed(f"{folder}/smaps_rollup", (b"Pss:", b"SwapPss:")) + tables
    except (OSError, ValueError, IndexError):
        return _taken(folder)


def _add_buffers(folder: str, buffers: "dict[str, int]") -> bool:
    """Add what the kernel holds for many pipes and sockets; return whether that can be seen.

    A program hides it by running a file that it may not read (proc(5)). One that is about to end is hidden too, but has
    no memory any more.
    """
    try:
        numbers = os.listdir(f"{folder}/fd")
    except PermissionError:
        with contextlib.suppress(OSError):
            return b"VmSize:" not in _read(f"{folder}/status")
        return True
    except OSError:
        return True
    else:
        for number in numbers if len(numbers) > FEW_OPEN else ():
            with contextlib.suppress(OSError):
                found = os.stat(f"{folder}/fd/{number}")
                if stat.S_ISSOCK(found.st_mode):
                    buffers[f"{found.st_dev}:{found.st_ino}"] = A_SOCKET
                elif stat.S_ISFIFO(found.st_mode):
                    buffers[f"{found.st_dev}:{found.st_ino}"] = A_PIPE
        return True


def unnamed_bytes(keeper: int, folder: str, unknown: int) -> int:
    """Return the bytes of a job's files that have no name any more, and are held open or mapped.

    Args:
        keeper: process id of the keeper.
        folder: where the files were.
        unknown: what to count for a file that is only mapped: its size cannot be asked for.
    """
    held: dict[int, int] = {}
    mark = os.fsencode(folder)
    for pid, found in _below(keeper):
        place = _living(pid, int(found[17]), found[0])
        with contextlib.suppress(OSError, ValueError, IndexError):
            for number in os.listdir(f"{place}/fd"):
                with contextlib.suppress(OSError):
                    file = os.stat(f"{place}/fd/{number}")
                    if stat.S_ISREG(file.st_mode) and file.st_nlink == 0:
                        held[file.st_ino] = file.st_blocks * 512
            with open(f"{place}/maps", "rb") as maps:
                for line in maps:
                    if line.endswith(b" (deleted)\n") and mark in line:
                        held.setdefault(int(line.split(None, 5)[4]), unknown)
    return sum(held.values())


def tmpfs_bytes(folder: int) -> int:
    """Return what is used of the file system in memory that an open folder is on."""
    found = os.fstatvfs(folder)
    return (found.f_blocks - found.f_bfree) * found.f_frsize


def folder_bytes(path: str) -> int:
    """Return the bytes of all files below a folder; links are not followed.

    What cannot be looked into (a path too long, a folder without the right to list it) counts as too much: nobody
    could say what is in there.
    """
    total = entries = 0
    waiting = [path]
    while waiting and entries < MOST_ENTRIES:
        try:
            with os.scandir(waiting.pop()) as found:
                for entry in found:
                    entries += 1
                    with contextlib.suppress(FileNotFoundError):
                        total += entry.stat(follow_symlinks=False).st_blocks * 512
                        if entry.is_dir(follow_symlinks=False):
                            waiting.append(entry.path)
        except FileNotFoundError:
            continue
        except OSError:
            return TOO_MUCH
    return total if entries < MOST_ENTRIES else TOO_MUCH


def pid_of(process: int) -> int:
    """Return the process id behind a pidfd as this process sees it; -1 once it has ended."""
    for line in _read(f"/proc/self/fdinfo/{process}").splitlines():
        if line.startswith(b"Pid:"):
            return int(line.split()[1])
    return -1


def user_tasks(user: int) -> int:
    """Count the processes and threads of a user on this machine."""
    count = 0
    for name in os.listdir("/proc"):
        if name.isdigit():
            with contextlib.suppress(OSError):
                if os.stat(f"/proc/{name}").st_uid == user:
                    count += len(os.listdir(f"/proc/{name}/task"))
    return count
