"""The index on disk: rounds added one by one fare as if all had come at once, and no record is read twice."""

import json
import random
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from regrowth.core.errors import DataError, SettingsError
from regrowth.core.record import Record
from regrowth.curation.duplicates import HashedGrams, Index, Near, Semantic, Standing, near_duplicates, said
from regrowth.curation.findings import parted
from support.near_texts import ENGLISH, TEXTS, changed, corpus, sentences


def equal(record: Record) -> Standing:
    """Return the same standing for all, so that the earlier round decides."""
    return Standing()


@given(st.integers(0, 10**6), st.booleans())
@settings(deadline=None, max_examples=12)
def test_round_by_round_is_the_same_as_all_at_once(
    tmp_path_factory: pytest.TempPathFactory, seed: int, meanings: bool
) -> None:
    folder = tmp_path_factory.mktemp("index")
    rng = random.Random(seed)
    semantic = Semantic(HashedGrams(), 0.7) if meanings else None
    rounds: list[list[Record]] = [[], [], []]
    near = Near(crowd=rng.choice((1, 2, 64)))
    for number, text in enumerate(corpus(seed, 30)):
        rng.choice(rounds).append(Record.of(text, number=number))
    at_once = near_duplicates(*rounds, near=near, judge=equal, semantic=semantic)
    found = [
        Index(folder, near=near, judge=equal, semantic=semantic).add(
            records, f"round {number}"
        )  # opened anew each time
        for number, records in enumerate(rounds)
    ]
    told = {
        one.record: (one.evidence["twin"], one.evidence["kind"], one.evidence["similarity"]) for one in at_once.findings
    }
    assert {
        one.record: (one.evidence["twin"], one.evidence["kind"], one.evidence["similarity"])
        for each in found
        for one in each.findings
    } == told
    assert len(Index(folder, near=near, judge=equal, semantic=semantic)) == sum(map(len, rounds)) - len(told)


def test_what_an_earlier_round_kept_stays_and_is_named(tmp_path: Path) -> None:
    first = Record.of(ENGLISH)
    better = Record.of(changed(ENGLISH, 0.02, random.Random(1))).scored(passed=1.0, reward=9.0)
    index = Index(tmp_path / "index")
    assert index.add([first], "one").findings == ()
    (found,) = index.add([better, Record.of(TEXTS["de"])], "two").findings
    assert (found.record, found.evidence["twin"], found.evidence["round"]) == (better.id, first.id, "one")
    assert "an earlier round kept it" in found.reason
    assert (len(index), index.rounds) == (2, ("one", "two"))


def test_many_rounds_are_compared_with_all_before_them(tmp_path: Path) -> None:
    rng = random.Random(4)
    vocabulary = ["".join(rng.choices("abcdefgh", k=6)) for _ in range(900)]
    texts = [sentences(rng, 50, vocabulary) for _ in range(12)]
    index = Index(tmp_path)
    for number, text in enumerate(texts):
        again = [Record.of(changed(earlier, 0.02, rng), copy=True) for earlier in texts[:number]]
        found = index.add([Record.of(text), *again], str(number))
        assert {one.record for one in found.findings} == {one.id for one in again}
        assert {one.evidence["round"] for one in found.findings} == {str(earlier) for earlier in range(number)}


def test_the_same_round_again_changes_nothing(tmp_path: Path) -> None:
    records = [Record.of(text, number=number) for number, text in enumerate(corpus(3))]
    first = Index(tmp_path).add(records, "one")
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    assert Index(tmp_path).add(records[::-1], "one") == first
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before
    kept, _ = parted(records, first)
    assert len(Index(tmp_path)) == len(kept)
    with pytest.raises(SettingsError, match="added with other records"):
        Index(tmp_path).add(records[1:], "one")


def test_a_round_can_be_taken_out_with_what_came_after_it(tmp_path: Path) -> None:
    index = Index(tmp_path)
    index.add([Record.of(ENGLISH)], "one")
    index.add([Record.of(TEXTS["de"])], "two")
    index.add([Record.of(TEXTS["ru"])], "three")
    index.without("two")
    assert Index(tmp_path).rounds == index.rounds == ("one",)
    assert index.add([Record.of(TEXTS["de"] + " So.")], "two").findings == ()
    assert len(index.add([Record.of(ENGLISH + " So.")], "three").findings) == 1
    with pytest.raises(SettingsError, match="no round 'four'"):
        index.without("four")


def test_a_crash_between_the_arrays_and_the_manifest_leaves_the_index_before(tmp_path: Path) -> None:
    index = Index(tmp_path)
    index.add([Record.of(ENGLISH)], "one")
    manifest = (tmp_path / "index.json").read_bytes()
    index.add([Record.of(TEXTS["de"])], "two")
    (tmp_path / "index.json").write_bytes(manifest)
    again = Index(tmp_path)
    assert (again.rounds, len(again)) == (("one",), 1)
    assert again.add([Record.of(TEXTS["de"])], "two").findings == ()
    assert len(Index(tmp_path)) == 2


def test_no_text_and_no_pickle_is_in_the_index(tmp_path: Path) -> None:
    records = [Record.of(ENGLISH), Record.of(changed(ENGLISH, 0.02, random.Random(1)))]
    Index(tmp_path).add(records, "one")
    for path in tmp_path.rglob("*"):
        if path.is_file():
            assert b"harbour" not in path.read_bytes()
        if path.suffix == ".npy":
            np.load(path, allow_pickle=False)
    assert {path.suffix for path in tmp_path.rglob("*.*") if path.is_file()} == {".npy", ".json"}


def test_an_empty_round_and_empty_texts_pass(tmp_path: Path) -> None:
    index = Index(tmp_path)
    assert index.add([], "none").findings == ()
    assert index.add([Record.of(""), Record.of("", part=2)], "empty").findings == ()
    assert index.add([Record.of("2+2"), Record.of(ENGLISH)], "two").findings == ()
    assert len(index.add([Record.of("2+2", part=2), Record.of("2+3"), Record.of("", part=3)], "short").findings) == 1


def test_an_index_is_opened_with_the_settings_it_was_made_with(tmp_path: Path) -> None:
    Index(tmp_path).add([Record.of(ENGLISH)], "one")
    with pytest.raises(SettingsError, match="made with"):
        Index(tmp_path, near=Near(alike=0.9))
    with pytest.raises(SettingsError, match="made with"):
        Index(tmp_path, text=lambda record: said(record))


def test_a_broken_index_says_what_is_wrong(tmp_path: Path) -> None:
    Index(tmp_path).add([Record.of(ENGLISH)], "one")
    manifest = json.loads((tmp_path / "index.json").read_text("utf-8"))
    (tmp_path / "0001" / "keys.npy").write_bytes(b"no array")
    with pytest.raises(DataError, match="0001"):
        Index(tmp_path)
    (tmp_path / "index.json").write_text(json.dumps({**manifest, "version": 0}), "utf-8")
    with pytest.raises(DataError, match="version 0"):
        Index(tmp_path)
    (tmp_path / "index.json").write_text("[]", "utf-8")
    with pytest.raises(DataError, match="no index of duplicates"):
        Index(tmp_path)
