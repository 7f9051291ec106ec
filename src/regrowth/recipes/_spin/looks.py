"""What a model does with held-out gold records, and whether its answers can be told from the gold.

    look = await look_at(run, model, gold.aside, right, sampling, name="spin, round 1")
    look.figures()          # nll 2.31, greedy 0.41, T=1 0.30, entropy 1.90, length 1.02, distinct 0.44, …
    await told_apart(run, gold.aside, before, after, model, name="…")         # AUC 0.61 [0.57, 0.65]

A round trains the model to tell gold from the answers of its start, by the implicit reward log p - log p_start. Where
that no longer works on prompts it never saw (AUC 0.5), there is nothing left to play for.
"""

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import NamedTuple

from regrowth.core.errors import CallFailed
from regrowth.core.protocols import Estimate, Model, Sampling
from regrowth.core.record import Record
from regrowth.metrics.agreement import auc
from regrowth.models.model import RememberedModel
from regrowth.recipes._spin.pairs import Right
from regrowth.recipes.evaluation import Marks
from regrowth.run import Run

__all__ = ["Look", "Seen", "look_at", "told_apart"]


class Seen(NamedTuple):
    """What a model does with one gold record. Log-probabilities are of whole answers, in nats."""

    gold: float
    gold_tokens: int
    text: str
    """Its own answer at T=1."""
    cut: bool
    own: float
    """Log-probability of that answer; NaN where the context does not hold it once more."""
    own_tokens: int
    greedy: bool
    """Whether its most likely answer is right."""
    sampled: bool
    """Whether its own answer at T=1 is."""


@dataclass(frozen=True, slots=True)
class Look:
    """Hold what a model does with held-out records, in their order."""

    seen: tuple[Seen, ...]

    @property
    def gold(self) -> list[float]:
        """Return the log-probability of every gold answer."""
        return [one.gold for one in self.seen]

    @property
    def own(self) -> list[float]:
        """Return the log-probability of its own answers, where it is known."""
        return [one.own for one in self.seen if not math.isnan(one.own)]

    @property
    def right(self) -> list[float]:
        """Return the share of right answers to every prompt, both modes together."""
        return [(one.greedy + one.sampled) / 2 for one in self.seen]

    @property
    def marks(self) -> Marks:
        """Return right or wrong by mode."""
        return Marks(
            {
                "greedy": tuple(int(one.greedy) for one in self.seen),
                "T=1": tuple(int(one.sampled) for one in self.seen),
            }
        )

    def figures(self) -> dict[str, float]:
        """Return means over the records.

        nll: nats per gold answer; the oracle's, where the gold is the only answer, is 0, so it is the gap as well.
        entropy: nats per own answer. length: own tokens per gold token. distinct: of two words in a row, the share
        that is new. plain: AUC of log p, gold against own answers (0.5 where the gold might be its own).
        """
        told = {
            "nll": -fmean(self.gold),
            "greedy": fmean(one.greedy for one in self.seen),
            "T=1": fmean(one.sampled for one in self.seen),
            "entropy": -fmean(self.own or [0.0]),
            "length": sum(one.own_tokens for one in self.seen) / sum(one.gold_tokens for one in self.seen),
            "distinct": _distinct([one.text for one in self.seen]),
            "cut": fmean(one.cut for one in self.seen),
            "unmeasured": len(self.seen) - len(self.own),
        }
        if len(self.own) > 1:
            told["plain"] = auc(self.own, self.gold).value
        return told


async def look_at(
    run: Run, model: RememberedModel, gold: Sequence[Record], right: Right, sampling: Sampling, *, name: str
) -> Look:
    """Measure gold answers under a model, and have it answer their prompts: greedy, and once at temperature 1."""
    greedy = Sampling(temperature=0.0, max_tokens=sampling.max_tokens)

    async def seen(record: Record) -> Seen:
        known = await model.logprobs(record.messages, record.response)
        best = await model.generate(record.messages, greedy, seed=0)
        drawn = await model.generate(record.messages, sampling, seed=record.seed("look"))
        cut = drawn.finish == "length"
        own = await _summed(model, record, drawn.text, cut)
        verdicts = [await right(record, one.text) for one in (best, drawn)]
        return Seen(sum(known), len(known), drawn.text, cut, own, drawn.tokens, *verdicts)

    return Look(tuple(await run.aeach(gold, seen, name=name)))


async def told_apart(
    run: Run, gold: Sequence[Record], before: Look, after: Look, model: RememberedModel, *, name: str
) -> Estimate | None:
    """Estimate how well `model` tells gold from the answers of an earlier one, by its gain in log p: an AUC.

    Args:
        before: of the earlier model, whose answers at T=1 stand against the gold.
        after: of `model`, on the same records.
    """

    async def gain(pair: tuple[Record, Seen]) -> float:
        record, seen = pair
        return await _summed(model, record, seen.text, seen.cut) - seen.own

    pairs = list(zip(gold, before.seen, strict=False))
    generated = [value for value in await run.aeach(pairs, gain, name=name) if not math.isnan(value)]
    real = [now - then for now, then in zip(after.gold, before.gold, strict=True)]
    return auc(generated, real) if len(generated) > 1 else None


async def _summed(model: Model, record: Record, text: str, cut: bool) -> float:
    """Return the log-probability of an answer; one that was cut has no end token, and may fill the context without."""
    try:
        known = await model.logprobs(record.messages, text)
    except CallFailed:
        return math.nan
    return sum(known[:-1] if cut else known)


def _distinct(texts: Sequence[str]) -> float:
    twos = [two for text in texts for words in (text.split(),) for two in itertools.pairwise(words)]
    return len(set(twos)) / max(1, len(twos))
