# ruff: noqa: N806 -- axes stand in the names of tensors
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from regrowth.core.record import Record
from regrowth.training.batches import Position, batches, passes
from regrowth.training.objectives import Objective, sft
from regrowth.training.rows import Ints, Rows, tokenize
from regrowth.weights.loading import load
from support.training import additions


@pytest.fixture(scope="module")
def rows(base: Path) -> Rows:
    return tokenize(additions(60), load(base).codec, sft, context=64)


PAIRS = Objective("pairs", sft.loss, sides=("response", "rejected"))
REPLY = ("response",)


def of_lengths(lengths: list[int]) -> Rows:
    """Rows of given lengths whose ids count up from zero; all but the first of each is trained."""
    starts = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    trained = np.ones(starts[-1], np.uint8)
    trained[starts[:-1]] = 0
    return Rows(np.arange(starts[-1], dtype=np.int32), trained, starts, REPLY)


def every(rows: Rows) -> Ints:
    return np.arange(len(rows))


def test_the_reply_and_its_end_token_are_trained_and_the_prompt_is_not(base: Path) -> None:
    codec = load(base).codec
    record = Record.of("2 + 3 ?", response="5")
    prompt, reply = codec.prompt(record.messages), codec.reply("5")
    rows = tokenize([record], codec, sft, context=64)
    (part,) = passes(rows, every(rows), REPLY, tokens=64, price=1, pad=codec.pad)
    (block,) = part.blocks
    assert block.ids_BT.tolist() == [[*prompt, *reply[:-1]]]
    assert block.targets_N.tolist() == reply
    assert reply[-1] in codec.ends
    assert block.kept_N.tolist() == list(range(len(prompt) - 1, len(prompt) + len(reply) - 1))


def test_a_head_reads_the_end_token_of_every_reply(base: Path) -> None:
    codec = load(base).codec
    pairs = additions(4, rejected=True)
    rows = tokenize(pairs, codec, PAIRS, context=64)
    (part,) = passes(rows, every(rows), PAIRS.sides, tokens=10**6, price=10**6, pad=codec.pad, whole=True)
    (block,) = part.blocks
    assert part.counts == (4, 4)
    assert part.rows_N.tolist() == [0, 1, 2, 3] * 2
    assert set(block.ids_BT.flatten()[block.kept_N].tolist()) <= codec.ends


def test_both_replies_of_a_pair_share_a_pass(base: Path) -> None:
    codec = load(base).codec
    pairs = additions(5, rejected=True)
    rows = tokenize(pairs, codec, PAIRS, context=64)
    (part,) = passes(rows, every(rows), PAIRS.sides, tokens=10**6, price=10**6, pad=codec.pad)
    (block,) = part.blocks
    assert block.ids_BT.shape[0] == 2 * part.records == 10
    better, worse = torch.split(block.targets_N, list(part.counts))
    assert better.tolist() == [token for place in part.members for token in codec.reply(pairs[place].response)]
    assert worse.tolist() == [token for place in part.members for token in codec.reply(pairs[place].rejected)]
    assert set(part.rows_N.tolist()) == set(range(5))


def test_sides_of_unlike_length_go_through_the_network_in_blocks_of_their_own(base: Path) -> None:
    codec = load(base).codec
    pairs = [one.derive(rejected="no") for one in additions(6)]
    rows = tokenize(pairs, codec, PAIRS, context=64)
    parts = passes(rows, every(rows), PAIRS.sides, tokens=10**6, price=0, pad=codec.pad)
    blocks = [block for part in parts for block in part.blocks]
    assert sum(block.ids_BT.numel() for block in blocks) == int((rows.sizes - 1).sum())  # no padding at all
    for part in parts:
        assert len(part.blocks) > 1
        assert part.order_N is not None
        targets_N = torch.cat([block.targets_N for block in part.blocks])[part.order_N]
        better, worse = torch.split(targets_N, list(part.counts))
        assert better.tolist() == [token for place in part.members for token in codec.reply(pairs[place].response)]
        assert worse.tolist() == codec.reply("no") * part.records


