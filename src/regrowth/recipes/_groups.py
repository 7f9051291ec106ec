"""What happens to the replies of one round between drawing and training: guards, groups, lessons. All of it is pure.

One group on its way (four replies to one prompt):
    responses    "3 + 4 = 7"   "3 + 4 = 8"   "3 + 4 = 7"   "3 + 4 = 7 + 4 = 7 + 4 = 7 + …"     # cut at max_tokens
    judged        1             0             1             0
    reward        1             0             1            -1                                # cut, and repetitive
    advantage    +0.78         -0.26         +0.78         -1.31                             # its lesson, for `grpo`

Advantages and reward gaps are written into *attributes*: these are part of a record's identity, scores are not, and two
lessons that differ in nothing but their rewards must not be taken for each other by `fit`.
"""

import inspect
import math
import random
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from statistics import fmean
from typing import Literal, TypeAlias

from pydantic import Field, NonNegativeFloat

from regrowth.core.protocols import Model
from regrowth.core.record import Json, Record
from regrowth.core.settings import Frozen
from regrowth.training.advantages import Advantages, group_relative, leave_one_out

__all__ = [
    "Groups",
    "Guards",
    "Lesson",
    "Reward",
    "accepted",
    "beside_siblings",
    "best_and_worst",
    "by_chance",
    "distance",
    "facts",
    "grouped",
    "judge",
    "repeated",
    "scaled",
    "shared_draw",
]

Reward: TypeAlias = Callable[[Record], float | Awaitable[float]]
"""Judges one reply; asked for every reply of a group by itself. Whatever is random in it must come with the prompt
(`shared_draw`), or replies are told apart by luck. NaN says that it does not know."""
Groups: TypeAlias = Mapping[str, Sequence[Record]]
"""Judged replies by the id of their prompt."""
Lesson: TypeAlias = Callable[[Groups], list[Record]]
"""What is trained on, out of the replies of a round."""

GRAM = 4
"""Words of the runs that are counted as repeated."""
FEWEST = 16
"""Runs below which nothing is called repetitive: right answers as short as `8 8 8 8` repeat themselves too."""


class Guards(Frozen):
    """Say what is done against replies that never end or go round in circles."""

    unfinished: Literal["penalise", "mask"] = "penalise"
    """A reply that was cut at its last allowed token: `penalise` takes `penalty` off its reward; `mask` keeps it out of
    the group, its reward is not known."""
    penalty: NonNegativeFloat = 0.5
    """Taken off the reward of a cut reply, and as much again off that of a repetitive one. Rewards are about 0 to 1."""
    repeats: float = Field(default=0.5, ge=0, le=1)
    """Share of repeated runs of four words above which a reply is repetitive; 1 allows everything."""


def shared_draw(
    prompt: Record, draw: Callable[[random.Random], Json], *, name: str = "principles", number: int = 0
) -> Record:
    """Return the prompt with a random draw as an attribute, the same for all replies that are drawn to it.

    The random numbers follow from the prompt and `number`, the round. Call it before replies are drawn: they inherit
    the attribute, and with it the id of a prompt of this draw.
    """
    drawn = draw(random.Random(prompt.seed("draw", name, number)))
    return prompt.derive(attributes={name: drawn}, origin=prompt.origin)


# Judging ------------------------------------------------------------------------------------------------------------


async def judge(
    reply: Record, policy: Model, start: Model, *, reward: Reward, guards: Guards, measured: int = 1
) -> Record:
    """Return a reply with its scores: what the reward says, what the guards make of it, how far the policy has come.

    `judged`, `reward`      of the reward function, and after the guards; absent where they are not known
    `cut`, `repetitive`     1 or 0
    `kl`, `k3`, `tokens`    log policy - log start of the whole reply, the sum of k3 over its tokens, in nats, and how
                            many they are: for the first `measured` replies to a prompt only
    `other`                 1 if these are not as many tokens as were drawn: its text stands for others, too
    """
    found = reward(reply)
    judged = float(await found if inspect.isawaitable(found) else found)
    repetitive = repeated(reply.response) > guards.repeats
    cut = bool(reply.attributes.get("cut"))
    taken = guards.penalty * (repetitive + (cut and guards.unfinished == "penalise"))
    unknown = math.isnan(judged) or (cut and guards.unfinished == "mask")
    known = {} if math.isnan(judged) else {"judged": judged}
    known |= {} if unknown else {"reward": judged - taken}
    far = await distance(reply, policy, start) if reply["sample"] < measured else {}
    return reply.scored(**known, cut=float(cut), repetitive=float(repetitive), **far)


async def distance(reply: Record, policy: Model, start: Model) -> dict[str, float]:
    """Return the log-ratio of a reply under two models, its k3 and its length. An end that was not drawn is left out.

    Source of k1, k2, k3: Schulman, 2020, "Approximating KL divergence".
    """
    ours = await policy.logprobs(reply.messages, reply.response)
    theirs = ours if policy.digest == start.digest else await start.logprobs(reply.messages, reply.response)
    end = -1 if reply.attributes.get("cut") else None
    gaps = [one - other for one, other in zip(ours[:end], theirs[:end], strict=True)]
    drawn = reply.scores.get("drawn", len(gaps))
    return {
        "kl": math.fsum(gaps),
        "k3": math.fsum(math.expm1(-gap) + gap for gap in gaps),
        "tokens": float(len(gaps)),
        "other": float(drawn != len(gaps)),
    }


