"""Rows for InstructLab: what the student reads, nothing drawn twice, distractors that are drawn from seeds."""

import json
from collections import Counter
from pathlib import Path
from random import Random
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from regrowth.core.errors import DataError, SettingsError
from regrowth.core.record import Message, Record
from regrowth.recipes._lab.formats import (
    NOT_TOLD,
    Share,
    auxiliary,
    knowledge_rows,
    mixed,
    row,
    skill_rows,
    taken,
    with_context,
    with_distractors,
    write_mix,
)

OWN = "Phoenix lies in the southern sky."
POOL = [OWN, *(f"Document {n} tells of birds." for n in range(6))]


def record(number: int = 0, context: str = OWN, response: str = "In the southern sky.") -> Record:
    more = {"context": context} if context else {}
    return Record.of(f"Where is Phoenix? ({number})", response=response, origin="synthetic", leaf="a->b", **more)


def said(one: dict[str, Any]) -> list[tuple[str, str]]:
    return [(turn["role"], turn["content"]) for turn in one["messages"]]


# What a student reads -----------------------------------------------------------------------------------------------


def test_the_context_goes_before_the_question_once() -> None:
    once = with_context(record())
    assert once.prompt == f"{OWN}\n\nWhere is Phoenix? (0)"
    assert with_context(once) is once
    assert once.parents == (record().id,)
    bare = record(context="")
    assert with_context(bare) is bare


def test_what_is_real_stays_real_and_turns_before_the_question_stay() -> None:
    real = Record.of([Message("system", "Be brief."), Message("user", "Why?")], response="So.", context=OWN)
    made = with_context(real)
    assert made.origin == "real"
    assert made.messages == (Message("system", "Be brief."), Message("user", f"{OWN}\n\nWhy?"))


def test_distractors_stand_beside_the_golden_document() -> None:
    made = with_distractors(record(), POOL, distractors=3, golden=1.0)
    *shown, question = made.prompt.split("\n\n")
    assert question == "Where is Phoenix? (0)"
    assert len(shown) == len(set(shown)) == 4
    assert f"Document:\n{OWN}" in shown
    assert made.response == "In the southern sky."
    assert made["golden"] is True


def test_where_the_golden_document_is_absent_the_answer_says_so() -> None:
    made = with_distractors(record(), POOL, golden=0.0)
    assert OWN not in made.prompt
    assert made.prompt.count("Document:") == 4
    assert made.response == NOT_TOLD
    assert made["golden"] is False
    assert made.parents == (record().id,)
    assert with_distractors(record(), POOL, golden=0.0, absent="Steht nicht da.").response == "Steht nicht da."
    assert with_distractors(record(), POOL, golden=0.0, absent=None).response == "In the southern sky."


def test_the_golden_share_is_kept_and_places_differ() -> None:
    made = [with_distractors(record(n), POOL, golden=0.4) for n in range(400)]
    share = sum(one["golden"] for one in made) / 400
    assert 0.32 < share < 0.48
    places = Counter(
        next(place for place, text in enumerate(one.prompt.split("\n\n")) if OWN in text)
        for one in made
        if one["golden"]
    )
    assert set(places) == {0, 1, 2, 3}
    assert min(places.values()) > 20


def test_the_draw_depends_on_the_record_or_the_generator_and_not_on_the_order_of_the_pool() -> None:
    assert with_distractors(record(), POOL) == with_distractors(record(), reversed(POOL))
    assert with_distractors(record(), POOL, rng=Random(1)) == with_distractors(record(), POOL, rng=Random(1))
    different = {with_distractors(record(), POOL, rng=Random(seed)).prompt for seed in range(8)}
    assert len(different) > 4


def test_documents_that_hold_the_answer_or_overlap_are_no_distractors() -> None:
    near = ["Phoenix  lies in the SOUTHERN sky. It sets.", "lies in the southern", "It is in the southern sky. Really."]
    made = with_distractors(record(), [*near, *POOL[1:4]], distractors=3)
    assert not any(f"Document:\n{text}" in made.prompt for text in near)
    with pytest.raises(DataError, match="3 other documents, expected 4"):
        with_distractors(record(), [*near, *POOL[1:4]], distractors=3, golden=0.0)


@pytest.mark.parametrize(("distractors", "golden"), [(0, 1.0), (3, 1.5), (3, -0.1)])
def test_shares_that_make_no_sense_are_refused(distractors: int, golden: float) -> None:
    with pytest.raises(SettingsError, match="expected 1 or more, and 0 to 1"):
        with_distractors(record(), POOL, distractors=distractors, golden=golden)


def test_a_record_without_context_has_nothing_to_hide() -> None:
    for one in (record(context=""), with_context(record())):
        with pytest.raises(DataError, match="no context of its own to hide"):
            with_distractors(one, POOL)


def test_an_auxiliary_record_asks_for_what_its_response_is() -> None:
    ways = ["Sum it up.", "Say it shortly.", "What is the gist?"]
    made = auxiliary(record(response="A constellation."), ways)
    assert made.prompt in {f"{OWN}\n\n{way}" for way in ways}
    assert made.response == "A constellation."
    assert made == auxiliary(record(response="A constellation."), ways[::-1])
    assert {auxiliary(record(n), ways).prompt for n in range(20)} == {f"{OWN}\n\n{way}" for way in ways}
    with pytest.raises(DataError, match="without an instruction"):
        auxiliary(record(), [])
    with pytest.raises(DataError, match="without a context"):
        auxiliary(record(context=""), ways)


