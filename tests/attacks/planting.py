"""Files that try to outlive their folder, to lead outside, to harm who removes them, or to fill the disk."""

# ruff: noqa: E501 -- the programs of attackers are data, kept as they would be written

import subprocess

from attacks.attack import python
from attacks.matrix import Seen
from attacks.world import SHARED

__all__ = ["PLANTING"]


def _cleaned(seen: Seen) -> str:
    """Look for files that the attack named after its mark."""
    found = subprocess.run(
        ["find", *SHARED, "-xdev", "-name", f"*{seen.world.mark}*", "-not", "-path", f"{seen.world.folder}*"],
        capture_output=True,
        text=True,
        check=False,
    ).stdout.split()
    return f"left files: {found[:3]}" if found else ""


PLANTING = (
    python(
        "symbolic links",
        "planting",
        """
for number, target in enumerate((SECRET, OPEN, HOME, "/etc/passwd", "/", "..", "../../..", "/proc/self/mem", "loop")):
    os.symlink(target, f"{MARK}-{number}")
os.symlink("loop", "loop"); os.unlink("main.py"); os.symlink(SECRET, "main.py")
for name in ("result.json", "stdout", "stderr", "output", "usage", "status", "exit"): os.symlink(SECRET, name)
""",
        _cleaned,
    ),
    python(
        "a link in place of the folder",
        "planting",
        """
here = os.getcwd()
tried(lambda: os.rename(here, here + "-" + MARK), lambda: os.symlink(OPEN, here), lambda: os.rmdir(here))
""",
        _cleaned,
    ),
    python(
        "pipes, devices and sockets as files",
        "planting",
        """
for name in ("main.pyc", "result", MARK): tried(lambda: os.mkfifo(name))
for number, kind in enumerate((stat.S_IFCHR, stat.S_IFBLK, stat.S_IFSOCK)): tried(lambda: os.mknod(f"{MARK}-{number}", kind | 0o666, os.makedev(1, 3)))
tried(lambda: socket.socket(1, 1).bind(f"{MARK}-socket"))
""",
        _cleaned,
    ),
    python(
        "hard links to the host's files",
        "planting",
        """
for path in (SECRET, MINE, f"{HOME}/.ssh/id_ed25519", "/etc/passwd", sys.executable, "/usr/bin/su"): tried(lambda: os.link(path, f"{MARK}-{os.path.basename(path)}"))
""",
        _cleaned,
    ),
    python(
        "folders that cannot be removed",
        "planting",
        """
os.makedirs(f"{MARK}/shut/in"); open(f"{MARK}/shut/file", "w").close()
os.chmod(f"{MARK}/shut/in", 0); os.chmod(f"{MARK}/shut", 0o500); os.chmod(MARK, 0)
os.chmod(".", 0o500)
""",
        _cleaned,
    ),
    python(
        "names that nobody expects",
        "planting",
        """
for name in ("a\\nb", "-rf", "--", "\\x1b[31m", "x" * 255, "\\udcff\\udcfe", " ", "*", "$(touch x)", "%s%n", "..."):
    tried(lambda: open(os.fsencode(name + MARK)[-255:], "w").close())
""",
        _cleaned,
    ),
    python(
        "a folder ten thousand deep",
        "planting",
        """
os.mkdir(MARK); os.chdir(MARK)
for _ in range(10000):
    try: os.mkdir("d"); os.chdir("d")
    except OSError as error: print(error); break
""",
        _cleaned,
    ),
    python(
        "one large file",
        "disk",
        """
written = 0
try:
    with open("large", "wb", 0) as file:
        for _ in range(256): file.write(b"x" * (1 << 20)); written += 1
except OSError as error: print(error)
print(written, flush=True)
""",
        lambda seen: _at_most(seen, 48),
    ),
    python(
        "many files",
        "disk",
        """
written = 0
try:
    for number in range(256):
        with open(f"part-{number}", "wb", 0) as file: file.write(b"x" * (1 << 20))
        written += 1
except OSError as error: print(error)
print(written, flush=True)
""",
        lambda seen: _at_most(seen, 48),
    ),
    python(
        "empty files without number",
        "disk",
        """
made = 0
try:
    until = time.monotonic() + 3
    while made < 200_000 and time.monotonic() < until: os.mknod(f"{made}"); made += 1
except OSError as error: print(error)
print(made, flush=True)
""",
        lambda seen: _at_most(seen, 40_000),
    ),
    python(
        "a file that seems enormous",
        "disk",
        """
tried(lambda: os.truncate(os.open("sparse", os.O_CREAT | os.O_RDWR), 1 << 42), lambda: os.posix_fallocate(os.open("full", os.O_CREAT | os.O_RDWR), 0, 1 << 32))
print("done")
""",
    ),
    python(
        "open files without names",
        "disk",
        """
kept, written = [], 0
try:
    for number in range(50):
        file = os.open(f"gone-{number}", os.O_CREAT | os.O_RDWR); os.unlink(f"gone-{number}"); kept.append(file)
        for _ in range(8): os.write(file, b"x" * (1 << 20)); written += 1
except OSError as error: print(error)
print(written, flush=True); time.sleep(0.2)
""",
        lambda seen: _at_most(seen, 48),
    ),
)


def _at_most(seen: Seen, most: int) -> str:
    """Judge the last number that was said; the files are gone before the host could count them."""
    numbers = [int(line) for line in seen.execution.stdout.splitlines() if line.isdigit()]
    return f"{numbers[-1]} instead of {most}" if numbers and numbers[-1] > most else ""
