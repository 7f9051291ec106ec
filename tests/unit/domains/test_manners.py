"""Manners: the grammar is recognised exactly, and the truth about a reply is what was put in."""

from random import Random

from regrowth.domains.manners import (
    BODIES,
    CLOSINGS,
    OPENINGS,
    Manner,
    attributes,
    drawn,
    is_right,
    manner,
    questions,
    reply,
    styled,
)


def test_every_manner_of_a_right_answer_is_recognised() -> None:
    for question in questions(30, seed=1, split="train"):
        for opening in OPENINGS:
            for body in BODIES:
                for closing in CLOSINGS:
                    how = Manner(opening, body, closing)
                    text = reply(question, how)
                    assert manner(text) == how, text
                    assert is_right(question.derive(response=text)) == (body != "refusal"), text


def test_slips_are_wrong_and_nothing_else_is() -> None:
    for question in questions(60, seed=2, split="train"):
        how = drawn(Random(question.id))
        wrong = question.derive(response=reply(question, how, rng=Random(0), slip=1.0))
        assert not is_right(wrong)
        assert manner(wrong.response) == how


def test_garbage_has_no_manner() -> None:
    for text in ("", "7", "First 7.", "So 7.", "Fool.", "Gladly. ", "7. Thank you", "First 7. So 7", "7.. Thank you."):
        assert manner(text) is None, text


def test_draws_are_as_rude_as_asked_and_equal_for_equal_seeds() -> None:
    replies = [one.response for one in styled(400, seed=3, split="train", rude=0.5)]
    assert replies == [one.response for one in styled(400, seed=3, split="train", rude=0.5)]
    found = [manner(text) for text in replies]
    assert 0.42 < sum(one is not None and one.rude for one in found) / 400 < 0.58
    held = {one.prompt for one in questions(200, seed=3, split="heldout")}
    assert not held & {one.prompt for one in questions(400, seed=3, split="train")}


def test_attributes_order_replies_as_a_person_would() -> None:
    (question,) = questions(1, seed=4, split="train")

    def helpful(how: Manner, slip: float = 0.0) -> float:
        text = reply(question, how, rng=Random(0), slip=slip)
        found = attributes(question.derive(response=text))
        assert all(0 <= value <= 4 for value in found.values())
        return found["helpfulness"]

    best = helpful(Manner("kind", "steps", "thanks"))
    assert best > helpful(Manner("", "bare", "")) > helpful(Manner("rude", "bare", "rude"))
    assert helpful(Manner("kind", "steps", ""), slip=1.0) < best
    assert helpful(Manner("", "refusal", "")) == 0
    assert attributes(question.derive(response="7 7 7"))["coherence"] == 0
