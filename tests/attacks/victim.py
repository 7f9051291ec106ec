"""A process of the host that attacks may try to reach: it holds secrets, and tells of every signal it gets.

Arguments: a mark and a token that its command line gives away, a file to hold open, the pipe to report to. The secret
that it holds in memory comes through its input, the address of it goes to its output.
"""

import ctypes
import os
import signal
import sys
import time

__all__ = ["HELD"]

HELD = 33
"""The descriptor of a file that has no name any more."""


def main() -> None:
    """Hold, and tell."""
    _, _mark, _token, path, report = sys.argv
    tell = int(report)
    ctypes.CDLL(None).prctl(1, 9, 0, 0, 0)  # ends with the host
    memory = ctypes.create_string_buffer(sys.stdin.readline().strip().encode())
    os.dup2(os.open(path, os.O_RDONLY), HELD)
    os.unlink(path)  # noqa: PTH108
    for number in set(range(1, 65)) - {signal.SIGKILL, signal.SIGSTOP, signal.SIGCHLD, 32, 33}:
        signal.signal(number, lambda number, _frame: os.write(tell, bytes([number])) and None)
    os.write(1, f"{ctypes.addressof(memory)}\n".encode())
    until = time.monotonic() + 1800
    while time.monotonic() < until:
        time.sleep(5)


if __name__ == "__main__":
    main()
