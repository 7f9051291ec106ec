"""What a training minimises: one pure function per method.

An objective sees log-probabilities of the trained tokens, padding-free, and returns its share of the step's loss. A
further method is one more function. Unlikelihood of the worse replies (Welleck et al., 2019, arXiv:1908.04319):

    def unlikelihood(view: View) -> Loss:
        bad = view["rejected"]
        unlikely_N = torch.log1p(-bad.logprobs_N.exp().clamp(max=1 - 1e-6))
        return Loss(-unlikely_N.sum() / bad.tokens_in_step)

    train(weights, records, Objective("unlikelihood", unlikelihood, sides=("rejected",)), ...)
"""

import difflib
import inspect
from collections.abc import Callable, Mapping
from typing import Any

from pydantic import ConfigDict, ValidationError, validate_call

from regrowth.core.errors import SettingsError
from regrowth.training.objectives.likelihood import cft, distillation, npo, sft, supervised
from regrowth.training.objectives.policy_gradient import grpo, rloo
from regrowth.training.objectives.preference import dpo, orpo, reward_aware, simpo, spin
from regrowth.training.objectives.reward import attributes, bradley_terry, verdict
from regrowth.training.objectives.unpaired import kto
from regrowth.training.objectives.view import STARTING, Loss, LossFunction, Objective, Prelude, Side, Trains, View

__all__ = [
    "OBJECTIVES",
    "STARTING",
    "Loss",
    "LossFunction",
    "Objective",
    "Prelude",
    "Side",
    "Trains",
    "View",
    "attributes",
    "bradley_terry",
    "cft",
    "distillation",
    "dpo",
    "grpo",
    "kto",
    "npo",
    "objective",
    "orpo",
    "reward_aware",
    "rloo",
    "sft",
    "simpo",
    "spin",
    "supervised",
    "verdict",
]

OBJECTIVES: Mapping[str, Callable[..., Objective]] = {
    "sft": supervised,
    "dpo": dpo,
    "spin": spin,
    "reward_aware": reward_aware,
    "orpo": orpo,
    "simpo": simpo,
    "kto": kto,
    "npo": npo,
    "cft": cft,
    "distillation": distillation,
    "bradley_terry": bradley_terry,
    "attributes": attributes,
    "verdict": verdict,
    "grpo": grpo,
    "rloo": rloo,
}
"""What a settings file can name."""


def objective(name: str, **parameters: Any) -> Objective:
    """Return an objective by its name and its parameters.

    Raises:
        SettingsError: there is none of that name, or it has no such parameter.
    """
    if name not in OBJECTIVES:
        near = difflib.get_close_matches(name, OBJECTIVES, n=1)
        hint = f" Did you mean {near[0]!r}?" if near else ""
        raise SettingsError(f"No objective {name!r}.{hint} Objectives: {', '.join(OBJECTIVES)}.")
    factory = OBJECTIVES[name]
    known = list(inspect.signature(factory).parameters)
    if unknown := sorted(set(parameters) - set(known)):
        raise SettingsError(f"{name} has no parameter {unknown[0]!r}. It has: {', '.join(known)}.")
    try:
        made: Objective = validate_call(config=ConfigDict(extra="forbid"))(factory)(**parameters)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise SettingsError(f"{name}, {first['loc'][0]}: {first['msg']}; found {first['input']!r}.") from None
    return made
