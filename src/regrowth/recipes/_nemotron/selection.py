"""What is trained on: replies that the reward model rates well, and pairs whose order is sure.

One pair on its way:
    prompt        "Tom has 3 pens and buys 4. How many pens?"
    response      "Gladly. First 3 + 4 = 7. So 7."        # two of the replies to a prompt, by chance
    rejected      "Maybe 8."                              # judged, and put in order
    attributes    {"reward_gap": 3.1, "decided_by": "truth", …}
    parents       (…, the prompt, the better reply, the worse reply)

Source: Nemotron-4 (Adler et al., 2024, arXiv:2406.11704, section 3): dialogues below a reward are dropped; DPO sees
pairs whose chosen reply is rated high, RPO more of them. Ours: a gap within the reward model's own error tells nothing,
so such pairs are dropped; the scale of the gaps is set by what they ask for on average.
"""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from random import Random
from typing import Self

from pydantic import Field, FiniteFloat, NonNegativeFloat, PositiveInt

from regrowth.core.errors import DataError, Rejected
from regrowth.core.protocols import Sampling
from regrowth.core.record import Record, digest
from regrowth.core.settings import Frozen
from regrowth.recipes._nemotron.judges import Judge
from regrowth.recipes._nemotron.rewards import complete, labels, overall

__all__ = ["SelectionSettings", "above", "best_of", "best_share", "candidates", "decided", "real_replies", "scale_of"]


SMALL, LARGE = 64, 1024
"""Tokens of a reply, at most, in the toy world and elsewhere."""


class SelectionSettings(Frozen):
    """Say how many replies are drawn, and which of them are worth training on."""

    samples: PositiveInt = 4
    """Replies to each prompt, drawn at temperature 1."""
    tokens: PositiveInt | None = None
    """Of a reply, at most; unless it is said, 64 in the toy world and 1,024 elsewhere."""
    least: FiniteFloat = 4.5
    """Reward below which a reply or a dialogue is not trained on."""
    real: PositiveInt = 200
    """People's replies, of those that their labels rate high enough, that stay in every mix; chance decides which."""
    least_gap: NonNegativeFloat = 0.5
    """Gap of the rewards below which a pair tells nothing, in typical errors of the reward model's gaps."""
    judges: tuple[Judge, ...] = ("truth", "reward")
    """Who decides a pair, the first that can: `truth`, `model`, `reward`. All three are measured."""
    dpo_best: float = Field(default=0.6, gt=0, le=1)
    """Share of the pairs that DPO is trained on: those whose chosen reply is rated best."""
    rpo_best: float = Field(default=0.9, gt=0, le=1)
    """The same of reward-aware optimisation, which can do with worse."""
    sureness: float = Field(default=0.775, gt=0.5, lt=1)
    """Mean probability, over the pairs, with which the better reply is to be preferred: sets the scale of the gaps."""

    def sized(self, *, small: bool) -> Self:
        """Return the settings with the tokens of a reply."""
        return self if self.tokens else self.model_copy(update={"tokens": SMALL if small else LARGE})

    @property
    def modes(self) -> Mapping[str, Sampling]:
        """Return how a model is marked: greedy, and as it is, which is also how replies are drawn."""
        tokens = self.tokens or SMALL
        return {
            "greedy": Sampling(temperature=0.0, max_tokens=tokens),
            "T=1": Sampling(temperature=1.0, max_tokens=tokens),
        }


def real_replies(people: Sequence[Record], weights: Mapping[str, float], choice: SelectionSettings) -> list[Record]:
    """Return replies that people rated high enough, as many as stay in every mix; chance decides which."""
    good = [one for one in people if complete(one, weights) and overall(labels(one), weights) >= choice.least]
    return sorted(good, key=lambda one: digest("real", one.id))[: choice.real]


def above(least: float) -> Callable[[Record], Record]:
    """Return the gate on the score `reward`; what was cut off at its last allowed token is refused too."""

    def well_rated(record: Record) -> Record:
        if record.attributes.get("cut"):
            raise Rejected("well_rated", "cut at its token limit")
        if (reward := record.scores["reward"]) < least:
            raise Rejected("well_rated", f"reward {reward:.2f}, at least {least:g}")
        return record

    return well_rated


