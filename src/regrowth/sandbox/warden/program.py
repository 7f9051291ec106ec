"""What becomes the program: writes its files, locks itself down, and runs."""

import atexit
import builtins
import contextlib
import gc
import io
import json
import os
import random
import resource
import runpy
import signal
import sys
import threading
import types
from collections.abc import Mapping, Sequence
from typing import NoReturn

from .enclosure import Enclosure, Place
from .kernel import die_with_parent

__all__ = ["OUT_OF_MEMORY", "begin"]

MIB = 1 << 20
OUT_OF_MEMORY = signal.SIGRTMAX - 1
"""How a warm Python says that an uncaught MemoryError ended it."""
OPEN_FILES = 256
BESIDES = 3
"""Processes of the same user in the same namespace that are not the program's: zygote, its parent, keeper."""


def begin(
    enclosure: Enclosure, place: Place, job: Mapping[str, int], descriptors: Sequence[int], gate: int, trouble: int
) -> NoReturn:
    """Become the program, once the other end of `gate` is closed; what goes wrong before is written to `trouble`."""
    try:
        argv = _furnish(place, descriptors)
        os.read(gate, 1)
        _close_all_but(trouble)
        _limit(job)
        enclosure.lock(place)
        for name in [name for name in sys.modules if name.partition(".")[0] == "warden"]:
            del sys.modules[name]
        warm = argv[0] == "python" and (len(argv) == 1 or argv[1] in ("-c", "-m", "-") or argv[1][:1] != "-")
        if not warm:
            _replace(argv, place)
    except BaseException as error:
        os.write(trouble, f"{error}"[:1000].encode("utf-8", "replace") or b"unknown")
        os._exit(127)
    os.close(trouble)
    _run_warm(argv[1:])


def _furnish(place: Place, descriptors: Sequence[int]) -> "list[str]":
    """Write the files, take the streams, and return what is to be run."""
    die_with_parent()
    os.setsid()
    random.seed()
    with open(descriptors[0], encoding="utf-8") as file:
        content = json.load(file)
    for path, text in content["files"].items():
        if folder := os.path.dirname(path):
            os.makedirs(folder, exist_ok=True)
        with open(path, "x", encoding="utf-8", newline="") as file:
            file.write(text)
    for name, value in place.environment().items():
        os.environ[name] = value
    for number in range(3):
        os.dup2(descriptors[1 + number], number)
    return [str(word) for word in content["argv"]]


def _close_all_but(kept: int) -> None:
    """Close everything that the program has no business with."""
    os.closerange(3, kept)
    os.closerange(kept + 1, 4096)


def _limit(job: Mapping[str, int]) -> None:
    with contextlib.suppress(OSError), open("/proc/self/oom_score_adj", "w") as file:
        file.write("1000")
    memory, cpu = job["memory"] * MIB, job["cpu"]
    limits = {
        resource.RLIMIT_CORE: 1,  # 0 would not keep the kernel from handing a dump to a program of the host (core(5))
        resource.RLIMIT_DATA: memory,
        resource.RLIMIT_FSIZE: job["disk"] * MIB,
        resource.RLIMIT_NOFILE: OPEN_FILES,
        resource.RLIMIT_STACK: 8 * MIB,
        resource.RLIMIT_MEMLOCK: 0,
        resource.RLIMIT_MSGQUEUE: 0,
        resource.RLIMIT_SIGPENDING: 256,
        resource.RLIMIT_NICE: 0,
        resource.RLIMIT_RTPRIO: 0,
        resource.RLIMIT_NPROC: job["processes"] + job["others"],
    }
    for which, most in limits.items():
        _, ceiling = resource.getrlimit(which)
        bounded = most if ceiling == resource.RLIM_INFINITY else min(most, ceiling)
        resource.setrlimit(which, (bounded, bounded))
    resource.setrlimit(resource.RLIMIT_CPU, (cpu, cpu + 1))


def _replace(argv: "list[str]", place: Place) -> NoReturn:
    for number in (signal.SIGPIPE, signal.SIGXFSZ, signal.SIGINT):
        signal.signal(number, signal.SIG_DFL)
    name = sys.executable if argv[0] == "python" else argv[0]
    try:
        os.execvpe(name, argv, place.environment())
    except FileNotFoundError:
        raise FileNotFoundError(f"{argv[0]} is not installed where programs run") from None


