"""`each` and `grow` where things go wrong."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from regrowth.core.dataset import Dataset
from regrowth.core.errors import CallFailed, DataError, ModelUnavailable, Rejected, SettingsError
from regrowth.core.flow import each, grow
from regrowth.core.record import Record
from regrowth.core.store import Store
from support.flows import grown, seeds


def grow_with(folder: Path, work: Any, count: int = 5, **settings: Any) -> Dataset:
    async def go() -> Dataset:
        with Store(folder) as store:
            return await grow(seeds(count), work, store=store, path=folder / "data" / "grown", **settings)

    return asyncio.run(go())


def test_each_keeps_the_order_and_bounds_what_it_holds() -> None:
    running, most = 0, 0

    async def slow_first(number: int) -> int:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0.02 if number == 0 else 0.001)
        running -= 1
        return number

    async def go() -> list[int]:
        return [result async for result in each(range(40), slow_first, width=7)]

    assert asyncio.run(go()) == list(range(40))
    assert most <= 7


def test_leaving_each_early_leaves_nothing_running() -> None:
    async def go() -> int:
        async def forever(_: int) -> None:
            await asyncio.sleep(3600 if _ else 0)

        results = each(range(10), forever, width=4)
        await anext(results)
        await results.aclose()
        return len(asyncio.all_tasks())

    assert asyncio.run(go()) == 1


def test_a_failed_call_becomes_a_ledger_entry_and_the_others_go_on(tmp_path: Path) -> None:
    async def work(seed: Record) -> Record:
        if seed.prompt == "question 3":
            raise CallFailed("HTTP 500, five times")
        return seed.derive(response="fine")

    dataset = grow_with(tmp_path, work)
    (lost,) = dataset.ledger()
    assert len(dataset) == 4
    assert (lost.outcome, lost.gate, lost.reason) == ("failed", "work", "HTTP 500, five times")
    assert lost.record.prompt == "question 3"


def test_a_plain_error_of_user_code_is_told_with_its_kind(tmp_path: Path) -> None:
    def work(seed: Record) -> Record:
        return seed.derive(response=seed["nothing"] if seed.prompt == "question 0" else "fine")

    (lost,) = grow_with(tmp_path, work).ledger()
    assert lost.reason.startswith("KeyError: ")


def test_a_gate_that_breaks_is_told_apart_from_one_that_refuses(tmp_path: Path) -> None:
    def brittle(record: Record) -> Record:
        raise ZeroDivisionError("oops") if record.prompt == "question 1" else Rejected("strict", "never")

    outcomes = {
        entry.record.prompt: entry for entry in grow_with(tmp_path, lambda seed: seed, gates=[brittle]).ledger()
    }
    assert outcomes["question 1"].outcome == "failed"
    assert outcomes["question 1"].gate == "brittle"
    assert outcomes["question 2"].outcome == "rejected"
    assert outcomes["question 2"].gate == "strict"


def test_a_bug_in_every_attempt_stops_the_run_with_the_error(tmp_path: Path) -> None:
    def work(seed: Record) -> Record:
        raise NameError("typo")

    with pytest.raises(NameError, match="typo") as caught:
        grow_with(tmp_path, work, count=50)
    assert "first 20 attempts all failed" in caught.value.__notes__[0]
    assert not (tmp_path / "data" / "grown").exists()


@pytest.mark.parametrize("error", [ModelUnavailable("no server"), SettingsError("wrong")])
def test_what_no_attempt_can_survive_stops_the_run_at_once(tmp_path: Path, error: Exception) -> None:
    async def work(seed: Record) -> Record:
        raise error

    with pytest.raises(type(error)):
        grow_with(tmp_path, work)


def test_work_may_make_none_one_or_several(tmp_path: Path) -> None:
    def work(seed: Record) -> list[Record] | Record | None:
        made = {"question 0": None, "question 1": seed.derive(response="one")}
        return made.get(seed.prompt, [seed.derive(response="a"), seed.derive(response="b")])

    assert [record.response for record in grow_with(tmp_path, work, count=3)] == ["one", "a", "b"]


def test_no_seeds_is_an_error_when_a_count_is_wanted(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="No seeds"):
        grown(tmp_path, [], count=3)


def test_fewer_records_than_strata_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="count=2, but there are 3 strata"):
        grown(tmp_path, seeds(9), count=2, stratum="topic")


def test_a_shard_of_a_counted_grow_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="needs count=None"):
        grown(tmp_path, seeds(9), count=2, shard=(0, 2))


def test_quotas_of_ones_own_are_kept(tmp_path: Path) -> None:
    dataset, _ = grown(tmp_path, seeds(30), quotas={"topic 0": 5, "topic 1": 2}, stratum="topic", draws=9)
    assert [record["topic"] for record in dataset].count("topic 0") == 5
    assert len(dataset) == 7


def test_a_changed_shard_is_found(tmp_path: Path) -> None:
    dataset, _ = grown(tmp_path, seeds(30))
    dataset.check()
    part = dataset.path / "part-00000.parquet"
    part.write_bytes(part.read_bytes()[:-1] + b"x")
    with pytest.raises(DataError, match=r"part-00000.parquet: sha256 \w+, the manifest says"):
        dataset.check()


def test_columns_are_read_without_rows(tmp_path: Path) -> None:
    dataset, _ = grown(tmp_path, seeds(30))
    table = dataset.columns("id", "response")
    assert table.column("id").to_pylist() == [record.id for record in dataset]


def test_a_passport_names_seed_draw_gates_and_effects(tmp_path: Path) -> None:
    dataset, _ = grown(tmp_path, seeds(9))
    with Store(tmp_path) as store:
        for entry in dataset.entries():
            assert entry.passport["seed"] in entry.record.parents
            assert entry.passport["gates"] == ["hard_to_please"]
            assert len(list(store.effects(entry.passport["effects"]))) == 2
            assert entry.record.id in store.children(entry.passport["seed"])
