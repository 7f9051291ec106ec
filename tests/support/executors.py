"""An executor that isolates nothing: for code that we wrote ourselves, and for nothing else."""

import asyncio
import os
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

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
            # In a loop of its own: uvloop refuses to write to a process that has already ended.
            return await asyncio.to_thread(asyncio.run, _run(command, folder, stdin, limits))


async def _run(command: Sequence[str], folder: str, stdin: str, limits: Limits) -> Execution:
    began = time.monotonic()
    process = await asyncio.create_subprocess_exec(
        *command,
        cwd=folder,
        env={"PATH": os.environ["PATH"], "HOME": folder, "LANG": "C.UTF-8", "PYTHONDONTWRITEBYTECODE": "1"},
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        start_new_session=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    assert process.stderr is not None
    kept = [bytearray(), bytearray()]
    status: Status = "ok"
    try:
        async with asyncio.timeout(limits.wall), asyncio.TaskGroup() as group:
            group.create_task(_feed(process.stdin, stdin))
            group.create_task(_read(process.stdout, kept[0], limits.output))
            group.create_task(_read(process.stderr, kept[1], limits.output))
    except* TimeoutError:
        status = "timeout"
    except* OverflowError:
        status = "output"
    if status != "ok":
        with suppress(ProcessLookupError):
            os.killpg(process.pid, 9)
    code = await process.wait()
    if status == "ok" and code:
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


async def _feed(stream: asyncio.StreamWriter, text: str) -> None:
    with suppress(BrokenPipeError, ConnectionResetError):
        stream.write(text.encode())
        await stream.drain()
    stream.close()


async def _read(stream: asyncio.StreamReader, kept: bytearray, limit: int) -> None:
    while part := await stream.read(65_536):
        kept += part
        if len(kept) > limit:
            raise OverflowError
