"""The store: committed before told, checked when read, one writer, and honest about what the disk refuses."""

import asyncio
import os
import sqlite3
import subprocess
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from regrowth.core.errors import CallFailed, StoreError
from regrowth.core.protocols import Answer, Cost
from regrowth.core.store import Store


def counted(value: object, calls: list[int]) -> Callable[[], Awaitable[Answer]]:
    async def compute() -> Answer:
        calls.append(1)
        await asyncio.sleep(0.001)
        return Answer(value, Cost(1, 3, 4, 0.5))  # type: ignore[arg-type]

    return compute


def test_a_value_is_computed_once(tmp_path: Path) -> None:
    calls: list[int] = []

    async def go() -> Any:
        with Store(tmp_path) as store:
            return await asyncio.gather(*(store.effect("generate", {"q": 1}, counted("a", calls)) for _ in range(5)))

    assert asyncio.run(go()) == ["a"] * 5
    assert asyncio.run(go()) == ["a"] * 5
    assert len(calls) == 1


def test_a_failure_is_not_remembered(tmp_path: Path) -> None:
    async def fail() -> Answer:
        raise CallFailed("no")

    async def go() -> None:
        with Store(tmp_path) as store:
            with pytest.raises(CallFailed):
                await store.effect("generate", {"q": 1}, fail)
            assert await store.effect("generate", {"q": 1}, counted("late", [])) == "late"
            assert store.open_intents() == 0

    asyncio.run(go())


def test_a_cancelled_twin_does_not_take_the_other_down(tmp_path: Path) -> None:
    async def go() -> None:
        with Store(tmp_path) as store:
            first = asyncio.create_task(store.effect("generate", {"q": 1}, counted("a", [])))
            second = asyncio.create_task(store.effect("generate", {"q": 1}, counted("a", [])))
            await asyncio.sleep(0)
            first.cancel()
            assert await second == "a"

    asyncio.run(go())


def test_a_changed_value_is_thrown_away_and_made_again(tmp_path: Path) -> None:
    calls: list[int] = []

    async def go() -> int:
        with Store(tmp_path) as store:
            assert await store.effect("generate", {"q": 1}, counted("true", calls)) == "true"
            return store.quarantined

    asyncio.run(go())
    with sqlite3.connect(tmp_path / "store.sqlite") as db:
        db.execute("update effects set value = ?", (b'"false"',))
    db.close()
    assert asyncio.run(go()) == 1
    assert len(calls) == 2
    assert asyncio.run(go()) == 0


def test_one_process_writes_at_a_time(tmp_path: Path) -> None:
    with Store(tmp_path), pytest.raises(StoreError, match=f"in use by process {os.getpid()}"):
        Store(tmp_path)
    Store(tmp_path).close()


def test_a_store_of_another_version_is_refused(tmp_path: Path) -> None:
    Store(tmp_path).close()
    with sqlite3.connect(tmp_path / "store.sqlite") as db:
        db.execute("pragma user_version = 99")
    db.close()
    with pytest.raises(StoreError, match="store format 99, this version of regrowth reads format 1"):
        Store(tmp_path)


def test_an_artefact_is_built_once_and_published_whole(tmp_path: Path) -> None:
    built: list[Path] = []

    async def build(scratch: Path) -> None:
        built.append(scratch)
        (scratch / "out" / "weights").write_text("w")

    async def broken(scratch: Path) -> None:
        (scratch / "checkpoint").write_text("half")
        raise CallFailed("killed")

    async def resumed(scratch: Path) -> None:
        assert (scratch / "checkpoint").read_text() == "half"
        await build(scratch)

    async def go() -> None:
        with Store(tmp_path) as store:
            folder = await store.artefact("fit", {"steps": 1}, build)
            assert folder == await store.artefact("fit", {"steps": 1}, build)
            assert (folder / "weights").read_text() == "w"
            with pytest.raises(CallFailed):
                await store.artefact("fit", {"steps": 2}, broken)
            assert (await store.artefact("fit", {"steps": 2}, resumed)).parent == folder.parent
            assert not any((tmp_path / "scratch").iterdir())

    asyncio.run(go())
    assert len(built) == 2


def test_forgotten_bytes_are_gone_from_the_disk(tmp_path: Path) -> None:
    async def go() -> None:
        with Store(tmp_path) as store:
            await store.effect("generate", {"q": "secret question"}, counted("secret answer" * 50, []))
            (effect,) = store.effects()
            store.link("child", ["parent"], [effect.key])
            store.link("grandchild", ["child"], [])
            store.flush()
            assert store.descendants(["parent"]) == {"parent", "child", "grandchild"}
            assert store.forget(store.descendants(["parent"])) == 1
            assert store.is_forgotten("grandchild")

    asyncio.run(go())
    assert not [path for path in tmp_path.iterdir() if b"secret" in path.read_bytes()]


def test_a_full_disk_is_told_in_words_and_keeps_what_was_committed(tmp_path: Path) -> None:
    async def go() -> None:
        store = Store(tmp_path)
        await store.effect("generate", {"q": 1}, counted("kept", []))
        pages = store._db.execute("pragma page_count").fetchone()[0]
        store._db.execute(f"pragma max_page_count={pages}")
        with pytest.raises(StoreError, match=r"disk is full.*committed is kept"):
            await store.effect("generate", {"q": 2}, counted("x" * 100_000, []))
        store._db.execute("pragma max_page_count=1000000")
        store.close()

    asyncio.run(go())
    with Store(tmp_path) as store:
        assert [effect.value for effect in store.effects()] == ["kept"]


def test_a_folder_that_cannot_be_written_is_told_in_words(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="file"):
        Store(tmp_path / "file" / "run")


def test_what_was_acknowledged_survives_kill_9(tmp_path: Path) -> None:
    program = """
import asyncio, os, signal, sys
from pathlib import Path
from regrowth.core.protocols import Answer
from regrowth.core.store import Store
async def main():
    store = Store(Path(sys.argv[1]))
    async def one(number):
        async def compute():
            return Answer({"number": number})
        await store.effect("generate", {"number": number}, compute)
        os.write(1, b"%d\\n" % number)
        if number == 250:
            os.kill(os.getpid(), signal.SIGKILL)
    await asyncio.gather(*(one(number) for number in range(400)))
asyncio.run(main())
"""
    done = subprocess.run([sys.executable, "-c", program, str(tmp_path)], capture_output=True, check=False)
    told = {int(line) for line in done.stdout.split()}
    with Store(tmp_path) as store:
        kept = {effect.value["number"] for effect in store.effects()}
    assert done.returncode == -9
    assert 250 in told
    assert told <= kept
