"""Reading: a few invented facts, one question; the answer is one word, or "unknown".

The difficulty is the number of facts times the number of facts the answer takes: 2 × 1, 4 × 1, 4 × 2, 6 × 2.

One problem and its answer:
    Eva lives in Rome. Tom has a cat. Tom's friend is Eva. Ben lives in Oslo. Where does Tom's friend live?
    Rome
One question in five cannot be answered from the facts.
"""

from random import Random

from regrowth.core.errors import Rejected
from regrowth.core.record import Record
from regrowth.domains.domain import Domain, Drawn
from regrowth.domains.words import CITIES, FOODS, NAMES, PETS

__all__ = ["READING"]

NAME = "reading"
UNKNOWN = "unknown"
SIZES = {1: (2, 1), 2: (4, 1), 3: (4, 2), 4: (6, 2)}
"""Number of facts, and of facts that lead to the answer, by difficulty."""

RELATIONS = {
    "home": ("{who} lives in {what}.", "Where does {who} live?", CITIES),
    "pet": ("{who} has a {what}.", "Which pet does {who} have?", PETS),
    "food": ("{who} likes {what}.", "What does {who} like?", FOODS),
}
FRIEND = "{who}'s friend is {what}."


def draw(rng: Random, difficulty: int) -> Drawn:
    """Draw facts about a few people and a question about one of them."""
    count, hops = SIZES[difficulty]
    people = rng.sample(NAMES, 2 + count // 3)
    asked = (people[0], rng.choice(list(RELATIONS)))
    answerable = rng.random() < 0.8
    others = [(who, relation) for who in people for relation in RELATIONS if (who, relation) != asked]
    friends = [(people[1], people[0]), (people[2], people[1])][: count // 3] if hops == 2 else []
    told = rng.sample(others, count - len(friends) - answerable) + [asked] * answerable
    values = {relation: rng.sample(RELATIONS[relation][2], len(people)) for relation in RELATIONS}
    known = {(who, relation): values[relation][people.index(who)] for who, relation in told}
    facts = [RELATIONS[relation][0].format(who=who, what=what) for (who, relation), what in known.items()]
    facts += [FRIEND.format(who=who, what=friend) for who, friend in friends]
    rng.shuffle(facts)
    question = RELATIONS[asked[1]][1].format(who=people[0] if hops == 1 else f"{people[1]}'s friend")
    kind = ("one-hop", "two-hop")[hops - 1] if answerable else UNKNOWN
    return Drawn((sorted(facts), question), " ".join((*facts, question)), known.get(asked, UNKNOWN), kind)


def verify(record: Record, response: str) -> None:
    """Refuse any word but the answer; a full stop after it is allowed.

    Raises:
        Rejected: says what was answered and what was expected.
    """
    found = response.strip().removesuffix(".")
    if found != record.target:
        raise Rejected(NAME, f"answer {found[:60]!r}, expected {record.target!r}")


READING = Domain(
    name=NAME,
    difficulties=tuple(SIZES),
    instructions="Answer with one word from the text; if the text does not tell, answer 'unknown'.",
    draw=draw,
    verify=verify,
)
