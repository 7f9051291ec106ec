"""Programs that take what they can, in a row, and then what is left of them: a script of its own, so that it can run as
another user, in another interpreter.

    python abuse.py 2 60               # tier and number of programs; prints what was left, as JSON
"""

import asyncio
import json
import os
import sys
import time
from collections import Counter
from pathlib import Path

from regrowth.core.protocols import Execution, Limits
from regrowth.sandbox.interpreters import interpreter
from regrowth.sandbox.pool import Wardens

LIMITS = Limits(cpu=0.3, wall=0.6, memory=96, processes=12, output=4096, disk=4)
FORK = "import os, time\n"
PROGRAMS = (
    "while True: pass",
    "import time\ntime.sleep(60)",
    "while True: print('x' * 10000)",
    "held = []\nwhile True: held.append(b'x' * (1 << 20))",
    FORK + "while True:\n    try: os.fork()\n    except OSError: pass",
    FORK + "while True:\n    if os.fork(): os._exit(0)",
    FORK + "if os.fork() == 0:\n    os.setsid()\n    if os.fork() == 0: time.sleep(60)\n    os._exit(0)",
    FORK + "if os.fork() == 0: os.execv('/bin/sleep', ['sleep', '60'])",
    "import os\nfor who in (os.getppid(), 1, -1, 0):\n    try: os.kill(who, 9)\n    except OSError: pass",
    "import signal, time\n"
    "for one in {1, 2, 3, 15, 24, 25}: signal.signal(one, signal.SIG_IGN)\n"
    "while True: time.sleep(1)",
    "import os, signal\nos.kill(os.getpid(), signal.SIGSTOP)",
    "for number in range(100000): open(str(number), 'w').write('x' * 100)",
    "import os\nfor _ in range(3000):\n    os.mkdir('d')\n    os.chdir('d')",
    "import os\nos.mkdir('shut', 0)\nos.symlink('/', 'link')\nos.mkfifo('pipe')",
    "import ctypes\nctypes.string_at(0)",
    "import _thread as t, time\n"
    "while True:\n    try: t.start_new_thread(time.sleep, (60,))\n    except Exception: pass",
    "print('honest')",
)


def seen(wardens: "set[int]") -> "dict[str, set[str]]":
    """Look at all that programs could leave: processes, mounts, files, descriptors, control groups.

    Args:
        wardens: process ids of the wardens; users, folders and groups of theirs are named after them.
    """
    names = {f"regrowth-{pid}" for pid in wardens}
    return {
        "processes": {path.name for path in Path("/proc").iterdir() if path.name.isdigit() and _ours(path, wardens)},
        "mounts": set(Path("/proc/self/mountinfo").read_text("utf-8").splitlines()),
        "files": {
            str(path) for folder in ("/dev/shm", "/tmp") for path in Path(folder).iterdir() if path.name in names
        },
        "descriptors": {path.name for path in Path("/proc/self/fd").iterdir()},
        "groups": {str(path) for path in Path("/sys/fs/cgroup").glob("**/regrowth-*") if path.name in names},
    }


def _ours(path: Path, wardens: "set[int]") -> bool:
    """Return whether a process belongs to a stranger of ours, or to us where nobody else does, or is a child here."""
    try:
        user = path.stat().st_uid
        parent = int((path / "stat").read_text("latin-1").rpartition(")")[2].split()[1])
    except (OSError, ValueError):
        return False
    return user - 2_000_000_000 in wardens or parent == os.getpid() or (user == os.getuid() and 0 != user != 1000)


async def abused(wardens: Wardens, count: int) -> list[Execution]:
    """Run programs in a row, as many at a time as there are wardens."""
    codes = (PROGRAMS[number % len(PROGRAMS)] for number in range(count))
    runs = (wardens.run({"main.py": code}, ["python", "main.py"], "", LIMITS) for code in codes)
    return await asyncio.gather(*runs)


def main(tier: int, count: int) -> None:
    """Abuse, close, look."""
    before = seen(set())
    executable, _ = interpreter(tier)
    wardens = Wardens(tier, executable=executable, count=2)
    start = time.monotonic()
    found = asyncio.run(abused(wardens, count))
    took = time.monotonic() - start
    pids = {warden.process.pid for warden in wardens._all}
    resident = [int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * 4096 / 2**20 for pid in pids]
    wardens.close()
    time.sleep(0.2)
    after = seen(pids)
    report = {
        "left": {name: sorted(there - before[name]) for name, there in after.items() if there - before[name]},
        "statuses": Counter(one.status for one in found),
        "reasons": sorted({one.reason for one in found if one.status == "setup_failed"}),
        "honest": sum(one.stdout == "honest\n" for one in found),
        "longest": max(one.wall_ms for one in found),
        "peak": max(one.peak_mb for one in found),
        "warden_mb": max(resident),
        "seconds": took,
    }
    print(json.dumps(report))


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
