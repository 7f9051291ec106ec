"""Gold answers, and the pairs that an opponent's answers make of them.

    gold       "Tom has 3 pens and buys 4 more. How many pens?"    response "3 + 4 = 7"
    pair       the same, with                                      rejected "3 + 4 = 8"

An answer that was cut at its token limit is marked (`cut`): the tokenizer puts no end token after it, so that ending
is not what tells it from the gold.
"""

import math
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

from regrowth.core import layouts
from regrowth.core.dataset import Dataset
from regrowth.core.errors import CallFailed, DataError, Rejected
from regrowth.core.protocols import Model, Sampling
from regrowth.core.record import Record, digest
from regrowth.domains import DOMAINS, problems, verifier
from regrowth.gates import exact_answer
from regrowth.recipes._spin.game import Settings
from regrowth.recipes.rejection_sampling import worked
from regrowth.run import Run

__all__ = ["Gold", "Right", "against", "alike", "answered", "gold_of", "judged_by", "measured", "unlike_gold", "wrong"]

Right: TypeAlias = Callable[[Record, str], Coroutine[Any, Any, bool]]
"""Whether an answer to a gold record's prompt is right."""

ASIDE = 200
"""Gold records by which rounds are accepted, at most as many as are held out; none is trained on or evaluated on."""
TRAINED = 0.95
"""Share of the gold answers that an opponent's answer may be as long as."""


class Gold(NamedTuple):
    """Hold gold records in three parts without a prompt in common."""

    played: Sequence[Record]
    aside: Sequence[Record]
    unseen: Sequence[Record]


def gold_of(settings: Settings) -> Gold:
    """Return the gold records: of a file, or worked examples.

    Raises:
        DataError: the file cannot be read, or has fewer than four prompts with an answer.
    """
    if settings.data is not None:
        return _divided(_read(settings.data), settings)
    aside = min(ASIDE, settings.heldout)
    drawn = problems(settings.domains, aside + settings.real, seed=_seed(settings, "gold"), split="train")
    unseen = problems(settings.domains, settings.heldout, seed=_seed(settings, "heldout"), split="heldout")
    fresh = list(worked(drawn))
    return Gold(fresh[aside:], fresh[:aside], list(worked(unseen)))


def _read(path: Path) -> Iterable[Record]:
    return Dataset(path) if path.is_dir() else layouts.read(path)


def _divided(records: Iterable[Record], settings: Settings) -> Gold:
    """Divide a file by a hash of its prompts, so that one prompt's answers stay together."""
    by_prompt: dict[str, list[Record]] = {}
    for record in records:
        if record.response:
            by_prompt.setdefault(digest(settings.seed, record.messages), []).append(record)
    if len(by_prompt) < 4:
        raise DataError(f"{settings.data}: {len(by_prompt)} prompts with an answer, expected four at least.")
    order = sorted(by_prompt)
    some = min(settings.heldout, len(order) // 4)
    few = min(ASIDE, some)
    unseen, aside, played = (
        [record for key in keys for record in by_prompt[key]]
        for keys in (order[:some], order[some : some + few], order[some + few :])
    )
    return Gold(played[: settings.real], aside, unseen)


def _seed(settings: Settings, purpose: str) -> int:
    return int(digest(settings.seed, "spin", purpose)[:8], 16)


async def measured(run: Run, model: Model, gold: Gold) -> tuple[Gold, Sampling, Sampling]:
    """Return the gold that fits into the context, and how answers are drawn: to be played against, and to be looked at.

    The first are at most as long as 95 % of the gold answers that were held out, the second as the longest of them.

    Raises:
        DataError: no gold answer fits.
    """

    async def tokens(record: Record) -> int:
        try:
            return len(await model.logprobs(record.messages, record.response))
        except CallFailed:
            return 0

    fitting: dict[str, list[Record]] = {}
    known: list[int] = []
    for part in ("aside", "unseen"):
        records: Sequence[Record] = getattr(gold, part)
        counts = await run.aeach(records, tokens, name=f"length of the gold, {part}")
        fitting[part] = [record for record, count in zip(records, counts, strict=False) if count]
        known += [count for count in counts if count]
    if not (fitting["aside"] and fitting["unseen"]):
        raise DataError("Of the gold answers held out, too few fit into the model's context with their prompts.")
    limit = sorted(known)[math.ceil(TRAINED * len(known)) - 1]
    return gold._replace(**fitting), Sampling(max_tokens=limit), Sampling(max_tokens=max(known))


def judged_by(run: Run) -> Right:
    """Return what finds an answer right: its domain's program, its target's final answer, or else the gold's words."""
    by_domain, by_target = verifier(run.sandbox), exact_answer()

    async def right(gold: Record, text: str) -> bool:
        answer = gold.derive(response=text)
        try:
            if gold.attributes.get("domain") in DOMAINS:
                await by_domain(answer)
            elif gold.target:
                by_target(answer)
            else:
                return alike(text, gold.response)
        except Rejected:
            return False
        return True

    return right


def alike(first: str, second: str) -> bool:
    """Return whether two answers differ in white space, case and a closing full stop at most."""
    ours, theirs = (" ".join(text.split()).rstrip(".").casefold() for text in (first, second))
    return ours == theirs


async def against(gold: Record, opponent: Model, *, sampling: Sampling, samples: int, number: int) -> list[Record]:
    """Let the opponent answer a gold record's prompt; its answers are the worse sides of pairs."""
    seeds = [gold.seed("opponent", number, index) for index in range(samples)]
    drawn = await opponent.samples(gold.messages, sampling, seeds=seeds)
    return [
        gold.derive(
            rejected=one.text,
            attributes={
                "sample": index,
                "finish": one.finish,
                "cut": ["rejected"] if one.finish == "length" else [],
            },
        )
        for index, one in enumerate(drawn)
    ]


def answered(pair: Record) -> Record:
    """Refuse a pair whose opponent wrote nothing: there is nothing to train on."""
    if not pair.rejected.strip():
        raise Rejected("answered", "the opponent wrote nothing")
    return pair


def unlike_gold(pair: Record) -> Record:
    """Refuse a pair whose opponent wrote the gold answer: it has no gradient, and counts as one that was told apart."""
    if alike(pair.rejected, pair.response):
        raise Rejected("unlike_gold", "the opponent wrote the gold answer")
    return pair


def wrong(right: Right) -> Callable[[Record], Awaitable[Record]]:
    """Return the gate that refuses a pair whose opponent answered right in other words."""

    async def is_wrong(pair: Record) -> Record:
        if await right(pair, pair.rejected):
            raise Rejected("is_wrong", "the opponent's answer is right")
        return pair

    return is_wrong
