"""Weights behind a vLLM server of this process's own: started when first asked, stopped when closed.

    backend = VllmBackend("models/student")     # vllm serve /…/student --port 41513 --served-model-name regrowth …
    answer = await backend.answer([Message("user", "2 + 3?")], Sampling(max_tokens=32), seeds=[11, 12])
    await backend.close()                       # the server ends, its GPU memory is free; the next call starts another

Answers are named by the weights, not by an address, so a server that comes back on another port answers from the same
store. Neither vLLM's version nor the GPU reaches the digest: replays are exact, new draws are vLLM's.

Needs the program `vllm`. A process that is killed outright (`kill -9`) cannot stop its server.
"""

import asyncio
import atexit
import hashlib
import os
import shutil
import signal
import socket
import tempfile
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import IO

import aiohttp

from regrowth.core.errors import MissingExtra, ModelUnavailable, SettingsError
from regrowth.core.protocols import Answer, Completion, Sampling
from regrowth.core.record import Json, Messages, digest
from regrowth.models.http import HttpBackend, HttpSettings

__all__ = ["VllmBackend"]

VERSION = 1
"""Part of the digest; changes whenever equal requests get other answers."""
SERVED = "regrowth"
"""What the server calls the model."""
READ = ("*.safetensors", "*.json", "*.jinja", "*.model")
"""Files of a folder of weights that vLLM reads."""
OURS = ("training.json",)
"""Files among them that it does not."""
PAUSE = 0.2
"""Seconds between two looks whether the server is up."""
GRACE = 20.0
"""Seconds to end politely."""
TAIL = 2000
"""Characters of the server's last words that an error repeats."""


