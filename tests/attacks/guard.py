"""The baseline: what many tools call a guard. A subprocess, its own folder, resource limits, a scrubbed environment.

It is here to be compared with, and never used by the product. It is given more than such guards usually have: every
limit that setrlimit knows, a process group that is killed at the end and, for root, a user of its own (without that,
`kill -9 -1` would end this machine's session).
"""

import asyncio
import os
import resource
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from attacks.attack import LIMITS
from attacks.world import interpreter
from regrowth.core.protocols import Execution, Limits, Status

__all__ = ["Guard"]

USER = 64_811
MIB = 2**20


class Guard:
    """Run programs under resource limits, and nothing else."""

    tier = 0
    digest = "guard"

    async def run(
        self, files: Mapping[str, str], argv: Sequence[str], stdin: str = "", limits: Limits = LIMITS
    ) -> Execution:
        """Run a program."""
        return await asyncio.to_thread(_run, files, argv, stdin, limits)

    def close(self) -> None:
        """Have nothing to give back."""

    def sweep(self, spared: int) -> None:
        """End what the programs left running: the next attack is to meet a machine as the first one did."""
        for _ in range(20):
            found = [pid for pid in _of_user() if pid != spared]
            for pid in found:
                with suppress(ProcessLookupError, ChildProcessError):
                    os.kill(pid, 9)
                    os.waitpid(pid, os.WNOHANG)
            if not found:
                return
            time.sleep(0.02)


def _of_user() -> list[int]:
    """Return the processes of the guard's user; for an ordinary user, none can be told from its own."""
    if os.getuid() != 0:
        return []
    return [int(path.name) for path in Path("/proc").glob("[0-9]*") if _owner(path) == USER]


def _owner(path: Path) -> int:
    try:
        return path.stat().st_uid
    except OSError:
        return -1


def _run(files: Mapping[str, str], argv: Sequence[str], stdin: str, limits: Limits) -> Execution:
    who = {"user": USER, "group": USER, "extra_groups": ()} if os.getuid() == 0 else {}
    folder = Path(tempfile.mkdtemp(prefix="guard-"))
    start = time.monotonic()
    try:
        for name, text in files.items():
            (folder / name).write_text(text, "utf-8")
        if who:
            os.chown(folder, USER, USER)
        command = [interpreter() if argv[0] == "python" else argv[0], *argv[1:]]
        process = subprocess.Popen(
            command,
            cwd=folder,
            env={"PATH": "/usr/bin:/bin", "HOME": str(folder)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
            preexec_fn=lambda: _limit(limits),
            **who,  # type: ignore[call-overload]
        )
        status: Status = "ok"
        try:
            out, err = process.communicate(stdin.encode(), timeout=limits.wall)
        except subprocess.TimeoutExpired:
            status = "timeout"
            with suppress(ProcessLookupError):
                os.killpg(process.pid, 9)
            try:
                out, err = process.communicate(timeout=1)
            except subprocess.TimeoutExpired:
                out, err = b"", b""
        code = process.returncode
        if status == "ok" and code:
            status = "crashed" if (code or 0) < 0 else "nonzero"
        return Execution(
            status=status,
            exit=code if code is not None and code >= 0 else None,
            stdout=out.decode("utf-8", "replace"),
            stderr=err.decode("utf-8", "replace"),
            wall_ms=(time.monotonic() - start) * 1e3,
        )
    finally:
        for stream in (process.stdin, process.stdout, process.stderr):
            if stream is not None:
                stream.close()
        subprocess.run(["rm", "-rf", folder], check=False)


def _limit(limits: Limits) -> None:
    for which, most in (
        (resource.RLIMIT_CPU, int(limits.cpu) + 1),
        (resource.RLIMIT_AS, 4 * limits.memory * MIB),  # what such guards commonly give, so that more than Python runs
        (resource.RLIMIT_DATA, limits.memory * MIB),
        (resource.RLIMIT_STACK, 8 * MIB),
        (resource.RLIMIT_FSIZE, limits.disk * MIB),
        (resource.RLIMIT_NOFILE, 64),
        (resource.RLIMIT_NPROC, limits.processes),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(which, (most, most))
