"""What a training minimises: one pure function per method.

An objective sees log-probabilities of the trained tokens, padding-free, and returns its share of the step's loss. A
further method is one more function. Unlikelihood of the worse replies (Welleck et al., 2019, arXiv:1908.04319):

    def unlikelihood(view: View) -> Loss:
        bad = view["rejected"]
        unlikely_N = torch.log1p(-bad.logprobs_N.exp().clamp(max=1 - 1e-6))
        return Loss(-unlikely_N.sum() / bad.tokens_in_step)

    train(weights, records, Objective("unlikelihood", unlikelihood, sides=("rejected",)), ...)
"""

from regrowth.training.objectives.likelihood import cft, distillation, npo, sft, supervised
from regrowth.training.objectives.policy_gradient import grpo, rloo
from regrowth.training.objectives.preference import dpo, orpo, reward_aware, simpo, spin
from regrowth.training.objectives.reward import attributes, bradley_terry, verdict
from regrowth.training.objectives.unpaired import kto
from regrowth.training.objectives.view import Loss, LossFunction, Objective, Prelude, Side, Trains, View

__all__ = [
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
    "orpo",
    "reward_aware",
    "rloo",
    "sft",
    "simpo",
    "spin",
    "supervised",
    "verdict",
]
