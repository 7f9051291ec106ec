"""A Python that has its modules loaded and starts every job by forking. It passes a job's descriptors on and never
reads them, so that nothing of one job can be found in the memory of the next."""

import contextlib
import gc
import importlib
import os
import signal
import socket

from . import keeper
from .enclosure import Enclosure
from .kernel import receive_descriptors

__all__ = ["MODULES", "live"]

MODULES = (
    "__future__", "abc", "argparse", "array", "ast", "atexit", "base64", "bisect", "calendar", "cmath", "collections",
    "contextlib", "copy", "csv", "ctypes", "dataclasses", "datetime", "decimal", "difflib", "enum", "fractions",
    "functools", "gc", "hashlib", "heapq", "inspect", "io", "itertools", "json", "keyword", "linecache", "math",
    "numbers", "operator", "os", "pathlib", "pprint", "queue", "random", "re", "runpy", "shutil", "signal", "socket",
    "stat", "statistics", "string", "struct", "subprocess", "sys", "tempfile", "textwrap", "threading", "time",
    "tokenize", "traceback", "types", "typing", "unittest", "uuid", "weakref",
)  # fmt: skip
"""What most programs ask for first."""


def live(line: socket.socket, enclosure: Enclosure) -> None:
    """Enclose this process, get warm, say so, and fork a keeper for every message, until the warden is gone."""
    enclosure.enter()
    _warm()
    line.send(b"ready")
    while True:
        message, descriptors = receive_descriptors(line)
        if not message:
            os._exit(0)
        with contextlib.suppress(OSError):  # the warden sees the line of this job close
            if enclosure.fork_keeper() == 0:
                line.close()
                keeper.keep(enclosure, message.decode(), descriptors)
        for descriptor in descriptors:
            os.close(descriptor)


def _reap(*_: object) -> None:
    """Wait for keepers that have ended: nobody else does, and their processor time is to be counted as ours."""
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


def _warm() -> None:
    for name in MODULES:
        with contextlib.suppress(ImportError):  # some builds lack some
            importlib.import_module(name)
    site = importlib.import_module("site")  # left out by -S; programs call exit() and quit()
    for add in ("setquit", "setcopyright", "sethelper"):
        getattr(site, add)()
    signal.signal(signal.SIGCHLD, _reap)
    gc.collect()
    gc.freeze()
