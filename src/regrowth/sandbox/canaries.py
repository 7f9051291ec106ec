"""Attacks that a tier has to hold against before anything runs in it, each judged from outside.

    rung = await attack(Wardens(tier=2))
    rung.held      ("honest", "host file", "environment", …)
    rung.failed    ()

Each canary is a small program and a judge. The judge looks at what the host can see (was a file written, did a socket
hear anything, is the victim alive, is a process left), and at the program's word only where it incriminates itself.
"""

import asyncio
import contextlib
import secrets
import socket
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple, Protocol

from regrowth.core.protocols import Execution, Limits

__all__ = ["CANARIES", "Enclosed", "Rung", "attack"]

BOUNDS = Limits(cpu=0.4, wall=2.0, memory=96, processes=16, output=8192, disk=8)
ENDED = {"timeout", "cpu", "memory", "output", "nonzero", "crashed"}
LATE = 6.0
"""Seconds within which every canary must have ended, on a busy machine too."""


class Enclosed(Protocol):
    """What an executor has to have to be attacked."""

    @property
    def tier(self) -> int:
        """Return what isolates there."""

    async def run(
        self, files: Mapping[str, str], argv: Sequence[str], stdin: str = "", limits: Limits = ...
    ) -> Execution:
        """Run a program; see `Executor.run`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rung:
    """Hold what became of one tier."""

    tier: int
    holds: bool
    """Whether every attack failed, and the honest program worked."""
    held: tuple[str, ...] = ()
    """Names of the attacks that failed."""
    failed: tuple[str, ...] = ()
    """Names of those that did not, with what gave them away."""
    reason: str = ""
    """In words, where it does not hold."""
    remedy: str = ""
    """What a person can do about it."""


@dataclass(slots=True)
class Bait:
    """What the attacks are after; lives on the host as long as they run."""

    folder: Path
    secret: str
    mark: str
    victim: int
    tcp: socket.socket
    udp: socket.socket
    path: socket.socket
    abstract: socket.socket
    words: dict[str, str] = field(default_factory=dict)

    def heard(self, line: socket.socket) -> bool:
        """Return whether anybody reached a socket."""
        with contextlib.suppress(BlockingIOError):
            if line.type == socket.SOCK_DGRAM:
                return bool(line.recv(64))
            line.accept()[0].close()
            return True
        return False


class Canary(NamedTuple):
    """A program, and what shows on the host that it did no harm."""

    code: str
    harmless: Callable[[Execution, Bait], bool]


def _silent(word: str) -> Callable[[Execution, Bait], bool]:
    return lambda found, _: found.status in ("ok", "nonzero", "crashed") and word not in found.stdout


def _marked_processes(mark: str) -> int:
    count = 0
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            count += mark.encode() in path.read_bytes()
    return count


CANARIES = {
    "honest": Canary(
        "import json, pathlib, sys\n"
        "pathlib.Path('made.txt').write_text('abc')\n"
        "print(json.dumps([sorted(json.load(sys.stdin)), pathlib.Path('made.txt').read_text(), sys.argv[1:]]))",
        lambda found, _: found.status == "ok" and found.stdout == '[[1, 2, 3], "abc", []]\n',
    ),
    "host file": Canary(
        "print(open('{folder}/secret').read(), open('/etc/shadow').read())",
        lambda found, bait: bait.secret not in found.stdout + found.stderr,
    ),
    "environment": Canary(
        "import glob, os\n"
        "print(dict(os.environ))\n"
        "for path in glob.glob('/proc/*/environ') + ['/proc/{victim}/environ']:\n"
        "    try: print(open(path, 'rb').read())\n"
        "    except OSError: pass",
        lambda found, bait: found.status == "ok" and bait.secret not in found.stdout,
    ),
    "write outside": Canary(
        "import os\n"
        "for path in ('{folder}/written', '/usr/regrowth-{mark}', '/dev/regrowth-{mark}'):\n"
        "    try: open(path, 'w').write('x')\n"
        "    except OSError: pass",
        lambda found, bait: found.status == "ok" and not (bait.folder / "written").exists()
        and not any(Path(place, f"regrowth-{bait.mark}").exists() for place in ("/usr", "/dev")),
    ),
    "tcp": Canary(
        "import socket\nsocket.create_connection(('127.0.0.1', {tcp}), 1)",
        lambda found, bait: found.status == "nonzero" and not bait.heard(bait.tcp),
    ),
    "udp": Canary(
        "import socket\nsocket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'x', ('127.0.0.1', {udp}))",
        lambda found, bait: found.status == "nonzero" and not bait.heard(bait.udp),
    ),
    "unix sockets": Canary(
        "import socket\n"
        "for name in ('{folder}/socket', chr(0) + 'regrowth-{mark}'):\n"
        "    try: socket.socket(socket.AF_UNIX).connect(name)\n"
        "    except OSError: pass",
        lambda found, bait: found.status == "ok" and not bait.heard(bait.path) and not bait.heard(bait.abstract),
    ),
    "kill": Canary(
        "import os, signal\n"
        "for number in (signal.SIGTERM, signal.SIGKILL):\n"
        "    try: os.kill({victim}, number)\n"
        "    except OSError: pass",
        lambda found, bait: found.status == "ok" and _alive(bait.victim),
    ),
    "look into a process": Canary(
        "import ctypes\n"
        "libc = ctypes.CDLL(None)\n"
        "try: open('/proc/{victim}/mem', 'rb', 0); print('INSIDE')\n"
        "except OSError: pass\n"
        "print('INSIDE' if libc.ptrace(16, {victim}, 0, 0) == 0 else 'no')",
        _silent("INSIDE"),
    ),
    "fork bomb": Canary(
        "import os, time\n"
        "made = 0\n"
        "for _ in range(400):\n"
        "    try:\n"
        "        if os.fork() == 0: time.sleep(5); os._exit(0)\n"
        "        made += 1\n"
        "    except OSError: break\n"
        "print('STOPPED' if made < 400 else 'ENDLESS', flush=True)",
        lambda found, _: "ENDLESS" not in found.stdout and found.status in ENDED | {"ok"},
    ),
    "memory": Canary(
        "import os, time\n"
        "for _ in range(6):\n"
        "    if os.fork() == 0: break\n"
        "held = []\n"
        "try:\n"
        "    while True: held.append(b'x' * (1 << 20))\n"
        "except MemoryError: time.sleep(5)",
        lambda found, _: found.status in ("memory", "cpu", "timeout") and found.peak_mb < 2.5 * BOUNDS.memory,
    ),
    "files": Canary(
        "for number in range(200):\n    open(str(number), 'wb').write(b'x' * (1 << 20))",
        lambda found, _: found.status in ("memory", "nonzero", "crashed"),
    ),
    "orphan": Canary(
        "import os, time\n"
        "if os.fork() == 0:\n"
        "    os.setsid()\n"
        "    if os.fork() == 0: os.execv('/bin/sleep', ['regrowth-{mark}', '30'])\n"
        "    os._exit(0)\n"
        "time.sleep(0.1)",
        lambda found, bait: found.status == "ok" and _marked_processes(f"regrowth-{bait.mark}") == 0,
    ),
    "endless loop": Canary("while True: pass", lambda found, _: found.status in ("cpu", "timeout")),
    "endless output": Canary(
        "while True: print('x' * 1000)",
        lambda found, _: found.status == "output" and len(found.stdout) <= BOUNDS.output,
    ),
    "nested namespace": Canary(
        "import ctypes\nprint('INSIDE' if ctypes.CDLL(None).unshare(0x10000000) == 0 else 'no')", _silent("INSIDE")
    ),
    "capabilities": Canary(
        "import ctypes, struct\n"
        "libc, held = ctypes.CDLL(None), ctypes.create_string_buffer(24)\n"
        "libc.capget(struct.pack('=Ii', 0x20080522, 0), held)\n"
        "print('CAPABLE' if any(held.raw) or libc.prctl(39, 0, 0, 0, 0) != 1 or libc.setuid(0) == 0 else 'no')",
        _silent("CAPABLE"),
    ),
}  # fmt: skip


async def attack(executor: Enclosed) -> Rung:
    """Let all canaries loose in what is to hold them, and return what held."""
    with contextlib.ExitStack() as stack:
        bait = await asyncio.to_thread(_laid, stack)
        names = list(CANARIES)
        began = await executor.run({"main.py": CANARIES["honest"].code}, ["python", "main.py"], "[3, 1, 2]", BOUNDS)
        if began.status == "setup_failed":
            return Rung(tier=executor.tier, holds=False, reason=began.reason)
        found = await asyncio.gather(*(_loose(name, executor, bait) for name in names))
        wrong = tuple(f"{name}: {said}" for name, said in zip(names, found, strict=True) if said)
        held = tuple(name for name, said in zip(names, found, strict=True) if not said)
        reason = f"it did not hold against: {'; '.join(wrong)}" if wrong else ""
        return Rung(tier=executor.tier, holds=not wrong, held=held, failed=wrong, reason=reason)


async def _loose(name: str, executor: Enclosed, bait: Bait) -> str:
    """Return what gave the attack away, or nothing if it did no harm."""
    code = CANARIES[name].code
    for word, value in bait.words.items():
        code = code.replace(f"{{{word}}}", value)
    found = await executor.run({"main.py": code}, ["python", "main.py"], "[3, 1, 2]", BOUNDS)
    if found.status == "timeout":  # on a busy machine what should be over in milliseconds may not be: once more
        found = await executor.run({"main.py": code}, ["python", "main.py"], "[3, 1, 2]", BOUNDS)
    if found.wall_ms > LATE * 1e3:
        return f"ended after {found.wall_ms / 1e3:.1f} s only"
    if await asyncio.to_thread(CANARIES[name].harmless, found, bait):
        return ""
    said = (found.stdout + found.stderr).strip()[-80:]
    return f"{found.status} {found.reason} {said!r}".replace("  ", " ")


def _alive(pid: int) -> bool:
    """Return whether a process is there and no zombie."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text("latin-1").rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state not in ("Z", "X")


