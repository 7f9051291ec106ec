"""Which closed form belongs to which figure of which world.

expectations(settings)["variance"]["replace"][99]      0.042
"""

from collections.abc import Mapping
from typing import Any

from regrowth.recipes._collapse import theory
from regrowth.recipes._collapse.arms import Arm
from regrowth.recipes._collapse.categories import Zipf
from regrowth.recipes._collapse.choices import Settings, world_of
from regrowth.recipes._collapse.density import Kernel
from regrowth.recipes._collapse.gaussian import Gaussian
from regrowth.recipes._collapse.regression import Regression
from regrowth.recipes._collapse.samples import Array

__all__ = ["expectations"]


def expectations(settings: Settings) -> Mapping[str, Mapping[Arm, Array]]:
    """Return, per figure and arm, what theory says of rounds 1, 2, …; nothing where it says nothing."""
    if settings.world not in ("gaussian", "categorical", "regression", "kde"):
        return {}
    world: Any = world_of(settings)
    found = {arm: _expected(world, settings, arm) for arm in settings.arms}
    names = dict.fromkeys(name for figures in found.values() for name in figures)
    return {name: {arm: figures[name] for arm, figures in found.items() if name in figures} for name in names}


def _expected(world: Any, settings: Settings, arm: Arm) -> dict[str, Array]:
    rounds, size = settings.rounds or 1, settings.size or 1
    found: dict[str, Array | None] = {}
    kept = theory.kept_variance(arm, rounds, size, settings.mixing)
    match world:
        case Gaussian(known=False, ddof=ddof):
            if kept is not None and ddof == 0:
                found = {"variance": kept, "error of the mean": 1 - kept}
            if arm == "replace" and world.dims == 1:
                found["log variance"] = theory.log_variance(rounds, size, ddof)
        case Zipf() if kept is not None:
            found = {"simpson": world.simpson * kept}
        case Regression():
            found = {"excess risk": theory.excess_risk(arm, rounds, size, world.dims, world.noise)}
        case Kernel(shape="line"):
            found = {"variance": theory.kernel_variance(arm, rounds, world.bandwidth, size, settings.mixing)}
        case _:
            pass
    return {name: values for name, values in found.items() if values is not None}
