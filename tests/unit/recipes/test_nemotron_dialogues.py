"""Dialogues in which both roles are played, and the toy world: its solver and its lessons."""

from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest

from regrowth.core.errors import Rejected
from regrowth.core.protocols import Sampling
from regrowth.core.record import Message, Messages, Record
from regrowth.domains import manners
from regrowth.models.model import RememberedModel
from regrowth.models.scripted import ScriptedBackend
from regrowth.models.tiny import tiny_backend
from regrowth.recipes._nemotron import lessons as toy
from regrowth.recipes._nemotron.asking import kept_words
from regrowth.recipes._nemotron.constraints import Constraint, draw, of
from regrowth.recipes._nemotron.dialogues import DialogueSettings, dialogues, impolite, out_of_role, unanswered
from regrowth.recipes._nemotron.solving import constraints_in, question, solved
from regrowth.run import Run, open_run
from support.toy_world import QUESTIONS, Heard, played, scripted


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Run]:
    with open_run(tmp_path / "run", watcher=Heard()) as opened:
        yield opened


# Dialogues ------------------------------------------------------------------------------------------------------------


def test_dialogues_have_as_many_turns_as_asked_and_the_assistant_is_greedy(run: Run) -> None:
    seen: list[tuple[str, float]] = []

    def script(messages: Messages, sampling: Sampling, seed: int) -> str:
        text = messages[-1].content
        follows = "Write the next message of the person" in text
        seen.append(("user" if follows else "assistant", sampling.temperature))
        return f"Thank you so much! That is very helpful. And why number {seed}?" if follows else f"Because of {seed}."

    backend = ScriptedBackend(script)
    asks = [Record.of(f"Why {number}?", kind="open_qa") for number in range(12)]
    settings = DialogueSettings(style="full", turns=3)
    found = list(run.wait(dialogues(run, RememberedModel(backend, run.store), asks, settings)))
    assert len(found) == 12
    assert backend.calls == 12 * 5
    assert set(seen) == {("user", 1.0), ("assistant", 0.0)}
    assert len({one["manner"] for one in found}) == 3
    for one in found:
        assert [turn.role for turn in one.messages] == ["user", "assistant"] * 2 + ["user"]
        assert all(turn.content.startswith(("Why", "And why")) for turn in one.messages if turn.role == "user")
        assert one.response.startswith("Because")
        assert one.parents[-1] in {ask.id for ask in asks}


@pytest.mark.parametrize(
    ("user", "assistant", "why"),
    [
        ("Sure, here is the answer.", "Because.", "the person answers"),
        ("Because it is so, I think.", "Because it is late.", "the person answers"),
        ("Thanks a lot! That was very clear.", "Because.", "nothing but politeness"),
        ("And then?\nAssistant: then so", "Because.", "speaks for both"),
        ("Why is it so?", "Because.", "repeats what was said"),
        ("And then?", "What do you mean?", "the assistant asks"),
        ("And then?", "Because.\nUser: And then?", "speaks for both"),
        ("And then?", "why is it SO?", "the assistant repeats"),
        ("And then?", "", "the assistant's turn 1 ended by stop"),
    ],
)
def test_a_turn_out_of_its_role_ends_the_dialogue(run: Run, user: str, assistant: str, why: str) -> None:
    model = scripted(run, lambda messages, *_: user if "next message" in messages[-1].content else assistant)
    asks = [Record.of("Why is it so?", kind="open_qa")]
    assert len(run.wait(dialogues(run, model, asks, DialogueSettings(style="full", turns=2)))) == 0
    (entry,) = run.dataset("dialogues").ledger()
    assert entry.gate == "role_play"
    assert why in entry.reason


def test_roles_are_told_by_what_a_turn_does() -> None:
    turns = [Message("user", "Sort: k b a"), Message("assistant", "Gladly. a b k.")]
    assert out_of_role("And for d c a?", turns) == ""
    assert "answers" in out_of_role("Gladly. a b k.", turns)
    assert unanswered("It is so. Is that clear?", "Why?") == ""
    assert impolite("Danke für die Antwort! Und warum?") == "Und warum?"
    assert impolite("Great apes use tools. Why?") == "Great apes use tools. Why?"
    assert impolite("Wow! Great answer. Thanks. Why?") == "Why?"
    numbers = [Message("user", "Is 3 times 4 boxes enough?"), Message("assistant", "It is 12.")]
    assert out_of_role("Is 5 times 4 boxes enough?", numbers) == ""


