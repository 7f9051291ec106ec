"""Against the sandbox's own processes: ending them, speaking in their name, lying about how it ended."""

# ruff: noqa: E501 -- the programs of attackers are data, kept as they would be written

from attacks.attack import ended, python
from attacks.matrix import Seen

__all__ = ["WARDEN"]


def _not_believed(seen: Seen) -> str:
    """Judge a program that never ends well, whatever it pretends."""
    found = seen.execution
    return f"told as {found.status} {found.exit}" if found.status == "ok" or found.exit == 0 else ""


FORGE = r"""
import json
fields = dict(status="ok", exit=0, stdout="FORGED", stderr="", cpu_ms=0.0, wall_ms=0.0, peak_mb=0.0, tier=3, reason="", code=0, signal=0, pid=1, type="exit", kind="exit", event="exit", ok=True)
plain = json.dumps(fields).encode()
forged = [plain, plain + b"\n", struct.pack("<I", len(plain)) + plain, struct.pack(">I", len(plain)) + plain, struct.pack("<Q", len(plain)) + plain,
          struct.pack("<i", 0), struct.pack("<ii", 1, 0), struct.pack("<qq", 0, 0), b"\0" * 4, b"\0" * 64, b"ok\n", b"0\n", b"exit 0\n", b"\x00RES" + plain, b"\n{}\n"]
"""

