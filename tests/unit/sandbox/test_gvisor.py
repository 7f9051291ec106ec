"""Programs in gVisor: with a stand-in for runsc, which isolates nothing, for what is decided outside; and with it."""

import asyncio
import json
import os
import platform
import shutil
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from regrowth.core.errors import NoIsolation, SettingsError
from regrowth.core.protocols import Execution, Limits
from regrowth.sandbox import gvisor
from regrowth.sandbox.bundle import bundle, furnish, write_files
from regrowth.sandbox.canaries import attack
from regrowth.sandbox.gvisor import Gvisor

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="gVisor runs on Linux")

STAND_IN = '''#!{python} -SI
"""Run what a bundle says as a plain process, and say what runsc says."""
import json, os, pathlib, shutil, signal, subprocess, sys, tempfile
words = sys.argv[1:]
if words == ["--version"]:
    print("runsc version {version}\\nspec: 1.0.2-dev")
    sys.exit()
option = lambda name: words[words.index(name) + 1]
if "delete" in words:
    sys.exit()
if {broken!r}:
    pathlib.Path(option("--log")).write_text("broken")
    sys.exit({broken!r})
held = os.memfd_create("runsc-memory")
config = json.loads(pathlib.Path(option("--bundle"), "config.json").read_text())
_, _, _, mark, *argv = config["process"]["args"]
folder = next(mount["source"] for mount in config["mounts"] if mount["destination"] == "/in")
pathlib.Path(option("--pid-file")).write_text(str(os.getpid()))
with tempfile.TemporaryDirectory() as box:
    shutil.copytree(folder, box, dirs_exist_ok=True)
    name = sys.executable if argv[0] == "python" else shutil.which(argv[0])
    if name is None:
        sys.exit(f"{{argv[0]}} is not installed where programs run")
    os.write(2, f"{{mark}}\\n".encode())
    if argv[0] == "true" and argv[1:]:
        os.write(held, bytes(int(argv[1]) << 20))
        signal.pause()
    code = subprocess.run([name, *argv[1:]], cwd=box).returncode
sys.exit(code if code >= 0 else 128 - code)
'''


LIMITS = Limits()


def stand_in(folder: Path, *, broken: int = 0, version: str = "1") -> Gvisor:
    """Return an executor on a stand-in for runsc that lies in a folder."""
    path = folder / f"runsc-{version}"
    path.write_text(STAND_IN.format(python=Path(sys.executable).resolve(), broken=broken, version=version))
    path.chmod(0o755)
    return Gvisor(runsc=str(path))


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gvisor]:
    """Return an executor on a stand-in, for tests that look at outcomes only."""
    made = stand_in(tmp_path_factory.mktemp("stand-in"))
    yield made
    made.close()


@pytest.fixture
def executor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Gvisor]:
    """Return an executor on a stand-in that leaves what it leaves in tmp_path."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    made = stand_in(tmp_path)
    yield made
    made.close()


def ran(executor: Gvisor, files: Mapping[str, str], *argv: str, stdin: str = "", limits: Limits = LIMITS) -> Execution:
    return asyncio.run(executor.run(files, argv or ["python", "main.py"], stdin, limits))


def processes_in(folder: Path) -> list[str]:
    """Return the command lines of processes that name a folder."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = path.read_bytes()
        except OSError:
            continue
        if str(folder).encode() in line and path.parent.name != str(os.getpid()):
            found.append(line.replace(b"\0", b" ").decode())
    return found


# Detection ----------------------------------------------------------------------------------------------------------


def test_without_runsc_nothing_runs_and_the_remedy_is_told() -> None:
    executor = Gvisor(runsc="runsc-that-is-not-there")
    assert executor.tier == 0
    for use in (lambda: executor.digest, lambda: ran(executor, {}, "true")):
        with pytest.raises(NoIsolation, match=r"runsc-that-is-not-there is not on the path\. .*apt install runsc"):
            use()
    executor.close()


def test_a_command_that_is_no_runsc_is_told_as_such() -> None:
    assert "does not tell its version" in Gvisor(runsc="true").refusal


def test_a_runsc_that_cannot_start_anything_refuses_with_what_it_said(tmp_path: Path) -> None:
    executor = stand_in(tmp_path, broken=128)
    assert executor.tier == 0
    assert "runs nothing here. systrap: the program was not started: broken. ptrace: " in executor.refusal
    with pytest.raises(NoIsolation, match="broken"):
        ran(executor, {}, "true")
    executor.close()


