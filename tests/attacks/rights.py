"""Gaining rights: namespaces, mounts, capabilities, setuid programs, and the kernel's riskier doors."""

# ruff: noqa: E501 -- the programs of attackers are data, kept as they would be written

from attacks.attack import python
from attacks.matrix import Seen

__all__ = ["RIGHTS"]


def _gained(seen: Seen) -> str:
    """Judge what only the program itself can know: that the kernel let it do something."""
    gained = [line.removeprefix("GAINED ") for line in seen.text.splitlines() if line.startswith("GAINED ")]
    return f"gained {', '.join(gained)}" if gained else ""


def _refused(seen: Seen) -> str:
    """Judge, from the kernel's own record, whether setuid programs and system calls are restricted."""
    for facts in seen.watch.marked:
        if facts.status.get("NoNewPrivs") != "1":
            return "may gain privileges by setuid programs"
        if facts.status.get("Seccomp") != "2":
            return "no system call is refused"
    return "" if seen.watch.marked else "was never seen"


GAIN = """
def gain(**calls):
    for name, call in calls.items():
        try: found = call(); print("GAINED", name, flush=True)
        except (OSError, ValueError, TypeError, ZeroDivisionError) as error: print(name, error)
def text(value): return ctypes.c_char_p(value.encode())
"""

