"""Reward-aware optimisation beside DPO on the same pairs, with graded rewards of the oracle, clean and flipped.

Each arm takes equal steps from one policy, whose own replies make the pairs, and is looked at twice: how far its
margins are from those that the rewards ask for (on held-out pairs), what it says, and how far it went.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from random import Random
from statistics import fmean
from typing import Any

from benchmarks.nemotron.rewarding import pairs_of
from benchmarks.nemotron.world import World
from regrowth.core.record import Record
from regrowth.models.model import RememberedModel
from regrowth.recipes._nemotron.selection import scale_of, turned
from regrowth.recipes._nemotron.strength import MODES
from regrowth.training.objectives import Objective, dpo, reward_aware, sft

__all__ = ["preferring"]

BETA, SURENESS = 1.0, 0.775
STEPS = (20, 50)
"""Steps between the looks."""
HELD_OUT = 150
FLIPPED = 0.2
"""Share of all pairs that are flipped, drawn from the half with the smaller gaps."""
HOW: Mapping[str, Any] = {"tokens_per_batch": 2048, "learning_rate": 5e-4, "warmup": 4, "carry": True}


def preferring(world: World) -> dict[str, Any]:
    """Train all arms and measure each at every look."""
    policy, every = world.teacher, ordered(world, pairs_of(world))
    held_out, pairs = every[:HELD_OUT], every[HELD_OUT:]
    scale = scale_of([one["reward_gap"] for one in pairs], SURENESS)
    objectives = {"dpo": dpo(beta=BETA), "rpo": reward_aware(beta=BETA, scale=scale), "sft": sft}
    looked_at = {"held out": held_out, "trained": pairs[:HELD_OUT]}
    known = {name: _logprobs(world, policy, records) for name, records in looked_at.items()}
    found: dict[str, Any] = {"pairs": len(pairs), "scale": scale, "start": world.marks(policy, "teacher")}
    for kind, records in (("clean", pairs), ("flipped", flipped(pairs, world.seed))):
        for name in objectives if kind == "clean" else ("dpo", "rpo"):
            arm = f"{name}, {kind}"
            found[arm] = [
                {
                    **{
                        part: calibration(one, known[part], _logprobs(world, model, one), scale)
                        for part, one in looked_at.items()
                    },
                    "reward": world.marks(model, f"{arm} {number}"),
                    "kl": drift(world, model, policy),
                }
                for number, model in enumerate(_climbed(world, policy, records, objectives[name], f"{name}-{kind}"), 1)
            ]
    return found


def ordered(world: World, pairs: Sequence[Record]) -> list[Record]:
    """Return the pairs whose rewards differ, the better reply first, in an order by chance that parts no prompt.

    Pairs of which a reply was cut at its token limit are left out.
    """
    graded = []
    for pair in pairs:
        if pair["cut"]:
            continue
        gap = world.truth(pair) - world.truth(replace(pair, response=pair.rejected, _id=""))
        scored = pair.scored(first=0.0, second=0.0)
        if gap > 0:
            graded.append(replace(scored, attributes={**pair.attributes, "reward_gap": gap}, _id=""))
        elif gap < 0:
            graded.append(turned(scored, {"reward_gap": -gap}))
    prompts = list(dict.fromkeys(pair.messages for pair in graded))
    Random(world.seed).shuffle(prompts)
    place = {messages: rank for rank, messages in enumerate(prompts)}
    return sorted(graded, key=lambda pair: place[pair.messages])


def flipped(pairs: Sequence[Record], seed: int) -> list[Record]:
    """Return the pairs, a fifth of them the wrong way round: all among the half with the smaller gaps."""
    small = sorted(range(len(pairs)), key=lambda place: pairs[place]["reward_gap"])[: len(pairs) // 2]
    wrong = set(Random(f"flipped {seed}").sample(small, round(FLIPPED * len(pairs))))
    return [turned(pair, {}) if place in wrong else pair for place, pair in enumerate(pairs)]


def _climbed(
    world: World, policy: RememberedModel, pairs: Sequence[Record], objective: Objective, name: str
) -> list[RememberedModel]:
    """Train on, part by part, always with the policy at its start as the reference."""
    models: list[RememberedModel] = []
    for number, steps in enumerate(STEPS):
        others = {"models": {"reference": policy}} if objective.models else {}
        how = {**HOW, "steps": steps, "warmup": 0 if models else HOW["warmup"], "seed": 10 * world.seed + number}
        start = models[-1] if models else policy
        models.append(world.fitted(start, pairs, name, objective=objective, **others, **how))
    return models


async def _logprob(model: RememberedModel, pair: Record) -> tuple[float, float]:
    """Return the log-probabilities of both replies of a pair, in nats."""
    sides = [await model.logprobs(pair.messages, side) for side in (pair.response, pair.rejected)]
    return math.fsum(sides[0]), math.fsum(sides[1])


def _logprobs(world: World, model: RememberedModel, pairs: Sequence[Record]) -> list[tuple[float, float]]:
    return world.run.wait(world.run.aeach(pairs, partial(_logprob, model), name="log-probabilities"))


def calibration(
    pairs: Sequence[Record], before: Sequence[tuple[float, float]], now: Sequence[tuple[float, float]], scale: float
) -> dict[str, float]:
    """Compare a = β·(gain_c - gain_r) with b = η·gap over pairs; the slope is that through the origin."""
    gains = [(mine[0] - theirs[0], mine[1] - theirs[1]) for mine, theirs in zip(now, before, strict=True)]
    a, b = [BETA * (one - other) for one, other in gains], [scale * one["reward_gap"] for one in pairs]
    small = sorted(range(len(pairs)), key=lambda place: b[place])[: len(pairs) // 3]
    return {
        "slope": math.fsum(x * y for x, y in zip(a, b, strict=True)) / math.fsum(y * y for y in b),
        "distance": math.sqrt(fmean((x - y) ** 2 for x, y in zip(a, b, strict=True))),
        "accuracy": fmean(float(x > 0) for x in a),
        "small gaps": fmean(a[place] for place in small),
        "small gaps ask": fmean(b[place] for place in small),
        "chosen gain": fmean(one for one, _ in gains),
        "rejected gain": fmean(other for _, other in gains),
    }


def drift(world: World, model: RememberedModel, policy: RememberedModel) -> float:
    """Estimate the KL from the policy at its start, in nats per reply, on the replies that are marked at T=1."""

    async def gap(prompt: Record) -> float:
        drawn = await model.generate(prompt.messages, MODES["T=1"], seed=prompt.seed("evaluation"))
        if not drawn.text:
            return 0.0
        ours, theirs = [math.fsum(await one.logprobs(prompt.messages, drawn.text)) for one in (model, policy)]
        return ours - theirs

    return fmean(world.run.wait(world.run.aeach(world.unseen, gap, name="drift")))
