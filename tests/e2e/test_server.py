"""Whole runs against a server that fails: every row is accounted for, and nothing that was committed is paid again."""

import asyncio
import contextlib
import random
import sqlite3
import sys
from collections import Counter
from pathlib import Path

import orjson
import pytest

from regrowth.core.dataset import Dataset
from regrowth.core.flow import grow
from regrowth.core.protocols import Model
from regrowth.core.record import Record
from regrowth.core.store import Store
from regrowth.models.http import HttpBackend, HttpSettings
from regrowth.models.model import RememberedModel
from support.server import Behaviour, Fault, reply_to, serving

FAULTS: dict[Fault, float] = dict.fromkeys(
    ("429", "429_wait", "500", "hang", "cut", "broken", "shape", "duplicate"), 0.025
)
QUICK = HttpSettings(timeout=0.3, attempts=4, backoff=0.005, patience=20)


async def answer(seed: Record, model: Model) -> Record:
    return seed.derive(response=await model.ask(seed.messages, seed=7))


async def grown_against(behaviour: Behaviour, folder: Path, prompts: int) -> tuple[Dataset, Counter[str]]:
    async with serving(behaviour) as server:
        backend = HttpBackend("mock", server.url, QUICK)
        with Store(folder) as store:
            seeds = [Record.of(f"prompt {number}") for number in range(prompts)]
            model = RememberedModel(backend, store)
            dataset = await grow(seeds, answer, model, store=store, path=folder / "data" / "answers")
        await backend.close()
        return dataset, server.served.faults


def test_under_a_fifth_of_faults_every_row_is_accounted_for(tmp_path: Path) -> None:
    behaviour = Behaviour(latency=0.002, faults=FAULTS, retry_after=0)
    dataset, struck = asyncio.run(grown_against(behaviour, tmp_path, 300))
    failed = list(dataset.ledger())
    assert set(struck) == set(FAULTS)
    assert len(dataset) + len(failed) == 300
    assert all(entry.outcome == "failed" and entry.reason for entry in failed)
    assert len({record.prompt for record in dataset}) == len(dataset)
    assert all(record.response == reply_to(record.prompt, 7) for record in dataset)


def test_prompts_that_fail_for_ever_are_told_and_the_others_delivered(tmp_path: Path) -> None:
    behaviour = Behaviour(faults={"500": 0.05}, per="prompt")
    dataset, _ = asyncio.run(grown_against(behaviour, tmp_path, 200))
    failed = list(dataset.ledger())
    assert 0 < len(failed) < 30
    assert len(dataset) + len(failed) == 200
    assert all("500" in entry.reason and "4 attempts" in entry.reason for entry in failed)


KILLS = 8
WIDTH = 32
PROGRAM = """
import sys
import regrowth as rg

async def answer(seed, model):
    first = await model.ask(seed.messages, seed=7)
    return seed.derive(response=await model.ask("second " + seed.prompt + first[:10], seed=7))

with rg.open_run(sys.argv[1]) as run:
    model = run.model(f"openai:mock@{sys.argv[2]}?concurrency={sys.argv[3]}")
    data = run.grow([rg.Record.of(f"prompt {number}") for number in range(60)], answer, model)
    assert len(data) == 60, data
"""


def committed(folder: Path) -> set[str]:
    """Return the prompts whose answers are committed."""
    if not (folder / "store.sqlite").exists():
        return set()
    with contextlib.closing(sqlite3.connect(folder / "store.sqlite")) as db:
        if not db.execute("select 1 from sqlite_master where name = 'effects'").fetchone():
            return set()
        return {orjson.loads(row[0])[1]["messages"][-1]["content"] for row in db.execute("select request from effects")}


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_what_was_committed_is_never_paid_again(tmp_path: Path) -> None:
    async def go() -> None:
        chance = random.Random(7)
        async with serving(Behaviour(latency=0.05, capacity=20)) as server:
            kills, status = 0, -9
            while status != 0:
                program = [sys.executable, "-c", PROGRAM, str(tmp_path / "run"), server.url, str(WIDTH)]
                process = await asyncio.create_subprocess_exec(*program)
                before, safe = Counter(server.served.answered), committed(tmp_path / "run")
                patience = chance.uniform(0.5, 1.5) if kills < KILLS else None
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(process.wait(), patience)
                if process.returncode is None:
                    process.kill()
                    kills += 1
                status = await process.wait()
                await asyncio.sleep(0.1)
                again = {prompt for prompt, count in server.served.answered.items() if count > before[prompt]}
                assert not again & safe, "a committed answer was asked for again"
            repeated = sum(count - 1 for count in server.served.answered.values())
            assert kills >= 1
            assert len(server.served.answered) == 120
            # In flight at the kill, and a wave of answers that came within the last group commit.
            assert repeated <= 2 * WIDTH * kills

    asyncio.run(go())
    assert len(Dataset(tmp_path / "run" / "data" / "data")) == 60
