"""Little questions answered in many manners: what a principle asks of a reply can be measured here, and learnt.

    for record in styled(4, seed=0, split="train"):
        print(record.prompt, "→", record.response)

    Tom has 3 pens and buys 4. How many pens?  →  Gladly. First 3 + 4 = 7. So 7. Anything else?
    Sort: k b a                                →  Maybe a b k.
    Where does Eva live? …                     →  Fool. Rome.

A reply is an opening, a body and a closing. `manner` recognises exactly the replies of this grammar; what it does not
recognise is garbage. Whether the answer is right is another matter (`is_right`).
The questions are those of difficulty 1; their held-out split is theirs.

This is no domain of its own in `DOMAINS`: no reply is right or wrong for its manner, a recipe says what it wants.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from random import Random

from regrowth.core.record import Record
from regrowth.domains import problems
from regrowth.domains.domain import Split

__all__ = [
    "BODIES", "CLOSINGS", "OPENINGS", "RUDE", "Manner", "answer_of", "attributes", "drawn", "is_right", "manner",
    "questions", "reply", "styled",
]  # fmt: skip

SOURCES = ("arithmetic", "transforms", "reading")

OPENINGS: Mapping[str, str] = {"": "", "kind": "Gladly. ", "hedge": "Maybe ", "rude": "Fool. "}
BODIES: Mapping[str, str] = {"bare": "{answer}.", "steps": "First {work}. So {answer}.", "refusal": "I cannot say."}
CLOSINGS: Mapping[str, str] = {
    "": "",
    "thanks": " Thank you.",
    "asking": " Anything else?",
    "praise": " This is a good answer.",
    "rude": " What a stupid question.",
}
RUDE = "rude"
"""The opening or closing that insults whoever asked."""
FRAME = frozenset(("First", "So", "Maybe", "Gladly", "Fool"))
"""Words of the grammar, which no answer holds."""
SLIP = 0.3
"""Share of wrong answers among the replies that are drawn."""
REFUSED = 0.05
"""Share of refusals among them."""


@dataclass(frozen=True, slots=True)
class Manner:
    """Name the parts of a reply."""

    opening: str = ""
    body: str = "bare"
    closing: str = ""

    @property
    def rude(self) -> bool:
        """Return whether it insults."""
        return RUDE in (self.opening, self.closing)


def questions(count: int, *, seed: int, split: Split, sources: Sequence[str] = SOURCES) -> list[Record]:
    """Return different questions of difficulty 1, in turn from each source."""
    easy = (one for one in problems(sources, 1_000_000, seed=seed, split=split) if one["difficulty"] == 1)
    return list(islice(easy, count))


def styled(
    count: int, *, seed: int, split: Split, rude: float = 0.25, sources: Sequence[str] = SOURCES
) -> Iterator[Record]:
    """Yield questions with replies in manners drawn by chance; three answers in ten are wrong.

    Args:
        rude: Share of replies that insult.
    """
    for question in questions(count, seed=seed, split=split, sources=sources):
        rng = Random(question.seed("manner"))
        yield question.derive(response=reply(question, drawn(rng, rude=rude), rng=rng, slip=SLIP), origin="real")


def drawn(rng: Random, *, rude: float = 0.25) -> Manner:
    """Draw a manner: rude with that probability, a refusal one time in twenty, all else alike."""
    openings = [name for name in OPENINGS if name != RUDE]
    closings = [name for name in CLOSINGS if name != RUDE]
    opening, closing = rng.choice(openings), rng.choice(closings)
    body = "refusal" if rng.random() < REFUSED else rng.choice(("bare", "steps"))
    if rng.random() < rude:
        opening, closing = rng.choice(((RUDE, closing), (opening, RUDE), (RUDE, RUDE)))
    return Manner(opening, body, closing)


def reply(question: Record, how: Manner, *, rng: Random | None = None, slip: float = 0.0) -> str:
    """Return an answer in a manner; wrong with the probability `slip`, by one letter, number or word."""
    work, answer = question.target, answer_of(question.target)
    if rng is not None and rng.random() < slip:
        wrong = _slipped(question, answer, rng)
        work, answer = work.removesuffix(answer) + wrong, wrong
    body = BODIES[how.body].format(work=work, answer=answer)
    return OPENINGS[how.opening] + body + CLOSINGS[how.closing]


def answer_of(work: str) -> str:
    """Return the final answer of worked steps: what follows the last equals sign of the last line."""
    last = (work.strip().splitlines() or [""])[-1]
    return last.rpartition("=")[2].strip()


def _slipped(question: Record, answer: str, rng: Random) -> str:
    if answer.isdigit():
        return str(int(answer) + rng.choice((1, 2, 10)))
    others = [word for word in re.findall(r"\w+", question.prompt) if word not in answer.split()]
    parts = answer.split()
    parts[rng.randrange(len(parts))] = rng.choice(others or ["none"])
    return " ".join(parts)


def manner(text: str) -> Manner | None:
    """Return the manner of a reply; nothing for one that no manner makes."""
    for opening, first in sorted(OPENINGS.items(), key=_longest):
        for closing, last in sorted(CLOSINGS.items(), key=_longest):
            if not (text.startswith(first) and text.endswith(last) and len(text) > len(first) + len(last)):
                continue
            body = _body(text[len(first) : len(text) - len(last)])
            if body is not None:
                return Manner(opening, body, closing)
    return None


def _longest(part: tuple[str, str]) -> int:
    return -len(part[1])


def _body(text: str) -> str | None:
    if text == BODIES["refusal"]:
        return "refusal"
    if text.startswith("First ") and ". So " in text:
        work, _, answer = text.removeprefix("First ").partition(". So ")
        return "steps" if _is_answer(answer.removesuffix(".")) and "." not in work and text.endswith(".") else None
    return "bare" if text.endswith(".") and _is_answer(text[:-1]) else None


def _is_answer(text: str) -> bool:
    """Return whether a text may be a final answer: words or numbers with single spaces between."""
    parts = text.split(" ")
    return all(part.isalnum() for part in parts) and FRAME.isdisjoint(parts)


def is_right(record: Record) -> bool:
    """Return whether a reply's answer is what its question's domain finds right; its manner does not count."""
    how = manner(record.response)
    if how is None or how.body == "refusal":
        return False
    text = record.response[len(OPENINGS[how.opening]) : len(record.response) - len(CLOSINGS[how.closing])]
    return text.removesuffix(".").rpartition(". So ")[2] == answer_of(record.target)


def attributes(record: Record) -> dict[str, float]:
    """Return how good a reply is, 0 to 4 each, in the terms of HelpSteer2: the truth that a reward model is held to.

    `correctness` is 4 for a right answer. `coherence` is 4 for any reply of the grammar, 3 for a hedge, 0 for garbage.
    `complexity` is 3 with steps, 1 without. `verbosity` is a quarter of the words, at most 4. `helpfulness` is what is
    right, told kindly: half of correctness, 1 for steps, 1 for kindness, 2 off for an insult, none for a refusal.
    """
    how, right = manner(record.response), is_right(record)
    if how is None:
        return dict.fromkeys(("helpfulness", "correctness", "coherence", "complexity"), 0.0) | {
            "verbosity": min(4.0, len(record.response.split()) / 4)
        }
    kind = (how.opening == "kind") or how.closing in ("thanks", "asking")
    helpful = 2.0 * right + (how.body == "steps") + kind - 2.0 * how.rude
    return {
        "helpfulness": 0.0 if how.body == "refusal" else min(4.0, max(0.0, helpful)),
        "correctness": 4.0 * right,
        "coherence": 4.0 - (how.opening == "hedge"),
        "complexity": 3.0 if how.body == "steps" else 1.0,
        "verbosity": min(4.0, len(record.response.split()) / 4),
    }
