"""A server of this process's own, with a stub in the place of vLLM: what is tested is how it is started and stopped."""

import asyncio
import json
import os
import stat
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

import pytest

from regrowth.core.errors import MissingExtra, ModelUnavailable, SettingsError
from regrowth.core.protocols import Sampling
from regrowth.core.record import Message
from regrowth.core.store import Store
from regrowth.models.model import RememberedModel
from regrowth.models.vllm import VllmBackend
from support.server import reply_to

T = TypeVar("T")
SUPPORT = Path(__file__).parents[2]

STUB = """#!{python}
import asyncio, json, os, sys
sys.path.insert(0, {support!r})
from support.server import Behaviour, Server

given = dict(zip(sys.argv[3::2], sys.argv[4::2]))
print("loading", sys.argv[2], flush=True)
{before}
with open({noted!r}, "a") as file:
    print(json.dumps([os.getpid(), sys.argv[1:]]), file=file)

async def serve():
    server = Server(Behaviour(models=(given["--served-model-name"],), prompt_logprobs=True))
    await server.start(int(given["--port"]))
    await asyncio.Event().wait()

asyncio.run(serve())
"""


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    folder = tmp_path / "weights"
    folder.mkdir()
    for name in ("config.json", "model.safetensors", "tokenizer.json", "training.json"):
        (folder / name).write_text(name)
    return folder


@pytest.fixture
def noted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Put a stub named `vllm` on PATH; return the file where it notes its process and its arguments."""
    install(tmp_path, monkeypatch)
    return tmp_path / "noted.jsonl"


def install(folder: Path, monkeypatch: pytest.MonkeyPatch, before: str = "") -> None:
    stub = folder / "bin" / "vllm"
    stub.parent.mkdir()
    noted = str(folder / "noted.jsonl")
    stub.write_text(STUB.format(python=sys.executable, support=str(SUPPORT), before=before, noted=noted))
    stub.chmod(stub.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", str(stub.parent), prepend=os.pathsep)


def using(backend: VllmBackend, scenario: Callable[[], Awaitable[T]]) -> T:
    async def run() -> T:
        try:
            return await scenario()
        finally:
            await backend.close()

    return asyncio.run(run())


def started(noted: Path) -> list[tuple[int, list[str]]]:
    return [tuple(json.loads(line)) for line in noted.read_text().splitlines()] if noted.exists() else []


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


async def texts(backend: VllmBackend, prompt: str, seeds: list[int]) -> list[str]:
    answer = await backend.answer([Message("user", prompt)], Sampling(), seeds)
    return [completion.text for completion in backend.read(answer.raw)]


def test_a_server_is_started_with_the_first_call_and_ends_when_closed(weights: Path, noted: Path) -> None:
    backend = VllmBackend(weights, context=512, memory=0.5)

    async def ask() -> list[list[str]]:
        assert not started(noted)
        return list(await asyncio.gather(texts(backend, "Why?", [7, 8]), texts(backend, "How?", [7])))

    assert using(backend, ask) == [[reply_to("Why?", 7, place) for place in range(2)], [reply_to("How?", 7)]]
    ((pid, arguments),) = started(noted)
    assert not alive(pid)
    assert arguments[:2] == ["serve", str(weights)]
    options = dict(zip(arguments[2::2], arguments[3::2], strict=True))
    assert options.pop("--port").isdigit()
    assert options == {
        "--host": "127.0.0.1",
        "--served-model-name": "regrowth",
        "--generation-config": "vllm",
        "--gpu-memory-utilization": "0.5",
        "--max-model-len": "512",
    }


def test_a_closed_server_is_started_again_by_the_next_call(weights: Path, noted: Path) -> None:
    backend = VllmBackend(weights)

    async def ask() -> None:
        await texts(backend, "Why?", [1])
        await backend.close()
        await texts(backend, "Why?", [1])

    using(backend, ask)
    pids = [pid for pid, _ in started(noted)]
    assert len(set(pids)) == 2
    assert not any(map(alive, pids))


def test_answers_are_remembered_whatever_the_port(weights: Path, noted: Path, tmp_path: Path) -> None:
    async def ask(backend: VllmBackend) -> str:
        with Store(tmp_path / "run") as store:
            return await RememberedModel(backend, store).ask("Why?", seed=3)

    backends = [VllmBackend(weights), VllmBackend(weights)]
    assert len({using(backend, lambda backend=backend: ask(backend)) for backend in backends}) == 1  # type: ignore[misc]
    assert len(started(noted)) == 1


def test_a_given_response_is_measured(weights: Path, noted: Path) -> None:
    backend = VllmBackend(weights)

    async def ask() -> object:
        return (await backend.measure([Message("user", "one two three")], "four five")).raw

    assert using(backend, ask) == [-3 / 8, -4 / 8]


def test_the_digest_names_the_weights_and_not_where_they_lie(weights: Path, noted: Path, tmp_path: Path) -> None:
    first = VllmBackend(weights)
    (weights / "training.json").write_text("another log")
    moved = weights.rename(tmp_path / "moved")
    assert VllmBackend(moved, memory=0.3).digest == first.digest
    assert VllmBackend(moved).folder == moved
    (moved / "model.safetensors").write_text("others")
    assert VllmBackend(moved).digest != first.digest


def test_a_server_that_does_not_come_up_tells_its_last_words(
    weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(tmp_path, monkeypatch, before="sys.exit('CUDA out of memory')")
    backend = VllmBackend(weights)
    with pytest.raises(ModelUnavailable, match=r"(?s)ended before it was up.*loading .*CUDA out of memory"):
        using(backend, lambda: texts(backend, "Why?", [1]))


def test_a_server_that_takes_too_long_is_stopped(
    weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(tmp_path, monkeypatch, before="import time\ntime.sleep(60)")
    backend = VllmBackend(weights, startup=0.3)
    with pytest.raises(ModelUnavailable, match=r"was not up after 0\.3 seconds"):
        using(backend, lambda: texts(backend, "Why?", [1]))


def test_a_server_that_ends_by_itself_is_told_of(weights: Path, noted: Path) -> None:
    backend = VllmBackend(weights)

    async def ask() -> None:
        await texts(backend, "Why?", [1])
        ((pid, _),) = started(noted)
        os.kill(pid, 9)
        while backend._process is not None and backend._process.returncode is None:
            await asyncio.sleep(0.01)
        with pytest.raises(ModelUnavailable, match=r"ended\. Its last words: loading"):
            await texts(backend, "Why?", [2])

    using(backend, ask)


def test_without_the_program_or_the_weights_it_says_so(
    weights: Path, noted: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(SettingsError, match="there is no folder 'nowhere'"):
        VllmBackend("nowhere")
    monkeypatch.setenv("PATH", "")
    with pytest.raises(MissingExtra, match="pip install vllm"):
        VllmBackend(weights)