def test_the_digest_names_release_interpreter_and_tools(tmp_path: Path) -> None:
    one, two = (stand_in(tmp_path, version=version) for version in "12")
    assert one.digest != two.digest
    two.tools = {"gcc": "12.2"}
    assert two.digest == f"gvisor 2, tier 3, python {platform.python_version()}, gcc 12.2"


# Outcomes -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "status", "left", "reason"),
    [
        ("print(6 * 7)", "ok", 0, ""),
        ("print(6 * 7); raise SystemExit(7)", "nonzero", 7, "it left with exit code 7"),
        ("print(6 * 7, flush=True); import os; os.abort()", "crashed", None, "it was ended by signal 6 (SIGABRT)"),
        ("print(6 * 7); raise SystemExit(128)", "nonzero", 128, "it left with exit code 128"),
        ("print(6 * 7); raise SystemExit(255)", "nonzero", 255, "it left with exit code 255"),
    ],
)
def test_how_a_program_ends_is_told(shared: Gvisor, code: str, status: str, left: int | None, reason: str) -> None:
    found = ran(shared, {"main.py": code})
    assert (found.status, found.exit, found.reason, found.stdout) == (status, left, reason, "42\n")
    assert found.tier == 3
    assert 0 < found.wall_ms < 20_000


@pytest.mark.parametrize(
    ("argv", "limits", "status", "reason"),
    [
        (["sleep", "30"], Limits(wall=0.2), "timeout", "it ran for 0.2 s by the clock"),
        (["python", "-c", "while True: pass"], Limits(cpu=0.2), "cpu", "it took more than 0.2 s of processor time"),
        (["yes"], Limits(output=3000), "output", "it wrote more than 3,000 bytes to one stream"),
        (["true", "60"], Limits(memory=30), "memory", "it took more than 30 MiB of memory, its files included"),
    ],
)
def test_a_limit_ends_a_program(shared: Gvisor, argv: list[str], limits: Limits, status: str, reason: str) -> None:
    found = ran(shared, {}, *argv, limits=limits)
    assert (found.status, found.exit, found.reason) == (status, None, reason)
    assert len(found.stdout) <= limits.output
    assert not processes_in(shared._folder)
    assert status != "memory" or 42 <= found.peak_mb < 80


def test_what_stays_below_its_limits_is_left_alone(shared: Gvisor) -> None:
    limits = Limits(output=3000, cpu=1, memory=60)
    found = ran(shared, {}, "python", "-c", "print('x' * 2999)", limits=limits)
    assert (found.status, len(found.stdout)) == ("ok", 3000)
    assert ran(shared, {}, "true", "30", limits=Limits(wall=0.5, memory=60)).status == "timeout"


def test_files_and_input_arrive_as_they_were_given(shared: Gvisor) -> None:
    files = {"a/b/c.txt": "ä\r\n\0", "-n": "dash"}
    given = "ö" * 200_000
    code = "import sys; print(len(sys.stdin.read())); print(open('a/b/c.txt', 'rb').read(), open('-n').read())"
    found = ran(shared, files, "python", "-c", code, stdin=given)
    assert found.stdout == "200000\nb'\\xc3\\xa4\\r\\n\\x00' dash\n"


def test_input_that_nobody_reads_holds_nothing_up(shared: Gvisor) -> None:
    assert ran(shared, {}, "true", stdin="x" * 1_000_000).status == "ok"


def test_what_is_no_utf_8_is_replaced(shared: Gvisor) -> None:
    found = ran(shared, {}, "python", "-c", "import os; os.write(1, b'\\xff'); os.write(2, b'\\xfe')")
    assert (found.stdout, found.stderr) == ("\ufffd", "\ufffd")


def test_a_program_that_writes_like_the_host_does_changes_nothing(shared: Gvisor) -> None:
    found = ran(shared, {}, "python", "-c", "import os; os.write(2, b'0' * 32 + b'\\nno'); os._exit(128)")
    assert (found.status, found.exit, found.stderr) == ("nonzero", 128, "0" * 32 + "\nno")


def test_a_program_that_is_not_there_never_began(shared: Gvisor) -> None:
    found = ran(shared, {}, "no-such-program")
    assert (found.status, found.stdout, found.stderr) == ("setup_failed", "", "")
    assert found.reason == "the program was not started: no-such-program is not installed where programs run"


