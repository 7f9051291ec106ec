"""Five attributes that programs decide, some of them hidden: does a head learn from what is left?

Problems of the project's domains with right and spoilt answers; the body is the packaged model. One answer to
"Tom has 12 pens. Tom buys 4 more. …" and what programs say of it, each from 0 to 4:

    12 + 4 = 16\\n12 + 4 = 16    correctness 0 (the domain's verifier), length 1.9 (logarithm of its characters),
                                steps 1, variety 2 (half of its lines are new), grounding 3.2 (its words in the prompt)
"""

import math
import random
import re
from collections.abc import Sequence
from dataclasses import replace

from regrowth.core.errors import Rejected
from regrowth.core.record import Record
from regrowth.domains import DOMAINS, Split, problems

__all__ = ["NAMES", "hidden", "judged", "pearson"]

NAMES = ("correctness", "length", "steps", "variety", "grounding")
SPOILT = 0.6
"""Share of answers that are not the worked ones as they stand."""


def judged(count: int, seed: int, split: Split) -> list[Record]:
    """Return answered problems with all five attributes as scores."""
    drawn = problems(list(DOMAINS), count, seed=seed, split=split)
    draw = random.Random(f"{seed} {split}")
    answered = []
    for problem in drawn:
        answer = DOMAINS[problem["domain"]].solution(problem)
        if draw.random() < SPOILT:
            answer = _spoilt(answer, problem.prompt, draw)
        answered.append(problem.derive(response=answer).scored(**_attributes(problem, answer)))
    return answered


def hidden(records: Sequence[Record], share: float, seed: int, fill: float = math.nan) -> list[Record]:
    """Hide a share of all labels, each by a throw of its own: NaN, or a number that is taken for a label."""
    draw = random.Random(f"hide {seed}")
    return [
        replace(record, scores={name: fill if draw.random() < share else record.scores[name] for name in NAMES})
        for record in records
    ]


def pearson(said: Sequence[float], wanted: Sequence[float]) -> float:
    """Return the correlation of two lists; 0 where one does not vary."""
    mine, theirs = sum(said) / len(said), sum(wanted) / len(wanted)
    both = sum((one - mine) * (other - theirs) for one, other in zip(said, wanted, strict=True))
    spread = math.sqrt(sum((one - mine) ** 2 for one in said) * sum((other - theirs) ** 2 for other in wanted))
    return both / spread if spread else 0.0


def _spoilt(answer: str, prompt: str, draw: random.Random) -> str:
    """Spoil an answer in one of five ways, some of which leave it right."""
    lines = answer.split("\n")
    way = draw.randrange(5)
    if way == 0:
        return re.sub(r"\d", lambda digit: str((int(digit[0]) + draw.randint(1, 9)) % 10), answer, count=1)
    if way == 1:
        return "\n".join([*lines, *lines[: draw.randint(1, len(lines))]])
    if way == 2 and len(lines) > 1:
        return "\n".join(lines[:-1])
    if way == 3:
        words = re.findall(r"\w+", prompt)
        return f"{answer}\n{' '.join(draw.sample(words, min(len(words), draw.randint(2, 8))))}"
    parts = answer.split(" ")
    draw.shuffle(parts)
    return " ".join(parts)


def _attributes(problem: Record, answer: str) -> dict[str, float]:
    lines = [line.strip() for line in answer.split("\n")]
    words = re.findall(r"\w+", answer.lower())
    known = set(re.findall(r"\w+", problem.prompt.lower()))
    return {
        "correctness": 4.0 * _right(problem, answer),
        "length": min(4.0, math.log2(1 + len(answer)) / 2),
        "steps": min(4.0, len(lines) - 1.0),
        "variety": 4.0 * len(set(lines)) / len(lines),
        "grounding": 4.0 * sum(word in known for word in words) / max(1, len(words)),
    }


def _right(problem: Record, answer: str) -> bool:
    try:
        DOMAINS[problem["domain"]].verify(problem, answer)
    except Rejected:
        return False
    return True
