"""The almanac: every fact is told once, every question has its answer, no lesson's person is told of."""

from pathlib import Path
from random import Random

import pytest

from regrowth.domains.almanac import ALL, LEAVES, RELATIONS, TOPICS, almanac, leaves, people, write
from regrowth.domains.small_skills import SKILLS, solved
from regrowth.seeds.taxonomy import check_taxonomy, read_taxonomy
from support.almanac import read


def test_the_documents_tell_every_fact_and_no_other() -> None:
    world = almanac(seed=1)
    told = {
        (who, relation): what
        for texts in world.documents.values()
        for text in texts
        for who, relation, what, _ in read(text)
    }
    known = {(one.name, name): what for folk in world.of.values() for one in folk for name, what in one.facts.items()}
    assert told == known
    assert len(world.facts) == len(known) == 3 * 10 * 2


def test_a_fact_stands_in_the_paragraph_that_it_names() -> None:
    for fact in almanac(seed=2).facts:
        assert f" {fact.answer}" in fact.document


def test_questions_have_their_answer_or_none() -> None:
    world = almanac(seed=0)
    one = world.of[LEAVES[0]][0]
    for name in TOPICS[one.topic]:
        relation = RELATIONS[name]
        assert world.answers[relation.question.format(who=one.name)] == one.facts.get(name, "")
    assert world.answers[ALL.format(who=one.name, topic=one.topic)] == " ".join(one.sentences)
    assert len([name for name in TOPICS[one.topic] if name not in one.facts]) == 1


def test_a_seed_makes_a_world_and_another_seed_another() -> None:
    assert almanac(seed=0) == almanac(seed=0) != almanac(seed=3)
    assert all(len({one.name for one in folk}) == 10 for folk in almanac(seed=0).of.values())


def test_nobody_likes_what_they_do_not_eat_or_calls_themselves() -> None:
    rng = Random(9)
    for topic in TOPICS:
        for one in [one for _ in range(40) for one in people(topic, rng)]:
            assert len(set(one.facts.values())) == 2
            assert one.name not in one.facts.values()


@pytest.mark.parametrize("leaf", SKILLS)
def test_a_skill_solves_what_it_draws_and_knows_its_own(leaf: str) -> None:
    rng = Random(4)
    for _ in range(50):
        context, question = SKILLS[leaf].draw(rng)
        found = solved(question, context)
        assert found is None or found[0] == leaf
    assert solved("What is love?") is None


def test_answers_of_skills_are_right() -> None:
    right = {
        "What is 40 + 2?": "42", "What is 40 - 2?": "38", "Reverse: cat dog cow": "cow dog cat",
        "Name the last: cat dog cow": "cow", "Pet or food: soup?": "food", "Which day comes after Sunday?": "Monday",
    }  # fmt: skip
    for question, answer in right.items():
        found = solved(question)
        assert found is not None
        assert found[1] == answer
    assert solved("Who has a cat?", "Eva has a cat. Tom has a dog.") == (list(SKILLS)[-1], "Eva")
    assert solved("Who has a cat?", "Eva has a cat. Tom has a cat.") is None


def test_the_files_are_a_taxonomy_and_read_as_the_same_leaves(tmp_path: Path) -> None:
    world = almanac(seed=0)
    folder = write(world, tmp_path / "taxonomy")
    assert [str(problem) for problem in check_taxonomy(folder) if problem.severity == "error"] == []
    read_back = {leaf.id: leaf for leaf in read_taxonomy(folder)}
    for leaf in leaves(world):
        other = read_back[leaf.id]
        assert (leaf.seeds, leaf.kind, leaf.task_description, leaf.domain) == (
            other.seeds, other.kind, other.task_description, other.domain,
        )  # fmt: skip
        assert [document.text for document in leaf.documents] == [document.text for document in other.documents]
    assert len(read_back) == len(LEAVES) + len(SKILLS)
