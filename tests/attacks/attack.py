"""What an attack is, and what its programs find in scope.

Every Python attack begins with the prelude: the usual modules, the host's addresses (paths, process numbers, ports;
never a secret), and a few calls to reach the kernel without Python in between.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from regrowth.core.protocols import Execution, Limits

if TYPE_CHECKING:
    from attacks.matrix import Seen

__all__ = ["LIMITS", "Attack", "Program", "ended", "python"]

LIMITS = Limits(cpu=1.0, wall=1.5, memory=256, processes=32, output=65_536, disk=32)
"""What every attack is given. Each stops by itself at about six times that, so that it cannot hurt a machine that
does not stop it."""

COMPILED = """
gcc -O1 -o main main.c || exit 99
if [ -x main ]; then exec ./main; fi
exec /lib64/ld-linux-x86-64.so.2 ./main
"""
"""Where a compiler may not make its output executable, the loader starts it all the same."""
PRELUDE = """
import ctypes, errno, mmap, os, re, signal, socket, stat, struct, subprocess, sys, threading, time
libc = ctypes.CDLL(None, use_errno=True)
libc.syscall.restype = ctypes.c_long
libc.mmap.restype = ctypes.c_void_p
def kernel(number, *args):
    made = [ctypes.c_long(arg) if isinstance(arg, int) else arg for arg in args]
    found = libc.syscall(ctypes.c_long(number), *made)
    if found == -1:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return found
def mark():
    libc.prctl(15, MARK.encode(), 0, 0, 0)
def dig(data):
    for token in set(re.findall(rb"TOKEN-[0-9a-z]{4,12}-[0-9a-f]{24}", data)):
        print(token.decode(), flush=True)
def look(path, size=1 << 20):
    try:
        with open(path, "rb", 0) as file:
            dig(file.read(size))
    except OSError as error:
        print(path, error)
def tried(*calls):
    for call in calls:
        try:
            print(call())
        except (OSError, ValueError, OverflowError, AttributeError) as error:
            print(type(error).__name__, error)
def visible():
    return [int(name) for name in os.listdir("/proc") if name.isdigit()]
def everyone():
    try:
        found = visible()
    except OSError:
        found = []
    return [pid for pid in dict.fromkeys([VICTIM, os.getppid(), *found]) if pid > 0 and pid != os.getpid()]
def attackable():
    try:
        os.kill(VICTIM, 0)
    except OSError:
        return False
    try:
        return MARK in open(f"/proc/{VICTIM}/cmdline").read()
    except OSError:
        return True
def hold(seconds=0.3):
    mark()
    sys.stdout.flush()
    time.sleep(seconds)
"""


@dataclass(frozen=True, slots=True)
class Program:
    """Hold one program of an attack."""

    source: str
    language: str = "python"
    stdin: str = ""

    def files(self, facts: Mapping[str, object], tokens: Mapping[str, str]) -> dict[str, str]:
        """Return the files of its folder. `@job@` is a secret of the program; `@NAME@`, outside Python, a fact."""
        source = _filled(self.source, tokens)
        if self.language == "python":
            known = "\n".join(f"{name} = {value!r}" for name, value in facts.items())
            return {"main.py": f"{PRELUDE}\n{known}\n{source}"}
        return {{"sh": "main.sh", "c": "main.c"}[self.language]: _filled(source, facts)}

    def read(self, tokens: Mapping[str, str]) -> str:
        """Return its input."""
        return _filled(self.stdin, tokens)

    def argv(self) -> list[str]:
        """Return how it is started."""
        return {
            "python": ["python", "main.py"],
            "sh": ["sh", "main.sh"],
            "c": ["sh", "-c", COMPILED],
        }[self.language]


@dataclass(frozen=True, slots=True)
class Attack:
    """Hold one attack."""

    name: str
    family: str
    source: str
    extra: "Callable[[Seen], str] | None" = None
    """What is judged besides the host's world: nothing to say if it held, else what was reached."""
    language: str = "python"
    limits: Limits = LIMITS
    before: tuple[Program, ...] = ()
    """Programs that run before it: a job with secrets, or one that prepares the ground."""
    stdin: str = ""

    @property
    def programs(self) -> tuple[Program, ...]:
        """Return all its programs, in order."""
        return (*self.before, Program(self.source, self.language, self.stdin))


def python(name: str, family: str, source: str, extra: "Callable[[Seen], str] | None" = None, **how: object) -> Attack:
    """Return an attack in Python."""
    return Attack(name, family, source, extra, **how)  # type: ignore[arg-type]


def ended(*statuses: str, exit: int | None = None) -> "Callable[[Seen], str]":  # noqa: A002
    """Return a judge that wants the last program to be told as ended so, whatever it pretends."""

    def judge(seen: "Seen") -> str:
        found: Execution = seen.execution
        if found.status not in statuses or (exit is not None and found.exit != exit):
            return (
                f"told as {found.status} {found.exit}, was {' or '.join(statuses)} {exit if exit is not None else ''}"
            )
        return ""

    return judge


def _filled(text: str, values: Mapping[str, object]) -> str:
    for name, value in values.items():
        text = text.replace(f"@{name}@", str(value))
    return text