def _laid(stack: contextlib.ExitStack) -> Bait:
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="regrowth-bait-")))
    secret, mark = secrets.token_hex(16), secrets.token_hex(8)
    folder.chmod(0o777)
    (folder / "secret").write_text(secret)
    (folder / "secret").chmod(0o644)
    victim = stack.enter_context(_victim(secret))
    kinds = ((socket.AF_INET, socket.SOCK_STREAM), (socket.AF_INET, socket.SOCK_DGRAM))
    tcp, udp = (stack.enter_context(socket.socket(*kind)) for kind in kinds)
    path, abstract = (stack.enter_context(socket.socket(socket.AF_UNIX)) for _ in range(2))
    names: list[tuple[socket.socket, str | tuple[str, int]]] = [
        (tcp, ("127.0.0.1", 0)),
        (udp, ("127.0.0.1", 0)),
        (path, str(folder / "socket")),
        (abstract, f"\0regrowth-{mark}"),
    ]
    for line, name in names:
        line.bind(name)
        line.setblocking(False)
        if line is not udp:
            line.listen(8)
    (folder / "socket").chmod(0o777)
    words = {"folder": str(folder), "mark": mark, "victim": str(victim)}
    words |= {"tcp": str(tcp.getsockname()[1]), "udp": str(udp.getsockname()[1])}
    return Bait(folder, secret, mark, victim, tcp, udp, path, abstract, words)


@contextlib.contextmanager
def _victim(secret: str) -> Iterator[int]:
    """Keep a process of this user with a secret in its environment."""
    process = subprocess.Popen(["/bin/sleep", "60"], env={"SECRET": secret}, stdin=subprocess.DEVNULL, close_fds=True)
    try:
        yield process.pid
    finally:
        process.kill()
        process.wait()
