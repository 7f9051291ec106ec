"""Laws 1 to 3 and 5: a run replays for nothing, in any order, in pieces, and no row vanishes."""

import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from regrowth.core.dataset import Dataset
from regrowth.core.errors import Shortfall
from regrowth.core.flow import Budget
from regrowth.core.store import Store
from support.flows import bytes_of, effects_of_shard, grown, seeds

WAYS = [{}, {"count": 90, "stratum": "topic"}, {"budget": Budget(tokens=4000), "partial": True}]


@pytest.mark.parametrize("how", WAYS)
def test_a_finished_run_replays_without_effects_and_to_the_same_bytes(tmp_path: Path, how: dict[str, object]) -> None:
    first, effects = grown(tmp_path, seeds(120), order=1, **how)
    before = bytes_of(first)
    second, repeated = grown(tmp_path, seeds(120), order=2, **how)
    assert effects > 0
    assert repeated == 0
    assert bytes_of(second) == before


@pytest.mark.parametrize("how", WAYS)
def test_the_order_of_completion_changes_nothing(tmp_path: Path, how: dict[str, object]) -> None:
    datasets = [grown(tmp_path / str(order), seeds(120), order=order, **how)[0] for order in range(3)]
    assert bytes_of(datasets[0]) == bytes_of(datasets[1]) == bytes_of(datasets[2])


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_two_shards_merged_in_either_order_equal_one_run(tmp_path: Path, order: tuple[int, int]) -> None:
    whole, effects = grown(tmp_path / "whole", seeds(60))
    with ProcessPoolExecutor(2, multiprocessing.get_context("spawn")) as pool:
        shared = sum(pool.map(effects_of_shard, [tmp_path / "shard-0", tmp_path / "shard-1"], (0, 1)))
    with Store(tmp_path / "merged") as store:
        for index in order:
            store.absorb(tmp_path / f"shard-{index}")
    merged, repeated = grown(tmp_path / "merged", seeds(60))
    assert shared == effects
    assert repeated == 0
    assert bytes_of(merged) == bytes_of(whole)


@settings(max_examples=15, deadline=None)
@given(number=st.integers(1, 60), count=st.none() | st.integers(3, 40), width=st.integers(1, 40))
def test_what_went_in_was_accepted_or_refused_with_a_reason(
    tmp_path_factory: pytest.TempPathFactory, number: int, count: int | None, width: int
) -> None:
    folder = tmp_path_factory.mktemp("accounts")
    records = seeds(max(number, 3))
    how: dict[str, Any] = {} if count is None else {"count": count, "stratum": "topic"}
    dataset, _ = grown(folder, records, width=width, partial=True, **how)
    ledger = list(dataset.ledger())
    tallies = dataset.manifest["funnel"]["strata"].values()
    made = sum(tally["made"] for tally in tallies)
    assert made == 2 * sum(tally["attempted"] for tally in tallies)
    assert made == len(dataset) + len(ledger)
    assert all(entry.gate and entry.reason for entry in ledger)
    if count is not None and not dataset.shortfall:
        assert len(dataset) == count


def test_grow_returns_exactly_the_count_in_equal_shares(tmp_path: Path) -> None:
    dataset, _ = grown(tmp_path, seeds(30), count=100, stratum="topic", draws=60)
    shares = {topic: sum(record["topic"] == topic for record in dataset) for topic in ("topic 0", "topic 1", "topic 2")}
    assert shares == {"topic 0": 34, "topic 1": 33, "topic 2": 33}


def test_a_count_out_of_reach_stops_and_names_the_gate_that_ate_the_rest(tmp_path: Path) -> None:
    with pytest.raises(Shortfall, match=r"of 100 records .* Most were refused by \w+: \d+\. Short: .*topic 2 \d+/33"):
        grown(tmp_path, seeds(9), count=100, stratum="topic", draws=2)
    assert len(Dataset(tmp_path / "data" / "grown")) > 0


def test_a_budget_is_overrun_by_little(tmp_path: Path) -> None:
    dataset, _ = grown(tmp_path, seeds(400), budget=Budget(tokens=6000), partial=True)
    assert 6000 <= dataset.manifest["cost"]["prompt_tokens"] + dataset.manifest["cost"]["completion_tokens"] < 6300
    assert "budget of 6,000 tokens" in dataset.shortfall


def test_equal_prompts_have_seeds_of_their_own(tmp_path: Path) -> None:
    dataset, _ = grown(tmp_path, seeds(1), count=6, draws=30)
    assert len({record.response for record in dataset}) == 6
