"""What the host has to lose, and how it finds out by itself that something was touched.

world = World()             # secrets in the environment, in files and in an open descriptor; before the executor
world.meet(uid)             # victims and files of the very user that the sandbox uses: the same rights as the attacker
before = world.observe()
…                           # an attack
changes(before, world.observe()), world.stolen(text)
"""

import ctypes
import fcntl
import hashlib
import os
import secrets
import shutil
import socket
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from attacks.ears import Ears
from attacks.victim import HELD
from regrowth.sandbox.languages import toolchain_paths

__all__ = ["World", "changes", "interpreter", "token"]

INHERITED = 77
"""The least number of the descriptor that a careless host left open for its children."""
SYSCTLS = (
    "kernel/core_pattern",
    "kernel/hostname",
    "kernel/modprobe",
    "kernel/randomize_va_space",
    "vm/overcommit_memory",
    "net/ipv4/ip_forward",
    "fs/suid_dumpable",
)
SHARED = ("/tmp", "/var/tmp", "/dev/shm", "/dev/mqueue", "/run/lock")
IPC = {
    "shared memory of the host": ("/proc/sysvipc/shm", 31),
    "semaphores of the host": ("/proc/sysvipc/sem", 66),
    "message queues of the host": ("/proc/sysvipc/msg", 71),
}
"""Table of the kernel, and the system call that removes an entry."""
SETTLED = ("State", "TracerPid", "Uid", "Cpus_allowed", "NoNewPrivs", "Mems_allowed")
STAT = {"nice": 16, "priority": 15, "real-time priority": 37, "policy": 38, "group": 2, "session": 3}


def token(kind: str) -> str:
    """Return a new secret that programs can recognise, and nobody can guess."""
    return f"TOKEN-{kind}-{secrets.token_hex(12)}"


def interpreter() -> str:
    """Return a Python that every user may start."""
    real = Path(sys.executable).resolve()
    reachable = all(folder.stat().st_mode & stat.S_IXOTH for folder in real.parents)
    return str(real) if reachable else "/usr/bin/python3"