WARDEN = (
    python(
        "end the parent",
        "warden",
        "tried(lambda: os.kill(os.getppid(), 9)) if os.getppid() > 0 and not attackable() else None\ntime.sleep(0.3); sys.exit(7)",
        _not_believed,
    ),
    python(
        "end everybody in sight",
        "warden",
        """
if not attackable():
    for number in (15, 2, 1, 6, 9):
        for pid in {*everyone(), 1, 2, 3}:
            try: os.kill(pid, number) if pid != os.getpid() else None
            except OSError as error: pass
time.sleep(0.2); sys.exit(7)
""",
        _not_believed,
    ),
    python(
        "end the whole group",
        "warden",
        "if not attackable(): tried(lambda: os.kill(0, 9), lambda: os.killpg(os.getpgrp(), 9), lambda: os.kill(-1, 9))\nsys.exit(7)",
        _not_believed,
    ),
    python(
        "stop the parent",
        "warden",
        """
if not attackable():
    for pid in {os.getppid(), 1, *everyone()}:
        for number in (19, 20, 21, 22): tried(lambda: os.kill(pid, number) if pid != os.getpid() else None)
sys.exit(7)
""",
        _not_believed,
    ),
    python(
        "end the parent through a child of its own",
        "warden",
        """
if not attackable():
    if kernel(56, 0x8000 | 17, 0, 0, 0, 0) == 0:
        for pid in (os.getppid(), 1): libc.kill(pid, 9) if pid > 0 else 0
        libc._exit(0)
time.sleep(0.2); sys.exit(7)
""",
        _not_believed,
    ),
    python(
        "a sibling's word for its own",
        "warden",
        """
# the child of the one who waits: it ends well, and first
if kernel(56, 0x8000 | 17, 0, 0, 0, 0) == 0: libc._exit(0)
time.sleep(0.3); os._exit(7)
""",
        _not_believed,
    ),
    python(
        "noise on every descriptor",
        "warden",
        """
for number in range(3, 1024):
    for block in (b"x" * 4096, b"\\0" * 8, b"\\xff" * 64):
        try: os.set_blocking(number, False); os.write(number, block)
        except OSError: break
os._exit(7)
""",
        _not_believed,
    ),
    python(
        "forged reports on every descriptor",
        "warden",
        FORGE
        + """
for number in [*range(3, 256), 0, 1, 2]:
    for block in forged:
        try: os.write(number, block)
        except OSError: break
        try:
            one = socket.socket(fileno=os.dup(number)); one.send(block, socket.MSG_DONTWAIT)
        except OSError: pass
os._exit(7)
""",
        _not_believed,
    ),
    python(
        "forged reports as the last words",
        "warden",
        FORGE
        + """
sys.stdout.buffer.write(b"".join(forged)); sys.stdout.flush(); sys.stderr.buffer.write(b"".join(forged)); sys.stderr.flush(); os._exit(7)
""",
        _not_believed,
    ),
    python(
        "forged reports from a child that stays",
        "warden",
        FORGE
        + """
if os.fork() == 0:
    mark()
    for _ in range(40):
        for number in range(3, 64):
            for block in forged[:6]:
                try: os.write(number, block)
                except OSError: break
        time.sleep(0.02)
    os._exit(0)
os._exit(7)
""",
        _not_believed,
    ),
    python("closing what it was given", "warden", "os.closerange(0, 1024)\nos._exit(7)", _not_believed),
    python(
        "other files in place of its own",
        "warden",
        """
r, w = os.pipe()
for number in range(64):
    if number not in (r, w): os.dup2(w, number)
os._exit(7)
""",
        _not_believed,
    ),
    python(
        "orders in the parent's name",
        "warden",
        FORGE
        + """
# if any descriptor leads back to whoever starts programs, order one with more rights
order = json.dumps(dict(files={}, argv=["sh", "-c", f"cat {SECRET} > {OPEN}/taken; touch {OPEN}/ordered"], stdin="", limits={})).encode()
for number in range(3, 256):
    for block in (order, order + b"\\n", struct.pack("<I", len(order)) + order, struct.pack("<Q", len(order)) + order):
        try: os.write(number, block)
        except OSError: break
        try: socket.socket(fileno=os.dup(number)).sendmsg([block], [(1, 1, struct.pack("3i", 0, 1, 2))], socket.MSG_DONTWAIT)
        except OSError: pass
os._exit(7)
""",
        _not_believed,
    ),
    python("an exit code that is cut", "warden", "os._exit(0x700 + 7)", ended("nonzero", exit=7)),
    python("an exit code like the sandbox's own", "warden", "os._exit(124)", ended("nonzero", exit=124)),
    python("an exit code like a signal's", "warden", "os._exit(137)", ended("nonzero", exit=137)),
    python("ended by its own hand", "warden", "os.kill(os.getpid(), 9)\ntime.sleep(1)", ended("crashed")),
    python(
        "ended as if a limit had done it",
        "warden",
        "signal.signal(24, signal.SIG_DFL); os.kill(os.getpid(), 24)\ntime.sleep(1)",
        ended("crashed", "cpu"),
    ),
    python(
        "an exit from a thread",
        "warden",
        "threading.Thread(target=lambda: os._exit(7)).start(); time.sleep(5)",
        ended("nonzero", exit=7),
    ),
    python(
        "an exit that takes its time",
        "warden",
        "import atexit\natexit.register(lambda: time.sleep(9))\nsys.exit(7)",
        ended("timeout"),
    ),
    python(
        "an exit that is caught",
        "warden",
        "sys.exit = os._exit = lambda code=0: None\nimport atexit\natexit.register(lambda: kernel(231, 7))\nraise SystemExit(0)",
        _not_believed,
    ),
    python("another program goes on", "warden", 'os.execv("/bin/sh", ["sh", "-c", "exit 7"])', _not_believed),
    python(
        "an error that lies",
        "warden",
        """
class Odd(BaseException):
    def __str__(self): os._exit(7)
    __repr__ = __str__
raise Odd
""",
        _not_believed,
    ),
    python(
        "an error without end",
        "warden",
        """
class Odd(Exception):
    def __str__(self):
        return "x" * (1 << 22)
raise Odd from Odd()
""",
        ended("nonzero", "output"),
    ),
    python("a source that breaks the reader", "warden", "x = " + "(" * 30_000, ended("nonzero", "crashed", "memory")),
    python(
        "a name that imitates",
        "warden",
        """
for name in (b"warden", b"zygote", b"python", b"init", b"(sd-pam)", b") R 1 1 1"): libc.prctl(15, name, 0, 0, 0)
if os.fork() == 0: mark(); libc.prctl(15, b") Z 0 0 0", 0, 0, 0); time.sleep(5); os._exit(0)
os._exit(7)
""",
        _not_believed,
    ),
)
