"""One preference out of several judgements: drawn principles, each on the same scale, summed up.

    judgements     kind +1 (σ 0.8)    concise -9 (σ 4.5)        # of the first reply, see `judging`
    draw           kind, -concise
    z · sign       +1.25              +2.0
    preferred      the first, by a margin of 3.25

Source: SALMON (Sun et al., 2024, arXiv:2310.05910, section 3.2). Departs from its code in three points: judgements
are divided by their standard deviation (there: by the variance, which lets principles of small spread rule); the
label is the sign of the weighted sum (there: of the largest; `dominant` does that); margins are kept.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Literal, TypeAlias

from regrowth.core.errors import DataError
from regrowth.core.record import Record
from regrowth.recipes._salmon.draws import Draw, drawn, sides
from regrowth.recipes._salmon.judging import judgement
from regrowth.seeds.principles import Principle

__all__ = ["Aggregate", "Scale", "Scales", "labelled", "scales", "verdict"]

Aggregate: TypeAlias = Literal["sum", "dominant"]
Scale: TypeAlias = Literal["deviation", "variance"]


@dataclass(frozen=True, slots=True)
class Scales:
    """Hold what judgements are divided by, and how much each counts."""

    of: Mapping[str, float]
    """Spread of the judgements by principle; one that never tells two replies apart is not in it."""
    weights: Mapping[str, float]

    def judged(self, pair: Record, draw: Draw) -> dict[str, float]:
        """Return what each principle of a draw says for the first reply, in standard deviations times its weight."""
        return {
            name: sign * self.weights[name] * judgement(pair, name) / self.of[name]
            for name, sign in sides(draw)
            if name in self.of
        }


def scales(pairs: Sequence[Record], principles: Sequence[Principle], *, by: Scale = "deviation") -> Scales:
    """Measure the spread of the judgements around zero: which reply stands first is chance.

    Args:
        by: `variance` is what the authors' code divides by.
    """
    found = {}
    for one in principles:
        variance = math.fsum(judgement(pair, one.id) ** 2 for pair in pairs) / max(1, len(pairs))
        if variance:
            found[one.id] = variance if by == "variance" else math.sqrt(variance)
    return Scales(found, {one.id: one.weight for one in principles})


def verdict(judged: Mapping[str, float], aggregate: Aggregate = "sum") -> float:
    """Return by how much the first reply is preferred; below zero, the second is; 0 is a tie."""
    if aggregate == "dominant":
        return max(judged.values(), key=abs, default=0.0)
    total = math.fsum(judged.values())
    return total if abs(total) > 1e-9 else 0.0


def labelled(
    pairs: Sequence[Record],
    principles: Sequence[Principle],
    spread: Scales,
    *,
    most: int,
    draws: int,
    aggregate: Aggregate = "sum",
    noise: float = 0.0,
    rehearsal: bool = False,
) -> Iterator[Record]:
    """Yield preferences: each pair under several draws of principles, without ties.

    The draw stands in the attribute `principles`, the better reply in `response`. Messages are those of the prompt:
    `reward_model.conditioned` adds the principles.

    Args:
        most: principles in a draw, at most.
        noise: probability that a label is turned round.
        rehearsal: prefer the first of a tie; a preview's few pairs may hold nothing else.

    Raises:
        DataError: no principle tells any two replies apart.
    """
    usable = [one for one in principles if rehearsal or one.id in spread.of]
    if not usable:
        raise DataError(
            f"{len(pairs)} pairs, and no principle tells the two replies of any apart. Give more pairs, or a model "
            "whose replies differ."
        )
    for pair in pairs:
        for number in range(draws):
            rng = Random(pair.seed("principles", number))
            draw = drawn(rng, usable, most=most)
            margin = verdict(spread.judged(pair, draw), aggregate) or float(rehearsal)
            if margin:
                yield preferred(pair, draw, -margin if rng.random() < noise else margin)


def preferred(pair: Record, draw: Draw, margin: float) -> Record:
    """Return a pair with the better reply in `response`: the first, if the margin is above zero."""
    better, worse = (pair.response, pair.rejected) if margin > 0 else (pair.rejected, pair.response)
    cut = list(pair["cut"])
    if margin < 0:
        cut = [{"response": "rejected", "rejected": "response"}[side] for side in cut]
    kept = {name: value for name, value in pair.attributes.items() if name not in ("program", "judge")}
    told = {**kept, "cut": cut, "principles": list(draw), "margin": abs(margin)}
    return Record(
        messages=pair.messages,
        response=better,
        rejected=worse,
        attributes=told,
        origin="synthetic",
        parents=(*pair.parents, pair.id),
    )
