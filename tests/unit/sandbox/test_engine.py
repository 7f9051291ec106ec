"""Wardens: what a program finds, how it ends, and what is left of it."""

import asyncio
import os
import signal
import subprocess
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import uvloop

from regrowth.core.errors import SettingsError
from regrowth.core.protocols import Limits
from regrowth.sandbox.pool import Wardens, check_job
from unit.sandbox.conftest import QUICK, Bench


def test_a_program_gets_its_files_words_and_input(bench: Bench) -> None:
    code = "import sys, helper\nprint(helper.NAME, sys.argv, sys.stdin.read(), open('data/a.txt').read())"
    files = {"main.py": code, "helper.py": "NAME = 'é'", "data/a.txt": "x\r\ny"}
    found = bench.call(files, ["python", "main.py", "one", "two"], "in\n")
    assert (found.status, found.exit, found.reason) == ("ok", 0, "")
    assert found.stdout == "é ['main.py', 'one', 'two'] in\n x\ny\n"
    assert found.tier == bench.wardens.tier
    assert 0 < found.cpu_ms < 500
    assert 0 < found.wall_ms < 5000
    assert 1 < found.peak_mb < 64


PROGRAMS = {
    "ends": "print('done')",
    "error": "def half(n):\n    return n / 0\nhalf(1)",
    "syntax": "def half(:\n",
    "cause": "try:\n    1 / 0\nexcept ZeroDivisionError as error:\n    raise ValueError('é') from error",
    "leaves with a number": "import sys\nsys.exit(7)",
    "leaves with words": "import sys\nsys.exit('why')",
    "leaves with exit()": "exit(3)",
    "exit functions": "import atexit\natexit.register(print, 'last')\nprint('first')",
    "threads": "import threading as t\nt.Timer(0.05, print, ['late']).start()\nprint(1)",
    "destructors": "class A:\n    def __del__(self):\n        print('gone')\na = A()\nprint('here')",
    "unflushed": "import sys\nsys.stdout.write('no newline')",
    "own hook": "import sys\nsys.excepthook = lambda *error: print('mine', error[0].__name__)\n1 / 0",
    "names": "print(__name__, __file__.rpartition('/')[2], __doc__, __builtins__.__name__, len([*globals()]))",
    "hashing": "print(hash('word'), [*{'a', 'b', 'c', 'd'}])",
    "pickling": "import pickle\nclass A:\n    n = 3\nprint(pickle.loads(pickle.dumps(A())).n, A.__module__)",
    "signal": "import os\nos.kill(os.getpid(), 15)",
    "closed": "import sys\nsys.stdout.close()",
    "recursion": "def f(n):\n    return f(n + 1)\ntry:\n    f(0)\nexcept RecursionError as error:\n    print(error)",
    "streams": "import sys\nprint(sys.stdin.encoding, sys.stdout.encoding, sys.stderr.errors)",
    "bytes": "import sys\nsys.stdout.buffer.write(bytes(range(200, 256)))",
}  # fmt: skip


@pytest.mark.parametrize("name", PROGRAMS)
def test_warm_python_behaves_as_a_fresh_one(bench: Bench, name: str, tmp_path: Path) -> None:
    (tmp_path / "main.py").write_text(PROGRAMS[name], "utf-8")
    environment = {"PYTHONHASHSEED": "0", "LANG": "C.UTF-8", "PYTHONDONTWRITEBYTECODE": "1"}
    python = bench.wardens._executable
    fresh = subprocess.run([python, "main.py"], cwd=tmp_path, env=environment, capture_output=True, check=False)
    found = bench.run(PROGRAMS[name])
    assert found.stdout == fresh.stdout.decode("utf-8", "replace")
    assert found.stderr == fresh.stderr.decode().replace(str(tmp_path), "/box")
    if fresh.returncode < 0:
        assert (found.status, found.exit) == ("crashed", None)
        assert f"signal {-fresh.returncode} " in found.reason
    else:
        assert (found.status, found.exit) == ("nonzero" if fresh.returncode else "ok", fresh.returncode)


def test_tracebacks_show_nothing_of_the_sandbox(bench: Bench) -> None:
    found = bench.run("import traceback\ndef half(n):\n    return n / 0\nhalf(1)")
    assert found.stderr.startswith('Traceback (most recent call last):\n  File "')
    assert found.stderr.count("File ") == 2
    assert "warden" not in found.stderr
    assert "line 3, in half\n    return n / 0" in found.stderr


