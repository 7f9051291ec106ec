"""Writing where it should not: the host's files, its settings, its programs, and what is shared with it."""

# ruff: noqa: E501 -- the programs of attackers are data, kept as they would be written

from attacks.attack import Attack, python

__all__ = ["WRITES"]

WRITES = (
    python("a new file of the host", "writes", 'open(f"{OPEN}/planted", "w").write("x")'),
    python("the user's own file", "writes", 'tried(lambda: open(MINE, "a").write("x"), lambda: os.truncate(MINE, 0))'),
    python(
        "rights and times of the user's own file",
        "writes",
        """
tried(lambda: os.chmod(MINE, 0o777), lambda: os.chmod(f"{HOME}/.ssh/id_ed25519", 0o666), lambda: os.utime(MINE, (1, 1)),
      lambda: os.chown(MINE, os.getuid(), os.getgid()), lambda: os.setxattr(MINE, "user.planted", b"x"),
      lambda: kernel(452, -100, ctypes.c_char_p(MINE.encode()), 0o777, 0), lambda: kernel(90, ctypes.c_char_p(MINE.encode()), 0o777))
try:
    file = kernel(257, -100, ctypes.c_char_p(MINE.encode()), 0o10000000, 0)
    tried(lambda: os.chmod(f"/proc/self/fd/{file}", 0o777), lambda: kernel(91, file, 0o777), lambda: kernel(452, file, ctypes.c_char_p(b""), 0o777, 0x1000))
except OSError as error: print(error)
""",
    ),
    python(
        "names of the host's files",
        "writes",
        """
tried(lambda: os.rename(MINE, f"{OPEN}/moved"), lambda: os.unlink(f"{HOME}/.ssh/id_ed25519"), lambda: os.link(MINE, f"{OPEN}/link"),
      lambda: os.symlink("/etc", f"{OPEN}/symlink"), lambda: os.mkdir(f"{OPEN}/folder"), lambda: os.mkfifo(f"{OPEN}/tube"),
      lambda: os.rename("main.py", f"{OPEN}/main.py"), lambda: os.link("main.py", f"{OPEN}/main.py"), lambda: os.rmdir(OPEN))
""",
    ),
    python(
        "a pipe of the host",
        "writes",
        'file = os.open(f"{WORLD}/tube", os.O_WRONLY | os.O_NONBLOCK); os.write(file, b"planted")',
    ),
    python(
        "the screen and the keyboard of the user",
        "writes",
        """
for path in (TERMINAL, "/dev/tty", "/proc/self/fd/0", "/proc/self/fd/1"):
    try:
        os.setsid() if os.getsid(0) != os.getpid() else None
    except OSError: pass
    try:
        import fcntl
        file = os.open(path, os.O_RDWR)
        tried(lambda: os.write(file, b"planted"), lambda: fcntl.ioctl(file, 0x540E, 1), lambda: fcntl.ioctl(file, 0x5412, b"x"),
              lambda: fcntl.ioctl(file, (1 << 32) | 0x5412, b"x"))
    except OSError as error: print(error)
for number in (0, 1, 2): tried(lambda: fcntl.ioctl(number, 0x5412, b"x"))
""",
    ),
    python(
        "the settings of the kernel",
        "writes",
        """
for name in ("kernel/core_pattern", "kernel/hostname", "kernel/modprobe", "vm/overcommit_memory", "net/ipv4/ip_forward", "kernel/ns_last_pid",
             "fs/suid_dumpable", "kernel/randomize_va_space", "kernel/threads-max"):
    tried(lambda: os.write(os.open(f"/proc/sys/{name}", os.O_WRONLY), b"1"))
tried(lambda: os.open("/proc/sysrq-trigger", os.O_WRONLY))
print("writable:", [path for path in ("/proc/sys/kernel/core_pattern", "/proc/sysrq-trigger", "/proc/irq", "/proc/sys/kernel/modprobe",
                                      "/sys/kernel/uevent_helper", "/proc/self/oom_score_adj") if os.access(path, os.W_OK)])
hold(0.2)
""",
        lambda seen: (
            "may write to the kernel's settings"
            if "writable: ['/" in seen.text.replace("'/proc/self/oom_score_adj'", "")
            else ""
        ),
    ),
    python(
        "programs and libraries",
        "writes",
        """
import sysconfig
found = []
places = [os.path.realpath(sys.executable), os.path.dirname(os.__file__), os.__file__, sysconfig.get_path("purelib"), sysconfig.get_path("stdlib"),
          "/usr", "/usr/bin", "/usr/bin/env", "/lib64", "/usr/local", "/usr/share", "/opt", "/usr/bin/node", "/usr/lib/jvm", *TOOLS, "/dev", "/dev/null", "/proc", "/"]
for place in places:
    try:
        if os.path.isdir(place):
            path = f"{place}/{MARK}.py"; open(path, "w").close(); found.append(path); os.unlink(path)
        elif place != "/dev/null":
            os.close(os.open(place, os.O_WRONLY)); found.append(place)
    except OSError as error: print(place, error)
tried(lambda: open("/proc/self/exe", "r+b"), lambda: os.chmod(sys.executable, 0o777), lambda: os.chmod("/dev/null", 0o600))
print("written:", [one for one in found if one.strip("/") != f"{MARK}.py"])
""",
        # a file at the top of its own root, in memory and gone with it, is not the host's
        lambda seen: "wrote to programs that others use" if "written: ['" in seen.text else "",
    ),
    python(
        "bytecode for the next one",
        "writes",
        """
import py_compile, json, os.path
for module in (json, re, subprocess):
    place = os.path.join(os.path.dirname(module.__file__), "__pycache__")
    tried(lambda: os.makedirs(place, exist_ok=True), lambda: open(f"{place}/{MARK}.pyc", "wb").write(b"x"))
for path in sys.path: tried(lambda: open(os.path.join(path or ".", "usercustomize.py"), "w").write("print('planted')"))
open("sitecustomize.py", "w").write("print('planted')")
""",
    ),
    python(
        "what processes share",
        "writes",
        """
key = 0x41544B00 + os.getpid() % 200
tried(lambda: kernel(29, key, 4096, 0o1666), lambda: kernel(64, key, 4, 0o1666), lambda: kernel(68, key, 0o1666))
""",
    ),
    python(
        "message queues and semaphores with names",
        "writes",
        """
tried(lambda: kernel(240, ctypes.c_char_p(MARK.encode()), 0o102, 0o666, None))
tried(lambda: open(f"/dev/shm/sem.{MARK}", "w").write("x"), lambda: open(f"/dev/mqueue/{MARK}", "w").write("x"))
tried(lambda: open(f"/run/lock/{MARK}", "w").write("x"), lambda: open(f"/run/user/{os.getuid()}/{MARK}", "w").write("x"))
""",
    ),
    Attack(
        "by other programs",
        "writes",
        """
echo x > @OPEN@/shell; cp main.sh @OPEN@/copied; ln -s @SECRET@ @OPEN@/linked; chmod 777 @MINE@; touch -d 2001-01-01 @MINE@
perl -e 'open F, ">@OPEN@/perl"; print F "x"; chmod 0777, "@MINE@"' ; install -m 777 main.sh @OPEN@/installed; tar cf @OPEN@/tar .
cat @SECRET@ @HOME@/.ssh/id_ed25519; node -e 'require("fs").writeFileSync("@OPEN@/node", "x")'
""",
        language="sh",
    ),
)