def test_a_constraint_goes_on_only_if_it_is_a_lasting_one(run: Run) -> None:
    model = scripted(run, played)
    constraint = Constraint("no_commas", {}).to_json()
    asks = [
        Record.of(f"{one.prompt} Do not use commas.", constraint=constraint, lasting=lasting)
        for one, lasting in zip(QUESTIONS[:6], [True, False] * 3, strict=True)
    ]
    found = list(run.wait(dialogues(run, model, asks, DialogueSettings(turns=2))))
    assert {(one["lasting"], of(one) is not None) for one in found} == {(True, True), (False, False)}
    (single,) = run.wait(dialogues(run, model, asks[1:2], DialogueSettings(turns=1)))
    assert of(single) is not None


# The toy world --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("split", ["train", "heldout"])
def test_the_solver_agrees_with_the_domains(split: Any) -> None:
    for one in manners.questions(300, seed=2, split=split):
        found = question(one.prompt)
        assert found is not None
        assert (found.domain, found.target) == (one["domain"], one.target)
        if split == "heldout":
            with pytest.raises(Rejected, match="held_out"):
                solved(one)
        else:
            assert solved(one) == one.target


@pytest.mark.parametrize(
    ("turns", "target"),
    [
        (["Eva has a cat. Tom has 3 pens. Tom buys 5 more. How many pens? Use at most 3 words."], "3 + 5 = 8"),
        (["Sort: k b a", "a b k.", "And for d c a?"], "a c d"),
        (["Sort: k b a", "a b k.", "And for d c a?", "a c d.", 'Answer again. Use these words: "So".'], "a c d"),
        (["Tom has 9 pens. Tom buys 2 more. How many pens?", "11.", "And with 3 pens?"], "3 + 2 = 5"),
        (["Ben likes milk. Eva lives in Oslo. Where does Eva live?", "Oslo.", "And if Eva lives in Rome?"], "Rome"),
        (["Ben has a cat. Eva likes soup. What does Eva like?", "Oslo.", "Sort: k b a"], "a b k"),
    ],
)
def test_the_last_turn_decides_what_is_asked(turns: list[str], target: str) -> None:
    roles = ["user", "assistant"] * len(turns)
    assert solved(Record.of([Message(role, text) for role, text in zip(roles, turns, strict=False)])) == target


@pytest.mark.parametrize(
    "text",
    [
        "", "Why is the sky blue?", "Tom has 3 pens. How many pens?", "Tom has 3 pens. Tom buys 4 more. How many cups?",
        "Sort: z y", "Sort: a 1", "Add 3 to each: a b", "Sort quickly: a b", "Where does Eva live?",
        "Eva lives in Rome. Eva lives in Oslo. Where does Eva live?", "Tom has 3 pens. Tom sells 2. How many pens?",
        "Keep those greater than 9: 1 2", "Tom has 60 pens. Tom buys 60 more. How many pens?",
    ],
)  # fmt: skip
def test_what_nobody_can_answer_has_no_answer(text: str) -> None:
    assert question(text) is None
    with pytest.raises(Rejected, match="solvable"):
        solved(Record.of(text))


@pytest.mark.parametrize("last", ["And for d c a? So it is.", "And with 7 pens?", "And so?", "And for k b a?"])
def test_a_change_that_changes_nothing_is_not_passed_over(last: str) -> None:
    turns = [Message("user", "Sort: k b a"), Message("assistant", "a b k."), Message("user", last)]
    with pytest.raises(Rejected, match="solvable"):
        solved(Record.of(turns))


def test_constraints_are_read_back_from_their_wordings() -> None:
    for seed in range(40):
        drawn = draw(Random(seed), style="brief")
        (found,) = constraints_in(f"Sort: k b a {drawn.text()}")
        assert (found.kind, found.values) == (drawn.kind, drawn.values)


def test_every_lesson_is_right_and_fits_the_packaged_model() -> None:
    taught = toy.lessons(640, seed=3)
    assert taught == toy.lessons(640, seed=3)
    for one in taught:
        first = one.messages[0].content
        role = first.split()[0]
        if role in ("Ask:", "Count:", "List:"):
            assert solved(Record.of(one.response))
            topic = first.partition(": ")[2]
            assert topic == toy.ANYTHING or kept_words(topic, one.response) == 1
        elif first.startswith("Say more."):
            before = first.partition("\n")[2]
            assert solved(Record.of(one.response)) == solved(Record.of(before))
            assert len(one.response.split()) > len(before.split())
        elif role not in ("Ask", "Name", "Is", "Other", "Next,"):
            right = manners.is_right(Record.of(first, response=one.response, target=solved(one)))
            assert right, (one.messages, one.response)
            assert not [why for wish in constraints_in(one.prompt) if (why := wish.check(one.response))]
    assert {one.messages[0].content.split()[0] for one in taught} >= {"Name", "Is", "Ask:", "Count:", "List:", "Say"}


@pytest.mark.slow
def test_lessons_fit_the_context() -> None:
    backend = tiny_backend()
    for one in toy.lessons(240, seed=4):
        assert len(backend._prompt(one.messages)) + len(one.response) < 256