class World:
    """Hold what the host has to lose."""

    def __init__(self) -> None:
        self.mark = f"atk{secrets.token_hex(5)}"
        kinds = ("file", "home", "environ", "inherited", "memory", "cmdline", "unlinked", "variable", "job", "input")
        self.tokens = {kind: token(kind) for kind in kinds}
        self.folder = Path(tempfile.mkdtemp(prefix="host-of-attacks-"))
        self.folder.chmod(0o755)
        self.victim: subprocess.Popen[bytes] | None = None
        self._signals = -1
        self.uid = os.getuid()
        self.facts: dict[str, object] = {"MARK": self.mark, "WORLD": str(self.folder), "HELD": HELD}
        self._clock = time.time() - time.monotonic()
        self._careless()
        self._files()
        self.ears = Ears(self.folder, self.mark)
        self.facts |= self.ears.facts

    # What there is ----------------------------------------------------------------------------------------------

    def _careless(self) -> None:
        """Leave secrets where the sandbox's own processes would inherit them from."""
        os.environ["SECRET_OF_THE_HOST"] = self.tokens["variable"]
        with tempfile.TemporaryFile() as file:
            file.write(self.tokens["inherited"].encode())
            file.flush()
            self._inherited = fcntl.fcntl(file, fcntl.F_DUPFD, INHERITED)

    def _files(self) -> None:
        for name, text in (("secret.txt", self.tokens["file"]), ("mine.txt", "untouched\n")):
            (self.folder / name).write_text(text, "utf-8")
        (self.folder / "home" / ".ssh").mkdir(parents=True)
        (self.folder / "home" / ".ssh" / "id_ed25519").write_text(self.tokens["home"], "utf-8")
        (self.folder / "open").mkdir()
        (self.folder / "open").chmod(0o777)
        shutil.copy("/usr/bin/id", self.folder / "setuid")
        (self.folder / "setuid").chmod(0o4755)
        project = Path(__file__).parents[2]
        self.facts["TOOLS"] = [str(path) for path in toolchain_paths()]
        self.facts |= {"SECRET": str(self.folder / "secret.txt"), "OPEN": str(self.folder / "open")}
        self.facts |= {
            "HOME": str(self.folder / "home"),
            "PROJECT": str(project),
            "MINE": str(self.folder / "mine.txt"),
        }

    def meet(self, uid: int, *, owns: bool) -> None:
        """Lay out what belongs to the user that programs run as.

        Args:
            uid: that user.
            owns: whether files are theirs too. A sandbox of root's makes up a user whom nothing belongs to.
        """
        self.uid = uid
        if os.getuid() == 0 and owns:
            for place in ("mine.txt", "home", "home/.ssh", "home/.ssh/id_ed25519"):
                os.chown(self.folder / place, uid, uid)
            os.chown(self.ears.terminal, uid, -1)
        self.invite()

    def invite(self) -> None:
        """Start a new victim, under the very user of the sandbox."""
        self._dismiss()
        unlinked = self.folder / "unlinked"
        unlinked.write_text(self.tokens["unlinked"], "utf-8")
        unlinked.chmod(0o644)
        self._signals, tell = os.pipe()
        os.set_blocking(self._signals, False)
        program = Path(__file__).with_name("victim.py").read_text("utf-8")
        program = program.replace("sys.argv", '["-c", *sys.argv[1:]]')  # no file of the project has to be readable
        who = {"user": self.uid, "group": self.uid, "extra_groups": ()} if os.getuid() == 0 else {}
        if os.getuid() == 0:
            os.chown(unlinked, self.uid, self.uid)
            os.chown(self.folder, self.uid, 0)  # it takes the name of its file away
        self.victim = subprocess.Popen(
            [interpreter(), "-I", "-c", program, self.mark, self.tokens["cmdline"], str(unlinked), str(tell)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            pass_fds=[tell],
            env={"SECRET_OF_THE_VICTIM": self.tokens["environ"], "PATH": "/usr/bin:/bin"},
            cwd=self.folder / "home",
            **who,  # type: ignore[call-overload]
        )
        os.close(tell)
        assert self.victim.stdin is not None
        assert self.victim.stdout is not None
        self.victim.stdin.write(self.tokens["memory"].encode() + b"\n")
        self.victim.stdin.close()
        self.facts["ADDRESS"] = int(self.victim.stdout.readline())
        self.facts["VICTIM"] = self.victim.pid

    def _dismiss(self) -> None:
        if self.victim is not None:
            self.victim.kill()
            self.victim.wait()
            assert self.victim.stdout is not None
            self.victim.stdout.close()
            os.close(self._signals)

    # What is seen -----------------------------------------------------------------------------------------------

    def observe(self) -> dict[str, object]:
        """Return the state of all that should not change."""
        return {
            **self._tree(),
            **self._of_victim(),
            **{f"/proc/sys/{name}": _text(f"/proc/sys/{name}") for name in SYSCTLS},
            "mounts of the host": _text("/proc/self/mountinfo"),
            **{name: self._owned(table) for name, (table, _) in IPC.items()},
            "files of the host": sorted(str(path) for place in SHARED for path in _entries(place) if self.mark in path),
            "name of the host": socket.gethostname(),
            "clock of the host": "as it was" if abs(time.time() - time.monotonic() - self._clock) < 5 else "moved",
            "what reached the host": self.ears.heard(),
        }

    def _tree(self) -> dict[str, object]:
        found: dict[str, object] = {}
        for path in [self.folder, *sorted(self.folder.rglob("*"))]:
            facts = path.lstat()
            digest = hashlib.sha256(path.read_bytes()).hexdigest()[:8] if stat.S_ISREG(facts.st_mode) else ""
            inside = facts.st_mtime_ns if path != self.folder else 0
            extended = os.listxattr(path, follow_symlinks=False) if path.is_file() else ()
            owner = (oct(facts.st_mode), facts.st_uid, facts.st_gid)
            found[str(path.relative_to(self.folder.parent))] = (*owner, facts.st_size, inside, digest, *extended)
        return found

    def _of_victim(self) -> dict[str, object]:
        assert self.victim is not None
        if self.victim.poll() is not None:
            return {"the victim": f"ended with {self.victim.returncode}"}
        pid = self.victim.pid
        status = dict(line.split(":\t", 1) for line in _text(f"/proc/{pid}/status").splitlines() if ":\t" in line)
        state = "asleep or busy" if status.get("State", "?")[0] in "SRD" else status.get("State")
        numbers = _text(f"/proc/{pid}/stat").rpartition(")")[2].split()
        found: dict[str, object] = {f"the victim's {name}": status.get(name) for name in SETTLED[1:]}
        found |= {f"the victim's {name}": numbers[at] for name, at in STAT.items()}
        found["the victim"] = state
        found["the victim's limits"] = _text(f"/proc/{pid}/limits")
        found["the victim's out-of-memory score"] = _text(f"/proc/{pid}/oom_score_adj")
        found["the victim's io priority"] = ctypes.CDLL(None).syscall(252, 1, pid)
        found["the victim's memory"] = self._memory(pid)
        found["signals to the victim"] = self._signalled()
        return found

    def _memory(self, pid: int) -> str:
        try:
            with open(f"/proc/{pid}/mem", "rb", 0) as memory:  # noqa: PTH123
                memory.seek(int(str(self.facts["ADDRESS"])))
                return memory.read(48).decode("utf-8", "replace")
        except OSError:
            return "unreadable"

    def _signalled(self) -> int:
        with suppress(BlockingIOError):
            while got := os.read(self._signals, 64):
                self.ears.received += [f"signal {number} to the victim" for number in got]
        return sum("signal" in one for one in self.ears.received)

    def _owned(self, table: str) -> list[str]:
        """Return the entries that belong to the user of the sandbox."""
        rows = [line.split() for line in _text(table).splitlines()]
        if not rows:
            return []
        columns = [rows[0].index(name) for name in ("key", rows[0][1], "uid")]
        return [" ".join(row[at] for at in columns) for row in rows[1:] if row[columns[2]] == str(self.uid)]

    def stolen(self, text: str) -> list[str]:
        """Return which secrets a text holds."""
        return [f"secret: {kind}" for kind, secret in self.tokens.items() if secret in text]

    def tidy(self, before: Mapping[str, object]) -> None:
        """Take away what an attack left where it lasts, so that the next one is judged for itself."""
        for place in SHARED:
            for path in _entries(place):
                if self.mark in path:
                    subprocess.run(["rm", "-rf", path], check=False)
        for name, (table, remove) in IPC.items():
            for row in self._owned(table):
                if row not in list(before.get(name, ())):  # type: ignore[call-overload]
                    ctypes.CDLL(None).syscall(remove, int(row.split()[1]), 0, 0, 0)
        if not (self.folder / "secret.txt").exists():
            (self.folder / "secret.txt").write_text(self.tokens["file"], "utf-8")

    def close(self) -> None:
        """Take everything away again."""
        os.environ.pop("SECRET_OF_THE_HOST", None)
        self._dismiss()
        self.ears.close()
        os.close(self._inherited)
        shutil.rmtree(self.folder, ignore_errors=True)


def changes(before: Mapping[str, object], after: Mapping[str, object]) -> list[str]:
    """Return what is different, in words."""
    names = [name for name in {**before, **after} if before.get(name) != after.get(name)]
    return [f"{name} changed: {_told(before.get(name), after.get(name))}" for name in names]


def _told(before: object, after: object) -> str:
    if isinstance(before, list) and isinstance(after, list):
        return ", ".join(dict.fromkeys(str(one) for one in after[len(before) :])) or f"{before} to {after}"
    return f"{str(before)[:80]} to {str(after)[:80]}"


def _text(path: str) -> str:
    try:
        return Path(path).read_text("utf-8", "replace")
    except OSError:
        return ""


def _entries(place: str) -> list[str]:
    try:
        return [str(path) for path in Path(place).iterdir()]
    except OSError:
        return []
