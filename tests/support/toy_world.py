"""The packaged model's parts in `nemotron`, played by a script without a fault; a watcher that keeps what it hears."""

import re
from collections.abc import Sequence
from random import Random
from typing import Any

from regrowth.core.protocols import Sampling
from regrowth.core.record import Messages, Record
from regrowth.domains import manners
from regrowth.domains.words import NAMES
from regrowth.models.model import RememberedModel
from regrowth.models.scripted import ScriptedBackend
from regrowth.recipes._nemotron import lessons as toy
from regrowth.recipes._nemotron.asking import kept_words
from regrowth.recipes._nemotron.solving import constraints_in, question
from regrowth.recipes._nemotron.topics import TopicSettings, topics
from regrowth.run import Run, Watcher

__all__ = ["QUESTIONS", "Heard", "notes", "played", "scripted", "toy_topics"]


class Heard(Watcher):
    """Keep what a person is told."""

    def __init__(self) -> None:
        self.notes: list[str] = []

    def noting(self, text: str) -> None:
        self.notes.append(text)


def notes(run: Run) -> list[str]:
    assert isinstance(run.watcher, Heard)
    return run.watcher.notes


def scripted(run: Run, function: Any, name: str = "scripted") -> RememberedModel:
    return RememberedModel(ScriptedBackend(function, name=name), run.store, name)


def played(messages: Messages, sampling: Sampling, seed: int) -> str:
    """Play the packaged model's parts as the lessons teach them, without a fault."""
    rng, text = Random(seed), messages[-1].content
    first, _, rest = text.partition("\n")
    if text == "Name areas.":
        return ", ".join(rng.sample(["people", "cities", "pets"], 3))
    if found := re.fullmatch(r"Name (\w+)\.", text):
        return ", ".join(rng.sample(toy.POOLS[found[1]], 5))
    if found := re.fullmatch(r"(Is it|Other than) (counting|lists)[?:] (.+)", text):
        pool = toy.POOLS["things" if found[2] == "counting" else "operations"]
        return "Yes" if (found[3] in pool) == (found[1] == "Is it") else "No"
    if found := re.fullmatch(r"(Ask|Count|List): (.+)", text):
        known = [one.prompt for one in QUESTIONS if kept_words(found[2], one.prompt) == 1]
        return rng.choice(known)
    if first == "Ask about it.":
        who = rng.choice([word for word in rest.split() if word in NAMES])
        return rng.choice(["Where does {} live?", "Which pet does {} have?", "What does {} like?"]).format(who)
    if first == "Say more.":
        return f"Zoe has a fish. {rest}" if "Zoe" not in rest else f"{rest} Use at most 3 words."
    if first.startswith("Next, "):
        return "Use at most 5 words." if rng.random() < 0.5 else "Begin with: Gladly."
    wishes = constraints_in(text)
    return toy.fitting(text, wishes[0] if wishes else None, rng) if question(text) else f"Gladly. {rng.randint(2, 99)}."


QUESTIONS = manners.questions(900, seed=5, split="train")


def toy_topics(run: Run, model: RememberedModel, each: int = 3) -> Sequence[Record]:
    return list(run.wait(topics(run, model, TopicSettings(each=each))))
