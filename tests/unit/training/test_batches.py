from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from regrowth.core.errors import DataError
from regrowth.core.record import Message, Record
from regrowth.training.batches import Batch, Position, Rows, batches, passes, tokenize
from regrowth.weights.loading import load
from support.training import additions


@pytest.fixture(scope="module")
def rows(base: Path) -> Rows:
    return tokenize(additions(60), load(base).codec, context=64)


def of_lengths(lengths: list[int], *, prompt: int = 1) -> Rows:
    """Rows of given lengths whose ids count up from zero."""
    starts = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    return Rows(
        np.arange(starts[-1], dtype=np.int32), starts, np.full(len(lengths), prompt, np.int64), ("response",), ()
    )


def every(rows: Rows) -> Batch:
    return Batch(np.arange(len(rows)), Position(1))


def test_the_reply_and_its_end_token_are_trained_and_the_prompt_is_not(base: Path) -> None:
    codec = load(base).codec
    record = Record.of("2 + 3 ?", response="5")
    prompt, reply = codec.prompt(record.messages), codec.reply("5")
    (part,) = passes(rows := tokenize([record], codec, context=64), every(rows), tokens=64, price=1, pad=codec.pad)
    assert part.ids_BT.tolist() == [[*prompt, *reply[:-1]]]
    assert part.targets_N.tolist() == reply
    assert reply[-1] in codec.ends
    assert part.kept_N.tolist() == list(range(len(prompt) - 1, len(prompt) + len(reply) - 1))


def test_a_record_that_cannot_be_trained_on_is_reported_and_never_cut(base: Path) -> None:
    codec = load(base).codec
    good, empty, long = additions(1)[0], Record.of("2 ?"), Record.of("2 ?", response="7 " * 80)
    stranger = Record.of([Message("narrator", "Once upon a time")], response="2")
    rows = tokenize([empty, good, long, stranger], codec, context=64)
    assert len(rows) == 1
    assert rows.ids.tolist() == [*codec.prompt(good.messages), *codec.reply(good.response)]
    reasons = dict(rows.skipped)
    assert reasons.keys() == {empty.id, long.id, stranger.id}
    assert reasons[empty.id] == "its response is empty"
    assert "the context holds 64" in reasons[long.id]
    assert "narrator" in reasons[stranger.id]


def test_nothing_to_train_on_is_an_error_that_says_why(base: Path) -> None:
    with pytest.raises(DataError, match=r"1 records came in, none can be used.*its response is empty"):
        tokenize([Record.of("2 ?")], load(base).codec, context=64)


def test_both_replies_of_a_pair_share_a_pass(base: Path) -> None:
    codec = load(base).codec
    pairs = additions(5, rejected=True)
    rows = tokenize(pairs, codec, context=64, sides=("response", "rejected"))
    (part,) = passes(rows, every(rows), tokens=10**6, price=10**6, pad=codec.pad)
    assert part.ids_BT.shape[0] == 2 * part.records == 10
    better, worse = torch.split(part.targets_N, list(part.counts))
    order = np.argsort(rows.widths, kind="stable")
    assert better.tolist() == [token for place in order for token in codec.reply(pairs[place].response)]
    assert worse.tolist() == [token for place in order for token in codec.reply(pairs[place].rejected)]
    assert set(part.rows_N.tolist()) == set(range(5))


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
    parts = passes(rows, every(rows), tokens=limit, price=price, pad=0)
    assert sorted(token for part in parts for token in part.targets_N.tolist()) == sorted(
        set(range(sum(lengths))) - set(rows.starts.tolist())
    )
    for part in parts:
        assert part.ids_BT.numel() <= limit or part.records == 1


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
    parts = passes(rows, every(rows), tokens=10**6, price=price, pad=0)
    cost = sum(part.ids_BT.numel() + price for part in parts)
    assert cost == cheapest_by_trial(sorted(length - 1 for length in lengths), price)
