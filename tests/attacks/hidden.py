"""Memory where nobody looks: in the kernel, behind threads that have left, in files without a way to them."""

# ruff: noqa: E501 -- the programs of attackers are data, kept as they would be written

from dataclasses import replace

from attacks.attack import LIMITS, Attack, python
from attacks.memory import CHILDREN

__all__ = ["HIDDEN"]

PATIENT = replace(LIMITS, cpu=4.0, wall=5.0)
"""So that none of them is saved by the clock."""

SHARED = """
libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_long]
def shared(size, rights=3, file=-1, flags=0x21):
    where = libc.mmap(None, size, rights, flags, file, 0)
    if where in (None, ctypes.c_void_p(-1).value): raise OSError(ctypes.get_errno(), "not mapped")
    return where
"""

HIDDEN = (
    python(
        "pages that nobody looks at any more",
        "memory",
        # dropped from the page table, they stay in the file behind a shared mapping, and no process shows them
        SHARED
        + """
size, piece = 1 << 30, 8 << 20
where = shared(size)
for at in range(0, size, piece):
    ctypes.memset(where + at, 1, piece); libc.madvise(ctypes.c_void_p(where + at), ctypes.c_size_t(piece), 4)
time.sleep(0.3)
""",
        limits=PATIENT,
    ),
    python(
        "all but one page given back",
        "memory",
        SHARED
        + """
size, piece = 1 << 30, 8 << 20
where = shared(size)
for at in range(piece, size, piece):
    ctypes.memset(where + at, 1, piece); libc.munmap(ctypes.c_void_p(where + at), ctypes.c_size_t(piece))
time.sleep(0.3)
""",
        limits=PATIENT,
    ),
    python(
        "zeros that are shared",
        "memory",
        # the other name of a shared mapping without a file
        SHARED
        + """
size, piece = 1 << 30, 8 << 20
where = shared(size, 3, os.open("/dev/zero", os.O_RDWR), 1)
for at in range(0, size, piece):
    ctypes.memset(where + at, 1, piece); libc.madvise(ctypes.c_void_p(where + at), ctypes.c_size_t(piece), 4)
time.sleep(0.3)
""",
        limits=PATIENT,
    ),
    python(
        "zeros that are only read",
        "memory",
        SHARED
        + """
size, piece = 1 << 30, 4 << 20
where = shared(size, 1, os.open("/dev/zero", os.O_RDONLY), 1)
for at in range(0, size, piece):
    ctypes.string_at(where + at, piece); libc.madvise(ctypes.c_void_p(where + at), ctypes.c_size_t(piece), 4)
time.sleep(0.3)
""",
        limits=PATIENT,
    ),
    python(
        "a program that may be run and not read",
        "memory",
        # the kernel then shows its descriptors and its memory to nobody but root
        """
program = '''
import os, time
kept = []
try:
    for number in range(40):
        kept.append(os.open("part", os.O_CREAT | os.O_RDWR)); os.unlink("part")
        for _ in range(24): os.write(kept[-1], b"x" * (1 << 20))
except OSError as error: print(error)
time.sleep(0.3)
'''
file = os.open("secretive", os.O_CREAT | os.O_WRONLY, 0o111)
with open(os.path.realpath(sys.executable), "rb") as source:
    while block := source.read(1 << 20): os.write(file, block)
os.close(file)
home = os.path.dirname(os.path.dirname(os.path.realpath(sys.executable)))
os.execve("./secretive", ["python", "-S", "-c", program], {"PYTHONHOME": home, "PATH": "/usr/bin"})
""",
        limits=PATIENT,
    ),
    python(
        "descriptors of one thread only",
        "memory",
        # a thread with a table of descriptors of its own keeps open what the others have closed
        """
files = []
for number in range(40):
    files.append(os.open("part", os.O_CREAT | os.O_RDWR)); os.unlink("part")
stack = ctypes.create_string_buffer(1 << 16)
print(libc.clone(libc.pause, ctypes.c_void_p(ctypes.addressof(stack) + (1 << 15)), 0x100 | 0x800 | 0x10000, None))
try:
    for file in files:
        for _ in range(24): os.write(file, b"x" * (1 << 20))
        os.close(file)
except OSError as error: print(error)
time.sleep(0.3); os._exit(0)
""",
        limits=PATIENT,
    ),
    python(
        "page tables",
        "memory",
        # reading one page in every 2 MiB maps the same zero page everywhere and costs a page table each time
        """
size = 240 << 30
where = libc.mmap(None, ctypes.c_size_t(size), 1, 0x4022, -1, 0)
if where in (None, ctypes.c_void_p(-1).value):
    print("no", os.strerror(ctypes.get_errno()))
else:
    libc.madvise(ctypes.c_void_p(where), ctypes.c_size_t(size), 15)
    for at in range(0, size, 2 << 20): ctypes.c_char.from_address(where + at).value
    print("mapped"); time.sleep(0.5)
""",
        limits=PATIENT,
    ),
    Attack(
        "page tables of many processes",
        "memory",
        """
#include <sys/mman.h>
#include <unistd.h>
int main() {
    for (int i = 0; i < 8; i++) if (fork() == 0) {
        long size = 80L << 30; volatile char *p = mmap(0, size, PROT_READ, 0x4022, -1, 0); char x = 0;
        if (p == MAP_FAILED) _exit(1);
        madvise((void *)p, size, 15);
        for (long at = 0; at < size; at += 2 << 20) x += p[at];
        sleep(1); _exit(x);
    }
    sleep(2);
}
""",
        language="c",
        limits=PATIENT,
    ),
    Attack(
        "mappings without number",
        "memory",
        # each costs the kernel an object that no count of pages shows
        """
#include <sys/mman.h>
#include <unistd.h>
int main() {
    for (int i = 0; i < 28; i++) if (fork() == 0) {
        char *p = mmap(0, 65000L * 8192, PROT_NONE, 0x4022, -1, 0);
        for (long k = 0; k < 32000; k++) if (mprotect(p + k * 8192, 4096, PROT_READ)) break;
        sleep(1); _exit(0);
    }
    sleep(2);
}
""",
        language="c",
        limits=PATIENT,
    ),
    python(
        "the first thread has left",
        "memory",
        # what /proc says of a process is what it says of its first thread
        """
kept = []
def work():
    for _ in range(90):
        try: kept.append(mmap.mmap(-1, 16 << 20)); kept[-1].write(b"x" * (16 << 20))
        except (OSError, ValueError): break
    time.sleep(1)
    os._exit(0)
threading.Thread(target=work).start()
kernel(60, 0)
""",
        limits=PATIENT,
    ),
    python(
        "the first threads of many have left",
        "memory",
        CHILDREN
        + """
def work():
    kept = []
    def more():
        for _ in range(20): kept.append(bytearray(8 << 20))
        time.sleep(0.8); os._exit(0)
    threading.Thread(target=more).start()
    kernel(60, 0)
many(9, work)
""",
        limits=PATIENT,
    ),
    python(
        "deeper than any path",
        "memory",
        # too far down for a name to reach it from the top
        """
for _ in range(40):
    os.mkdir("d" * 200); os.chdir("d" * 200)
try:
    for number in range(60):
        with open(f"part-{number}", "wb", 0) as file: file.write(b"x" * (16 << 20))
        time.sleep(0.005)
except OSError as error: print(error)
time.sleep(0.3)
""",
        limits=PATIENT,
    ),
    python(
        "in a folder that cannot be listed",
        "memory",
        """
os.umask(0); os.mkdir("shut", 0o300); os.chdir("shut")
try:
    for number in range(60):
        with open(f"part-{number}", "wb", 0) as file: file.write(b"x" * (16 << 20))
        time.sleep(0.005)
except OSError as error: print(error)
time.sleep(0.3)
""",
        limits=PATIENT,
    ),
    python(
        "files that only a mapping keeps",
        "memory",
        # no name, no descriptor; one page of each is mapped, and the rest cannot be seen from any process
        """
libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_long]
kept = []
try:
    for number in range(40):
        file = os.open("part", os.O_CREAT | os.O_RDWR); os.unlink("part")
        for _ in range(24): os.write(file, b"x" * (1 << 20))
        libc.mmap(None, 4096, 1, 1, file, 0); os.close(file); time.sleep(0.002)
except OSError as error: print(error)
time.sleep(0.3)
""",
        limits=PATIENT,
    ),
    python(
        "programs that are gone from the disk",
        "memory",
        """
code = open("/bin/sleep", "rb").read()
try:
    for number in range(24):
        name = f"./sleep-{number}"
        with open(name, "wb", 0) as file: file.write(code); os.ftruncate(file.fileno(), 0); file.seek(0); file.write(code + b"x" * (28 << 20))
        os.chmod(name, 0o755) if not os.access(name, os.X_OK) else None
        os.posix_spawn(name, ["sleep", "1"], {}); time.sleep(0.01); os.unlink(name)
except OSError as error: print(error)
time.sleep(0.5)
""",
        limits=PATIENT,
    ),
    python(
        "after the looking has become slow",
        "memory",
        # whoever counts files has much to count, and then it goes fast
        CHILDREN
        + """
try:
    for number in range(15000): os.close(os.open(str(number), os.O_CREAT | os.O_WRONLY))
except OSError as error: print(error)
many(12, lambda: mmap.mmap(-1, 100 << 20, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | 0x8000))
""",
        limits=PATIENT,
    ),
    python(
        "its own input",
        "memory",
        # a file in memory that somebody else made, opened anew for writing
        """
file = os.open("/proc/self/fd/0", os.O_RDWR)
for _ in range(30): os.write(file, b"x" * (1 << 20))
print("GAINED its own input", os.fstat(file).st_size >> 20); time.sleep(0.2)
""",
        lambda seen: "wrote to its own input" if "GAINED" in seen.text else "",
        stdin="x",
    ),
)