@pytest.mark.parametrize(
    ("words", "stdout"),
    [
        (["python", "-c", "import sys; print(sys.argv)", "a"], "['-c', 'a']\n"),
        (["python", "-m", "calendar", "2024", "2"], "   February 2024\n"),
        (["python", "-"], "from stdin\n"),
        (["python3", "-c", "print(2)"], "2\n"),
        (["sh", "-c", "echo $HOME | wc -w; pwd | wc -w"], "1\n1\n"),
    ],
)
def test_other_ways_to_call_it(bench: Bench, words: list[str], stdout: str) -> None:
    found = bench.call({}, words, "print('from stdin')", replace(QUICK, cpu=3))
    assert (found.status, found.stdout[: len(stdout)]) == ("ok", stdout), found


def test_what_is_not_there_never_begins(bench: Bench) -> None:
    found = bench.call({}, ["no-such-tool"])
    assert (found.status, found.exit) == ("setup_failed", None)
    assert found.reason == "no-such-tool is not installed where programs run"


def test_a_missing_script_is_the_programs_own_fault(bench: Bench) -> None:
    found = bench.call({}, ["python", "main.py"])
    assert (found.status, found.exit) == ("nonzero", 2)
    assert "main.py': [Errno 2] No such file or directory" in found.stderr


ENDINGS = {
    "cpu": ("while True: pass", "it took more than 0.5 s of processor time"),
    "timeout": ("import time\ntime.sleep(60)", "it ran for 0.8 s by the clock"),
    "output": ("while True: print('x' * 999)", "it wrote more than 16,384 bytes to one stream"),
    "memory": ("held = []\nwhile True: held.append(b'x' * 2**20)", "its memory reached the limit of 128 MiB"),
    "crashed": ("import ctypes\nctypes.string_at(0)", "it was ended by signal 11 (SIGSEGV)"),
    "nonzero": ("raise SystemExit(9)", "it left with exit code 9"),
}


@pytest.mark.parametrize("status", ENDINGS)
def test_every_ending_has_its_status_and_its_reason(bench: Bench, status: str) -> None:
    code, reason = ENDINGS[status]
    narrow = {"cpu": replace(QUICK, cpu=0.5), "timeout": replace(QUICK, wall=0.8)}
    found = bench.run(code, limits=narrow.get(status, QUICK))
    assert (found.status, found.reason) == (status, reason)
    assert found.exit == (9 if status == "nonzero" else None)
    assert len(found.stdout) <= QUICK.output


def test_memory_is_counted_over_all_processes_and_files(bench: Bench) -> None:
    together = (
        "import os, time\nfor _ in range(6):\n    if os.fork() == 0: break\nheld = b'x' * (40 << 20)\ntime.sleep(60)"
    )
    found = bench.run(together, limits=replace(QUICK, cpu=4))
    assert (found.status, found.reason) == ("memory", "it took more than 128 MiB of memory, its files included")
    assert 100 < found.peak_mb < 300
    once = bench.run("held = b'x' * (90 << 20)\nimport os\nfor _ in range(8):\n    if os.fork() == 0: os._exit(0)")
    assert once.status == "ok", "shared pages count once"


def test_processes_are_bounded(bench: Bench) -> None:
    code = (
        "import os, time\nmade = 0\n"
        "try:\n    for _ in range(200):\n        if os.fork() == 0: time.sleep(30)\n        made += 1\n"
        "except OSError: pass\nprint(made, flush=True)"
    )
    found = bench.run(code, limits=replace(QUICK, cpu=3))
    assert found.status in ("ok", "memory")
    assert not found.stdout or int(found.stdout) <= QUICK.processes


def test_nothing_of_one_job_is_found_in_the_next(bench: Bench) -> None:
    pool = Wardens(bench.wardens.tier, count=1, executable=bench.wardens._executable)
    try:
        first = (
            "import builtins, json, os\n"
            "json.dumps = builtins.left = os.environ['LEFT'] = 'SECRETMARK'\nopen('x', 'w').write('SECRETMARK')"
        )
        asyncio.run(pool.run({"main.py": first, "secret.txt": "SECRETMARK"}, ["python", "main.py"], "SECRETMARK"))
        second = (
            "import builtins, gc, json, os, sys\nmark = 'SECRET' + 'MARK'\n"
            "print(hasattr(builtins, 'left'), json.dumps(1), 'LEFT' in os.environ, sorted(os.listdir('.')))\n"
            "print(sum(mark in value for value in gc.get_objects() if isinstance(value, str)))\n"
            "try:\n"
            "    found = 0\n"
            "    for line in open('/proc/self/maps'):\n"
            "        low, high = (int(part, 16) for part in line.split()[0].split('-'))\n"
            "        if line.split()[1].startswith('rw') and '[stack]' not in line and high - low < 1 << 26:\n"
            "            memory = open('/proc/self/mem', 'rb')\n            memory.seek(low)\n"
            "            found += memory.read(high - low).count(b'SECRET' + bytes([77]) + b'ARK' + bytes(2))\n"
            "    print('scanned')\n"
            "except OSError: print('scanned')"
        )
        found = asyncio.run(pool.run({"main.py": second}, ["python", "main.py"]))
    finally:
        pool.close()
    assert found.stdout == "False 1 False ['main.py']\n0\nscanned\n", found


