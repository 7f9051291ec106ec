"""What isolation costs: programs per second and CPU time per program, warm and cold, next to none and to bubblewrap.

    python -m benchmarks.sandbox            # about three minutes; writes benchmarks/results/sandbox.json
    python -m benchmarks.sandbox 40 1       # programs per repeat, repeats: a quick look

Every way runs the same `print(1)`, some after the usual imports, as many at a time as there are cores. CPU time is that
of all processes on the way, this one's included. Figures are medians over repeats, the ways
taking turns, so that a busy minute hits all of them.
"""

import asyncio
import contextlib
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from regrowth.core.errors import NoIsolation
from regrowth.core.protocols import Execution
from regrowth.sandbox.interpreters import interpreter
from regrowth.sandbox.pool import Wardens

RESULTS = Path(__file__).parent / "results" / "sandbox.json"
COUNT, REPEATS = 200, 5
PROGRAM = "print(1)"
IMPORTING = f"import collections, functools, heapq, itertools, json, math, random, re, typing\n{PROGRAM}"
"""The same after what programs of models begin with."""
WARM = ["python", "main.py"]
SYSTEM_PYTHON = "/usr/bin/python3"
COLD = [SYSTEM_PYTHON, "-I", "-S", "main.py"]
BUBBLEWRAP = [
    "bwrap", "--unshare-all", "--die-with-parent", "--new-session", "--cap-drop", "ALL", "--clearenv",
    "--ro-bind", "/usr", "/usr", "--symlink", "usr/bin", "/bin", "--symlink", "usr/lib", "/lib",
    "--symlink", "usr/lib64", "/lib64", "--proc", "/proc", "--dev", "/dev", "--size", "33554432", "--tmpfs", "/tmp",
    "--chdir", "/tmp", SYSTEM_PYTHON, "-I", "-S", "-c", PROGRAM,
]  # fmt: skip
Way = Callable[[int], None]
"""Runs a program so many times."""


def isolated(wardens: Wardens, argv: list[str], program: str = PROGRAM) -> Way:
    """Return a way through the sandbox."""

    async def many(count: int) -> None:
        runs: list[Awaitable[Execution]] = [wardens.run({"main.py": program}, argv) for _ in range(count)]
        for found in await asyncio.gather(*runs):
            assert found.stdout == "1\n", found

    return lambda count: asyncio.run(many(count))


def command(argv: list[str]) -> Way:
    """Return a way through `subprocess.run`."""

    def once(_: int) -> None:
        done = subprocess.run(argv, capture_output=True, check=True, env={})
        assert done.stdout == b"1\n"

    def many(count: int) -> None:
        with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as threads:
            list(threads.map(once, range(count)))

    return many


class Meter:
    """Count CPU time of this process and all that it starts, ended or not, by a control group where one can be made.

    Elsewhere by the times of ended children, which misses what bubblewrap does not wait for.
    """

    def __init__(self) -> None:
        self.group = Path(f"/sys/fs/cgroup/cpuacct/regrowth-benchmark-{os.getpid()}")
        self.exact = False
        with contextlib.suppress(OSError):
            self.group.mkdir()
            (self.group / "cgroup.procs").write_text("0")
            self.exact = True

    def seconds(self, pools: list[Wardens]) -> float:
        """Return the CPU time so far."""
        if self.exact:
            return int((self.group / "cpuacct.usage").read_text()) / 1e9
        times = os.times()
        total = times.user + times.system + times.children_user + times.children_system
        waiting = [warden.process.pid for pool in pools for warden in pool._all]
        while waiting:
            pid = waiting.pop()
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            total += sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")
            waiting += map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split())
        return total

    def close(self) -> None:
        """Leave the group and remove it."""
        with contextlib.suppress(OSError):
            (self.group.parent / "cgroup.procs").write_text("0")
            self.group.rmdir()


def ways() -> tuple[dict[str, Way], list[Wardens], dict[str, str]]:
    """Return what can be measured here, the wardens behind it, and what cannot, with the reason."""
    found: dict[str, Way] = {}
    pools: list[Wardens] = []
    missing: dict[str, str] = {}
    for tier, name in ((2, "namespaces"), (1, "Landlock")):
        try:
            pool = Wardens(tier, executable=interpreter(tier)[0])
        except NoIsolation as error:
            missing[name] = str(error)
            continue
        began = asyncio.run(pool.run({}, ["python", "-c", PROGRAM]))
        if began.status != "ok":
            missing[name] = began.reason
            pool.close()
            continue
        pools.append(pool)
        found[f"{name}, warm"] = isolated(pool, WARM)
        found[f"{name}, warm, usual imports"] = isolated(pool, WARM, IMPORTING)
        found[f"{name}, cold"] = isolated(pool, COLD)
    found["subprocess, this Python, not isolated"] = command([sys.executable, "-I", "-S", "-c", PROGRAM])
    importing = [sys.executable, "-I", "-S", "-c", IMPORTING]
    found["subprocess, this Python, usual imports, not isolated"] = command(importing)
    found["subprocess, system Python, not isolated"] = command([SYSTEM_PYTHON, "-I", "-S", "-c", PROGRAM])
    if shutil.which("bwrap") is None:
        missing["bubblewrap"] = "not installed"
    elif subprocess.run(BUBBLEWRAP, capture_output=True, check=False).returncode:
        missing["bubblewrap"] = "does not work here"
    else:
        found["bubblewrap, system Python"] = command(BUBBLEWRAP)
    return found, pools, missing


def measured(way: Way, meter: Meter, pools: list[Wardens], count: int) -> dict[str, float]:
    """Run a way so many times and return what it took."""
    start, before = time.perf_counter(), meter.seconds(pools)
    way(count)
    wall, spent = time.perf_counter() - start, meter.seconds(pools) - before
    return {"per_s": count / wall, "cpu_ms": 1e3 * spent / count}


def main(count: int = COUNT, repeats: int = REPEATS) -> None:
    """Measure every way, write the figures down and print them as a table."""
    meter = Meter()
    found, pools, missing = ways()
    figures: dict[str, list[dict[str, float]]] = {name: [] for name in found}
    try:
        for way in found.values():
            way(len(os.sched_getaffinity(0)) * 2)
        for _ in range(repeats):
            for name, way in found.items():
                figures[name].append(measured(way, meter, pools, count))
    finally:
        for pool in pools:
            pool.close()
        meter.close()
    table = {
        name: {key: round(statistics.median(run[key] for run in runs), 2) for key in ("per_s", "cpu_ms")}
        | {"least_per_s": round(min(run["per_s"] for run in runs), 2)}
        for name, runs in figures.items()
    }
    cores, load = len(os.sched_getaffinity(0)), os.getloadavg()[0]
    about: dict[str, object] = {
        "programs": count,
        "repeats": repeats,
        "cores": cores,
        "load": load,
        "kernel": platform.release(),
    }
    about["cpu"] = "control group" if meter.exact else "ended children"
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps({"about": about, "ways": table, "missing": missing}, indent=1) + "\n", "utf-8")
    print(f"{'way':<54} {'per second':>10} {'CPU ms each':>12}")
    for name, row in table.items():
        print(f"{name:<54} {row['per_s']:>10.1f} {row['cpu_ms']:>12.2f}")
    for name, reason in missing.items():
        print(f"{name}: {reason}")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
