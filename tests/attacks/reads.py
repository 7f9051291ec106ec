"""Reading what is none of its business: files, other processes, the host's devices and memory."""

# ruff: noqa: E501 -- the programs of attackers are data, kept as they would be written

from attacks.attack import Program, python

__all__ = ["READS"]


def _accounts(text: str) -> str:
    return "read the accounts of the host" if "root:x:0:0" in text and "daemon" in text else ""


EVERYWHERE = """
def everywhere(name):
    for pid in [VICTIM, *range(1, 64), os.getppid(), "self", *[p for p in everyone() if p > 63]]:
        try:
            with open(f"/proc/{pid}/{name}", "rb", 0) as file: dig(file.read(1 << 16))
        except OSError as error: pass
"""

READS = (
    python(
        "/etc/passwd",
        "reads",
        'look("/etc/passwd"); print(open("/etc/passwd").read())',
        lambda seen: _accounts(seen.text),
    ),
    python(
        "/etc/shadow",
        "reads",
        'print(open("/etc/shadow").read())',
        lambda seen: "read the passwords of the host" if "root:" in seen.text else "",
    ),
    python("a file of the host", "reads", "look(SECRET)"),
    python("a private key", "reads", 'look(f"{HOME}/.ssh/id_ed25519")'),
    python(
        "a file by other names",
        "reads",
        """
for root in ("/proc/self/root", "/proc/1/root", f"/proc/{VICTIM}/root", f"/proc/{VICTIM}/cwd/../..", f"/proc/{os.getppid()}/root",
             f"/proc/{os.getppid()}/cwd/../../../../..", "/proc/self/cwd/../../../../../..", "/old", "/oldroot", "/mnt", "/host",
             "/proc/self/task/%d/root" % os.getpid(), "//", "/usr/../.."):
    look(root + SECRET)
os.symlink(SECRET, "link"); look("link")
tried(lambda: os.link(SECRET, "hard"), lambda: look("hard"), lambda: os.rename(SECRET, "moved"), lambda: look("moved"))
""",
    ),
    python(
        "a file by a handle or an open directory",
        "reads",
        """
AT_FDCWD = -100
handle = ctypes.create_string_buffer(struct.pack("Ii", 128, 0) + bytes(128)); number = ctypes.c_int()
tried(lambda: kernel(303, AT_FDCWD, ctypes.c_char_p(SECRET.encode()), handle, ctypes.byref(number), 0))
for place in ("/", "/usr", ".", "/tmp", "/dev", "/proc"):
    tried(lambda: os.read(kernel(304, os.open(place, os.O_RDONLY), handle, 0), 200))
    tried(lambda: dig(os.read(kernel(257, os.open(place, 0o10000000), ctypes.c_char_p(("../" * 9 + SECRET[1:]).encode()), 0, 0), 200)))
for descriptor in range(256):
    tried(lambda: dig(os.read(kernel(257, descriptor, ctypes.c_char_p(("../" * 9 + SECRET[1:]).encode()), 0, 0), 200)))
""",
    ),
    python("the environment, its own", "reads", 'dig(repr(dict(os.environ)).encode()); look("/proc/self/environ")'),
    python("the environment of others", "reads", EVERYWHERE + 'everywhere("environ")'),
    python("the command lines of others", "reads", EVERYWHERE + 'everywhere("cmdline")'),
    python(
        "the open files of others",
        "reads",
        EVERYWHERE + 'for number in (HELD, 77, *range(3, 20)): everywhere(f"fd/{number}")',
    ),
    python(
        "the folders of others",
        "reads",
        'for pid in everyone():\n    for path in (f"/proc/{pid}/cwd/.ssh/id_ed25519", f"/proc/{pid}/root{SECRET}"): look(path)',
    ),
    python(
        "the memory of another process",
        "reads",
        """
def read(pid, address):
    with open(f"/proc/{pid}/mem", "rb", 0) as memory:
        memory.seek(address); dig(memory.read(64))
for pid in everyone(): tried(lambda: read(pid, ADDRESS))
""",
    ),
    python(
        "inherited descriptors",
        "reads",
        """
for number in range(1024):
    try: os.lseek(number, 0, 0)
    except OSError: pass
    try: dig(os.pread(number, 4096, 0))
    except OSError: pass
    if number > 2:
        try:
            os.set_blocking(number, False); dig(os.read(number, 4096))
        except OSError: pass
""",
    ),
    python(
        "the host's project",
        "reads",
        """
for name in ("pyproject.toml", "README.md", ".git/config"):
    try: print(open(f"{PROJECT}/{name}").read(400))
    except OSError as error: print(error)
""",
        lambda seen: (
            "read the host's project" if "[build-system]" in seen.text or "repositoryformat" in seen.text else ""
        ),
    ),
    python(
        "the host's folders",
        "reads",
        """
for place in ("/root", "/home", WORLD, HOME, PROJECT, "/etc", "/var", "/boot", "/srv", "/opt", "/mnt", "/media", "/sys", "/run", "/old"):
    try: print(place, os.listdir(place)[:40])
    except OSError as error: print(error)
for place, folders, files in os.walk("/tmp"): print("tmp:", place, folders, files)
""",
        lambda seen: "listed the host's folders" if "secret.txt" in seen.text or ".ssh" in seen.text else "",
    ),
    python(
        "the first process",
        "reads",
        """
for name in ("cmdline", "environ", "maps", "stack", "auxv", "io", "status", "sched"): look(f"/proc/1/{name}")
print("maps:", open("/proc/1/maps").read(300))
""",
        # inside its own namespace the first process is the sandbox's own; its memory has to stay shut all the same
        lambda seen: "read the map of the first process' memory" if "r-xp" in seen.text or "r--p" in seen.text else "",
    ),
    python(
        "the kernel's memory and symbols",
        "reads",
        """
for name in ("/proc/kcore", "/dev/mem", "/dev/kmem", "/dev/port", "/proc/kpagemap", "/proc/kmsg", "/dev/kmsg"):
    tried(lambda: os.read(os.open(name, os.O_RDONLY | os.O_NONBLOCK), 16))
try: print([line for line in open("/proc/kallsyms") if not line.startswith("0000000000000000")][:2])
except OSError as error: print(error)
buffer = ctypes.create_string_buffer(4096)
tried(lambda: print("log of the kernel:", kernel(103, 3, buffer, 4096)))
hold(0.2)
""",
        lambda seen: "read the kernel's" if " T " in seen.text or "log of the kernel:" in seen.text else "",
    ),
    python(
        "the host's hardware in /sys",
        "reads",
        """
found = []
for place in ("/sys/class/net", "/sys/class/dmi/id", "/sys/block", "/sys/kernel/debug", "/sys/fs/cgroup", "/sys/firmware"):
    try: found += os.listdir(place)
    except OSError as error: print(error)
print("found:", found)
""",
        lambda seen: (
            "" if "found: []" in seen.text or "found: ['lo']" in seen.text or "found:" not in seen.text else "read /sys"
        ),
    ),
    python(
        "raw devices",
        "reads",
        """
for name in ("vda", "sda", "nvme0n1", "loop0", "loop-control", "fuse", "kvm", "vhost-net", "net/tun", "snapshot", "input/event0", "uinput", "rtc0"):
    tried(lambda: os.open(f"/dev/{name}", os.O_RDWR))
tried(lambda: os.open("/dev/tty", os.O_RDWR), lambda: os.open("/dev/ptmx", os.O_RDWR))
tried(lambda: os.mknod("disk", stat.S_IFBLK | 0o666, os.makedev(254, 0)), lambda: os.read(os.open("disk", os.O_RDONLY), 16))
hold(0.3)
""",
    ),
    python("the keyboard of the user", "reads", "tried(lambda: os.open(TERMINAL, os.O_RDWR | os.O_NOCTTY)); hold(0.2)"),
    python(
        "watching the host's files",
        "reads",
        """
watch = libc.inotify_init1(0o4000)
for place in (WORLD, OPEN, HOME, "/etc"):
    if libc.inotify_add_watch(watch, place.encode(), 0xFFF) >= 0: print("watches", place)
""",
        lambda seen: "watches the host's files" if "watches /" in seen.text else "",
    ),
    python(
        "the job of somebody else, on the disk",
        "reads",
        """
for top in (".", "/tmp", "/dev/shm", "/var/tmp", "/work", "/run", "/box", "/sandbox", "/home"):
    for place, _, files in os.walk(top):
        for name in files: look(os.path.join(place, name))
""",
        before=(
            Program(
                'open("kept.txt", "w").write("@job@"); tried(lambda: open(f"/tmp/{MARK}-kept.txt", "w").write("@job@"))',
                stdin="@input@",
            ),
        ),
    ),
)