@pytest.mark.parametrize("path", ["/etc/passwd", "../x", "a/../../x", "a//b", "", "a\0b", "."])
def test_a_path_that_leaves_the_folder_is_refused(shared: Gvisor, path: str) -> None:
    with pytest.raises(SettingsError):
        ran(shared, {path: "x"})


# Leaving nothing ----------------------------------------------------------------------------------------------------


def test_nothing_is_left_of_a_job_nor_of_the_executor(executor: Gvisor, tmp_path: Path) -> None:
    ran(executor, {"main.py": "print(1)"})
    ran(executor, {}, "sleep", "30", limits=Limits(wall=0.1))
    (folder,) = tmp_path.glob("regrowth-gvisor-*")
    assert [path.name for path in folder.iterdir()] == ["root"]
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    executor.close()
    assert not folder.exists()
    assert ran(executor, {"main.py": "print(1)"}).status == "ok"


def test_a_cancelled_run_has_ended_when_the_cancelling_has(executor: Gvisor, tmp_path: Path) -> None:
    assert executor.tier == 3

    async def cancel() -> float:
        code = f"import time; time.sleep(30)  # {tmp_path}"
        task = asyncio.create_task(executor.run({}, ["python", "-c", code]))
        while not any("-c import time" in line for line in processes_in(tmp_path)):
            await asyncio.sleep(0.01)
        began = time.monotonic()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return time.monotonic() - began

    assert asyncio.run(cancel()) < 5
    assert not processes_in(tmp_path)
    (folder,) = tmp_path.glob("regrowth-gvisor-*")
    assert [path.name for path in folder.iterdir()] == ["root"]


def test_runs_that_wait_for_their_turn_can_be_cancelled_too(executor: Gvisor, tmp_path: Path) -> None:
    executor._count = 1

    async def cancel() -> None:
        tasks = [asyncio.create_task(executor.run({}, ["sleep", "30"])) for _ in range(3)]
        await asyncio.sleep(0.3)
        for task in tasks:
            task.cancel()
        found = await asyncio.gather(*tasks, return_exceptions=True)
        assert all(isinstance(one, asyncio.CancelledError) for one in found)

    asyncio.run(cancel())
    assert not processes_in(tmp_path)


def test_closing_ends_what_runs(executor: Gvisor, tmp_path: Path) -> None:
    found: list[Execution] = []
    thread = threading.Thread(target=lambda: found.append(ran(executor, {}, "sleep", "30", limits=Limits(wall=60))))
    thread.start()
    while not any("--bundle" in line for line in processes_in(tmp_path)):
        time.sleep(0.01)
    time.sleep(0.2)
    executor.close()
    thread.join(10)
    assert not processes_in(tmp_path)
    assert found[0].status == "setup_failed"


def test_what_a_killed_process_left_is_removed_and_what_a_living_one_needs_is_not(
    executor: Gvisor, tmp_path: Path
) -> None:
    with subprocess.Popen(["true"]) as process:
        pass
    gone, living = tmp_path / f"regrowth-gvisor-{process.pid}-x", tmp_path / f"regrowth-gvisor-{os.getppid()}-x"
    other = tmp_path / f"regrowth-gvisor-{process.pid}-y"
    for path in (gone, living):
        path.mkdir()
    other.symlink_to(tmp_path / "runsc-1")
    assert executor.tier == 3
    assert not gone.exists()
    assert living.exists()
    assert (tmp_path / "runsc-1").exists()


# The bundle ---------------------------------------------------------------------------------------------------------


def test_a_bundle_gives_no_right_no_network_and_nothing_to_write_to(tmp_path: Path) -> None:
    limits = Limits(processes=7, disk=3)
    made = bundle(["x"], limits, str(tmp_path / "root"), furnish(tmp_path / "root", []))
    process: dict[str, Any] = made["process"]
    assert process["noNewPrivileges"]
    assert not any(process["capabilities"].values())
    assert process["user"] == {"uid": 1000, "gid": 1000}
    assert not any("SECRET" in word or "TOKEN" in word for word in process["env"])
    bounds = {one["type"]: (one["soft"], one["hard"]) for one in process["rlimits"]}
    assert bounds["RLIMIT_NPROC"] == (7, 7)
    assert made["root"]["readonly"]
    assert {"type": "network"} in made["linux"]["namespaces"]
    assert not any("path" in namespace for namespace in made["linux"]["namespaces"])
    for mount in made["mounts"]:
        assert mount["type"] in ("proc", "tmpfs") or "ro" in mount["options"], mount
        assert mount["type"] != "tmpfs" or "size=3m" in mount["options"]
        assert not mount["source"].endswith((".sock", "/run", "/tmp", "/etc", "/home"))
    denied = {name for rule in made["linux"]["seccomp"]["syscalls"] for name in rule["names"]}
    assert {"socket", "unshare", "mount", "ptrace", "clone"} <= denied
    assert "--network=none" in gvisor.FLAGS