class VllmBackend:
    """Answer with a vLLM server that belongs to this process."""

    def __init__(
        self, name: str | Path, *, context: int = 0, memory: float = 0.9, concurrency: int = 256, startup: float = 900.0
    ) -> None:
        """Prepare a server; it starts with the first call.

        Args:
            name: a folder of weights, or the hub's org/name.
            context: tokens of prompt and reply together, at most; 0 leaves it to the weights.
            memory: share of the GPU's memory that vLLM may take.
            startup: seconds until the server must be up.

        Raises:
            MissingExtra: vLLM is not installed.
            SettingsError, ModelUnavailable: there are no such weights.
        """
        self._program = shutil.which("vllm")
        if self._program is None:
            raise MissingExtra(
                "vllm: models need the program `vllm`, which is not on PATH. Install it where there is a GPU by: "
                "pip install vllm. Or name a server that runs already: openai:model@http://host:port/v1"
            )
        self.folder = _folder(name)
        """Where the weights lie, for whoever wants to train on from there."""
        self._options = {
            "--gpu-memory-utilization": f"{memory:g}",
            **({"--max-model-len": f"{context}"} if context else {}),
        }
        self._concurrency, self._startup = concurrency, startup
        self._digest = digest("vllm", VERSION, _files(self.folder))
        self._process: asyncio.subprocess.Process | None = None
        self._client: HttpBackend | None = None
        self._log: IO[bytes] | None = None
        self._last: Callable[[], None] = lambda: None
        """What Python does at its own end, if nobody closed the backend."""
        self._starting = asyncio.Lock()

    def __repr__(self) -> str:
        return f"VllmBackend({str(self.folder)!r})"

    @property
    def digest(self) -> str:
        """Name the files that the server reads."""
        return self._digest

    async def answer(self, messages: Messages, sampling: Sampling, seeds: Sequence[int]) -> Answer:
        """Draw one answer per seed.

        Raises:
            CallFailed: this call failed for good, after its attempts.
            ModelUnavailable: the server does not start, or it ended.
        """
        return await (await self._server()).answer(messages, sampling, seeds)

    def read(self, raw: Json) -> tuple[Completion, ...]:
        """Read the completions out of a raw answer, one per seed."""
        return HttpBackend(SERVED, "http://127.0.0.1").read(raw)

    async def measure(self, messages: Messages, response: str) -> Answer:
        """Return the log-probability of each token of a given response, in nats, without a token that ends it."""
        return await (await self._server()).measure(messages, response)

    async def close(self) -> None:
        """Stop the server and wait until it has ended."""
        async with self._starting:
            if self._client is not None:
                await self._client.close()
            if self._process is not None:
                await self._stop(self._process)

    async def _stop(self, process: asyncio.subprocess.Process) -> None:
        """End the server and whatever it started."""
        _signal(process.pid, signal.SIGTERM)
        try:
            await asyncio.wait_for(process.wait(), GRACE)
        except TimeoutError:
            _signal(process.pid, signal.SIGKILL)
            await process.wait()
        atexit.unregister(self._last)
        if self._log is not None:
            self._log.close()
        self._client = self._process = self._log = None

    async def _server(self) -> HttpBackend:
        async with self._starting:
            if self._client is None:
                await self._start()
            elif self._process is not None and self._process.returncode is not None:
                raise ModelUnavailable(self._ended("ended"))
            assert self._client is not None
            return self._client

    async def _start(self) -> None:
        port = _free_port()
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 -- as long as the server
        command = [str(self._program), "serve", str(self.folder), "--host", "127.0.0.1", "--port", str(port)]
        # vLLM else takes top_k and the like from the folder of the weights, and T=1 is not the model as it is.
        command += ["--served-model-name", SERVED, "--generation-config", "vllm"]
        command += [word for option in self._options.items() for word in option]
        self._process = await asyncio.create_subprocess_exec(
            *command, stdin=asyncio.subprocess.DEVNULL, stdout=self._log, stderr=self._log, start_new_session=True
        )
        base = f"http://127.0.0.1:{port}/v1"
        self._last = atexit.register(partial(_kill, self._process.pid, os.getpid()))
        try:
            await self._ready(base, self._process)
        except BaseException:
            await self._stop(self._process)
            raise
        self._client = HttpBackend(SERVED, base, HttpSettings(concurrency=self._concurrency, identity=self._digest))

    async def _ready(self, base: str, process: asyncio.subprocess.Process) -> None:
        """Wait until the server lists its model; vLLM listens only when the weights are loaded."""
        start = time.monotonic()
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=10)) as session:
            while process.returncode is None:
                if await _lists(session, f"{base}/models"):
                    return
                if time.monotonic() - start > self._startup:
                    raise ModelUnavailable(self._ended(f"was not up after {self._startup:g} seconds"))
                await asyncio.sleep(PAUSE)
        raise ModelUnavailable(self._ended("ended before it was up"))

    def _ended(self, what: str) -> str:
        """Say what the server did last."""
        assert self._log is not None
        self._log.seek(0)
        words = self._log.read().decode("utf-8", "replace")[-TAIL:].strip() or "nothing"
        return f"vllm serve {self.folder} {what}. Its last words: {words}"


def _folder(name: str | Path) -> Path:
    folder = Path(name).expanduser()
    if folder.is_dir():
        return folder.resolve()
    # torch comes with it, takes seconds to import, and is an extra.
    from regrowth.weights.hub import fetch, is_hub_name

    if not is_hub_name(str(name)):
        raise SettingsError(f"vllm: there is no folder {str(name)!r}. Name a folder of weights, or the hub's org/name.")
    return fetch(str(name))


def _files(folder: Path) -> dict[str, Json]:
    """Return the hash of every file that shapes an answer, by name."""
    found: dict[str, Json] = {}
    for path in sorted({path for pattern in READ for path in folder.glob(pattern)} - {folder / name for name in OURS}):
        with path.open("rb") as file:
            found[path.name] = hashlib.file_digest(file, "sha256").hexdigest()
    return found


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def _lists(session: aiohttp.ClientSession, address: str) -> bool:
    try:
        async with session.get(address) as reply:
            return reply.status == 200
    except (aiohttp.ClientError, TimeoutError):
        return False


def _kill(pid: int, parent: int) -> None:
    if os.getpid() == parent:
        _signal(pid, signal.SIGKILL)


def _signal(pid: int, number: int) -> None:
    """Signal the process group of a server, if it is still there."""
    try:
        os.killpg(pid, number)
    except ProcessLookupError:
        return
