"""Laying hands on other processes: signals by every road, tracing, memory, descriptors, priorities."""

# ruff: noqa: E501 -- the programs of attackers are data, kept as they would be written

from attacks.attack import python

__all__ = ["OTHERS"]

OTHERS = (
    python("kill", "processes of others", "tried(lambda: os.kill(VICTIM, 23), lambda: os.kill(VICTIM, 9))"),
    python(
        "kill everybody",
        "processes of others",
        "tried(lambda: os.kill(-1, 23))\nif not attackable(): tried(lambda: os.kill(-1, 9))\ntime.sleep(0.1)",
    ),
    python(
        "kill by other calls",
        "processes of others",
        """
info = ctypes.create_string_buffer(struct.pack("iiii", 23, 0, -1, 0) + bytes(112))
tried(lambda: kernel(200, VICTIM, 23), lambda: kernel(234, VICTIM, VICTIM, 23), lambda: kernel(129, VICTIM, 23, info), lambda: kernel(297, VICTIM, VICTIM, 23, info))
tried(lambda: kernel(424, kernel(434, VICTIM, 0), 23, None, 0), lambda: os.killpg(os.getpgid(VICTIM), 23))
tried(lambda: kernel(62, (1 << 32) | VICTIM, 23), lambda: kernel((1 << 32) | 62, VICTIM, 23))
""",
    ),
    python(
        "kill by an owner of a file",
        "processes of others",
        """
import fcntl
r, w = os.pipe()
tried(lambda: fcntl.fcntl(r, 10, 23), lambda: fcntl.fcntl(r, 8, VICTIM), lambda: fcntl.fcntl(r, 15, struct.pack("ii", 1, VICTIM)))
fcntl.fcntl(r, 4, os.O_NONBLOCK | os.O_ASYNC)
os.write(w, b"x"); time.sleep(0.1)
""",
    ),
    python(
        "stop",
        "processes of others",
        "for pid in everyone(): tried(lambda: os.kill(pid, 19) if pid == VICTIM else None)",
    ),
    python(
        "priorities of others",
        "processes of others",
        """
tried(lambda: os.setpriority(0, VICTIM, 15), lambda: os.setpriority(2, os.getuid(), 10), lambda: kernel(251, 1, VICTIM, (3 << 13)), lambda: kernel(251, 3, os.getuid(), (3 << 13)))
tried(lambda: os.sched_setaffinity(VICTIM, {0}), lambda: os.sched_setscheduler(VICTIM, os.SCHED_IDLE, os.sched_param(0)),
      lambda: kernel(314, VICTIM, ctypes.c_char_p(struct.pack("IIQiIQQQ", 48, 5, 0, 0, 0, 0, 0, 0)), 0), lambda: kernel(142, VICTIM, ctypes.c_char_p(bytes(4))))
""",
    ),
    python(
        "limits of others",
        "processes of others",
        """
import resource
tried(lambda: resource.prlimit(VICTIM, resource.RLIMIT_NOFILE, (10, 10)), lambda: resource.prlimit(VICTIM, resource.RLIMIT_CPU, (3, 3)))
tried(lambda: open(f"/proc/{VICTIM}/oom_score_adj", "w").write("1000"), lambda: open(f"/proc/{VICTIM}/limits", "w").write("x"),
      lambda: open(f"/proc/{VICTIM}/clear_refs", "w").write("1"), lambda: open(f"/proc/{VICTIM}/comm", "w").write("x"))
tried(lambda: os.setpgid(VICTIM, 0), lambda: kernel(256, VICTIM, 8, ctypes.c_char_p(b"\\x01" + bytes(7)), ctypes.c_char_p(b"\\x01" + bytes(7))))
""",
    ),
    python(
        "trace",
        "processes of others",
        """
for pid in everyone():
    for request in (16, 0x4206):
        if libc.ptrace(request, pid, 0, 0) == 0: print("traces", pid); hold(0.1); libc.ptrace(17, pid, 0, 0)
""",
        lambda seen: "traced another process" if "traces" in seen.text else "",
    ),
    python(
        "trace the parent's next child",
        "processes of others",
        """
# whoever is traced shares what it sees: the child asks to be traced by whoever started it
child = os.fork()
if child == 0: print(libc.ptrace(0, 0, 0, 0)); os._exit(3)
os.waitpid(child, 0)
print("self:", libc.ptrace(0, 0, 0, 0)); os._exit(5)
""",
        lambda seen: "" if seen.execution.status in ("nonzero", "crashed") else "hid how it ended by being traced",
    ),
    python(
        "read memory by a call",
        "processes of others",
        """
class Part(ctypes.Structure): _fields_ = [("base", ctypes.c_void_p), ("size", ctypes.c_size_t)]
for pid in everyone():
    kept = ctypes.create_string_buffer(64)
    mine, theirs = Part(ctypes.addressof(kept), 48), Part(ADDRESS, 48)
    tried(lambda: kernel(310, pid, ctypes.byref(mine), 1, ctypes.byref(theirs), 1, 0)); dig(kept.raw)
""",
    ),
    python(
        "write memory",
        "processes of others",
        """
class Part(ctypes.Structure): _fields_ = [("base", ctypes.c_void_p), ("size", ctypes.c_size_t)]
kept = ctypes.create_string_buffer(b"planted", 8)
mine, theirs = Part(ctypes.addressof(kept), 7), Part(ADDRESS, 7)
tried(lambda: kernel(311, VICTIM, ctypes.byref(mine), 1, ctypes.byref(theirs), 1, 0))
def write():
    with open(f"/proc/{VICTIM}/mem", "r+b", 0) as memory: memory.seek(ADDRESS); memory.write(b"planted")
tried(write)
""",
    ),
    python(
        "take a descriptor",
        "processes of others",
        """
for pid in everyone():
    for number in (HELD, 77, 3, 4, 5, 6):
        tried(lambda: dig(os.pread(kernel(438, kernel(434, pid, 0), number, 0), 200, 0)))
""",
    ),
    python(
        "compare and inspect",
        "processes of others",
        """
found = []
for name, call in (("kcmp", lambda: kernel(312, os.getpid(), VICTIM, 1, 0, 0)), ("robust list", lambda: kernel(274, VICTIM, ctypes.byref(ctypes.c_long()), ctypes.byref(ctypes.c_long()))),
                   ("pages", lambda: kernel(279, VICTIM, 0, None, None, None, 0)), ("advice", lambda: kernel(440, kernel(434, VICTIM, 0), None, 0, 0, 0)),
                   ("maps", lambda: open(f"/proc/{VICTIM}/maps").read()), ("status", lambda: open(f"/proc/{VICTIM}/status").read() if not attackable() else None)):
    try: call(); found.append(name)
    except OSError as error: print(name, error)
if open(f"/proc/{VICTIM}/cmdline").read().count(MARK): print("found:", found)
""",
        lambda seen: "inspected another process" if "found: ['" in seen.text else "",
    ),
    python(
        "who is there",
        "processes of others",
        """
for pid in visible():
    try: print("is there:", pid, open(f"/proc/{pid}/cmdline").read().replace("\\0", " ")[:100])
    except OSError: pass
""",
        lambda seen: "saw the host's processes" if seen.world.mark in seen.text or "/sbin/init" in seen.text else "",
    ),
)