def test_the_root_holds_our_own_users_and_nothing_secret(tmp_path: Path) -> None:
    furnish(tmp_path / "root", [])
    assert (tmp_path / "root/etc/passwd").read_text().startswith("sandbox:x:1000:")
    assert not (tmp_path / "root/etc/shadow").exists()
    links = [path for path in (tmp_path / "root").iterdir() if path.is_symlink()]
    assert all(not path.readlink().is_absolute() for path in links)


def test_what_is_handed_in_can_be_read_inside_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0o077)
    try:
        write_files(tmp_path / "in", {"a/b.txt": "x"})
        furnish(tmp_path / "root", [])
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "in/a").stat().st_mode) == 0o755
    assert stat.S_IMODE((tmp_path / "in/a/b.txt").stat().st_mode) == 0o644
    for path in ("root/usr", "root/etc/passwd", "root/opt/regrowth/bin", "root/opt/regrowth/pyvenv.cfg"):
        assert stat.S_IMODE((tmp_path / path).stat().st_mode) & 0o044 == 0o044, path


def test_more_paths_are_shown_where_they_are(tmp_path: Path) -> None:
    (tmp_path / "tools").mkdir()
    (tmp_path / "file").touch()
    mounts = furnish(tmp_path / "root", [str(tmp_path / "tools"), str(tmp_path / "file"), "/not/there", "/usr/lib"])
    shown = [mount["destination"] for mount in mounts]
    assert str(tmp_path / "tools") in shown
    assert str(tmp_path / "file") in shown
    assert "/not/there" not in shown
    assert "/usr/lib" not in shown
    assert json.dumps(mounts)


# The real one -------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def real() -> Iterator[Gvisor]:
    made = Gvisor()
    if made.refusal:
        pytest.skip(made.refusal)
    yield made
    made.close()


@pytest.mark.slow
def test_no_canary_gets_out(real: Gvisor) -> None:
    rung = asyncio.run(attack(real))
    assert rung.failed == ()
    assert len(rung.held) >= 15