# Rows ---------------------------------------------------------------------------------------------------------------


def test_a_row_is_what_instructlab_reads_and_nothing_else() -> None:
    one = row(record().scored(graded=4.0))
    assert list(one) == ["id", "messages", "metadata", "unmask"]
    assert one["id"] == record().id
    assert said(one) == [("user", "Where is Phoenix? (0)"), ("assistant", "In the southern sky.")]
    assert one["unmask"] is False
    metadata = json.loads(one["metadata"])
    assert metadata["attributes"] == {"leaf": "a->b", "context": OWN}
    assert (metadata["origin"], metadata["scores"], metadata["parents"]) == ("synthetic", {"graded": 4.0}, [])


def test_phases_differ_in_what_is_trained() -> None:
    (knowledge,), (skill,) = knowledge_rows([record()]), skill_rows([record()], system="Be brief.")
    assert (knowledge["unmask"], skill["unmask"]) == (True, False)
    assert said(knowledge)[0] == ("user", f"{OWN}\n\nWhere is Phoenix? (0)")
    assert said(skill)[:2] == [("system", "Be brief."), said(knowledge)[0]]
    (bare,) = skill_rows([record(context="")])
    assert said(bare)[0] == ("user", "Where is Phoenix? (0)")


def test_a_system_turn_of_the_record_stays() -> None:
    one = Record.of("Why?", system="Be long.", response="So.")
    assert said(row(one, system="Be brief."))[0] == ("system", "Be long.")


def test_a_record_without_response_is_no_row() -> None:
    with pytest.raises(DataError, match="has no response"):
        row(record(response=""))


# Mixing -------------------------------------------------------------------------------------------------------------


def rows(count: int) -> list[dict[str, Any]]:
    return [row(record(n)) for n in range(count)]


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 30), st.one_of(st.integers(1, 50), st.floats(0.01, 1.0)), st.integers(1, 3), st.integers(0, 9))
def test_nothing_is_drawn_twice_and_repeats_are_asked_for(
    count: int, size: int | float, repeat: int, seed: int
) -> None:
    made = taken(Share("a", rows(count), size, repeat), seed=seed)
    wanted = min(count, size) if isinstance(size, int) else max(1, round(size * count))
    questions = Counter(said(one)[0][1] for one in made)
    assert set(questions.values()) == {repeat}
    assert len(questions) == wanted
    assert len({one["id"] for one in made}) == len(made) == wanted * repeat
    assert made == taken(Share("a", rows(count), size, repeat), seed=seed)


def test_another_seed_draws_others_and_another_order() -> None:
    share = Share("a", rows(30), 10)
    assert taken(share, seed=1) != taken(share, seed=2)
    mixes = [[one["id"] for one in mixed([share, Share("b", rows(5))], seed=seed)] for seed in (1, 1, 2)]
    assert mixes[0] == mixes[1] != mixes[2]
    assert len(mixes[0]) == 15


@pytest.mark.parametrize(("size", "repeat"), [(0, 1), (-1, 1), (0.0, 1), (1.5, 1), (True, 1), (1.0, 0)])
def test_sizes_that_make_no_sense_are_refused(size: Any, repeat: int) -> None:
    with pytest.raises(SettingsError, match="expected"):
        Share("a", rows(2), size, repeat)


def test_a_mix_is_written_with_its_recipe_and_never_drawn_with_replacement(tmp_path: Path) -> None:
    shares = [Share("knowledge->sky", rows(6), 0.5, repeat=2), Share("skills->say", rows(4), 30)]
    paths = write_mix(tmp_path, "skills", shares, system="Be brief.", seed=3)
    recipe = yaml.safe_load(paths["recipe"].read_text())
    assert recipe == {
        "datasets": [
            {
                "path": "node_datasets/knowledge_sky.jsonl",
                "sampling_size": 1.0,
                "taken": {"size": 0.5, "repeat": 2, "of": 6, "rows": 6},
            },
            {
                "path": "node_datasets/skills_say.jsonl",
                "sampling_size": 1.0,
                "taken": {"size": 30, "repeat": 1, "of": 4, "rows": 4},
            },
        ],
        "metadata": {"sys_prompt": "Be brief.", "seed": 3},
    }
    listed = [
        json.loads(line) for one in recipe["datasets"] for line in (tmp_path / one["path"]).read_text().splitlines()
    ]
    mix = [json.loads(line) for line in paths["mix"].read_text().splitlines()]
    assert sorted(one["id"] for one in mix) == sorted(one["id"] for one in listed)
    assert len(mix) == 10
    before = paths["mix"].read_bytes()
    assert write_mix(tmp_path, "skills", shares, system="Be brief.", seed=3) == paths
    assert paths["mix"].read_bytes() == before


def test_two_shares_of_one_name_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="two shares of one name"):
        write_mix(tmp_path, "skills", [Share("a", rows(1)), Share("a", rows(2))])
