"""From one job to the next: what a program leaves in a warm interpreter, and what it finds there."""

# ruff: noqa: E501 -- the programs of attackers are data, kept as they would be written

from attacks.attack import Attack, Program, python
from attacks.matrix import Seen

__all__ = ["JOBS"]

SECRETIVE = Program(
    "kept = '@job@'\nread = sys.stdin.read()\nmore = [kept + str(n) for n in range(200)] + [read] * 9\n"
    "open('kept.txt', 'w').write(kept + read)\nos.environ['KEPT'] = kept",
    stdin="@input@",
)
"""A job with a secret in its source and another in its input."""

SCAN = """
def scan(pid):
    found = set()
    try: regions = open(f"/proc/{pid}/maps").read().splitlines()
    except OSError as error: print(pid, error); return
    try: memory = open(f"/proc/{pid}/mem", "rb", 0)
    except OSError as error: print(pid, error); return
    for region in regions:
        ends, rights = region.split()[:2]
        low, high = (int(end, 16) for end in ends.split("-"))
        if rights[0] == "r" and high - low < 64 << 20 and "[v" not in region:
            try: memory.seek(low); dig(memory.read(high - low))
            except (OSError, ValueError, OverflowError): pass
"""


def _clean(seen: Seen) -> str:
    """Judge a program that says `clean` if it finds nothing of the one before."""
    return "" if seen.execution.stdout.strip().endswith("clean") else f"found traces: {seen.text[-160:]!r}"


def poisoned(name: str, poison: str, check: str, **how: object) -> Attack:
    """Return an attack on whoever comes next: three jobs that poison, and one that looks."""
    return python(name, "jobs", f"{check}\nprint('clean')", _clean, before=(Program(poison),) * 3, **how)


