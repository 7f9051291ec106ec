"""Too many processes and threads. Each form stops at 1,500, and everything in it ends by itself after a few seconds."""

# ruff: noqa: E501 -- the programs of attackers are data, kept as they would be written

from attacks.attack import Attack, python

__all__ = ["BOMBS"]

MANY = """
made = 0
try:
    for _ in range(1500):
        if START == 0:
            libc.sleep(3); libc._exit(0)
        made += 1
except (OSError, RuntimeError) as error:
    print(error)
print(made); time.sleep(0.3)
"""


def _many(start: str) -> str:
    return MANY.replace("START", start)


BOMBS = (
    python("fork bomb", "processes", _many("os.fork()")),
    python("clone bomb", "processes", _many("kernel(56, 17, 0, 0, 0, 0)")),
    python(
        "clone3 bomb",
        "processes",
        'args = struct.pack("11Q", 0, 0, 0, 0, 17, *[0] * 6)\n' + _many("kernel(435, args, 88)"),
    ),
    python("vfork bomb", "processes", _many('os.posix_spawn("/bin/sleep", ["sleep", "3"], {})')),
    python(
        "clone as a sibling",
        "processes",
        # CLONE_PARENT: the new process is a child of whoever started this one, and may be waited for in its place
        _many("kernel(56, 0x8000 | 17, 0, 0, 0, 0)"),
    ),
    python(
        "doubling forks",
        "processes",
        "for _ in range(10):\n    try: os.fork()\n    except OSError: pass\ntime.sleep(2)",
    ),
    python(
        "tree of interpreters",
        "processes",
        """
import textwrap
program = textwrap.dedent('''
    import subprocess, sys
    depth = int(sys.argv[1])
    if depth: kept = [subprocess.Popen([sys.executable, "-c", sys.argv[2], str(depth - 1), sys.argv[2]]) for _ in range(4)]
    import time; time.sleep(2)
''')
try:
    kept = [subprocess.Popen([sys.executable, "-c", program, "4", program]) for _ in range(4)]
except OSError as error:
    print(error)
time.sleep(1.5)
""",
    ),
    Attack(
        "shell bomb",
        "processes",
        "b() { if [ $1 -gt 0 ]; then b $(($1-1)) | b $(($1-1)) & fi; sleep 2; }\nb 9\nsleep 1\n",
        language="sh",
    ),
    Attack(
        "compiled fork bomb",
        "processes",
        "#include <unistd.h>\nint main(){for(int i=0;i<1500;i++)if(fork()==0){sleep(3);_exit(0);}sleep(1);}",
        language="c",
    ),
    python(
        "thread bomb",
        "processes",
        """
import _thread
threading.stack_size(65536)
made = 0
try:
    for _ in range(1500): _thread.start_new_thread(time.sleep, (3,)); made += 1
except (RuntimeError, MemoryError) as error:
    print(error)
print(made); sys.stdout.flush(); time.sleep(0.4); os._exit(0)
""",
    ),
    python(
        "raised limit of processes",
        "processes",
        """
import resource
soft, hard = resource.getrlimit(resource.RLIMIT_NPROC)
tried(lambda: resource.setrlimit(resource.RLIMIT_NPROC, (hard, hard)), lambda: resource.setrlimit(resource.RLIMIT_NPROC, (-1, -1)))
"""
        + _many("os.fork()"),
    ),
    python(
        "exiting and forking again",
        "processes",
        # never more than a few at a time, always new: a counter of processes that were made is not what protects
        """
mark()
for _ in range(400):
    try:
        if os.fork() == 0: os._exit(0)
        os.wait()
    except OSError as error:
        print(error); break
print("done")
""",
    ),
)