def best_of(replies: Iterable[Record]) -> list[Record]:
    """Return the reply with the highest reward to each prompt; of equals the first."""
    return [max(group, key=_reward) for group in _grouped(replies).values()]


def candidates(replies: Iterable[Record], *, seed: int = 0) -> list[Record]:
    """Return the different replies to each prompt paired off by chance, so that no judge has chosen what it judges."""
    pairs = []
    for prompt, group in _grouped(replies).items():
        different = list({reply.response: reply for reply in group if reply.response}.values())
        Random(f"{seed} {prompt}").shuffle(different)
        pairs += [_paired(one, other) for one, other in zip(different[::2], different[1::2], strict=False)]
    return pairs


def _grouped(replies: Iterable[Record]) -> Mapping[str, list[Record]]:
    groups: dict[str, list[Record]] = {}
    for reply in replies:
        groups.setdefault(reply.parents[-1], []).append(reply)
    return groups


def _reward(reply: Record) -> float:
    return reply.scores["reward"]


def _paired(one: Record, other: Record) -> Record:
    cut = [side for side, reply in (("response", one), ("rejected", other)) if reply.attributes.get("cut")]
    return one.derive(
        rejected=other.response, attributes={"cut": cut}, parents=(*one.parents, one.id, other.id), scores={}
    )


def decided(pair: Record, *, judges: Sequence[str], least_gap: float) -> Record:
    """Return a judged pair with the better reply as its response and the gap of the rewards as `reward_gap`.

    Raises:
        Rejected: no judge can tell; the reward model holds the other reply for better; its gap is within its error.
    """
    judge = next((name for name in judges if pair.scores[name]), None)
    if judge is None:
        raise Rejected("decided", f"no verdict of {', '.join(judges) or 'any judge'}")
    gap = pair.scores["reward"] if pair.scores[judge] > 0 else -pair.scores["reward"]
    if gap < 0:
        raise Rejected("decided", f"{judge} prefers one reply, the reward model the other by {-gap:.2f}")
    if gap < least_gap or not gap:
        raise Rejected("sure", f"a gap of {gap:.2f} is within the reward model's error, {least_gap:.2f}")
    facts = {"reward_gap": gap, "decided_by": judge}
    if pair.scores[judge] > 0:
        return replace(pair, attributes={**pair.attributes, **facts}, origin="synthetic", _id="")
    return turned(pair, facts)


def turned(pair: Record, facts: Mapping[str, object]) -> Record:
    """Return a pair the other way round, with further attributes."""
    names = {"response": "rejected", "rejected": "response"}
    cut = [names[side] for side in pair.attributes.get("cut", ())]
    *before, one, other = pair.parents
    scores = {**pair.scores, "first": pair.scores["second"], "second": pair.scores["first"]}
    return replace(
        pair,
        response=pair.rejected,
        rejected=pair.response,
        attributes={**pair.attributes, **facts, "cut": cut},
        parents=(*before, other, one),
        scores=scores,
        _id="",
    )


def best_share(pairs: Sequence[Record], share: float) -> list[Record]:
    """Return the share of pairs whose chosen reply is rated best, in their order; one at least."""
    wanted = max(1, round(share * len(pairs)))
    ranked = sorted(range(len(pairs)), key=lambda place: -pairs[place].scores["first"])
    return [pairs[place] for place in sorted(ranked[:wanted])]


def scale_of(gaps: Sequence[float], sureness: float) -> float:
    """Return the scale η at which the mean of σ(η · gap) over pairs is `sureness`.

    Raises:
        DataError: there are no gaps, or so many are zero that no scale does it.
    """
    if not gaps or (ceiling := sum(1.0 if gap > 0 else 0.5 for gap in gaps) / len(gaps)) <= sureness:
        told = f"at most {ceiling:.3f}" if gaps else "there are none"
        raise DataError(f"No scale of {len(gaps)} reward gaps makes the mean label {sureness:g}: {told}.")
    low, high = 0.0, 1.0
    while _label(gaps, high) < sureness:
        high *= 2
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if _label(gaps, middle) < sureness else (low, middle)
    return high


def _label(gaps: Sequence[float], scale: float) -> float:
    return math.fsum(1 / (1 + math.exp(-scale * gap)) for gap in gaps) / len(gaps)
