"""Rewards of the replies to one prompt into advantages: how much better a reply did than its siblings.

    rewards      [[1, 0, 0, 1], [0.5, 0.5]]
    advantages   [[0.87, -0.87, -0.87, 0.87], [0, 0]]     `group_relative`, the second group is constant

Groups keep their shape. A reward that is not known is NaN: it enters no mean, its advantage is 0, and it is counted.
"""

import math
from collections.abc import Callable, Sequence
from statistics import fmean, stdev
from typing import NamedTuple, TypeAlias

from regrowth.core.errors import DataError

__all__ = ["Advantages", "group_relative", "leave_one_out"]

Groups: TypeAlias = Sequence[Sequence[float]]


class Advantages(NamedTuple):
    """Advantages, and how many replies there is nothing to learn from."""

    values: list[list[float]]
    """As the rewards were given."""
    alone: int
    """Groups with one known reward: nothing to compare it with."""
    constant: int
    """Groups of several known rewards, all equal."""
    unknown: int
    """Replies without a reward."""


def group_relative(rewards: Groups, scale: bool = True, epsilon: float = 1e-4) -> Advantages:
    """Return reward minus the group's mean, over the group's standard deviation plus epsilon if scaled.

    Shao et al., 2024, arXiv:2402.03300; standard deviation with n - 1, and epsilon, as TRL has them.
    Unscaled: Dr. GRPO, Liu et al., 2025, arXiv:2503.20783.

    Raises:
        DataError: a reward is infinite.
    """

    def relative(known: list[float]) -> list[float]:
        centre, spread = fmean(known), stdev(known) + epsilon if scale else 1.0
        return [(reward - centre) / spread for reward in known]

    return _by_group(rewards, relative)


def leave_one_out(rewards: Groups, kl: Groups | None = None, kl_weight: float = 0.05) -> Advantages:
    """Return reward minus the mean reward of the other replies to the prompt.

    Ahmadian et al., 2024, arXiv:2402.14740. `kl`, shaped like the rewards, is log old - log reference of
    each reply, in nats; kl_weight·kl is taken off the reward first. 0.05 is TRL's weight.

    Raises:
        DataError: a reward is infinite, or `kl` has another shape.
    """

    def baseline(known: list[float]) -> list[float]:
        total, others = math.fsum(known), len(known) - 1
        return [reward - (total - reward) / others for reward in known]

    return _by_group(rewards if kl is None else _penalised(rewards, kl, kl_weight), baseline)


def _penalised(rewards: Groups, kl: Groups, weight: float) -> Groups:
    if [len(group) for group in rewards] != [len(group) for group in kl]:
        raise DataError(
            f"{len(kl)} groups of KL do not match {len(rewards)} groups of rewards. Give one number per reply to both."
        )
    return [[r - weight * k for r, k in zip(*pair, strict=True)] for pair in zip(rewards, kl, strict=True)]


def _by_group(rewards: Groups, compare: Callable[[list[float]], list[float]]) -> Advantages:
    """Compare the known rewards of each group that has two different ones."""
    values, alone, constant, unknown = [], 0, 0, 0
    for number, group in enumerate(rewards):
        if any(math.isinf(reward) for reward in group):
            raise DataError(
                f"Group {number} has an infinite reward: {list(group)}. Rewards are finite, or NaN: unknown."
            )
        known = [reward for reward in group if not math.isnan(reward)]
        differ = len(set(known)) > 1
        found = iter(compare(known) if differ else [0.0] * len(known))
        values.append([0.0 if math.isnan(reward) else next(found) for reward in group])
        alone, constant = alone + (len(known) == 1), constant + (len(known) > 1 and not differ)
        unknown += len(group) - len(known)
    return Advantages(values, alone, constant, unknown)
