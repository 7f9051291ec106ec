"""The almanac: little invented documents about people, every fact in them known.

    world = almanac(seed=0)
    world.documents["knowledge->people->home"][0]
        "Eva lives in Rome. Eva comes on Monday."
    world.answers["Eva lives in which city?"]   "Rome"
    world.answers["Eva's friend is who?"]       ""       # the documents do not tell

A model cannot know these facts before it was taught them, so a question without its document measures what a training
put into the weights. `write` lays the world out as a taxonomy of files, as people write them: knowledge leaves with a
document, skill leaves (`domains.small_skills`) with a task description, seed examples in all of them.

Questions keep the order of the sentence that answers them, for a model of a million parameters copies better than it
turns phrases round. This is no domain in `DOMAINS`: its questions have no difficulty and no held-out split.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

from regrowth.domains.small_skills import SKILLS, solved
from regrowth.domains.words import CITIES, DAYS, FOODS, NAMES, PETS, THINGS
from regrowth.seeds.documents import parse_document
from regrowth.seeds.taxonomy import Leaf, Pair, SeedExample

__all__ = [
    "ALL", "LEAVES", "RELATIONS", "TOPICS", "Almanac", "Fact", "Person", "almanac", "leaves", "paragraph", "people",
    "write",
]  # fmt: skip

TOLD = 2
"""Facts told of each person and topic; the third relation is a question that cannot be answered."""
DOCUMENT = "people.txt"


class Relation(NamedTuple):
    """How one fact is told and asked for."""

    sentence: str
    question: str
    values: Sequence[str]


RELATIONS: Mapping[str, Relation] = {
    "home": Relation("{who} lives in {what}.", "{who} lives in which city?", CITIES),
    "day": Relation("{who} comes on {what}.", "{who} comes on which day?", DAYS),
    "food": Relation("{who} likes {what}.", "{who} likes which food?", FOODS),
    "taboo": Relation("{who} does not eat {what}.", "{who} does not eat which food?", FOODS),
    "pet": Relation("{who} has a {what}.", "{who} has a pet: which?", PETS),
    "coins": Relation("{who} has {what} coins.", "{who} has how many coins?", tuple(map(str, range(11, 100)))),
    "ware": Relation("{who} sells {what}.", "{who} sells which goods?", THINGS),
    "friend": Relation("{who}'s friend is {what}.", "{who}'s friend is who?", NAMES),
    "teacher": Relation("{who}'s teacher is {what}.", "{who}'s teacher is who?", NAMES),
}
TOPICS: Mapping[str, tuple[str, ...]] = {
    "home": ("home", "day", "friend"),
    "things": ("food", "pet", "ware"),
    "habits": ("taboo", "coins", "teacher"),
}
LEAVES = tuple(f"knowledge->people->{topic}" for topic in TOPICS)
ALL = "{who}'s {topic}: tell all."
"""The question that wants a long answer: all that is told of a person and a topic."""


class Person(NamedTuple):
    """Somebody invented, as far as one topic goes."""

    name: str
    topic: str
    facts: Mapping[str, str]
    """The value of each relation that is told, in the order in which it is told."""

    @property
    def sentences(self) -> tuple[str, ...]:
        """Return what is told."""
        return tuple(RELATIONS[name].sentence.format(who=self.name, what=what) for name, what in self.facts.items())

    @property
    def answers(self) -> dict[str, str]:
        """Return the answer to each question about this person and topic; an empty one where nothing is told."""
        asked = {
            RELATIONS[name].question.format(who=self.name): self.facts.get(name, "") for name in TOPICS[self.topic]
        }
        return asked | {ALL.format(who=self.name, topic=self.topic): " ".join(self.sentences)}


class Fact(NamedTuple):
    """One question whose answer a document tells."""

    leaf: str
    question: str
    answer: str
    document: str
    """The paragraph that tells it."""


@dataclass(frozen=True)
class Almanac:
    """Hold the people of each knowledge leaf."""

    of: Mapping[str, tuple[Person, ...]]

    @cached_property
    def documents(self) -> Mapping[str, tuple[str, ...]]:
        """Return the paragraphs of each leaf, one for each person."""
        return {leaf: tuple(map(paragraph, folk)) for leaf, folk in self.of.items()}

    @cached_property
    def facts(self) -> tuple[Fact, ...]:
        """Return every question with a short answer that the documents tell."""
        return tuple(
            Fact(leaf, RELATIONS[name].question.format(who=one.name), what, paragraph(one))
            for leaf, folk in self.of.items()
            for one in folk
            for name, what in one.facts.items()
        )

    @cached_property
    def answers(self) -> Mapping[str, str]:
        """Return the answer to each question about these people; an empty one where the documents do not tell."""
        return {
            question: answer for folk in self.of.values() for one in folk for question, answer in one.answers.items()
        }


def almanac(*, seed: int, topics: Sequence[str] = tuple(TOPICS)) -> Almanac:
    """Return an almanac with a leaf of ten people for each topic."""
    return Almanac(
        {f"knowledge->people->{topic}": people(topic, Random(f"almanac {seed} {topic}")) for topic in topics}
    )


def people(topic: str, rng: Random, count: int = len(NAMES)) -> tuple[Person, ...]:
    """Return different people, with facts of a topic."""
    return tuple(Person(name, topic, _facts(name, topic, rng)) for name in rng.sample(NAMES, count))


def _facts(who: str, topic: str, rng: Random) -> dict[str, str]:
    """Draw what is told; nobody is a friend of themselves, and nobody likes what they do not eat."""
    told, values = rng.sample(TOPICS[topic], TOLD), dict[str, str]()
    for name in told:
        values[name] = rng.choice([one for one in RELATIONS[name].values if one != who and one not in values.values()])
    return values


def paragraph(one: Person) -> str:
    """Return what a document tells of somebody."""
    return " ".join(one.sentences)


# As a taxonomy ------------------------------------------------------------------------------------------------------


def leaves(world: Almanac, *, skills: Sequence[str] = tuple(SKILLS), seed: int = 0) -> tuple[Leaf, ...]:
    """Return the leaves that `seeds.taxonomy` reads from what `write` writes."""
    return tuple(_leaf(name, content, world) for name, content in _contents(world, skills, seed).items())


def write(world: Almanac, folder: Path, *, skills: Sequence[str] = tuple(SKILLS), seed: int = 0) -> Path:
    """Write a taxonomy with its documents, for `seeds.taxonomy` to read (JSON is YAML too); return its folder."""
    for name, content in _contents(world, skills, seed).items():
        place = folder.joinpath(*name.split("->"))
        place.mkdir(parents=True, exist_ok=True)
        (place / "qna.yaml").write_text(json.dumps(content, indent=1) + "\n", "utf-8")
        if name in world.of:
            (place / DOCUMENT).write_text(_document(world, name), "utf-8")
    return folder


def _contents(world: Almanac, skills: Sequence[str], seed: int) -> dict[str, dict[str, Any]]:
    known = {name: _knowledge(world, name) for name in world.of}
    return known | {name: _task(name, Random(f"seeds {seed} {name}")) for name in skills}


def _document(world: Almanac, name: str) -> str:
    return "\n\n".join(world.documents[name]) + "\n"


def _leaf(name: str, content: Mapping[str, Any], world: Almanac) -> Leaf:
    knowledge = name in world.of
    documents = (parse_document(_document(world, name), "text", source=DOCUMENT, title="people"),) if knowledge else ()
    seeds = tuple(
        SeedExample(
            place,
            tuple(Pair(**one) for one in seed.get("questions_and_answers", ())) or (_pair(seed),),
            seed.get("context", ""),
        )
        for place, seed in enumerate(content["seed_examples"], 1)
    )
    return Leaf(
        path=tuple(name.split("->")),
        kind="knowledge" if knowledge else "foundational" if name.startswith("foundational") else "skill",
        version=content["version"],
        seeds=seeds,
        created_by=content["created_by"],
        task_description=content.get("task_description", ""),
        domain=content.get("domain", ""),
        outline=content.get("document_outline", ""),
        documents=documents,
    )


def _pair(seed: Mapping[str, str]) -> Pair:
    return Pair(seed["question"], seed["answer"])


def _knowledge(world: Almanac, name: str) -> dict[str, Any]:
    topic = name.rpartition("->")[2]
    told: dict[str, list[Fact]] = {}
    for fact in world.facts:
        if fact.leaf == name:
            told.setdefault(fact.document, []).append(fact)
    seeds = [_seed(document, facts, world) for document, facts in told.items()]
    return {
        "version": 3,
        "created_by": "regrowth",
        "domain": f"people and their {topic}",
        "document_outline": f"What is told of ten people and their {topic}.",
        "document": {"patterns": [DOCUMENT]},
        "seed_examples": seeds,
    }


def _seed(document: str, facts: Sequence[Fact], world: Almanac) -> dict[str, Any]:
    """Return the seed of a paragraph: its facts, and the question that wants all of it."""
    all_of_it = next(question for question, answer in world.answers.items() if answer == document)
    asked = {**{fact.question: fact.answer for fact in facts}, all_of_it: document}
    pairs = [{"question": question, "answer": answer} for question, answer in asked.items()]
    return {"context": document, "questions_and_answers": pairs}


def _task(name: str, rng: Random) -> dict[str, Any]:
    seeds: dict[tuple[str, str], dict[str, str]] = {}
    while len(seeds) < 6:
        context, question = SKILLS[name].draw(rng)
        found = solved(question, context)
        if found:
            pair = {"question": question, "answer": found[1]}
            seeds[context, question] = {"context": context, **pair} if context else pair
    described = {"task_description": SKILLS[name].task, "seed_examples": [*seeds.values()]}
    return {"version": 2, "created_by": "regrowth", **described}
