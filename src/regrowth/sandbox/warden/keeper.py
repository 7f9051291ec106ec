"""The parent of one program: starts it, reaps all that it leaves, ends everything, reports."""

import contextlib
import errno
import json
import os
import resource
import select
import signal
import socket
from collections.abc import Mapping, Sequence
from typing import NoReturn

from . import program
from .enclosure import Enclosure, Place
from .kernel import fork, send_descriptors, set_dumpable, wait_little

__all__ = ["keep"]

PAYLOAD, STDIN, STDOUT, STDERR, LINE = range(5)
"""Order of the descriptors that come with a job."""
LONGEST = 2000


def keep(enclosure: Enclosure, message: str, descriptors: Sequence[int]) -> NoReturn:
    """Run one program and leave when nothing of it is left."""
    line = socket.socket(fileno=descriptors[LINE])
    try:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        report = _run(enclosure, json.loads(message), descriptors, line)
    except BaseException as error:
        report = {"failed": f"{type(error).__name__}: {error}"[:LONGEST]}
    with contextlib.suppress(OSError):
        line.send(json.dumps(report).encode())
    os._exit(0)


def _run(
    enclosure: Enclosure, job: "Mapping[str, int]", descriptors: Sequence[int], line: socket.socket
) -> "dict[str, object]":
    place = enclosure.begin(job, f"{job.get('folder', '')}")
    wake, woken = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
    trouble, troubled = os.pipe2(os.O_CLOEXEC)
    gate, opener = os.pipe2(os.O_CLOEXEC)
    set_dumpable(yes=True)  # for the program: the monitor has to see it from its first moment
    pid = fork()
    if pid == 0:
        os.close(opener)
        program.begin(enclosure, place, job, descriptors, gate, troubled)
    set_dumpable(yes=False)
    wait_little()
    for descriptor in (troubled, gate, opener):  # closing it opens the gate: nobody can look in here any more
        os.close(descriptor)
    _tell_where(line, place)
    for descriptor in descriptors[:LINE]:
        os.close(descriptor)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(woken, warn_on_full_buffer=False)
    status = _wait(pid, line, wake)
    _end_all(enclosure)
    said = os.read(trouble, LONGEST)
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    report: dict[str, object] = {"cpu": used.ru_utime + used.ru_stime, "peak": used.ru_maxrss}
    if said:
        report["failed"] = said.decode("utf-8", "replace")
    elif status is not None:
        report["signal" if os.WIFSIGNALED(status) else "exit"] = (
            os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)
        )
    return report


def _tell_where(line: socket.socket, place: Place) -> None:
    """Hand the warden this process, and the folder, to count what is used."""
    me, box = os.pidfd_open(os.getpid()), os.open(place.box, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    send_descriptors(line, b"begun", [me, box])
    os.close(me)
    os.close(box)


def _wait(pid: int, line: socket.socket, wake: int) -> "int | None":
    """Reap until the program has ended, and return how; nothing if the warden wants an end, or is gone."""
    poll = select.poll()
    poll.register(line.fileno(), select.POLLIN)
    poll.register(wake, select.POLLIN)
    while True:
        while True:
            try:
                found, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return None
            if found == pid:
                return status
            if found == 0:
                break
        ready = [descriptor for descriptor, _ in poll.poll()]
        if line.fileno() in ready:
            line.recv(16)  # what is left unread resets the line, and the report would be lost
            return None
        with contextlib.suppress(BlockingIOError):
            os.read(wake, 4096)


def _end_all(enclosure: Enclosure) -> None:
    """Kill everything below, all at once, and reap it."""
    with contextlib.suppress(ChildProcessError):
        while True:
            if not enclosure.safe_to_end_all():
                raise OSError(errno.EPERM, "signals are not confined to the job")
            with contextlib.suppress(ProcessLookupError):
                os.kill(-1, signal.SIGKILL)
            os.waitpid(-1, 0)
