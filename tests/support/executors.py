"""An executor that isolates nothing: for code that we wrote ourselves, and for nothing else."""

import asyncio
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO

from regrowth.core.protocols import Execution, Limits, Status

__all__ = ["Unisolated"]

LIMITS = Limits()


class Unisolated:
    """Run programs as plain processes in a fresh folder, within the limits of time and output only."""

    tier = 2
    digest = "unisolated"

    def __init__(self) -> None:
        self.runs = 0

    async def run(
        self, files: Mapping[str, str], argv: Sequence[str], stdin: str = "", limits: Limits = LIMITS
    ) -> Execution:
        self.runs += 1
        command = [sys.executable, *argv[1:]] if argv[0] == "python" else list(argv)
        with tempfile.TemporaryDirectory() as folder:
            for name, text in files.items():
                path = Path(folder, name)
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text, "utf-8", newline="")
            return await asyncio.to_thread(_run, command, folder, stdin, limits)


def _run(command: Sequence[str], folder: str, stdin: str, limits: Limits) -> Execution:
    began = time.monotonic()
    process = subprocess.Popen(
        command,
        cwd=folder,
        env={"PATH": os.environ["PATH"], "HOME": folder, "LANG": "C.UTF-8", "PYTHONDONTWRITEBYTECODE": "1"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    full = threading.Event()

    def read(stream: IO[bytes], kept: bytearray) -> None:
        while part := os.read(stream.fileno(), 65_536):
            kept += part
            if len(kept) > limits.output:
                full.set()
                _end(process)

    assert process.stdin is not None
    assert process.stdout is not None
    assert process.stderr is not None
    kept = [bytearray(), bytearray()]
    threads = [
        threading.Thread(target=_feed, args=(process.stdin, stdin)),
        threading.Thread(target=read, args=(process.stdout, kept[0])),
        threading.Thread(target=read, args=(process.stderr, kept[1])),
    ]
    for thread in threads:
        thread.start()
    status: Status = "ok"
    try:
        process.wait(limits.wall)
    except subprocess.TimeoutExpired:
        status = "timeout"
    _end(process)
    code = process.wait()
    for thread in threads:
        thread.join()
    process.stdout.close()
    process.stderr.close()
    if full.is_set():
        status = "output"
    elif status == "ok" and code:
        status = "nonzero" if code > 0 else "crashed"
    out, err = (part[: limits.output].decode("utf-8", "replace") for part in kept)
    return Execution(
        status=status,
        exit=code if code >= 0 else None,
        stdout=out,
        stderr=err,
        wall_ms=1000 * (time.monotonic() - began),
        tier=2,
        reason="" if status in ("ok", "nonzero") else f"stopped by {status}",
    )


def _feed(stream: IO[bytes], text: str) -> None:
    with suppress(BrokenPipeError):
        stream.write(text.encode())
    with suppress(BrokenPipeError):
        stream.close()


def _end(process: "subprocess.Popen[bytes]") -> None:
    """End a program and what it left in its session."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, 9)