def repeated(text: str) -> float:
    """Return the share of runs of four words that occurred before in a text; 0 for a text with few of them."""
    words = text.split()
    runs = [tuple(words[start : start + GRAM]) for start in range(len(words) - GRAM + 1)]
    return 1 - len(set(runs)) / len(runs) if len(runs) >= FEWEST else 0.0


# Groups and what they teach -----------------------------------------------------------------------------------------


def grouped(replies: Iterable[Record]) -> Groups:
    """Sort replies by the prompt they were drawn to."""
    groups: dict[str, list[Record]] = {}
    for reply in replies:
        groups.setdefault(reply.parents[-1], []).append(reply)
    return groups


def rewards(groups: Groups) -> list[list[float]]:
    """Return the rewards by group; NaN where they are not known."""
    return [[reply.scores.get("reward", math.nan) for reply in group] for group in groups.values()]


def by_chance(groups: Groups, seed: int) -> Groups:
    """Deal the rewards of each group out anew among its replies: a control that has nothing to learn from."""
    dealt = {}
    for prompt, group in groups.items():
        known = [reply for reply in group if "reward" in reply.scores]
        found = [reply.scores["reward"] for reply in known]
        random.Random(f"{seed} {prompt}").shuffle(found)
        dealt[prompt] = [reply.scored(reward=value) for reply, value in zip(known, found, strict=True)]
    return dealt


def scaled(groups: Groups) -> list[Record]:
    """Return the lesson of GRPO: replies with their group-relative advantages."""
    return _advantaged(groups, group_relative(rewards(groups)))


def beside_siblings(groups: Groups, *, kl_weight: float) -> list[Record]:
    """Return the lesson of RLOO: replies with their leave-one-out advantages, kl_weight · KL taken off the rewards."""
    if not kl_weight:
        return _advantaged(groups, leave_one_out(rewards(groups)))
    kl = [[reply.scores["kl"] for reply in group] for group in groups.values()]
    return _advantaged(groups, leave_one_out(rewards(groups), kl, kl_weight))


def _advantaged(groups: Groups, found: Advantages) -> list[Record]:
    """Return the replies that have an advantage; the others have nothing to teach (DAPO, arXiv:2503.14476)."""
    return [
        reply.derive(attributes={"advantage": value})
        for group, values in zip(groups.values(), found.values, strict=True)
        for reply, value in zip(group, values, strict=True)
        if value
    ]


def best_and_worst(groups: Groups) -> list[Record]:
    """Return the best and the worst reply of each group as a pair; of equals the first that was drawn.

    A group whose rewards are all equal makes none.
    """
    pairs = []
    for group in groups.values():
        known = [reply for reply in group if "reward" in reply.scores]
        best, worst = (pick(known, key=_reward, default=None) for pick in (max, min))
        if best is not None and worst is not None and _reward(best) > _reward(worst):
            pairs.append(_pair(best, worst))
    return pairs


def _reward(reply: Record) -> float:
    return reply.scores["reward"]


def _pair(best: Record, worst: Record) -> Record:
    cut = [side for side, reply in (("response", best), ("rejected", worst)) if reply.attributes.get("cut")]
    return best.derive(
        rejected=worst.response,
        attributes={"reward_gap": _reward(best) - _reward(worst), "cut": cut},
        parents=(*best.parents, best.id, worst.id),
    )


def accepted(groups: Groups) -> list[Record]:
    """Return the lesson of rejection sampling: replies judged 1 that ended, each text once per prompt."""
    kept: dict[tuple[str, str], Record] = {}
    for prompt, group in groups.items():
        for reply in group:
            if reply.scores.get("judged", 0.0) >= 1 and not reply.scores["cut"]:
                kept.setdefault((prompt, reply.response), reply)
    return list(kept.values())


def facts(groups: Groups, asked: int) -> dict[str, float]:
    """Sum up a round: means over replies, shares of groups; `asked` prompts were given, some may be lost."""
    replies = [reply for group in groups.values() for reply in group]
    if not replies:
        return {"lost": float(asked)}
    means = {
        name: fmean(values)
        for name in ("judged", "reward", "cut", "repetitive", "drawn", "other", "tokens", "kl", "k3")
        if (values := [reply.scores[name] for reply in replies if name in reply.scores])
    }
    signals = [len({value for value in group if not math.isnan(value)}) > 1 for group in rewards(groups)]
    per_token = {f"{name}_per_token": means[name] / max(1.0, means["tokens"]) for name in ("kl", "k3") if name in means}
    return {
        **means,
        **per_token,
        "signal": fmean(signals),
        "constant": float(len(signals) - sum(signals)),
        "unknown": float(sum("reward" not in reply.scores for reply in replies)),
        "lost": float(asked - len(groups)),
    }
