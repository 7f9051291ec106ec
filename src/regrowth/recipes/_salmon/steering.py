"""A policy that is trained on the rewards of a model that reads principles.

The prompt's draw stands in its attribute `principles` and reaches every reply to it (`shared_draw`); the policy sees
the prompt alone. So what the principles ask for becomes its habit.

Source: SALMON (Sun et al., 2024, arXiv:2310.05910, section 3.3): principles at this time are others than those the
reward model was trained on, and interventions against known tricks are always asked. Departs from it in three points:
GRPO, RLOO or the best of n in place of PPO; one draw per prompt in place of one per reply; no reward for length.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

from regrowth.core.protocols import Estimate
from regrowth.core.record import Record
from regrowth.gates.traits import TRAITS
from regrowth.metrics.intervals import mean, paired_difference
from regrowth.models.model import RememberedModel
from regrowth.recipes._groups import Guards, shared_draw
from regrowth.recipes._rounds import Arm, Round
from regrowth.recipes._salmon.draws import Draw, asked
from regrowth.recipes._salmon.reward_model import Format
from regrowth.recipes.evaluation import MODES
from regrowth.run import Run
from regrowth.seeds.principles import Principle

__all__ = ["PENALTY", "Traits", "changes", "measured", "rewarded", "steered"]

PENALTY = 6.0
"""Taken off the reward of a reply that never ends, in log-odds; the paper's figure. Rewards of good replies are a few
above zero."""


@dataclass(frozen=True)
class Traits:
    """Hold the traits of a model's replies to held-out prompts."""

    of: Mapping[str, Mapping[str, tuple[float, ...]]]
    """By mode, by principle: one number per prompt, the more, the truer to the principle."""
    replies: Mapping[str, tuple[str, ...]]
    """By mode."""

    def estimate(self, mode: str, name: str) -> Estimate:
        """Estimate the mean of a trait."""
        return mean(self.of[mode][name])


def rewarded(arm: Arm, reward_model: RememberedModel, form: Format) -> Arm:
    """Return an arm whose reward is what the model says of a reply under the principles of its prompt."""

    async def reward(reply: Record) -> float:
        return await form.score(reward_model, reply.messages, reply.response, tuple(reply["principles"]))

    return replace(arm, reward=reward, guards=Guards(penalty=PENALTY))


async def steered(
    arm: Arm, prompts: Sequence[Record], wishes: Draw, principles: Sequence[Principle], *, interventions: bool = True
) -> list[Round]:
    """Train a policy in rounds, each on its part of the prompts; the last is the result.

    Args:
        arm: from `rewarded`; its settings say how many rounds.
        wishes: what is asked of its replies, some of them at a time.
        interventions: whether those tagged so are always asked besides.
    """
    rounds: list[Round] = []
    size = len(prompts) // arm.settings.rounds
    draw = partial(asked, wishes=wishes, principles=principles, interventions=interventions)
    for number in range(1, arm.settings.rounds + 1):
        fresh = prompts[(number - 1) * size : number * size]
        drawn = [shared_draw(prompt, lambda rng: list(draw(rng)), number=number) for prompt in fresh]
        rounds.append(await arm.round(rounds[-1].policy if rounds else arm.start, drawn, number))
    return rounds


async def measured(
    run: Run, model: RememberedModel, prompts: Sequence[Record], principles: Sequence[Principle], *, name: str
) -> Traits:
    """Measure the traits of a model's replies by programs, greedy and at T=1; principles without one are left out."""
    found: dict[str, dict[str, tuple[float, ...]]] = {}
    texts: dict[str, tuple[str, ...]] = {}
    for mode, sampling in MODES.items():

        async def reply(prompt: Record) -> str:
            return await model.ask(prompt.messages, sampling, seed=prompt.seed("evaluation"))  # noqa: B023

        said = await run.aeach(prompts, reply, name=f"{name}, {mode}")
        records = [prompt.derive(response=text) for prompt, text in zip(prompts, said, strict=False)]
        found[mode] = {one.id: tuple(map(TRAITS[one.verifier], records)) for one in principles if one.verifier}
        texts[mode] = tuple(said)
    return Traits(found, texts)


def changes(before: Traits, after: Traits) -> dict[str, dict[str, Estimate]]:
    """Return by how much each trait changed, by mode and principle, paired by prompt."""
    return {
        mode: {name: paired_difference(after.of[mode][name], values) for name, values in traits.items()}
        for mode, traits in before.of.items()
    }
