"""Who survives: the result hangs on nothing but the texts and how the records stand."""

import json
import random
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from regrowth.core.record import Record
from regrowth.curation.duplicates import Near, Standing, clusters, near_duplicates, twins
from regrowth.curation.findings import Finding, parted
from regrowth.texts import words
from support.near_texts import ENGLISH, changed, corpus, jaccard, sentences

# What it hangs on ---------------------------------------------------------------------------------------------------


@given(st.integers(0, 10**6))
@settings(deadline=None, max_examples=40)
def test_it_equals_a_comparison_of_every_text_with_every_other(seed: int) -> None:
    texts = corpus(seed)
    near = Near(short=0, numbers="free", reach=2, keys=10**6)
    found = twins(texts, near)
    kept: list[int] = []
    for at, text in enumerate(texts):
        similar = {other: jaccard(text, texts[other]) for other in kept}
        similar |= {other: 1.0 for other in kept if words(texts[other]) == words(text)}
        best = max(similar, key=lambda other: (similar[other], -other), default=None)
        if best is not None and similar[best] >= near.alike:
            assert (found.twin[at], found.similarity[at]) == (best, pytest.approx(similar[best]))
        else:
            assert found.twin[at] == -1
            kept.append(at)


@given(st.integers(0, 10**6), st.randoms())
@settings(deadline=None, max_examples=40)
def test_the_order_of_records_changes_nothing_and_doing_it_twice_neither(seed: int, rng: random.Random) -> None:
    scores = random.Random(seed)
    records = [
        Record.of(text, number=at).scored(reward=scores.choice((0.0, 1.0))) for at, text in enumerate(corpus(seed))
    ]
    near = Near(crowd=scores.choice((1, 2, 64)))
    found = near_duplicates(records, near=near)
    shuffled = rng.sample(records, len(records))
    assert near_duplicates(shuffled, near=near) == found
    kept, refused = parted(records, found)
    assert len(kept) + len(refused) == len(records)
    assert near_duplicates(kept, near=near).findings == ()


@given(st.integers(0, 10**6))
@settings(deadline=None, max_examples=40)
def test_each_that_fell_is_like_a_survivor_itself(seed: int) -> None:
    texts = corpus(seed)
    found = twins(texts)
    for at, twin in enumerate(found.twin.tolist()):
        if twin >= 0:
            assert found.twin[twin] == -1
            assert found.similarity[at] == pytest.approx(jaccard(texts[at], texts[twin]) or 1.0)
            assert found.similarity[at] >= 0.6


def test_no_chain_forms() -> None:
    rng = random.Random(1)
    first = sentences(rng, 60, [f"word{at}" for at in range(400)])
    second = " ".join([*(f"new{at}" for at in range(12)), *first.split()[12:]])
    third = " ".join([*second.split()[:48], *(f"late{at}" for at in range(12))])
    assert jaccard(first, second) > 0.6 < jaccard(second, third)
    assert jaccard(first, third) < 0.6
    assert twins([first, second, third], Near(passage=0)).twin.tolist() == [-1, 0, -1]


def test_many_variants_of_one_text_take_linear_work() -> None:
    rng = random.Random(5)
    texts = [changed(ENGLISH, 0.02, rng) for _ in range(3000)]
    start = time.process_time()
    found = twins([ENGLISH, *texts])
    assert time.process_time() - start < 20
    assert found.twin[0] == -1
    assert (found.twin[1:] >= 0).mean() > 0.99


def test_a_phrase_in_every_text_takes_linear_work() -> None:
    rng = random.Random(6)
    vocabulary = [f"word{at}" for at in range(5000)]
    texts = [f"{ENGLISH[:150]} {sentences(rng, 60, vocabulary)}" for _ in range(3000)]
    start = time.process_time()
    found = twins([*texts, texts[2500] + " so", texts[70]])
    assert time.process_time() - start < 20
    assert not found.kind[:3000].any()
    assert found.twin[3001] == 70


# Who survives -------------------------------------------------------------------------------------------------------


def said(record: Finding) -> tuple[object, ...]:
    """Return what a finding's evidence says."""
    return tuple(record.evidence[name] for name in ("twin", "kind", "why"))


def test_the_verified_survives_then_the_better_then_the_earlier() -> None:
    texts = [changed(ENGLISH, 0.02, random.Random(at)) for at in range(4)]
    verified = Record.of(texts[0]).scored(passed=1.0, reward=0.1)
    better = Record.of(texts[1]).scored(reward=0.9)
    real = Record.of(texts[2]).scored(reward=0.5)
    made = real.derive(prompt=texts[3])
    for group, survivor, reason in (
        ([better, verified], verified, "it is verified"),
        ([real, better], better, "its score is higher"),
        ([made, real], real, "it is real"),
    ):
        found = near_duplicates(group)
        assert [said(one) for one in found.findings] == [(survivor.id, "near", reason)]
        assert reason in found.findings[0].reason
        assert survivor.id in found.findings[0].reason
    found = near_duplicates([made, better, real, verified])
    assert clusters(found).keys() == {verified.id}
    assert len(clusters(found)[verified.id]) == 3


def test_of_two_datasets_the_first_survives() -> None:
    one, two = Record.of(ENGLISH, part=1), Record.of(ENGLISH.upper(), part=2)
    for first, second in ((one, two), (two, one)):
        (found,) = near_duplicates([first], [second]).findings
        assert (found.record, *said(found)) == (second.id, first.id, "exact", "its dataset came first")
    (found,) = near_duplicates([one, two]).findings
    assert "smaller id" in str(found.evidence["why"])
    assert found.evidence["twin"] == min(one.id, two.id)


def test_another_judge_and_another_text_can_be_given() -> None:
    one = Record.of("First question?", response=ENGLISH, stars=1)
    two = Record.of("Second, longer question, which has nothing to do with it?", response=ENGLISH, stars=5)
    found = near_duplicates([one, two], judge=lambda r: Standing(score=r["stars"]), text=lambda r: r.response)
    assert [finding.record for finding in found.findings] == [one.id]


def test_records_of_one_id_are_one_record() -> None:
    record = Record.of(ENGLISH)
    found = near_duplicates([record, record.scored(reward=1.0)], [record])
    assert (found.examined, found.findings) == (1, ())


def test_pairs_with_another_rejected_reply_are_other_pairs() -> None:
    one = Record.of("Which is it?", response="This.", rejected="That.")
    assert near_duplicates([one, Record.of("Which is it?", response="This.", rejected="Neither.")]).findings == ()


def test_a_score_that_is_no_number_stands_below_all() -> None:
    bad, good = Record.of(ENGLISH).scored(reward=float("nan")), Record.of(ENGLISH, part=2).scored(reward=-3.0)
    assert [one.record for one in near_duplicates([bad, good]).findings] == [bad.id]


def test_an_examination_says_what_shaped_it_as_plain_data() -> None:
    found = near_duplicates([Record.of(ENGLISH), Record.of(ENGLISH + " Indeed.")])
    assert json.loads(json.dumps(found.settings))["near"]["alike"] == 0.6
    assert "word pairs in common" in found.findings[0].reason
    assert near_duplicates([], []).examined == 0
    assert near_duplicates([Record.of(ENGLISH), Record.of(ENGLISH + " Indeed.")], near=None).findings == ()


@pytest.mark.parametrize("wrong", [{"alike": 0}, {"alike": 1.1}, {"unit": "line"}, {"numbers": "odd"}, {"keys": 0}])
def test_settings_that_no_text_could_meet_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Near(**wrong)  # type: ignore[arg-type]
