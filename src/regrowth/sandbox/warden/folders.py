"""Folders for jobs that have no root of their own, and their removal without following anything a program left."""

import contextlib
import os

__all__ = ["Folders", "remove_tree"]

MEMORY = "/dev/shm"
PREFIX = "regrowth-"


class Folders:
    """One folder per warden, one in it per job."""

    def __init__(self, user: int) -> None:
        parent = MEMORY if os.access(MEMORY, os.W_OK | os.X_OK) else "/tmp"
        _remove_left_over(parent)
        self.path = f"{parent}/{PREFIX}{os.getpid()}"
        self.current = ""
        self._count = 0
        os.mkdir(self.path, 0o700)
        if os.getuid() == 0:
            os.chown(self.path, user, user)

    def next(self) -> str:
        """Return the path of the next job's folder, which is not there yet."""
        self._count += 1
        self.current = f"{self.path}/{self._count}"
        return self.current

    def remove(self, folder: str) -> None:
        """Remove a job's folder; all its processes have ended."""
        self.current = ""
        with contextlib.suppress(FileNotFoundError):
            remove_tree(folder)

    def close(self) -> None:
        """Remove everything."""
        with contextlib.suppress(FileNotFoundError):
            remove_tree(self.path)


def _remove_left_over(parent: str) -> None:
    """Remove what wardens left that were killed."""
    with contextlib.suppress(OSError), os.scandir(parent) as found:
        for entry in list(found):
            number = entry.name.removeprefix(PREFIX)
            if not entry.name.startswith(PREFIX) or not number.isdigit():
                continue
            with contextlib.suppress(OSError):
                owner = entry.stat(follow_symlinks=False).st_uid
                if owner in (os.getuid(), 2_000_000_000 + int(number)) and not os.path.exists(f"/proc/{number}"):
                    remove_tree(entry.path)


def remove_tree(path: str) -> None:
    """Remove a folder and all in it, however deep and with whatever modes, following no link.

    Folders are moved up to the top before they are emptied: no path grows, nothing recurses.
    """
    top = _opened(path, None)
    try:
        moved, prefix = 0, os.urandom(8).hex()
        folders = _emptied(top)
        while folders:
            name = folders.pop()
            inner = _opened(name, top)
            try:
                for found in _emptied(inner):
                    moved += 1
                    folders.append(f"{prefix}{moved}")
                    _move_up(found, inner, folders[-1], top)
            finally:
                os.close(inner)
            os.rmdir(name, dir_fd=top)
    finally:
        os.close(top)
    os.rmdir(path)


def _opened(name: str, parent: "int | None") -> int:
    """Open a folder, one that nobody may open too."""
    flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        opened = os.open(name, flags, dir_fd=parent)
    except PermissionError:
        os.chmod(name, 0o700, dir_fd=parent)
        opened = os.open(name, flags, dir_fd=parent)
    if os.fstat(opened).st_mode & 0o700 != 0o700:
        os.fchmod(opened, 0o700)
    return opened


def _emptied(folder: int) -> "list[str]":
    """Remove the files of an open folder and return the names of its folders."""
    found: list[str] = []
    with os.scandir(folder) as entries:
        for entry in list(entries):
            if entry.is_dir(follow_symlinks=False):
                found.append(entry.name)
            else:
                os.unlink(entry.name, dir_fd=folder)
    return found


def _move_up(name: str, folder: int, new: str, top: int) -> None:
    try:
        os.rename(name, new, src_dir_fd=folder, dst_dir_fd=top)
    except PermissionError:
        os.chmod(name, 0o700, dir_fd=folder)
        os.rename(name, new, src_dir_fd=folder, dst_dir_fd=top)
