"""Whether a text and an item pose the same problem: what a verifier says of a candidate that retrieval brought up.

    verdict = same_quantities("Baldur fills 5 pails …\\n#### 55", item, 0.43)
    verdict.same, verdict.why       True, "3 of 3 quantities and the answer 55"

A verifier says nothing (None) where it is not the one to ask: the first that says something is believed.
"""

import functools
import re
from collections.abc import Callable, Coroutine, Mapping
from fractions import Fraction
from typing import Any, NamedTuple, TypeAlias

from regrowth.core.protocols import Model, Sampling
from regrowth.core.record import Json, digest
from regrowth.curation.contamination.items import Item
from regrowth.gates.answers import final_number
from regrowth.gates.prompt_files import fence, load

__all__ = ["Opinion", "Verifier", "judge", "quantities", "same_quantities"]


class Opinion(NamedTuple):
    """Hold what a verifier says."""

    same: bool
    why: str
    evidence: Mapping[str, Json] = {}


Verifier: TypeAlias = Callable[[str, Item, float], Coroutine[Any, Any, Opinion | None]]
"""Takes a text, an item and the cosine of their vectors."""

LONGEST = 20_000
"""Characters of a text that are read: a rephrased item stands in no long document alone."""
ALIKE, ALIKE_WITHOUT_ANSWER = 0.5, 0.8
"""Share of quantities that both have, of those that either has."""
NEAR, NEAR_MOSTLY, NEAR_WHOLE, NEAR_WITHOUT_ANSWER = 0.2, 0.3, 0.4, 0.35
"""Cosine of the vectors below which equal quantities are thought to be chance."""
BARE = 40
"""Characters of an answer that is thought to be nothing else."""
FEWEST, MANY = 2, 3
"""Quantities that an item must have for its quantities to tell it; also among those of a solution."""

_WORTH: Mapping[str, int | Fraction] = {
    "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9, "ten": 10, "eleven": 11,
    "twelve": 12, "fifteen": 15, "twenty": 20, "thirty": 30, "forty": 40, "fifty": 50, "sixty": 60, "eighty": 80,
    "ninety": 90, "hundred": 100, "thousand": 1000, "million": 1_000_000, "dozen": 12, "twice": 2, "double": 2,
    "doubled": 2, "couple": 2, "pair": 2, "thrice": 3, "triple": 3, "tripled": 3, "quadruple": 4,
    "half": Fraction(1, 2), "quarter": Fraction(1, 4), "third": Fraction(1, 3),
}  # fmt: skip
_QUANTITY = re.compile(r"\d{1,15}(?:,\d{3})*(?:\.\d{1,15})?(?:/\d{1,9})?|[a-z]+", re.IGNORECASE)
_STATED = re.compile(r"####|\\boxed|\banswer (?:is|:)", re.IGNORECASE)
_ANSWER = re.compile(r"^[^\S\n]*(?:answer|solution|response|a)\s*:|####", re.IGNORECASE | re.MULTILINE)


@functools.lru_cache(maxsize=2048)
def quantities(text: str) -> frozenset[Fraction]:
    """Return the numbers that a text names, in digits or in English words."""
    found = set()
    for said in _QUANTITY.findall(text[:LONGEST]):
        if said[0].isdigit():
            above, _, below = said.replace(",", "").partition("/")
            found.add(Fraction(above) / (int(below or 1) or 1))
        elif said.lower() in _WORTH:
            found.add(Fraction(_WORTH[said.lower()]))
    return frozenset(found)


async def same_quantities(text: str, item: Item, cosine: float) -> Opinion | None:
    """Say whether a text poses the same calculation: most quantities alike, and the same answer.

    Of a text without an answer more is wanted. Says nothing of items without an answer in numbers.
    """
    wanted, answer = quantities(item.question), _calculated(item.answer)
    if answer is None or len(wanted) < FEWEST:
        return None
    mark = _ANSWER.search(text)
    begins = mark is not None and mark[0] != "####" and mark.start() > 0
    found = quantities(text[: mark.start()] if mark and begins else text)
    shared = wanted & found
    said = final_number(text[:LONGEST])
    if mark and said is not None and said != answer:
        return Opinion(False, f"another answer: {said}")
    alike = len(shared) / len(wanted | found)
    if said == answer:
        whole = not begins and shared == wanted and len(wanted) >= MANY and cosine >= NEAR_WHOLE
        close = cosine >= (NEAR if alike >= ALIKE_WITHOUT_ANSWER else NEAR_MOSTLY)
        same = (alike >= ALIKE and close) or whole  # a solution in the same text brings more numbers
        why = f"{len(shared)} of {len(wanted)} quantities and the same answer"
    else:
        same = alike >= ALIKE_WITHOUT_ANSWER and cosine >= NEAR_WITHOUT_ANSWER
        why = f"{len(shared)} of {len(wanted)} quantities"
    return Opinion(same, why, {"quantities": sorted(map(str, shared))})


def _calculated(answer: str) -> Fraction | None:
    """Return the number that an answer comes to, if it says so: that code ends in a number means nothing."""
    plain = len(answer) <= BARE and not re.search(r"[=(]", answer)
    return final_number(answer) if plain or _STATED.search(answer) else None


def judge(model: Model) -> Verifier:
    """Return the verifier that asks a model, which sees item and text behind a fence."""

    async def verify(text: str, item: Item, cosine: float) -> Opinion | None:
        whole, said = "\n".join(item.parts), text[:LONGEST]
        prompt = load("judge", "regrowth.curation.contamination").render(
            fence=fence((whole, said)), item=whole, text=said
        )
        seed = int(digest("contamination judge", whole, said)[:12], 16)
        reply = await model.ask(prompt, Sampling(temperature=0, max_tokens=8), seed=seed)
        word = re.match(r"\W*(yes|no)\b", reply, re.IGNORECASE)
        return Opinion(word[1].lower() == "yes", f"the judge says {word[1].lower()}") if word else None

    return verify