CONTAINED: dict[str, tuple[str, Callable[[Execution], bool]]] = {
    "threads": (
        "import _thread, time\nmade = 0\n"
        "try:\n    while made < 400: _thread.start_new_thread(time.sleep, (3,)); made += 1\n"
        "except BaseException: pass\nprint(made, flush=True)\nimport os; os._exit(0)",
        lambda found: found.status == "ok" and int(found.stdout) < 16,
    ),
    "shared memory": (
        "import mmap\nheld = []\nwhile True: held.append(mmap.mmap(-1, 1 << 20)); held[-1].write(b'x' * (1 << 20))",
        lambda found: found.status == "memory" and found.peak_mb < 160,
    ),
    "files in /dev/shm and /tmp": (
        "for place in ('/dev/shm', '/tmp', '/box'):\n    made = 0\n    try:\n        while made < 64:\n"
        "            open(f'{place}/{made}', 'wb').write(b'x' * (1 << 20)); made += 1\n    except OSError: pass\n"
        "    print(made)",
        lambda found: found.status == "ok" and all(int(word) <= 8 for word in found.stdout.split()),
    ),
    "files without end": (
        "n = 0\nwhile True: open(f'/box/{n}', 'w'); n += 1",
        lambda found: found.status in ("memory", "cpu", "timeout"),
    ),
    "children that hide their time": (
        "import os, signal, time\nsignal.signal(signal.SIGCHLD, signal.SIG_IGN)\nwhile True:\n"
        "    if os.fork() == 0:\n        end = time.time() + 0.03\n        while time.time() < end: pass\n"
        "        os._exit(0)\n    try: os.wait()\n    except OSError: pass",
        # On a busy machine the clock may be first; what counts is that the time was seen.
        lambda found: found.status == "cpu" or (found.status == "timeout" and found.cpu_ms > 300),
    ),
    "signals ignored": (
        "import signal, time\nfor n in range(1, 32):\n    try: signal.signal(n, signal.SIG_IGN)\n"
        "    except OSError: pass\ntime.sleep(60)",
        lambda found: found.status == "timeout" and found.wall_ms < 4000,
    ),
    "user": (
        "import os\nprint(os.getuid(), os.getgroups())\n"
        "for path in ('/', '/usr', '/etc', '/in', '/opt/regrowth/bin'):\n"
        "    try: open(path + '/made', 'w'); print('MADE')\n    except OSError: pass",
        lambda found: found.stdout.startswith("1000 ") and "MADE" not in found.stdout,
    ),
    "devices": (
        "import os\nprint([n for n in os.listdir('/dev') if n in ('kvm', 'sda', 'mem', 'kmsg', 'vda')])\n"
        "for major in (8, 254):\n    try: os.mknod(f'/box/{major}', 0o60600, os.makedev(major, 0))\n"
        "    except OSError: pass\n    try: print('READ', open(f'/box/{major}', 'rb').read(512))\n"
        "    except OSError: pass",
        lambda found: found.stdout == "[]\n",
    ),
    "host name and kernel": ("import os; print(os.uname().nodename)", lambda found: found.stdout == "sandbox\n"),
    "network": (
        "import socket\ntry: socket.create_connection(('1.1.1.1', 53), 1); print('OUT')\nexcept OSError: print('no')",
        lambda found: found.stdout == "no\n",
    ),
    "nothing is left of the last": (
        "import os\nprint(os.listdir('/box'), os.listdir('/tmp'), os.listdir('/dev/shm'))",
        lambda found: found.stdout == "['main.py'] [] []\n",
    ),
    "the first process is the program": (
        "import os\nprint(os.getpid(), open('/proc/1/cmdline').read().split('\\0'))",
        lambda found: found.stdout == "1 ['python', 'main.py', '']\n",
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", CONTAINED)
def test_an_attack_stays_inside(real: Gvisor, name: str) -> None:
    code, contained = CONTAINED[name]
    limits = Limits(cpu=1, wall=3, memory=96, processes=16, output=8192, disk=8)
    found = ran(real, {"main.py": code}, limits=limits)
    assert contained(found), found
    assert not [line for line in processes_in(real._folder) if "job-" in line]


@pytest.mark.slow
def test_python_is_ours_without_packages_and_behaves_as_usual(real: Gvisor) -> None:
    code = "import sys, side\nprint(sys.version_info[:3], side.x, sys.argv, input())\nexit(3)"
    found = ran(real, {"main.py": code, "side.py": "x = 1"}, "python", "main.py", "-a", stdin="line\n")
    assert (found.status, found.exit) == ("nonzero", 3), found
    assert found.stdout == f"{tuple(sys.version_info[:3])} 1 ['main.py', '-a'] line\n"
    found = ran(real, {}, "python", "-c", "import pydantic")
    assert "No module named 'pydantic'" in found.stderr


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("gcc") is None, reason="no gcc")
def test_a_compiler_works_inside(real: Gvisor) -> None:
    source = '#include <stdio.h>\nint main() { puts("42"); return 0; }'
    assert ran(real, {"main.c": source}, "sh", "-c", "gcc main.c && ./a.out").stdout == "42\n"


@pytest.mark.slow
def test_a_host_that_is_killed_leaves_no_sandbox_running(real: Gvisor, tmp_path: Path) -> None:
    program = (
        "import asyncio, regrowth.sandbox.gvisor as g, regrowth.core.protocols as p\n"
        "asyncio.run(g.Gvisor().run({}, ['sleep', '60'], limits=p.Limits(wall=60)))"
    )
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    with subprocess.Popen([sys.executable, "-c", program], env=environment) as process:
        deadline = time.monotonic() + 30
        while not any("job-1" in line and "runsc-sandbox" in line for line in processes_in(tmp_path)):
            assert time.monotonic() < deadline
            time.sleep(0.05)
        process.kill()
    for _ in range(100):
        if not processes_in(tmp_path):
            return
        time.sleep(0.05)
    raise AssertionError(processes_in(tmp_path))
