from pathlib import Path

import numpy as np
import pytest

from regrowth.core.errors import DataError
from regrowth.core.record import Message, Record
from regrowth.training.objectives import Objective, Prelude, sft, supervised
from regrowth.training.rows import tokenize
from regrowth.weights.codec import Codec
from regrowth.weights.loading import load
from support.training import additions

PAIRS = Objective("pairs", sft.loss, sides=("response", "rejected"))


@pytest.fixture(scope="module")
def codec(base: Path) -> Codec:
    return load(base).codec


def test_a_record_that_cannot_be_trained_on_is_reported_and_never_cut(codec: Codec) -> None:
    good, empty, long = additions(1)[0], Record.of("2 ?"), Record.of("2 ?", response="7 " * 80)
    stranger = Record.of([Message("narrator", "Once upon a time")], response="2")
    rows = tokenize([empty, good, long, stranger], codec, sft, context=64)
    assert len(rows) == 1
    assert rows.ids.tolist() == [*codec.prompt(good.messages), *codec.reply(good.response)]
    reasons = dict(rows.skipped)
    assert reasons.keys() == {empty.id, long.id, stranger.id}
    assert reasons[empty.id] == "its response is empty"
    assert "the context holds 64" in reasons[long.id]
    assert "narrator" in reasons[stranger.id]


def test_nothing_to_train_on_is_an_error_that_says_why(codec: Codec) -> None:
    with pytest.raises(DataError, match=r"1 records came in, none can be used.*its response is empty"):
        tokenize([Record.of("2 ?")], codec, sft, context=64)


def test_pairs_whose_replies_are_equal_are_dropped_and_counted(codec: Codec) -> None:
    equal = Record.of("1 + 1 ?", response="2", rejected="2")
    rows = tokenize([equal, *additions(2, rejected=True)], codec, PAIRS, context=64)
    assert [tuple(skip) for skip in rows.skipped] == [(equal.id, "both replies of the pair are equal")]


def test_a_reply_that_was_cut_gets_no_end_token_and_any_other_gets_one(codec: Codec) -> None:
    record = Record.of("2 + 3 ?", response="5", rejected="5 5 5", cut=["rejected"])
    rows = tokenize([record], codec, PAIRS, context=64)
    ends = [int(np.isin(rows.side(side).ids, list(codec.ends)).sum()) for side in rows.sides]
    assert ends == [1, 0]


@pytest.mark.parametrize(
    ("trains", "expected"),
    [("reply", ["4", "<end>"]), ("assistant", ["2", "<end>", "4", "<end>"])],
)
def test_what_the_assistant_said_before_is_trained_if_asked_for(trains: str, expected: list[str], codec: Codec) -> None:
    turns = [Message("user", "1 + 1 ?"), Message("assistant", "2"), Message("user", "2 + 2 ?")]
    objective = supervised(trains)  # type: ignore[arg-type]
    rows = tokenize([Record.of(turns, response="4")], codec, objective, context=64)
    ids = rows.ids[rows.trained == 1].tolist()
    assert [codec.tokenizer.id_to_token(token) for token in ids] == expected  # type: ignore[attr-defined]


def test_knowledge_trains_every_token_that_has_one_before_it(codec: Codec) -> None:
    rows = tokenize(additions(3), codec, supervised("everything"), context=64)
    assert rows.counts[:, 0].tolist() == (rows.sizes[:, 0] - 1).tolist()


def test_a_side_that_may_be_missing_is_an_empty_row(codec: Codec) -> None:
    either = Objective("either", sft.loss, sides=("response", "rejected"), optional=("response", "rejected"))
    records = [Record.of("1 ?", response="1"), Record.of("2 ?", rejected="3"), Record.of("4 ?")]
    rows = tokenize(records, codec, either, context=64)
    assert (rows.sizes > 0).tolist() == [[True, False], [False, True]]
    assert rows.skipped[0].reason == "it has none of response, rejected"


def test_an_unrelated_reply_is_the_next_records_under_this_ones_prompt(codec: Codec) -> None:
    anchored = Objective("anchored", sft.loss, prelude=Prelude(("unrelated",), lambda _: {}))
    records = additions(3)
    rows = tokenize(records, codec, anchored, context=64)
    found = rows.side("unrelated")
    for number, record in enumerate(records):
        ids = found.ids[found.starts[number] : found.starts[number + 1]].tolist()
        assert ids == [*codec.prompt(record.messages), *codec.reply(records[(number + 1) % 3].response)]


def test_numbers_are_read_of_scores_then_attributes_and_may_be_missing(codec: Codec) -> None:
    wanted = Objective("wanted", sft.loss, columns={"margin": None, "help": float("nan"), "ease": float("nan")})
    full = Record.of("1 ?", response="1", margin=2, help=3).scored(margin=4.0)
    bare = Record.of("2 ?", response="2", margin=1, ease=1)
    without = Record.of("3 ?", response="3", help=1)
    wrong = Record.of("4 ?", response="4", margin="wide", help=1)
    unknown = Record.of("5 ?", response="5", help=1).scored(margin=float("nan"))
    rows = tokenize([full, bare, without, wrong, unknown], codec, wanted, context=64)
    assert rows.columns["margin"].tolist() == [4.0, 1.0]
    assert rows.columns["help"][0] == 3.0
    assert np.isnan(rows.columns["help"][1])
    reasons = dict(rows.skipped)
    assert reasons[without.id] == "neither its scores nor its attributes hold 'margin'"
    assert reasons[wrong.id] == "its margin is 'wide', expected a number"
    assert reasons[unknown.id] == "its margin is nan, expected a finite number"


def test_a_record_whose_every_label_is_masked_is_skipped(codec: Codec) -> None:
    labels = Objective("labels", sft.loss, head=("a", "b"), columns={"a": float("nan"), "b": float("nan")})
    known, unknown = Record.of("1 ?", response="1", a=1), Record.of("2 ?", response="2")
    rows = tokenize([known, unknown], codec, labels, context=64)
    assert [tuple(skip) for skip in rows.skipped] == [(unknown.id, "none of a, b is known")]