def test_an_epoch_visits_every_record_once(rows: Rows) -> None:
    seen = Counter[int]()
    for batch in batches(rows, tokens=100, seed=3):
        seen.update(batch.records.tolist())
        if batch.following.epoch == 1:
            break
    assert seen == Counter(range(len(rows)))


def test_batches_of_an_epoch_are_of_equal_size(rows: Rows) -> None:
    sizes = []
    for batch in batches(rows, tokens=100, seed=3):
        sizes.append(int(rows.lengths[batch.records].sum()))
        if batch.following.epoch == 1:
            break
    longest = int(rows.lengths.max())
    assert max(sizes) <= 100 + longest
    assert max(sizes) - min(sizes) <= 2 * longest


def test_the_order_follows_from_seed_and_epoch(rows: Rows) -> None:
    def order(seed: int, epoch: int) -> list[int]:
        return next(batches(rows, tokens=10**6, seed=seed, start=Position(epoch))).records.tolist()  # type: ignore[no-any-return]

    assert order(0, 0) == order(0, 0)
    assert len({tuple(order(seed, epoch)) for seed in range(2) for epoch in range(2)}) == 4


@given(start=st.integers(0, 30))
@settings(max_examples=10, deadline=None)
def test_the_stream_goes_on_from_any_position(start: int) -> None:
    rows = of_lengths([5, 9, 3, 7, 7, 2, 11])
    whole = batches(rows, tokens=15, seed=1)
    position = Position()
    for _ in range(start):
        position = next(whole).following
    again = batches(rows, tokens=15, seed=1, start=position)
    for _ in range(5):
        expected, found = next(whole), next(again)
        assert found.following == expected.following
        assert found.records.tolist() == expected.records.tolist()


lengths = st.lists(st.integers(2, 40), min_size=1, max_size=12)


@given(lengths=lengths, price=st.integers(0, 60), limit=st.integers(1, 200))
@settings(max_examples=60, deadline=None)
def test_passes_hold_every_token_once_and_respect_the_limit(lengths: list[int], price: int, limit: int) -> None:
    rows = of_lengths(lengths)
    parts = passes(rows, every(rows), REPLY, tokens=limit, price=price, pad=0)
    blocks = [block for part in parts for block in part.blocks]
    assert sorted(token for block in blocks for token in block.targets_N.tolist()) == sorted(
        set(range(sum(lengths))) - set(rows.starts.tolist())
    )
    for block in blocks:
        assert block.ids_BT.numel() <= limit or len(block.ids_BT) == 1


def cheapest_by_trial(widths: list[int], price: int) -> int:
    """Try every way to cut ascending widths."""
    best = []
    for cuts in range(2 ** (len(widths) - 1)):
        total, size = 0, 0
        for place, width in enumerate(widths):
            size += 1
            if place == len(widths) - 1 or cuts >> place & 1:
                total, size = total + size * width + price, 0
        best.append(total)
    return min(best)


@given(lengths=st.lists(st.integers(2, 40), min_size=1, max_size=8), price=st.integers(0, 60))
@settings(max_examples=30, deadline=None)
def test_no_other_way_to_cut_a_batch_is_cheaper(lengths: list[int], price: int) -> None:
    rows = of_lengths(lengths)
    parts = passes(rows, every(rows), REPLY, tokens=10**6, price=price, pad=0)
    cost = sum(block.ids_BT.numel() + price for part in parts for block in part.blocks)
    assert cost == cheapest_by_trial(sorted(length - 1 for length in lengths), price)


def test_a_record_without_the_sides_asked_for_is_in_no_pass(base: Path) -> None:
    either = Objective("either", sft.loss, sides=("response", "rejected"), optional=("response", "rejected"))
    records = [Record.of("1 ?", response="1"), Record.of("2 ?", rejected="3")]
    rows = tokenize(records, load(base).codec, either, context=64)
    assert [part.members.tolist() for part in passes(rows, every(rows), ("rejected",), tokens=99, price=1, pad=0)] == [
        [1]
    ]
    assert passes(rows, np.array([0]), ("rejected",), tokens=99, price=1, pad=0) == []