# each in a child, so that one refusal that kills does not hide the next door
RIGHTS = (
    python(
        "a namespace of its own",
        "rights",
        GAIN
        + """
mark()
for flag in (0x10000000, 0x00020000, 0x20000000, 0x40000000, 0x08000000, 0x04000000, 0x02000000, 0x7E020000, 0x10000000 | 0x00020000):
    if os.fork() == 0:
        tried(lambda: kernel(272, flag)); time.sleep(0.4); os._exit(0)
time.sleep(0.5)
""",
    ),
    python(
        "a child in namespaces of its own",
        "rights",
        GAIN
        + """
mark()
for flag in (0x10000000, 0x7E020000, 0x20000000, 0x00020000):
    try:
        if kernel(56, flag | 17, 0, 0, 0, 0) == 0: libc.usleep(400000); libc._exit(0)
    except OSError as error: print(error)
    try:
        if kernel(435, struct.pack("11Q", flag, 0, 0, 0, 17, *[0] * 6), 88) == 0: libc.usleep(400000); libc._exit(0)
    except OSError as error: print(error)
time.sleep(0.5)
""",
    ),
    python(
        "the namespaces of others",
        "rights",
        GAIN
        + """
mark()
for pid in everyone():
    for kind in ("user", "mnt", "pid", "net", "ipc", "uts", "cgroup"):
        tried(lambda: kernel(308, os.open(f"/proc/{pid}/ns/{kind}", os.O_RDONLY), 0) if pid != os.getpid() else None)
    tried(lambda: kernel(308, kernel(434, pid, 0), 0x7E020000))
hold()
""",
    ),
    python(
        "another root",
        "rights",
        GAIN
        + """
os.makedirs("new/old", exist_ok=True); mark()
gain(chroot=lambda: os.chroot("new"), pivot=lambda: kernel(155, text("new"), text("new/old")), chroot_dot=lambda: kernel(161, text(".")))
hold()
""",
        _gained,
    ),
    python(
        "mounts",
        "rights",
        GAIN
        + """
os.makedirs(MARK, exist_ok=True)
gain(tmpfs=lambda: kernel(165, text("none"), text(MARK), text("tmpfs"), 0, None), bind=lambda: kernel(165, text("/"), text(MARK), None, 4096, None),
     proc=lambda: kernel(165, text("proc"), text(MARK), text("proc"), 0, None), remount=lambda: kernel(165, None, text("/"), None, 32, None),
     umount=lambda: kernel(166, text("/proc"), 2), umount_root=lambda: kernel(166, text("/"), 2), fsopen=lambda: kernel(430, text("tmpfs"), 0),
     open_tree=lambda: kernel(428, -100, text("/"), 1), attributes=lambda: kernel(442, -100, text("/"), 0, ctypes.c_char_p(bytes(32)), 32),
     picked=lambda: kernel(433, -100, text("/"), 0))
hold()
""",
        _gained,
    ),
    python(
        "capabilities and other users",
        "rights",
        GAIN
        + """
mark()
gain(root=lambda: os.setuid(0) if os.getuid() else 1 / 0, group=lambda: os.setgid(0) if os.getgid() else 1 / 0, groups=lambda: os.setgroups([0]),
     other=lambda: os.setresuid(65534, 65534, 65534) if os.getuid() != 65534 else os.setresuid(1, 1, 1),
     capabilities=lambda: kernel(126, struct.pack("Ii", 0x20080522, 0), struct.pack("6I", *[0xFFFFFFFF] * 6)),
     ambient=lambda: kernel(157, 47, 2, 21, 0, 0), securebits=lambda: kernel(157, 28, 0, 0, 0, 0), filesystem=lambda: 1 / (kernel(122, 0) and 0))
hold()
""",
    ),
    python(
        "setuid programs",
        "rights",
        GAIN
        + """
mark()
import glob
for program in (f"{WORLD}/setuid", "/usr/bin/su", "/usr/bin/sudo", "/usr/bin/newuidmap", "/usr/bin/passwd", "/usr/bin/mount", "/usr/bin/pkexec"):
    try: print(subprocess.run([program, "-u"] if "setuid" in program else [program, "--version"], capture_output=True, timeout=1, input=b"").stdout[:60])
    except (OSError, subprocess.TimeoutExpired) as error: print(error)
tried(lambda: kernel(157, 38, 0, 0, 0, 0))
open("mine", "wb").write(open("/bin/sh", "rb").read()); tried(lambda: os.chmod("mine", 0o6755), lambda: os.setxattr("mine", "security.capability", b"\\1\\0\\0\\2" + b"\\xff" * 16))
hold()
""",
        _refused,
    ),
    python(
        "io_uring",
        "rights",
        GAIN + "gain(ring=lambda: kernel(425, 4, ctypes.create_string_buffer(256)))\nhold(0.2)",
        _gained,
    ),
    python(
        "programs for the kernel",
        "rights",
        GAIN
        + """
gain(map=lambda: kernel(321, 0, ctypes.create_string_buffer(struct.pack("4I", 2, 4, 4, 1) + bytes(112)), 128),
     array=lambda: kernel(321, 5, ctypes.create_string_buffer(bytes(128)), 128),
     classic=lambda: socket.socket(1, 2).setsockopt(1, 26, struct.pack("HxxxxxxP", 1, ctypes.addressof(ctypes.create_string_buffer(b"\\6\\0\\0\\0\\xff\\xff\\0\\0")))),
     perf=lambda: kernel(298, ctypes.create_string_buffer(struct.pack("II", 1, 120) + bytes(112)), 0, -1, -1, 0),
     faults=lambda: kernel(323, 1), faults_all=lambda: kernel(323, 0), watch=lambda: kernel(300, 0, 0))
hold(0.2)
""",
        _gained,
    ),
    python(
        "asynchronous requests of the old kind",
        "rights",
        GAIN
        + """
# a table that the whole machine shares
gain(queue=lambda: kernel(206, 4096, ctypes.byref(ctypes.c_ulong())))
hold(0.2)
""",
        _gained,
    ),
    python(
        "modules, kernels, and turning off",
        "rights",
        GAIN
        + """
# reboot: only the code for "ctrl-alt-del off"; kexec: an empty image; swap: a file that does not exist
gain(module=lambda: kernel(175, bytes(8), 8, text("")) if False else kernel(313, 0, text(""), 0), load=lambda: kernel(246, 0, 0, None, 0), file=lambda: kernel(320, -1, -1, 0, None, 0),
     off=lambda: kernel(169, 0xFEE1DEAD, 672274793, 0, 0), hostname=lambda: kernel(170, text(MARK), len(MARK)), domain=lambda: kernel(171, text(MARK), len(MARK)),
     clock=lambda: kernel(164, struct.pack("QQ", int(time.time()), 0), None), exact=lambda: kernel(227, 0, struct.pack("QQ", int(time.time()), 0)),
     ticks=lambda: kernel(159, ctypes.create_string_buffer(struct.pack("I", 1) + bytes(220))), swap=lambda: kernel(167, text("/nothing"), 0), account=lambda: kernel(163, text("/nothing")),
     quota=lambda: kernel(179, 0x800001, None, 0, None), hangup=lambda: kernel(153), ports=lambda: kernel(172, 3), port=lambda: kernel(173, 0x378, 1, 1))
""",
        _gained,
    ),
    python(
        "the kernel's keys",
        "rights",
        GAIN
        + """
gain(session=lambda: kernel(250, 1, None), user=lambda: kernel(250, 0, -4, 1), add=lambda: kernel(248, text("user"), text(MARK), text("x"), 1, -2),
     request=lambda: kernel(249, text("user"), text(MARK), None, -2))
""",
        _gained,
    ),
    python(
        "machine code of its own choosing",
        "rights",
        GAIN
        + """
gain(table=lambda: kernel(154, 1, struct.pack("4I", 0, 0, 0xFFFFF, 0x51), 16), virtual=lambda: kernel(175 if False else 172, 3), secret=lambda: kernel(447, 0))
""",
        _gained,
    ),
    python(
        "a program that exists only in memory",
        "rights",
        """
# allowed or not, it has to stay inside: the same limits hold for what it starts
try:
    file = os.memfd_create("x"); os.write(file, open("/bin/cat", "rb").read())
    print(subprocess.run([f"/proc/self/fd/{file}", SECRET], pass_fds=[file], capture_output=True).stdout)
except OSError as error: print(error)
open("copy", "wb").write(open("/bin/cat", "rb").read()); os.chmod("copy", 0o755)
print(subprocess.run(["./copy", SECRET], capture_output=True).stdout)
""",
    ),
    python(
        "another dialect of the kernel",
        "rights",
        GAIN
        + """
kernel(135, 0x0400000); kernel(135, 0x0008)
mark(); tried(lambda: look(SECRET), lambda: socket.socket(2, 2).sendto(b"here", ("127.0.0.1", UDP)), lambda: os.kill(VICTIM, 23))
os.execv(sys.executable, [sys.executable, "-c", f"print(open({SECRET!r}).read())"])
""",
    ),
    python(
        "its own filter of system calls",
        "rights",
        GAIN
        + """
# allow everything, on top: the strictest filter has to win; and a listener that would answer for the kernel
allow = struct.pack("HBBI", 6, 0, 0, 0x7FFF0000); kept = ctypes.create_string_buffer(allow)
program = struct.pack("HxxxxxxP", 1, ctypes.addressof(kept))
tried(lambda: kernel(157, 22, 2, ctypes.c_char_p(program), 0, 0), lambda: kernel(317, 1, 0, ctypes.c_char_p(program)))
tried(lambda: socket.socket(2, 2).sendto(b"here", ("127.0.0.1", UDP)), lambda: look(SECRET), lambda: kernel(272, 0x10000000))
hold()
""",
    ),
    python(
        "a crash",
        "rights",
        "ctypes.string_at(0)",
        lambda seen: "" if seen.execution.status == "crashed" else f"told as {seen.execution.status}",
    ),
    python(
        "a core that is dumped",
        "rights",
        """
import resource
tried(lambda: resource.setrlimit(resource.RLIMIT_CORE, (resource.getrlimit(resource.RLIMIT_CORE)[1],) * 2), lambda: libc.prctl(4, 1, 0, 0, 0))
if os.fork() == 0: mark(); os.abort()
os.wait(); print("cores:", [name for name in os.listdir(".") if "core" in name]); os.abort()
""",
        lambda seen: "left a core" if "cores: ['" in seen.text else "",
    ),
)
