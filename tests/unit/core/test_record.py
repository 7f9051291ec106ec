"""Records: the id is the content, seeds belong to the record, lineage grows by itself."""

import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from regrowth.core import errors
from regrowth.core.record import Message, Record, canonical, digest

TEXTS = st.text(max_size=30)
RECORDS = st.builds(
    lambda prompt, response, topic, level: Record.of(prompt, response=response, topic=topic, level=level),
    TEXTS,
    TEXTS,
    TEXTS,
    st.integers(-5, 5) | st.floats(allow_nan=False, allow_infinity=False) | st.none() | st.lists(TEXTS, max_size=2),
)


@given(RECORDS)
def test_a_record_survives_json_with_its_id(record: Record) -> None:
    derived = record.again(3).derive(response="other", attributes={"more": 1}).scored(graded=4.0)
    assert Record.from_json(record.to_json()).id == record.id
    assert Record.from_json(derived.to_json()) == derived
    assert Record.from_json(derived.to_json()).id == derived.id


@given(RECORDS, RECORDS)
def test_equal_content_is_an_equal_id(first: Record, second: Record) -> None:
    assert (first.id == second.id) == (canonical(first.to_json()) == canonical(second.to_json()))


def test_what_is_derived_names_its_parent_and_its_draw() -> None:
    seed = Record.of("question", topic="prime numbers")
    first, second = seed.derive(response="same"), seed.again(1).derive(response="same")
    assert first.parents == second.parents == (seed.id,)
    assert first.origin == "synthetic"
    assert first["topic"] == "prime numbers"
    assert first.id != second.id
    assert first.derive(response="third").parents == (seed.id, first.id)


def test_every_purpose_and_every_draw_has_a_seed_of_its_own() -> None:
    seed = Record.of("question")
    drawn = [one.seed(*tags) for one in (seed, seed.again(1)) for tags in [("a",), ("b",), ("a", 1)]]
    assert len(set(drawn)) == len(drawn)
    assert all(0 <= number < 2**63 for number in drawn)
    assert seed.again(1).id == seed.id
    derived = seed.derive(response="x").again(2)
    assert Record.from_json(derived.to_json()).id == derived.id


def test_a_score_does_not_make_a_new_record() -> None:
    record = Record.of("question", response="answer")
    assert record.scored(graded=4).id == record.id
    assert record.scored(graded=4).scores == {"graded": 4}


def test_a_missing_attribute_is_told_with_those_there_are() -> None:
    with pytest.raises(KeyError, match=r"no attribute 'topik'.*found: topic"):
        Record.of("question", topic="x")["topik"]


def test_a_system_message_goes_first() -> None:
    record = Record.of("question", system="be brief")
    assert record.messages == (Message("system", "be brief"), Message("user", "question"))
    assert record.prompt == "question"


def test_the_id_is_pinned() -> None:
    """A changed id would orphan every store in the world: change FORMAT with it."""
    assert Record.of("question", response="answer", topic="x").id == "11186d44c97f49b521b3fba29e880af5"
    assert digest("generate", {"a": 1}) == "41b4ed7a56d778bf3e48fa646d9b7662"


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), {1, 2}, b"bytes"])
def test_only_plain_json_data_can_be_hashed(bad: object) -> None:
    with pytest.raises((TypeError, ValueError)):
        digest(bad)


@pytest.mark.parametrize("name", [name for name in errors.__all__ if name != "Rejected"])
def test_errors_can_cross_processes(name: str) -> None:
    error = pickle.loads(pickle.dumps(getattr(errors, name)("what was found")))
    assert str(error) == "what was found"
    assert isinstance(error, errors.RegrowthError)


def test_a_rejection_can_cross_processes() -> None:
    error = pickle.loads(pickle.dumps(errors.Rejected("length", "901 characters, limit 800")))
    assert (error.gate, error.reason) == ("length", "901 characters, limit 800")
