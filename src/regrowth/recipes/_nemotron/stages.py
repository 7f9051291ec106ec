"""The stages of an alignment: code and maths, then everything; then pairs by their order, then pairs by their gaps.

    code-and-maths → general (with a share of the first again) → dpo → rpo-1 → rpo-2

Each starts from the weights of the one before, which are also its reference: never an older checkpoint.
Source: Nemotron-4 (Adler et al., 2024, arXiv:2406.11704, section 3.3). Its rates and weights are those of a model with
340 billion parameters; ours suit a few million.
"""

from collections.abc import Sequence
from dataclasses import replace
from random import Random
from typing import TYPE_CHECKING

from pydantic import Field, NonNegativeFloat, NonNegativeInt, PositiveFloat, PositiveInt

from regrowth.core.dataset import Dataset
from regrowth.core.record import Record, digest
from regrowth.core.settings import Frozen
from regrowth.models.model import RememberedModel
from regrowth.recipes._nemotron.selection import SelectionSettings, best_share, scale_of
from regrowth.run import Run
from regrowth.training.settings import TrainingSettings

if TYPE_CHECKING:
    from regrowth.training.objectives import Objective

__all__ = ["FIRST", "StageSettings", "aligned", "fine_tuned", "preferring", "trained_on"]

FIRST = ("code", "maths")
"""Kinds of prompts whose replies are learnt first."""


class StageSettings(Frozen):
    """Say how long and how fast each stage is trained."""

    steps: PositiveInt = 180
    """Steps of the general fine-tuning; code and maths take half as many."""
    tokens: PositiveInt = 2048
    """Of a step, in every stage."""
    learning_rate: PositiveFloat = 3e-3
    """Of both fine-tunings, at its peak. 3e-3 suits a million weights, which at 1e-3 keep on writing garbage; 1e-5 some
    billions."""
    replay: float = Field(default=0.1, ge=0, le=1)
    """Share of code and maths in the general stage; the paper's is 2 % of the first data."""
    preference_steps: PositiveInt = 20
    """Steps of DPO, and of each round of reward-aware optimisation."""
    preference_rate: PositiveFloat = 2e-4
    beta: PositiveFloat = 0.3
    """What distance from the reference costs; of DPO and of reward-aware optimisation."""
    sft_weight: NonNegativeFloat = 0.01
    """Of the chosen replies' mean negative log-likelihood per token, beside the preference. NeMo-Aligner's is a sum
    over the reply: its weight times the mean length is ours."""
    rpo: NonNegativeInt = 2
    """Rounds of reward-aware optimisation."""
    seed: NonNegativeInt = 0


async def fine_tuned(
    run: Run, base: RememberedModel, data: Sequence[Record] | Dataset, settings: StageSettings, *, name: str
) -> RememberedModel:
    """Return the base after both fine-tunings: code and maths, then the rest with some of them again.

    Where one of the two has no records there is one stage. The last one ends on a cosine: at a rate that stays, more of
    what is written is garbage.
    """
    from regrowth.training.phases import Phase  # torch, on first use

    parts = {f"{name}-first": [one for one in data if one.attributes.get("kind") in FIRST]}
    parts[f"{name}-general"] = [one for one in data if one.attributes.get("kind") not in FIRST]
    plan = [
        Phase(
            part,
            run.write(part, records),
            settings=trained_on(settings, settings.steps if part.endswith("general") else -(-settings.steps // 2)),
        )
        for part, records in parts.items()
        if records
    ]
    plan[1:] = [replace(one, replay=settings.replay) for one in plan[1:]]
    plan[-1] = replace(plan[-1], settings=plan[-1].settings.model_copy(update={"schedule": "cosine"}))
    return (await run.afit_phases(base, plan))[-1]


def trained_on(settings: StageSettings, steps: int, rate: float | None = None) -> TrainingSettings:
    """Return the settings of one stage; its rate climbs for a fifth of the steps, and then stays."""
    return TrainingSettings(
        steps=steps,
        tokens_per_batch=settings.tokens,
        learning_rate=rate or settings.learning_rate,
        warmup=min(10, steps // 5),
        seed=settings.seed,
    )


async def preferring(
    run: Run,
    model: RememberedModel,
    pairs: Sequence[Record],
    objective: "Objective",
    settings: StageSettings,
    name: str,
) -> RememberedModel:
    """Return a model after one stage of preferences; the reference is the model as it comes in."""
    how = trained_on(settings, settings.preference_steps, settings.preference_rate)
    return await run.afit(model, run.write(f"{name}-pairs", pairs), how, objective=objective, name=name)


async def aligned(
    run: Run, model: RememberedModel, pairs: Sequence[Record], settings: StageSettings, choice: SelectionSettings
) -> dict[str, RememberedModel]:
    """Return the models after DPO and after each round of reward-aware optimisation, by the name of the stage.

    Args:
        pairs: decided, with `reward_gap`. They are shared out among the rounds, so that none sees one twice.
        choice: which of them each stage takes, and how sure they are on average.
    """
    from regrowth.training.objectives import dpo, reward_aware  # torch, on first use

    ordered = dpo(beta=settings.beta, sft_weight=settings.sft_weight)
    stages = {"dpo": await preferring(run, model, best_share(pairs, choice.dpo_best), ordered, settings, "dpo")}
    looser = best_share(pairs, choice.rpo_best)
    scale = scale_of([pair["reward_gap"] for pair in looser], choice.sureness)
    graded = reward_aware(beta=settings.beta, scale=scale, sft_weight=settings.sft_weight)
    for number, part in enumerate(shared_out(looser, settings.rpo, settings.seed), 1):
        before = list(stages.values())[-1]
        stages[f"rpo-{number}"] = await preferring(run, before, part, graded, settings, f"rpo-{number}")
    return stages


def shared_out(pairs: Sequence[Record], parts: int, seed: int) -> list[list[Record]]:
    """Return pairs in parts of like size, drawn without replacement; parts that would be empty are left out."""
    order = list(pairs)
    Random(digest("rpo", seed)).shuffle(order)
    return [part for number in range(parts) if (part := order[number::parts])]