JOBS = (
    python("secrets of the job before, in its own memory", "jobs", SCAN + "scan('self')", before=(SECRETIVE,) * 3),
    python(
        "secrets of the job before, in the memory of others",
        "jobs",
        SCAN + "for pid in everyone(): scan(pid)",
        before=(SECRETIVE,) * 3,
    ),
    python(
        "secrets of the job before, in the interpreter's objects",
        "jobs",
        """
import gc, linecache
for one in gc.get_objects():
    try: dig(repr(one)[:100_000].encode())
    except Exception: pass
frame = sys._getframe()
while frame: dig(repr(frame.f_locals).encode() + repr(frame.f_globals).encode()); frame = frame.f_back
dig(repr(linecache.cache).encode()); dig(repr(sys.argv).encode() + repr(os.environ).encode())
for module in list(sys.modules.values()): dig(repr(vars(module) if hasattr(module, "__dict__") else "")[:200_000].encode())
""",
        before=(SECRETIVE,) * 3,
    ),
    python(
        "secrets of the job before, in freed memory",
        "jobs",
        """
kept = [ctypes.create_string_buffer(1 << n) for n in range(5, 22) for _ in range(6)]
libc.malloc.restype = ctypes.c_void_p
for n in list(range(5, 20)) * 20:
    where = libc.malloc(1 << n)
    if where: dig(ctypes.string_at(where, 1 << n))
""",
        before=(SECRETIVE,) * 3,
    ),
    python(
        "secrets of the sandbox's own processes",
        "jobs",
        SCAN
        + """
for pid in [os.getppid(), *everyone()]:
    scan(pid)
    for name in ("environ", "cmdline"): look(f"/proc/{pid}/{name}")
""",
    ),
    poisoned(
        "functions that everybody uses",
        """
import builtins, json
builtins.print = builtins.open = builtins.len = builtins.range = lambda *a, **k: 0
builtins.planted = json.planted = sys.planted = 1; json.dumps = lambda *a, **k: "forged"; os._exit = lambda *a: None
""",
        "import builtins, json\nassert len('ab') == 2 and json.dumps([1]) == '[1]' and not any(hasattr(m, 'planted') for m in (builtins, json, sys))",
    ),
    poisoned(
        "modules",
        """
import types, math
sys.modules["json"] = sys.modules["collections"] = types.ModuleType("planted"); sys.modules["planted"] = types.ModuleType("planted")
math.pi = 3; sys.path.insert(0, "/tmp"); sys.path_hooks.clear(); sys.meta_path.clear(); sys.setrecursionlimit(50)
""",
        "import json, math\nassert math.pi > 3.1 and 'planted' not in sys.modules and sys.meta_path and sys.getrecursionlimit() > 900 and '/tmp' not in sys.path",
    ),
    poisoned(
        "built-in types, by their memory",
        """
# the method table of int is not writable from Python; by its address it is
import ctypes
class Table(ctypes.Structure): _fields_ = [("refs", ctypes.c_ssize_t), ("kind", ctypes.c_void_p)]
one = ctypes.c_long.from_address(id(257 - 1) + 24); one.value = 7
ctypes.c_int32.from_address(id(42) + 24).value = 41
sys.stdout.flush(); os._exit(0)
""",
        "assert sum([20, 22]) == 42 and [42 - 1, 42] == [41, 6 * 7] and str(int('42')) == '42'",
    ),
    poisoned(
        "files",
        "open('left', 'w').write('x'); tried(lambda: open(f'/tmp/{MARK}-left', 'w').write('x'))\nos.makedirs('a/b')\nopen('json.py', 'w').write('planted = 1')",
        "import json\nassert not os.path.exists('left') and not os.path.exists(f'/tmp/{MARK}-left') and not os.path.exists('a') and not hasattr(json, 'planted')\n"
        "assert sorted(os.listdir('.')) == ['main.py'], os.listdir('.')",
    ),
    poisoned(
        "environment, folder and mask",
        "os.environ['PLANTED'] = '1'; libc.setenv(b'PLANTED', b'1', 1)\nos.mkdir('x'); os.chdir('x'); os.umask(0o777)",
        """
try: assert b"PLANTED" not in open("/proc/self/environ", "rb").read()
except OSError as error: print(error)
libc.getenv.restype = ctypes.c_char_p
assert "PLANTED" not in os.environ and libc.getenv(b"PLANTED") is None and os.umask(0) != 0o777 and not os.getcwd().endswith("/x")
""",
    ),
    poisoned(
        "signals and timers",
        """
for number in (2, 13, 14, 15, 17): signal.signal(number, signal.SIG_IGN)
signal.pthread_sigmask(signal.SIG_BLOCK, range(1, 65)); signal.setitimer(signal.ITIMER_REAL, 0.05, 0.05)
import resource; resource.setrlimit(resource.RLIMIT_NOFILE, (12, 12)); os.nice(10)
""",
        "assert not signal.pthread_sigmask(signal.SIG_BLOCK, []) and os.nice(0) == 0\nimport resource; assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] > 12\n"
        "time.sleep(0.1); assert signal.getsignal(2) in (signal.default_int_handler, signal.SIG_DFL), signal.getsignal(2)",
    ),
    poisoned(
        "traces and hooks",
        """
import gc, atexit
sys.settrace(lambda *a: None); sys.setprofile(lambda *a: None); sys.excepthook = lambda *a: None; sys.displayhook = None
gc.callbacks.append(lambda *a: os._exit(0)); sys.addaudithook(lambda *a: None); sys.stdout = sys.stderr = None
atexit.register(lambda: os.write(1, b"planted"))
""",
        "import gc; assert sys.gettrace() is None and sys.getprofile() is None and not gc.callbacks and sys.excepthook is sys.__excepthook__",
    ),
    poisoned(
        "a process for the next job",
        "if os.fork() == 0:\n    os.setsid(); mark()\n    for _ in range(400): time.sleep(0.01); tried(lambda: os.write(1, b'planted'))\n    os._exit(0)",
        "time.sleep(0.2)",
    ),
    poisoned(
        "shared memory for the next job",
        "tried(lambda: kernel(29, 0x41544B07, 4096, 0o1666), lambda: open(f'/dev/shm/{MARK}-left', 'w').write('x'), lambda: socket.socket(1, 1).bind('\\0left'))\ntime.sleep(0.05)",
        """
try: kernel(29, 0x41544B07, 4096, 0); print("segment")
except OSError: pass
assert not os.path.exists(f"/dev/shm/{MARK}-left")
""",
    ),
)
