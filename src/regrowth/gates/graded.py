"""Ask a judge model for a grade of the reply, on a rubric from 1 to 5.

A verdict of a real judge ends like one of these, and all give 4:
    "The reply is correct but leaves out a step.\\nScore: 4"      "**Rating:** 4/5"      '{"reason": "…", "score": 4}'
One that names no grade, two grades, or one that is not on the scale, is asked for again with another seed.
"""

import re
from collections.abc import Awaitable, Callable
from dataclasses import replace

from regrowth.core.cells import shown
from regrowth.core.errors import Rejected, SettingsError
from regrowth.core.protocols import Model, Sampling
from regrowth.core.record import Record
from regrowth.gates.json_values import parse_json
from regrowth.gates.naming import named
from regrowth.gates.prompt_files import fence, load

__all__ = ["graded", "grading_prompt", "parse_score"]

WORST, BEST = 1, 5
VERDICTS = 3
"""How often a judge is asked for a grade before the record is refused."""
GREEDY = Sampling(temperature=0.0, max_tokens=256)
"""The first verdict is the judge's most probable one; the next are drawn, for the same would come again."""

_GRADE = (
    r"(?P<grade>\d{1,9}(?:\.\d{1,9})?)(?:\s?(?:/|out of|von)\s?(?P<best>\d{1,9}))?"
    r"(?![\d.,]*\d)(?!\s?(?:-|–|to|or|oder|bis|/)\s?\d)"
)
_NAMED = re.compile(
    rf"(?:score|rating|grade|bewertung)[\"'*_\s]*(?:is|ist|of|[:=])[\"'*_\s\[(]*{_GRADE}", re.IGNORECASE
)
_BARE = re.compile(rf"[*_\s\[(]*{_GRADE}[*_\s\])]*\.?")


def graded(
    model: Model,
    *,
    rubric: str | None = None,
    at_least: float = 4,
    seed_tag: str = "grade",
    name: str = "graded",
    sampling: Sampling = GREEDY,
) -> Callable[[Record], Awaitable[Record]]:
    """Accept a response that a judge gives at least this grade, and note the grade as the score `name`.

    Raises:
        SettingsError: a grade that refuses nothing or everything.
    """
    if not WORST < at_least <= BEST:
        raise SettingsError(f"graded: at_least={at_least}, expected more than {WORST} and at most {BEST}.")
    rubric = load("rubric").text if rubric is None else rubric
    return named(
        name, _graded, model=model, rubric=rubric, at_least=at_least, seed_tag=seed_tag, name=name, sampling=sampling
    )


async def _graded(
    record: Record, *, model: Model, rubric: str, at_least: float, seed_tag: str, name: str, sampling: Sampling
) -> Record:
    prompt, verdict = grading_prompt(record, rubric), ""
    for number in range(VERDICTS):
        drawn = replace(sampling, temperature=max(sampling.temperature, 1.0)) if number else sampling
        verdict = await model.ask(prompt, drawn, seed=record.seed(seed_tag, number))
        if (score := parse_score(verdict)) is None:
            continue
        if score < at_least:
            raise Rejected(name, f"grade {score:g}, at least {at_least:g}: {shown(verdict)}")
        return record.scored(**{name: score})
    raise Rejected(name, f"no grade from {WORST} to {BEST} in {VERDICTS} verdicts, the last: {shown(verdict)}")


def grading_prompt(record: Record, rubric: str) -> str:
    """Return what the judge is shown: the rubric, the conversation and the reply, fenced off from each other."""
    conversation = "\n\n".join(f"{turn.role}: {turn.content}" for turn in record.messages)
    line = fence((rubric, conversation, record.response))
    return load("grade").render(rubric=rubric, fence=line, conversation=conversation, reply=record.response)


def parse_score(verdict: str) -> float | None:
    """Return the grade that a verdict ends on; nothing if there is none, or none on the scale."""
    score = _from_json(verdict)
    if score is None:
        last_line = (verdict.strip().splitlines() or [""])[-1]
        found = next(reversed(list(_NAMED.finditer(verdict))), None) or _BARE.fullmatch(last_line)
        on_scale = found and found["best"] in (None, str(BEST))
        score = float(found["grade"]) if found and on_scale else 0.0
    return score if WORST <= score <= BEST else None


def _from_json(verdict: str) -> float | None:
    try:
        value = parse_json(verdict[max(0, verdict.find("{")) : verdict.rfind("}") + 1])
    except ValueError:
        return None
    score = value.get("score") if isinstance(value, dict) else None
    if isinstance(score, bool) or not isinstance(score, int | float):
        return None
    return float(max(WORST - 1, min(score, BEST + 1)))
