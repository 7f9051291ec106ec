"""Files that are whole or not there: atomic writes, a lock, and what the disk refused in plain words."""

import errno
import fcntl
import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from regrowth.core.errors import StoreError

__all__ = ["locked", "replace_folder", "replacing", "sync", "sync_folder", "told", "write_text"]


@contextmanager
def replacing(path: Path) -> Iterator[IO[bytes]]:
    """Open a file beside its place; put it there, forced to the disk, if all went well, else leave nothing.

    Raises:
        StoreError: the disk is full or the folder cannot be written.
    """
    draft = path.with_name(f".{path.name}.{uuid.uuid4().hex[:12]}.unfinished")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with draft.open("xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
        sync(path.parent)
    except OSError as error:
        raise told(error, path.parent) from error
    finally:
        with suppress(OSError):  # the folder is not there or not ours, so nothing was left in it
            draft.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write a text file so that a reader, or a crash, sees the old one or the new one.

    Raises:
        StoreError: the disk is full or the folder cannot be written.
    """
    with replacing(path) as file:
        file.write(text.encode("utf-8"))


def replace_folder(new: Path, place: Path) -> None:
    """Put a finished folder in its place; whoever looks sees the old one, none, or the new one, never a mixture."""
    sync_folder(new)
    old = place.with_name(f".{place.name}.old")
    shutil.rmtree(old, ignore_errors=True)
    if place.exists():
        place.rename(old)
    new.rename(place)
    sync_folder(place.parent)
    shutil.rmtree(old, ignore_errors=True)


def sync_folder(folder: Path) -> None:
    """Force the files of a folder, and the folder itself, to the disk."""
    for path in (*(entry for entry in folder.iterdir() if entry.is_file()), folder):
        sync(path)


def sync(path: Path) -> None:
    """Force a file, or the entries of a folder, to the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def locked(path: Path) -> int:
    """Take a lock file and return its handle; closing it, or dying, gives it free.

    Raises:
        StoreError: another process holds it.
    """
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        holder = os.read(handle, 20).decode() or "unknown"
        os.close(handle)
        raise StoreError(
            f"{path.parent}: in use by process {holder}. One process writes a run folder at a time; "
            "wait for it, or choose another folder."
        ) from None
    os.truncate(handle, 0)
    os.write(handle, str(os.getpid()).encode())
    return handle


def told(error: Exception, folder: Path) -> StoreError:
    """Say in words what the disk refused."""
    text = str(error)
    if isinstance(error, StoreError):
        return error
    full = getattr(error, "errno", None) in (errno.ENOSPC, errno.EDQUOT) or "disk is full" in text
    denied = getattr(error, "errno", None) in (errno.EACCES, errno.EROFS, errno.EPERM) or "readonly" in text
    if full:
        return StoreError(f"{folder}: the disk is full. All that was committed is kept; free space and run it again.")
    if denied or "unable to open" in text:
        return StoreError(f"{folder}: cannot be written ({text}). Choose a folder you may write to.")
    return StoreError(f"{folder}: {text}")
