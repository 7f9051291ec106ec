"""A teacher that knows what to say to the brief prompts of `lab`: a program, wrong as often as it is told to be."""

import re
from dataclasses import dataclass
from random import Random

from regrowth.core.protocols import Sampling
from regrowth.core.record import Messages
from regrowth.domains.almanac import ALL, RELATIONS, TOPICS
from regrowth.domains.small_skills import SKILLS, solved

__all__ = ["AlmanacTeacher", "read"]

Told = list[tuple[str, str, str, str]]


def read(text: str) -> Told:
    """Return what a text of the almanac tells: name, relation, value, sentence."""
    found: Told = []
    for sentence in re.findall(r"[^.]+\.", text):
        for name, relation in RELATIONS.items():
            pattern = re.escape(relation.sentence).replace(r"\{who\}", r"(\w+)").replace(r"\{what\}", r"(\w+)")
            if match := re.fullmatch(pattern, sentence.strip()):
                found.append((match[1], name, match[2], sentence.strip()))
    return found


@dataclass(frozen=True)
class AlmanacTeacher:
    """Answer brief prompts; called as a script of `ScriptedBackend`."""

    slips: float = 0.0
    """Share of short answers that are wrong: any value of the relation."""
    pointing: float = 0.0
    """Share of questions that point at the text."""
    verdict: str = ""
    """What it always says as a judge; nothing has it judge rightly."""

    def __call__(self, messages: Messages, sampling: Sampling, seed: int) -> str:
        text, rng = messages[-1].content, Random(seed)
        first, _, rest = text.partition("\n")
        match first:
            case "Ask about this.":
                return self._question(rest, rng)
            case "Ask for all.":
                who, relation, _, _ = rng.choice(read(rest))
                return ALL.format(who=who, topic=_topic(relation))
            case "Ask alike.":
                return _alike(rest, rng)
            case "Write alike.":
                return SKILLS["compositional_skills->grounded->owner"].draw(rng)[0]
            case "Is it so?":
                pair, _, answer = rest.rpartition("\n")
                return self.verdict or ("yes" if _answer(pair) == answer else "no")
        answer = _answer(text)
        if rng.random() < self.slips and " " not in answer:
            return rng.choice([value for relation in RELATIONS.values() for value in relation.values])
        return answer

    def _question(self, document: str, rng: Random) -> str:
        if rng.random() < self.pointing:
            return "What does the text say about this?"
        who, relation, _, _ = rng.choice(read(document))
        return RELATIONS[relation].question.format(who=who)


def _topic(relation: str) -> str:
    return next(topic for topic, relations in TOPICS.items() if relation in relations)


def _alike(examples: str, rng: Random) -> str:
    lines = examples.splitlines()
    leaf = next(leaf for leaf, skill in SKILLS.items() if skill.pattern.fullmatch(lines[0]))
    if "grounded" in leaf:
        return f"Who has a {rng.choice([what for _, name, what, _ in read(lines[-1]) if name == 'pet'])}?"
    return SKILLS[leaf].draw(rng)[1]


def _answer(text: str) -> str:
    """Return the answer to what a text asks at its end."""
    told = read(text)
    for who, relation, _, _ in told:
        if text.endswith(ALL.format(who=who, topic=_topic(relation))):
            return " ".join(sentence for name, _, _, sentence in told if name == who)
    for who, relation, what, _ in told:
        if text.endswith(RELATIONS[relation].question.format(who=who)):
            return what
    asked = re.search(r"(?:[A-Z][^.?:]*[?:][^.]*)$", text)
    known = solved(asked[0].strip(), text) if asked else None
    return known[1] if known else "unknown"
