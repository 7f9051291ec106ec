"""How host and warden talk: a length, then that many bytes; plain data as JSON, streams as they are."""

import fcntl
import json
import os
import socket
import struct
from typing import Any

__all__ = ["HEAD", "fill", "receive", "send"]

SEALS = fcntl.F_SEAL_WRITE | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_SEAL
HEAD = struct.Struct("=III")
"""Bytes of the plain data, of a first stream and of a second one."""


def send(line: socket.socket, data: object, first: bytes = b"", second: bytes = b"") -> None:
    """Send plain data and two streams of bytes."""
    plain = json.dumps(data).encode()
    line.sendall(HEAD.pack(len(plain), len(first), len(second)) + plain + first + second)


def _exactly(line: socket.socket, count: int) -> bytes:
    found = bytearray()
    while len(found) < count:
        some = line.recv(min(count - len(found), 1 << 20))
        if not some:
            raise EOFError("the other end is gone")
        found += some
    return bytes(found)


def receive(line: socket.socket) -> "tuple[Any, int, int]":
    """Receive plain data, and how many bytes of each stream follow.

    Raises:
        EOFError: the other end is gone.
    """
    plain, first, second = HEAD.unpack(_exactly(line, HEAD.size))
    return json.loads(_exactly(line, plain)), first, second


def fill(line: socket.socket, count: int, name: str) -> int:
    """Receive a stream into a sealed file in memory, and return it opened for reading only."""
    held = os.memfd_create(name, os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    try:
        while count:
            some = line.recv(min(count, 1 << 20))
            if not some:
                raise EOFError("the other end is gone")
            count -= len(some)
            os.write(held, some)
        fcntl.fcntl(held, fcntl.F_ADD_SEALS, SEALS)
        return os.open(f"/proc/self/fd/{held}", os.O_RDONLY | os.O_CLOEXEC)
    finally:
        os.close(held)
