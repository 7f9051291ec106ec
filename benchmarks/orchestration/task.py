"""The job that every driver does, and what must come out of it.

One prompt on its way, in two steps:
    prompt      "Task 7: write about w0173 w2208 …"
    reply       "fiven soden bapel …"     # 64 words, a function of the prompt alone
    judgement   "Rating: 4"                 # the server's reply to `judge_prompt(reply)`
    kept        True                        # 3 and above

Standard library only: the server, the runner and the drivers of all environments share this file.
"""

import hashlib
import random
import re
from collections.abc import Iterator
from typing import TypedDict

__all__ = ["Prompt", "expected", "judge_prompt", "keep", "prompts", "reply"]

STARTS = ("ba", "de", "fi", "ko", "lu", "mar", "so", "ti")
ENDS = ("den", "ger", "lim", "nor", "pel", "ra", "sto", "ven")
WORDS = tuple(start + end for start in STARTS for end in ENDS)
JUDGE = "Judge the text below. Reply with 'Rating: ' and a number from 1 to 5.\n"
LEAST = 3


class Prompt(TypedDict):
    """One line of the prompt file."""

    id: int
    prompt: str


def prompts(count: int) -> Iterator[Prompt]:
    """Yield distinct prompts of about 240 characters; the first ones are the same whatever the count."""
    random_source = random.Random(7)
    for number in range(count):
        topics = " ".join(f"w{random_source.randrange(4000):04d}" for _ in range(40))
        yield {"id": number, "prompt": f"Task {number}: write about {topics}"}


def reply(prompt: str) -> str:
    """Return what the server answers: 64 words, or a rating if the prompt asks for a judgement."""
    hashed = hashlib.blake2b(prompt.encode()).digest()
    if prompt.startswith(JUDGE):
        return f"Rating: {hashed[0] % 5 + 1}"
    return " ".join(WORDS[byte % len(WORDS)] for byte in hashed)


def judge_prompt(text: str) -> str:
    """Return the prompt of the second step."""
    return JUDGE + text


def keep(judgement: str) -> bool:
    """Tell whether a judged reply stays."""
    found = re.fullmatch(r"Rating: (\d)", judgement.strip())
    return found is not None and int(found[1]) >= LEAST


def expected(count: int, steps: int) -> dict[int, str]:
    """Return the replies that must come out, by the prompt's id."""
    replies = {row["id"]: reply(row["prompt"]) for row in prompts(count)}
    if steps == 1:
        return replies
    return {number: text for number, text in replies.items() if keep(reply(judge_prompt(text)))}