def _run_warm(arguments: "list[str]") -> NoReturn:
    main = types.ModuleType("__main__")
    main.__dict__.update(__builtins__=builtins, __annotations__={}, __cached__=None)
    sys.modules["__main__"] = main
    _renew_streams()
    signal.signal(signal.SIGINT, signal.default_int_handler)
    if renumber := getattr(threading.main_thread(), "_set_native_id", None):
        renumber()
    code = None
    try:
        if arguments[:1] == ["-m"]:
            sys.argv = arguments[1:]
            sys.path.insert(0, os.getcwd())
            runpy._run_module_as_main(arguments[1])  # type: ignore[attr-defined]
        else:
            code = _compiled(arguments, main)
            exec(code, main.__dict__)
        status = 0
    except BaseException as error:
        status = _ended_by(error, code)
    _leave(status, main)


def _renew_streams() -> None:
    """Open the standard streams as a fresh interpreter would."""
    for number, (name, mode, errors) in enumerate(
        (("stdin", "r", "surrogateescape"), ("stdout", "w", "surrogateescape"), ("stderr", "w", "backslashreplace"))
    ):
        raw = io.FileIO(number, mode, closefd=False)
        raw.name = f"<{name}>"
        buffered = io.BufferedReader(raw) if mode == "r" else io.BufferedWriter(raw)
        stream = io.TextIOWrapper(buffered, "utf-8", errors, line_buffering=name == "stderr")
        stream.mode = mode  # type: ignore[misc]
        setattr(sys, name, stream)
        setattr(sys, f"__{name}__", stream)


def _compiled(arguments: "list[str]", main: types.ModuleType) -> types.CodeType:
    if arguments[:1] == ["-c"]:
        sys.argv = ["-c", *arguments[2:]]
        sys.path.insert(0, "")
        return compile(arguments[1], "<string>", "exec", dont_inherit=True)
    if arguments[:1] in ([], ["-"]):
        sys.argv = arguments or [""]
        sys.path.insert(0, "")
        return compile(sys.stdin.buffer.read(), "<stdin>", "exec", dont_inherit=True)
    path = os.path.abspath(arguments[0])
    sys.argv = arguments
    sys.path.insert(0, os.path.dirname(path))
    main.__dict__["__file__"] = path
    try:
        with open(path, "rb") as file:
            source = file.read()
    except OSError as error:
        sys.stderr.write(f"python: can't open file {path!r}: [Errno {error.errno}] {error.strerror}\n")
        raise SystemExit(2) from None
    return compile(source, path, "exec", dont_inherit=True)


def _ended_by(error: BaseException, code: "types.CodeType | None") -> int:
    """Say what an interpreter says at an uncaught exception, and return its exit status."""
    if isinstance(error, SystemExit):
        return _exit_status(error.code)
    trace = error.__traceback__
    while trace is not None and trace.tb_frame.f_code is not code:
        trace = trace.tb_next
    _flush()
    try:
        sys.excepthook(type(error), error.with_traceback(trace), trace)
    except SystemExit as last:
        return _exit_status(last.code)
    except BaseException:
        with contextlib.suppress(Exception):
            sys.__excepthook__(type(error), error, trace)
    if isinstance(error, MemoryError | KeyboardInterrupt):
        _flush()
        number = OUT_OF_MEMORY if isinstance(error, MemoryError) else signal.SIGINT
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)
    return 1


def _exit_status(value: object) -> int:
    if value is None:
        return 0
    if isinstance(value, int):
        return value & 0xFF
    with contextlib.suppress(Exception):
        sys.stderr.write(f"{value}\n")
    return 1


def _flush() -> bool:
    for stream in (sys.stdout, sys.stderr):
        try:
            if stream is not None and not getattr(stream, "closed", False):
                stream.flush()
        except BaseException:
            return False
    return True


def _leave(status: int, main: types.ModuleType) -> NoReturn:
    """End as an interpreter ends: threads, exit functions, streams, then what is left."""
    with contextlib.suppress(BaseException):
        threading._shutdown()  # type: ignore[attr-defined]
    with contextlib.suppress(BaseException):
        atexit._run_exitfuncs()
    flushed = _flush()
    if threading.active_count() == 1:
        with contextlib.suppress(BaseException):
            main.__dict__.clear()
            gc.collect()
        _flush()
    os._exit(status if flushed else status or 120)