def test_orphans_end_with_the_program(bench: Bench) -> None:
    mark = f"regrowth-orphan-{os.getpid()}"
    code = (
        "import os, time\nif os.fork() == 0:\n    os.setsid()\n    if os.fork() == 0: "
        f"os.execv('/bin/sleep', ['{mark}', '60'])\n    os._exit(0)\ntime.sleep(0.05)"
    )
    assert bench.run(code).status == "ok"
    assert mark not in subprocess.run(["ps", "-ewwo", "args"], capture_output=True, text=True, check=True).stdout


def test_a_cancelled_job_ends(bench: Bench) -> None:
    mark = f"regrowth-cancelled-{os.getpid()}"

    def there() -> bool:
        return mark in subprocess.run(["ps", "-ewwo", "args"], capture_output=True, text=True, check=True).stdout

    command = ["python", "-c", f"import os; os.execv('/bin/sleep', ['{mark}', '61'])"]

    async def called_off() -> None:
        task = asyncio.create_task(bench.wardens.run({}, command, "", Limits()))
        for _ in range(250):
            if there():
                break
            await asyncio.sleep(0.02)
        assert there()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(called_off())
    deadline = time.monotonic() + 5
    while there() and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not there()
    assert bench.run("print(1)").stdout == "1\n"


def test_a_warden_that_dies_is_replaced(bench: Bench) -> None:
    pool = Wardens(bench.wardens.tier, count=1, executable=bench.wardens._executable)
    try:
        assert asyncio.run(pool.run({}, ["python", "-c", "print(1)"])).stdout == "1\n"
        (warden,) = pool._all
        os.kill(warden.process.pid, signal.SIGKILL)
        assert asyncio.run(pool.run({}, ["python", "-c", "print(2)"])).stdout == "2\n"
        assert warden not in pool._all
    finally:
        pool.close()


def test_several_event_loops_use_one_pool(bench: Bench) -> None:
    async def many() -> set[str]:
        runs = (bench.wardens.run({}, ["python", "-c", f"print({number})"]) for number in range(8))
        return {found.stdout for found in await asyncio.gather(*runs)}

    wanted = {f"{number}\n" for number in range(8)}
    assert asyncio.run(many()) == wanted
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        assert runner.run(many()) == wanted
        assert runner.run(many()) == wanted


def test_closing_leaves_nothing(bench: Bench) -> None:
    before = {path.name for path in Path("/proc/self/fd").iterdir()}
    pool = Wardens(bench.wardens.tier, count=2, executable=bench.wardens._executable)
    asyncio.run(pool.run({}, ["python", "-c", "print(1)"]))
    wardens = [warden.process.pid for warden in pool._all]
    pool.close()
    assert {path.name for path in Path("/proc/self/fd").iterdir()} == before
    assert not any(Path(f"/proc/{pid}").exists() for pid in wardens)
    assert not [path for pid in wardens for path in Path("/dev/shm").glob(f"regrowth-{pid}")]
    assert not [path for pid in wardens for path in Path("/sys/fs/cgroup").glob(f"*/regrowth-{pid}")]


@pytest.mark.parametrize(
    ("files", "argv", "limits", "said"),
    [
        ({"/etc/x": ""}, ["python"], {}, "is no path in the program's folder"),
        ({"a/../../x": ""}, ["python"], {}, "is no path in the program's folder"),
        ({"a\0b": ""}, ["python"], {}, "is no path in the program's folder"),
        ({"": ""}, ["python"], {}, "is no path in the program's folder"),
        ({"a": "", "a/b": ""}, ["python"], {}, "'a' is given as a file and as a folder"),
        ({"n" * 300: ""}, ["python"], {}, "is too long a path"),
        ({str(number): "" for number in range(1001)}, ["python"], {}, "1,001 files are too many"),
        ({"a": "\ud800"}, ["python"], {}, "text that UTF-8 can hold"),
        ({"a": "x" * (9 << 20)}, ["python"], {}, "9,437,184 bytes, and 8 MiB are allowed"),
        ({}, [], {}, "nothing to run"),
        ({}, ["a\0"], {}, "nothing to run"),
        ({}, ["python"], {"cpu": 0}, "The limit cpu is 0"),
        ({}, ["python"], {"memory": -1}, "The limit memory is -1"),
        ({}, ["python"], {"wall": float("nan")}, "The limit wall is nan"),
    ],
)
def test_what_cannot_run_anywhere_is_refused_before_anything_starts(
    files: dict[str, str], argv: list[str], limits: dict[str, Any], said: str
) -> None:
    with pytest.raises(SettingsError, match=said):
        check_job(files, argv, "", replace(QUICK, **limits))
