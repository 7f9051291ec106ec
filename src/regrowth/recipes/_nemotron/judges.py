"""Three judges on the same two replies: a program that knows the answer, a model that compares, the reward model.

    judged = await opinions(pair, judge=judge, rater=rater, criterion="Be right and kind.", style="brief")
    judged.scores     {"truth": 1.0, "model": -0.4, "reward": 2.1}      # above 0: the response, below: the rejected one
    agreement(pairs)["model"].accuracy                                  # against the truth, where both decide

0 is no verdict: both replies are right, or both wrong; the model prefers another reply in the other order.
Source: Nemotron-4 (Adler et al., 2024, arXiv:2406.11704): ground truth where there is one, then a language model in
both orders, later the reward model instead, which was right more often on hard pairs.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from random import Random
from typing import Literal, TypeAlias

from regrowth.core.errors import CallFailed, DataError, Rejected
from regrowth.core.protocols import Estimate, Model
from regrowth.core.record import Record, digest
from regrowth.domains import manners
from regrowth.gates.answers import exact_answer
from regrowth.gates.pairwise import compared, comparing_prompt
from regrowth.metrics.agreement import kappa
from regrowth.metrics.intervals import proportion
from regrowth.recipes._code.prompts import Style
from regrowth.recipes._nemotron.constraints import of
from regrowth.recipes._nemotron.rewards import Rater, overall

__all__ = ["JUDGES", "Agreement", "Judge", "Truth", "agreement", "believed", "comparisons", "known", "opinions"]

Judge: TypeAlias = Literal["truth", "model", "reward"]
JUDGES: tuple[Judge, ...] = ("truth", "model", "reward")
FEWEST = 20
"""Pairs on which a judge must meet the truth before it can be found to be at chance."""
LEAST = 0.1
"""Share of pairs that a judge has to decide: one that always says the same decides none in both orders."""

Truth: TypeAlias = Callable[[Record], bool | None]
"""Whether a program finds a reply right; nothing where no program can tell."""


def known(reply: Record) -> bool | None:
    """Return whether a reply has its prompt's answer and obeys its constraint; nothing where there is neither."""
    found = []
    if (constraint := of(reply)) is not None:
        found.append(constraint.check(reply.response) is None)
    if reply.target:
        found.append(manners.is_right(reply) or _answers(reply))
    return all(found) if found else None


def _answers(reply: Record) -> bool:
    try:
        exact_answer()(reply)
    except Rejected:
        return False
    return True


async def opinions(
    pair: Record, *, judge: Model, rater: Rater, criterion: str, style: Style, truth: Truth = known
) -> Record:
    """Return a pair with what each judge says of it, and the rewards of both its replies, as scores."""
    one, other = (replace(pair, response=side, rejected="", _id="") for side in (pair.response, pair.rejected))
    first, second = (await rater(one)).scores["reward"], (await rater(other)).scores["reward"]
    right = truth(one), truth(other)
    return pair.scored(
        truth=float(bool(right[0])) - float(bool(right[1])),
        model=await _preferred(pair, judge, criterion, style),
        reward=first - second,
        first=first,
        second=second,
    )


async def _preferred(pair: Record, judge: Model, criterion: str, style: Style) -> float:
    """Return the log-odds of the response; 0 if they depend on the order, or if the judge cannot read so much."""
    seed = pair.seed("compared")
    try:
        said = await compared(
            judge, pair.messages, pair.response, pair.rejected, criterion=criterion, style=style, seed=seed
        )
    except CallFailed:
        return 0.0
    return said.margin if said.consistent else 0.0


# How far they agree --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Agreement:
    """How a judge's verdicts fare beside those of the others."""

    decided: int
    undecided: int
    accuracy: Estimate | None
    """Share of its verdicts that the truth shares, where both decide; nothing where that is nowhere."""
    kappas: Mapping[str, Estimate]
    """Cohen's kappa with each other judge, where both decide."""


def agreement(pairs: Sequence[Record]) -> dict[str, Agreement]:
    """Return how far the judges of pairs agree, by judge."""
    verdicts: dict[str, list[int]] = {judge: [_sign(pair.scores[judge]) for pair in pairs] for judge in JUDGES}

    def both(one: str, other: str) -> list[tuple[int, int]]:
        return [(a, b) for a, b in zip(verdicts[one], verdicts[other], strict=True) if a and b]

    found: dict[str, Agreement] = {}
    for judge, said in verdicts.items():
        met = both(judge, "truth")
        found[judge] = Agreement(
            decided=sum(map(bool, said)),
            undecided=said.count(0),
            accuracy=proportion(sum(a == b for a, b in met), len(met)) if met else None,
            kappas={other: value for other in JUDGES if other != judge and (value := _kappa(both(judge, other)))},
        )
    return found


def _sign(value: float) -> int:
    return (value > 0) - (value < 0)


def _kappa(pairs: Sequence[tuple[int, int]]) -> Estimate | None:
    try:
        return kappa([one for one, _ in pairs], [other for _, other in pairs])
    except DataError:  # too few, or one label only
        return None


def believed(found: Mapping[str, Agreement], wanted: Sequence[str]) -> tuple[list[str], list[str]]:
    """Return which of the wanted judges may decide, and in words why the others may not.

    A judge is dropped that decides next to nothing (as one that always says A, in both orders), or whose agreement with
    the truth cannot be told from chance on the pairs where they meet.
    """
    trusted, dropped = [], []
    for judge in wanted:
        one = found[judge]
        every = max(1, one.decided + one.undecided)
        if judge != "truth" and one.decided / every < LEAST:
            dropped.append(f"{judge}: decides {one.decided} of {every} pairs in both orders alike")
        elif one.accuracy is not None and one.accuracy.n >= FEWEST and one.accuracy.low <= 0.5:
            right = one.accuracy
            dropped.append(
                f"{judge}: {right.value:.0%} [{right.low:.0%}, {right.high:.0%}] right, no better than chance"
            )
        else:
            trusted.append(judge)
    return trusted, dropped


# What the packaged model is taught -----------------------------------------------------------------------------------


def comparisons(count: int, criterion: str, weights: Mapping[str, float], *, seed: int) -> Iterator[Record]:
    """Yield comparisons of two replies to the toy world's questions, with the label that its program gives."""
    asked = manners.questions(min(count, 1200), seed=seed, split="train")
    for number in range(count):
        rng, question = Random(digest("compared", seed, number)), asked[number % len(asked)]
        one, other = (
            question.derive(response=manners.reply(question, manners.drawn(rng), rng=rng, slip=manners.SLIP))
            for _ in range(2)
        )
        gap = overall(manners.attributes(one), weights) - overall(manners.attributes(other), weights)
        prompt = comparing_prompt(question.messages, one.response, other.response, criterion=criterion, style="brief")
        if gap:
            yield Record.of(prompt, response="A" if gap > 0 else "B")
