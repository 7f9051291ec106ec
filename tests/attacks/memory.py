"""Too much memory, by every road that leads to pages. Each form stops at about 1.5 GiB."""

# ruff: noqa: E501 -- the programs of attackers are data, kept as they would be written

from attacks.attack import Attack, python

__all__ = ["CHILDREN", "MEMORY"]

CHILDREN = """
import resource
for limit in (resource.RLIMIT_AS, resource.RLIMIT_DATA):
    soft, hard = resource.getrlimit(limit)
    tried(lambda: resource.setrlimit(limit, (hard, hard)))
def many(count, work):
    for _ in range(count):
        try:
            if os.fork() == 0:
                try: kept = work()
                except (OSError, MemoryError, ValueError) as error: print(error, flush=True)
                time.sleep(1.2); os._exit(0)
        except OSError as error:
            print(error); break
    time.sleep(1.5)
"""

MEMORY = (
    python(
        "one process",
        "memory",
        "kept = []\nfor _ in range(96): kept.append(bytearray(16 << 20))\nprint(len(kept)); time.sleep(0.5)",
    ),
    python("eight processes", "memory", CHILDREN + "many(8, lambda: [bytearray(8 << 20) for _ in range(24)])"),
    python("thirty processes", "memory", CHILDREN + "many(30, lambda: [bytearray(4 << 20) for _ in range(12)])"),
    python(
        "all at once",
        "memory",
        # MAP_POPULATE: the kernel fills the pages in one call, faster than anybody looks
        CHILDREN + "many(14, lambda: mmap.mmap(-1, 100 << 20, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | 0x8000))",
    ),
    python(
        "shared mappings",
        "memory",
        """
kept = []
try:
    for _ in range(96): kept.append(mmap.mmap(-1, 16 << 20)); kept[-1].write(b"x" * (16 << 20))
except (OSError, MemoryError) as error:
    print(error)
time.sleep(0.5)
""",
    ),
    python(
        "shared mappings of many processes",
        "memory",
        CHILDREN
        + """
def work():
    kept = []
    for _ in range(10): kept.append(mmap.mmap(-1, 12 << 20)); kept[-1].write(b"x" * (12 << 20))
    return kept
many(12, work)
""",
    ),
    python(
        "files in memory",
        "memory",
        """
kept = []
try:
    for _ in range(48):
        kept.append(os.memfd_create("x")); os.write(kept[-1], b"x" * (16 << 20))
except OSError as error:
    print(error)
time.sleep(0.5)
""",
    ),
    python(
        "System V segments",
        "memory",
        """
libc.shmat.restype = ctypes.c_void_p
try:
    for number in range(40):
        segment = kernel(29, 0, 16 << 20, 0o1666)
        where = libc.shmat(segment, None, 0)
        if where in (None, ctypes.c_void_p(-1).value): raise OSError("not attached")
        ctypes.memset(where, 1, 16 << 20)
        libc.shmdt(ctypes.c_void_p(where))
except OSError as error:
    print(error)
time.sleep(0.5)
""",
    ),
    python(
        "files in /dev/shm and the temporary folders",
        "memory",
        """
for place in ("/dev/shm", "/tmp", "/var/tmp", "/run", "."):
    written = 0
    try:
        for number in range(24):
            with open(f"{place}/{MARK}-{number}", "wb", 0) as file: file.write(b"x" * (16 << 20))
            written += 16
    except OSError as error:
        print(place, error)
    print(place, written)
time.sleep(0.4)
""",
    ),
    python(
        "a stack that grows",
        "memory",
        """
import resource
tried(lambda: resource.setrlimit(resource.RLIMIT_STACK, (resource.getrlimit(resource.RLIMIT_STACK)[1],) * 2))
threading.stack_size(1 << 29)
def deep():
    kept = ctypes.create_string_buffer(400 << 20); ctypes.memset(kept, 1, 400 << 20); time.sleep(0.5)
try:
    some = [threading.Thread(target=deep) for _ in range(3)]
    for one in some: one.start()
    for one in some: one.join()
except (RuntimeError, MemoryError) as error:
    print(error)
""",
    ),
    python(
        "endless recursion",
        "memory",
        "sys.setrecursionlimit(10**9)\ndef down(kept): return down([kept, bytearray(1 << 16)])\n"
        "try: down(None)\nexcept (RecursionError, MemoryError) as error: print(type(error))",
    ),
    python(
        "full pipes",
        "memory",
        CHILDREN
        + """
import fcntl
def work():
    kept = []
    for _ in range(24):
        kept.append(os.pipe()); tried(lambda: fcntl.fcntl(kept[-1][1], 1031, 1 << 20))
        os.set_blocking(kept[-1][1], False)
        try: os.write(kept[-1][1], b"x" * (1 << 20))
        except OSError: pass
    return kept
many(24, work)
""",
    ),
    Attack(
        "compiled, by many processes at once",
        "memory",
        """
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/mman.h>
int main() {
    for (int i = 0; i < 20; i++) if (fork() == 0) {
        for (int k = 0; k < 12; k++) { char *p = mmap(0, 6 << 20, 3, 0x22, -1, 0); if (p != MAP_FAILED) memset(p, 1, 6 << 20); }
        sleep(1); _exit(0);
    }
    sleep(2);
}
""",
        language="c",
    ),
)
